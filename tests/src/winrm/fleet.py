"""Many Windows endpoints for tests and benchmarks: the remote shell of Windows (MS-WSMV) on many addresses of loopback,
with NTLM and its sealing by pyspnego. No command runs: what PowerShell would print for each of Peerhound's scripts is
read from a folder beforehand, with the address that was contacted in the identity.

The plan is a JSON object of addresses and kinds, on standard input. A kind says what is wrong with an endpoint:

    normal          nothing
    slow:SECONDS    each command takes so long
    drip            processes come a row a second, without end
    hung            accepts connections and never says a word
    mute            challenges, and never answers the logon
    liar            refuses every password
    cut             stops in the middle of an answer, and keeps the connection
    reset           resets the connection in the middle of an answer
    refusing        nothing listens
    endless         processes do not end
    bytes:NUMBER    so many bytes of processes, then an end
    malformed       its envelope with output is cut off
    malformed:WORD  its envelopes are cut off where WORD was asked for: Create, Command, Send, Receive or Delete
    nonsense        its challenge is none
    utf16           processes come as UTF-16 with a lone surrogate, and an odd number of bytes
    garbled         rows of processes are no UTF-8, or hold lone surrogates
    denied          the firewall's script may read nothing
    forbidden       the firewall's script may not be started

The first line of standard output is the port, the same at every address. `--log` gets a line for each logon and each
thing that a client does wrong.
"""

import argparse
import asyncio
import json
import os
import re
import socket
import struct
import sys
import time
import uuid
from base64 import b64decode, b64encode
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import spnego

SHELL = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
NS = {
    "s": "http://www.w3.org/2003/05/soap-envelope",
    "a": "http://schemas.xmlsoap.org/ws/2004/08/addressing",
    "w": "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd",
    "f": "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault",
    "rsp": SHELL,
}
SPACES = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NS.items())
SEALED = 'multipart/encrypted;protocol="application/HTTP-SPNEGO-session-encrypted";boundary="Encrypted Boundary"'
PART = re.compile(
    rb"--Encrypted Boundary\r\n\tContent-Type: application/HTTP-SPNEGO-session-encrypted\r\n"
    rb"\tOriginalContent: type=application/soap\+xml;charset=UTF-8;Length=(\d+)\r\n"
    rb"--Encrypted Boundary\r\n\tContent-Type: application/octet-stream\r\n(.*)--Encrypted Boundary--\r\n",
    re.DOTALL,
)
TIMEOUT, DENIED, GONE = 2150858793, 5, 2150858843
# A word of each script that is in no other.
WORDS = {
    b"Get-NetIPAddress": "identity",
    b"Get-NetTCPConnection": "connections",
    b"Get-AuthenticodeSignature": "processes",
    b"Get-ScheduledTask": "autostart",
    b"Win32_LogicalDisk": "torrents",
    b"FirewallPolicy": "firewall",
    b"Get-NetNeighbor": "neighbors",
    b"Get-DnsClientCache": "dns_cache",
    b"*.pf": "prefetch",
    b"CurrentVersion\\Uninstall": "programs",
}
BLOCK = 96 << 10
ROW = b'{"k":"process","pid":77,"parent":4,"name":"a.exe","path":"C:\\\\a.exe","line":"a.exe","user":"CORP\\\\a"}\n'

