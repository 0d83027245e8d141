#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Downloaded data that is missing when a program starts: an unmounted disk, a deleted file, a shorter file. The torrent
waits for it, and downloads it again only if the user agrees. A directory that can't be written to, or has too little
space, is reported before the download."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import content
import sprat as our
from daemon import Daemon, one_line
from process import Process, run
from tap import Skip, add, test

MIB = 1 << 20
FILES = {"a": 600_000, "b": 400_000}
SIZE = sum(FILES.values())


class Album:
    """An album that spratd fetched to a disk and seeds; the daemon has ended."""

    def __init__(self, t, *args, files=FILES, rest=False):
        self.t = t
        self.args = (*args, *(["--rest-after", "1"] if rest else []))
        self.path = content.write_tree(t.path("origin", "album"), files)
        self.torrent = our.create(t, self.path, "--piece-length", "16K")
        self.seeder = our.seed(t, self.torrent, os.path.dirname(self.path))
        self.disk, self.away = t.path("disk", "x")[:-2], t.path("away")
        self.start()
        self.daemon.sprat("add", "-o", self.disk, "--peer", self.seeder.address, self.torrent)
        self.seeding()
        if rest:
            t.wait("it to rest", lambda: not os.listdir(t.path("state", "locks")), 100)
        self.stop()

    def start(self):
        self.daemon = Daemon(self.t, *self.args)

    def stop(self):
        assert self.daemon.stop(signal.SIGTERM) == 0, self.daemon.report()

    def seeding(self, seconds=60):
        found = self.daemon.await_state("album", "seeding", seconds=seconds)
        self.t.wait("the last commit", lambda: self.daemon.state("album")["completed_at"], 30)
        return found

    def missing(self):
        """It waits, says so in the log, and has fetched nothing."""
        before = self.daemon.state("album")["downloaded"]
        error = self.daemon.await_state("album", "error")["error"]
        assert error.startswith("missing: ") and "--refetch" in error, error
        self.t.wait("a line in the log", lambda: any("missing: " in line for line in self.daemon.errors), 20)
        time.sleep(6)  # for another look, which must change nothing
        found = self.daemon.state("album")
        assert found["state"] == "error" and found["downloaded"] == before, found
        return error


def unplug(keep):
    def check(t):
        album = Album(t, rest=keep == "at rest")
        os.rename(album.disk, album.away)
        if keep != "no directory":
            os.makedirs(album.disk)  # the empty mount point
        for _ in range(2):
            album.start()
            assert "album/a" in album.missing()
            assert len([line for line in album.daemon.errors if "missing: " in line]) == 1, album.daemon.report()
            assert not os.path.exists(album.disk) if keep == "no directory" else not os.listdir(album.disk)
            album.stop()
        album.start()
        album.missing()
        shutil.rmtree(album.disk, ignore_errors=True)
        os.rename(album.away, album.disk)
        album.seeding()
        assert album.daemon.state("album")["downloaded"] == SIZE, "it was fetched again"
    return check


for keep in ("an empty mount point", "no directory", "at rest"):
    add(f"a disk that is not there at the start is waited for: {keep}", unplug(keep))


def shorten(path):
    os.truncate(path, 100_000)


def harmed(harm):
    def check(t):
        album = Album(t)
        one = os.path.join(album.disk, "album", "b")
        shutil.copy2(one, album.away)
        harm(one)
        album.start()
        error = album.missing()
        assert "album/b" in error, error
        shown = album.daemon.state("album")
        assert 0 < shown["pieces_have"] < shown["pieces_total"], "the rest is seeded"
        album.daemon.sprat("resume", "album")  # only looks again
        album.missing()
        shutil.copy2(album.away, one)
        album.seeding()
        assert album.daemon.state("album")["downloaded"] == SIZE, "it was fetched again"
        album.stop()
        harm(one)
        album.start()
        album.missing()
        album.daemon.sprat("resume", "--refetch", "album")
        album.seeding()
        content.assert_same(album.path, os.path.join(album.disk, "album"))
    return check


