"""Opens a page in headless Chromium, light and dark, wide and narrow, prints it, and says as JSON what was seen.

Speaks the DevTools protocol over a pipe: no port is opened.
"""
import base64
import importlib.resources
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

page = pathlib.Path(sys.argv[1]).resolve()
VIEWS = [("light", 1280, "light"), ("dark", 1280, "dark"), ("narrow", 360, "light"), ("narrow-dark", 360, "dark")]
VIEWS = [view for view in VIEWS if view[0] in sys.argv[2].split(",")]


class Browser:
    def __init__(self, profile):
        to_read, self.to_write = os.pipe()
        self.to_hear, to_say = os.pipe()

        def place():
            # The program reads from 3 and writes to 4.
            os.dup2(to_read, 100)
            os.dup2(to_say, 101)
            os.dup2(100, 3)
            os.dup2(101, 4)

        arguments = ["/usr/bin/chromium", "--headless", "--remote-debugging-pipe", "--disable-gpu", "--no-first-run",
                     "--disable-extensions", "--disable-background-networking", "--hide-scrollbars",
                     f"--user-data-dir={profile}"]
        if os.geteuid() == 0:
            arguments.append("--no-sandbox")
        self.process = subprocess.Popen(arguments, close_fds=False, preexec_fn=place,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(to_say)
        self.last, self.heard, self.events = 0, b"", []

    def message(self):
        while b"\0" not in self.heard:
            more = os.read(self.to_hear, 1 << 20)
            if not more:
                raise SystemExit("the browser ended")
            self.heard += more
        message, self.heard = self.heard.split(b"\0", 1)
        return json.loads(message)

    def ask(self, method, session=None, **parameters):
        self.last += 1
        request = {"id": self.last, "method": method, "params": parameters}
        if session:
            request["sessionId"] = session
        os.write(self.to_write, json.dumps(request).encode() + b"\0")
        while True:
            message = self.message()
            if message.get("id") == self.last:
                if "error" in message:
                    raise SystemExit(f"{method}: {message['error']}")
                return message["result"]
            self.events.append(message)

    def wait(self, method):
        while not any(event.get("method") == method for event in self.events):
            self.events.append(self.message())


def value(browser, session, expression):
    answer = browser.ask("Runtime.evaluate", session, expression=expression, returnByValue=True, awaitPromise=True)
    if "exceptionDetails" in answer:
        raise SystemExit(json.dumps(answer["exceptionDetails"])[:500])
    return answer["result"].get("value")


def main(browser):
    target = browser.ask("Target.createTarget", url="about:blank")["targetId"]
    session = browser.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
    for domain in ("Page", "Runtime", "Log", "Network"):
        browser.ask(f"{domain}.enable", session)
    browser.ask("Page.navigate", session, url=page.as_uri())
    browser.wait("Page.loadEventFired")
    elements = value(browser, session, "({script: document.scripts.length, img: document.images.length})")
    messages, requests = [], []
    for event in browser.events:
        method, told = event.get("method"), event.get("params", {})
        if method == "Log.entryAdded":
            messages.append(told["entry"]["text"])
        elif method in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Page.javascriptDialogOpening"):
            messages.append(json.dumps(told)[:300])
        elif method == "Network.requestWillBeSent" and told["request"]["url"] != page.as_uri():
            requests.append(told["request"]["url"][:200])
    # The checker comes in through the debugger, which the page's own policy does not bind.
    axe = importlib.resources.files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    views = []
    for name, width, scheme in VIEWS:
        browser.ask("Emulation.setDeviceMetricsOverride", session, width=width, height=900, deviceScaleFactor=1,
                    mobile=False)
        browser.ask("Emulation.setEmulatedMedia", session,
                    features=[{"name": "prefers-color-scheme", "value": scheme}])
        value(browser, session, axe + ";0")
        faults = value(browser, session, "axe.run().then(r => r.violations.map(v => v.id + ': ' + v.nodes.length + ' times, as in ' + v.nodes[0].html.slice(0, 200) + ' ' + v.nodes[0].failureSummary))")
        views.append({
            "name": name, "width": width, "faults": faults,
            "scroll_width": value(browser, session, "document.documentElement.scrollWidth"),
            "background": value(browser, session, "getComputedStyle(document.documentElement).backgroundColor"),
        })
        picture = browser.ask("Page.captureScreenshot", session, captureBeyondViewport=True)
        page.with_suffix(f".{name}.png").write_bytes(base64.b64decode(picture["data"]))
    browser.ask("Emulation.clearDeviceMetricsOverride", session)
    printed = base64.b64decode(browser.ask("Page.printToPDF", session, preferCSSPageSize=True, printBackground=True)["data"])
    page.with_suffix(".pdf").write_bytes(printed)
    pages = len(re.findall(rb"/Type\s*/Page\b", printed))
    print(json.dumps({"messages": messages, "requests": requests, "elements": elements, "views": views, "pages": pages}))


with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
    browser = Browser(profile)
    try:
        main(browser)
    finally:
        browser.process.terminate()
        try:
            browser.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            browser.process.kill()
