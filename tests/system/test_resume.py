# SPDX-License-Identifier: BSD-2-Clause
"""Resuming: after Ctrl-C, SIGTERM or kill -9 a download continues where it was, and only pieces that were in flight are
downloaded or checked again."""

import os
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import content
import sprat
from tap import test

MIB = 1 << 20
SIZE = 16 * MIB + 777
# In flight at the kill: requested blocks, pieces not yet synced, pieces synced but not yet committed.
SLACK = 6 * MIB


class Download:
    """A slow download that can be cut off and taken up again."""

    def __init__(self, t, form="hybrid", tree=False):
        self.t = t
        if tree:
            self.path = content.write_tree(t.path("original", "tree"),
                                           {f"d{i}/f{i}": SIZE // 7 + i for i in range(7)})
        else:
            self.path = content.write_file(t.path("original", "file.bin"), SIZE)
        self.meta = sprat.create(t, self.path, "--piece-length", "128K", form=form)
        self.seeder = sprat.seed(t, self.meta, os.path.dirname(self.path))
        self.state = t.path("state", "x")[:-2]
        self.folder = t.path("copy", "x")[:-2]
        self.copy = os.path.join(self.folder, os.path.basename(self.path))

    def start(self, *args):
        return sprat.get(self.t, self.meta, self.folder, "--state-dir", self.state, *args,
                         peers=[self.seeder])

    def until(self, getter, fraction):
        """Waits until that part is verified and returns bytes_have."""
        return getter.wait("progress", 40, lambda e: e["bytes_have"] >= fraction * SIZE)["bytes_have"]

    def finish(self, had, slack=SLACK):
        """Takes it up again; it must end well, having fetched no more than was missing and slack."""
        stopped = self.start().finish()
        content.assert_same(self.path, self.copy)
        most = SIZE - had + slack
        assert stopped["down"] <= most, f"fetched {stopped['down']}, of which {most} would have been enough"
        return stopped


def cut_off(form, tree, how):
    def check(t):
        download = Download(t, form, tree)
        getter = download.start("--down-limit", "4M")
        had = download.until(getter, 0.5)
        if how == "kill -9":
            getter.kill()
        else:
            status = getter.stop(how)
            assert status in (130, 143), getter.report()
            had = getter.last("progress")["bytes_have"]
        download.finish(had, SLACK if how == "kill -9" else MIB)
    return check


def add_all():
    import signal

    import tap
    for form in ("v1", "v2", "hybrid"):
        tap.add(f"{form}: a file goes on after kill -9", cut_off(form, False, "kill -9"))
    tap.add("hybrid: a tree goes on after kill -9", cut_off("hybrid", True, "kill -9"))
    tap.add("v1: a tree goes on after kill -9", cut_off("v1", True, "kill -9"))
    tap.add("Ctrl-C saves everything and exits with 130", cut_off("hybrid", False, signal.SIGINT))
    tap.add("SIGTERM saves everything", cut_off("hybrid", True, signal.SIGTERM))


add_all()


@test
def killed_again_and_again(t):
    """Each life adds something; none loses what an earlier one had."""
    download = Download(t)
    before = 0
    for part in (0.2, 0.4, 0.6, 0.8):
        getter = download.start("--down-limit", "6M")
        download.until(getter, part)
        getter.kill()
        first = getter.events[0] if getter.events else {}
        known = next((e["bytes_have"] for e in getter.events
                      if e["event"] == "progress" and e["state"] != "checking"), before)
        assert known >= before - SLACK, f"{known} after {before}: {first}"
        before = getter.last("progress")["bytes_have"]
    download.finish(before)


@test
def what_is_done_is_not_read_again(t):
    """After a clean stop nothing is hashed again: the process reads next to nothing from its files."""
    download = Download(t)
    download.start().finish()
    again = download.start("--seed", "forever").ready()
    again.complete()
    with open(f"/proc/{again.pid}/io") as f:
        read = int(f.readline().split()[1])
    assert read < SIZE // 2, f"{read} bytes were read to take up {SIZE}"
    assert again.interrupt() in (0, 130)


@test
def seed_trusts_the_database_but_not_a_changed_file(t):
    download = Download(t)
    download.start().finish()
    with open(download.copy, "r+b") as f:
        f.seek(5 * MIB)
        f.write(b"changed")
    os.utime(download.copy)
    # The file is not as it was left: it is checked, the bad piece is found and fetched again.
    download.finish(SIZE - 128 * 1024, slack=MIB)


@test
def a_vanished_file_is_fetched_again_when_the_user_says_so(t):
    download = Download(t)
    download.start().finish()
    os.unlink(download.copy)
    download.start().fail("file.bin", "missing", "--refetch")
    assert not os.path.exists(download.copy)
    assert download.start("--refetch").finish()["down"] >= SIZE
    content.assert_same(download.path, download.copy)


@test
def a_lost_state_directory_costs_a_check_only(t):
    download = Download(t)
    download.start().finish()
    download.state = t.path("new state", "x")[:-2]
    assert download.start().finish()["down"] == 0


@test
def the_database_never_says_more_than_the_disk_has(t):
    """After kill -9 each piece that the database has is there and right: a full check finds as many."""
    download = Download(t)
    getter = download.start("--down-limit", "5M")
    download.until(getter, 0.4)
    getter.kill()
    offline = ["--state-dir", download.state, download.meta, download.folder]
    known, there = [], []
    for found, check in ((known, []), (there, ["--check"])):
        seeder = sprat.Peer(t, "seed", *check, *offline).ready()
        found.append(seeder.wait("checked")["bytes_have"])
        seeder.interrupt()
    assert 0 < known[0] <= there[0], f"the database says {known}, the disk has {there}"


@test
def a_corrupt_database_is_reported_and_kept(t):
    download = Download(t)
    getter = download.start("--down-limit", "4M")
    download.until(getter, 0.2)
    getter.interrupt()
    database, = [os.path.join(at, name) for at, _, names in os.walk(download.state) for name in names
                 if name.endswith((".db", ".sqlite", ".sqlite3"))]
    for name in os.listdir(os.path.dirname(database)):
        if name.endswith(("-wal", "-shm")):
            os.unlink(os.path.join(os.path.dirname(database), name))
    with open(database, "r+b") as f:
        f.write(b"this is no database at all" * 100)
    with open(database, "rb") as f:
        before = f.read()
    again = download.start()
    assert again.status() == 1, again.report()
    assert os.path.basename(database) in again.report(), again.report()
    with open(database, "rb") as f:
        assert f.read() == before, "the database was written to"


@test
def a_newer_database_is_reported_and_kept(t):
    download = Download(t)
    getter = download.start("--down-limit", "4M")
    download.until(getter, 0.2)
    getter.interrupt()
    database, = [os.path.join(at, name) for at, _, names in os.walk(download.state) for name in names
                 if name.endswith((".db", ".sqlite", ".sqlite3"))]
    with sqlite3.connect(database) as db:
        db.execute("PRAGMA user_version = 9999")
    db.close()
    again = download.start()
    assert again.status() == 1, again.report()
    assert "newer" in again.report(), again.report()
    with sqlite3.connect(database) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (9999,)
    db.close()


sprat.main(sprat.SPRAT)
