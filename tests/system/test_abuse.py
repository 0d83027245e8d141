# SPDX-License-Identifier: BSD-2-Clause
"""The work that the cheapest sender of each message can cause in our programs. The bounds are on bytes sent, received or
read, on memory and on connections; never on time. A new message of the protocol gets a row in FLOODS, and
one in tests/unit/core/test_abuse.c, which counts what the core does."""

import contextlib
import os
import sqlite3
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import bencode
import content
import fake_peer
import sprat
import torrent
from daemon import Daemon
from fake_peer import Dialer, message
from netns import Namespace
from tap import add, test

KIB = 1 << 10
MIB = 1 << 20
DAY_S = 86400
# Extended, fast, and v2 (BEP 10, 6, 52).
RESERVED = bytes((0, 0, 0, 0, 0, 0x10, 0, 0x14))
HASH_REQUEST, HASHES, HASH_REJECT = 21, 22, 23
REJECT = 16
PEERS_OFFENCES = 4  # a site is banned then


class Setting:
    """A file with a torrent of its own, and a seed of it."""

    def __init__(self, t, length=MIB, piece=64 * KIB, form="hybrid", args=()):
        self.t = t
        path = t.path("original", "file.bin")
        chunk = os.urandom(min(length, MIB))
        with open(path, "wb") as f:
            for _ in range(length // len(chunk)):
                f.write(chunk)
        out = sprat.create(t, path, "--piece-length", f"{piece // KIB}K", form=form)
        read = torrent.read(out)
        one, two = torrent.hashes(read)
        self.hash = one or two[:20]
        self.root = two and read[b"info"][b"file tree"][b"file.bin"][b""][b"pieces root"]
        self.layer = (piece // 16384).bit_length() - 1
        self.pieces = -(-length // piece)
        self.seed = sprat.seed(t, out, os.path.dirname(path), *args)

    def come(self, **more):
        return Dialer(self.t, self.seed.address, self.hash, RESERVED, **more)

    def request(self, layer, index, length):
        return message(HASH_REQUEST, self.root + struct.pack(">IIII", layer, index, length, 0))

    def bytes_read(self):
        """By read calls of the seed, so far: files and sockets."""
        with open(f"/proc/{self.seed.pid}/io", encoding="ascii") as f:
            return int(dict(line.split(": ") for line in f)["rchar"])

    def memory(self):
        with open(f"/proc/{self.seed.pid}/statm", encoding="ascii") as f:
            return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def ask(peer, requests):
    """Sends hash requests and takes an answer to each; the bytes of HASHES."""
    got = 0
    peer.socket.settimeout(30)
    sender = threading.Thread(target=peer.send, args=(b"".join(requests),), daemon=True)
    sender.start()
    for _ in requests:
        kind, payload = peer.read(HASHES, HASH_REJECT)
        got += len(payload) if kind == HASHES else 0
    sender.join(30)
    return got


# Answers to hash requests.

@test
def hash_answers_are_bounded_without_a_limit(t):
    setting = Setting(t, length=128 * MIB, piece=16 * KIB, form="v2")
    got = ask(setting.come(), [setting.request(0, 0, 8192)] * 300)
    assert MIB // 4 <= got <= 8 * MIB, f"{got} bytes of hashes for {300 * 53} bytes from a choked peer"


@test
def hash_answers_keep_to_the_upload_limit(t):
    setting = Setting(t, length=128 * MIB, piece=16 * KIB, form="v2", args=("--up-limit", "20K"))
    got = ask(setting.come(), [setting.request(0, 0, 512)] * 300 + [setting.request(0, 0, 8192)] * 300)
    assert 16 * KIB <= got <= 256 * KIB, f"{got} bytes of hashes for {600 * 53} bytes from a choked peer"


@test
def leaf_requests_read_no_more_than_the_site_may(t):
    setting = Setting(t, length=320 * MIB, piece=16 * MIB, form="v2")
    before = setting.bytes_read()
    where = t.address()
    for connection in range(4):  # a new connection is no new budget
        peer = setting.come(source=where)
        for piece in range(connection, setting.pieces, 4):
            ask(peer, [setting.request(0, 1024 * piece, 2)])
    read = setting.bytes_read() - before
    assert 16 * MIB <= read <= 160 * MIB, f"{read} bytes were read for {setting.pieces * 53} bytes"


# Floods: a row is a message, and how many bytes of it one connection, and one site, may have taken from it.

def until_closed(peer, data, most):
    """Sends data again and again until the other side closes; how many bytes were sent."""
    sent = 0
    peer.socket.settimeout(30)
    try:
        while sent <= most:
            peer.socket.sendall(data)
            sent += len(data)
    except OSError:
        pass
    return sent


def have(index):
    return message(fake_peer.HAVE, struct.pack(">I", index))


DONTHAVE = message(20, b"\1" + bytes(4))
NONE = message(15)
# The kernel takes some beyond what we read.
SOCKET = 6 * MIB

FLOODS = {
    "what it has, again and again": (NONE + message(fake_peer.BITFIELD, bytes(2)), 2 * MIB),
    "a piece that it has and has not": (have(0) + DONTHAVE, MIB),
    "unknown messages of 64 KiB": (message(200, bytes(64 * KIB)), MIB // 4),
    "unknown messages of 1 MiB": (message(200, bytes(MIB)), 0),
    "an extended message of 1 MiB": (message(20, b"\7" + bytes(MIB)), 0),
    "unknown extensions": (message(20, b"\x63" + bytes(60 * KIB)), MIB // 4),
    "hashes that nobody asked for": (message(HASHES, bytes(48 + 512 * 32)), MIB // 4),
    "interest that changes": (message(2) + message(3), MIB),
    "requests while it is choked": (message(fake_peer.REQUEST, struct.pack(">III", 0, 0, 16384)), MIB),
    "extended handshakes": (message(20, b"\0d6:yourip4:\1\2\3\4e") +
                            message(20, b"\0d6:yourip4:\1\2\3\5e"), 2 * MIB),
}


def flood(data, most):
    def check(t):
        setting = Setting(t)
        where, connections = t.address(), 0
        try:
            while connections <= PEERS_OFFENCES:
                peer = setting.come(source=where)
                connections += 1
                peer.send(message(20, b"\0" + bencode.encode({"m": {}})))
                drain = threading.Thread(target=peer.is_closed, daemon=True)
                drain.start()
                sent = until_closed(peer, data, most + SOCKET + 16 * len(data))
                assert sent <= most + SOCKET + 16 * len(data), f"{sent} bytes were taken"
                drain.join(30)
        except ConnectionError:
            pass
        assert connections == PEERS_OFFENCES, f"{connections} connections, and it is not banned"
        setting.seed.wait("banned", 10)
        assert not setting.come().is_closed(0.2), "others are served as before"
    return check


for what, (data, most) in FLOODS.items():
    add(f"a peer that sends {what} is closed, and banned in the end", flood(data * max(1, 4096 // len(data)), most))


# What is held.

@test
def a_message_that_never_ends_holds_little(t):
    setting = Setting(t)
    peers = [setting.come() for _ in range(40)]
    before = setting.memory()
    for number, peer in enumerate(peers):
        length = MIB if number % 2 else 64 * KIB
        with contextlib.suppress(ConnectionError):  # it may be refused
            peer.send(struct.pack(">IB", 2 + length, 20) + bytes(length))  # a byte short
    last = setting.come()
    last.send(message(fake_peer.INTERESTED))
    last.read(fake_peer.UNCHOKE)
    held = setting.memory() - before
    assert held <= 40 * 160 * KIB + 2 * MIB, f"{held} bytes are held"


# Identity.

@test
def a_copied_peer_id_closes_nobody(t):
    setting = Setting(t)
    honest = setting.come(peer_id=b"-XX0001-abcdefghijkl")
    for _ in range(3):
        copy = setting.come(peer_id=b"-XX0001-abcdefghijkl")
        assert not copy.is_closed(0.1), "it may be somebody else"
    honest.send(message(fake_peer.INTERESTED))
    honest.read(fake_peer.UNCHOKE)


# Totals.

@test
def every_byte_is_counted(t):
    daemon = Daemon(t)
    path = content.write_file(t.path("data", "data"), MIB)
    metainfo = torrent.make(path, "v1", 16 * KIB)
    daemon.rpc("torrent.add", path=torrent.write(metainfo, t.path("data.torrent")), save_dir=os.path.dirname(path))
    daemon.await_state("data", "seeding")
    peer = Dialer(t, daemon.listening(), torrent.hashes(metainfo)[0], RESERVED)
    rejects, got = 0, 68
    peer.send(message(fake_peer.REQUEST, struct.pack(">III", 1, 0, 16384)) * 500)
    while rejects < 500:
        kind, payload = fake_peer.read_message(peer.socket)
        got += 5 + len(payload)
        rejects += kind == REJECT
    t.wait("the count of sent bytes", lambda: daemon.state("data")["up_overhead"] >= got)
    counted = daemon.state("data")
    assert (counted["up_overhead"], counted["down_overhead"]) == (got, 68 + 500 * 17), (counted, got)


# Sites. Addresses of this machine are not counted together, so these are in a namespace.

class Sites:
    """A daemon with small torrents at 10.9.0.1, in a namespace where 10.9.0.2 and on are other hosts."""

    def __init__(self, t, count, *args):
        self.t = t
        self.network = Namespace(t)
        for host in range(1, 5):
            self.network.ip("addr", "add", f"10.9.0.{host}/24", "dev", "lo")
        with self.network.inside():
            self.daemon = Daemon(t, "--rest-after", "3000", *args, ip="10.9.0.1")
        self.hashes = [small_torrent(t, self.daemon, f"small-{i}") for i in range(count)]
        self.address = self.daemon.listening()

    def come(self, number, host, **more):
        with self.network.inside():
            return Dialer(self.t, self.address, None if number is None else self.hashes[number], RESERVED,
                          source=f"10.9.0.{host}", **more)

    def held(self):
        return sum(found["peers"] for found in self.daemon.listing())


def small_torrent(t, daemon, name):
    path = content.write_file(t.path("small", name), 64 * KIB)
    metainfo = torrent.make(path, "v1", 16 * KIB)
    out = torrent.write(metainfo, t.path("torrents", f"{name}.torrent"))
    daemon.rpc("torrent.add", path=out, save_dir=os.path.dirname(path))
    daemon.await_state(name, "seeding")
    return torrent.hashes(metainfo)[0]


def peers_of(found, number, host, tries):
    held = []
    for _ in range(tries):
        with contextlib.suppress(OSError):
            held.append(found.come(number, host))
    return held


@test
def one_site_takes_no_more_than_its_share_of_all_connections(t):
    found = Sites(t, 6, "--max-connections", "64")
    for number in range(5):
        peers_of(found, number, 2, 16)
    assert found.held() == 16, f"one host holds {found.held()} of 64 connections"
    found.come(5, 3)


@test
def a_stranger_that_is_slow_is_not_displaced_by_a_site_that_is_silent(t):
    found = Sites(t, 1)
    slow = found.come(None, 3)
    silent = [found.come(None, 2) for _ in range(600)]
    slow.send(fake_peer.handshake(found.hashes[0], RESERVED))
    assert fake_peer.read_exactly(slow.socket, 68)[28:48] == found.hashes[0]
    assert len(silent) == 600


@test(seconds=110)
def at_the_cap_who_gives_and_takes_nothing_makes_room(t):
    daemon = Daemon(t, "--max-connections", "16", "--loops", "2")
    hashes = [small_torrent(t, daemon, f"small-{i}") for i in range(3)]
    held = [Dialer(t, daemon.listening(), hashes[i % 2], RESERVED) for i in range(16)]

    def let_in():
        for peer in held:
            with contextlib.suppress(OSError):
                peer.send(bytes(4))
        with contextlib.suppress(OSError):
            return Dialer(t, daemon.listening(), hashes[2], RESERVED)

    assert not let_in()
    t.wait("room", let_in, 100, step=2)


def get_banned(t, address, info_hash, where):
    """Offends at one torrent from the address |where| until that is banned."""
    for _ in range(PEERS_OFFENCES):
        peer = Dialer(t, address, info_hash, RESERVED, source=where)
        peer.send(have(0xffffffff))
        assert peer.is_closed()
        peer.socket.close()


@test
def a_ban_is_for_all_torrents_and_loops(t):
    daemon = Daemon(t, "--loops", "2")
    hashes = [small_torrent(t, daemon, f"small-{i}") for i in range(4)]
    address, where = daemon.listening(), t.address()
    get_banned(t, address, hashes[0], where)
    for one in hashes:
        def refused(one=one):
            try:
                Dialer(t, address, one, RESERVED, source=where)
            except OSError:
                return True
            return False
        t.wait("a refusal", refused, 10)
        Dialer(t, address, one, RESERVED)


@test
def what_is_banned_wakes_no_torrent(t):
    daemon = Daemon(t, "--rest-after", "1")
    hashes = [small_torrent(t, daemon, f"small-{i}") for i in range(2)]
    address, where = daemon.listening(), t.address()
    get_banned(t, address, hashes[0], where)
    t.wait("all to rest", lambda: not locks(t), 40)
    for _ in range(20):
        try:
            Dialer(t, address, hashes[1], RESERVED, source=where)
            raise AssertionError("a banned site was let in")
        except OSError:
            assert not locks(t), "a banned site woke a torrent"
    Dialer(t, address, hashes[1], RESERVED)


def stored_bans(t):
    """The ends of the bans in the database, in unix seconds."""
    with contextlib.closing(sqlite3.connect(t.path("state", "sprat.db"))) as db:
        return [until for until, in db.execute("SELECT until FROM bans")]


def change_bans(t, until):
    with contextlib.closing(sqlite3.connect(t.path("state", "sprat.db"))) as db, db:
        assert db.execute("UPDATE bans SET until = ?", (int(until),)).rowcount == 1


def is_refused(t, daemon, info_hash, where):
    try:
        Dialer(t, daemon.listening(), info_hash, RESERVED, source=where)
    except OSError:
        return True
    return False


@test
def a_ban_outlasts_the_daemon_and_ends_in_time(t):
    daemon = Daemon(t)
    one = small_torrent(t, daemon, "small")
    where = t.address()
    get_banned(t, daemon.listening(), one, where)
    t.wait("the ban to be stored", lambda: stored_bans(t), 10)
    daemon.kill()

    daemon = Daemon(t, "--rest-after", "1")
    assert is_refused(t, daemon, one, where), "the ban was forgotten"
    t.wait("all to rest", lambda: not locks(t), 40)
    for _ in range(10):
        assert is_refused(t, daemon, one, where), "the ban was forgotten"
        assert not locks(t), "a banned site woke a torrent"
    assert not is_refused(t, daemon, one, t.address())
    daemon.kill()

    # A clock that was years ahead stored the ban: it lasts no longer than a ban of now.
    change_bans(t, time.time() + 10 * 365 * DAY_S)
    daemon = Daemon(t)
    assert is_refused(t, daemon, one, where)
    assert stored_bans(t)[0] <= time.time() + DAY_S, "a wrong clock bans for years"
    daemon.kill()

    change_bans(t, time.time() - 1)
    daemon = Daemon(t)
    daemon.await_state("small", "seeding")
    assert not stored_bans(t), "a ban that ended is kept"
    assert not is_refused(t, daemon, one, where), "the ban does not end"


def locks(t):
    """Of torrents: one at rest has none."""
    return os.listdir(t.path("state", "locks"))


sprat.main(sprat.SPRAT, sprat.SPRATD)
