# SPDX-License-Identifier: BSD-2-Clause
"""Other clients meet through sprat-tracker: HTTP and UDP, IPv4 and IPv6, v1, hybrid and v2."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import clients
import content
import sprat
import tap
import torrent
from tap import Skip


def theirs_with_ours(seeder, leecher, form, kind, six):
    def check(t):
        sprat.need(sprat.TRACKER)
        for why in (seeder.why_not(), leecher.why_not(), six and not clients.has_ipv6() and "no IPv6 here"):
            if why:
                raise Skip(why)
        ip = "::1" if six else None
        tracker = sprat.Tracker(t, ip=ip)
        path = content.write_file(t.path("original", "odd.bin"), 3 * (1 << 20) + 1)
        meta = torrent.write(torrent.make(path, form, trackers=[getattr(tracker, kind)]), t.path("x.torrent"))
        one, two = seeder(t, ip), leecher(t, ip)
        if not leecher.connects_out:
            two.share(meta, t.path("copy"))
            two.announced()
        one.share(meta, os.path.dirname(path))
        one.complete()
        if leecher.connects_out:
            one.announced()
            two.share(meta, t.path("copy"))
        two.complete()
        content.assert_same(path, t.path("copy", "odd.bin"))
    return check


L, T, A = clients.CLIENTS
# Each client both seeds and leeches somewhere in here. Over IPv6 the UDP trackers of transmission and
# aria2 are left out: both speak that protocol over IPv4 only.
for kind, six, pairs in (("http", False, ((L, A), (A, L), (T, A), (L, T))),
                         ("udp", False, ((L, A), (A, L), (T, A), (L, T))),
                         ("http", True, ((L, A), (A, L), (T, A), (L, T))),
                         ("udp", True, ((L, L),))):
    for a, b in pairs:
        tap.add(f"{a.name} and {b.name} meet through our tracker over {kind}, {'IPv6' if six else 'IPv4'}",
                theirs_with_ours(a, b, "v1", kind, six))
# libtorrent announces both hashes of a hybrid, and the short one of v2.
for form in ("hybrid", "v2"):
    tap.add(f"{form}: libtorrent and libtorrent meet through our tracker over http",
            theirs_with_ours(L, L, form, "http", False))
tap.main()
