"""The endpoints and the store of the benchmark, each in processes of its own, and what is read of processes."""

import base64
import hashlib
import http.server
import io
import json
import os
import subprocess
import sys
import threading
import zipfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
USER, PASSWORD = "CORP\\svc-peerhound", "correct horse"
TICKS = os.sysconf("SC_CLK_TCK")

# What is wrong with one endpoint in five, and with how many of a thousand.
TROUBLE = {
    "slow:5": 60,
    "drip": 20,
    "hung": 30,
    "mute": 20,
    "cut": 15,
    "reset": 20,
    "refusing": 20,
    "endless": 4,
    "bytes:10737418240": 1,
    "malformed": 10,
}


def plan(count, trouble):
    """Addresses and kinds. What is wrong comes in one stretch, as a network that is ill would have it."""
    kinds = []
    if trouble:
        for kind, of_thousand in TROUBLE.items():
            kinds += [kind] * max(1, of_thousand * count // 1000)
    kinds = kinds[:count] + ["normal"] * (count - len(kinds))
    return {f"127.64.{number // 250}.{number % 250 + 1}": kind for number, kind in enumerate(kinds)}


class Fleet:
    """The endpoints."""

    def __init__(self, folder, addresses, processes=2):
        self.password = os.path.join(folder, "password")
        users, self.log = os.path.join(folder, "users"), os.path.join(folder, "log")
        with open(users, "w", encoding="utf-8") as out:
            out.write(f"{USER.replace(chr(92), ':')}:{PASSWORD}\n")
        with open(os.open(self.password, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
            out.write(PASSWORD)
        open(self.log, "w", encoding="utf-8").close()
        samples = os.path.join(ROOT, "crates/collector/src/artifact/windows/samples")
        program = os.path.join(ROOT, "tests/src/winrm/fleet.py")
        arguments = ["--samples", samples, "--users", users, "--log", self.log, "--processes", str(processes)]
        self.process = subprocess.Popen(
            [sys.executable, program, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.process.stdin.write(json.dumps(addresses))
        self.process.stdin.close()
        self.port = int(self.process.stdout.readline())

    def cpu(self):
        """Processor seconds of all its processes."""
        pid = self.process.pid
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
            return sum(cpu(process) for process in [pid, *map(int, children.read().split())])

    def end(self):
        self.process.kill()
        self.process.wait()


class Store:
    """Takes bundles by PUT, reads each whole, and hands out order files."""

    def __init__(self):
        store = self
        self.orders, self.came, self.lock = {}, {}, threading.Lock()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self):
                self.reply(200, store.orders[self.path.split("?")[0]])

            def do_PUT(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                path = self.path.split("?")[0]
                came = read_bundle(body)
                with store.lock:
                    assert path not in store.came, "twice the same"
                    store.came[path] = came
                self.reply(200, b"")

            def reply(self, status, body):
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def link(self, name, batch):
        """The parameter that names a batch."""
        body = json.dumps(batch).encode()
        self.orders[f"/orders/{name}"] = body
        link = {"url": f"{self.url}/orders/{name}?X-Amz-Signature=x", "sha256": hashlib.sha256(body).hexdigest()}
        return base64.urlsafe_b64encode(json.dumps(link).encode()).decode().rstrip("=")


def read_bundle(body):
    """Code, seconds and statuses of a bundle whose every entry is what its report says."""
    with zipfile.ZipFile(io.BytesIO(body)) as bundle:
        report = json.loads(bundle.read("report.json"))
        for entry in report["entries"]:
            with bundle.open(entry["path"]) as content:
                digest = hashlib.file_digest(content, "sha256").hexdigest()
            assert digest == entry["sha256"], entry
        result = report["result"]
        code = "staged" if "code" not in result else result["code"]
        statuses = []
        if code == "staged":
            collection = json.loads(bundle.read("collection.json"))
            statuses = [(outcome["kind"], outcome["status"]) for outcome in collection["outcomes"]]
        return {"code": code, "from": report["started_at"], "to": report["finished_at"], "statuses": statuses}


def cpu(pid):
    """Processor seconds of a process so far."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def peak(pid):
    """The largest resident set of a process so far, in MiB."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))
