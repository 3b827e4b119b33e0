"""A mail server: stores each message it accepts as <folder>/<n>.json, and ends when its standard input does.

Arguments: the address to listen on, the folder. Prints the port it listens on.
"""

import asyncio
import json
import os
import sys

from aiosmtpd.smtp import SMTP


class Store:
    def __init__(self, folder):
        self.folder = folder
        self.count = 0

    async def handle_DATA(self, server, session, envelope):
        self.count += 1
        name = os.path.join(self.folder, f"{self.count:06}")
        with open(name + ".new", "w", encoding="utf-8") as file:
            json.dump(
                {
                    "from": envelope.mail_from,
                    "to": envelope.rcpt_tos,
                    "message": envelope.content.decode("utf-8", "replace"),
                },
                file,
            )
        os.rename(name + ".new", name + ".json")
        return "250 stored"


async def serve(address, folder):
    loop = asyncio.get_running_loop()
    store = Store(folder)
    server = await loop.create_server(lambda: SMTP(store, hostname="mail.corp.example"), address, 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    os._exit(0)


asyncio.run(serve(sys.argv[1], sys.argv[2]))
