#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Reserved disk space, and torrents that move to another directory when they are complete, also if the process is killed
meanwhile."""

import os
import random
import sqlite3
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import content
import sprat as our
import tap
from daemon import Daemon, one_line, seeded
from tap import test


def other_file_system(t):
    """A folder that is removed with the test, on another file system than its own."""
    shm = "/dev/shm"
    if not os.path.isdir(shm) or os.stat(shm).st_dev == os.stat(t.dir).st_dev:
        raise tap.Skip("there is no other file system")
    folder = tempfile.TemporaryDirectory(prefix="sprat-test-", dir=shm)
    t.defer(folder.cleanup)
    return folder.name


def tree(t):
    """Some hundred files and a large one, with its torrent and a seeder."""
    files = {f"many/{i:03}": 3000 + i for i in range(300)}
    path = content.write_tree(t.path("origin", "tree"), {**files, "large": 30_000_000, "empty": 0})
    torrent = our.create(t, path)
    return path, torrent, our.seed(t, torrent, os.path.dirname(path))


def below(folder):
    return sorted(content.files_below(folder)) if os.path.isdir(folder) else []


def where(t, state="state"):
    """What the database says of where the torrent is, and where else it was."""
    with sqlite3.connect(t.path(state, "sprat.db")) as db:
        return db.execute("SELECT dir, moved_from, move_to FROM torrents").fetchone()


@test
def a_complete_torrent_goes_where_it_shall_and_seeds_on(t):
    path, torrent, seeder = seeded(t)
    daemon = Daemon(t, "--completed-dir", t.path("done"))
    daemon.sprat("add", "-o", t.path("out"), "--peer", seeder.address, torrent)
    assert daemon.rpc("torrent.info", torrent="data")["move_to"] in (t.path("done"), None)
    t.wait("the move", lambda: daemon.state("data")["save_dir"] == t.path("done"), 30)
    t.wait("the cleaning", lambda: where(t) == (t.path("done"), None, None), 30)
    content.assert_same(path, t.path("done", "data"))
    assert below(t.path("out")) == []
    assert daemon.await_state("data", "seeding")["move_to"] is None
    our.get(t, torrent, t.path("copy"), peers=[daemon.listening()]).finish()
    content.assert_same(path, t.path("copy", "data"))
    daemon.kill()
    daemon = Daemon(t)
    daemon.await_state("data", "seeding")
    our.get(t, torrent, t.path("copy-2"), peers=[daemon.listening()]).finish()


@test
def what_was_there_already_stays_unless_that_is_asked(t):
    path = content.write_file(t.path("origin", "data"), 100_000)
    torrent = our.create(t, path)
    daemon = Daemon(t, "--completed-dir", t.path("done"))
    daemon.sprat("add", "-o", t.path("origin"), torrent)
    daemon.await_state("data", "seeding")
    daemon.kill()
    daemon = Daemon(t, "--completed-dir", t.path("done"))
    assert daemon.await_state("data", "seeding")["save_dir"] == t.path("origin")
    daemon.sprat("rm", "data")
    t.wait("removal", lambda: daemon.listing() == [], 10)
    daemon.sprat("add", "-o", t.path("origin"), "--move-to", t.path("asked"), torrent)
    t.wait("the move", lambda: daemon.state("data")["save_dir"] == t.path("asked"), 30)


@test
def get_moves_before_it_says_complete(t):
    path, torrent, seeder = tree(t)
    away = other_file_system(t)
    args = [torrent, t.path("out"), "--move-to", os.path.join(away, "new"), "--allocate", "full", "--state-dir",
            t.path("state")]
    our.get(t, *args, peers=[seeder]).finish()
    content.assert_same(path, os.path.join(away, "new", "tree"))
    assert below(t.path("out")) == []
    again = our.get(t, *args)
    again.finish()  # there is nobody to fetch it from
    assert below(t.path("out")) == []


@test
def a_destination_that_is_missing_is_waited_for(t):
    """As if its disk were not mounted: the directory was made when the torrent was added, and is not made again."""
    path, torrent, seeder = seeded(t)
    daemon = Daemon(t, "--completed-dir", t.path("disk", "done"))
    daemon.sprat("add", "-o", t.path("out"), "--down-limit", "1", "--peer", seeder.address, torrent)
    assert os.path.isdir(t.path("disk", "done"))
    os.rename(t.path("disk"), t.path("unplugged"))
    os.mkdir(t.path("disk"))
    daemon.sprat("limit", "--down", "0", "data")
    found = daemon.await_state("data", "error")
    assert t.path("disk", "done") in found["error"] and "Mount its disk" in found["error"], found
    our.get(t, torrent, t.path("copy"), peers=[daemon.listening()]).finish()
    assert os.listdir(t.path("disk")) == [], "nothing is made where the disk is not mounted"
    os.rmdir(t.path("disk"))
    os.rename(t.path("unplugged"), t.path("disk"))
    t.wait("the move", lambda: daemon.state("data")["save_dir"] == t.path("disk", "done"), 30)
    content.assert_same(path, t.path("disk", "done", "data"))
    daemon.await_state("data", "seeding")


@test
def a_stranger_in_the_way_is_told_and_left_alone(t):
    path, torrent, seeder = seeded(t)
    os.makedirs(t.path("done"))
    with open(t.path("done", "data"), "w") as f:
        f.write("mine")
    daemon = Daemon(t)
    daemon.sprat("add", "-o", t.path("out"), "--move-to", t.path("done"), "--peer", seeder.address, torrent)
    found = daemon.await_state("data", "error")
    assert t.path("done", "data") in found["error"], found
    content.assert_same(path, t.path("out", "data"))
    our.get(t, torrent, t.path("copy"), peers=[daemon.listening()]).finish()
    with open(t.path("done", "data")) as f:
        assert f.read() == "mine"
    os.unlink(t.path("done", "data"))
    daemon.sprat("resume", "data")
    t.wait("the move", lambda: daemon.state("data")["save_dir"] == t.path("done"), 30)
    content.assert_same(path, t.path("done", "data"))


@test
def a_move_that_was_not_finished_leaves_nothing(t):
    path, torrent, seeder = tree(t)
    os.makedirs(t.path("done", "tree", "many"))
    with open(t.path("done", "tree", "many", "150"), "w") as f:
        f.write("mine")
    daemon = Daemon(t)
    daemon.sprat("add", "-o", t.path("out"), "--move-to", t.path("done"), "--peer", seeder.address, torrent)
    daemon.await_state("tree", "error")
    assert len(below(t.path("done"))) > 100, "those before it are there"
    daemon.sprat("rm", "tree")
    t.wait("removal", lambda: daemon.listing() == [], 10)
    assert below(t.path("done")) == ["tree/many/150"]
    content.assert_same(path, t.path("out", "tree"))


def on_another(t):
    """A torrent whose daemon moves it to another file system; where that is."""
    away = os.path.join(other_file_system(t), "done")
    os.makedirs(away)
    return away


@test
def no_name_beside_a_moved_file_is_touched(t):
    """Neither a file of the torrent nor a foreign one whose name another program might use for its copies."""
    names = {"b": 300_000, "b.sprat-move": 200_000, "b.part": 1000, "b.incomplete": 2000}
    path = content.write_tree(t.path("origin", "tree"), names)
    torrent = our.create(t, path)
    seeder = our.seed(t, torrent, os.path.dirname(path))
    away = on_another(t)
    strangers = {f"tree/{name}": name.encode() for name in ("c.sprat-move", ".sprat-move", "b.sprat-move.sprat-move")}
    for name, text in strangers.items():
        os.makedirs(os.path.dirname(os.path.join(away, name)), exist_ok=True)
        with open(os.path.join(away, name), "wb") as f:
            f.write(text)
    our.get(t, torrent, t.path("out"), "--move-to", away, peers=[seeder]).finish()
    for name in names:
        content.assert_same(os.path.join(path, name), os.path.join(away, "tree", name))
    for name, text in strangers.items():
        with open(os.path.join(away, name), "rb") as f:
            assert f.read() == text, name
    assert len(below(away)) == len(names) + len(strangers), below(away)
    assert below(t.path("out")) == []


@test
def what_was_changed_before_a_move_is_checked_again(t):
    """The destination holds a file in the way; meanwhile another program changes a byte of what was fetched."""
    path, torrent, seeder = seeded(t)
    away = on_another(t)
    with open(os.path.join(away, "data"), "w") as f:
        f.write("in the way")
    daemon = Daemon(t)
    daemon.sprat("add", "-o", t.path("out"), "--move-to", away, "--peer", seeder.address, torrent)
    assert os.path.join(away, "data") in daemon.await_state("data", "error")["error"]
    with open(t.path("out", "data"), "r+b") as f:
        f.seek(40_000)
        f.write(b"changed by somebody")
    os.unlink(os.path.join(away, "data"))
    daemon.sprat("resume", "data")
    t.wait("the move", lambda: daemon.state("data")["save_dir"] == away, 30)
    daemon.await_state("data", "seeding")
    content.assert_same(path, os.path.join(away, "data"))


def kill_while_moving(t, to, seed):
    """Kills the daemon again and again around the move: at every end, the place that the database names has all."""
    path, torrent, seeder = tree(t)
    chance = random.Random(seed)
    daemon = Daemon(t)
    daemon.sprat("add", "-o", t.path("out"), "--move-to", to, "--peer", seeder.address, torrent)
    total = sum(os.path.getsize(os.path.join(path, f)) for f in content.files_below(path))
    t.wait("all of it", lambda: daemon.state("tree")["bytes_have"] == total, 60, step=0.01)
    both = 0
    for i in range(12):
        # At any time, when the first files are there, or when the first are not here any more.
        end = time.monotonic() + chance.uniform(0, 0.4)
        moment = (lambda: time.monotonic() > end, lambda: os.path.exists(os.path.join(to, "tree")),
                  lambda: not os.path.exists(t.path("out", "tree", "empty")))[i % 3]
        t.wait("the moment", lambda: moment() or where(t) == (to, None, None), 60, step=0.001)
        daemon.kill()
        place, before, _ = where(t)
        assert place in (t.path("out"), to), place
        content.assert_same(path, os.path.join(place, "tree"), empty_files=False)
        assert before in (None, t.path("out")), before
        both += bool(below(t.path("out")) and below(to))
        daemon = Daemon(t)
    tap.note(f"{both} of 12 kills came when files were in both places")
    t.wait("the end", lambda: where(t) == (to, None, None), 60)
    content.assert_same(path, os.path.join(to, "tree"))
    assert below(t.path("out")) == []
    assert below(to) == [os.path.join("tree", f) for f in sorted(content.files_below(path))], "nothing is left over"
    assert daemon.await_state("tree", "seeding")["save_dir"] == to


@test(seconds=120)
def kill_9_in_the_middle_of_a_move(t):
    kill_while_moving(t, t.path("done"), 1)


@test(seconds=120)
def kill_9_in_the_middle_of_a_move_to_another_file_system(t):
    kill_while_moving(t, os.path.join(other_file_system(t), "done"), 2)


@test
def room_is_taken_before_the_download(t):
    path = content.write_file(t.path("origin", "data"), 3_000_000)
    torrent = our.create(t, path)
    for name, args in (("full", ["--allocate", "full"]), ("sparse", ["--allocate", "sparse"]), ("default", [])):
        daemon = Daemon(t, *(["--allocate", "full"] if name == "default" else []), state=f"state-{name}")
        daemon.sprat("add", "-o", t.path(name), *args, torrent)
        daemon.await_state("data", "downloading")
        held = os.stat(t.path(name, "data")).st_blocks * 512 if os.path.exists(t.path(name, "data")) else 0
        if name == "full" and held == 0:
            raise tap.Skip("this file system reserves nothing")
        assert held >= 3_000_000 if name != "sparse" else held == 0, (name, held)
        daemon.stop()
    one_line(our.sprat(t, "get", "--allocate", "much", torrent, status=2), "--allocate", "much")


if __name__ == "__main__":
    our.main(our.SPRAT, our.SPRATD)
