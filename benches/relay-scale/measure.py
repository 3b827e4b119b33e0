"""Measures one relay and many Windows endpoints; see `run`."""

import argparse
import datetime
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter

from endpoints import PASSWORD, ROOT, USER, Fleet, Store, cpu, peak, plan

# Orders of one batch, and so of one process: the most that a relay takes.
MOST = 200
KINDS = ["identity", "connections", "processes", "autostart", "firewall", "torrents"]
LIMITS = {
    "artifact_seconds": 300, "artifact_bytes": 256 << 20, "rows": 20000, "depth": 64, "files": 20000000,
    "torrent_bytes": 16 << 20, "hash_bytes": 512 << 20,
}  # fmt: skip


class Relay:
    """A relay's processes over all batches, as Systems Manager's agent starts them: five commands at a time."""

    def __init__(self, folder, fleet, store, addresses, options):
        self.folder, self.store, self.options = folder, store, options
        self.addresses = list(addresses)
        build = "debug" if options.debug else "release"
        self.program = os.path.join(os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target")), build, "peerhound-relay")
        self.config = os.path.join(folder, "relay.toml")
        with open(os.open(self.config, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
            jobs = f"jobs = {options.jobs}\n" if options.jobs else ""
            out.write(
                f"version = 1\nname = 'bench'\nstaging_dir = 'staging'\ntransports = ['winrm']\n{jobs}"
                f"[scope]\npermit_loopback = true\nnetworks = ['127.64.0.0/10']\n"
                f"[winrm]\nuser = '{USER}'\npassword_file = '{fleet.password}'\nhttps = false\nport = {fleet.port}\n"
            )

    def link(self, name, first):
        now = datetime.datetime.now(datetime.timezone.utc)
        orders = []
        for effect, target in enumerate(self.addresses[first : first + MOST], first + 1):
            task = {"kind": "collect", "artifacts": KINDS, "limits": LIMITS}
            url = f"{self.store.url}/bundle/{name}/{target}?X-Amz-Signature=x"
            orders.append({
                "order": {"case_id": f"bench-{name}", "target": target, "task": task},
                "effect": effect, "attempt": 1, "timeout_seconds": self.options.timeout,
                "upload": {"url": url, "headers": {"content-type": "application/zip", "if-none-match": "*"}},
            })  # fmt: skip
        return self.store.link(f"{name}-{first}", {
            "format": "peerhound-orders/1", "relay": "bench", "issued_at": now.isoformat(),
            # What the functions give a batch.
            "expires_at": (now + datetime.timedelta(minutes=5)).isoformat(), "orders": orders,
        })  # fmt: skip

    def run(self, name):
        """All batches at the same time. Seconds of wall and processor, and peaks of memory, files and threads."""
        begun, running, seen = time.monotonic(), [], {}
        for first in range(0, len(self.addresses), MOST):
            environment = {"PATH": "/usr/bin:/bin", "SSM_Order": self.link(name, first)}
            arguments = [self.program, "--config", self.config, "run"]
            running.append(subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, text=True))
        alive = {process.pid for process in running}
        while alive:
            for pid in list(alive):
                try:
                    files, before = len(os.listdir(f"/proc/{pid}/fd")), seen.get(pid, (0, 0, 0, 0))
                    threads = len(os.listdir(f"/proc/{pid}/task"))
                    seen[pid] = (cpu(pid), peak(pid), max(files, before[2]), max(threads, before[3]))
                except (OSError, StopIteration):
                    alive.discard(pid)
            time.sleep(0.05)
        # Their lines fit into a pipe: 200 of 200 characters.
        lines = [line for process in running for line in process.communicate()[0].splitlines()]
        assert all(process.returncode == 0 for process in running), lines[-3:]
        return time.monotonic() - begun, seen, len(lines)


def trouble(folder, options):
    addresses = plan(options.endpoints, True)
    fleet, store = Fleet(folder, addresses), Store()
    relay = Relay(folder, fleet, store, addresses, options)
    wall, seen, lines = relay.run("trouble")
    came = {path.rsplit("/", 1)[1]: result for path, result in store.came.items()}
    assert lines == len(addresses) == len(came), (lines, len(came))
    print(f"{len(addresses)} endpoints in {len(seen)} processes: {wall:.0f} s, load {os.getloadavg()[0]:.0f}")
    print(f"  of each process, at most: {max(s[1] for s in seen.values()):.0f} MiB resident, "
          f"{max(s[2] for s in seen.values())} files, {max(s[3] for s in seen.values())} threads; "
          f"all together {sum(s[0] for s in seen.values()):.1f} s of processor, the endpoints {fleet.cpu():.1f} s")
    began = min(when(result["from"]) for result in came.values())
    by_kind = {}
    for address, kind in addresses.items():
        by_kind.setdefault(kind, []).append(came[address])
    print(f"  {'kind':<18} {'count':>5} {'took p50':>9} {'p99':>7} {'begun by':>9} {'done by':>8}  came to")
    for kind, results in by_kind.items():
        took = sorted(when(result["to"]) - when(result["from"]) for result in results)
        begun = max(when(result["from"]) - began for result in results)
        done = max(when(result["to"]) - began for result in results)
        outcomes = Counter(outcome(result) for result in results)
        told = ", ".join(f"{count} {what}" for what, count in outcomes.most_common())
        at = took[min(len(took) - 1, len(took) * 99 // 100)]
        print(f"  {kind:<18} {len(results):>5} {statistics.median(took):>8.1f}s {at:>6.1f}s {begun:>8.0f}s {done:>7.0f}s  {told}")
    fleet.end()
    for kind in ("normal", "slow:5"):
        assert all(outcome(result) == "staged" for result in by_kind.get(kind, [])), kind


def outcome(result):
    """A word for what an order came to. The samples' own processes are partial."""
    cut = [kind for kind, status in result["statuses"] if status == "truncated"]
    failed = [kind for kind, status in result["statuses"] if status == "failed"]
    more = "".join(f", {kind} truncated" for kind in cut) + "".join(f", {kind} failed" for kind in failed)
    return result["code"] + more


def when(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def python(folder, options):
    addresses = plan(options.endpoints, False)
    fleet, store = Fleet(folder, addresses), Store()
    relay = Relay(folder, fleet, store, addresses, options)
    with open(os.path.join(folder, "plan.json"), "w", encoding="utf-8") as out:
        json.dump({
            "addresses": list(addresses), "port": fleet.port, "user": USER, "password": PASSWORD,
            "scripts": os.path.join(ROOT, "crates/collector/src/artifact/windows/ps"), "out": os.path.join(folder, "out"),
        }, out)  # fmt: skip
    rows = {}
    for turn in range(options.rounds):
        for who in ["relay", *options.libraries]:
            host = fleet.cpu()
            if who == "relay":
                wall, seen, _ = relay.run(f"relay-{turn}")
                row = (wall, sum(s[0] for s in seen.values()), sum(s[1] for s in seen.values()))
            else:
                row = library(folder, who, store, f"{who}-{turn}", options)
            count = sum(f"/{who}-{turn}/" in path for path in store.came)
            assert count == len(addresses), f"{who}: {count} bundles"
            rows.setdefault(who, []).append((*row, fleet.cpu() - host))
            print(f"  {who}: {row[0]:.1f} s wall, {row[1]:.2f} s processor, {row[2]:.0f} MiB", flush=True)
    ours = statistics.median(row[1] for row in rows["relay"])
    print(f"{len(addresses)} endpoints, medians of {options.rounds} rounds in turns, load {os.getloadavg()[0]:.0f}")
    print(f"  {'':<10} {'processor':>10} {'each':>8} {'ratio':>6} {'wall':>8} {'memory':>9} {'endpoints':>10}")
    for who, measured in rows.items():
        wall, used, memory, host = (statistics.median(column) for column in zip(*measured))
        each = used / len(addresses) * 1000
        print(f"  {who:<10} {used:>9.2f}s {each:>6.1f}ms {used / ours:>6.1f} {wall:>7.1f}s {memory:>6.0f}MiB {host:>9.1f}s")
    fleet.end()


def library(folder, name, store, prefix, options):
    """Runs the collection in Python, in a process of its own."""
    program = os.path.join(ROOT, "benches/relay-scale/collect.py")
    plan_file = os.path.join(folder, "plan.json")
    arguments = [sys.executable, program, name, plan_file, f"{store.url}/bundle/{prefix}", str(options.threads)]
    done = subprocess.run(arguments, check=True, stdout=subprocess.PIPE, text=True)
    told = json.loads(done.stdout)
    return told["wall"], told["cpu"], told["memory"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="?", default="trouble", choices=["trouble", "python"])
    parser.add_argument("--endpoints", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--jobs", type=int, help="the relay's setting, for each process")
    parser.add_argument("--timeout", type=int, default=120, help="seconds for an order")
    parser.add_argument("--threads", type=int, default=32, help="of the clients in Python")
    parser.add_argument("--libraries", nargs="*", default=["pypsrp", "pywinrm"])
    parser.add_argument("--debug", action="store_true", help="the debug build of the relay")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        {"trouble": trouble, "python": python}[options.what](folder, options)


main()
