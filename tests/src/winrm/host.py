"""A WS-Man host for tests: the remote shell of Windows (MS-WSMV), with NTLM, Kerberos and their sealing by pyspnego.

It listens on loopback only unless told, and runs what it is asked to run with `sh` on this machine; a folder of
stand-ins (`powershell.exe`) comes first in the search path. What a client does wrong is written to the log as a
`violation`. `--misbehave MODE` answers the first request for output in a way that no Windows does.
"""

import argparse
import hashlib
import http.server
import json
import os
import re
import signal
import socket
import ssl
import struct
import subprocess
import threading
import time
import uuid
from base64 import b64decode, b64encode
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import spnego
from spnego.channel_bindings import GssChannelBindings

SHELL = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
NS = {
    "s": "http://www.w3.org/2003/05/soap-envelope",
    "a": "http://schemas.xmlsoap.org/ws/2004/08/addressing",
    "w": "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd",
    "f": "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault",
    "rsp": SHELL,
}
SEALED = 'multipart/encrypted;protocol="application/HTTP-SPNEGO-session-encrypted";boundary="Encrypted Boundary"'
MUTUAL = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual"
PART = re.compile(
    rb"--Encrypted Boundary\r\n\tContent-Type: application/HTTP-SPNEGO-session-encrypted\r\n"
    rb"\tOriginalContent: type=application/soap\+xml;charset=UTF-8;Length=(\d+)\r\n"
    rb"--Encrypted Boundary\r\n\tContent-Type: application/octet-stream\r\n(.*)--Encrypted Boundary--\r\n",
    re.DOTALL,
)
TIMEOUT, DENIED, GONE = 2150858793, 5, 2150858843
CHUNK = 32 << 10

options = None
shells = {}
lock = threading.Lock()


def log(event, **more):
    with lock, open(options.log, "a", encoding="utf-8") as out:
        out.write(json.dumps({"event": event, **more}) + "\n")


class Command:
    """A running command line, its input and its output so far."""

    def __init__(self, line):
        path = f"{options.bin}:{os.environ['PATH']}"
        pipe = subprocess.PIPE
        argv = [options.shell] if options.shell else ["sh", "-c", line]
        env = {"PATH": path, "SSH_ORIGINAL_COMMAND": line}
        self.process = subprocess.Popen(
            argv, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True, env=env
        )
        self.ready = threading.Condition()
        self.pieces, self.open = [], 2
        for name, stream in (("stdout", self.process.stdout), ("stderr", self.process.stderr)):
            threading.Thread(target=self.read, args=(name, stream), daemon=True).start()
        log("started", pid=self.process.pid, line=line)

    def read(self, name, stream):
        while piece := os.read(stream.fileno(), CHUNK):
            with self.ready:
                self.ready.wait_for(lambda: len(self.pieces) < 16)
                self.pieces.append((name, piece))
                self.ready.notify_all()
        with self.ready:
            self.open -= 1
            self.ready.notify_all()

    def take(self, seconds):
        """Output, and whether that was the last; None where there was none in time."""
        with self.ready:
            if not self.ready.wait_for(lambda: self.pieces or not self.open, seconds):
                return None
            taken, self.pieces[:3] = self.pieces[:3], []
            self.ready.notify_all()
            return taken, not self.open and not self.pieces

    def end(self, how):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            log("ended", pid=self.process.pid, how=how)


