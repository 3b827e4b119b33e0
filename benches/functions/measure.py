"""Starts MiniStack and a runtime interface, and measures both functions in turns. Prints medians and their ratios."""

import argparse
import json
import os
import queue
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
TICKS = os.sysconf("SC_CLK_TCK")


class Runtime:
    """The interface that Lambda gives to a function. One function at a time."""

    def __init__(self):
        self.polled, self.events, self.answers = threading.Event(), queue.Queue(), queue.Queue()
        self.first_poll = None
        runtime = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Else the second half of an answer waits 40 ms for the first to be confirmed.
            disable_nagle_algorithm = True

            def do_GET(self):
                if runtime.first_poll is None:
                    runtime.first_poll = time.perf_counter()
                runtime.polled.set()
                event = runtime.events.get()
                if event is None:
                    self.close_connection = True
                    return
                body = json.dumps(event).encode()
                self.send_response(200)
                self.send_header("Lambda-Runtime-Aws-Request-Id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
                self.send_header("Lambda-Runtime-Deadline-Ms", str(int(time.time() * 1000) + 60000))
                self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:0:function:bench")
                self.send_header("Lambda-Runtime-Trace-Id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700")
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                runtime.answers.put((self.path, body))
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f"127.0.0.1:{self.server.server_address[1]}"


class Function:
    """A running function."""

    def __init__(self, argv, environment):
        self.runtime = Runtime()
        environment = {**environment, "AWS_LAMBDA_RUNTIME_API": self.runtime.address}
        self.log = tempfile.NamedTemporaryFile()
        begun = time.perf_counter()
        self.process = subprocess.Popen(argv, env=environment, stdout=self.log, stderr=self.log)
        if not self.runtime.polled.wait(60):
            raise SystemExit(f"{argv} did not start: {open(self.log.name).read()[-2000:]}")
        self.init = (self.runtime.first_poll - begun) * 1000
        self.init_cpu = self.cpu()

    def cpu(self):
        """Processor time so far, in ms."""
        with open(f"/proc/{self.process.pid}/schedstat", encoding="ascii") as file:
            main = int(file.read().split()[0])
        total = 0
        for task in os.listdir(f"/proc/{self.process.pid}/task"):
            try:
                with open(f"/proc/{self.process.pid}/task/{task}/schedstat", encoding="ascii") as file:
                    total += int(file.read().split()[0])
            except FileNotFoundError:
                pass
        return max(total, main) / 1e6

    def peak(self):
        """Peak resident memory, in MB."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            line = next(line for line in file if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024

    def invoke(self, event):
        self.runtime.events.put(event)
        path, body = self.runtime.answers.get(timeout=60)
        if not path.endswith("/response"):
            raise SystemExit(f"the function failed: {body[:2000]}")
        answer = json.loads(body)
        if answer.get("batchItemFailures"):
            raise SystemExit(f"records failed: {answer}\n{open(self.log.name).read()[-2000:]}")

    def end(self):
        self.process.kill()
        self.process.wait()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def batch(number, size):
    def record(n):
        host = n % 250 + 1
        body = {"source": {"ip": f"10.0.0.{host}"}, "event": {"id": f"b{number}-{n}"}, "rule": {"name": "P2P"}}
        return {"messageId": f"{number}-{n}", "body": json.dumps(body), "eventSource": "aws:sqs", "attributes": {},
                "messageAttributes": {}, "receiptHandle": "r", "md5OfBody": "", "eventSourceARN": "arn:aws:sqs:us-east-1:0:a",
                "awsRegion": "us-east-1"}

    return {"Records": [record(n) for n in range(size)]}


def tables(endpoint):
    dynamodb = boto3.client("dynamodb", endpoint_url=endpoint)

    def make(name, keys, indexes=()):
        kinds = ["HASH", "RANGE"]
        names = {key for key in keys} | {key for _, index_keys in indexes for key in index_keys}
        request = {
            "TableName": name,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"} for key in sorted(names)],
            "KeySchema": [{"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, kinds)],
        }
        if indexes:
            request["GlobalSecondaryIndexes"] = [
                {
                    "IndexName": index,
                    "KeySchema": [{"AttributeName": key, "KeyType": kind} for key, kind in zip(index_keys, kinds)],
                    "Projection": {"ProjectionType": "KEYS_ONLY"},
                }
                for index, index_keys in indexes
            ]
        dynamodb.create_table(**request)

    make("cases", ["pk", "sk"], [("by_queue", ["queue", "at"]), ("by_day", ["day", "at"]), ("by_event", ["event_id"])])
    make("cooldowns", ["pk"])
    make("idempotency", ["id"])
    # Every machine was looked at a moment ago, for both.
    now = time.time_ns()
    for host in range(1, 251):
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now / 1e9))
        later = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now / 1e9 + 3 * 86400))
        dynamodb.put_item(
            TableName="cooldowns",
            Item={
                "pk": {"S": f"ip#10.0.0.{host}"}, "case_id": {"S": f"ph-20260302-{host:08}"}, "kind": {"S": "cooldown"},
                "claimed_at": {"S": stamp}, "expires_at": {"S": later},
                "expires_ns": {"N": str((now // 10**9 + 3 * 86400) * 10**9)}, "touched": {"N": "1"},
                "alert_id": {"S": "0" * 20},
            },
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inits", type=int, default=15)
    parser.add_argument("--batches", type=int, default=60)
    parser.add_argument("--size", type=int, default=10, help="records in a batch")
    parser.add_argument("--program", default=os.path.join(ROOT, "target/lambda/intake"), help="another build of intake")
    args = parser.parse_args()

    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    ministack = os.path.join(ROOT, "target/test-venv/bin/ministack")
    plain = {"PATH": os.environ["PATH"], "HOME": tempfile.gettempdir()}
    aws = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1",
           "AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL": endpoint}
    os.environ.update(aws)
    emulator = subprocess.Popen(
        [ministack], env={**plain, "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port)},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(200):
            try:
                boto3.client("dynamodb", endpoint_url=endpoint).list_tables()
                break
            except Exception:  # not up yet
                time.sleep(0.1)
        tables(endpoint)
        policy = tempfile.NamedTemporaryFile("w", suffix=".toml")
        policy.write("version = 1\n[scope]\nnetworks = ['10.0.0.0/8']\n[[relay]]\nname = 'hq'\nfallback = true\n")
        policy.flush()
        kinds = {
            "intake (Rust)": (
                [args.program],
                {**plain, **aws, "PEERHOUND_POLICY": policy.name, "PEERHOUND_CASES_TABLE": "cases",
                 "PEERHOUND_COOLDOWNS_TABLE": "cooldowns", "AWS_LAMBDA_FUNCTION_NAME": "bench",
                 "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256", "AWS_LAMBDA_FUNCTION_VERSION": "1", "AWS_LAMBDA_LOG_LEVEL": "WARN"},
            ),
            "Python": (
                [sys.executable, os.path.join(HERE, "runtime.py"), "handler.handler"],
                {**plain, **aws, "IDEMPOTENCY_TABLE": "idempotency", "POWERTOOLS_SERVICE_NAME": "bench",
                 "AWS_LAMBDA_FUNCTION_NAME": "bench", "PYTHONDONTWRITEBYTECODE": ""},
            ),
        }
        inits = {name: [] for name in kinds}
        init_cpus = {name: [] for name in kinds}
        for turn in range(args.inits + 2):
            for name, (argv, environment) in kinds.items():
                function = Function(argv, environment)
                # The first two warm the caches of the disk.
                if turn >= 2:
                    inits[name].append(function.init)
                    init_cpus[name].append(function.init_cpu)
                function.end()
        running = {name: Function(argv, environment) for name, (argv, environment) in kinds.items()}
        cpus, walls = {name: [] for name in kinds}, {name: [] for name in kinds}
        for number in range(args.batches + 5):
            for name, function in running.items():
                cpu, wall = function.cpu(), time.perf_counter()
                function.invoke(batch(number, args.size))
                if number >= 5:
                    walls[name].append((time.perf_counter() - wall) * 1000)
                    cpus[name].append(function.cpu() - cpu)
        peaks = {name: function.peak() for name, function in running.items()}
        for function in running.values():
            function.end()
    finally:
        emulator.kill()
        emulator.wait()

    ours, theirs = kinds
    load = os.getloadavg()[0]
    print(f"{args.inits} starts and {args.batches} batches of {args.size} each, in turns; load {load:.1f}; medians")
    print(f"{'':28}{ours:>16}{theirs:>12}{'ratio':>9}")
    for what, values, unit in [
        ("start, exec to first poll", inits, "ms"), ("start, processor time", init_cpus, "ms"),
        ("batch, processor time", cpus, "ms"), ("batch, wall time", walls, "ms"),
    ]:
        a, b = statistics.median(values[ours]), statistics.median(values[theirs])
        print(f"{what:28}{a:13.2f} {unit}{b:9.1f} {unit}{b / a:8.1f}x")
    a, b = peaks[ours], peaks[theirs]
    print(f"{'memory, peak':28}{a:13.1f} MB{b:9.1f} MB{b / a:8.1f}x")


if __name__ == "__main__":
    main()
