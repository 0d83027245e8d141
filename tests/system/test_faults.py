#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Failing disks: the preloaded fault layer lets each system call of a download fail once; then the download continues.

    test_faults.py [--every] [words of a case]

A CI run lets a sample of the calls fail; --every all of them."""

import concurrent.futures
import errno
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import content
import faults
import sprat
import tap
import torture
from faults import DROP, MKDIR, OPEN, READ, SHORT, SYNC, WRITE
from tap import test

EVERY = "--every" in sys.argv
if EVERY:
    sys.argv.remove("--every")
AT_A_TIME = 8
NAMES = {OPEN: "open", WRITE: "write", SYNC: "fsync"}
TREE = {"a/one": 70_000, "a/two": 90_001, "b/c/three": 50_000, "b/four": 33_333, "empty": 0}


class Case:
    """One download whose disk fails."""

    def __init__(self, t, number, meta, layout, original, peers, match="copy/"):
        base = t.path("cases", str(number), "x")[:-2]
        self.t, self.meta, self.layout, self.original, self.peers = t, meta, layout, original, peers
        self.state, self.folder = os.path.join(base, "state"), os.path.join(base, "copy")
        self.scratch, self.match = os.path.join(base, "scratch"), match
        os.makedirs(self.folder)
        os.makedirs(self.state, mode=0o700)
        os.makedirs(os.path.join(base, "faults"))
        self.faults = faults.Faults(os.path.join(base, "faults"), [self.state, self.folder], True)
        self.ip = t.address()

    def get(self, *args):
        to = [word for peer in self.peers for word in ("--peer", peer)]
        return sprat.Process(self.t, [sprat.SPRAT, "get", "--json", "-o", self.folder, "--state-dir", self.state,
                                      "--listen", sprat.join(self.ip, 0), *to, *args, self.meta],
                             env=self.faults.env())

    def run(self, op, number, first, count, flags):
        """Downloads with those calls failing. Returns how many did, and whether the user was told."""
        self.faults.fail(op, number, first, count, self.match, flags)
        getter = self.get()
        status = getter.status(55)
        hits, what = self.faults.hits(), f"call {first} of {op} fails with {errno.errorcode[number]}"
        self.faults.stop()
        said = [e for e in getter.events if e["event"] == "error"] + getter.errors
        self.look(f"{what}: {getter.report()}")
        if self.match == "copy/":
            assert status == 0, f"{what}: {getter.report()}"
        elif status != 0:  # without its database, a program may end, but has to say why
            assert said and "sprat.db" in str(said), f"{what}: {getter.report()}"
            again = self.get()
            assert again.status(55) == 0, f"{what}, then: {again.report()}"
            again.close()
        told = os.strerror(number) in str(said) and self.folder in str(said)
        # A file is also opened to look at it, and what does not come of that is tried again unasked.
        if hits and not flags & SHORT and not op & OPEN and self.match == "copy/":
            assert told, f"{what}: {getter.report()}"
        self.whole(what)
        faults.power_cut(self.faults, random.Random(first))
        self.whole(what + ", then the power")
        getter.close()
        return hits, told

    def look(self, what):
        claimed = torture.claims(self.state, self.scratch)
        wrong = self.layout.wrong(self.folder, claimed)
        assert not wrong, f"{what}: claimed and not right: {wrong}"
        return claimed

    def whole(self, what):
        assert len(self.look(what)) == len(self.layout.pieces), f"{what}: not all claimed"
        content.assert_same(self.original, os.path.join(self.folder, os.path.basename(self.original)))


def sample(random, n, most):
    return range(n) if EVERY or n <= most else sorted(random.sample(range(n), most))


def sweep(t, form, op, number, most=6, count=1, match="copy/", flags=0):
    """The n-th such call fails, for each n of a download (or for some)."""
    faults.need()
    original = content.write_tree(t.path("original", "tree"), TREE)
    meta = sprat.create(t, original, "--piece-length", "16K", form=form)
    layout, peers = torture.Layout(meta), torture.seeders(t, [torture.Given(original, meta)], 2)
    dry = Case(t, "dry", meta, layout, original, peers, match)
    dry.faults.fail(op, number, faults.FOREVER, 0, match)
    assert dry.get().status(55) == 0
    calls = dry.faults.seen()
    assert calls > 0, "there is no such call"
    chosen = sample(random.Random(f"{form}{op}{number}"), calls, most)
    cases = [(first, Case(t, first, meta, layout, original, peers, match)) for first in chosen]
    with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
        done = list(pool.map(lambda c: c[1].run(op, number, c[0], count, flags), cases))
    hits, told = sum(hits for hits, _ in done), sum(told for _, told in done)
    tap.note(f"{calls} calls, {len(chosen)} tries, {hits} failures, {told} times told")
    assert hits > 0 and (told > 0 or op & OPEN or flags & SHORT or match != "copy/")


def add(name, *args, **more):
    tap.add(name, lambda t: sweep(t, *args, **more), 3600 if EVERY else 120)


add("the disk is full for one write", "hybrid", WRITE, errno.ENOSPC)
add("the disk is full for a while", "v1", WRITE, errno.ENOSPC, count=5, most=3)
add("a write fails", "v2", WRITE, errno.EIO)
add("a write is cut in half", "v1", WRITE, errno.EIO, flags=SHORT, count=7)
add("a sync fails", "hybrid", SYNC, errno.EIO)
add("a sync fails and the data is thrown away", "v1", SYNC, errno.EIO, flags=DROP)
add("a sync fails and the data is thrown away, v2", "v2", SYNC, errno.EIO, flags=DROP)
add("syncs fail again and again", "hybrid", SYNC, errno.EIO, flags=DROP, count=3, most=4)
add("a sync finds the disk full", "hybrid", SYNC, errno.ENOSPC, flags=DROP, most=4)
add("a file can't be opened", "hybrid", OPEN, errno.EIO)
add("there are no descriptors left", "v1", OPEN, errno.EMFILE, most=4)
add("the file system is read-only for a while", "hybrid", OPEN | WRITE | MKDIR, errno.EROFS, count=4)
add("a directory can't be made", "v2", MKDIR, errno.ENOSPC)
add("the database can't be written", "hybrid", WRITE, errno.ENOSPC, match="/sprat.db", most=8)
add("the database's sync fails", "v1", SYNC, errno.EIO, match="/sprat.db", flags=DROP, most=8)

class Daemon(sprat.Process):
    """A spratd whose files below `copy` can be made to fail."""

    def __init__(self, t):
        self.faults = faults.Faults(t.path("faults", "x")[:-2], [t.path("copy", "x")[:-2], t.path("state")])
        self.socket = t.path("socket")
        super().__init__(t, [sprat.SPRATD, "--foreground", "--state-dir", t.path("state"), "--socket", self.socket,
                             "--listen", sprat.join(t.address(), 0)], env=self.faults.env())
        self.address = t.wait("a daemon", lambda: torture._listening(t, self.socket) or not self.alive(), 30)

    def add(self, source, folder, *peers):
        to = [word for peer in peers for word in ("--peer", peer)]
        self.sprat("add", "-o", self.t.path("copy", folder), *to, source.meta)

    def sprat(self, verb, *args):
        return sprat.sprat(self.t, verb, "--socket", self.socket, *args, status=0)

    def state(self, source):
        name = os.path.basename(source.path)
        return next(x for x in torture._call(self.socket, "torrent.list") if x["name"] == name)

    def until(self, source, *states):
        self.t.wait(f"{source.path} to be {states}", lambda: self.state(source)["state"] in states, 50)
        return self.state(source)

    def whole(self, source, folder):
        """Waits until all of it is on disk for good; compares it."""
        self.t.wait(f"{source.path} to be complete", lambda: self.state(source)["completed_at"], 50)
        content.assert_same(source.path, self.t.path("copy", folder, os.path.basename(source.path)))


def two(t, form="hybrid"):
    """A daemon, a torrent whose files will fail, and one that has nothing to do with it."""
    faults.need()
    sick, well = torture.Source(t, form, True, 1), torture.Source(t, form, False, 2)
    return Daemon(t), sick, well, torture.seeders(t, [sick, well], 2)


def paused_and_mended(op, number):
    def check(t):
        daemon, sick, well, peers = two(t)
        daemon.faults.fail(op, number, first=3, match="/copy/sick/")
        daemon.add(sick, "sick", *peers)
        said = daemon.until(sick, "error")
        assert os.strerror(number) in said["error"] and t.path("copy", "sick") in said["error"], said
        daemon.add(well, "well", *peers)
        daemon.whole(well, "well")
        assert daemon.state(sick)["state"] == "error"
        daemon.faults.stop()
        daemon.sprat("resume", os.path.basename(sick.path))
        daemon.whole(sick, "sick")
    return check


for op, number in ((WRITE, errno.ENOSPC), (WRITE, errno.EROFS), (WRITE, errno.EIO), (SYNC, errno.EIO),
                   (OPEN, errno.EACCES), (OPEN, errno.EIO)):
    tap.add(f"a torrent pauses, others go on, resume mends it: {errno.errorcode[number]} from {NAMES[op]}",
            paused_and_mended(op, number))


@test
def a_read_error_while_seeding_stops_that_torrent_only(t):
    daemon, sick, well, peers = two(t)
    for source, folder in ((sick, "sick"), (well, "well")):
        daemon.add(source, folder, *peers)
        daemon.whole(source, folder)
    daemon.faults.fail(READ, errno.EIO, match="/copy/sick/")
    getter = sprat.get(t, sick.meta, t.path("out", "x")[:-2], peers=[daemon.address])
    said = daemon.until(sick, "error")
    assert os.strerror(errno.EIO) in said["error"] and t.path("copy", "sick") in said["error"], said
    sprat.get(t, well.meta, t.path("out", "x")[:-2], peers=[daemon.address]).finish()
    assert daemon.alive()
    daemon.faults.stop()
    daemon.sprat("resume", os.path.basename(sick.path))
    getter.finish(50)
    content.assert_same(sick.path, t.path("out", os.path.basename(sick.path)))


if __name__ == "__main__":
    sprat.main(sprat.SPRAT, sprat.SPRATD)
