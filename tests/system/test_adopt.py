#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Files of another program where a torrent's files belong: a file with matching pieces is completed; any other file is
refused with a sentence about it, and overwritten only if the user allows it. For get, seed and spratd."""

import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import content
import sprat as our
from daemon import Daemon
from tap import add, test

FILES = {"a": 400_000, "b": 300_000}
PIECES = 300_000 // 16384 + 1


def read(path):
    with open(path, "rb") as f:
        return f.read()


def half_zeros(data):
    return data[:150_000] + bytes(len(data) - 150_000)


def one_wrong_byte(data):
    return data[:200_000] + bytes([data[200_000] ^ 1]) + data[200_001:]


PARTLY = {"half of it is zeros": half_zeros, "it ends early": lambda data: data[:100_000],
          "one byte is wrong": one_wrong_byte}


def other(_):
    return random.Random("another file").randbytes(300_000)


def placed(t, change, form="hybrid"):
    """The album with its torrent and a seeder, and a directory where "b" was changed: (album, torrent, seeder, out)."""
    album = content.write_tree(t.path("origin", "album"), FILES)
    torrent = our.create(t, album, "--piece-length", "16K", form=form)
    seeder = our.seed(t, torrent, os.path.dirname(album))
    out = t.path("out", "album", "x")[:-len("/album/x")]
    for name, what in (("a", lambda data: data), ("b", change)):
        with open(os.path.join(out, "album", name), "wb") as f:
            f.write(what(read(os.path.join(album, name))))
    return album, torrent, seeder, out


def completed_by_get(form, change):
    def check(t):
        album, torrent, seeder, out = placed(t, change, form)
        getter = our.get(t, torrent, out, peers=[seeder])
        down = getter.finish()["down"]
        content.assert_same(os.path.join(album, "b"), os.path.join(out, "album", "b"))
        assert down < FILES["b"], f"{down} bytes were fetched"
        said = getter.last("checked")["message"]
        assert "album/b" in said and "pieces match" in said, said
    return check


for form in ("v1", "v2", "hybrid"):
    for what, change in PARTLY.items():
        add(f"{form}: get completes what is there: {what}", completed_by_get(form, change))


@test
def spratd_completes_what_is_there(t):
    album, torrent, seeder, out = placed(t, one_wrong_byte)
    daemon = Daemon(t)
    daemon.sprat("add", "-o", out, "--peer", seeder.address, torrent)
    daemon.await_state("album", "seeding")
    content.assert_same(os.path.join(album, "b"), os.path.join(out, "album", "b"))
    assert daemon.state("album")["downloaded"] <= 2 * 16384, daemon.state("album")


@test
def seed_serves_what_is_right_and_writes_nothing(t):
    album, torrent, _, out = placed(t, one_wrong_byte)
    before = read(os.path.join(out, "album", "b"))
    seeder = our.seed(t, torrent, out)
    found = seeder.last("checked")
    assert found["pieces_have"] == found["pieces_total"] - 1, found
    seeder.stop()
    assert read(os.path.join(out, "album", "b")) == before


@test
def another_file_is_refused_and_adopted_on_demand(t):
    album, torrent, seeder, out = placed(t, other)
    stranger, state = os.path.join(out, "album", "b"), t.path("s", "x")[:-2]
    before = read(stranger)
    for more in ([], ["--check"]):
        getter = our.get(t, torrent, out, "--state-dir", state, *more, peers=[seeder])
        getter.fail("album/b", f"0 of {PIECES} pieces match", "-o", "--adopt")
        assert getter.last("error")["fatal"] is True
        assert read(stranger) == before, "it was written to"
    our.get(t, torrent, out, "--state-dir", state, "--adopt", peers=[seeder]).finish()
    content.assert_same(os.path.join(album, "b"), stranger)


@test
def a_longer_file_is_refused_and_cut_on_demand(t):
    album, torrent, seeder, out = placed(t, lambda data: one_wrong_byte(data) + b"and more")
    longer = os.path.join(out, "album", "b")
    before = read(longer)
    our.get(t, torrent, out, peers=[seeder]).fail("album/b", f"{PIECES - 1} of {PIECES} pieces match", "longer", "--adopt")
    assert read(longer) == before, "it was written to"
    assert our.get(t, torrent, out, "--adopt", peers=[seeder]).finish()["down"] <= 2 * 16384
    content.assert_same(os.path.join(album, "b"), longer)


@test
def spratd_refuses_and_adopts_alike(t):
    album, torrent, seeder, out = placed(t, other)
    stranger = os.path.join(out, "album", "b")
    before = read(stranger)
    daemon = Daemon(t)
    daemon.sprat("add", "-o", out, "--peer", seeder.address, torrent)
    error = daemon.await_state("album", "error")["error"]
    assert "album/b" in error and f"0 of {PIECES} pieces match" in error, error
    daemon.sprat("resume", "album")
    assert "0 of" in daemon.await_state("album", "error")["error"]
    assert read(stranger) == before, "it was written to"
    daemon.sprat("resume", "--adopt", "album")
    daemon.await_state("album", "seeding")
    content.assert_same(os.path.join(album, "b"), stranger)
    daemon.sprat("rm", "album")
    t.wait("its removal", lambda: daemon.listing() == [], 10)
    with open(stranger, "wb") as f:
        f.write(before)
    daemon.sprat("add", "-o", out, "--adopt", "--peer", seeder.address, torrent)
    daemon.await_state("album", "seeding")
    content.assert_same(os.path.join(album, "b"), stranger)


if __name__ == "__main__":
    our.main(our.SPRAT, our.SPRATD)
