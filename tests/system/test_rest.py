#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Resting seeds of spratd: a seed without interested peers rests, is still announced, listed and found, and wakes when a
peer or the user needs it. A resting seed has no lock file, and these tests recognise it by that."""

import os
import shutil
import signal
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import content
import fake_tracker
import faults
import sprat as our
import torrent as torrents
from daemon import Daemon, one_line
from tap import test

LENGTH = 1_500_000


def locks(t):
    return os.listdir(t.path("state", "locks"))


def at_rest(t, seconds=100):
    """Those who left are dialled twice before."""
    t.wait("all to rest", lambda: not locks(t), seconds)


def listing(daemon):
    """Without when it was complete: what the database stores of that may be a second later."""
    return [{k: v for k, v in one.items() if k != "completed_at"} for one in daemon.listing()]


def resting(t, *args, files=("data",), trackers=(), tree=False):
    """A daemon with a torrent of each file, all at rest; {name: (path, torrent)}."""
    daemon = Daemon(t, "--rest-after", "1", *args)
    found = {}
    for number, name in enumerate(files):
        if tree:
            path = content.write_tree(t.path("origin", name), {"a": LENGTH, "b/c": 70_000, "empty": 0}, number)
        else:
            path = content.write_file(t.path("origin", name), LENGTH, number)
        found[name] = path, our.create(t, path, trackers=trackers)
        daemon.sprat("add", "-o", t.path("origin"), found[name][1])
    for name in files:
        daemon.await_state(name, "seeding")
    at_rest(t)
    return daemon, found


def fetch(t, daemon, torrent, name):
    our.get(t, torrent, t.path(name), peers=[daemon.listening()]).finish()


def again(t, daemon, *args):
    assert daemon.stop(signal.SIGTERM) == 0
    return Daemon(t, "--rest-after", "1", *args)


@test(seconds=300)
def a_tracker_of_a_second_add_hears_of_one_at_rest(t):
    tracker = fake_tracker.FakeTracker(t, lambda *_: fake_tracker.good(interval=1800))
    daemon, found = resting(t)
    told = daemon.sprat("add", "-t", tracker.url, found["data"][1]).out
    assert "1 tracker added" in told, told
    t.wait("an announce", lambda: tracker.events()[:1] == [b"started"], 20)
    assert not locks(t), "it need not be woken for that"
    daemon = again(t, daemon)
    t.wait("an announce after a restart", lambda: tracker.events().count(b"started") >= 2 * 2, 20)


@test(seconds=300)
def who_wants_it_wakes_it_and_nothing_is_forgotten(t):
    daemon, found = resting(t, files=("data", "other"))
    path, torrent = found["data"]
    assert [x["state"] for x in daemon.listing()] == ["seeding"] * 2
    one = daemon.rpc("torrent.info", torrent="data")
    assert (one["pieces_have"], one["bytes_have"]) == (one["pieces_total"], LENGTH), one
    assert one["files"][0]["pieces_have"] == one["files"][0]["pieces_total"] > 0, one
    assert not locks(t), "to be looked at wakes nobody"
    for number in 1, 2:
        fetch(t, daemon, torrent, f"copy-{number}")
        content.assert_same(path, t.path(f"copy-{number}", "data"))
        assert daemon.state("data")["uploaded"] == number * LENGTH
        at_rest(t)
        assert daemon.state("data")["uploaded"] == number * LENGTH
    before = listing(daemon)
    daemon = again(t, daemon)
    for name in "data", "other":
        daemon.await_state(name, "seeding")
    assert not locks(t), "what rests when the daemon ends rests when it begins"
    assert listing(daemon) == before, (listing(daemon), before)
    fetch(t, daemon, torrent, "copy-3")
    assert daemon.state("data")["uploaded"] == 3 * LENGTH


@test
def it_greets_its_tracker_and_says_goodbye(t):
    tracker = fake_tracker.FakeTracker(t, lambda *_: fake_tracker.good())
    daemon, _ = resting(t, trackers=[tracker.url])
    assert daemon.stop(signal.SIGTERM) == 0
    t.wait("the goodbye", lambda: tracker.events()[-1] == b"stopped", 10)
    said = len(tracker.events())
    daemon = Daemon(t, "--rest-after", "1")
    t.wait("the greeting", lambda: len(tracker.events()) > said, 10)
    assert tracker.events()[said] == b"started" and not locks(t)
    shown = daemon.rpc("torrent.info", torrent="data")["trackers"]
    assert shown and all(x["url"] == tracker.url for x in shown), shown


@test
def a_peer_that_the_tracker_names_is_dialled(t):
    address = []
    tracker = fake_tracker.FakeTracker(t, lambda *_: fake_tracker.good(*address))
    daemon, found = resting(t, trackers=[tracker.url])
    path, torrent = found["data"]
    assert daemon.stop(signal.SIGTERM) == 0
    lonely = our.create(t, path)  # the same info-hash without a tracker
    leecher = our.get(t, lonely, t.path("copy")).ready()
    address.append(leecher.address)
    daemon = Daemon(t, "--rest-after", "1")
    leecher.finish()
    content.assert_same(path, t.path("copy", "data"))


def woken(t, daemon, torrent):
    shown = our.show(t, torrent)
    return woken_hash(daemon.listening(), bytes.fromhex(shown["info_hash_v1"] or shown["info_hash_v2"][:40]))


def woken_hash(address, info_hash, seconds=20):
    """Shakes hands as a peer that says no more; whether the daemon answered."""
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), seconds) as s:
        s.sendall(b"\x13BitTorrent protocol" + bytes(8) + info_hash + b"-XX0000-" + os.urandom(12))
        try:
            return bool(s.recv(68))
        except ConnectionError:
            return False


@test(seconds=300)
def a_stranger_that_wakes_it_causes_no_sync(t):
    faults.need_plain()
    daemon, found = resting(t)
    assert daemon.stop(signal.SIGTERM) == 0
    layer = faults.Faults(t.path(), [t.path()])
    t.defer(layer.close)
    daemon = Daemon(t, "--rest-after", "1", env=layer.env())
    daemon.await_state("data", "seeding")
    at_rest(t)
    layer.fail(faults.SYNC, 0, count=0)
    for _ in range(3):
        assert woken(t, daemon, found["data"][1])
        t.wait("it to be awake", lambda: locks(t), 20, step=0.01)
        at_rest(t)
    assert layer.seen() == 0, f"{layer.seen()} syncs for three wakes"


@test(seconds=300)
def a_site_wakes_a_bounded_number(t):
    most = 256  # SITEBUDGET_TABLE in peer/core/sitebudget.h: and one more each second
    daemon = Daemon(t, "--rest-after", "1", "--loops", "1")
    added = []
    for number in range(most + 60):
        path = content.write_file(t.path("origin", f"file{number}"), 20000, number)
        metainfo = torrents.make(path, form="v1")
        torrents.write(metainfo, t.path(f"{number}.torrent"))
        added.append(torrents.hashes(metainfo)[0])
        daemon.rpc("torrent.add", path=t.path(f"{number}.torrent"), save_dir=os.path.dirname(path))
    t.wait("all to seed", lambda: all(x["state"] == "seeding" for x in daemon.rpc("torrent.list")), 60)
    at_rest(t)
    began = time.monotonic()
    address = daemon.listening()
    answered = sum(woken_hash(address, x) for x in added)
    earned = int(time.monotonic() - began) + 1
    assert most <= answered <= most + earned, (answered, earned)


@test
def what_was_changed_meanwhile_is_noticed(t):
    daemon, found = resting(t, files=("data", "other", "third"))
    for name in "data", "other":
        with open(found[name][0], "r+b") as f:
            f.write(b"changed")
    # Of the one that is woken it is noticed at once …
    leecher = our.get(t, found["data"][1], t.path("copy"), peers=[daemon.listening()])
    changed = t.wait("the change", lambda: (x := daemon.state("data")) and x["pieces_have"] < x["pieces_total"] and x, 30)
    assert changed["state"] != "seeding", changed
    leecher.stop()
    assert daemon.state("other")["state"] == "seeding", "nobody has looked"
    # … and of the others at the next start.
    daemon = again(t, daemon)
    daemon.await_state("third", "seeding")
    t.wait("the change", lambda: daemon.state("other")["pieces_have"] == daemon.state("other")["pieces_total"] - 1, 30)
    assert daemon.state("third")["state"] == "seeding"


@test
def a_file_that_is_gone_or_replaced_is_noticed_at_the_start(t):
    daemon, found = resting(t, files=("data", "other"))
    assert daemon.stop(signal.SIGTERM) == 0
    os.unlink(found["data"][0])
    shutil.copyfile(found["other"][0], t.path("spare"))
    os.replace(t.path("spare"), found["other"][0])  # the same bytes, of another time
    daemon = Daemon(t, "--rest-after", "1")
    t.wait("what is gone", lambda: daemon.state("data")["pieces_have"] == 0, 30)
    other = daemon.await_state("other", "seeding")
    assert other["pieces_have"] == other["pieces_total"]


@test
def other_processes_leave_alone_what_rests(t):
    daemon, found = resting(t)
    _, torrent = found["data"]
    args = ["seed", "--state-dir", t.path("state"), torrent, t.path("origin")]
    one_line(our.sprat(t, *args, status=1), "in use by spratd", str(daemon.pid))
    assert not locks(t)
    assert daemon.stop(signal.SIGTERM) == 0
    seeder = our.seed(t, torrent, t.path("origin"), "--state-dir", t.path("state"))
    daemon = Daemon(t, "--rest-after", "1")
    error = daemon.await_state("data", "error")["error"]
    assert str(seeder.pid) in error, error
    seeder.stop()
    daemon.await_state("data", "seeding")


@test
def it_can_be_changed_at_rest(t):
    daemon, found = resting(t, tree=True, files=("data", "other", "third"))
    daemon.sprat("limit", "--up", "700K", "data")
    daemon.sprat("pause", "data")
    assert daemon.state("data")["state"] == "paused"
    daemon.sprat("pause", "other")
    daemon.sprat("resume", "other")
    assert daemon.state("other")["state"] == "seeding"
    assert not locks(t)
    daemon = again(t, daemon)
    one = daemon.await_state("data", "paused")
    assert one["up_limit"] == 700 << 10 and one["pieces_have"] == one["pieces_total"], one
    daemon.sprat("resume", "data")
    fetch(t, daemon, found["data"][1], "copy")
    content.assert_same(found["data"][0], t.path("copy", "data"))
    daemon.rpc("torrent.select", torrent="third", skip=["a"])
    info = daemon.rpc("torrent.info", torrent="third")
    assert {f["path"]: f["priority"] for f in info["files"]}["third/a"] == "skip", info
    daemon.sprat("rm", "other")
    daemon.sprat("rm", "--data", "third")
    t.wait("one to be left", lambda: [x["name"] for x in daemon.listing()] == ["data"], 30)
    assert os.path.exists(found["other"][0]) and not os.path.exists(found["third"][0])


@test(seconds=300)
def a_seed_whose_files_were_chosen_rests_and_is_woken_with_its_choice(t):
    daemon, found = resting(t, tree=True)
    path, torrent = found["data"]
    daemon.sprat("select", "--skip", "b/*", "data")
    t.wait("it to be loaded", lambda: locks(t), 30)
    at_rest(t)
    before = daemon.rpc("torrent.info", torrent="data")
    assert {f["path"]: f["priority"] for f in before["files"]}["data/b/c"] == "skip", before
    assert not locks(t), "to be looked at wakes nobody"
    fetch(t, daemon, torrent, "copy")
    content.assert_same(path, t.path("copy", "data"))
    at_rest(t)
    after = daemon.rpc("torrent.info", torrent="data")
    for key in "files", "state", "pieces_have", "bytes_have":
        assert after[key] == before[key], (key, before, after)
    daemon = again(t, daemon)
    daemon.await_state("data", "seeding")
    assert not locks(t), "what rests when the daemon ends rests when it begins"
    again_found = daemon.rpc("torrent.info", torrent="data")
    assert again_found["files"] == before["files"], (before, again_found)
    fetch(t, daemon, torrent, "copy-2")
    content.assert_same(path, t.path("copy-2", "data"))


@test(seconds=300)
def a_seed_of_some_files_rests_with_what_it_has(t):
    """Its numbers stay, its tracker hears how much it lacks, and what it has is found again."""
    path = content.write_tree(t.path("origin", "data"), {"a": LENGTH, "b/c": LENGTH, "empty": 0}, 1)
    address = []
    tracker = fake_tracker.FakeTracker(t, lambda *_: fake_tracker.good(*address, interval=1800))
    torrent = our.create(t, path, "--piece-length", "64K", trackers=[tracker.url])
    seeder = our.seed(t, torrent, t.path("origin"))
    address.append(seeder.address)
    daemon = Daemon(t, "--rest-after", "1")
    daemon.sprat("add", "-o", t.path("there", "x")[:-2], "--only", "a", torrent)
    daemon.await_state("data", "seeding")
    address.clear()
    seeder.interrupt()
    at_rest(t, 200)
    before = daemon.rpc("torrent.info", torrent="data")
    assert 0 < before["pieces_have"] < before["pieces_total"], before
    assert LENGTH <= before["bytes_have"] < 2 * LENGTH, before
    copy = our.get(t, torrent, t.path("copy"), "--only", "a", peers=[daemon.listening()])
    copy.finish()
    content.assert_same(os.path.join(path, "a"), t.path("copy", "data", "a"))
    at_rest(t)
    after = daemon.rpc("torrent.info", torrent="data")
    for key in "files", "state", "pieces_have", "bytes_have":
        assert after[key] == before[key], (key, before, after)
    assert daemon.stop(signal.SIGTERM) == 0
    t.wait("the goodbye", lambda: tracker.events()[-1] == b"stopped", 10)
    assert int(tracker.asked[-1]["left"]) == 2 * LENGTH - before["bytes_have"], (tracker.asked[-1], before)
    daemon = Daemon(t, "--rest-after", "1")
    daemon.await_state("data", "seeding")
    seeder = our.seed(t, torrent, t.path("origin"))
    daemon.sprat("add", "--peer", seeder.address, torrent)
    daemon.sprat("select", "--want", "*", "data")
    t.wait("all of it", lambda: daemon.state("data")["pieces_have"] == before["pieces_total"], 60)
    daemon.await_state("data", "seeding")
    content.assert_same(path, t.path("there", "data"))


@test(seconds=300)
def it_ends_while_it_goes_to_rest_or_is_woken(t):
    """Whatever is under way when the daemon is told to end, it ends in order, and begins with all again."""
    daemon, found = resting(t, files=("data", "other"))
    for step in range(12):
        leecher = our.get(t, found["data"][1], t.path(f"copy-{step}"), peers=[daemon.listening()])
        if step % 3:
            leecher.finish()
        if step % 2:
            daemon.sprat("pause", "other")
            daemon.sprat("resume", "other")
        assert daemon.stop(signal.SIGTERM) == 0, daemon.report()
        leecher.stop()
        daemon = Daemon(t, "--rest-after", "1")
        for name in "data", "other":
            daemon.await_state(name, "seeding")


if __name__ == "__main__":
    our.main(our.SPRAT, our.SPRATD)
