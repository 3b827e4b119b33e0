"""Accepts connections on a port and never says a word. Arguments: address, port. Prints `up` when it listens."""

import socket
import sys

server = socket.create_server((sys.argv[1], int(sys.argv[2])))
print("up", flush=True)
held = []
while True:
    held.append(server.accept())
