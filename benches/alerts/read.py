"""The same as examples/read_alerts.rs, as a careful Python developer would write it: json and ipaddress of the standard
library, pycef for CEF. Reads each line, takes the fields that an alert has, and says how fast."""

import datetime
import hashlib
import ipaddress
import json
import sys
import time

import pycef


def eve(line):
    event = json.loads(line)
    alert = event.get("alert") or {}
    return {
        "source.ip": ipaddress.ip_address(event["src_ip"]),
        "source.port": int(event["src_port"]),
        "destination.ip": ipaddress.ip_address(event["dest_ip"]),
        "destination.port": int(event["dest_port"]),
        "network.transport": event["proto"].lower(),
        "@timestamp": datetime.datetime.strptime(event["timestamp"], "%Y-%m-%dT%H:%M:%S.%f%z"),
        "rule.name": alert.get("signature"),
        "rule.id": alert.get("signature_id"),
        "event.severity": alert.get("severity"),
        "event.id": event.get("flow_id"),
    }


def cef(line):
    event = pycef.parse(line)
    return {
        "source.ip": ipaddress.ip_address(event["src"]),
        "source.port": int(event["spt"]),
        "destination.ip": ipaddress.ip_address(event["dst"]),
        "destination.port": int(event["dpt"]),
        "network.transport": event["proto"].lower(),
        "@timestamp": datetime.datetime.fromtimestamp(int(event["rt"]) / 1000, datetime.timezone.utc),
        "rule.name": event["Name"],
        "rule.id": event["DeviceEventClassID"],
        "event.severity": event["DeviceSeverity"],
        "user.name": event.get("suser"),
    }


for path in sys.argv[1:]:
    read = cef if path.endswith(".cef") else eve
    alerts, size, sources = 0, 0, set()
    start = time.perf_counter()
    with open(path, encoding="utf-8") as file:
        for line in file:
            size += len(line)
            alert = read(line.rstrip("\n"))
            alert["id"] = hashlib.sha256(line.encode()).hexdigest()[:20]
            alerts += 1
            sources.add(alert["source.ip"])
    seconds = time.perf_counter() - start
    print(json.dumps({"file": path, "bytes": size, "alerts": alerts, "sources": len(sources), "seconds": seconds}))
