#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Messages about trackers that fail, and announces to the other trackers meanwhile."""

import os
import socket
import struct
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import certs
import content
import fake_tracker
import sprat as our
import torrent as torrents
from daemon import Daemon
from process import run
from tracker_client import http_scrape
from tap import test


def dead(t, kind):
    """An address of ours where nothing listens."""
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind((t.address(), 0))
        return "%s:%d" % s.getsockname()


def told(t, *trackers, form="hybrid", more=(), env=None):
    """The first warning that a get of a torrent with these trackers prints."""
    path = content.write_file(t.path("origin", "data"), 100000)
    torrent = our.create(t, path, form=form, trackers=trackers)
    getter = our.get(t, torrent, t.path("out"), *more, env=env)
    return getter, getter.wait("warning", 30)["message"]


@test
def nothing_listens(t):
    udp, tcp = dead(t, socket.SOCK_DGRAM), dead(t, socket.SOCK_STREAM)
    getter, first = told(t, f"udp://{udp}/announce", f"http://{tcp}/announce")
    sentence = "the tracker refused the connection: nothing listens on %sport %s of %s"
    assert first == f"udp://{udp}/announce: " + sentence % ("UDP ", udp.split(":")[1], udp.split(":")[0]), first
    t.wait("the second", lambda: len([e for e in getter.events if e["event"] == "warning"]) >= 2, 30)
    second = [e["message"] for e in getter.events if e["event"] == "warning"]
    assert len(second) == 2, ("one line per tracker, and not one per hash", second)
    assert second[1] == f"http://{tcp}/announce: " + sentence % ("", tcp.split(":")[1], tcp.split(":")[0]), second


@test
def a_page_that_is_not_there(t):
    tracker = fake_tracker.FakeTracker(t, lambda *_: fake_tracker.http(b"", "404 Not Found"))
    url = f"http://{tracker.address}"
    _, first = told(t, url)
    assert first == f"{url}: HTTP status 404, not found: tracker URLs usually end in /announce", first


@test
def a_scheme_that_cannot_be_spoken(t):
    tracker = fake_tracker.FakeTracker(t, lambda *_: fake_tracker.good())
    _, first = told(t, tracker.url, more=["-t", "wss://tracker.example/"])
    assert first == "wss://tracker.example/: Sprat cannot speak WebTorrent trackers; 1 other tracker is asked", first


# Partial seeds (BEP 21).

def udp_answer(datagram, _):
    """Of a UDP tracker without peers (BEP 15)."""
    transaction = datagram[12:16]
    if len(datagram) == 16:
        return struct.pack(">I4sQ", 0, transaction, 1)
    return struct.pack(">I4sIII", 1, transaction, 1800, 0, 0)


@test
def a_partial_seed_says_so_in_each_announce(t):
    tracker = fake_tracker.FakeTracker(t, lambda *_: fake_tracker.good())
    udp = fake_tracker.FakeUdpTracker(t, udp_answer)
    path = content.write_tree(t.path("original", "tree"), {"a": 65536, "b": 32768})
    torrent = our.create(t, path, "--piece-length", "32K", form="v1", trackers=[tracker.url])
    seeder = our.seed(t, torrent, os.path.dirname(path))
    args = ("--state-dir", t.path("state"), "--skip", "b", "--seed", "forever")

    def ours():
        theirs = seeder.address.rpartition(":")[2].encode()
        return [q for q in tracker.asked if q["port"] != theirs]

    getter = our.get(t, torrent, t.path("out"), *args, peers=[seeder])
    getter.wait("complete", 30)
    getter.stop()
    assert [q.get("event", b"") for q in ours()] == [b"started", b"stopped"], ours()
    assert int(ours()[-1]["left"]) == 32768, ours()
    getter = our.get(t, torrent, t.path("out"), *args, "-t", udp.url)
    t.wait("its announces", lambda: len(ours()) > 2 and len(udp.asked) > 1, 30)
    getter.stop()
    assert [q.get("event", b"") for q in ours()][2:] == [b"paused", b"stopped"], ours()
    assert {int(q["left"]) for q in ours()[2:]} == {32768}, ours()
    events = [struct.unpack(">I", d[80:84])[0] for d in udp.asked if len(d) > 84]
    assert events[0] == 2 and set(events) <= {2, 3}, f"UDP has no such event: {events}"


