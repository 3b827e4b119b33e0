"""Carries connections from one end to another: forward.py FROM TO, each tcp:PORT on 127.0.0.1 or unix:PATH.

A Unix socket is seen in every network namespace, so that two of these join the loopback addresses of two namespaces.
Says "ready" when it listens, and ends when its standard input does.
"""

import asyncio
import os
import sys


def end(text):
    kind, place = text.split(":", 1)
    return kind, int(place) if kind == "tcp" else place


async def open_end(kind, place):
    if kind == "tcp":
        return await asyncio.open_connection("127.0.0.1", place)
    return await asyncio.open_unix_connection(place)


async def carry(reader, writer):
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except (ConnectionError, OSError):
        writer.close()


async def main():
    source, target = end(sys.argv[1]), end(sys.argv[2])

    # The loop itself forgets tasks that nobody holds.
    tasks = set()

    def connected(reader, writer):
        task = asyncio.ensure_future(join(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    async def join(reader, writer):
        try:
            far_reader, far_writer = await open_end(*target)
        except OSError:
            writer.close()
            return
        await asyncio.gather(carry(reader, far_writer), carry(far_reader, writer))
        far_writer.close()
        writer.close()

    if source[0] == "tcp":
        server = await asyncio.start_server(connected, "127.0.0.1", source[1])
    else:
        server = await asyncio.start_unix_server(connected, source[1])
    async with server:
        print("ready", flush=True)
        stdin = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stdin), sys.stdin)
        while await stdin.read(1 << 10):
            pass
    os._exit(0)


asyncio.run(main())
