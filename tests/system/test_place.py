#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Two torrents with the same file on disk: before the first byte is written to a file, no other torrent or process writes
to it, under any name. Names that the file system does not allow are reported before the download."""

import contextlib
import os
import signal
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import content
import faults
import sprat
import tap
from daemon import Daemon
from tap import test


class Album:
    """A torrent album/a with content of its own, and a seeder that is slow enough to meet others."""

    def __init__(self, t, label, length=2_000_000, name="album"):
        self.path = content.write_tree(t.path(label, name), {"a": length}, label)
        self.meta = sprat.create(t, self.path)
        self.seeder = sprat.seed(t, self.meta, os.path.dirname(self.path), "--up-limit", "1M")

    def is_right(self, folder):
        return not content.differences(self.path, os.path.join(folder, os.path.basename(self.path)))


def tree_on_fat(t, names, env):
    path = content.write_tree(t.path("origin", "tree"), {name: 50_000 + i for i, name in enumerate(names)})
    meta = sprat.create(t, path)
    seeder = sprat.seed(t, meta, os.path.dirname(path))
    return path, sprat.get(t, meta, t.path("copy", "x")[:-2], peers=[seeder], env=env), seeder


@test
def two_files_of_a_torrent_that_are_one(t):
    _, getter, seeder = tree_on_fat(t, ["ReadMe.txt", "readme.txt", "z"], faults.fatlike())
    getter.fail("tree/ReadMe.txt", "tree/readme.txt", "one file", "another file system")
    assert seeder.interrupt() == 130 and seeder.last("stopped")["up"] == 0, "nothing was fetched"


@test
def two_files_in_folders_that_are_one(t):
    _, getter, _ = tree_on_fat(t, ["Sub/file", "sub/file", "other"], faults.fatlike())
    getter.fail("tree/Sub/file", "tree/sub/file", "one file")


@test
def other_trees_are_fetched_on_such_a_disk(t):
    path, getter, _ = tree_on_fat(t, ["One", "Two/Three", "two/four", "MiXed"], faults.fatlike())
    getter.finish()
    found = {name.lower() for name in content.files_below(t.path("copy", "tree"))}
    assert found == {"one", "two/three", "two/four", "mixed"}, found


def refused(how):
    def check(t):
        _, getter, seeder = tree_on_fat(t, ["fine", "What?/track"], faults.fatlike(how))
        getter.fail("What?", "does not allow ?", "another file system")
        seeder.interrupt()
        assert seeder.last("stopped")["up"] == 0, "nothing was fetched"
    return check


for how in ("EINVAL", "ENOENT"):
    tap.add(f"a name that the disk refuses with {how} is told before anything is fetched", refused(how))


def two_in_a_daemon(t, daemon, one, two, folders):
    for album, folder in zip((one, two), folders):
        daemon.sprat("add", "-o", folder, "--peer", album.seeder.address, album.meta)

    def ended():
        states = [x["state"] for x in daemon.listing()]
        return sorted(states) == ["error", "seeding"] and states
    t.wait("one to seed and one to fail", ended, 50)
    failed = next(x for x in daemon.listing() if x["state"] == "error")
    assert "album/a" in failed["error"] and "another directory" in failed["error"], failed
    right = [album.is_right(folder) for album, folder in zip((one, two), folders)]
    assert sorted(right) == [False, True], right


@test
def two_torrents_of_a_daemon_in_one_folder(t):
    one, two = Album(t, "one"), Album(t, "two")
    daemon = Daemon(t)
    folder = t.path("copy", "x")[:-2]
    two_in_a_daemon(t, daemon, one, two, [folder, folder])
    # The one that failed has written nothing, and goes on elsewhere.
    failed = next(x for x in daemon.listing() if x["state"] == "error")
    album = one if one.is_right(folder) is False else two
    daemon.sprat("rm", failed["info_hash_v2"] if "info_hash_v2" in failed else failed["id"])
    t.wait("its removal", lambda: len(daemon.listing()) == 1, 20)
    daemon.sprat("add", "-o", t.path("elsewhere"), "--peer", album.seeder.address, album.meta)
    t.wait("both to seed", lambda: [x["state"] for x in daemon.listing()] == ["seeding"] * 2, 50)
    assert album.is_right(t.path("elsewhere"))


@test
def two_torrents_of_a_daemon_in_a_folder_and_a_link_to_it(t):
    folder, link = t.path("copy", "x")[:-2], t.path("link")
    os.symlink(folder, link)
    two_in_a_daemon(t, Daemon(t), Album(t, "one"), Album(t, "two"), [folder, link])


@test
def two_gets_with_states_of_their_own(t):
    albums = [Album(t, "one"), Album(t, "two")]
    folder = t.path("copy", "x")[:-2]
    getters = [sprat.get(t, album.meta, folder, peers=[album.seeder]) for album in albums]
    ended = sorted((getter.status(50), number) for number, getter in enumerate(getters))
    assert [status for status, _ in ended] == [0, 1], [getter.report() for getter in getters]
    assert albums[ended[0][1]].is_right(folder)
    getters[ended[1][1]].fail("album/a", "another directory")


@test
def a_get_beside_a_daemon(t):
    one, two = Album(t, "one"), Album(t, "two")
    folder = t.path("copy", "x")[:-2]
    daemon = Daemon(t)
    daemon.sprat("add", "-o", folder, "--peer", one.seeder.address, one.meta)
    t.wait("the first bytes", lambda: os.path.exists(os.path.join(folder, "album", "a")), 30)
    sprat.get(t, two.meta, folder, peers=[two.seeder]).fail("album/a", "spratd (pid ", "another directory")
    daemon.await_state("album", "seeding")
    assert one.is_right(folder)


@test
def a_seed_waits_for_who_writes_and_shares_with_who_reads(t):
    one = Album(t, "one")
    folder = t.path("copy", "x")[:-2]
    other = sprat.create(t, one.path, "--private", out=t.path("other.torrent"))
    getter = sprat.get(t, one.meta, folder, "--seed", "forever", peers=[one.seeder]).ready()
    t.wait("the first bytes", lambda: os.path.exists(os.path.join(folder, "album", "a")), 30)
    sprat.Peer(t, "seed", other, folder).fail("album/a", "is writing to")
    getter.complete()
    seeder = sprat.seed(t, other, folder)
    assert seeder.last("checked")["bytes_have"] == 2_000_000, seeder.report()
    copies = [t.path(name, "x")[:-2] for name in ("first", "second")]
    sprat.get(t, other, copies[0], peers=[seeder]).finish()
    sprat.get(t, one.meta, copies[1], peers=[getter]).finish()
    assert all(one.is_right(copy) for copy in copies)


def one_piece_differs(t, daemon):
    """A resting seed of the daemon's, and a torrent of the same path with one other piece: (path of the first, path
    and torrent of the second)."""
    first = content.write_tree(t.path("first", "album"), {"a": 1_000_000})
    second = content.write_tree(t.path("second", "album"), {"a": 1_000_000})
    with open(os.path.join(second, "a"), "r+b") as f:
        f.seek(500_000)
        f.write(b"another piece")
    daemon.sprat("add", "-o", os.path.dirname(first), sprat.create(t, first))
    daemon.await_state("album", "seeding")
    t.wait("it to rest", lambda: not os.listdir(t.path("state", "locks")), 100)
    return first, second, sprat.create(t, second)


def read(*path):
    with open(os.path.join(*path), "rb") as f:
        return f.read()


@test(seconds=200)
def a_file_of_a_resting_seed_is_not_written_to(t):
    daemon = Daemon(t, "--rest-after", "1")
    first, second, torrent = one_piece_differs(t, daemon)
    before = read(first, "a")
    seeder = sprat.seed(t, torrent, os.path.dirname(second))
    seeded = daemon.listing()[0]
    folder = os.path.dirname(first)
    # With the daemon's state directory, the database tells; while it waits, no file is open that could.
    sprat.get(t, torrent, folder, "--state-dir", t.path("state"), peers=[seeder]).fail(
        "album/a of album", "would be overwritten", "remove album")
    daemon.sprat("add", "-o", folder, "--peer", seeder.address, torrent)
    failed = t.wait("its refusal", lambda: next((x for x in daemon.listing() if x["state"] == "error"), None), 50)
    assert "album/a of album" in failed["error"] and "would be overwritten" in failed["error"], failed
    daemon.sprat("resume", "--adopt", failed["info_hash_v2"])
    t.wait("its refusal again", lambda: "error" in [x["state"] for x in daemon.listing()], 50)
    assert read(first, "a") == before and read(second, "a") != before
    daemon.sprat("rm", seeded["info_hash_v2"])
    t.wait("its removal", lambda: len(daemon.listing()) == 1, 20)
    daemon.sprat("resume", failed["info_hash_v2"])
    daemon.await_state("album", "seeding")
    assert read(first, "a") == read(second, "a")
    assert daemon.state("album")["downloaded"] <= 2 * 16384 * 16, daemon.state("album")


@test(seconds=200)
def what_two_torrents_share_is_checked_once_after_an_update(t):
    path = content.write_tree(t.path("origin", "album"), {"a": 1_000_000})
    torrents = [sprat.create(t, path, out=t.path("1.torrent")),
                sprat.create(t, path, "--private", out=t.path("2.torrent"))]
    daemon = Daemon(t, "--rest-after", "1")
    for torrent in torrents:
        daemon.sprat("add", "-o", os.path.dirname(path), torrent)
    t.wait("both to seed", lambda: [x["state"] for x in daemon.listing()] == ["seeding"] * 2, 50)
    assert daemon.stop(signal.SIGTERM) == 0

    def times(*changes):
        with contextlib.closing(sqlite3.connect(t.path("state", "sprat.db"))) as db:
            for change in changes:
                db.execute(change)
            return [row[0] for row in db.execute("SELECT mtime FROM files")]
    stored = times("ALTER TABLE torrents DROP COLUMN name", "ALTER TABLE wishes DROP COLUMN only_files",
                   "ALTER TABLE wishes DROP COLUMN web_seeds", "DROP INDEX files_by_inode", "DROP TABLE bans",
                   "DROP TABLE dht", "PRAGMA user_version = 5")
    assert len(stored) == 2 and 0 not in stored
    daemon = Daemon(t, "--rest-after", "1")
    t.wait("both to seed", lambda: [x["state"] for x in daemon.listing()] == ["seeding"] * 2, 50)
    t.wait("what was found to be stored", lambda: times() == stored, 50)
    assert daemon.stop(signal.SIGTERM) == 0


@test
def a_folder_that_cant_be_written_to_is_told_at_once(t):
    one = Album(t, "one")
    if os.getuid() == 0:
        raise tap.Skip("root may write everywhere")
    folder = t.path("copy", "x")[:-2]
    os.chmod(folder, 0o555)
    getter = sprat.get(t, one.meta, folder)
    assert "can't write to the directory" in getter.wait("error", 20)["message"]


if __name__ == "__main__":
    sprat.main(sprat.SPRAT, sprat.SPRATD)
