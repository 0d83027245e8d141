# SPDX-License-Identifier: BSD-2-Clause
"""An uplink for a server that has no limit for all its connections together (nginx's `limit_rate` is for each): a
relay whose connections share one token bucket on the way out, 16 KiB at a time and in turn.

    uplink.py LISTEN-IP TARGET-IP:PORT BYTES-A-SECOND

prints {"event": "ready", "listen": "IP:PORT"} and runs until it is killed."""

import asyncio
import contextlib
import json
import sys

CHUNK = 16384
BURST_S = 0.02


class Bucket:
    """Lets bytes out at a rate, in the order in which they were asked for."""

    def __init__(self, rate):
        self._rate = rate
        self._lock = asyncio.Lock()
        self._free_at = 0.0

    async def take(self, count):
        async with self._lock:
            now = asyncio.get_running_loop().time()
            self._free_at = max(self._free_at, now - BURST_S) + count / self._rate
            if self._free_at > now:
                await asyncio.sleep(self._free_at - now)


async def pump(source, sink, bucket=None):
    try:
        while data := await source.read(CHUNK):
            if bucket:
                await bucket.take(len(data))
            sink.write(data)
            await sink.drain()
    finally:
        with contextlib.suppress(OSError):
            sink.write_eof()


async def main(ip, target, rate):
    host, _, port = target.rpartition(":")
    bucket = Bucket(float(rate))

    async def serve(reader, writer):
        upstream_reader, upstream_writer = await asyncio.open_connection(host, int(port))
        with contextlib.suppress(OSError):
            await asyncio.gather(pump(reader, upstream_writer), pump(upstream_reader, writer, bucket))
        for end in (writer, upstream_writer):
            end.close()

    server = await asyncio.start_server(serve, ip, 0, limit=2 * CHUNK, backlog=1024)
    print(json.dumps({"event": "ready", "listen": "%s:%d" % server.sockets[0].getsockname()}), flush=True)
    await server.serve_forever()


asyncio.run(main(*sys.argv[1:]))
