#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The DHT with libtorrent, in both directions: the only node that everybody knows is ours or theirs, and the downloader has
a magnet link without trackers and peers."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import clients  # first: it finds the system tests' library for the others
import content
import sprat
import tap
from daemon import Daemon
from tap import Skip

ON = {"SPRAT_DHT": "yes"}
NOWHERE = "127.0.0.1:9"  # a bootstrap address at which nobody answers


def our_node(t):
    return Daemon(t, "--dht-bootstrap", NOWHERE, env=ON, state="node").listening()


def their_node(t):
    return clients.Libtorrent(t, dht=[]).address


def prepare(t, form):
    sprat.need(sprat.SPRAT, sprat.SPRATD)
    if why := clients.Libtorrent.why_not():
        raise Skip(why)
    path = content.write_file(t.path("original", "data"), 700_000)
    meta = sprat.create(t, path, form=form)
    return path, meta, sprat.show(t, meta)["magnet"]


def to_us(form, node):
    def check(t):
        path, meta, link = prepare(t, form)
        known = node(t)
        theirs = clients.Libtorrent(t, dht=[known])
        theirs.share(meta, os.path.dirname(path))
        theirs.complete()
        theirs.announce_in_dht()
        sprat.get(t, link, t.path("copy"), "--seed", "none", "--dht-bootstrap", known, env=ON).finish()
        content.assert_same(path, t.path("copy", "data"))
    return check


def to_them(form, node):
    def check(t):
        path, meta, link = prepare(t, form)
        known = node(t)
        sprat.seed(t, meta, os.path.dirname(path), "--dht-bootstrap", known, env=ON)
        theirs = clients.Libtorrent(t, dht=[known])
        theirs.share_link(link, t.path("copy"))
        theirs.announce_in_dht()
        if not theirs.complete_or_inconsistent():
            print("# libtorrent found v1 and v2 hashes inconsistent (a race of 2.0.8)")
            return
        content.assert_same(path, t.path("copy", "data"))
    return check


for form in ("v1", "hybrid", "v2"):
    for node, whose in ((our_node, "our"), (their_node, "their")):
        tap.add(f"from libtorrent to us by {whose} node, {form}", to_us(form, node))
        tap.add(f"from us to libtorrent by {whose} node, {form}", to_them(form, node))


if __name__ == "__main__":
    tap.main()
