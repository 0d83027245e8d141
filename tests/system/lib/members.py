# SPDX-License-Identifier: BSD-2-Clause
"""A private tracker for tests: its database, its users, its commands, and announces with a passkey."""

import json
import struct

import bencode
import tracker_client
from process import run
from sprat import TRACKER, Tracker, join

HASH = tracker_client.HASH


class Private(Tracker):
    """`sprat-tracker --private yes`, and its commands while it runs."""

    def __init__(self, t, *args, database=None, six=False, flush=1, **more):
        self.database = database or t.path("tracker.db")
        if six:
            args = (*args, "--listen-http", join("::1", 0), "--listen-udp", join("::1", 0))
        super().__init__(t, "--private", "yes", "--database", self.database, "--accounts-interval", flush,
                         "--listen-admin", join(t.address(), 0), *args, **more)
        self.http6 = self.udp6 = None
        self.admin = None
        while self.admin is None:
            words = self.wait_line("listening ", 15).split()
            kind, at = words[-2:]
            if kind == "admin":
                self.admin = f"http://{at}/metrics"
            elif kind == "http":
                self.http6 = f"http://{at}/announce"
            else:
                self.udp6 = f"udp://{at}/announce"

    def metric(self, name):
        _, body = tracker_client.http_get(self.admin, "/stats")
        return json.loads(body)[name]


def command(t, database, *words, status=0):
    """Runs a command on a database; its output."""
    at = ["--database", database]
    words = list(words)
    split = words.index("--") if "--" in words else len(words)
    result = run(t, [TRACKER, *words[:split], *at, *words[split:]])
    assert result.status == status, result
    return result.out if status == 0 else result.err


def ask(t, database, *words):
    """The same with --json."""
    return json.loads(command(t, database, *words, "--json"))


def user(t, database, name, *options):
    """Adds a user; his passkey."""
    return command(t, database, "user", "add", name, *options).split()[0]


def http(url, passkey, number, in_query=False, source=None, **fields):
    """An announce with a passkey; None for none."""
    query = tracker_client.query(number, **fields)
    path = f"/{passkey}/announce?{query}" if passkey and not in_query else f"/announce?{query}"
    if in_query:
        path += f"&passkey={passkey}"
    status, body = tracker_client.http_get(url, path, source)
    assert status == 200, status
    return bencode.decode(body)


def url_data(text):
    """BEP 41 options."""
    data = text.encode()
    return b"".join(bytes([2, len(data[i:i + 255])]) + data[i:i + 255] for i in range(0, len(data), 255)) + b"\0"


class Udp(tracker_client.Udp):
    """A UDP client that shows a passkey."""

    def packet(self, number, passkey=None, info_hash=HASH, peer_id=None, uploaded=0, downloaded=0, left=1, event=0,
               key=7, path="/{}/announce"):
        if not hasattr(self, "connection"):
            self.connection = self.connect()
        self.transaction += 1
        options = url_data(path.format(passkey)) if passkey else b""
        return struct.pack("!QII20s20sQQQIIIiH", self.connection, 1, self.transaction, info_hash,
                           peer_id or tracker_client.peer_id(number), downloaded, left, uploaded, event, 0, key, -1,
                           1000 + number) + options

    def say(self, number, passkey=None, **fields):
        """None if the announce was taken, else the reason of the refusal."""
        got = self.ask(self.packet(number, passkey, **fields))
        action, transaction = struct.unpack("!II", got[:8])
        assert transaction == self.transaction, got
        assert action in (1, 3), got
        return got[8:].decode() if action == 3 else None


def reason(reply):
    """The failure reason of a reply over HTTP, or None."""
    return reply.get(b"failure reason", b"").decode() or None


def total(t, database, name, info_hash=HASH):
    """A user's account of a torrent, or None."""
    shown = ask(t, database, "user", "show", name, "--all")
    return next((one for one in shown["torrents"] if one["hash"] == info_hash.hex()), None)