@test
def our_tracker_counts_a_partial_seed_apart(t):
    tracker = our.Tracker(t)
    path = content.write_tree(t.path("original", "tree"), {"a": 65536, "b": 32768})
    torrent = our.create(t, path, "--piece-length", "32K", form="v1", trackers=[tracker.http])
    seeder = our.seed(t, torrent, os.path.dirname(path))
    daemon = Daemon(t)
    daemon.rpc("torrent.add", path=torrent, save_dir=t.path("out", "x")[:-2], skip=["b"], peers=[seeder.address])
    t.wait("the selection", lambda: daemon.state("tree")["bytes_have"] == 65536, 30)
    daemon.stop()
    daemon = Daemon(t)
    key = torrents.hashes(torrents.read(torrent))[0]
    wanted = {b"complete": 1, b"incomplete": 1, b"downloaders": 0}

    def counted():
        found = http_scrape(tracker.http, key)[b"files"].get(key, {})
        return {name: found.get(name) for name in wanted} == wanted
    t.wait("a partial seed beside a seed", counted, 30)


@test
def a_silent_first_tier_and_one_that_knows_nobody(t):
    silent = fake_tracker.FakeUdpTracker(t, lambda *_: None)
    lonely = fake_tracker.FakeTracker(t, lambda *_: fake_tracker.good())
    path = content.write_file(t.path("origin", "data"), 100000)
    seeder = our.seed(t, our.create(t, path), os.path.dirname(path))
    knows = fake_tracker.FakeTracker(t, lambda *_: fake_tracker.good(seeder.address))
    torrent = our.create(t, path, out=t.path("tiers.torrent"), trackers=[silent.url, lonely.url, knows.url])
    getter = our.get(t, torrent, t.path("out"))
    getter.finish()
    messages = [e["message"] for e in getter.events if e["event"] == "warning"]
    wanted = f"{silent.url}: no answer within 5 s; still waiting, and other trackers are asked beside it"
    assert messages == [wanted], messages
    assert silent.asked and lonely.asked and knows.asked


@test
def an_authority_of_our_own(t):
    ours = certs.Authority(t)
    ip = t.address()
    cert, key = ours.issue("tracker", ip)
    tracker = our.Tracker(t, "--listen-https", our.join(ip, 0), "--tls-cert", cert, "--tls-key", key, http=False,
                          udp=False)
    url = "https://%s/announce" % tracker.wait_line("listening https").split()[-1]
    getter, first = told(t, url)
    assert first == (f"{url}: the certificate of {ip} is not trusted: if you run your own certificate authority, pass "
                     "its file with --ca FILE"), first
    getter.stop()
    path = t.path("origin", "data")
    torrent = our.create(t, path, out=t.path("tls.torrent"), trackers=[url])
    our.seed(t, torrent, os.path.dirname(path), "--ca", ours.cert)
    getter = our.get(t, torrent, t.path("second"), env={"SSL_CERT_FILE": ours.cert})
    getter.finish()
    content.assert_same(path, t.path("second", "data"))


@test
def https_to_a_port_of_http(t):
    server = socket.create_server((t.address(), 0))
    t.defer(server.close)

    def refuse():
        while True:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(fake_tracker.http(b"", "400 Bad Request"))

    threading.Thread(target=refuse, daemon=True).start()
    host, port = server.getsockname()
    _, first = told(t, f"https://{host}:{port}/announce")
    assert first == (f"https://{host}:{port}/announce: the tracker answers plain HTTP on port {port}: use http:// in "
                     "its URL"), first


@test
def https_to_our_tracker_of_http(t):
    """A handshake has no line end: the tracker answers its first byte."""
    tracker = our.Tracker(t, udp=False)
    _, first = told(t, tracker.http.replace("http://", "https://"))
    assert first.endswith("use http:// in its URL"), first


@test
def an_authority_that_is_none(t):
    path = content.write_file(t.path("origin", "data"), 1000)
    torrent = our.create(t, path)
    for ca, word in ((t.path("not-there"), "No such file"), (path, "holds no certificate")):
        result = run(t, [our.SPRAT, "get", "--state-dir", t.path("state"), "--ca", ca, "-o", t.path("out"), torrent])
        assert result.status == 1 and "ca: " in result.err and word in result.err, result
        assert "\n" not in result.err.strip(), result


