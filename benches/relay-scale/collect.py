"""What a careful Python developer would write for the relay's work, with pypsrp or pywinrm: `collect.py LIBRARY PLAN URL
THREADS`. Threads, as nearly all of the time is waiting; one connection and one logon for each endpoint; a shell for each
script, which is sent by standard input; rows are parsed, and all of it is packed and uploaded. Prints wall and processor
seconds and the peak resident set."""

import concurrent.futures
import hashlib
import io
import json
import os
import resource
import sys
import time
import zipfile

import requests

COMMAND = 'powershell.exe -NoLogo -NoProfile -NonInteractive -Command "($input -join [char]10) | Invoke-Expression"'
PARTS = {
    "identity": ["identity"],
    "connections": ["connections"],
    "processes": ["processes"],
    "autostart": ["registry", "autostart"],
    "firewall": ["registry", "firewall"],
    "torrents": ["torrents"],
}


def scripts(folder):
    def text(name):
        with open(os.path.join(folder, f"{name}.ps1"), encoding="utf-8") as part:
            return part.read()

    whole = {kind: "".join(map(text, ["prologue", *parts, "epilogue"])) for kind, parts in PARTS.items()}
    # The relay's has the names of what clients leave behind in front.
    whole["torrents"] = "$names = '^x$'\n$read = '^x$'\n$most = 4194304\n" + whole["torrents"]
    return whole


def by_pypsrp(plan, address, run):
    from pypsrp.shell import Process, SignalCode, WinRS
    from pypsrp.wsman import WSMan

    account = {"username": plan["user"], "password": plan["password"], "auth": "ntlm", "encryption": "always"}
    with WSMan(address, port=plan["port"], ssl=False, **account) as wsman:
        for kind, script in run.items():
            with WinRS(wsman, codepage=65001, no_profile=True) as shell:
                process = Process(shell, COMMAND)
                process.begin_invoke()
                process.send(script, end=True)
                process.end_invoke()
                yield kind, process.stdout, process.rc


def by_pywinrm(plan, address, run):
    from winrm.protocol import Protocol

    account = {"username": plan["user"], "password": plan["password"], "transport": "ntlm"}
    protocol = Protocol(f"http://{address}:{plan['port']}/wsman", message_encryption="always", **account)
    for number, (kind, script) in enumerate(run.items(), 1):
        shell = protocol.open_shell(codepage=65001, noprofile=True)
        command = protocol.run_command(shell, COMMAND)
        protocol.send_command_input(shell, command, script, end=True)
        out, _, code = protocol.get_command_output(shell, command)
        protocol.close_shell(shell, close_session=number == len(run))
        yield kind, out, code


def rows(out):
    lines = out.decode("utf-8", "replace").splitlines()
    assert lines[0] == "PEERHOUND-1" and lines[-1] == "PEERHOUND-END"
    return [json.loads(line) for line in lines[1:-1]]


def collect(library, plan, address, run, url):
    files = {}
    for kind, out, code in library(plan, address, run):
        assert code == 0, (address, kind, code)
        files[f"artifacts/raw/{kind}.stdout"] = out
        files[f"artifacts/{kind}.json"] = json.dumps(rows(out)).encode()
    entries = [{"path": path, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()} for path, data in files.items()]
    collection = {"outcomes": [{"kind": kind, "status": "ok"} for kind in run]}
    files["collection.json"] = json.dumps(collection).encode()
    report = {"result": {"status": "staged"}, "started_at": "", "finished_at": "", "entries": entries}
    bundle = io.BytesIO()
    with zipfile.ZipFile(bundle, "w", zipfile.ZIP_DEFLATED) as packed:
        for path, data in {"report.json": json.dumps(report).encode(), **files}.items():
            packed.writestr(path, data)
    requests.put(f"{url}/{address}", data=bundle.getvalue(), timeout=60).raise_for_status()


def main():
    name, plan_file, url, threads = sys.argv[1:]
    with open(plan_file, encoding="utf-8") as text:
        plan = json.load(text)
    library = {"pypsrp": by_pypsrp, "pywinrm": by_pywinrm}[name]
    run = {kind: script.encode() for kind, script in scripts(plan["scripts"]).items()}
    begun = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(int(threads)) as pool:
        list(pool.map(lambda address: collect(library, plan, address, run, url), plan["addresses"]))
    used = resource.getrusage(resource.RUSAGE_SELF)
    wall = time.monotonic() - begun
    print(json.dumps({"wall": wall, "cpu": used.ru_utime + used.ru_stime, "memory": used.ru_maxrss / 1024}))


main()
