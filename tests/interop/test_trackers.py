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


def theirs_with_ours(seeder, leecher, form, kind, six, listed=False):
    """|listed|: the tracker serves this torrent and no other."""
    def check(t):
        sprat.need(sprat.TRACKER)
        for why in (seeder.why_not(), leecher.why_not(), six and not clients.has_ipv6() and "no IPv6 here"):
            if why:
                raise Skip(why)
        ip = "::1" if six else None
        path = content.write_file(t.path("original", "odd.bin"), 3 * (1 << 20) + 1)
        tracker = sprat.Tracker(t, *(allowed(t, torrent.make(path, form)) if listed else ()), ip=ip)
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


def allowed(t, metainfo):
    """The tracker's arguments with which it serves this torrent only."""
    v1, v2 = torrent.hashes(metainfo)
    path = t.path("allowed")
    with open(path, "w") as f:
        f.writelines(h.hex() + "\n" for h in (v1, v2) if h)
    return "--allow-list", path


def a_torrent_that_is_not_listed(t):
    sprat.need(sprat.TRACKER)
    if L.why_not():
        raise Skip(L.why_not())
    path = content.write_file(t.path("original", "odd.bin"), 1 << 20)
    other = content.write_file(t.path("original", "other.bin"), 1 << 20)
    tracker = sprat.Tracker(t, *allowed(t, torrent.make(other, "v1")))
    meta = torrent.write(torrent.make(path, "v1", trackers=[tracker.http]), t.path("x.torrent"))
    one = L(t)
    one.share(meta, os.path.dirname(path))
    t.wait("libtorrent to show the reason", lambda: "does not serve" in one.tracker_says(), 15, 0.1)


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
for kind, a, b in (("http", L, A), ("udp", A, L), ("http", T, L)):
    tap.add(f"{a.name} and {b.name} meet through our tracker over {kind}, which serves listed torrents only",
            theirs_with_ours(a, b, "v1", kind, False, listed=True))
tap.add("libtorrent shows why a torrent that is not listed is refused", a_torrent_that_is_not_listed)
tap.main()
