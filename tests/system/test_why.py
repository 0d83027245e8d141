#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Why no data moves: each situation shows its sentence within seconds, on every screen and in JSON."""

import errno
import json
import os
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import bencode
import content
import faults
import sprat as our
import terminal
from daemon import Daemon
from fake_peer import BITFIELD, FakeSeeder, handshake, message, read_exactly, read_message
from fake_tracker import FakeTracker, good
from process import Process
from tap import add, test

MIB = 1 << 20
WAIT_S = 40  # far more than it takes: the machine may be busy


class Situation:
    """What a torrent and its surroundings are like, and what is to be said of it."""

    def __init__(self, codes, *words, trackers=(), peers=()):
        self.codes, self.words, self.trackers, self.peers = codes, words, trackers, peers


def closed_port(t):
    """HOST:PORT where nothing listens."""
    with socket.create_server((t.address(), 0)) as s:
        return "%s:%d" % s.getsockname()


def fake(behave, raw=False):
    """Makes peers that behave so, of the torrent at hand."""
    behave.raw = raw

    def make(t, torrent, data):
        info = our.show(t, torrent)
        return FakeSeeder(t, bytes.fromhex(info["info_hash_v1"]), data, info["piece_length"], behave)
    return make


def wait_for_the_end(connection):
    while True:
        read_message(connection)


def close_in_the_handshake(peer, connection):
    read_exactly(connection, 68)


