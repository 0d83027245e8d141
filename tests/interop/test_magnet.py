#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Magnet links with libtorrent in both directions: metadata and content, v1, v2, and hybrid by either hash and by both.
The address of the other side is all that either side is given."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import clients  # first: it finds the system tests' library for the others
import content
import sprat
import tap
from tap import Skip

FORMS = (("v1", ("v1",)), ("hybrid", ("v1",)), ("hybrid", ("v2",)), ("hybrid", ("v1", "v2")), ("v2", ("v2",)))


def prepare(t, form):
    """The content, its torrent file, with an info dictionary of several blocks, and what is in it."""
    sprat.need(sprat.SPRAT)
    if why := clients.Libtorrent.why_not():
        raise Skip(why)
    path = content.write_tree(t.path("original", "tree"), {f"{i:03} {'x' * 100}": 9_000 + i for i in range(300)})
    meta = sprat.create(t, path, form=form)
    return path, meta, sprat.show(t, meta)


def link(shown, hashes):
    topics = {"v1": "xt=urn:btih:%s", "v2": "xt=urn:btmh:1220%s"}
    return "magnet:?" + "&".join(topics[h] % shown["info_hash_" + h] for h in hashes)


def to_us(form, hashes):
    def check(t):
        path, meta, shown = prepare(t, form)
        theirs = clients.Libtorrent(t)
        theirs.share(meta, os.path.dirname(path))
        theirs.complete()
        getter = sprat.get(t, f"{link(shown, hashes)}&x.pe={theirs.address}", t.path("copy"))
        getter.finish()
        content.assert_same(path, t.path("copy", "tree"))
    return check


def to_them(form, hashes):
    def check(t):
        path, meta, shown = prepare(t, form)
        seeder = sprat.seed(t, meta, os.path.dirname(path))
        theirs = clients.Libtorrent(t)
        theirs.share_link(link(shown, hashes), t.path("copy"), peers=[seeder.address])
        if not theirs.complete_or_inconsistent():
            print("# libtorrent found v1 and v2 hashes inconsistent (a race of 2.0.8)")
            return
        content.assert_same(path, t.path("copy", "tree"))
    return check


for form, hashes in FORMS:
    by = " and ".join(hashes)
    tap.add(f"from libtorrent to us, {form} by {by}", to_us(form, hashes))
    tap.add(f"from us to libtorrent, {form} by {by}", to_them(form, hashes))


if __name__ == "__main__":
    tap.main()
