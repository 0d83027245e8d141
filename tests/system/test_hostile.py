# SPDX-License-Identifier: BSD-2-Clause
"""Peers and trackers that misbehave: none of them prevents a download that an honest peer can serve, and messages name
each with what it did."""

import gzip
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import bencode
import content
import fake_peer
import fake_tracker
import sprat
import torrent
from fake_peer import Dialer, FakeSeeder
from fake_tracker import FakeTracker, FakeUdpTracker
from tap import add, test

MIB = 1 << 20
PIECE = 65536
LENGTH = 3 * MIB + 99


class Setting:
    """A payload, its torrent and an honest seeder."""

    def __init__(self, t, form="v1", trackers=(), seeder=True, limit=None):
        self.t = t
        self.path = content.write_file(t.path("original", "file.bin"), LENGTH)
        with open(self.path, "rb") as f:
            self.data = f.read()
        metainfo = torrent.make(self.path, form, PIECE, trackers)
        self.meta = torrent.write(metainfo, t.path("x.torrent"))
        one, two = torrent.hashes(metainfo)
        self.hash = one or two[:20]
        self.honest = None
        if seeder:
            up = ["--up-limit", limit] if limit else []
            self.honest = sprat.seed(t, self.meta, os.path.dirname(self.path), *up)

    def hostile(self, **how):
        return FakeSeeder(self.t, self.hash, self.data, PIECE, **how)

    def get(self, *peers, args=(), seconds=50):
        getter = sprat.get(self.t, self.meta, self.t.path("copy"), *args, peers=peers)
        getter.finish(seconds)
        content.assert_same(self.path, self.t.path("copy", "file.bin"))
        return getter


# Seeders that we get from.

def send_raw(data):
    def behave(seeder, connection):
        connection.sendall(data)
        seeder.stay_silent(connection)
    behave.raw = True
    return behave


def send_after_handshake(data):
    def behave(seeder, connection):
        seeder.claim_all(connection)
        connection.sendall(data)
        seeder.stay_silent(connection)
    return behave


def close_at_once(seeder, connection):
    return


HOSTILE = {
    "garbage instead of a handshake": send_raw(os.urandom(5000)),
    "an HTTP page": send_raw(b"HTTP/1.1 400 Bad Request\r\n\r\n<html>"),
    "half a handshake": send_raw(fake_peer.PROTOCOL[:10]),
    "nothing": FakeSeeder.stay_silent,
    "no answer to any request": FakeSeeder.claim_and_never_answer,
    "a closed connection": close_at_once,
    "a message of 4 GiB": send_after_handshake(b"\xff\xff\xff\xff" + bytes(1000)),
    "a message of 2 MiB": send_after_handshake(struct.pack(">IB", 2 * MIB, 7) + bytes(1000)),
    "a piece nobody asked for": send_after_handshake(
        fake_peer.message(fake_peer.PIECE, struct.pack(">II", 0, 0) + bytes(16384)) * 20),
    "a have beyond the end": send_after_handshake(
        fake_peer.message(fake_peer.HAVE, struct.pack(">I", 0xffffffff))),
    "a short bitfield": send_after_handshake(fake_peer.message(fake_peer.BITFIELD, b"\xff")),
    "a request of the wrong length": send_after_handshake(fake_peer.message(fake_peer.REQUEST, bytes(5))),
    "unknown messages": send_after_handshake(b"".join(fake_peer.message(k, b"x" * 10) for k in range(30, 250))),
    "broken extension messages": send_after_handshake(
        b"".join(fake_peer.message(20, p) for p in (b"", b"\0", b"\0d", b"\0i1e", b"\xff" * 50,
                                                    b"\0d1:md6:ut_pexi999999999999eee"))),
    "broken hash messages": send_after_handshake(
        b"".join(fake_peer.message(k, p) for k in (21, 22, 23) for p in (b"", bytes(47), bytes(48), bytes(49)))),
}


def beside_an_honest_one(form, behave):
    def check(t):
        setting = Setting(t, form)
        hostile = setting.hostile(behave=behave)
        setting.get(hostile.address, setting.honest)
        assert hostile.connections, "the hostile peer was never asked"
    return check


for what, behave in HOSTILE.items():
    add(f"a peer that sends {what}", beside_an_honest_one("v1", behave))