def have_nothing(peer, connection):
    connection.sendall(message(BITFIELD, bytes(-(-peer.pieces() // 8))))
    wait_for_the_end(connection)


def choke(peer, connection):
    bits = (1 << peer.pieces()) - 1 << -peer.pieces() % 8
    connection.sendall(message(BITFIELD, bits.to_bytes(-(-peer.pieces() // 8), "big")))
    wait_for_the_end(connection)


def have_another_torrent(peer, connection):
    read_exactly(connection, 68)
    connection.sendall(handshake(b"x" * 20))
    wait_for_the_end(connection)


def speak_something_else(peer, connection):
    read_exactly(connection, 68)
    connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n" * 4)
    wait_for_the_end(connection)


def nobody_to_ask(t):
    return Situation(["no-tracker"], "this torrent names no tracker")


def refused_tracker(t):
    at = closed_port(t)
    return Situation(["tracker-failed"], at, trackers=[f"http://{at}/announce"])


def silent_udp_tracker(t):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((t.address(), 0))
    t.defer(s.close)
    at = "%s:%d" % s.getsockname()
    return Situation(["tracker-asked", "tracker-failed"], at, trackers=[f"udp://{at}/announce"])


def tracker_of_another_scheme(t):
    return Situation(["trackers-unusable"], "names no tracker that Sprat can ask", trackers=["wss://tracker.example/"])


def lonely_tracker(t):
    tracker = FakeTracker(t, lambda path, query, number: good(interval=60))
    return Situation(["tracker-empty"], "knows no other peer", trackers=[tracker.url])


def unreachable(*words, behave=None):
    return lambda t: Situation(["unreachable"], "1 address tried", *words,
                               peers=[fake(behave, raw=True) if behave else None])


def connected(code, words, behave):
    return lambda t: Situation([code], words, peers=[fake(behave)])


SITUATIONS = {
    "nobody to ask": nobody_to_ask,
    "a tracker that refuses": refused_tracker,
    "a UDP tracker that is silent": silent_udp_tracker,
    "a tracker of another scheme": tracker_of_another_scheme,
    "a tracker that knows nobody": lonely_tracker,
    "a peer that refuses": unreachable("refused the connection"),
    "a peer that closes in the handshake": unreachable("closed during the handshake, perhaps it requires encryption",
                                                       behave=close_in_the_handshake),
    "a peer of another torrent": unreachable("another info-hash", behave=have_another_torrent),
    "something that is no peer": unreachable("no BitTorrent handshake", behave=speak_something_else),
    "a peer without what is missing": connected("peers-lack", "1 peer, it has nothing of what is missing", have_nothing),
    "a peer that chokes": connected("choked", "the connected peer chokes us", choke),
    "a peer that never answers": connected("peers-silent", "1 peer was asked, and nothing comes",
                                           FakeSeeder.claim_and_never_answer),
}


def announce_to(torrent, url):
    with open(torrent, "rb") as f:
        meta = bencode.decode(f.read())
    meta[b"announce"] = url
    with open(torrent, "wb") as f:
        f.write(bencode.encode(meta))


def prepare(t, situation):
    """The torrent's file and options that give it its peers."""
    path = content.write_file(t.path("origin", "data"), MIB)
    ours = [url for url in situation.trackers if not url.startswith("wss:")]
    torrent = our.create(t, path, trackers=ours)
    if ours != list(situation.trackers):
        announce_to(torrent, situation.trackers[0])  # which create refuses
    with open(path, "rb") as f:
        data = f.read()
    peers = [closed_port(t) if make is None else make(t, torrent, data).address for make in situation.peers]
    return torrent, [word for peer in peers for word in ("--peer", peer)]


def assert_said(situation, text):
    flat = " ".join(text.split())
    for word in situation.words:
        assert word in flat, f"{word!r} is not said:\n{text}"


def foreground(t, situation):
    torrent, peers = prepare(t, situation)
    getter = our.get(t, torrent, t.path("out"), *peers)
    told = getter.wait("why", WAIT_S, where=lambda e: e["code"] in situation.codes)
    assert_said(situation, told["text"])
    assert told["next_s"] is None or told["next_s"] >= 0, told
    getter.interrupt()
    plain = Process(t, [our.SPRAT, "get", "--listen", our.join(t.address(), 0), "--state-dir", t.path("plain"), "-o",
                        t.path("plain-out"), *peers, torrent])
    t.wait("the line", lambda: all(w in plain.stderr + "\n".join(map(str, plain.lines)) for w in situation.words),
           WAIT_S)
    plain.stop()


def background(t, situation):
    torrent, peers = prepare(t, situation)
    daemon = Daemon(t)
    daemon.sprat("add", "-o", t.path("daemon-out"), *peers, torrent)

    def shown():
        why = daemon.state("data")["why"]
        return why["code"] in situation.codes and all(w in why["text"] for w in situation.words)

    t.wait("the reason", shown, WAIT_S, step=0.2)
    # Timers of a peer or tracker that is tried again may be at any point: each screen has its own chance.
    for verb in (["ls"], ["info", "data"], ["why", "data"]):
        t.wait(verb[0], lambda: said_by(daemon, verb, situation), WAIT_S, step=0.2)
    t.wait("why --json", lambda: json.loads(daemon.sprat("why", "--json", "data").out)["reasons"][0]["code"] in
           situation.codes, WAIT_S, step=0.2)


def said_by(daemon, verb, situation):
    flat = " ".join(daemon.sprat(*verb).out.split())
    return all(word in flat for word in situation.words)


def add_tests():
    for name, make in SITUATIONS.items():
        for surface in (foreground, background):
            def check(t, make=make, surface=surface):
                surface(t, make(t))
            check.__name__ = f"{name.replace(' ', '_')}_in_the_{surface.__name__}"
            add(check.__name__.replace("_", " "), check, 120)


add_tests()


@test
def every_address_and_tracker_is_told(t):
    at, peer = closed_port(t), closed_port(t)
    path = content.write_file(t.path("origin", "data"), MIB)
    torrent = our.create(t, path, trackers=[f"http://{at}/announce"])
    daemon = Daemon(t, "--log-level", "debug")
    daemon.sprat("add", "-o", t.path("out"), "--peer", peer, torrent)
    t.wait("the try", lambda: daemon.rpc("torrent.why", torrent="data")["addresses"][:1] and
           daemon.rpc("torrent.why", torrent="data")["addresses"][0]["code"] == "refused", WAIT_S)
    told = daemon.rpc("torrent.why", torrent="data")
    assert told["addresses"][0]["addr"] == peer and told["addresses"][0]["failures"] >= 1, told
    assert told["addresses_known"] == 1 and told["pieces_missing"] > 0, told
    assert told["trackers"][0]["url"] == f"http://{at}/announce", told
    text = daemon.sprat("why", "data").out
    assert f"{peer} refused the connection" in text, text
    assert at in text and "trackers" in text and "limits" in text, text
    t.wait("the log", lambda: f"peer {peer}: refused the connection" in daemon.stderr, WAIT_S)
    missing = daemon.sprat("why", "nothing-of-that-name", status=1)
    assert missing.err.count("\n") == 1, str(missing)


@test
def a_pause_says_so_and_has_no_rates(t):
    path = content.write_file(t.path("origin", "data"), 16 * MIB)
    torrent = our.create(t, path)
    seeder = our.seed(t, torrent, os.path.dirname(path), "--up-limit", "1M")
    daemon = Daemon(t)
    daemon.sprat("add", "-o", t.path("out"), "--peer", seeder.address, torrent)
    t.wait("a rate", lambda: daemon.state("data")["down_rate"] > 0, WAIT_S)
    daemon.sprat("pause", "data")
    paused = daemon.state("data")
    assert paused["state"] == "paused" and paused["why"]["code"] == "paused", paused
    assert paused["down_rate"] == 0 and paused["up_rate"] == 0, paused
    assert "paused" in daemon.sprat("why", "data").out


@test
def a_full_disk_says_so_and_has_no_rate(t):
    faults.need_plain()
    path = content.write_file(t.path("origin", "data"), 8 * MIB)
    torrent = our.create(t, path)
    seeder = our.seed(t, torrent, os.path.dirname(path))
    out = t.path("out", "x")[:-2]
    layer = faults.Faults(t.dir, [out])
    layer.fail(faults.WRITE, errno.ENOSPC)
    getter = our.get(t, torrent, out, peers=[seeder], env=layer.env())
    told = getter.wait("why", WAIT_S, where=lambda e: e["code"] == "disk-full")
    assert told["text"].startswith("paused by a full disk") and told["next_s"] is not None, told
    shown = getter.wait("progress", WAIT_S, where=lambda e: e["state"] == "error")
    assert shown["down_rate"] == 0, shown
    layer.stop()
    getter.complete(WAIT_S)
    getter.finish()


@test
def skipped_files_and_a_finished_selection(t):
    for name in ("one", "two"):
        content.write_file(t.path("origin/album", name), MIB)
    torrent = our.create(t, t.path("origin", "album"))
    seeder = our.seed(t, torrent, t.path("origin", "x")[:-2])
    daemon = Daemon(t)
    daemon.sprat("add", "-o", t.path("out"), "--skip", "*", torrent)
    t.wait("the reason", lambda: daemon.state("album")["why"]["code"] == "all-skipped", WAIT_S)
    for verb in (["ls"], ["info", "album"], ["why", "album"]):
        assert "all files are skipped" in daemon.sprat(*verb).out
    daemon.sprat("rm", "album")
    t.wait("its end", lambda: daemon.state("album") is None, WAIT_S)
    daemon.sprat("add", "-o", t.path("out2"), "--only", "one", "--peer", seeder.address, torrent)
    t.wait("the selection", lambda: "selection complete" in daemon.state("album")["state_text"], WAIT_S)
    assert daemon.state("album")["state_text"] == "seeding, selection complete (50.0 % of the torrent)"
    assert "selection complete" in daemon.sprat("info", "album").out


@test
def a_ratio_that_is_reached_says_so(t):
    path = content.write_file(t.path("origin", "data"), MIB)
    torrent = our.create(t, path)
    daemon = Daemon(t)
    daemon.sprat("add", "-o", os.path.dirname(path), "--seed", "0", torrent)
    daemon.await_state("data", "stopped")
    found = daemon.state("data")
    assert found["why"]["code"] == "ratio-reached", found
    assert found["state_text"] == "stopped: ratio 0.00 reached", found
    assert "ratio 0.00 reached" in daemon.sprat("ls").out


@test
def get_gives_up_with_a_status_of_its_own(t):
    path = content.write_file(t.path("origin", "data"), MIB)
    torrent = our.create(t, path)
    getter = our.get(t, torrent, t.path("out"), "--give-up-after", "3s")
    assert getter.status(WAIT_S) == 4, getter.report()
    error = getter.last("error")
    assert error["fatal"] and error["why"] == "no-tracker" and "no tracker" in error["message"], error
    assert getter.last("stopped"), getter.report()
    wrong = our.sprat(t, "get", "--give-up-after", "soon", torrent, status=2)
    assert "10m" in wrong.err, wrong.err


@test
def junk_is_no_progress(t):
    def serve_junk(peer, connection):
        FakeSeeder.serve(peer, connection)

    path = content.write_file(t.path("origin", "data"), 4 * MIB)
    torrent = our.create(t, path, form="v1")
    info = our.show(t, torrent)
    with open(path, "rb") as f:
        data = f.read()
    liars = [FakeSeeder(t, bytes.fromhex(info["info_hash_v1"]), data, info["piece_length"], serve_junk,
                        bend=lambda index, begin, block: bytes(len(block))) for _ in range(3)]
    getter = our.get(t, torrent, t.path("out"), "--give-up-after", "4s", peers=liars)
    assert getter.status(WAIT_S) == 4, getter.report()
    assert sum(liar.served for liar in liars) > 0, "nothing was sent: the test shows nothing"


@test
def progress_is_patience(t):
    path = content.write_file(t.path("origin", "data"), 6 * MIB)
    torrent = our.create(t, path)
    seeder = our.seed(t, torrent, os.path.dirname(path), "--up-limit", "512K", "--give-up-after", "10m")
    getter = our.get(t, torrent, t.path("out"), "--give-up-after", "10s", peers=[seeder])
    getter.complete(50)
    getter.finish()


@test
def a_seed_that_nobody_asks_gives_up_too(t):
    path = content.write_file(t.path("origin", "data"), MIB)
    torrent = our.create(t, path)
    seeder = our.seed(t, torrent, os.path.dirname(path), "--give-up-after", "3s")
    assert seeder.status(WAIT_S) == 4, seeder.report()


@test
def the_reasons_fit_a_narrow_terminal(t):
    daemon = Daemon(t)
    path = content.write_file(t.path("origin", "data"), 100_000)
    torrent = our.create(t, path, trackers=["http://%s/a/rather/long/path/of/an/announce" % closed_port(t)])
    daemon.sprat("add", "-o", t.path("out"), torrent)
    t.wait("its failure", lambda: "refused" in daemon.sprat("why", "data").out, WAIT_S)
    argv = [our.SPRAT, "why", "--socket", daemon.socket, "data"]
    shown, status = terminal.on_terminal(t, argv, 40)
    assert status == 0, shown
    wide = [line for line in shown.splitlines() if len(line) > 40 and " " in line.strip()]
    assert not wide, wide
    assert "refused" in shown, shown


our.main(our.SPRAT, our.SPRATD)
