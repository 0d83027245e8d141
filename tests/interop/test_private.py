#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Other clients in a private tracker: each with its own user's passkey, and what they report adds up."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import clients
import content
import sprat
import tap
import torrent
from members import Private, ask, command, user
from tap import Skip

SIZE = 3 * (1 << 20) + 4321


class Ours:
    """`sprat seed` behind the same face."""

    name = "sprat"

    def __init__(self, t, ip=None):
        self.t, self._process = t, None

    @staticmethod
    def why_not():
        return None

    def share(self, meta, folder):
        self._process = sprat.seed(self.t, meta, folder)

    def complete(self):
        pass

    def announced(self):
        pass

    def leave(self):
        self._process.interrupt()


def meet(seeder, leecher, form, kind, exact):
    def check(t):
        sprat.need(sprat.TRACKER)
        for why in (seeder.why_not(), leecher.why_not()):
            if why:
                raise Skip(why)
        database = t.path("tracker.db")
        keys = {name: user(t, database, name) for name in ("seeder", "leecher")}
        tracker = Private(t, "--interval", 5, "--min-interval", 1, database=database)
        path = content.write_file(t.path("original", "odd.bin"), SIZE)
        url = getattr(tracker, kind)
        metas = {name: torrent.write(
            torrent.make(path, form, private=True, trackers=[url.replace("/announce", f"/{key}/announce")]),
            t.path(name, "x.torrent")) for name, key in keys.items()}
        command(t, database, "torrent", "add", metas["seeder"])
        t.wait("the torrent", lambda: tracker.metric("registered") == 1, 10)
        one, two = seeder(t), leecher(t)
        if not getattr(leecher, "connects_out", True):
            two.share(metas["leecher"], t.path("copy"))
            two.announced()
        one.share(metas["seeder"], os.path.dirname(path))
        one.complete()
        if getattr(leecher, "connects_out", True):
            t.wait("the seeder's announce", lambda: tracker.metric("peers_ipv4") > 0, 20)
            two.share(metas["leecher"], t.path("copy"))
        two.complete()
        content.assert_same(path, t.path("copy", "odd.bin"))
        two.leave()
        one.leave()
        t.wait("both to have gone", lambda: tracker.metric("peers_ipv4") == 0, 30)
        assert tracker.stop() == 0
        got = {one["name"]: (one["uploaded"], one["downloaded"]) for one in ask(t, database, "user", "ls")}
        tap.note(got)
        if exact:
            # Of a v2 torrent libtorrent asks for whole blocks, also behind the end of a file.
            moved = -(-SIZE // torrent.BLOCK) * torrent.BLOCK if form == "v2" else SIZE
            assert got == {"seeder": (moved, 0), "leecher": (0, moved)}, got
        else:  # what these count is not payload alone
            assert got["leecher"][1] >= SIZE and got["seeder"][0] >= SIZE and got["seeder"][1] == 0, got
        signals = ask(t, database, "stats")["signals"]
        assert signals == [], signals
    return check


L, T, A = clients.CLIENTS
# libtorrent caches UDP connection ids a process, so that over UDP there is one of it.
for a, b, form, kind, exact in ((L, L, "hybrid", "http", True), (Ours, L, "hybrid", "udp", True),
                                (Ours, L, "v2", "udp", True), (T, A, "v1", "http", False),
                                (A, L, "v1", "http", False)):
    tap.add(f"{a.name} and {b.name} in a private tracker over {kind}, {form}", meet(a, b, form, kind, exact))
tap.main()
