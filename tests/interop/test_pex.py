#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Peer exchange (BEP 11) with others: they learn of a third peer through us only, and we through them only.
Nobody has anything, so that nobody leaves. Transmission tells after a minute and a half, and takes no address
of this machine from others; it is not among them."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import clients  # first: it finds the system tests' library for the others
import content
import sprat
import tap
from daemon import Daemon
from tap import Skip, test


def prepare(t):
    sprat.need(sprat.SPRAT, sprat.SPRATD)
    if why := clients.Libtorrent.why_not():
        raise Skip(why)
    return sprat.create(t, content.write_file(t.path("original", "data"), 300_000))


@test
def libtorrent_learns_of_a_third_peer_from_us(t):
    meta = prepare(t)
    hub = sprat.get(t, meta, t.path("hub")).ready()
    third = sprat.get(t, meta, t.path("third"), peers=[hub]).ready()
    theirs = clients.Libtorrent(t)
    theirs.share(meta, t.path("theirs"), peers=[hub.address])
    t.wait("word of the third", lambda: third.ip in theirs.peers(), 60, 0.1)


@test
def we_learn_of_a_third_peer_from_libtorrent(t):
    meta = prepare(t)
    hub = clients.Libtorrent(t)
    hub.share(meta, t.path("hub"))
    third = sprat.get(t, meta, t.path("third"), peers=[hub]).ready()
    t.wait("them to meet", hub.peers, 30, 0.1)
    ours = Daemon(t)
    ours.sprat("add", "-o", t.path("ours"), "--peer", hub.address, meta)

    def sources():
        peers = ours.rpc("torrent.info", torrent="data")["peer_list"]
        return {p["addr"].rpartition(":")[0]: p["source"] for p in peers}
    t.wait("word of the third", lambda: sources().get(third.ip) == "pex", 100, 0.1)


if __name__ == "__main__":
    tap.main()
