#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A private torrent with two trackers announces to one at a time, and leaves all peers when the other one takes over (BEP
27): a torrent file, and a link."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import content
import sprat as our
import torrent as torrents
from daemon import Daemon
from fake_peer import FakeSeeder
from fake_tracker import FakeTracker, good, http
from tap import test

INTERVAL = 30  # ANNOUNCE_INTERVAL_MIN_S of peer/core/announce.h
FAILURES = 3   # GIVEN_UP_AFTER of peer/core/announce_one.c


class Swarms:
    """A private torrent with a swarm at each of two trackers: one peer that has the data and gives nothing, and one that
    gives everything. The first tracker answers once, and then fails."""

    def __init__(self, t, name):
        path = content.write_file(t.path("origin", name), 300_000, len(name))
        made = torrents.make(path, form="v1", private=True)
        self.name, self.path, self.hash = name, path, torrents.hashes(made)[0]
        bare = torrents.write(made, t.path(name + ".bare"))
        with open(path, "rb") as f:
            self.idle = FakeSeeder(t, self.hash, f.read(), made["info"]["piece length"],
                                   behave=FakeSeeder.claim_and_never_answer)
        self.giving = our.seed(t, bare, os.path.dirname(path))
        self.first = FakeTracker(t, self._first)
        self.second = FakeTracker(t, lambda *_: good(self.giving.address, interval=INTERVAL))
        made["announce-list"] = [[self.first.url], [self.second.url]]
        self.torrent = torrents.write(made, t.path(name + ".torrent"))
        self.link = f"magnet:?xt=urn:btih:{self.hash.hex()}&tr={self.first.url}&tr={self.second.url}"

    def _first(self, _path, query, number):
        if number == 1 and query.get("event") == b"started":
            return good(self.idle.address, interval=INTERVAL)
        return http(b"", "503 Service Unavailable")


@test
def peers_are_left_with_their_tracker(t):
    file, link = Swarms(t, "file"), Swarms(t, "the-link")
    daemon = Daemon(t)
    daemon.rpc("torrent.add", path=file.torrent, save_dir=t.path("copy", ""))
    daemon.sprat("add", "--private", "-o", t.path("copy", ""), link.link)
    t.wait("a peer of the first tracker", lambda: file.idle.connections and link.idle.connections, 20)
    assert not file.second.asked and not link.second.asked
    for swarms in (file, link):
        daemon.await_state(swarms.name, "seeding", seconds=90)
        content.assert_same(swarms.path, t.path("copy", swarms.name))
        t.wait("its goodbye", lambda: swarms.first.events()[-1:] == [b"stopped"], 20)
        assert swarms.second.events()[0] == b"started", swarms.second.events()
        failed = swarms.first.events()[1:-1]
        assert failed == [b""] * FAILURES, failed
    assert file.idle.connections == 1, "it was dialled again after its tracker was left"
    daemon.stop()


our.main(our.SPRAT, our.SPRATD)
