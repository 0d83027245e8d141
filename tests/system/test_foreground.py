#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""get and seed for users and scripts: events, exit statuses, signals, and the terminal."""

import os
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import content
import sprat as our
from fake_tracker import FakeTracker
from process import Process, run
from tap import test
from terminal import columns_of, drawn_lines, on_terminal

MIB = 1 << 20


def seeded(t, length=4 * MIB, *args, name="data"):
    """A file, its torrent and a seeder of it."""
    path = content.write_file(t.path("origin", name), length)
    torrent = our.create(t, path)
    return path, torrent, our.seed(t, torrent, os.path.dirname(path), *args)


def argv_of(t, verb, *args):
    return [our.SPRAT, verb, "--listen", our.join(t.address(), 0), "--state-dir", t.path("plain-state"), *args]


def assert_types(event, **types):
    for key, wanted in types.items():
        assert isinstance(event[key], wanted) and not isinstance(event[key], bool), (key, event)


@test
def the_events_of_a_get(t):
    path, torrent, seeder = seeded(t)
    shown = our.show(t, torrent)
    getter = our.get(t, torrent, t.path("out"), peers=[seeder])
    stopped = getter.finish()
    names = [e["event"] for e in getter.events]
    assert names[0] == "ready" and names[-2:] == ["complete", "stopped"], names
    assert set(names) <= {"ready", "checked", "progress", "why", "complete", "stopped"}, names
    times = [e["time"] for e in getter.events]
    assert all(isinstance(x, (int, float)) for x in times) and times == sorted(times), times
    ready = getter.events[0]
    assert re.fullmatch(r"127(\.\d+){3}:[1-9]\d*", ready["listen"]), ready
    assert ready["name"] == "data"
    assert ready["info_hash_v1"] == shown["info_hash_v1"] and ready["info_hash_v2"] == shown["info_hash_v2"]
    last = getter.last("progress")
    assert_types(last, pieces_have=int, pieces_total=int, bytes_have=int, bytes_total=int, down_rate=int, up_rate=int,
                 peers=int, seeds=int, copies=(int, float), up=int, down=int)
    assert last["bytes_have"] == last["bytes_total"] == os.path.getsize(path)
    assert last["pieces_have"] == last["pieces_total"] == shown["piece_count"]
    assert stopped["down"] >= os.path.getsize(path) and stopped["up"] == 0
    assert stopped["peers"] == [{"addr": seeder.ip, "up": 0, "down": stopped["down"]}], stopped
    assert seeder.interrupt() == 130
    gave = seeder.last("stopped")
    assert gave["up"] == stopped["down"] and gave["peers"][0]["addr"] == getter.ip, gave


@test
def signals_end_it_with_their_status_and_state_saved(t):
    path, torrent, seeder = seeded(t, 12 * MIB, "--up-limit", "2M")
    have = 0
    for number, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)):
        getter = our.get(t, torrent, t.path("out"), "--state-dir", t.path("state"), peers=[seeder])
        checked = getter.wait("checked")
        assert checked["bytes_have"] >= have, "what was there is there still"
        getter.wait("progress", where=lambda e: e["bytes_have"] > checked["bytes_have"] + MIB)
        have = getter.last("progress")["bytes_have"]
        assert getter.stop(number) == status, getter.report()
        assert getter.last("stopped") and not getter.last("complete"), getter.report()
    assert have > 2 * MIB


@test
def nohup_is_respected(t):
    _, torrent, seeder = seeded(t, 12 * MIB, "--up-limit", "4M")
    getter = our.get(t, torrent, t.path("out"), peers=[seeder], wrap=("/usr/bin/nohup",))
    getter.wait("progress", where=lambda e: e["bytes_have"] > 0)
    getter.send(signal.SIGHUP)
    getter.finish()


@test
def a_second_ctrl_c_ends_it_at_once(t):
    def answer(path, query, number):
        return None  # neither yes nor no

    path, torrent, _ = seeded(t)
    deaf = FakeTracker(t, answer)
    getter = our.get(t, torrent, t.path("out"), "-t", deaf.url)
    getter.wait("progress")
    t.wait("the announce", lambda: deaf.asked, 10)
    began = time.monotonic()
    getter.send(signal.SIGINT)
    time.sleep(0.3)
    assert getter.interrupt() == 130
    assert time.monotonic() - began < 3, "it waited for the tracker"


@test
def ctrl_c_waits_for_trackers_but_not_for_ever(t):
    path, torrent, _ = seeded(t)
    told = FakeTracker(t, lambda path, query, number: None)
    getter = our.get(t, torrent, t.path("out"), "-t", told.url)
    t.wait("the announce", lambda: told.asked, 10)
    began = time.monotonic()
    assert getter.interrupt() == 130
    assert time.monotonic() - began < 8


@test
def seed_names_what_is_missing_and_serves_the_rest(t):
    tree = content.write_tree(t.path("origin", "tree"), {"good": 300000, "gone": 200000, "bad": 100000})
    torrent = our.create(t, tree)
    os.unlink(os.path.join(tree, "gone"))
    with open(os.path.join(tree, "bad"), "r+b") as f:
        f.write(b"something else")
    seeder = our.seed(t, torrent, os.path.dirname(tree))
    checked = t.wait("the check", lambda: seeder.last("checked"), 20)
    assert 0 < checked["pieces_have"] < checked["pieces_total"], checked
    t.wait("names", lambda: "tree/gone" in seeder.stderr and "tree/bad" in seeder.stderr, 5)
    assert "tree/good" not in seeder.stderr, seeder.stderr
    getter = our.get(t, torrent, t.path("out"), peers=[seeder])
    getter.wait("progress", where=lambda e: e["bytes_have"] == checked["bytes_have"])
    assert not os.path.exists(os.path.join(tree, "gone")), "a seeder makes no files"
    with open(os.path.join(tree, "bad"), "rb") as f:
        assert f.read(14) == b"something else", "and mends none"
    assert seeder.interrupt() == 130


