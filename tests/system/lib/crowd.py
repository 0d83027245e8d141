# SPDX-License-Identifier: BSD-2-Clause
"""A crowd for private trackers: peers that announce at random, and the bytes that they have really moved, to be compared
with the accounts."""

import http.client

import bencode
import tracker_client
from members import Udp, ask, command, reason, user


class Peer:
    """A client, and what it has really moved."""

    def __init__(self, rng, number, name, passkey, info_hashes):
        self.number, self.name, self.passkey, self.hashes = number, name, passkey, info_hashes
        self.new_id(rng)
        self.size = rng.randrange(1, 1 << 34)
        self.past_up = self.past_down = 0  # of segments that are over
        self.up = self.down = 0
        self.state = "starting"  # → running → stopping → over, or starting again

    def new_id(self, rng):
        self.id = b"-qB4650-%06d%06d" % (self.number, rng.randrange(10**6))

    def moved(self):
        return self.past_up + self.up, self.past_down + self.down


class Load:
    """Peers that announce at random over all that the trackers listen on. What gets no answer is said again with
    newer counters, as clients do. A peer says its first and its last announce until the database has it: the first
    counters are a baseline. A peer that begins anew takes another peer id: what comes of those that keep theirs takes
    minutes to show, and is a unit test's."""

    def __init__(self, t, rng, peers):
        self.t, self.rng, self.peers = t, rng, peers
        self.sent = self.lost = 0

    def attach(self, *trackers):
        self.udp = [Udp(self.t, url) for one in trackers for url in (one.udp, one.udp6) if url]
        for one in self.udp:
            one.socket.settimeout(0.5)
        self.http = []
        for url in (url for one in trackers for url in (one.http, one.http6) if url):
            host, port = tracker_client.address_of(url)
            self.http.append(http.client.HTTPConnection(host, port, timeout=2))
        self.said = set()  # peers whose beginning or end these daemons took

    def send(self, peer, event, late=None):
        """One announce; False if there was no answer. |late|: older counters, as of a packet that lost its way."""
        up, down = late or (peer.up, peer.down)
        left = max(0, peer.size - down)
        info_hash = self.rng.choice(peer.hashes)
        self.sent += 1
        try:
            if self.rng.random() < 0.6:
                got = self.rng.choice(self.udp).say(
                    peer.number % 60000, peer.passkey, info_hash=info_hash, peer_id=peer.id, uploaded=up,
                    downloaded=down, left=left, key=self.rng.getrandbits(31),
                    event={None: 0, "completed": 1, "started": 2, "stopped": 3}[event])
                assert got is None, got
            else:
                query = tracker_client.query(peer.number % 60000, info_hash=info_hash, peer_id=peer.id, uploaded=up,
                                             downloaded=down, left=left, key=f"{self.rng.getrandbits(31)}", event=event)
                connection = self.rng.choice(self.http)
                connection.request("GET", f"/{peer.passkey}/announce?{query}")
                reply = bencode.decode(connection.getresponse().read())
                assert reason(reply) is None, reply
            return True
        except (OSError, http.client.HTTPException):
            self.lost += 1
            return False

    def step(self):
        """False if the daemon is gone."""
        peer, rng = self.rng.choice(self.peers), self.rng
        if peer.state in ("starting", "stopping"):
            if peer in self.said:
                return True
            event = "stopped" if peer.state == "stopping" else "started"
            if not self.send(peer, event):
                return False
            self.said.add(peer)
            return True
        if peer.state == "over":
            return True
        before = peer.up, peer.down
        peer.up += rng.randrange(1 << 30) if rng.random() < 0.7 else 0
        peer.down += rng.randrange(1 << 30) if rng.random() < 0.5 else 0
        if rng.random() < 0.05:
            peer.state = "stopping"
            return True
        event = "completed" if rng.random() < 0.05 else None
        for _ in range(1 if rng.random() < 0.8 else 3):
            if not self.send(peer, event):
                return False
        return rng.random() > 0.1 or self.send(peer, None, late=before)

    def stored(self):
        """All that was said is in the database: who began or ended goes on."""
        for peer in self.said:
            if peer.state == "starting":
                peer.state = "running"
            elif peer.state == "stopping":
                peer.past_up, peer.past_down = peer.moved()
                peer.up = peer.down = 0
                peer.state = "starting" if self.rng.random() < 0.7 else "over"
                peer.new_id(self.rng)
        self.said.clear()


def club(t, rng, users=12, torrents=8, peers=400):
    """A database, and peers of its users; each torrent is a hybrid."""
    database = t.path("tracker.db")
    passkeys = {f"user{n}": user(t, database, f"user{n}") for n in range(users)}
    hashes = [(rng.randbytes(20), rng.randbytes(32)) for _ in range(torrents)]
    for v1, v2 in hashes:
        command(t, database, "torrent", "add", v1.hex(), v2.hex())
    made = []
    for n in range(peers):
        name, (v1, v2) = rng.choice(list(passkeys)), rng.choice(hashes)
        made.append(Peer(rng, n, name, passkeys[name], (v1, v2[:20])))
    return database, made


def expected(peers):
    sums = {}
    for peer in peers:
        up, down = peer.moved()
        row = sums.setdefault((peer.name, peer.hashes[0].hex()), [0, 0])
        row[0] += up
        row[1] += down
    return {k: tuple(v) for k, v in sums.items()}


def stored(t, database):
    found = {}
    for one in ask(t, database, "user", "ls"):
        shown = ask(t, database, "user", "show", one["name"], "--all")
        for row in shown["torrents"]:
            found[one["name"], row["hash"]] = (row["uploaded"], row["downloaded_raw"])
        mine = [v for (name, _), v in found.items() if name == one["name"]]
        assert (one["uploaded"], one["downloaded"]) == tuple(map(sum, zip(*mine, strict=True))) if mine else True
    return found
