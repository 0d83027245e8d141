# SPDX-License-Identifier: BSD-2-Clause
"""Redis for the tests of fleets: the real server, one behind a slow relay, and a fake one."""

import contextlib
import os
import shutil
import socket
import ssl
import threading
import time

import tap
from process import Process

PORT = 6379


def need_redis():
    """Skips where there is no redis-server."""
    if shutil.which("redis-server") is None:
        raise tap.Skip("redis-server is not installed")


class Redis:
    """A redis-server without persistence, on an address of its own, that can be killed and started again."""

    def __init__(self, t, *args):
        need_redis()
        self.t, self.ip, self._args = t, t.address(), args
        self.url = f"redis://{self.ip}:{PORT}"
        self._folder = os.path.dirname(t.path("redis-" + self.ip, "x"))
        self.start()

    def start(self):
        self._process = Process(self.t, [
            "redis-server", "--bind", self.ip, "--port", PORT, "--save", "", "--appendonly", "no",
            "--dir", self._folder, "--daemonize", "no", *self._args])
        self.t.wait("redis-server to answer", self._answers, 15)

    def kill(self):
        self._process.kill()

    def _answers(self):
        try:
            self.command("PING")
        except OSError:
            return False
        except RuntimeError:  # it wants a password: that is an answer too
            pass
        return True

    def command(self, *args):
        """Sends one command and returns the reply: bytes, an int, None or a list; an error is raised."""
        with socket.create_connection((self.ip, PORT), timeout=10) as s, s.makefile("rb") as reader:
            s.sendall(encode(args))
            return read_reply(reader)

    def commands(self):
        """{command: calls} since the start, as Redis counts them."""
        lines = self.command("INFO", "commandstats").decode().splitlines()
        return {name.split("cmdstat_")[1]: int(rest.split("calls=")[1].split(",")[0])
                for name, _, rest in (line.partition(":") for line in lines) if name.startswith("cmdstat_")}


def encode(args):
    words = [a if isinstance(a, bytes) else str(a).encode() for a in args]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


def read_reply(reader):
    line = reader.readline()
    if not line:
        raise OSError("closed")
    kind, rest = line[:1], line[1:-2]
    if kind == b"-":
        raise RuntimeError(rest.decode())
    if kind == b"+":
        return rest
    if kind == b":":
        return int(rest)
    if kind == b"$":
        return None if rest == b"-1" else reader.read(int(rest) + 2)[:-2]
    return [read_reply(reader) for _ in range(int(rest))]


class _Server:
    """Accepts on an address of its own, a thread a connection."""

    def __init__(self, t):
        self.ip = t.address()
        self.url = f"redis://{self.ip}:{PORT}"
        self.connections = 0
        self._open = []
        self._listener = socket.create_server((self.ip, PORT))
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()
        t.defer(self.close)

    def close(self):
        with contextlib.suppress(OSError):  # closed before
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)
        self.drop()

    def drop(self):
        """Closes all connections."""
        for s in self._open:
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)
            s.close()
        self._open.clear()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                s = self._listener.accept()[0]
                self.connections += 1
                self._open.append(s)
                threading.Thread(target=self._run, args=(s,), daemon=True).start()

    def _run(self, s):
        with contextlib.suppress(OSError, ValueError):
            self.serve(s)


class Relay(_Server):
    """A way to a Redis on which each piece of data takes `seconds` in both directions together."""

    def __init__(self, t, redis, seconds=0.0):
        self.redis, self.seconds = redis, seconds
        super().__init__(t)

    def serve(self, s):
        other = socket.create_connection((self.redis.ip, PORT))
        self._open.append(other)
        threading.Thread(target=self._carry, args=(other, s, 0), daemon=True).start()
        self._carry(s, other, 1)

    def _carry(self, source, to, slow):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                time.sleep(self.seconds if slow else 0)
                to.sendall(data)
            to.shutdown(socket.SHUT_RDWR)


class TlsRelay(Relay):
    """A Redis behind TLS."""

    def __init__(self, t, redis):
        self._context = None
        super().__init__(t, redis)
        self.url = self.url.replace("redis://", "rediss://")

    def show(self, cert, key):
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(cert, key)

    def serve(self, s):
        with contextlib.suppress(ssl.SSLError):
            super().serve(self._context.wrap_socket(s, server_side=True))


class FreezingRelay(Relay):
    """From the first data that `freezes` on, nothing reaches Redis until thaw(): then all of it does, late."""

    def __init__(self, t, redis, freezes):
        self.freezes, self.frozen, self._thawed = freezes, threading.Event(), threading.Event()
        super().__init__(t, redis)

    def thaw(self):
        self._thawed.set()

    def close(self):
        self.thaw()
        super().close()

    def _carry(self, source, to, slow):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if slow and self.freezes(data):
                    self.frozen.set()
                if slow and self.frozen.is_set():
                    self._thawed.wait()
                to.sendall(data)
            to.shutdown(socket.SHUT_RDWR)


class FakeRedis(_Server):
    """Answers each command with what answer(words) returns, raw bytes; None: nothing, b"": closes."""

    def __init__(self, t, answer):
        self.answer = answer
        self.seen = []
        super().__init__(t)

    def serve(self, s):
        with s.makefile("rb") as reader:
            while True:
                words = read_reply(reader)
                self.seen.append(words)
                reply = self.answer(words)
                if reply == b"":
                    s.shutdown(socket.SHUT_RDWR)
                    return
                s.sendall(reply or b"")


def bulk(data):
    return b"$%d\r\n%s\r\n" % (len(data), data)