for form in ("v2", "hybrid"):
    for what in ("broken hash messages", "a message of 4 GiB", "garbage instead of a handshake"):
        add(f"{form}: a peer that sends {what}", beside_an_honest_one(form, HOSTILE[what]))


def wrong_hashes(form):
    def check(t):
        # The honest one is slow, so that the liar is asked.
        setting = Setting(t, form, limit="1M")
        liar = setting.hostile(bend=lambda index, begin, block: bytes(len(block)))
        getter = setting.get(liar.address, setting.honest, args=("--seed", "none"))
        assert liar.served > 0, "the liar was never asked"
        banned = getter.last("banned")
        assert banned and liar.address.partition(":")[0] in banned["message"], getter.report()
    return check


for form in ("v1", "v2", "hybrid"):
    add(f"{form}: a peer that sends wrong data is banned by name, and the rest comes from others",
        wrong_hashes(form))


@test
def bad_blocks_in_v2_cost_no_good_ones(t):
    """One block of each of the liar's pieces is wrong: it is convicted by those blocks alone. The getter is slow,
    or it would ask for everything at once, and what the endgame fetches twice would count as waste, too."""
    bent = []

    def bend(index, begin, block):
        if begin != 16384:
            return block
        bent.append(index)
        return bytes(len(block))

    setting = Setting(t, "v2", limit="1M")
    liar = setting.hostile(bend=bend)
    getter = setting.get(liar.address, setting.honest, args=("--down-limit", "2M"))
    assert getter.last("banned"), "the liar was not found out"
    wasted = getter.last("complete")["wasted"]
    assert 0 < wasted <= 16384 * len(bent), f"{wasted} bytes were thrown away for {len(bent)} bad blocks"


@test
def only_a_liar(t):
    """Nobody honest is there: the download does not complete, and holds nothing for verified."""
    setting = Setting(t, seeder=False)
    liar = setting.hostile(bend=lambda index, begin, block: bytes(len(block)))
    getter = sprat.get(t, setting.meta, t.path("copy"), peers=[liar.address])
    getter.wait("banned", 30)
    assert not any(e.get("bytes_have") for e in getter.events), getter.report()
    assert getter.interrupt() == 130


# Leechers that we seed to.

REQUEST = fake_peer.REQUEST
UPLOADS = {
    "a request beyond the end": struct.pack(">III", 10 ** 6, 0, 16384),
    "a request past the piece": struct.pack(">III", 0, PIECE - 1, 16384),
    "a request of 128 MiB": struct.pack(">III", 0, 0, 1 << 27),
    "a request that overflows": struct.pack(">III", 0, 0xfffffff0, 0xfffffff0),
}


def asked_for(payload):
    def check(t):
        setting = Setting(t)
        dialer = Dialer(t, setting.honest.address, setting.hash)
        dialer.send(fake_peer.message(fake_peer.INTERESTED))
        dialer.read(fake_peer.UNCHOKE)
        try:
            for _ in range(1000):  # one may be a slip; who goes on is shown the door
                dialer.send(fake_peer.message(REQUEST, payload))
        except OSError:
            pass
        assert dialer.is_closed(20), "the connection stayed open"
        assert setting.honest.alive(), setting.honest.report()
        setting.get(setting.honest)
    return check


for what, payload in UPLOADS.items():
    add(f"a leecher that sends {what}", asked_for(payload))


@test
def a_request_of_several_blocks_is_served(t):
    # Odd but not hostile: BEP 3 leaves the length to the client, and some ask for 32 KiB or more.
    setting = Setting(t)
    dialer = Dialer(t, setting.honest.address, setting.hash)
    dialer.send(fake_peer.message(fake_peer.INTERESTED))
    dialer.read(fake_peer.UNCHOKE)
    for begin, length in ((0, 16385), (16384, 32768), (1, PIECE - 1), (0, PIECE)):
        dialer.send(fake_peer.message(REQUEST, struct.pack(">III", 3, begin, length)))
        _, piece = dialer.read(fake_peer.PIECE)
        at = 3 * PIECE + begin
        assert piece == struct.pack(">II", 3, begin) + setting.data[at:at + length], f"{begin} {length}"
    setting.get(setting.honest)