@test
def seed_of_nothing_is_an_error(t):
    torrent = our.create(t, content.write_file(t.path("origin", "data"), 100000))
    os.mkdir(t.path("empty"))
    seeder = our.Peer(t, "seed", torrent, t.path("empty"))
    assert seeder.status() == 1, seeder.report()
    assert "no part of its content is in" in seeder.stderr and t.path("empty") in seeder.stderr, seeder.stderr
    forgot = our.sprat(t, "seed", torrent, status=2)
    assert "name the directory of its content" in forgot.err, str(forgot)


@test
def seed_of_a_path_makes_a_torrent_and_keeps_it(t):
    tree = content.write_tree(t.path("origin", "tree"), content.nested(1 << 17))
    for args in ((), ("-o", t.path("chosen.torrent"))):
        seeder = our.Peer(t, "seed", *args, "-t", "http://127.0.0.1:1/announce", tree).ready()
        ready = seeder.last("ready")
        shown = our.show(t, ready["torrent"])
        assert shown["format"] == "hybrid" and ready["magnet"] == shown["magnet"] + "&x.pe=" + seeder.address, ready
        assert shown["trackers"] == [["http://127.0.0.1:1/announce"]]
        assert not args or ready["torrent"] == args[1]
        out = t.path(f"out{len(args)}")
        our.get(t, ready["torrent"], out, peers=[seeder]).finish()
        content.assert_same(tree, os.path.join(out, "tree"))
        assert seeder.interrupt() == 130


@test
def a_reader_of_events_that_leaves_ends_it(t):
    _, torrent, seeder = seeded(t, 40 * MIB, "--up-limit", "1M")
    argv = argv_of(t, "get", "--json", "-o", t.path("out"), "--peer", seeder.address, torrent)
    child = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    child.stdout.readline()
    child.stdout.close()
    try:
        assert child.wait(20) == 1
    finally:
        child.kill()
        child.stderr.close()


@test
def plain_lines_where_there_is_no_terminal(t):
    path, torrent, seeder = seeded(t)
    result = run(t, argv_of(t, "get", "-o", t.path("out"), "--peer", seeder.address, torrent))
    assert result.status == 0 and not result.err, str(result)
    assert not set("\r\033") & set(result.out), repr(result.out)
    assert "complete" in result.out.splitlines()[-2] and "stopped" in result.out.splitlines()[-1], str(result)
    assert "continues" not in result.out, "it is complete"
    again = run(t, argv_of(t, "get", "-o", t.path("out"), torrent))
    assert again.status == 0 and "all of it is there" in again.out, str(again)


@test
def one_line_on_a_terminal(t):
    name = "ein Name mit Ümläuten, ファイル, and more than fits"
    path, torrent, seeder = seeded(t, 6 * MIB, "--up-limit", "3M", name=name)
    for columns in (40, 100):
        text, status = on_terminal(t, argv_of(t, "get", "-o", t.path(f"out{columns}"), "--peer", seeder.address,
                                              torrent), columns)
        assert status == 0, text
        drawn = drawn_lines(text)
        assert len(drawn) >= 3, f"{len(drawn)} draws in {text!r}"
        for line in drawn:
            assert columns_of(line) < columns, f"{columns}: {line!r}"
            assert "%" in line, repr(line)
        assert any("/s" in line and "ETA" in line for line in drawn) or columns == 40, drawn[-1]
        assert "complete" in text and "\033[?7h" in text[text.rindex("\033[?7l"):], "wrapping is on again"
        content.assert_same(path, t.path(f"out{columns}", name))


@test
def ctrl_c_on_a_terminal(t):
    _, torrent, seeder = seeded(t, 40 * MIB, "--up-limit", "1M")
    text, status = on_terminal(t, argv_of(t, "get", "-o", t.path("out"), "--peer", seeder.address, torrent), 80,
                               until=lambda written: b"/s" in written)
    assert status == 130 and "stopped" in text and "the same command continues the download" in text, (status, text)


@test
def torrent_files_come_from_standard_input_too(t):
    path, torrent, seeder = seeded(t)
    with open(torrent, "rb") as f:
        child = subprocess.run(argv_of(t, "get", "-o", t.path("out"), "--peer", seeder.address, "-"), stdin=f,
                               capture_output=True, text=True, timeout=30)
    assert child.returncode == 0, child
    content.assert_same(path, t.path("out", "data"))


@test
def several_addresses_are_all_told(t):
    _, torrent, seeder = seeded(t)
    one, two = t.address(), t.address()
    getter = our.get(t, torrent, t.path("out"), "--listen", our.join(one, 0), "--listen", our.join(two, 0),
                     "--seed", "forever", peers=[seeder])
    ready = getter.ready().last("ready")
    assert [x.split(":")[0] for x in ready["listen_all"]] == [one, two], ready
    assert ready["listen"] == ready["listen_all"][0]
    getter.complete()
    for address in ready["listen_all"]:
        our.get(t, torrent, t.path(address.replace(":", "-")), peers=[address]).finish()


@test
def errors_of_peers_and_listening_name_them(t):
    _, torrent, seeder = seeded(t)
    taken = Process(t, argv_of(t, "get", "--listen", seeder.address, "-o", t.path("out"), torrent))
    assert taken.status() == 1 and seeder.address in taken.stderr, taken.report()
    assert len(taken.errors) == 1, taken.errors


if __name__ == "__main__":
    our.main(our.SPRAT)
