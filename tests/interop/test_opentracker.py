# SPDX-License-Identifier: BSD-2-Clause
"""Our peers meet through opentracker: HTTP and UDP, v1, hybrid and v2."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import clients
import content
import sprat
import tap
import torrent
from tap import Skip


def ours_with_opentracker(form, kind):
    def check(t):
        sprat.need(sprat.SPRAT)
        if why := clients.Opentracker.why_not():
            raise Skip(why)
        tracker = clients.Opentracker(t)
        path = content.write_file(t.path("original", "odd.bin"), 3 * (1 << 20) + 1)
        meta = torrent.write(torrent.make(path, form, trackers=[getattr(tracker, kind)]), t.path("x.torrent"))
        tracker.allow(meta)
        sprat.seed(t, meta, os.path.dirname(path))
        copies = [sprat.get(t, meta, t.path(f"copy{i}")) for i in range(2)]
        for i, copy in enumerate(copies):
            copy.finish()
            content.assert_same(path, t.path(f"copy{i}", "odd.bin"))
    return check


for kind in ("http", "udp"):
    for form in clients.ALL:
        tap.add(f"{form}: our peers meet through opentracker over {kind}", ours_with_opentracker(form, kind))
tap.main()
