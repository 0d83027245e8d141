# SPDX-License-Identifier: BSD-2-Clause
"""spratd in the foreground, and the control protocol by hand."""

import json
import os
import socket

import content
import sprat as our
import tap
from process import Process


class Daemon(Process):
    """A spratd in the foreground with state and socket in the test's folder. Without --loops among |args|, it
    has as many as SPRAT_LOOPS in the environment says, and without that as many as it likes. Without -c it reads no
    configuration."""

    def __init__(self, t, *args, state="state", ip=None, env=None, wrap=()):
        self.socket = t.path(f"{state}.sock")
        self.ip = ip or t.address()
        if "-c" not in args:
            args = ("-c", "none", *args)
        if "--loops" not in args and "SPRAT_LOOPS" in os.environ:
            args = ("--loops", os.environ["SPRAT_LOOPS"], *args)
        if "--listen" not in args:
            args = ("--listen", our.join(self.ip, 0), *args)
        super().__init__(t, [*wrap, our.SPRATD, "--foreground", "--state-dir", t.path(state), "--socket", self.socket,
                             *args], env=env)
        t.wait("the daemon's socket", lambda: self.answers() or not self.alive(), 20)
        assert self.alive(), self.report()

    def answers(self):
        with socket.socket(socket.AF_UNIX) as s:
            return s.connect_ex(self.socket) == 0

    def rpc(self, method, **params):
        """The result of one request; an error is raised."""
        answer = self.ask(method, **params)
        assert "error" not in answer, answer
        return answer["result"]

    def ask(self, method, **params):
        """The whole answer to one request."""
        request = {"jsonrpc": "2.0", "id": 1, "method": method, **({"params": params} if params else {})}
        return json.loads(self.talk(json.dumps(request).encode() + b"\n"))

    def talk(self, data):
        """Sends bytes, ends the sending side, and returns all that comes back."""
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.socket)
            s.settimeout(20 * tap.SLOWER)
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            return read_all(s)

    def listening(self):
        return self.rpc("daemon.info")["listen"][0]

    def sprat(self, *args, status=0):
        return our.sprat(self.t, args[0], "--socket", self.socket, *args[1:], status=status)

    def listing(self):
        return json.loads(self.sprat("ls", "--json").out)

    def state(self, name):
        return next((x for x in self.listing() if x["name"] == name), None)

    def await_state(self, name, *states, seconds=30):
        def reached():
            found = self.state(name)
            return found if found and found["state"] in states else None
        return self.t.wait(f"{name} {states}", reached, seconds, step=0.1)


def read_all(s):
    data = b""
    while part := s.recv(65536):
        data += part
    return data


def one_line(result, *words):
    assert result.err.count("\n") == 1 and result.err.startswith("sprat"), str(result)
    for word in words:
        assert word in result.err, f"{word!r} is missing\n{result}"


def seeded(t, length=3_000_000, name="data"):
    """A file with its torrent and a seeder."""
    path = content.write_file(t.path("origin", name), length)
    torrent = our.create(t, path)
    return path, torrent, our.seed(t, torrent, os.path.dirname(path))