add("a file that was deleted is waited for, or fetched again on demand", harmed(os.unlink))
add("a file that is shorter is waited for, or fetched again on demand", harmed(shorten))


@test
def a_running_daemon_remembers_what_is_missing(t):
    """Noticed while it runs, and still known after a restart."""
    album = Album(t)
    album.start()
    album.seeding()
    os.rename(album.disk, album.away)
    leecher = our.get(t, album.torrent, t.path("copy"), peers=[album.daemon.listening()])
    album.daemon.await_state("album", "error")
    leecher.stop()
    album.stop()
    os.makedirs(album.disk)
    album.start()
    album.missing()
    assert not os.listdir(album.disk)


@test
def half_a_download_goes_on_when_its_disk_is_back(t):
    path = content.write_file(t.path("origin", "data"), 8 * MIB)
    torrent = our.create(t, path, "--piece-length", "16K")
    seeder = our.seed(t, torrent, os.path.dirname(path))
    disk, away = t.path("disk", "x")[:-2], t.path("away")
    daemon = Daemon(t, "--down-limit", "1M")
    daemon.sprat("add", "-o", disk, "--peer", seeder.address, torrent)
    t.wait("a part of it", lambda: daemon.state("data")["bytes_have"] > MIB, 60)
    assert daemon.stop(signal.SIGTERM) == 0
    os.rename(disk, away)
    daemon = Daemon(t)
    assert "missing: " in daemon.await_state("data", "error")["error"]
    assert not os.path.exists(disk)
    os.rename(away, disk)
    daemon.await_state("data", "seeding", seconds=60)
    content.assert_same(path, os.path.join(disk, "data"))


@test
def it_is_waited_for_where_it_was_moved(t):
    album = Album(t, "--completed-dir", t.path("done"))
    done = t.path("done")
    assert os.path.exists(os.path.join(done, "album", "a"))
    os.rename(done, album.away)
    album.start()
    assert done in album.missing()
    assert not os.path.exists(done) and not os.path.exists(os.path.join(album.disk, "album"))
    os.rename(album.away, done)
    album.seeding()


@test
def get_says_what_is_missing_and_ends(t):
    path = content.write_file(t.path("origin", "data"), MIB)
    torrent = our.create(t, path)
    seeder = our.seed(t, torrent, os.path.dirname(path))
    state, out = ["--state-dir", t.path("s", "x")[:-2]], t.path("out", "x")[:-2]
    our.get(t, torrent, out, *state, peers=[seeder]).finish()
    os.rename(os.path.join(out, "data"), t.path("away"))
    getter = our.get(t, torrent, out, *state, peers=[seeder])
    getter.fail("data", "missing", "--refetch")
    assert getter.last("error")["fatal"] is True and not os.listdir(out)
    # Who only seeds says so too, and forgets nothing.
    assert our.Peer(t, "seed", *state, torrent, out).status(30) == 1
    our.get(t, torrent, out, *state, peers=[seeder]).fail("data", "missing")
    os.rename(t.path("away"), os.path.join(out, "data"))
    assert our.get(t, torrent, out, *state, peers=[seeder]).finish()["down"] == 0
    os.unlink(os.path.join(out, "data"))
    our.get(t, torrent, out, *state, "--refetch", peers=[seeder]).finish()
    content.assert_same(path, os.path.join(out, "data"))


# A place that can't be written to.

def as_nobody():
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)


@test
def an_output_directory_that_is_a_file_is_told_at_once(t):
    torrent = our.create(t, content.write_file(t.path("origin", "data"), MIB))
    there = content.write_file(t.path("file"), 10)
    for out in there, os.path.join(there, "below"):
        result = our.sprat(t, "get", "--state-dir", t.path("s", "x")[:-2], "-o", out, torrent, status=1)
        assert there in result.err, result
    daemon = Daemon(t)
    one_line(daemon.sprat("add", "-o", there, torrent, status=1), there, "directory")
    assert daemon.listing() == []


