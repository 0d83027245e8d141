#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The other clients among themselves, without Sprat. Run by hand when a cell of the matrix fails, to see
whether the way we drive a client is at fault: /usr/bin/python3 tests/interop/check_adapters.py"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import clients
import content
import tap
import torrent


def pair(seeder, leecher, form, kind):
    def check(t):
        for part in (seeder, leecher, clients.Opentracker):
            if why := part.why_not():
                raise tap.Skip(why)
        tracker = clients.Opentracker(t)
        url = getattr(tracker, kind)
        path = content.write_tree(t.path("seed", "tree"), content.nested())
        meta = torrent.write(torrent.make(path, form, trackers=[url]), t.path("x.torrent"))
        for part in (seeder, leecher):
            if why := part.why_not_load(t, meta):
                raise tap.Skip(why)
        tracker.allow(meta)
        two = leecher(t)
        if not two.connects_out:
            two.share(meta, t.path("copy"))
            two.announced()
        one = seeder(t)
        one.share(meta, t.path("seed"))
        one.complete()
        if two.connects_out:
            one.announced()
            two.share(meta, t.path("copy"))
        two.complete()
        content.assert_same(path, t.path("copy", "tree"), two.makes_empty_files)
    return check


for form in clients.ALL:
    for kind in ("http", "udp"):
        for a in clients.CLIENTS:
            for b in clients.CLIENTS:
                both_libtorrent = a is b is clients.Libtorrent
                if kind == "udp" and both_libtorrent or not (a.connects_out or b.connects_out):
                    continue
                if form in a.formats and form in b.formats:
                    tap.add(f"{form} {kind} {a.name} to {b.name}", pair(a, b, form, kind), 40)
tap.main()
