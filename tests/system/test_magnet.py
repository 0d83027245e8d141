#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Magnet links (BEP 9, 53): the metadata comes from peers, which trackers or the link name, and then the content. By the
v1 info-hash, the v2 one and both; private torrents; links that choose files; hostile peers; `sprat show`."""

import hashlib
import json
import os
import re
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import bencode
import content
import fake_peer
import fake_tracker
import sprat as our
from daemon import Daemon
from tap import add, test

EXTENDED = bytes([0, 0, 0, 0, 0, 0x10, 0, 0])


def link(shown, *more, hashes=("v1", "v2")):
    topics = {"v1": "xt=urn:btih:%s", "v2": "xt=urn:btmh:1220%s"}
    parts = [topics[h] % shown["info_hash_" + h] for h in hashes if shown["info_hash_" + h]]
    assert parts, "no such hash"
    return "magnet:?" + "&".join([*parts, "dn=a+link", *more])


def seeded(t, form="hybrid", *args, length=3_000_000):
    path = content.write_file(t.path("original", "data"), length)
    meta = our.create(t, path, *args, form=form)
    return path, our.show(t, meta), our.seed(t, meta, os.path.dirname(path))


def order(peer, *events):
    return [e["event"] for e in peer.events if e["event"] in events]


def by_hash(form, *hashes):
    def check(t):
        path, shown, seeder = seeded(t, form)
        getter = our.get(t, link(shown, "x.pe=" + seeder.address, hashes=hashes), t.path("copy"))
        getter.finish()
        content.assert_same(path, t.path("copy", "data"))
        assert order(getter, "ready", "metadata", "checked", "complete") == ["ready", "metadata", "checked", "complete"]
        ready, metadata = getter.last("ready"), getter.last("metadata")
        assert ready["name"] == "a link" and ready["total_size"] is None, ready
        assert metadata["name"] == "data" and metadata["total_size"] == 3_000_000 and metadata["files"] == 1, metadata
        assert metadata["info_hash_v1"] == shown["info_hash_v1"], metadata
        assert metadata["info_hash_v2"] == shown["info_hash_v2"], metadata
    return check


for form, hashes in (("v1", ["v1"]), ("v2", ["v2"]), ("hybrid", ["v1"]), ("hybrid", ["v2"]), ("hybrid", ["v1", "v2"])):
    add(f"a {form} torrent by {' and '.join(hashes)}", by_hash(form, *hashes))


@test
def a_link_with_the_truncated_v2_hash(t):
    path, shown, seeder = seeded(t, "v2")
    text = f"magnet:?xt=urn:btih:{shown['info_hash_v2'][:40]}&x.pe={seeder.address}"
    getter = our.get(t, text, t.path("copy"))
    getter.finish()
    content.assert_same(path, t.path("copy", "data"))


@test
def between_two_daemons_that_only_know_a_tracker(t):
    tracker = our.Tracker(t)
    path = content.write_tree(t.path("original", "tree"), {f"{i}": 100_000 + i for i in range(30)})
    meta = our.create(t, path, trackers=[tracker.http])
    shown = our.show(t, meta)
    theirs = Daemon(t, state="theirs")
    theirs.sprat("add", "-o", os.path.dirname(path), meta)
    theirs.await_state("tree", "seeding")
    ours = Daemon(t, state="ours")
    out = os.path.dirname(t.path("out", "x"))
    added = ours.sprat("add", "-o", out, link(shown, "tr=" + tracker.http)).out
    assert added.endswith("a link; fetching its metadata\n"), added
    ours.await_state("tree", "seeding", seconds=60)
    content.assert_same(path, os.path.join(out, "tree"))
    ours.kill()
    ours = Daemon(t, state="ours")
    state = ours.await_state("tree", "seeding")
    assert state["info_hash_v2"] == shown["info_hash_v2"] and state["metadata"] is None, state


@test
def a_seed_at_rest_sends_its_metadata(t):
    path = content.write_file(t.path("original", "data"), 100_000)
    meta = our.create(t, path)
    daemon = Daemon(t, "--rest-after", "1")
    daemon.sprat("add", "-o", os.path.dirname(path), meta)
    daemon.await_state("data", "seeding")
    shown = json.loads(our.sprat(t, "show", "--json", link(our.show(t, meta), "x.pe=" + daemon.listening()), status=0).out)
    assert shown["total_size"] == 100_000


@test
def show_prints_what_a_link_stands_for_and_leaves_nothing(t):
    path, shown, seeder = seeded(t)
    text = link(shown, "tr=http://127.0.0.1:1/a", "ws=http://127.0.0.1:1/", "x.pe=" + seeder.address)
    before = set(os.listdir("/dev/shm")) if os.path.isdir("/dev/shm") else None
    got = json.loads(our.sprat(t, "show", "--json", text, status=0).out)
    for key in ("name", "info_hash_v1", "info_hash_v2", "files", "total_size", "piece_count", "private"):
        assert got[key] == shown[key], key
    assert got["trackers"] == [["http://127.0.0.1:1/a"]] and got["web_seeds"] == ["http://127.0.0.1:1/"], got
    assert re.search(r"^name +data$", our.sprat(t, "show", text, status=0).out, re.M)
    assert not os.listdir(os.path.dirname(t.path("xdg", "x")))
    assert before is None or not [x for x in set(os.listdir("/dev/shm")) - before if x.startswith("sprat-")]
    seeder.interrupt()
    killed = our.Process(t, [our.SPRAT, "show", text])
    own = t.wait("its directory", lambda: [x for x in os.listdir("/dev/shm") if x.startswith("sprat-show-") and
                                           x not in before], 10) if before is not None else []
    killed.kill()
    late = our.sprat(t, "show", "--give-up-after", "1s", text, status=4)
    assert not [x for x in own if os.path.exists(os.path.join("/dev/shm", x))], "the next command removes what was left"
    assert not late.out and "gave up after 1 s" in late.err, str(late)


def by_number(form, numbers):
    """As libtorrent counts: pad files, and in v2 the gaps behind files, have numbers too."""
    def check(t):
        path = content.write_tree(t.path("original", "tree"), {f"f{i}": 50_000 + i for i in range(6)})
        meta = our.create(t, path, form=form)
        seeder = our.seed(t, meta, os.path.dirname(path))
        text = link(our.show(t, meta), f"so={numbers}", "x.pe=" + seeder.address)
        our.get(t, text, t.path("copy")).finish()
        assert sorted(os.listdir(t.path("copy", "tree"))) == ["f1", "f3", "f4"]
        daemon = Daemon(t)
        out = os.path.dirname(t.path("out", "x"))
        daemon.sprat("add", "-o", out, "--paused", text)
        daemon.kill()
        daemon = Daemon(t)
        daemon.sprat("resume", "a link")
        daemon.await_state("tree", "seeding")
        assert sorted(os.listdir(os.path.join(out, "tree"))) == ["f1", "f3", "f4"]
        files = daemon.rpc("torrent.info", torrent="tree")["files"]
        assert [f["priority"] for f in files] == ["skip", "normal", "skip", "normal", "normal", "skip"], files
        refused = our.sprat(t, "get", "--only", "f1", text, status=1)
        assert "so=" in refused.err
    return check


for form, numbers in (("v1", "1,3-4,99"), ("v2", "2,6-8,99"), ("hybrid", "2,6-8,99")):
    add(f"a link chooses files of a {form} torrent by number", by_number(form, numbers))


@test
def a_second_run_needs_no_metadata(t):
    """An earlier run has stored it, under more hashes than the link names."""
    path, shown, seeder = seeded(t)
    text = link(shown, hashes=["v1"])
    state = ("--state-dir", t.path("known", "x")[:-2])
    first = our.get(t, text + "&x.pe=" + seeder.address, t.path("copy"), *state)
    first.finish()
    second = our.get(t, text, t.path("copy"), *state)
    second.finish()
    assert second.last("ready")["total_size"] == 3_000_000 and second.last("checked")["pieces_have"] > 0
    daemon = Daemon(t, state="known")
    daemon.sprat("add", "-o", t.path("copy"), text + "&x.pe=" + seeder.address)
    daemon.await_state("data", "seeding")
    daemon.kill()
    daemon = Daemon(t, state="known")
    daemon.await_state("data", "seeding")
    assert len(daemon.listing()) == 1, daemon.listing()


@test
def a_pause_ends_the_search(t):
    path, shown, seeder = seeded(t)
    daemon = Daemon(t)
    out = os.path.dirname(t.path("out", "x"))
    daemon.sprat("add", "-o", out, "--paused", link(shown, "x.pe=" + seeder.address))
    assert daemon.state("a link")["state"] == "paused"
    daemon.sprat("limit", "a link", "--down", "50K")
    daemon.sprat("resume", "a link")
    daemon.await_state("data", "downloading", "seeding")
    assert daemon.state("data")["down_limit"] == 50 << 10


# --- private torrents ---


@test
def a_private_torrent_forgets_all_but_its_trackers_peers(t):
    """The peer of the link gives the metadata, and nothing else is asked of it."""
    tracker = our.Tracker(t)
    path, shown, seeder = seeded(t, "hybrid", "--private")
    daemon = Daemon(t)
    out = os.path.dirname(t.path("out", "x"))
    daemon.sprat("add", "-o", out, link(shown, "tr=" + tracker.http, "x.pe=" + seeder.address))
    daemon.await_state("data", "downloading")
    info = daemon.rpc("torrent.info", torrent="data")
    assert [x["url"] for x in info["trackers"]] == [tracker.http], info
    t.wait("the peer to be forgotten", lambda: not daemon.rpc("torrent.info", torrent="data")["peer_list"], 10)
    for _ in range(2):  # one after another; the seeder would have had time to connect to the daemon
        assert seeder.wait("progress")["up"] == 0
    daemon.kill()
    daemon = Daemon(t)
    assert daemon.await_state("data", "downloading")["peers"] == 0
    second = our.seed(t, our.create(t, path, "--private", trackers=[tracker.http]), os.path.dirname(path))
    assert second.address
    daemon.await_state("data", "seeding", seconds=90)
    content.assert_same(path, os.path.join(out, "data"))


@test
def with_private_only_trackers_name_peers(t):
    for words, extra in (([], ["x.private=1"]), (["--private"], [])):
        stranger = socket.create_server((t.address(), 0))
        stranger.settimeout(2)
        shown = {"info_hash_v1": "a" * 40, "info_hash_v2": None}
        asked = fake_tracker.FakeTracker(t, lambda *_: fake_tracker.good(interval=1800))
        text = link(shown, "tr=" + asked.url, "x.pe=%s:%d" % stranger.getsockname(), *extra)
        getter = our.get(t, text, t.path("copy"), *words)
        t.wait("the tracker", lambda: asked.asked, 20)
        try:
            stranger.accept()
            raise AssertionError("the link's peer was dialled")
        except TimeoutError:
            pass
        finally:
            stranger.close()
        getter.interrupt()


TURNS = 16  # TORRENT_TURNS_MAX of peer/torrent/torrent_env.h


@test
def few_links_dial_at_a_time(t):
    """More links than dial at a time, whose peer takes connections and says nothing; the last link has a good one."""
    def mute(seeder, connection):
        seeder.stay_silent(connection)

    mute.raw = True
    path, shown, seeder = seeded(t, "v1")
    daemon = Daemon(t)
    silent = fake_peer.FakeSeeder(t, bytes(20), b"", 16384, behave=mute)
    for i in range(TURNS + 4):
        daemon.sprat("add", "-o", t.path("out", ""), f"magnet:?xt=urn:btih:{i + 1:040x}&x.pe={silent.address}")
    daemon.sprat("add", "-o", t.path("out", ""), link(shown, "x.pe=" + seeder.address))
    t.wait("the first turns", lambda: silent.connections >= TURNS, 20)
    time.sleep(1)
    assert silent.connections == TURNS, silent.connections
    daemon.await_state("data", "seeding", seconds=90)
    content.assert_same(path, t.path("out", "data"))


# --- hostile peers ---


class Teller:
    """A peer that speaks ut_metadata as the test wants: answer(block) returns the payload of the message, or None."""

    def __init__(self, t, info_hash, size, answer):
        self.requests = 0
        self._hash, self._size, self._answer = info_hash, size, answer
        self._server = socket.create_server((t.address(), 0))
        self.address = "%s:%d" % self._server.getsockname()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        t.defer(self._close)

    def _close(self):
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(5)

    def _serve(self):
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(20)
                try:
                    self._speak(connection)
                except (OSError, EOFError, ValueError):
                    pass

    def _speak(self, c):
        fake_peer.read_exactly(c, 68)
        c.sendall(fake_peer.handshake(self._hash, EXTENDED))
        hello = bencode.encode({"m": {"ut_metadata": 9}, "metadata_size": self._size})
        c.sendall(fake_peer.message(20, b"\0" + hello))
        theirs = None
        while True:
            kind, payload = fake_peer.read_message(c)
            if kind != 20:
                continue
            if payload[0] == 0:
                theirs = int(re.search(rb"11:ut_metadatai(\d+)e", payload)[1])
                continue
            self.requests += 1
            block = int(re.search(rb"5:piecei(\d+)e", payload)[1])
            said = self._answer(block)
            if said is not None:
                c.sendall(fake_peer.message(20, bytes([theirs]) + said))


def data(block, size, payload):
    return bencode.encode({"msg_type": 1, "piece": block, "total_size": size}) + payload


@test
def liars_delay_the_metadata_and_do_not_stop_it(t):
    path, shown, seeder = seeded(t, "v1", length=40_000_000)
    meta = our.create(t, path, "--piece-length", "16K", form="v1")
    shown = our.show(t, meta)
    seeder = our.seed(t, meta, os.path.dirname(path))
    with open(meta, "rb") as f:
        info = re.search(rb"4:infod.*", f.read(), re.S)[0][6:-1]
    assert hashlib.sha1(info).hexdigest() == shown["info_hash_v1"] and len(info) > 32768
    name = bytes.fromhex(shown["info_hash_v1"])
    size = len(info)
    liars = [
        Teller(t, name, size, lambda b: data(b, size, bytes(min(16384, size - b * 16384)))),  # wrong blocks
        Teller(t, name, size, lambda b: data(b, size, b"short")),
        Teller(t, name, size, lambda b: data(b, size + 1, info[b * 16384:][:16384])),  # another size
        Teller(t, name, size, lambda b: bencode.encode({"msg_type": 2, "piece": b})),  # rejects
        Teller(t, name, size, lambda b: None),  # silence
        Teller(t, name, 33554432, lambda b: data(b, 33554432, bytes(16384))),  # the longest size
        Teller(t, name, 1 << 40, lambda b: data(b, 1 << 40, bytes(16384))),
        Teller(t, name, size, lambda b: b"no message"),
    ]
    peers = ["x.pe=" + x.address for x in liars] + ["x.pe=" + seeder.address]
    getter = our.get(t, link(shown, *peers), t.path("copy"))
    getter.wait("metadata", 60)
    getter.complete(90)
    content.assert_same(path, t.path("copy", "data"))
    assert liars[6].requests == 0, "2^40 is no size"
    getter.finish()


@test
def what_is_no_torrent_is_said(t):
    info = bencode.encode({"name": b"x"})
    teller = Teller(t, hashlib.sha1(info).digest(), len(info), lambda b: data(b, len(info), info))
    shown = {"info_hash_v1": hashlib.sha1(info).hexdigest(), "info_hash_v2": None}
    text = link(shown, "x.pe=" + teller.address)
    our.get(t, text, t.path("copy")).fail("the metadata is no valid torrent")
    daemon = Daemon(t)
    daemon.sprat("add", "-o", t.path("copy"), text)
    daemon.await_state("a link", "error")
    assert "no valid torrent" in daemon.sprat("why", "a link").out
    daemon.sprat("rm", "a link")
    t.wait("its removal", lambda: daemon.listing() == [], 10)


if __name__ == "__main__":
    our.main(our.SPRAT, our.SPRATD)
