"""Reads a page strictly, as HTML5 says, and prints what is wrong with it as JSON."""
import json
import sys

import html5lib

parser = html5lib.HTMLParser(namespaceHTMLElements=False)
with open(sys.argv[1], "rb") as page:
    tree = parser.parse(page, transport_encoding="utf-8")
levels = [int(e.tag[1]) for e in tree.iter() if isinstance(e.tag, str) and e.tag in ("h1", "h2", "h3", "h4", "h5", "h6")]
in_order = levels[:1] == [1] and levels.count(1) == 1 and all(b - a <= 1 for a, b in zip(levels, levels[1:]))
ids = [e.get("id") for e in tree.iter() if e.get("id")]
faults = [f"{code} at {place}" for place, code, _ in parser.errors]
faults += [f"id {i} twice" for i in set(ids) if ids.count(i) > 1]
anchors = [e.get("href")[1:] for e in tree.iter("a") if (e.get("href") or "").startswith("#")]
faults += [f"no id {a}" for a in anchors if a not in ids]
print(json.dumps({"faults": faults, "headings_in_order": in_order}))