options = None
samples = {}
shells = {}
# Whole rows, which can follow each other in base64 as well.
rows = ROW * (BLOCK // len(ROW) // 3 * 3)
rows_in_base64 = b64encode(rows).decode()


def log(event, **more):
    line = json.dumps({"event": event, **more}) + "\n"
    with open(options.log, "ab", buffering=0) as out:
        out.write(line.encode())


class Command:
    """A command line, what was sent to it, and what it prints."""

    def __init__(self, kind, address):
        self.kind, _, self.number = kind.partition(":")
        self.address, self.stdin, self.started = address, b"", time.monotonic()
        self.artifact, self.printed = None, 0

    def begin(self):
        found = [artifact for word, artifact in WORDS.items() if word in self.stdin]
        self.artifact = found[0] if found else "unknown"

    async def receive(self, wait):
        """Output in base64 and whether that was the last; None where there was none in time."""
        if self.kind == "slow":
            left = self.started + float(self.number) - time.monotonic()
            await asyncio.sleep(min(max(left, 0), wait))
            if left > wait:
                return None
        if self.artifact == "processes" and self.kind in ("drip", "endless", "bytes"):
            return await self.much(wait)
        return b64encode(self.output()).decode(), True

    async def much(self, wait):
        if self.printed == 0:
            self.printed = 1
            return b64encode(b"PEERHOUND-1\n").decode(), False
        if self.kind == "drip":
            await asyncio.sleep(min(wait, 1))
            return b64encode(ROW).decode(), False
        self.printed += len(rows)
        if self.kind == "bytes" and self.printed > int(self.number):
            return rows_in_base64 + b64encode(b"PEERHOUND-END\n").decode(), True
        return rows_in_base64, False

    def output(self):
        if self.artifact == "unknown":
            return b""
        text = samples[self.artifact]
        if self.artifact == "identity":
            return text.replace(b"10.20.3.7", self.address.encode())
        if self.artifact == "processes" and self.kind == "utf16":
            return text.decode().encode("utf-16-le") + b"\x00\xd8" + b"\x00"
        if self.artifact == "processes" and self.kind == "garbled":
            bad = ROW.replace(b"a.exe", b"\xff\xfe\xc3") + ROW.replace(b'"a.exe"', b'"\\ud800"')
            return text.replace(b"PEERHOUND-END", bad + b"PEERHOUND-END")
        if self.artifact == "firewall" and self.kind == "denied":
            problem = b'{"k":"problem","what":"FirewallPolicy","why":"Access is denied."}\n'
            return b"PEERHOUND-1\n" + problem + b"PEERHOUND-END\n"
        return text


class Reset(Exception):
    """The connection is to be reset."""


class Connection:
    """One connection to one endpoint."""

    def __init__(self, kind, address, reader, writer):
        self.kind, self.address, self.reader, self.writer = kind, address, reader, writer
        self.context, self.proven = None, False

    async def serve(self):
        while head := await self.head():
            method, path, headers = head
            body = await self.reader.readexactly(int(headers.get("content-length", 0)))
            if self.kind == "hung":
                await asyncio.sleep(86400)
            if method != "POST" or path != "/wsman":
                return self.violation(f"{method} {path}")
            if self.proven:
                if not await self.message(headers.get("content-type", ""), body):
                    return
            elif body and headers.get("authorization"):
                return self.violation("a body before the client is proven")
            else:
                await self.negotiate(headers.get("authorization", ""))
            await self.writer.drain()

    async def head(self):
        line = await self.reader.readline()
        if not line:
            return None
        method, path, _ = line.decode().split(" ", 2)
        headers = {}
        while (line := await self.reader.readline()) not in (b"\r\n", b""):
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        return method, path, headers

    def answer(self, status, body=b"", kind=None, authenticate=None):
        head = f"HTTP/1.1 {status} x\r\nContent-Length: {len(body)}\r\n"
        if kind:
            head += f"Content-Type: {kind}\r\n"
        if authenticate:
            head += f"WWW-Authenticate: {authenticate}\r\n"
        self.writer.write(head.encode() + b"\r\n" + body)

    def violation(self, what):
        log("violation", address=self.address, what=what)
        self.answer(400)

    async def negotiate(self, authorization):
        if not authorization.startswith("Negotiate "):
            return self.answer(401, authenticate="Negotiate")
        if self.kind == "nonsense":
            return self.answer(401, authenticate="Negotiate " + b64encode(b"NTLMSSP\0\2\0\0\0").decode())
        if self.context is None:
            self.context = spnego.server(protocol="ntlm")
        elif self.kind == "mute":
            log("logon", address=self.address, accepted=False)
            await asyncio.sleep(86400)
        try:
            token = self.context.step(b64decode(authorization.split(" ", 1)[1]))
        except spnego.exceptions.SpnegoError:
            log("logon", address=self.address, accepted=False)
            return self.answer(401, authenticate="Negotiate")
        if not self.context.complete:
            return self.answer(401, authenticate="Negotiate " + b64encode(token).decode())
        log("logon", address=self.address, accepted=self.kind != "liar")
        if self.kind == "liar":
            return self.answer(401, authenticate="Negotiate")
        self.proven = True
        return self.answer(200)

    async def message(self, kind, body):
        part = PART.fullmatch(body)
        if kind != SEALED and "multipart/encrypted" not in kind or part is None:
            self.violation("a body that is not sealed")
            return False
        size = struct.unpack("<I", part[2][:4])[0]
        plain = self.context.unwrap_winrm(part[2][4 : 4 + size], part[2][4 + size :])
        root = ElementTree.fromstring(plain)
        status, text, artifact = await self.perform(root)
        data = text.encode()
        action = root.findtext("s:Header/a:Action", "", NS).rsplit("/", 1)[1]
        if artifact == "processes" and self.kind == "malformed" or self.kind == f"malformed:{action}":
            data = data[: len(data) // 2]
        header, sealed, _ = self.context.wrap_winrm(data)
        head = (
            "--Encrypted Boundary\r\n\tContent-Type: application/HTTP-SPNEGO-session-encrypted\r\n"
            f"\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length={len(data)}\r\n"
            "--Encrypted Boundary\r\n\tContent-Type: application/octet-stream\r\n"
        )
        body = head.encode() + struct.pack("<I", len(header)) + header + sealed + b"--Encrypted Boundary--\r\n"
        if artifact == "processes" and self.kind in ("cut", "reset"):
            self.writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {SEALED}\r\nContent-Length: {len(body)}\r\n\r\n".encode())
            self.writer.write(body[: len(body) // 2])
            await self.writer.drain()
            if self.kind == "cut":
                await asyncio.sleep(86400)
            raise Reset
        self.answer(status, body, SEALED)
        return True

    async def perform(self, root):
        """Status, envelope, and the artifact that output is of."""
        action = root.findtext("s:Header/a:Action", "", NS).rsplit("/", 1)[1]
        relates = f"<a:RelatesTo>{root.findtext('s:Header/a:MessageID', '', NS)}</a:RelatesTo>"
        body = root.find("s:Body", NS)
        ok = lambda text: (200, envelope(relates, text), None)  # noqa: E731
        if action == "Create":
            name = str(uuid.uuid4()).upper()
            shells[name] = {}
            selector = f'<w:SelectorSet><w:Selector Name="ShellId">{name}</w:Selector></w:SelectorSet>'
            created = f"<x:ResourceCreated xmlns:x='http://schemas.xmlsoap.org/ws/2004/09/transfer'><a:ReferenceParameters>{selector}</a:ReferenceParameters></x:ResourceCreated>"
            return ok(f"{created}<rsp:Shell><rsp:ShellId>{name}</rsp:ShellId></rsp:Shell>")
        selector = root.findtext("s:Header/w:SelectorSet/w:Selector", "", NS)
        shell = shells.get(selector)
        if shell is None:
            return fault(relates, GONE, "The shell was not found on the server.")
        if action == "Delete":
            del shells[selector]
            return ok("")
        if action == "Command":
            name = str(uuid.uuid4()).upper()
            shell[name] = Command(self.kind, self.address)
            return ok(f"<rsp:CommandResponse><rsp:CommandId>{name}</rsp:CommandId></rsp:CommandResponse>")
        name = body[0].get("CommandId") or body[0][0].get("CommandId")
        command = shell[name]
        if action == "Signal":
            return ok("<rsp:SignalResponse/>")
        if action == "Send":
            stream = body.find("rsp:Send/rsp:Stream", NS)
            command.stdin += b64decode(stream.text or "")
            if (stream.get("End") or "").upper() == "TRUE":
                command.begin()
                if command.kind == "forbidden" and command.artifact == "firewall":
                    return fault(relates, DENIED, "Access is denied.")
            return ok("<rsp:SendResponse/>")
        wait = float(root.findtext("s:Header/w:OperationTimeout", "PT20S", NS)[2:-1])
        taken = await command.receive(wait)
        if taken is None:
            return fault(relates, TIMEOUT, "The WS-Management service cannot complete the operation in time.")
        text, done = taken
        stream = f'<rsp:Stream Name="stdout" CommandId="{name}">{text}</rsp:Stream>' if text else ""
        state = f"<rsp:CommandState CommandId='{name}' State='{SHELL}/CommandState/Running'/>"
        if done:
            code = 1 if command.artifact == "unknown" else 0
            state = f'<rsp:Stream Name="stdout" CommandId="{name}" End="true"/><rsp:CommandState CommandId="{name}"'
            state += f' State="{SHELL}/CommandState/Done"><rsp:ExitCode>{code}</rsp:ExitCode></rsp:CommandState>'
        _, text, _ = ok(f"<rsp:ReceiveResponse>{stream}{state}</rsp:ReceiveResponse>")
        return 200, text, command.artifact


def envelope(header, body):
    return f"<s:Envelope xml:lang='en-US' {SPACES}><s:Header>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>"


def fault(header, code, said):
    detail = f'<f:WSManFault Code="{code}" Machine="x"><f:Message>{escape(said)}</f:Message></f:WSManFault>'
    reason = f"<s:Reason><s:Text xml:lang='en-US'>{escape(said)}</s:Text></s:Reason>"
    body = f"<s:Fault><s:Code><s:Value>s:Receiver</s:Value></s:Code>{reason}<s:Detail>{detail}</s:Detail></s:Fault>"
    return 500, envelope(header, body), None


def listen(plan):
    """A socket for each address, all with the same port."""
    with socket.socket() as first:
        first.bind(("127.0.0.1", options.port))
        port = first.getsockname()[1]
    listening = []
    for address, kind in plan.items():
        if kind != "refusing":
            listening.append((kind, address, socket.create_server((address, port), backlog=64)))
    return port, listening


async def work(listening, parent):
    """Serves all addresses for as long as the process that started this one lives."""

    def serving(kind, address):
        async def serve(reader, writer):
            writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                await Connection(kind, address, reader, writer).serve()
            except Reset:
                linger = struct.pack("ii", 1, 0)
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            except (OSError, asyncio.IncompleteReadError):
                pass
            writer.close()

        return serve

    for kind, address, server in listening:
        await asyncio.start_server(serving(kind, address), sock=server, limit=1 << 20)
    while os.getppid() == parent:
        await asyncio.sleep(0.5)


def main():
    global options
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", required=True, help="folder of identity.ndjson and so on")
    parser.add_argument("--users", required=True, help="lines of DOMAIN:USER:PASSWORD")
    parser.add_argument("--log", required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    os.environ["NTLM_USER_FILE"] = options.users
    for artifact in WORDS.values():
        with open(os.path.join(options.samples, f"{artifact}.ndjson"), "rb") as sample:
            samples[artifact] = sample.read()
    port, listening = listen(json.load(sys.stdin))
    parent, starter = os.getpid(), os.getppid()
    # Clients may come back to a shell over another connection, so that an address belongs to one process.
    for turn in range(1, options.processes):
        if os.fork() == 0:
            return asyncio.run(work(listening[turn :: options.processes], parent))
    print(port, flush=True)
    return asyncio.run(work(listening[:: options.processes], starter))


main()
