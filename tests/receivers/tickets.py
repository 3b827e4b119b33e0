"""A ticket system's webhook: stores each POST as <folder>/<n>.json, and ends when its standard input does.

Arguments: the address to listen on, the folder. Prints the port it listens on.
How it answers is read from <folder>/answer before each request: a status, and after it, if wanted, how many seconds
the answer takes (`201`, `503`, `201 20`); `0` takes the request and closes the connection without a word.
"""

import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

address, folder = sys.argv[1], sys.argv[2]
lock = threading.Lock()
count = 0


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        global count
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with open(os.path.join(folder, "answer"), encoding="ascii") as file:
            status, *seconds = file.read().split()
        with lock:
            count += 1
            number = count
        name = os.path.join(folder, f"{number:06}")
        with open(name + ".new", "w", encoding="utf-8") as file:
            json.dump(
                {
                    "path": self.path,
                    "status": int(status),
                    "headers": {key.lower(): value for key, value in self.headers.items()},
                    "body": body.decode("utf-8", "replace"),
                },
                file,
            )
        os.rename(name + ".new", name + ".json")
        if seconds:
            time.sleep(float(seconds[0]))
        if status == "0":
            self.close_connection = True
            return
        said = json.dumps({"id": f"INC{number:06}"}).encode()
        self.send_response(int(status))
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer((address, 0), Receiver)
print(server.server_address[1], flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
os._exit(0)