class Host(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def setup(self):
        super().setup()
        self.context, self.proven, self.misbehaved = None, False, False
        if options.client_ca:
            self.proven = "certificate"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", kind=None, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if kind:
            self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def violation(self, what):
        log("violation", what=what)
        self.answer(400)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        authorization = self.headers.get("Authorization", "")
        if self.path != "/wsman":
            return self.violation(f"path {self.path}")
        if authorization.startswith("Basic"):
            return self.violation("Basic")
        if options.client_ca and authorization != MUTUAL:
            return self.violation("no announcement of the client certificate")
        if self.proven:
            return self.message(body)
        if body:
            return self.violation("a body before the client is proven")
        if not authorization.startswith("Negotiate "):
            return self.answer(401, WWW_Authenticate="Negotiate")
        return self.negotiate(b64decode(authorization.split(" ", 1)[1]))

    def negotiate(self, token):
        if self.context is None:
            bindings = None
            if options.tls:
                der = ssl.PEM_cert_to_DER_cert(open(os.path.join(options.tls, "host.pem"), encoding="ascii").read())
                data = b"tls-server-end-point:" + hashlib.sha256(der).digest()
                bindings = GssChannelBindings(application_data=data + (b"x" if options.other_binding else b""))
            protocol = "ntlm" if token.startswith(b"NTLMSSP\0") else "kerberos"
            log("negotiate", protocol=protocol)
            if protocol == "kerberos" and not options.keytab:
                return self.answer(401, WWW_Authenticate="Negotiate")
            self.context = spnego.server(hostname=options.name, service="HTTP", protocol=protocol, channel_bindings=bindings)
        try:
            token = self.context.step(token)
        except Exception as error:  # GSS-API's own errors have no class in common with pyspnego's.
            log("authenticate", accepted=False, why=repr(error))
            return self.answer(401, WWW_Authenticate="Negotiate")
        if not self.context.complete:
            return self.answer(401, WWW_Authenticate="Negotiate " + b64encode(token).decode())
        self.proven = self.context.negotiated_protocol
        log("authenticate", accepted=True, user=self.context.client_principal, protocol=self.proven)
        if options.misbehave == "unproven":
            return self.answer(200)
        if options.misbehave == "forge":
            token = token[:-1] + bytes([token[-1] ^ 1])
        return self.answer(200, **({"WWW_Authenticate": "Negotiate " + b64encode(token).decode()} if token else {}))

    def message(self, body):
        kind = self.headers.get("Content-Type", "")
        if options.tls:
            if kind != "application/soap+xml;charset=UTF-8":
                return self.violation(f"type {kind}")
            return self.reply(*self.respond(body))
        part = PART.fullmatch(body)
        if kind != SEALED or part is None:
            return self.violation("a body that is not sealed")
        length, sealed = int(part[1]), part[2]
        size = struct.unpack("<I", sealed[:4])[0]
        plain = self.context.unwrap_winrm(sealed[4 : 4 + size], sealed[4 + size :])
        if len(plain) != length:
            return self.violation("a wrong length")
        return self.reply(*self.respond(plain))

    def reply(self, status, text, receiving):
        mode = options.misbehave if receiving and not self.misbehaved else None
        self.misbehaved |= mode is not None
        data = text.encode()
        if mode == "malformed":
            data = data[: len(data) // 2]
        if mode == "oversize":
            data += b" " * (2 << 20)
        if mode == "plain":
            return self.answer(status, data, "application/soap+xml;charset=UTF-8")
        if options.tls:
            body, kind = data, "application/soap+xml;charset=UTF-8"
        else:
            header, sealed, _ = self.context.wrap_winrm(data)
            if mode == "tamper":
                sealed = sealed[:40] + bytes([sealed[40] ^ 1]) + sealed[41:]
            head = (
                "--Encrypted Boundary\r\n\tContent-Type: application/HTTP-SPNEGO-session-encrypted\r\n"
                f"\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length={len(data)}\r\n"
                "--Encrypted Boundary\r\n\tContent-Type: application/octet-stream\r\n"
            )
            body = head.encode() + struct.pack("<I", len(header)) + header + sealed + b"--Encrypted Boundary--\r\n"
            kind = SEALED
        if mode == "replay":
            body = self.last
        self.last = body
        if mode in ("reset", "hang"):
            self.wfile.write(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode())
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            if mode == "hang":
                time.sleep(600)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            return self.connection.close()
        return self.answer(status, body, kind)

    def respond(self, envelope):
        root = ElementTree.fromstring(envelope)
        status, text, receiving = self.perform(root)
        relates = f"<a:RelatesTo>{root.findtext('s:Header/a:MessageID', '', NS)}</a:RelatesTo>"
        return status, text.replace("<s:Header/>", f"<s:Header>{relates}</s:Header>"), receiving

    def perform(self, root):
        action = root.findtext("s:Header/a:Action", "", NS).rsplit("/", 1)[1]
        selector = root.findtext("s:Header/w:SelectorSet/w:Selector", "", NS)
        option = {o.get("Name"): o.text for o in root.iterfind("s:Header/w:OptionSet/w:Option", NS)}
        log("request", action=action, options=option)
        body, receiving = root.find("s:Body", NS), action == "Receive"
        if action == "Create":
            if options.denied:
                return *fault(DENIED, "Access is denied."), False
            name = str(uuid.uuid4()).upper()
            shells[name] = {}
            text = f'<a:ReferenceParameters><w:SelectorSet><w:Selector Name="ShellId">{name}</w:Selector>'
            return *ok(f"<x:ResourceCreated xmlns:x='urn:t'>{text}</w:SelectorSet></a:ReferenceParameters></x:ResourceCreated>"), False
        shell = shells.get(selector)
        if shell is None:
            return *fault(GONE, "The shell was not found on the server."), False
        if action == "Delete":
            for command in shells.pop(selector).values():
                command.end("delete")
            return *ok(""), False
        if action == "Command":
            name = str(uuid.uuid4()).upper()
            shell[name] = Command(body.findtext("rsp:CommandLine/rsp:Command", "", NS))
            return *ok(f"<rsp:CommandResponse><rsp:CommandId>{name}</rsp:CommandId></rsp:CommandResponse>"), False
        name = body[0].get("CommandId") or body[0][0].get("CommandId")
        command = shell[name]
        if action == "Send":
            stream = body.find("rsp:Send/rsp:Stream", NS)
            try:
                command.process.stdin.write(b64decode(stream.text or ""))
                command.process.stdin.flush()
                if stream.get("End") == "TRUE":
                    command.process.stdin.close()
            except BrokenPipeError:
                pass
            return *ok("<rsp:SendResponse/>"), False
        if action == "Signal":
            command.end("terminate" if body.findtext("rsp:Signal/rsp:Code", "", NS).endswith("terminate") else "?")
            return *ok("<rsp:SignalResponse/>"), False
        wait = float(root.findtext("s:Header/w:OperationTimeout", "", NS)[2:-1])
        taken = command.take(wait)
        if taken is None:
            return *fault(TIMEOUT, "The WS-Management service cannot complete the operation in time."), receiving
        pieces, done = taken
        text = "".join(
            f'<rsp:Stream Name="{kind}" CommandId="{name}">{b64encode(piece).decode()}</rsp:Stream>'
            for kind, piece in pieces
        )
        state = f"<rsp:CommandState CommandId='{name}' State='{SHELL}/CommandState/Running'/>"
        if done:
            code = command.process.wait()
            log("done", pid=command.process.pid, code=code)
            end = f'<rsp:Stream Name="stdout" CommandId="{name}" End="true"/>'
            state = f"{end}<rsp:CommandState CommandId='{name}' State='{SHELL}/CommandState/Done'>"
            state += f"<rsp:ExitCode>{code}</rsp:ExitCode></rsp:CommandState>"
        return *ok(f"<rsp:ReceiveResponse>{text}{state}</rsp:ReceiveResponse>"), receiving


def envelope(body):
    spaces = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NS.items())
    return f"<s:Envelope xml:lang='en-US' {spaces}><s:Header/><s:Body>{body}</s:Body></s:Envelope>"


def ok(body):
    return 200, envelope(body)


def fault(code, said):
    detail = f'<f:WSManFault Code="{code}" Machine="x"><f:Message>{escape(said)}</f:Message></f:WSManFault>'
    reason = f"<s:Reason><s:Text xml:lang='en-US'>{escape(said)}</s:Text></s:Reason>"
    body = f"<s:Fault><s:Code><s:Value>s:Receiver</s:Value></s:Code>{reason}<s:Detail>{detail}</s:Detail></s:Fault>"
    return 500, envelope(body)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, address):
        log("broken")