class Many:
    """Small torrents with one tracker, and a daemon that has them."""

    def __init__(self, t, tracker, *args):
        self.t = t
        self.tracker = tracker
        self.daemon = Daemon(t, *args)

    def add(self, name, count, there):
        """Adds torrents whose files are |there|; the announced hashes."""
        added = set()
        for i in range(count):
            path = content.write_file(self.t.path("origin", f"{name}{i}"), 20000, seed=i)
            metainfo = torrents.make(path, form="v1", trackers=[self.tracker.url])
            file = self.t.path(f"{name}{i}.torrent")
            torrents.write(metainfo, file)
            added.add(torrents.hashes(metainfo)[0])
            save = os.path.dirname(path) if there else self.t.path("empty", "")
            self.daemon.rpc("torrent.add", path=file, save_dir=save)
        return added

    def asked(self):
        return [q["info_hash"] for q in self.tracker.asked]


HOST_ASKS, HOST_RATE = 64, 20  # peer/net/tracker_gate.h


@test
def a_silent_tracker_holds_few_announces(t):
    silent = fake_tracker.FakeTracker(t, lambda *_: None)
    other = fake_tracker.FakeUdpTracker(t, lambda *_: None)
    many = Many(t, silent)
    many.add("seed", 2 * HOST_ASKS, True)
    t.wait("as many as may be under way", lambda: len(silent.asked) >= HOST_ASKS, 30)
    many.tracker = other
    many.add("other", 1, True)
    t.wait("another tracker is asked", lambda: other.asked, 30)
    assert len(silent.asked) == HOST_ASKS, len(silent.asked)


@test
def at_the_start_downloads_announce_before_seeds(t):
    tracker = fake_tracker.FakeTracker(t, lambda *_: fake_tracker.good(interval=1800))
    many = Many(t, tracker)
    seeds = many.add("seed", 10 * HOST_RATE, True)
    downloads = many.add("download", 10, False)
    t.wait("all to announce", lambda: set(many.asked()) == seeds | downloads, 60)
    many.daemon.stop()
    del tracker.asked[:]
    many.daemon = Daemon(t)
    t.wait("all to announce again", lambda: set(many.asked()) == seeds | downloads, 60)
    asked = many.asked()
    last = max(asked.index(x) for x in downloads)
    assert last < len(seeds), f"a download is number {last} of those that announce"


# One UDP port for all.

def announced(udp):
    """The info-hashes of the announces of the event "started" that came to a UDP tracker."""
    return {d[16:36] for d in udp.asked if len(d) > 84 and d[80:84] == struct.pack(">I", 2)}


@test
def udp_announces_leave_from_the_listening_port(t):
    """Of all loops, also without a DHT, and whatever others send to that port."""
    udp = fake_tracker.FakeUdpTracker(t, udp_answer)
    many = Many(t, udp, "--loops", "3", "--dht", "no")
    host, port = many.daemon.listening().rsplit(":", 1)
    junk = [b"", bytes(8), struct.pack(">II", 1, 7) + bytes(12), struct.pack(">I4sQ", 0, b"1234", 5),
            struct.pack(">II", 3, 7) + b"go away", bytes(3) + b"\4" + bytes(12), b"d1:q4:pinge", b"\x41", b"\xff" * 1400,
            bytes(9000)]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for datagram in junk:
            stranger.sendto(datagram, (host, int(port)))
        added = many.add("seed", 6, True)
        for datagram in junk:
            stranger.sendto(datagram, (host, int(port)))
    t.wait("all to announce", lambda: announced(udp) == added, 30)
    assert set(udp.sources) == {many.daemon.listening()}, (udp.sources, many.daemon.listening())
    longest = 8192  # peer/core/udpsort.h; the socket drops longer ones
    wanted = {"krpc": 0, "trackers": len(udp.asked), "utp_resets": 0, "utp_limited": 0,
              "ignored": 2 * len([x for x in junk if len(x) <= longest])}
    t.wait("all to be counted", lambda: many.daemon.rpc("daemon.info")["udp"] == wanted, 10)


@test
def udp_announces_of_all_loops_can_be_cancelled(t):
    silent = fake_tracker.FakeUdpTracker(t, lambda *_: None)
    many = Many(t, silent, "--loops", "3")
    many.add("seed", 9, True)
    t.wait("all to ask", lambda: len(silent.asked) >= 9, 30)
    assert many.daemon.stop() == 0, many.daemon.report()


our.main(our.SPRAT, our.SPRATD, our.TRACKER)
