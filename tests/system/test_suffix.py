#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Files that are called NAME.incomplete until they are complete: with get and spratd, after kills at every moment, beside
other files with either name, for selected files, and with the option given in some runs only."""

import concurrent.futures
import errno
import os
import random
import shutil
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import content
import faults
import sprat as our
import torture
from daemon import Daemon
from tap import add, test

FILES = {"a": 400_000, "b": 300_000, "sub/c": 50_001, "empty": 0}
SIZE = sum(FILES.values())
SUFFIX = ".incomplete"
OPTION = "--incomplete-suffix"
SLOW = ("--down-limit", "200K")


def read(path):
    with open(path, "rb") as f:
        return f.read()


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)


class Album:
    """An album with its seeder, and a directory and a state directory for downloads of it."""

    def __init__(self, t, files=FILES, form="hybrid", name="album"):
        self.t, self.name = t, name
        self.path = content.write_tree(t.path("origin", name), files)
        self.torrent = our.create(t, self.path, "--piece-length", "16K", form=form)
        self.layout = torture.Layout(self.torrent)
        self.seeder = our.seed(t, self.torrent, os.path.dirname(self.path))
        self.out, self.state = t.path("out", "x")[:-2], t.path("state", "x")[:-2]
        os.chmod(self.state, 0o700)

    def get(self, *args, env=None):
        return our.get(self.t, self.torrent, self.out, "--state-dir", self.state, *args, peers=[self.seeder], env=env)

    def at(self, name):
        return os.path.join(self.out, self.name, name)

    def names(self):
        return sorted(content.files_below(os.path.join(self.out, self.name)))

    def claims(self):
        return torture.claims(self.state, self.t.path("scratch"))

    def half(self, *args, name="b" + SUFFIX):
        """A download that is killed when something of it is stored, and of that file something is there."""
        getter = self.get(*args, *SLOW)
        self.t.wait("a part of it", lambda: os.path.exists(self.at(name)) and self.claims(), 60)
        getter.kill()
        assert os.path.exists(self.at(name)), f"{name} is complete already: {self.names()}"

    def look(self):
        """Each file has one name, and the final one if it is whole and all of it is stored."""
        claimed, names = self.claims(), self.names()
        wrong = self.layout.wrong(self.out, claimed)
        assert not wrong, f"claimed and not right: {wrong}"
        for name in names:
            assert name + SUFFIX not in names, f"{name} has two names"
            if name.endswith(SUFFIX):
                continue
            assert read(self.at(name)) == read(os.path.join(self.path, name)), f"{name} is not complete"
            missing = [n for n, parts in enumerate(self.layout.pieces) if n not in claimed and any(
                part == os.path.join(self.name, name) for part, _, _ in parts)]
            assert not missing, f"{name} is not stored: {missing}"
        return names

    def whole(self):
        """All of it is right. A torrent seeds as soon as its last piece is verified; the last file gets its name when
        that piece is stored."""
        wanted = sorted(content.files_below(self.path))
        self.t.wait("the names", lambda: self.names() == wanted, 20)
        content.assert_same(self.path, os.path.join(self.out, self.name))


def complete_files_only(form):
    def check(t):
        album = Album(t, form=form)
        getter, seen = album.get(OPTION, *SLOW), set()
        while getter.alive():
            for name in album.names():
                seen.add(name)
                if not name.endswith(SUFFIX):
                    assert read(album.at(name)) == read(os.path.join(album.path, name)), f"{name} is not complete"
        getter.finish()
        assert {"a" + SUFFIX, "b" + SUFFIX} <= seen and "empty" + SUFFIX not in seen, seen
        album.whole()
        assert album.get().finish()["down"] == 0
    return check


for form in ("v1", "v2", "hybrid"):
    add(f"{form}: only complete files have their names", complete_files_only(form))


@test
def without_the_option_files_have_their_names_at_once(t):
    album = Album(t)
    getter = album.get(*SLOW)
    t.wait("a file", album.names, 30)
    assert not [name for name in album.names() if name.endswith(SUFFIX)], album.names()
    getter.finish()
    album.whole()


# --- kills ---

class Victim(torture.Victim):
    """A download with the option that is killed again and again."""

    def look(self):
        super().look()
        source, copy = self.source, os.path.join(self.folder, self.source.layout.name)
        found = content.files_below(copy) if source.tree else {
            name: os.path.join(self.folder, name) for name in os.listdir(self.folder)}
        for name, path in found.items():
            if name.endswith(SUFFIX):
                assert name[:-len(SUFFIX)] not in found, f"{self}: {name} has two names after kill {self.kills}"
                continue
            original = os.path.join(source.path, name) if source.tree else source.path
            assert read(path) == read(original), f"{self}: {name} is not complete after kill {self.kills}"


def killed(power):
    def check(t):
        if power:
            faults.need()
        tracker = our.Tracker(t, "--min-interval", "20", udp=False)
        sources = [torture.Source(t, form, form != "v2", 7, [tracker.http]) for form in ("v1", "v2", "hybrid")]
        peers = torture.seeders(t, sources, 2)
        victims = [Victim(t, source, peers, 70 + n, daemon, power,
                          ["--incomplete-suffix", "yes"] if daemon else ["--incomplete-suffix"])
                   for n, (source, daemon) in enumerate((s, d) for d in (False, True) for s in sources)]

        def one(victim):
            while victim.kills < 8:
                if victim.live(victim.random.choice((0.3, 1.0)) * victim.random.random() * 6):
                    victim.begin_anew()
            victim.finish()
        with concurrent.futures.ThreadPoolExecutor(len(victims)) as pool:
            list(pool.map(one, victims))
    return check


add("after kill -9 a file with its name is whole, and goes on", killed(False), 240)
add("after a power failure a file with its name is whole, and goes on", killed(True), 400)


def held_at(t, album, ops, match):
    """A download whose calls of that kind take long: killed within the first of them."""
    layer = faults.Faults(t.path("faults", "x")[:-2], [album.out], False)
    layer.slow_down(ops, 30, match)
    getter = album.get(OPTION, env=layer.env())
    t.wait("the call", layer.seen, 40)
    getter.kill()
    getter.close()


@test
def stored_and_not_renamed_is_renamed_at_the_next_start(t):
    faults.need_plain()
    album = Album(t, {"a": 100_000})
    held_at(t, album, faults.RENAME, "/out/")
    assert album.names() == ["a" + SUFFIX] and len(album.claims()) == len(album.layout.pieces)
    # Meanwhile it is neither missing nor checked anew, and nobody is needed to complete it.
    album.seeder.stop()
    getter = our.get(t, album.torrent, album.out, "--state-dir", album.state)
    assert getter.finish()["down"] == 0
    album.whole()


@test
def renamed_and_not_stored_goes_on_under_its_name(t):
    """A database that is older than the disk, as from a backup."""
    album = Album(t)
    album.half(OPTION)
    old = t.path("old", "x")[:-2]
    shutil.copytree(album.state, old, dirs_exist_ok=True, ignore=lambda folder, names: [
        name for name in names if "locks" in folder or name.endswith(".sock")])
    album.get().finish()
    shutil.rmtree(album.state)
    shutil.copytree(old, album.state)
    os.chmod(album.state, 0o700)
    assert album.get().finish()["down"] == 0, "it was fetched again"
    album.whole()


@test
def a_rename_that_fails_is_tried_again(t):
    faults.need_plain()
    album = Album(t)
    layer = faults.Faults(t.path("faults", "x")[:-2], [album.out], False)
    layer.fail(faults.RENAME, errno.EIO, first=1, count=1, match="/out/")
    getter = album.get(OPTION, env=layer.env())
    getter.finish()
    assert layer.hits() == 1
    said = [e["message"] for e in getter.events if e["event"] == "error"]
    assert any(os.strerror(errno.EIO) in line for line in said), getter.report()
    album.whole()


def older_file_system(how):
    """It has no RENAME_NOREPLACE and, if it is like FAT, no hard links; a foreign file is safe all the same."""
    def check(t):
        album, env = Album(t), faults.fatlike(how)
        album.get(OPTION, env=env).finish()
        album.whole()
        shutil.rmtree(album.out)
        shutil.rmtree(album.state)
        getter = album.get(OPTION, *SLOW, env=env)
        t.wait("the file", lambda: os.path.exists(album.at("b" + SUFFIX)), 30)
        write(album.at("b"), b"mine")
        getter.fail("album/b")
        assert read(album.at("b")) == b"mine"
    return check


add("a file system without renames that replace nothing", older_file_system("EINVAL"))


@test
def two_names_of_one_file_are_one_rename_that_was_cut_off(t):
    album = Album(t)
    album.half(OPTION)
    os.link(album.at("b" + SUFFIX), album.at("b"))
    album.get().finish()
    album.whole()


# --- files of others ---

@test
def a_foreign_file_at_the_final_name_is_kept_and_named(t):
    album = Album(t)
    album.half(OPTION)
    write(album.at("b"), b"mine")
    for _ in range(2):  # at the start
        album.get().fail("album/b", "b" + SUFFIX, "move that file away")
        assert read(album.at("b")) == b"mine"
    os.rename(album.at("b"), album.at("elsewhere"))
    getter = album.get(*SLOW)  # in the middle
    t.wait("it to go on", lambda: getter.last("checked"), 30)
    write(album.at("b"), b"mine too")
    getter.fail("album/b", "b" + SUFFIX, "move that file away")
    assert read(album.at("b")) == b"mine too" and read(album.at("elsewhere")) == b"mine"
    os.unlink(album.at("b"))
    os.unlink(album.at("elsewhere"))
    album.get().finish()
    album.whole()


@test
def spratd_waits_until_the_foreign_file_is_gone(t):
    album, daemon = Album(t), Daemon(t, "--incomplete-suffix", "yes", "--down-limit", "300K")
    daemon.sprat("add", "-o", album.out, "--peer", album.seeder.address, album.torrent)
    t.wait("the file", lambda: os.path.exists(album.at("b" + SUFFIX)), 30)
    write(album.at("b"), b"mine")
    error = daemon.await_state("album", "error", seconds=60)["error"]
    assert "album/b" in error and "move that file away" in error, error
    assert read(album.at("b")) == b"mine"
    os.unlink(album.at("b"))
    daemon.sprat("resume", "album")
    daemon.await_state("album", "seeding", seconds=60)
    album.whole()


def other(n=300_000):
    return random.Random("another file").randbytes(n)


@test
def a_foreign_file_at_the_working_name_is_kept_and_named(t):
    album, mine = Album(t), other()
    write(album.at("b" + SUFFIX), mine)
    album.get(OPTION).fail("album/b" + SUFFIX, "0 of", "--adopt")
    assert read(album.at("b" + SUFFIX)) == mine
    # Without the option nobody looks there.
    album.get("--state-dir", t.path("other state")).finish()
    assert read(album.at("b" + SUFFIX)) == mine
    os.unlink(album.at("b" + SUFFIX))
    album.whole()


@test
def a_directory_at_the_working_name_is_named(t):
    album = Album(t)
    os.makedirs(album.at("b" + SUFFIX))
    album.get(OPTION).fail("album/b" + SUFFIX)
    assert os.path.isdir(album.at("b" + SUFFIX))


@test
def what_a_lost_database_left_is_completed(t):
    """With the option if a piece of it matches, with --adopt in any case."""
    album = Album(t)
    for args, harm in (([OPTION], False), (["--adopt"], False), ([OPTION, "--adopt"], True)):
        album.half(OPTION)
        shutil.rmtree(album.state)
        kept = os.stat(album.at("b" + SUFFIX)).st_ino
        if harm:
            with open(album.at("b" + SUFFIX), "r+b") as f:
                f.write(other())
            album.get(OPTION).fail("album/b" + SUFFIX, "--adopt")
        album.get(*args).finish()
        assert os.stat(album.at("b")).st_ino == kept, f"{args}: another file was begun"
        album.whole()
        shutil.rmtree(album.out)
        shutil.rmtree(album.state)


@test
def what_adopt_found_is_found_again(t):
    album = Album(t)
    album.half(OPTION)
    shutil.rmtree(album.state)
    getter = album.get("--adopt", *SLOW)
    t.wait("more of it", album.claims, 30)
    getter.kill()
    assert os.path.exists(album.at("b" + SUFFIX)), album.names()
    album.get().finish()
    album.whole()


# --- the option in some runs ---

@test
def a_later_run_follows_without_the_option(t):
    album = Album(t)
    album.half(OPTION)
    assert album.get().finish()["down"] < SIZE
    album.whole()


@test
def a_torrent_that_was_begun_without_the_option_goes_on(t):
    album = Album(t)
    album.half(name="b")
    getter = album.get(OPTION, *SLOW)
    while getter.alive():
        assert "b" + SUFFIX not in album.names(), "it has its name already"
    getter.finish()
    album.whole()


@test
def spratd_remembers_it_and_follows_the_setting(t):
    album = Album(t)
    daemon = Daemon(t, "--incomplete-suffix", "yes", "--down-limit", "200K")
    daemon.sprat("add", "-o", album.out, "--peer", album.seeder.address, album.torrent)
    t.wait("the file", lambda: os.path.exists(album.at("b" + SUFFIX)), 30)
    daemon.kill()
    assert os.path.exists(album.at("b" + SUFFIX)), album.names()
    daemon = Daemon(t)
    daemon.await_state("album", "seeding", seconds=60)
    album.whole()
    daemon.sprat("rm", "album")
    daemon.sprat("add", OPTION, "--down-limit", "200K", "-o", t.path("second"), "--peer", album.seeder.address,
                 album.torrent)
    t.wait("the file", lambda: os.path.exists(t.path("second", "album", "b" + SUFFIX)), 30)


@test
def the_setting_is_read_and_checked(t):
    def conf(value):
        write(t.path("spratd.conf"), f"incomplete-suffix = {value}\n".encode())
    conf("maybe")
    result = our.run(t, [our.SPRATD, "-c", t.path("spratd.conf"), "--foreground", "--state-dir", t.path("s")])
    assert result.status == 1 and "incomplete-suffix" in result.err and "neither yes nor no" in result.err, result
    conf("no")
    album, daemon = Album(t), Daemon(t, "-c", t.path("spratd.conf"), "--down-limit", "200K")
    conf("yes")
    os.kill(daemon.pid, signal.SIGHUP)
    t.wait("the setting", lambda: any("incomplete-suffix" in line for line in daemon.errors), 20)
    daemon.sprat("add", "-o", album.out, "--peer", album.seeder.address, album.torrent)
    t.wait("the file", lambda: os.path.exists(album.at("b" + SUFFIX)), 30)


@test
def rm_with_data_removes_what_is_not_complete(t):
    album = Album(t)
    daemon = Daemon(t, "--incomplete-suffix", "yes", "--down-limit", "200K")
    for restart in (False, True):
        daemon.sprat("add", "-o", album.out, "--peer", album.seeder.address, album.torrent)
        t.wait("the file", lambda: os.path.exists(album.at("b" + SUFFIX)), 30)
        if restart:
            daemon.sprat("pause", "album")
            assert daemon.stop(signal.SIGTERM) == 0, daemon.report()
            daemon = Daemon(t)
            write(album.at("b"), b"mine")
        daemon.sprat("rm", "--data", "album")
        t.wait("it to be gone", lambda: daemon.state("album") is None, 20)
        assert album.names() == (["b"] if restart else []), album.names()


# --- with the rest ---

@test
def a_disk_that_is_away_is_waited_for(t):
    album = Album(t)
    daemon = Daemon(t, "--incomplete-suffix", "yes", "--down-limit", "200K")
    daemon.sprat("add", "-o", album.out, "--peer", album.seeder.address, album.torrent)
    t.wait("a part of it", lambda: os.path.exists(album.at("b" + SUFFIX)) and album.claims(), 30)
    daemon.kill()
    assert os.path.exists(album.at("b" + SUFFIX)), album.names()
    os.rename(album.out, t.path("away"))
    daemon = Daemon(t)
    error = daemon.await_state("album", "error")["error"]
    assert error.startswith("missing: "), error
    os.rename(t.path("away"), album.out)
    daemon.await_state("album", "seeding", seconds=60)
    album.whole()


@test
def verify_and_seed_name_what_is_not_complete(t):
    album = Album(t)
    album.half(OPTION)
    result = our.sprat(t, "verify", album.torrent, album.out, status=1)
    assert f"album/b{SUFFIX}" in result.out and OPTION in result.out, result
    seeder = our.Peer(t, "seed", album.torrent, album.out)
    t.wait("its words", lambda: any("b" + SUFFIX in str(line) for line in seeder.events + seeder.errors), 20)
    # In the download's own state directory its pieces are seeded.
    own = our.seed(t, album.torrent, album.out, "--state-dir", album.state)
    assert own.last("checked")["pieces_have"] > 0, own.report()
    own.stop()
    assert "b" + SUFFIX in album.names(), "a seed renames nothing"


@test
def what_is_not_complete_is_served(t):
    """Through the renames: the second has no other source than the first."""
    album = Album(t)
    first = album.get(OPTION, *SLOW, "--seed", "forever").ready()
    our.get(t, album.torrent, t.path("second"), OPTION, peers=[first]).finish()
    content.assert_same(album.path, t.path("second", "album"))
    first.complete()
    album.whole()


@test
def it_moves_when_it_is_complete(t):
    album = Album(t)
    album.half(OPTION, "--move-to", t.path("there"))
    album.get("--move-to", t.path("there")).finish()
    content.assert_same(album.path, t.path("there", "album"))
    assert not album.names()


@test
def room_is_reserved_for_what_is_not_complete(t):
    album = Album(t)
    getter = album.get(OPTION, "--allocate", "full", *SLOW)
    t.wait("files", lambda: len(album.names()) >= 3, 30)
    assert {"a" + SUFFIX, "b" + SUFFIX} & set(album.names()), album.names()
    getter.finish()
    album.whole()


def chosen(form):
    """A file that is not wanted any more stays what it is; one that was never wanted is not there."""
    def check(t):
        album = Album(t, form=form)
        daemon = Daemon(t, "--incomplete-suffix", "yes", "--down-limit", "200K")
        daemon.sprat("add", "-o", album.out, "--skip", "sub/c", "--peer", album.seeder.address, album.torrent)
        t.wait("a file", lambda: os.path.exists(album.at("b" + SUFFIX)), 30)
        daemon.sprat("select", "--skip", "b", "album")
        assert "b" + SUFFIX in album.names(), album.names()
        daemon.sprat("limit", "--down", "none")
        t.wait("the others", lambda: os.path.exists(album.at("a")), 60)
        t.wait("the end", lambda: daemon.state("album")["state"] == "seeding", 60)
        assert album.names() in (["a", "b" + SUFFIX, "empty"], ["a", "b", "empty"]), album.names()
        assert daemon.stop(signal.SIGTERM) == 0
        daemon = Daemon(t)
        daemon.await_state("album", "seeding")
        daemon.sprat("select", "--only", "*", "album")
        t.wait("all of it", lambda: len(album.names()) == 4 and not [
            name for name in album.names() if name.endswith(SUFFIX)], 60)
        album.whole()
    return check


for form in ("v1", "v2"):
    add(f"{form}: files that are not wanted any more stay as they are", chosen(form))


def names_that_collide(form):
    def check(t):
        files = {"x": 100_000, "x.incomplete": 100_001, "y": 90_000, "Y.Incomplete/z": 70_000, "w": 100_000}
        album = Album(t, files, form)
        getter, seen = album.get(OPTION, *SLOW), set()
        while getter.alive():
            seen |= set(album.names())
        getter.finish()
        assert "w" + SUFFIX in seen and "x.incomplete" + SUFFIX in seen and "y" + SUFFIX not in seen, seen
        album.whole()
    return check


for form in ("v1", "v2"):
    add(f"{form}: a file that the torrent calls NAME.incomplete is no other's", names_that_collide(form))


@test
def long_and_odd_names_arrive(t):
    files = {"n" * 255: 60_000, "m" * 244: 60_000, "é" * 70 + "l" * 5: 60_000, "What?": 60_000, "Twin": 60_000,
             "twin": 60_001}
    album = Album(t, files)
    getter, seen = album.get(OPTION, *SLOW), set()
    while getter.alive():
        seen |= set(album.names())
    getter.finish()
    assert "m" * 244 + SUFFIX in seen and "What?" + SUFFIX in seen, seen
    assert "Twin" + SUFFIX in seen and "twin" + SUFFIX in seen, seen
    album.whole()


@test
def a_working_name_that_the_file_system_refuses_is_done_without(t):
    """An encrypting file system takes fewer bytes."""
    album = Album(t, {"l" * 140: 100_000, "s" * 130: 100_000, "short": 100_000})
    env = {**faults.fatlike(), "SPRAT_FATLIKE_LONGEST": "143"}
    getter, seen = album.get(OPTION, *SLOW, env=env), set()
    while getter.alive():
        seen |= set(album.names())
    getter.finish()
    assert "s" * 130 + SUFFIX in seen and "short" + SUFFIX in seen and len(max(seen, key=len)) < 143, seen
    album.whole()


@test
def names_that_are_one_on_the_disk_are_told_before_anything_is_fetched(t):
    album = Album(t, {"Twin": 60_000, "twin": 60_001, "third": 100_000})
    getter = album.get(OPTION, env=faults.fatlike())
    getter.fail("win")
    assert not album.claims()


if __name__ == "__main__":
    our.main(our.SPRAT, our.SPRATD)