@test
def a_flood_of_requests_is_bounded(t):
    setting = Setting(t)
    dialer = Dialer(t, setting.honest.address, setting.hash)
    dialer.send(fake_peer.message(fake_peer.INTERESTED))
    dialer.read(fake_peer.UNCHOKE)
    try:
        for _ in range(200):
            dialer.send(fake_peer.message(REQUEST, struct.pack(">III", 0, 0, 16384)) * 100)
    except OSError:
        pass  # it may close on us
    with open(f"/proc/{setting.honest.pid}/status") as f:
        resident = next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))
    assert resident < 400 * 1024 * (3 if sprat.is_sanitized() else 1), f"{resident} kB"
    setting.get(setting.honest)


@test
def many_silent_connections_do_no_harm(t):
    setting = Setting(t)
    silent = [Dialer(t, setting.honest.address) for _ in range(100)]
    setting.get(setting.honest)
    assert silent[0].is_closed(30), "who says nothing is closed"


@test
def connections_leave_descriptors_for_the_content(t):
    setting = Setting(t, seeder=False)
    limited = sprat.seed(t, setting.meta, os.path.dirname(setting.path), wrap=["prlimit", "--nofile=96:96"])
    silent = [Dialer(t, limited.address) for _ in range(120)]
    setting.get(limited, seconds=8)  # nobody waits for the silent ones' time to be up
    assert silent[0].is_closed(5), "the oldest makes room"


@test
def an_unknown_info_hash_is_closed(t):
    setting = Setting(t)
    dialer = Dialer(t, setting.honest.address)
    dialer.send(fake_peer.handshake(b"\x55" * 20))
    assert dialer.is_closed(20)
    assert setting.honest.alive()


# Trackers.

def redirect_to(url):
    return lambda *_: fake_tracker.http(b"", "302 Found", Location=url)


BROKEN = {
    "garbage": lambda *_: os.urandom(3000),
    "HTML": lambda *_: fake_tracker.http(b"<html>busy</html>"),
    "truncated bencode": lambda *_: fake_tracker.http(b"d8:intervali1800e5:peers60:abc"),
    "a bencoded list": lambda *_: fake_tracker.http(b"le"),
    "status 404": lambda *_: fake_tracker.http(b"not here", "404 Not Found"),
    "status 500": lambda *_: fake_tracker.http(b"", "500 Internal Server Error"),
    "a failure reason": lambda *_: fake_tracker.http(bencode.encode({"failure reason": "go away"})),
    "a failure reason that is no text": lambda *_: fake_tracker.http(
        bencode.encode({"failure reason": b"go \xff\xfe away \xc2\x9b31m \xe2\x80\xae drawkcab"})),
    "a redirect to itself": None,
    "nothing at all": lambda *_: None,
    "a body without end": lambda *_: fake_tracker.http(b"x" * (8 << 20)),
    "gzip that is none": lambda *_: fake_tracker.http(b"no gzip", Content_Encoding="gzip"),
}


def broken_tracker(what, reply):
    def check(t):
        holder = []
        tracker = FakeTracker(t, reply or (lambda *_: redirect_to(holder[0].url)()))
        holder.append(tracker)
        setting = Setting(t, trackers=[tracker.url])
        getter = sprat.get(t, setting.meta, t.path("copy"), "--seed", "forever", peers=[setting.honest])
        getter.complete()
        content.assert_same(setting.path, t.path("copy", "file.bin"))
        assert tracker.asked, "the tracker was never asked"
        if what != "nothing at all":
            warning = getter.last("warning") or getter.wait("warning", 20)
            assert tracker.address in warning["message"], warning
            if what == "a failure reason":
                assert "go away" in warning["message"], warning
            if what == "a failure reason that is no text":
                assert "go \ufffd\ufffd away" in warning["message"], warning
                assert not {"\x9b", "\u202e"} & set("".join(getter.errors)), "nothing that a terminal obeys"
        assert getter.interrupt() in (0, 130)
    return check


for what, reply in BROKEN.items():
    add(f"a tracker that answers with {what}", broken_tracker(what, reply))


CONNECT_ID = bytes(range(8))


def udp_connect(datagram):
    """The right answer to a connect request."""
    return struct.pack(">I", 0) + datagram[12:16] + CONNECT_ID


def after_connect(answer):
    return lambda datagram, _: udp_connect(datagram) if len(datagram) == 16 else answer(datagram)