@test
def an_output_directory_without_permission_is_told_at_once(t):
    if os.getuid() != 0:
        raise Skip("only root can become somebody else")
    torrent = our.create(t, content.write_file(t.path("origin", "data"), MIB))
    os.chmod(t.dir, 0o755)
    program = shutil.copy(our.SPRAT, t.path("sprat"))
    copy = shutil.copy(torrent, t.path("x.torrent"))
    os.makedirs(t.path("s"))
    os.chmod(t.path("s"), 0o777)
    os.makedirs(t.path("closed"))
    for out in t.path("closed"), t.path("closed", "below", "x")[:-2]:
        result = run(t, [program, "get", "--state-dir", os.path.join(t.path("s"), "own"), "-o", out, copy],
                     preexec=as_nobody)
        assert result.status == 1, result
        assert "may not write to" in result.err and "closed" in result.err, result


def in_small_disk(t, options):
    """What to put before a command that shall see a tmpfs at t.path("disk"), and its path."""
    path = t.path("disk", "x")[:-2]
    wrap = ["unshare", "-m" if os.getuid() == 0 else "-rm", "sh", "-c",
            f'mount -t tmpfs -o {options} tmpfs {path} && exec "$@"', "sh"]
    if subprocess.run([*wrap, "true"], capture_output=True).returncode != 0:
        raise Skip("mounting in a namespace is not possible here")
    return wrap, path


@test
def a_disk_that_is_too_small_is_told_before_the_first_byte(t):
    wrap, disk = in_small_disk(t, "size=8m")
    path = content.write_file(t.path("origin", "data"), 16 * MIB)
    torrent = our.create(t, path)
    seeder = our.seed(t, torrent, os.path.dirname(path))
    getter = our.get(t, torrent, disk, peers=[seeder], wrap=wrap)
    error = getter.wait("error", 30)
    assert error["fatal"] is False and "no space for data" in error["message"], error
    assert "16 MiB are needed, 8 MiB are free" in error["message"], error
    assert getter.alive() and not getter.last("complete")
    getter.interrupt()
    assert getter.last("stopped")["down"] == 0, "it fetched what it has no space for"


@test
def a_disk_that_two_torrents_count_on_is_too_small_for_the_second(t):
    wrap, disk = in_small_disk(t, "size=24m")
    paths = [content.write_file(t.path("origin", name), 16 * MIB, name) for name in ("one", "two")]
    torrents = [our.create(t, path) for path in paths]
    # No peer: what the first claims is all that it needs.
    sock = t.path("d.sock")
    daemon = Process(t, [*wrap, our.SPRATD, "--foreground", "--state-dir", t.path("d"), "--socket", sock,
                         "--listen", our.join(t.address(), 0)])
    t.wait("the daemon", lambda: our.sprat(t, "ls", "--socket", sock).status == 0, 30)

    def tell(*args):
        return our.sprat(t, args[0], "--socket", sock, *args[1:])
    def state(name):
        return next(x for x in json.loads(tell("ls", "--json").out) if x["name"] == name)
    tell("add", "-o", disk, torrents[0])
    t.wait("the first", lambda: any("one: checked" in line for line in daemon.errors), 30)
    t.wait("its claim", lambda: state("one")["state"] == "downloading", 30)
    tell("add", "-o", disk, torrents[1])
    found = t.wait("the second to wait", lambda: (s := state("two"))["state"] == "error" and s, 30)
    assert "no space for two" in found["error"] and "other torrents need" in found["error"], found
    tell("rm", "one")
    t.wait("the second", lambda: state("two")["state"] == "downloading", 60)


if __name__ == "__main__":
    our.main(our.SPRAT, our.SPRATD)
