#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""spratd with several loops: torrents on all loops at once, connections that move to their loop, and limits over all
loops."""

import os
import signal
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import content
import sprat as our
from daemon import Daemon, one_line
from fake_tracker import FakeUdpTracker
from hung import hung
from tap import test

LOOPS = "3"
FORMS = ("hybrid", "v1", "v2")
MIB = 1 << 20


class Shelf:
    """Files with a torrent each, and daemons that have them."""

    def __init__(self, t, count, length):
        self.t = t
        self.names = [f"file-{i}" for i in range(count)]
        self.paths, self.torrents = {}, {}
        for i, name in enumerate(self.names):
            self.paths[name] = content.write_file(t.path("origin", name), length + 1000 * i, i)
            self.torrents[name] = our.create(t, self.paths[name], form=FORMS[i % len(FORMS)])

    def add(self, daemon, folder, names=None, **more):
        for name in names or self.names:
            daemon.rpc("torrent.add", path=self.torrents[name], save_dir=folder, **more)

    def seeding(self, daemon, seconds=50):
        """Waits until all are complete; fails where one has failed."""
        def reached():
            states = [x["state"] for x in daemon.rpc("torrent.list")]
            assert "error" not in states, daemon.rpc("torrent.list")
            return states == ["seeding"] * len(self.names)
        self.t.wait("all to seed", reached, seconds, step=0.1)

    def seeder(self, *args):
        """A daemon with all of them, and its address."""
        daemon = Daemon(self.t, "--loops", LOOPS, *args, state="seeder")
        self.add(daemon, os.path.dirname(self.paths[self.names[0]]))
        self.seeding(daemon)
        return daemon, daemon.listening()

    def compare(self, folder):
        for name in self.names:
            content.assert_same(self.paths[name], os.path.join(folder, name))


def hello(address, info_hash, seconds=10, behind=b""):
    """Shakes hands as a peer and sends |behind| with it; the socket, and what came back of 68 bytes."""
    host, _, port = address.rpartition(":")
    s = socket.create_connection((host, int(port)), seconds)
    s.settimeout(seconds)
    s.sendall(b"\x13BitTorrent protocol" + bytes(8) + info_hash + b"-XX0000-" + os.urandom(12) + behind)
    answer = b""
    try:
        while len(answer) < 68 and (part := s.recv(68 - len(answer))):
            answer += part
    except ConnectionError:
        pass
    return s, answer


def wire_hash(t, torrent):
    shown = our.show(t, torrent)
    return bytes.fromhex(shown["info_hash_v1"] or shown["info_hash_v2"][:40])


@test
def torrents_of_all_loops_are_fetched_at_once(t):
    shelf = Shelf(t, 9, MIB)
    seeder, address = shelf.seeder()
    leecher = Daemon(t, "--loops", "4", state="leecher")
    assert leecher.rpc("daemon.info")["loops"] == 4
    shelf.add(leecher, t.path("copy", ""), peers=[address])
    shelf.seeding(leecher)
    shelf.compare(t.path("copy"))
    for daemon in (seeder, leecher):
        assert [x["name"] for x in daemon.rpc("torrent.list")] == shelf.names, "in the order of adding"
    up = sum(x["uploaded"] for x in seeder.rpc("torrent.list"))
    down = sum(x["downloaded"] for x in leecher.rpc("torrent.list"))
    assert up >= down >= sum(os.path.getsize(p) for p in shelf.paths.values()), (up, down)
    leecher.sprat("shutdown")
    assert leecher.status() == 0
    assert seeder.stop() == 0


@test
def a_connection_comes_to_the_loop_of_its_torrent(t):
    shelf = Shelf(t, 6, 50_000)
    seeder, address = shelf.seeder()
    held = []
    for name in shelf.names:
        s, answer = hello(address, wire_hash(t, shelf.torrents[name]))
        assert answer[28:48] == wire_hash(t, shelf.torrents[name]), (name, answer)
        held.append(s)
    peers = [x["peers"] for x in seeder.rpc("torrent.list")]
    assert peers == [1] * len(shelf.names), peers
    s, answer = hello(address, b"no such torrent here")
    s.close()
    assert answer == b"", "nobody has it"
    for s in held:
        s.close()
    t.wait("all to be gone", lambda: not any(x["peers"] for x in seeder.rpc("torrent.list")), 20, step=0.1)


@test
def messages_behind_the_handshake_come_to_the_loop_too(t):
    shelf = Shelf(t, 6, 50_000)
    seeder, address = shelf.seeder()
    interested, unchoke = b"\0\0\0\1\2", b"\0\0\0\1\1"
    for name in shelf.names:
        s, answer = hello(address, wire_hash(t, shelf.torrents[name]), behind=interested)
        assert len(answer) == 68, (name, answer)
        said = b""
        while unchoke not in said:
            part = s.recv(4096)
            assert part, f"{name} closed the connection after {said}"
            said += part
        s.close()
    assert seeder.stop() == 0


@test
def connections_of_all_loops_are_counted_together(t):
    shelf = Shelf(t, 3, 50_000)
    most = 5
    seeder, address = shelf.seeder("--max-connections", str(most))
    held = []
    for i in range(9):
        s, answer = hello(address, wire_hash(t, shelf.torrents[shelf.names[i % 3]]))
        held.append(s)
        assert bool(answer) == (i < most), f"connection {i}"
    assert sum(x["peers"] for x in seeder.rpc("torrent.list")) == most
    held[0].close()
    t.wait("room for another", lambda: hello(address, wire_hash(t, shelf.torrents["file-1"]))[1], 20, step=0.1)


def sent(daemon):
    """When it was asked and when it answered, and the bytes of all torrents."""
    before = time.monotonic()
    up = sum(x["uploaded"] for x in daemon.rpc("torrent.list"))
    return before, time.monotonic(), up


def flow(daemon, limit, seconds):
    """The mean rate over |seconds|; no stretch of it may be above the limit and its burst."""
    first = last = sent(daemon)
    while last[1] - first[1] < seconds:
        time.sleep(0.2)
        now = sent(daemon)
        for since in (first, last):
            most = limit * (now[1] - since[0]) + 0.1 * limit + 3 * 16384
            assert now[2] - since[2] <= most, f"{now[2] - since[2]} bytes, where {most} were allowed"
        last = now
    return (last[2] - first[2]) / (last[1] - first[1])


@test
def a_limit_holds_for_all_loops_together(t):
    limit = 400 << 10
    shelf = Shelf(t, 3, 8 * MIB)
    seeder, address = shelf.seeder("--up-limit", "400K")
    our.get(t, shelf.torrents["file-1"], t.path("copy"), peers=[address])
    t.wait("the first bytes", lambda: sent(seeder)[2] > 100_000, 30, step=0.1)
    alone = flow(seeder, limit, 4)
    assert alone > limit / 2, f"{alone} alone: idle loops keep their part of the limit"
    for name in ("file-0", "file-2"):
        our.get(t, shelf.torrents[name], t.path("copy"), peers=[address])
    t.wait("bytes of all", lambda: all(x["up_rate"] > limit / 20 for x in seeder.rpc("torrent.list")), 30, step=0.1)
    before = [x["uploaded"] for x in seeder.rpc("torrent.list")]
    together = flow(seeder, limit, 6)
    assert together > limit / 2, together
    moved = [x["uploaded"] - b for x, b in zip(seeder.rpc("torrent.list"), before)]
    assert min(moved) > 0.5 * max(moved), f"{moved}: loops have uneven parts"
    seeder.rpc("daemon.limits", up_limit=limit // 4)
    time.sleep(0.3)  # what was allowed before is on its way
    flow(seeder, limit // 4, 2)


@test
def kill_9_loses_little_in_any_loop(t):
    length = 4 * MIB
    shelf = Shelf(t, 6, length)
    seeder, address = shelf.seeder()
    copy = t.path("copy", "")
    leecher = Daemon(t, "--loops", "3", "--down-limit", "6M", state="leecher")
    shelf.add(leecher, copy, peers=[address])
    t.wait("half of each", lambda: all(x["bytes_have"] > length / 3 for x in leecher.rpc("torrent.list")), 40,
           step=0.05)
    had = sum(x["bytes_have"] for x in leecher.rpc("torrent.list"))
    leecher.kill()
    again = Daemon(t, "--loops", "2", state="leecher")
    shelf.seeding(again)
    shelf.compare(copy)
    total = sum(os.path.getsize(p) for p in shelf.paths.values())
    down = sum(x["downloaded"] for x in again.rpc("torrent.list"))
    assert [x["name"] for x in again.rpc("torrent.list")] == shelf.names
    assert down <= total + 6 * MIB, f"{down} bytes for {total}, of which {had} were there"
    assert again.stop() == 0


@test
def commands_reach_torrents_of_every_loop(t):
    shelf = Shelf(t, 5, 100_000)
    daemon = Daemon(t, "--loops", LOOPS)
    shelf.add(daemon, os.path.dirname(shelf.paths["file-0"]))
    shelf.seeding(daemon)
    for i, name in enumerate(shelf.names):
        shown = our.show(t, shelf.torrents[name])
        short = (shown["info_hash_v1"] or shown["info_hash_v2"])[:12]
        daemon.sprat("limit", "--up", f"{i + 1}K", short)
        assert daemon.state(name)["up_limit"] == (i + 1) * 1024
        daemon.sprat("pause", name)
        daemon.await_state(name, "paused")
        assert daemon.rpc("torrent.info", torrent=short)["files"][0]["pieces_have"] > 0
        assert "already there" in daemon.sprat("add", shelf.torrents[name]).out
    one_line(daemon.sprat("pause", "file-9", status=1), "file-9")
    daemon.sprat("rm", "file-3")
    t.wait("its removal", lambda: daemon.state("file-3") is None, 10)
    shelf.add(daemon, os.path.dirname(shelf.paths["file-0"]), ["file-3"])
    daemon.await_state("file-3", "seeding")
    for name in shelf.names:
        daemon.sprat("resume", name)
    shelf.seeding(daemon)


@test
def a_loop_that_hangs_is_shown(t):
    shelf = Shelf(t, 4, 50_000)
    daemon = Daemon(t, "--loops", "2")
    shelf.add(daemon, os.path.dirname(shelf.paths["file-0"]))
    shelf.seeding(daemon)
    whole = {x["name"]: x for x in daemon.rpc("torrent.list")}
    with hung(daemon, "loop 1"):
        listed = daemon.rpc("torrent.list")
        assert [x["name"] for x in listed] == shelf.names, listed
        silent = [x for x in listed if x["state"] == "not answering"]
        assert len(silent) == 2 and sum(x["state"] == "seeding" for x in listed) == 2, listed
        for found in silent:
            before = whole[found["name"]]
            assert found.keys() == before.keys(), found.keys() ^ before.keys()
            for key in ("info_hash_v1", "info_hash_v2", "total_size"):
                assert found[key] == before[key], found
            assert found["why"]["code"] == "not-answering" and "has not answered for" in found["why"]["text"], found
            assert found["uploaded"] is None
        name = silent[0]["name"]
        why = daemon.rpc("torrent.why", torrent=name)
        assert why["state"] == "not answering" and why["reasons"][0]["code"] == "not-answering", why
        shown = daemon.sprat("ls").out
        line = next(x for x in shown.splitlines() if name in x)
        assert "not answering" in line and "%" not in line, shown
        assert shown.count("has not answered for") == 2, shown
        assert "has not answered for" in daemon.sprat("why", name).out
        other = next(x["name"] for x in listed if x["state"] == "seeding")
        daemon.sprat("pause", other)
        one_line(daemon.sprat("pause", name, status=1), "loop 1 has not answered")
    shelf_states = lambda: {x["state"] for x in daemon.rpc("torrent.list")}
    t.wait("all to answer", lambda: shelf_states() == {"seeding", "paused"}, 20)


@test
def three_signals_end_it_at_once(t):
    shelf = Shelf(t, 4, 100_000)
    silent = socket.create_server((t.address(), 0))
    t.defer(silent.close)
    url = "http://%s:%d/announce" % silent.getsockname()
    udp = FakeUdpTracker(t, lambda *_: None)
    daemon = Daemon(t, "--loops", LOOPS)
    shelf.add(daemon, os.path.dirname(shelf.paths["file-0"]), trackers=[url, udp.url])
    shelf.seeding(daemon)
    t.wait("the UDP tracker to be asked", lambda: len(udp.asked) >= len(shelf.names), 30)
    for _ in range(3):
        daemon.send(signal.SIGTERM)
        time.sleep(0.05)
    # 1 if the third signal came before the end that the second one hurried.
    assert daemon.status(4) in (0, 1), daemon.report()
    again = Daemon(t, "--loops", "1")
    shelf.seeding(again)


@test
def how_many_loops_is_checked(t):
    for wrong in ("0", "17", "many"):
        result = our.run(t, [our.SPRATD, "--loops", wrong])
        assert result.status == 2 and "loops" in result.err and "from 1 to 16" in result.err, str(result)


if __name__ == "__main__":
    our.main(our.SPRAT, our.SPRATD)