BROKEN_UDP = {
    "garbage": lambda *_: os.urandom(100),
    "one byte": lambda *_: b"x",
    "another's transaction": lambda datagram, _: struct.pack(">II", 0, 1) + CONNECT_ID,
    "an announce answer to a connect": lambda datagram, _: struct.pack(">I", 1) + datagram[12:16] + bytes(12),
    "an error": lambda datagram, _: struct.pack(">I", 3) + datagram[12:16] + b"go away",
    "an error to the announce": after_connect(lambda d: struct.pack(">I", 3) + d[12:16] + b"go away"),
    "a short announce answer": after_connect(lambda d: struct.pack(">I", 1) + d[12:16] + bytes(5)),
    "half a peer": after_connect(lambda d: struct.pack(">I", 1) + d[12:16] + bytes(12) + b"abc"),
    "peers that are none": after_connect(lambda d: struct.pack(">I", 1) + d[12:16] + bytes(12) + bytes(600)),
    "nothing at all": lambda *_: None,
}


def broken_udp_tracker(reply):
    def check(t):
        tracker = FakeUdpTracker(t, reply)
        setting = Setting(t, trackers=[tracker.url])
        getter = sprat.get(t, setting.meta, t.path("copy"), "--seed", "forever", peers=[setting.honest])
        getter.complete()
        content.assert_same(setting.path, t.path("copy", "file.bin"))
        assert tracker.asked, "the tracker was never asked"
        if reply is BROKEN_UDP["an error"] or reply is BROKEN_UDP["an error to the announce"]:
            warning = getter.last("warning") or getter.wait("warning", 20)
            assert tracker.address in warning["message"] and "go away" in warning["message"], warning
        assert getter.interrupt() in (0, 130)
    return check


for what, reply in BROKEN_UDP.items():
    add(f"a UDP tracker that answers with {what}", broken_udp_tracker(reply))


@test
def peers_come_from_a_udp_tracker_that_is_late(t):
    """Its first answers are lost: the client asks again (BEP 15)."""
    setting = Setting(t)

    def reply(datagram, number):
        if number == 1:
            return None
        if len(datagram) == 16:
            return udp_connect(datagram)
        peers = fake_tracker.peers_of(setting.honest.address)
        return struct.pack(">I", 1) + datagram[12:16] + struct.pack(">III", 60, 0, 1) + peers

    tracker = FakeUdpTracker(t, reply)
    other = torrent.read(setting.meta)
    other[b"announce"] = tracker.url.encode()
    setting.meta = torrent.write(other, t.path("y.torrent"))
    setting.get()


@test
def a_tracker_that_is_down(t):
    address = f"{t.address()}:6969"
    setting = Setting(t, trackers=[f"http://{address}/announce"])
    getter = sprat.get(t, setting.meta, t.path("copy"), "--seed", "forever", peers=[setting.honest])
    getter.complete()
    warning = getter.last("warning") or getter.wait("warning", 20)
    assert address in warning["message"], warning


def odd_but_good(answer):
    """The peers come from the tracker alone, in an unusual but right way."""
    def check(t):
        setting = Setting(t)
        peers = bencode.encode({"interval": 5, "peers": fake_tracker.peers_of(setting.honest.address)})
        tracker = FakeTracker(t, lambda path, query, number: answer(tracker, path, peers))
        other = torrent.read(setting.meta)
        other[b"announce"] = tracker.url.encode()
        setting.meta = torrent.write(other, t.path("y.torrent"))
        setting.get()
    return check


def redirected(tracker, path, peers):
    if path == "/announce":
        return fake_tracker.http(b"", "302 Found", Location=f"http://{tracker.address}/elsewhere?a=b")
    return fake_tracker.http(peers)


add("a tracker that answers with gzip",
    odd_but_good(lambda _, path, peers: fake_tracker.http(gzip.compress(peers), Content_Encoding="gzip")))
add("a tracker that redirects", odd_but_good(redirected))
add("a tracker that speaks HTTP/1.0",
    odd_but_good(lambda _, path, peers: b"HTTP/1.0 200 OK\r\n\r\n" + peers))


@test
def the_next_tier_is_asked_when_the_first_is_down(t):
    setting = Setting(t)
    good = FakeTracker(t, lambda *_: fake_tracker.good(setting.honest.address))
    other = torrent.read(setting.meta)
    other[b"announce-list"] = [[f"http://{t.address()}:1/announce"], [good.url]]
    setting.meta = torrent.write(other, t.path("y.torrent"))
    setting.get()
    assert good.events()[0] == b"started", good.events()


sprat.main(sprat.SPRAT)