def main():
    global options
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log", required=True)
    parser.add_argument("--users", required=True, help="lines of DOMAIN:USER:PASSWORD")
    parser.add_argument("--keytab", help="keys of the host's service, for Kerberos")
    parser.add_argument("--name", default="localhost", help="the host's name, for Kerberos")
    parser.add_argument("--other-binding", action="store_true", help="bind to another certificate than is shown")
    parser.add_argument("--bin", default="", help="folder of stand-ins")
    parser.add_argument("--shell", help="program that finds the command line in SSH_ORIGINAL_COMMAND, as sshd's own")
    parser.add_argument("--tls", help="folder of host.pem and host.key")
    parser.add_argument("--client-ca", help="PEM that client certificates are verified against")
    parser.add_argument("--denied", action="store_true", help="no account may open a shell")
    parser.add_argument("--misbehave", help="malformed, oversize, plain, tamper, replay, reset, hang, unproven or forge")
    options = parser.parse_args()
    os.environ["NTLM_USER_FILE"] = options.users
    if options.keytab:
        os.environ["KRB5_KTNAME"] = options.keytab
    server = Server((options.address, options.port), Host)
    if options.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(os.path.join(options.tls, "host.pem"), os.path.join(options.tls, "host.key"))
        if options.client_ca:
            context.load_verify_locations(options.client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
        server.socket = context.wrap_socket(server.socket, server_side=True)
    print(server.server_address[1], flush=True)
    server.serve_forever()


main()
