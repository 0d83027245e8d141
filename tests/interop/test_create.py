# SPDX-License-Identifier: BSD-2-Clause
"""Torrent files made by each side and read by the other: the same info-hashes, sizes and paths, and data
that verifies."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import clients
import content
import sprat
import tap
import torrent
from tap import Skip

SHAPES = {
    "one file": lambda t: content.write_file(t.path("o", "odd.bin"), 1234567),
    "one small file": lambda t: content.write_file(t.path("o", "small.bin"), 777),
    "a tree": lambda t: content.write_tree(t.path("o", "tree"), content.nested(1 << 18)),
}


def ours_loaded(client, form, shape):
    def check(t):
        sprat.need(sprat.SPRAT)
        if why := client.why_not():
            raise Skip(why)
        path = SHAPES[shape](t)
        meta = sprat.create(t, path, form=form, trackers=["http://127.0.0.1:1/announce"])
        if why := client.why_not_load(t, meta):
            raise Skip(why)
        said = sprat.show(t, meta)
        v1, v2, files = client.load(t, meta)
        assert v1 in (None, said["info_hash_v1"]), (v1, said)
        assert v2 in (None, said["info_hash_v2"]), (v2, said)
        assert v1 or v2
        if files is not None:
            assert (v1, v2) == (said["info_hash_v1"], said["info_hash_v2"]), (v1, v2, said)
            ours = sorted((f["path"], f["length"]) for f in said["files"])
            assert sorted(files) == ours, (files, ours)
    return check


def theirs_loaded(client, form, shape):
    def check(t):
        sprat.need(sprat.SPRAT)
        if why := client.why_not():
            raise Skip(why)
        path = SHAPES[shape](t)
        meta = client.make(t, path, t.path("theirs.torrent"), form, ["http://127.0.0.1:1/announce"])
        said = sprat.show(t, meta)
        one, two = torrent.hashes(torrent.read(meta))
        assert said["format"] == form, said
        assert said["info_hash_v1"] == (one and one.hex()), said
        assert said["info_hash_v2"] == (two and two.hex()), said
        assert said["trackers"] == [["http://127.0.0.1:1/announce"]], said
        assert said["total_size"] == sum(f["length"] for f in said["files"]), said
        sprat.sprat(t, "verify", meta, os.path.dirname(path), status=0)
    return check


def same_as_theirs(form):
    def check(t):
        """The piece hashes and trees of the same data are the same, whoever computed them."""
        sprat.need(sprat.SPRAT)
        if why := clients.Libtorrent.why_not():
            raise Skip(why)
        path = SHAPES["a tree"](t)
        ours = torrent.read(sprat.create(t, path, "--piece-length", "64K", form=form))
        theirs = torrent.read(clients.Libtorrent.make(t, path, t.path("theirs.torrent"), form))
        assert ours[b"info"].get(b"file tree") == theirs[b"info"].get(b"file tree")
        assert ours.get(b"piece layers") == theirs.get(b"piece layers")
    return check


for shape in SHAPES:
    for form in clients.ALL:
        for client in clients.CLIENTS:
            if form in client.formats:
                tap.add(f"{form}, {shape}: our torrent loaded by {client.name}",
                        ours_loaded(client, form, shape))
        tap.add(f"{form}, {shape}: libtorrent's torrent loaded by us",
                theirs_loaded(clients.Libtorrent, form, shape))
    tap.add(f"v1, {shape}: transmission's torrent loaded by us",
            theirs_loaded(clients.Transmission, "v1", shape))
for form in ("hybrid", "v2"):
    tap.add(f"{form}: our trees are libtorrent's", same_as_theirs(form))
tap.main()
