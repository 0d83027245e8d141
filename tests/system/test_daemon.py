#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""spratd: its life, its socket and protocol, and the commands that talk to it."""

import base64
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import stat
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import bencode
import certs
import content
import fake_peer
import fake_tracker
import sprat as our
import tap
import torrent as torrents
from daemon import Daemon, one_line, read_all, seeded
from process import Process, run
from tap import test
from terminal import columns_of, on_terminal


@test
def torrents_share_a_limit_evenly(t):
    daemon = Daemon(t, "--up-limit", "400K")
    for name in ("one", "two"):
        path = content.write_file(t.path("origin", name), 4_000_000, seed=len(name) + ord(name[0]))
        torrent = our.create(t, path)
        daemon.sprat("add", "-o", os.path.dirname(path), torrent)
        daemon.await_state(name, "seeding")
        our.get(t, torrent, t.path("copy"), peers=[daemon.listening()])

    def sent():
        return [daemon.state(name)["uploaded"] for name in ("one", "two")]
    # The first one has the limit alone until the second one begins, however long that takes.
    t.wait("both begin", lambda: min(sent()) > 0, 30, step=0.1)
    before = sent()
    t.wait("some bytes of both", lambda: sum(sent()) - sum(before) > 1_600_000, 30, step=0.1)
    moved = [now - then for now, then in zip(sent(), before)]
    assert min(moved) > 0.6 * max(moved), moved


@test
def a_torrent_from_add_to_rm(t):
    path, torrent, seeder = seeded(t)
    daemon = Daemon(t)
    out = t.path("out")
    result = daemon.sprat("add", "-o", out, "--peer", seeder.address, torrent)
    shown = our.show(t, torrent)
    assert shown["info_hash_v1"] in result.out and "data" in result.out, str(result)
    daemon.await_state("data", "seeding")
    content.assert_same(path, os.path.join(out, "data"))
    table = daemon.sprat("ls").out.splitlines()
    assert "data" in table[1] and "100.0%" in table[1] and "seeding" in table[1], table
    info = daemon.sprat("info", shown["info_hash_v1"][:8]).out
    assert shown["info_hash_v2"] in info and out in info, info
    details = json.loads(daemon.sprat("info", "--json", "data").out)
    assert details["files"] == [{"path": "data", "length": 3000000, "pieces_total": shown["piece_count"],
                                 "pieces_have": shown["piece_count"], "priority": "normal"}], details
    again = daemon.sprat("add", "-o", out, "--up-limit", "9M", torrent)
    assert again.out.startswith("already there ") and daemon.state("data")["up_limit"] == 9 << 20, str(again)
    assert daemon.sprat("rm", "data").out == f"data: removed; its files stay in {out}\n"
    t.wait("its removal", lambda: daemon.listing() == [], 10)
    assert os.path.exists(os.path.join(out, "data")), "without --data files stay"
    daemon.sprat("shutdown")
    assert daemon.status() == 0 and not os.path.exists(daemon.socket)


@test
def rm_data_deletes_what_is_its_own(t):
    path = content.write_tree(t.path("origin", "tree"), {"a/b": 70000, "c": 50000})
    torrent = our.create(t, path)
    seeder = our.seed(t, torrent, os.path.dirname(path))
    daemon = Daemon(t)
    daemon.sprat("add", "-o", t.path("out"), "--peer", seeder.address, torrent)
    daemon.await_state("tree", "seeding")
    with open(t.path("out", "tree", "a", "stranger"), "w") as f:
        f.write("mine")
    shown = daemon.sprat("rm", "--data", our.show(t, torrent)["info_hash_v1"][:8]).out
    assert shown == f"tree: removed; its files in {t.path('out')} are being deleted\n", shown
    t.wait("the deletion", lambda: list(content.files_below(t.path("out"))) == ["tree/a/stranger"], 10)
    t.wait("its removal", lambda: daemon.listing() == [], 10)


@test
def arguments_that_json_cannot_hold_are_named(t):
    path, torrent, _ = seeded(t)
    daemon = Daemon(t)
    daemon.sprat("add", "-o", os.path.dirname(path), torrent)
    odd = os.fsdecode(b"\xff")
    for args in (("why", odd), ("info", odd), ("pause", odd), ("select", "--skip", odd, "data"),
                 ("add", "-o", f"/tmp/{odd}", torrent), ("add", "--only", odd, torrent),
                 ("add", "-t", f"http://{odd}/", torrent)):
        result = daemon.sprat(*args, status=None)
        assert result.status in (1, 2) and "not valid UTF-8" in result.err, (args, str(result))


@test
def pause_and_resume_are_remembered(t):
    path, torrent, seeder = seeded(t, 20_000_000)
    daemon = Daemon(t, "--down-limit", "1M")
    daemon.sprat("add", "-o", t.path("out"), "--peer", seeder.address, torrent)
    t.wait("some data", lambda: daemon.state("data")["bytes_have"] > 0, 30)
    daemon.sprat("pause", "data")
    daemon.await_state("data", "paused")
    daemon.sprat("shutdown")
    assert daemon.status() == 0
    daemon = Daemon(t)
    found = daemon.state("data")
    assert found["state"] == "paused" and found["bytes_have"] > 0, found
    daemon.sprat("resume", "data")
    again = daemon.await_state("data", "downloading", "seeding")
    assert again["bytes_have"] > 0, again
    details = daemon.rpc("torrent.info", torrent="data")
    assert details["state"] != "paused", details


@test
def what_it_was_added_with_is_remembered(t):
    path, torrent, seeder = seeded(t)
    other = our.create(t, content.write_file(t.path("origin", "other"), 50000))
    daemon = Daemon(t)
    daemon.sprat("add", "-o", t.path("out"), "--seed", "none", "--peer", seeder.address, torrent)
    daemon.sprat("add", "-o", t.path("out"), "--paused", "-t", "http://127.0.0.1:1/announce", "--seed", "1.5", other)
    daemon.await_state("data", "stopped")
    daemon.kill()
    daemon = Daemon(t)
    daemon.await_state("data", "stopped")
    assert daemon.state("data")["bytes_have"] == os.path.getsize(path)
    assert daemon.state("other")["state"] == "paused"
    urls = [x["url"] for x in daemon.rpc("torrent.info", torrent="other")["trackers"]]
    assert "http://127.0.0.1:1/announce" in urls, urls


@test
def peers_that_were_named_are_remembered(t):
    path, torrent, seeder = seeded(t)
    daemon = Daemon(t)
    daemon.sprat("add", "-o", t.path("out"), "--paused", "--peer", seeder.address, torrent)
    daemon.kill()
    daemon = Daemon(t)
    daemon.sprat("resume", "data")
    daemon.await_state("data", "seeding")
    content.assert_same(path, t.path("out", "data"))


def link_of(shown, kind, *more):
    hashes = {"v1": "xt=urn:btih:" + shown["info_hash_v1"], "v2": "xt=urn:btmh:1220" + shown["info_hash_v2"]}
    return "magnet:?" + "&".join([hashes[kind], *more])


@test
def a_magnet_link_is_kept_until_its_torrent_file_comes(t):
    """Nobody has the metadata. Announces say that something is left: trackers name no seeds to seeds."""
    path, torrent, seeder = seeded(t)
    shown = our.show(t, torrent)
    tracker = fake_tracker.FakeTracker(t, lambda *_: fake_tracker.good(interval=1800))
    link = link_of(shown, "v1", "dn=a+film", "tr=" + tracker.url)
    daemon = Daemon(t)
    out = t.path("out")
    os.mkdir(out)
    added = daemon.sprat("add", "-o", out, link).out
    assert added == f"added {shown['info_hash_v1']} a film; fetching its metadata\n", added

    def waits():
        state = daemon.state("a film")
        assert (state["state"], state["state_text"]) == ("waiting", "waiting for metadata"), state
        assert state["info_hash_v1"] == shown["info_hash_v1"] and state["info_hash_v2"] is None, state
        assert state["why"]["code"] == "metadata" and "no peer is connected" in state["why"]["text"], state
        assert state["metadata"] == {"peers": 0, "blocks": 0, "blocks_have": 0}, state
        assert state["save_dir"] == out and state["total_size"] == 0, state
    waits()
    assert "waiting for metadata" in daemon.sprat("ls").out
    assert "the metadata is not known" in daemon.sprat("why", shown["info_hash_v1"][:8]).out
    assert tracker.url in daemon.sprat("info", "a fi").out
    again = daemon.sprat("add", "-t", "http://127.0.0.1:1/a", link).out
    assert again.startswith("already there ") and "; 1 tracker added" in again, again
    chosen = daemon.sprat("select", "a film", "--skip", "*", status=1)
    assert "is not known yet" in chosen.err, str(chosen)
    daemon.sprat("pause", "a film")
    assert daemon.state("a film")["state"] == "paused"
    daemon.sprat("resume", "a film")
    daemon.sprat("limit", "a film", "--up", "9M")
    waits()
    daemon.kill()
    daemon = Daemon(t)
    waits()
    assert daemon.state("a film")["up_limit"] == 9 << 20
    daemon.sprat("shutdown")
    assert daemon.status() == 0
    daemon = Daemon(t)
    waits()
    t.wait("an announce", lambda: tracker.asked, 20)
    assert {q["left"] for q in tracker.asked} == {b"16384"} and not os.listdir(out), tracker.asked
    del tracker.asked[:]
    learned = daemon.sprat("add", "--peer", seeder.address, torrent).out
    assert learned == f"already there {shown['info_hash_v1']} data; metadata added; 1 peer added\n", learned
    daemon.await_state("data", "seeding")
    content.assert_same(path, os.path.join(out, "data"))
    t.wait("the link's tracker", lambda: tracker.asked, 20)
    daemon.kill()
    daemon = Daemon(t)
    daemon.await_state("data", "seeding")
    state = daemon.state("data")
    assert state["info_hash_v2"] == shown["info_hash_v2"] and state["up_limit"] == 9 << 20, state


@test
def a_magnet_link_by_its_v2_info_hash(t):
    path, torrent, seeder = seeded(t)
    shown = our.show(t, torrent)
    link = link_of(shown, "v2")
    daemon = Daemon(t)
    out = os.path.dirname(t.path("out", "x"))
    os.makedirs(out, exist_ok=True)
    assert shown["info_hash_v2"] in daemon.sprat("add", "-o", out, "--paused", link).out
    assert daemon.sprat("rm", "--data", shown["info_hash_v2"]).status == 0
    t.wait("its removal", lambda: daemon.listing() == [], 10)
    daemon.sprat("add", "-o", out, "--paused", link)
    daemon.sprat("add", "--peer", seeder.address, torrent)
    assert daemon.state("data")["state"] == "paused" and len(daemon.listing()) == 1
    daemon.sprat("resume", "data")
    daemon.await_state("data", "seeding")
    content.assert_same(path, os.path.join(out, "data"))


@test
def a_private_torrent_forgets_the_trackers_of_its_magnet_link(t):
    path = content.write_file(t.path("origin", "data"), 100_000)
    own, other = (fake_tracker.FakeTracker(t, lambda *_: fake_tracker.good(interval=1800)) for _ in "ab")
    torrent = our.create(t, path, "--private", trackers=[own.url])
    daemon = Daemon(t)
    daemon.sprat("add", "-o", os.path.dirname(path), link_of(our.show(t, torrent), "v1", "tr=" + other.url))
    t.wait("the link's tracker", lambda: other.asked, 20)
    daemon.sprat("add", torrent)
    daemon.await_state("data", "seeding")
    t.wait("its tracker", lambda: own.asked, 20)
    before = len(other.asked)

    def urls():
        return [x["url"] for x in daemon.rpc("torrent.info", torrent="data")["trackers"]]
    assert urls() == [own.url] and len(other.asked) == before, urls()
    daemon.kill()
    daemon = Daemon(t)
    assert urls() == [own.url] and len(other.asked) == before, urls()


@test
def all_of_them_and_names_by_their_beginning(t):
    daemon = Daemon(t)
    for name in ("alpha", "alps", "beta"):
        path = content.write_file(t.path("origin", name), 50000, seed=len(name) + ord(name[-1]))
        daemon.sprat("add", "-o", os.path.dirname(path), our.create(t, path))
        daemon.await_state(name, "seeding")
    daemon.sprat("pause", "all")
    assert {x["state"] for x in daemon.listing()} == {"paused"}, daemon.listing()
    daemon.sprat("res", "be", "alph")  # commands by their beginning too
    daemon.await_state("beta", "seeding")
    daemon.await_state("alpha", "seeding")
    assert daemon.state("alps")["state"] == "paused"
    one_line(daemon.sprat("pause", "al", status=1), "the names of 2 torrents begin with al")
    one_line(daemon.sprat("rm", "all", status=2), "--yes")
    assert len(daemon.listing()) == 3
    daemon.sprat("rm", "all", "--yes")
    t.wait("their removal", lambda: daemon.listing() == [], 20)


@test
def what_a_foreground_seed_gave_does_not_count_for_a_ratio(t):
    path = content.write_file(t.path("origin", "data"), 300_000)
    torrent = our.create(t, path)
    state = t.path("state", "x")[:-2]
    seeder = our.seed(t, torrent, os.path.dirname(path), "--state-dir", state)
    assert our.get(t, torrent, t.path("copy"), peers=[seeder.address]).status() == 0
    assert seeder.stop() == 143
    daemon = Daemon(t)
    daemon.sprat("add", "-o", os.path.dirname(path), "--seed", "1", torrent)
    daemon.await_state("data", "seeding")
    assert daemon.state("data")["uploaded"] >= 300_000
    our.get(t, torrent, t.path("another"), peers=[daemon.listening()])
    daemon.await_state("data", "stopped")


def stored(t, column, state="state"):
    """What the database has of the only torrent."""
    with sqlite3.connect(t.path(state, "sprat.db")) as db:
        return db.execute(f"SELECT {column} FROM torrents").fetchone()[0]


@test
def a_torrent_has_limits_of_its_own(t):
    path = content.write_file(t.path("origin", "data"), 3_000_000)
    torrent = our.create(t, path)
    daemon = Daemon(t, "--down-limit", "4M")
    one_line(daemon.sprat("add", "--up-limit", "fast", torrent, status=2), "--up-limit", "fast")
    one_line(daemon.sprat("limit", "--up", "fast", status=2), "--up", "fast")
    one_line(daemon.sprat("limit", "--up", "1M", "nothing", status=1), "nothing")
    daemon.sprat("add", "-o", t.path("origin"), "--up-limit", "300K", torrent)
    daemon.await_state("data", "seeding")

    def limits(what):
        return what["up_limit"], what["down_limit"]
    assert limits(daemon.state("data")) == (300 << 10, 0)
    assert "300.0 KiB/s" in daemon.sprat("info", "data").out
    told = daemon.sprat("limit", "data", "--down", "2M").out
    assert told == "data: up 300.0 KiB/s, down 2.0 MiB/s\n", told
    told = daemon.sprat("limit", "--up", "1M", "--down", "none").out
    assert told == "all torrents together: up 1.0 MiB/s, down without limit\n", told
    assert limits(json.loads(daemon.sprat("limit", "--json").out)) == (1 << 20, 0)
    fetching = our.get(t, torrent, t.path("copy"), peers=[daemon.listening()])
    t.wait("some data", lambda: daemon.state("data")["uploaded"] > 300_000, 30)
    assert daemon.state("data")["up_rate"] < 500 << 10, daemon.state("data")
    daemon.sprat("limit", "data", "--up", "none")
    fetching.finish()
    daemon.sprat("limit", "data", "--up", "20K")
    t.wait("the database", lambda: stored(t, "up_limit") == 20 << 10, 10)  # the answer comes before its commit
    daemon.kill()
    daemon = Daemon(t)
    assert limits(daemon.state("data")) == (20 << 10, 2 << 20), daemon.state("data")
    assert limits(daemon.rpc("daemon.info")) == (0, 0), "those of all are the configuration's"


@test
def a_torrent_that_is_removed_can_be_added_at_once(t):
    """The removal waits for the tracker, which hears that it stopped; the torrent that is added meanwhile stays."""
    told, over = threading.Event(), threading.Event()

    def reply(path, query, number):
        if query.get("event") == b"stopped" and not told.is_set():
            told.set()
            over.wait(20)
        return fake_tracker.good()

    path = content.write_file(t.path("origin", "data"), 300_000)
    torrent = our.create(t, path, trackers=[fake_tracker.FakeTracker(t, reply).url])
    daemon = Daemon(t)
    daemon.sprat("add", "-o", t.path("origin"), torrent)
    daemon.await_state("data", "seeding")
    daemon.sprat("rm", "data")
    assert told.wait(20)
    params = {"path": torrent, "save_dir": t.path("origin")}
    request = {"jsonrpc": "2.0", "id": 1, "method": "torrent.add", "params": params}
    refused = json.loads(daemon.talk(json.dumps(request).encode() + b"\n"))
    assert "data is being removed" in refused["error"]["message"], refused
    threading.Timer(0.5, over.set).start()
    again = daemon.sprat("add", "-o", t.path("origin"), torrent)
    assert again.out.startswith("added "), str(again)
    daemon.await_state("data", "seeding")


@test
def a_second_add_brings_trackers_and_peers(t):
    """They are used at once, and known again after a restart."""
    path, _, seeder = seeded(t)
    first, second, third = (fake_tracker.FakeTracker(t, lambda *_: fake_tracker.good(interval=1800)) for _ in "abc")
    torrent = our.create(t, path, trackers=[first.url])
    other = our.create(t, path, trackers=[third.url])  # the same torrent, as another site has it
    daemon = Daemon(t)
    daemon.sprat("add", "-o", t.path("out"), torrent)
    t.wait("the first tracker", lambda: first.asked, 20)
    again = daemon.sprat("add", "-t", second.url, "-t", first.url, "-o", t.path("none", "such"), torrent)
    assert again.out.startswith("already there ") and again.out.endswith(
        " data; 1 tracker added; other options apply only to a new torrent\n"), str(again)
    t.wait("the second tracker", lambda: b"started" in second.events(), 20)
    told = daemon.sprat("add", "--json", "--peer", seeder.address, "-o", t.path("out"), other)
    told = json.loads(told.out)
    assert told["already"] is True, told
    assert (told["trackers_added"], told["trackers_refused"], told["peers_added"]) == (1, 0, 1), told
    daemon.await_state("data", "seeding")
    content.assert_same(path, t.path("out", "data"))
    t.wait("the third tracker", lambda: b"started" in third.events(), 20)
    again = daemon.sprat("add", "--peer", seeder.address, "-t", second.url, other)
    assert again.out.endswith(" data\n"), str(again)

    def tiers():
        return {x["url"]: x["tier"] for x in daemon.rpc("torrent.info", torrent="data")["trackers"]}
    assert tiers() == {second.url: 0, third.url: 1, first.url: 2}, tiers()
    daemon.kill()
    daemon = Daemon(t)
    assert tiers() == {second.url: 0, third.url: 1, first.url: 2}, tiers()
    t.wait("the second tracker again", lambda: second.events().count(b"started") >= 2 * 2, 20)


@test
def adds_of_one_torrent_at_once_lose_nothing(t):
    """One of them adds the torrent, and the others add their trackers to it."""
    path = content.write_tree(t.path("data"), {"a": 10_000})
    with open(our.create(t, path), "rb") as f:
        raw = base64.b64encode(f.read()).decode()
    daemon = Daemon(t, "--loops", "2")
    urls = [f"http://127.0.0.1:9/{i}" for i in range(8)]
    clients = [socket.socket(socket.AF_UNIX) for _ in urls]
    for s in clients:
        t.defer(s.close)
        s.connect(daemon.socket)
        s.settimeout(20 * tap.SLOWER)
    for s, url in zip(clients, urls):
        params = {"metainfo": raw, "save_dir": t.dir, "paused": True, "trackers": [url]}
        s.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "torrent.add", "params": params}).encode() + b"\n")
        s.shutdown(socket.SHUT_WR)
    answers = [json.loads(read_all(s)) for s in clients]
    assert all("result" in x for x in answers), answers
    assert sorted(x["result"].get("already", False) for x in answers) == [False] + 7 * [True], answers
    known = {x["url"] for x in daemon.rpc("torrent.info", torrent="data")["trackers"]}
    assert known == set(urls), known


@test
def a_second_add_while_paused_counts_when_it_runs(t):
    path, torrent, seeder = seeded(t)
    tracker = fake_tracker.FakeTracker(t, lambda *_: fake_tracker.good(interval=1800))
    daemon = Daemon(t)
    daemon.sprat("add", "-o", t.path("out"), "--paused", torrent)
    daemon.sprat("add", "--peer", seeder.address, "-t", tracker.url, torrent)
    assert daemon.state("data")["state"] == "paused" and not tracker.asked
    daemon.sprat("resume", "data")
    daemon.await_state("data", "seeding")
    content.assert_same(path, t.path("out", "data"))
    t.wait("the tracker", lambda: tracker.asked, 20)


@test
def a_private_torrent_gets_no_tracker_of_a_second_add(t):
    path = content.write_file(t.path("origin", "data"), 100_000)
    tracker = fake_tracker.FakeTracker(t, lambda *_: fake_tracker.good(interval=1800))
    torrent = our.create(t, path, "--private", trackers=[tracker.url])
    daemon = Daemon(t)
    daemon.sprat("add", "-o", t.path("out"), torrent)
    seeder = our.seed(t, torrent, os.path.dirname(path))
    again = daemon.sprat("add", "-t", "http://127.0.0.1:1/a", "--peer", seeder.address, torrent).out
    assert "; 1 tracker not added: a private torrent keeps its own trackers; 1 peer added\n" in again, again
    daemon.await_state("data", "seeding")
    urls = [x["url"] for x in daemon.rpc("torrent.info", torrent="data")["trackers"]]
    assert urls == [tracker.url], urls


@test
def all_torrents_have_one_limit_or_selection(t):
    daemon = Daemon(t)
    for n in range(3):
        tree = content.write_tree(t.path("origin", f"tree{n}"), {"a": 30000, "b.txt": 1000})
        daemon.sprat("add", "--paused", "-o", t.path("out"), our.create(t, tree))
    told = daemon.sprat("limit", "all", "--up", "3M").out
    assert sorted(told.splitlines()) == [f"tree{n}: up 3.0 MiB/s, down without limit" for n in range(3)], told
    assert [x["up_limit"] for x in daemon.listing()] == [3 << 20] * 3
    assert daemon.rpc("daemon.info")["up_limit"] == 0, "the shared limit is another one"

    def skipped(n):
        return [f["path"] for f in daemon.rpc("torrent.info", torrent=f"tree{n}")["files"] if f["priority"] == "skip"]
    daemon.sprat("select", "--skip", "*.txt", "tree0", "tree2")
    assert [skipped(n) for n in range(3)] == [["tree0/b.txt"], [], ["tree2/b.txt"]]
    daemon.sprat("select", "--only", "b.txt", "all")
    assert [skipped(n) for n in range(3)] == [[f"tree{n}/a"] for n in range(3)]


@test
def one_of_several_that_fails(t):
    """The others get what they were to get; with --json, each error is an object of its own."""
    daemon = Daemon(t)
    for n in range(2):
        daemon.sprat("add", "--paused", "-o", t.path("out"), our.create(t, content.write_file(t.path(f"data{n}"), 9000)))
    told = daemon.sprat("limit", "--json", "--up", "1M", "data0", "none", "data1", status=1)
    assert json.loads(told.err)["error"]["status"] == 1 and "none" in told.err, str(told)
    assert [x["up_limit"] for x in daemon.listing()] == [1 << 20] * 2
    assert told.out.count('"up_limit": 1048576') == 2, str(told)


@test
def ls_says_all_of_why_on_a_narrow_terminal(t):
    daemon = Daemon(t)
    daemon.sprat("add", "-o", t.path("out"), our.create(t, content.write_file(t.path("origin", "a-long-name"), 100000)))
    daemon.await_state("a-long-name", "downloading")
    why = daemon.state("a-long-name")["why"]["text"]
    for columns, indent in ((40, 2), (100, 10)):
        text, status = on_terminal(t, [our.SPRAT, "ls", "--socket", daemon.socket], columns)
        lines = text.splitlines()
        assert status == 0 and all(columns_of(line) <= columns for line in lines), text
        assert lines[0].startswith("NAME" if indent == 2 else "ID"), text
        assert " ".join(" ".join(lines[2:]).split()) == why, text
        assert len(why) > 50 and all(re.match(" {%d}[^ ]" % indent, line) for line in lines[2:]), text


@test
def a_torrent_that_another_process_has_is_waited_for(t):
    path, torrent, seeder = seeded(t)
    daemon = Daemon(t)
    daemon.sprat("add", "-o", t.path("out"), "--paused", "--peer", seeder.address, torrent)
    daemon.rpc("torrent.resume", torrent="data")
    daemon.await_state("data", "seeding")
    daemon.sprat("shutdown")
    assert daemon.status() == 0
    holder = our.seed(t, torrent, t.path("out"), "--state-dir", t.path("state"))
    daemon = Daemon(t)
    held = daemon.state("data")
    assert held["state"] == "error" and "sprat seed" in held["error"] and str(holder.pid) in held["error"], held
    one_line(daemon.sprat("rm", "--data", "data", status=1), "sprat seed", str(holder.pid))
    daemon.sprat("pause", "data")
    assert daemon.state("data")["state"] == "error", daemon.state("data")
    assert holder.stop(signal.SIGINT) == 130
    daemon.sprat("resume", "data")  # without it, it begins within seconds
    daemon.await_state("data", "seeding")
    content.assert_same(path, t.path("out", "data"))
    daemon.sprat("shutdown")
    assert daemon.status() == 0
    holder = our.seed(t, torrent, t.path("out"), "--state-dir", t.path("state"))
    daemon = Daemon(t)
    assert daemon.state("data")["state"] == "error"
    assert holder.stop(signal.SIGINT) == 130
    daemon.await_state("data", "seeding")
    daemon.sprat("rm", "data")
    t.wait("removal", lambda: daemon.listing() == [], 10)


@test
def a_foreground_get_leaves_the_daemon_its_torrent(t):
    path, torrent, seeder = seeded(t)
    daemon = Daemon(t)
    daemon.sprat("add", "-o", t.path("out"), "--paused", torrent)
    busy = our.get(t, torrent, t.path("out"), "--state-dir", t.path("state"), peers=[seeder])
    assert busy.status() == 1 and str(daemon.pid) in busy.stderr and "spratd" in busy.stderr, busy.report()
    daemon.sprat("shutdown")
    our.get(t, torrent, t.path("out"), "--state-dir", t.path("state"), peers=[seeder]).finish()
    daemon = Daemon(t)
    found = daemon.state("data")
    assert found and found["bytes_have"] == os.path.getsize(path), found


@test(seconds=120)
def it_survives_kill_9_and_goes_on(t):
    path, torrent, seeder = seeded(t, 24_000_000)
    other, other_torrent, other_seeder = seeded(t, 1_000_000, "other")
    daemon = Daemon(t, "--down-limit", "4M")
    daemon.sprat("add", "-o", t.path("out"), "--peer", seeder.address, torrent)
    daemon.sprat("add", "-o", t.path("out"), "--peer", other_seeder.address, other_torrent)
    t.wait("some data", lambda: daemon.state("data")["bytes_have"] > 8_000_000, 60)
    before = {x["name"] for x in daemon.listing()}
    daemon.kill()
    assert os.path.exists(daemon.socket), "it left its socket"
    daemon = Daemon(t)
    assert {x["name"] for x in daemon.listing()} == before
    daemon.await_state("data", "downloading", "seeding")
    t.wait("what was there", lambda: daemon.state("data")["bytes_have"] > 2_000_000, 20)
    daemon.rpc("torrent.remove", torrent="other")
    t.wait("removal", lambda: daemon.state("other") is None, 10)
    daemon.await_state("data", "seeding", seconds=60)
    content.assert_same(path, t.path("out", "data"))


@test
def it_goes_to_the_background_and_says_whether_that_worked(t):
    argv = [our.SPRATD, "--state-dir", t.path("state"), "--socket", t.path("s"), "--listen", our.join(t.address(), 0)]
    started = run(t, argv, seconds=20)
    assert started.status == 0 and not started.err, str(started)
    info = json.loads(our.sprat(t, "info", "--json", "--socket", t.path("s"), status=0).out)
    assert info["pid"] > 1 and os.path.exists(f"/proc/{info['pid']}"), info
    again = run(t, argv, seconds=20)
    assert again.status == 1, str(again)
    one_line(again, t.path("state"), str(info["pid"]))
    assert os.getsid(info["pid"]) == info["pid"], "it has a session of its own"
    assert os.readlink(f"/proc/{info['pid']}/cwd") == "/"
    assert os.readlink(f"/proc/{info['pid']}/fd/2") == "/dev/null"
    os.kill(info["pid"], signal.SIGHUP)
    our.sprat(t, "ls", "--socket", t.path("s"), status=0)
    our.sprat(t, "shutdown", "--socket", t.path("s"), status=0)
    t.wait("its end", lambda: not alive(info["pid"]), 10)
    os.waitpid(info["pid"], os.WNOHANG)  # orphans of a test are its own to bury
    one_line(our.sprat(t, "ls", "--socket", t.path("s"), status=1), "spratd is not running", t.path("s"))


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@test
def only_one_on_a_state_directory_and_on_a_socket(t):
    daemon = Daemon(t)
    for state, sock, words in ((t.path("state"), t.path("other"), t.path("state")),
                               (t.path("other"), daemon.socket, daemon.socket)):
        result = run(t, [our.SPRATD, "--foreground", "--state-dir", state, "--socket", sock])
        assert result.status == 1, str(result)
        one_line(result, words, str(daemon.pid))
    assert daemon.answers(), "the first one goes on"
    with open(t.path("file"), "w") as f:
        f.write("precious")
    result = run(t, [our.SPRATD, "--foreground", "--state-dir", t.path("third"), "--socket", t.path("file")])
    one_line(result, t.path("file"), "not a socket")
    with open(t.path("file")) as f:
        assert f.read() == "precious"
    taken = run(t, [our.SPRATD, "--foreground", "--state-dir", t.path("third"), "--socket", t.path("third.sock"),
                    "--listen", daemon.rpc("daemon.info")["listen"][0]])
    assert taken.status == 1
    one_line(taken, daemon.ip)


@test
def the_socket_is_its_owners_alone(t):
    old = os.umask(0)
    try:
        daemon = Daemon(t)
    finally:
        os.umask(old)
    assert stat.S_IMODE(os.stat(daemon.socket).st_mode) == 0o600


@test
def requests_one_many_and_in_pieces(t):
    daemon = Daemon(t)
    one = b'{"jsonrpc":"2.0","id":%d,"method":"torrent.list"}'
    assert json.loads(daemon.talk(one % 7 + b"\n")) == {"jsonrpc": "2.0", "id": 7, "result": []}
    batch = json.loads(daemon.talk(b"[" + one % 1 + b"," + one % 2 + b',{"jsonrpc":"2.0","method":"torrent.list"}]\n'))
    assert [x["id"] for x in batch] == [1, 2]
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(20)
        s.connect(daemon.socket)
        for byte in one % 3 + b"\r\n":
            s.sendall(bytes([byte]))
        s.shutdown(socket.SHUT_WR)
        assert json.loads(read_all(s))["id"] == 3
    many = daemon.talk(b"".join(one % i + b"\n" for i in range(5000)))
    assert [json.loads(line)["id"] for line in many.splitlines()] == list(range(5000))
    limits = daemon.rpc("daemon.limits", up_limit=12345)
    assert limits == {"up_limit": 12345, "down_limit": 0}
    assert daemon.rpc("daemon.info")["up_limit"] == 12345


@test
def errors_have_codes_and_sentences(t):
    daemon = Daemon(t)

    def error(text):
        return json.loads(daemon.talk(text.encode() + b"\n"))["error"]

    def call(method, params):
        return error(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}))

    assert error("nonsense")["code"] == -32700
    assert error("[]")["code"] == -32600
    assert call("torrent.fly", {})["code"] == -32601
    assert call("torrent.pause", {})["code"] == -32602
    assert "did you mean 'torrent'" in call("torrent.pause", {"torent": "x"})["message"]
    assert call("torrent.pause", {"torrent": "nothing"})["code"] == -32004
    assert call("torrent.pause", {"torrent": 5})["code"] == -32602
    assert call("torrent.add", {})["code"] == -32602
    assert call("torrent.add", {"metainfo": "Zm9v", "save_dir": "relative"})["code"] == -32602
    assert call("torrent.add", {"metainfo": "***", "save_dir": t.dir})["code"] == -32602
    assert call("torrent.add", {"metainfo": "Zm9v", "save_dir": t.dir})["code"] < -32000
    assert "none.torrent" in call("torrent.add", {"path": t.path("none.torrent"), "save_dir": t.dir})["message"]
    assert call("torrent.add", {"metainfo": "Zm9v", "save_dir": t.dir, "trackers": [1]})["code"] == -32602
    assert call("daemon.limits", {"up_limit": -1})["code"] == -32602
    assert daemon.listing() == []


@test
def add_by_bytes_and_by_path(t):
    torrent = our.create(t, content.write_file(t.path("origin", "data"), 100000))
    daemon = Daemon(t)
    with open(torrent, "rb") as f:
        raw = base64.b64encode(f.read()).decode()
    added = daemon.rpc("torrent.add", metainfo=raw, save_dir=t.path("out"), paused=True, seed=1.5)
    assert added["name"] == "data" and added["save_dir"] == t.path("out"), added
    assert daemon.state("data")["state"] == "paused"
    daemon.rpc("torrent.remove", torrent=added["info_hash_v2"])
    t.wait("removal", lambda: daemon.listing() == [], 10)
    daemon.rpc("torrent.add", path=torrent, save_dir=t.path("origin"))
    daemon.await_state("data", "seeding", "error")


@test(seconds=120)
def hostile_clients_harm_nobody(t):
    daemon = Daemon(t)
    good = b'{"jsonrpc":"2.0","id":1,"method":"torrent.list"}\n'
    for data in (b"\0" * 100000, b"[" * 100000 + b"\n", b'"' + b"x" * 100000, b"{" * 31 + b"\n", b"\xff\xfe\n",
                 b"[" + b"1," * 300000 + b"1]\n", b'{"jsonrpc":"2.0","id":1,"method":"torrent.add","params":'
                 b'{"metainfo":"' + b"A" * 4000000 + b'"}}\n'):
        daemon.talk(data)
        assert json.loads(daemon.talk(good))["result"] == []
    with socket.socket(socket.AF_UNIX) as s:  # a message without end
        s.settimeout(30)
        s.connect(daemon.socket)
        try:
            for _ in range(200):
                s.sendall(b"x" * 100000)
            ended = False
        except (BrokenPipeError, ConnectionResetError):
            ended = True
        assert ended, "20 MB without a line's end were taken"
    silent = []
    for _ in range(200):  # more than there are places
        s = socket.socket(socket.AF_UNIX)
        s.connect(daemon.socket)
        silent.append(s)
    assert json.loads(daemon.talk(good))["result"] == []
    deaf = silent[-1]  # asks and never listens
    deaf.settimeout(0.5)
    try:
        for _ in range(2000):
            deaf.sendall(good * 100)
        stopped = False
    except (TimeoutError, BrokenPipeError, ConnectionResetError):
        stopped = True
    assert stopped, "answers pile up for one who doesn't read them"
    assert json.loads(daemon.talk(good))["result"] == []
    for s in silent:
        s.close()
    with open(f"/proc/{daemon.pid}/status") as f:
        rss = next(int(line.split()[1]) for line in f if line.startswith("VmHWM:"))
    assert our.is_sanitized() or rss < 400_000, f"{rss} KiB at most"
    assert daemon.stop() == 0


def empty_torrent(t, name, *args):
    """A torrent that nobody has."""
    path = content.write_file(t.path("origin", name), 300_000)
    torrent = our.create(t, path, *args)
    os.remove(path)
    return torrent


@test
def peers_tell_each_other_of_peers(t):
    torrent = empty_torrent(t, "data")
    hub = our.get(t, torrent, t.path("hub")).ready()
    third = our.get(t, torrent, t.path("third"), peers=[hub]).ready()
    daemon = Daemon(t)
    daemon.sprat("add", "-o", t.path("ours"), "--peer", hub.address, torrent)

    def sources():
        peers = daemon.rpc("torrent.info", torrent="data")["peer_list"]
        return {p["addr"].rpartition(":")[0]: p["source"] for p in peers}
    t.wait("word of the third", lambda: sources() == {hub.ip: "user", third.ip: "pex"}, 60, step=0.1)
    assert "(pex)" in daemon.sprat("info", "data").out


def offers_pex(t, address, torrent):
    """Does who listens there offer ut_pex?"""
    peer = fake_peer.Dialer(t, address, bytes.fromhex(our.show(t, torrent)["info_hash_v1"]),
                            bytes([0, 0, 0, 0, 0, 0x10, 0, 0]))
    payload = peer.read(20)[1]
    assert payload[0] == 0
    return b"ut_pex" in bencode.decode(payload[1:])[b"m"]


@test
def peers_are_not_told_where_that_is_not_wanted(t):
    torrent = empty_torrent(t, "data")
    assert offers_pex(t, our.get(t, torrent, t.path("yes")).ready().address, torrent)
    assert not offers_pex(t, our.get(t, torrent, t.path("no"), "--no-pex").ready().address, torrent)
    daemon = Daemon(t, "--pex", "no")
    daemon.sprat("add", "-o", t.path("ours"), torrent)
    daemon.await_state("data", "downloading")
    assert not offers_pex(t, daemon.listening(), torrent)
    private = empty_torrent(t, "secret", "--private", "-t", "http://127.0.0.1:9/announce")
    assert not offers_pex(t, our.get(t, private, t.path("private")).ready().address, private)


@test
def a_torrent_has_so_many_peers_and_no_more(t):
    torrent = empty_torrent(t, "data")
    ours = our.get(t, torrent, t.path("ours"), "--max-peers", "2").ready()
    info_hash = bytes.fromhex(our.show(t, torrent)["info_hash_v1"])

    def take():
        """A connection that shook hands, or None."""
        peer = fake_peer.Dialer(t, ours.address)
        peer.send(fake_peer.handshake(info_hash))
        try:
            fake_peer.read_exactly(peer.socket, 68)
        except OSError:
            return None
        return peer
    one, two = take(), take()
    assert one and two and not take()
    one.socket.close()
    t.wait("room for another", take, 30, step=0.1)


@test
def settings_come_from_a_file_and_the_command_line_wins(t):
    ip = t.address()
    conf = t.path("spratd.conf")
    with open(conf, "w") as f:
        f.write(f"# a comment\nlisten = {ip}:0\nup-limit = 2M\ndown-limit = 1M ; another\n"
                f"save-dir = {t.path('saved')}\nsocket = {t.path('conf.sock')}\nstate-dir = {t.path('state')}\n")
    p = Process(t, [our.SPRATD, "-c", conf, "--foreground", "--down-limit", "3M"])
    t.wait("the socket", lambda: os.path.exists(t.path("conf.sock")), 20)
    info = json.loads(our.sprat(t, "info", "--json", "--socket", t.path("conf.sock"), status=0).out)
    assert info["up_limit"] == 2 << 20 and info["down_limit"] == 3 << 20, info
    assert info["listen"][0].startswith(ip) and info["save_dir"] == t.path("saved")
    assert p.stop() == 0
    for text, words in (("lisen = x\n", "spratd.conf:1: unknown key 'lisen'; did you mean 'listen'?"),
                        ("\n\nup-limit = fast\n", "spratd.conf:3: up-limit: 'fast'"),
                        ("pex = perhaps\n", "spratd.conf:1: pex: 'perhaps'"),
                        ("max-peers = 0\n", "spratd.conf:1: max-peers: '0'"),
                        ("rest-after = 0\n", "spratd.conf:1: rest-after: '0'"),
                        ("max-connections = many\n", "spratd.conf:1: max-connections: 'many'"),
                        ("nonsense\n", "spratd.conf:1: "), ("[x]\nseed = none\n", "unknown section 'x'"),
                        ("save-dir = /" + "x" * 300 + "\n", "longer than"), ("a\0b\n", "not a text file")):
        with open(conf, "w") as f:
            f.write(text)
        result = run(t, [our.SPRATD, "-c", conf, "--foreground"])
        assert result.status == 1, str(result)
        one_line(result, words)
    missing = run(t, [our.SPRATD, "-c", t.path("none.conf")])
    assert missing.status == 1
    one_line(missing, "none.conf")
    for argv, words in ((["--foregroun"], "did you mean '--foreground'?"), (["x"], "unexpected argument 'x'"),
                        (["--listen", "x"], "listen"), (["--seed", "x"], "seed")):
        result = run(t, [our.SPRATD, *argv])
        assert result.status == 2, str(result)
        one_line(result, words)


@test
def sighup_reads_the_settings_again_all_or_nothing(t):
    conf = t.path("spratd.conf")

    def write(text):
        with open(conf, "w") as f:
            f.write(text)

    def after_hup(words):
        seen = len(daemon.errors)
        daemon.send(signal.SIGHUP)
        t.wait(words, lambda: any(words in line for line in daemon.errors[seen:]), 20, step=0.05)
        return "\n".join(daemon.errors[seen:])

    write("up-limit = 1M\nmax-peers = 5\n")
    daemon = Daemon(t, "-c", conf, "--log-level", "info")
    t.wait("the file's name", lambda: f"settings from {conf}" in daemon.stderr, 20, step=0.05)
    write(f"up-limit = 2M\nmax-peers = 6\nsave-dir = {t.path('saved')}\nseed = none\n")
    log = after_hup("differences")
    assert "up-limit: 2M (was: 1M)" in log and "seed: none (was: not set)" in log, log
    assert "max-peers: needs a restart; until then it is: 5 (new: 6)" in log, log
    info = daemon.rpc("daemon.info")
    assert info["up_limit"] == 2 << 20 and info["save_dir"] == t.path("saved"), info
    write("up-limit = 3M\nsave-dir = /elsewhere\nseed = sometimes\n")
    log = after_hup("no setting is changed")
    assert "spratd.conf:3: seed: 'sometimes'" in log, log
    assert daemon.rpc("daemon.info") == info, "a file with a mistake changes nothing"
    os.unlink(conf)
    assert "spratd.conf" in after_hup("no setting is changed")
    write("up-limit = 2M\n")
    assert f"save-dir: not set (was: {t.path('saved')})" in after_hup("read ")
    assert daemon.stop() == 0


@test
def a_user_has_a_configuration_of_their_own(t):
    conf = t.path("config", "sprat", "spratd.conf")
    with open(conf, "w") as f:
        f.write(f"up-limit = 3K\nlisten = {our.join(t.address(), 0)}\nstate-dir = {t.path('state')}\n"
                f"socket = {t.path('s')}\n")
    p = Process(t, [our.SPRATD, "--foreground"], env={"XDG_CONFIG_HOME": t.path("config")})
    t.wait("the socket", lambda: os.path.exists(t.path("s")) or not p.alive(), 20)
    info = json.loads(our.sprat(t, "info", "--json", "--socket", t.path("s"), status=0).out)
    assert info["up_limit"] == 3072 and info["config"] == conf, info
    assert p.stop() == 0
    os.unlink(conf)
    os.symlink(conf, conf)
    result = run(t, [our.SPRATD, "--foreground"], env={"XDG_CONFIG_HOME": t.path("config")})
    assert result.status == 1, str(result)
    one_line(result, conf)


@test
def the_systems_configuration_is_read_where_the_user_has_none(t):
    """In a mount namespace of its own, so that the file stands where the installed program looks for it."""
    path = re.search(r"\S+/spratd\.conf(?=\))", re.sub(r"\s*\n\s+", " ", run(t, [our.SPRATD, "--help"]).out)).group()
    above = os.path.dirname(os.path.dirname(path))
    if os.geteuid() != 0 or not os.path.isdir(above) or above == "/etc":
        raise tap.Skip("needs root, and a prefix whose etc is there")
    if run(t, ["unshare", "-m", "true"]).status != 0:
        raise tap.Skip("needs a mount namespace")
    with open(t.path("etc", "sprat", "spratd.conf"), "w") as f:
        f.write("up-limit = fast\n")
    result = run(t, ["unshare", "-m", "sh", "-c", 'mount --bind "$1" "$2" && exec "$3" --foreground', "sh",
                     t.path("etc"), above, our.SPRATD], env={"XDG_CONFIG_HOME": t.path("none")})
    assert result.status == 1, str(result)
    one_line(result, f"{path}:1: up-limit: 'fast'")


NOBODY = 65534  # a user and a group of no rights


def as_nobody(t, *argv, groups=(), env=None):
    """Runs a command of ours as a user who has nothing but these groups."""
    return run(t, ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY),
                   *(["--groups", ",".join(map(str, groups))] if groups else ["--clear-groups"]), *argv], env=env)


@test
def a_group_may_use_the_socket(t):
    if os.geteuid() != 0:
        raise tap.Skip("needs root, to be somebody else")
    group = 12345
    base = t.path("run", "x")[:-2]
    for folder in (os.path.dirname(base), base):
        os.chmod(folder, 0o755)
    # The build folder may be closed to others, so the program comes to them.
    program = os.path.join(base, "sprat")
    shutil.copy(our.SPRAT, program)
    os.chmod(program, 0o755)
    sock = os.path.join(base, "made", "s")
    argv = [our.SPRATD, "-c", "none", "--foreground", "--state-dir", t.path("state"), "--socket", sock, "--listen",
            our.join(t.address(), 0)]
    p = Process(t, [*argv, "--socket-group", str(group)])
    t.wait("the socket", lambda: os.path.exists(sock) or not p.alive(), 20)
    t.wait("an answer", lambda: our.sprat(t, "ls", "--socket", sock).status == 0, 20, step=0.1)
    assert stat.S_IMODE(os.stat(sock).st_mode) == 0o660 and os.stat(sock).st_gid == group
    member = as_nobody(t, program, "ls", "--socket", sock, groups=[group])
    assert member.status == 0, str(member)
    by_environment = as_nobody(t, program, "ls", groups=[group], env={"SPRAT_SOCKET": sock})
    assert by_environment.status == 0, str(by_environment)
    stranger = as_nobody(t, program, "ls", "--socket", sock, groups=[group + 1])
    assert stranger.status == 1, str(stranger)
    one_line(stranger, "permission denied", sock)
    # Whoever came in by a mode that somebody changed is sent away all the same.
    os.chmod(sock, 0o666)
    stranger = as_nobody(t, program, "ls", "--socket", sock, groups=[group + 1])
    assert stranger.status == 1, str(stranger)
    one_line(stranger, "closed the connection")
    assert "can't enter" not in p.stderr, p.stderr
    assert p.stop() == 0
    os.chmod(os.path.dirname(sock), 0o700)
    p = Process(t, [*argv, "--socket-group", str(group)])
    t.wait("the warning", lambda: "can't enter" in p.stderr or not p.alive(), 20)
    assert f"can't enter {os.path.dirname(sock)}" in p.stderr, p.stderr
    closed = as_nobody(t, program, "ls", "--socket", sock, groups=[group])
    assert closed.status == 1, str(closed)
    one_line(closed, "permission denied", "a directory on the way")
    assert p.stop() == 0
    p = Process(t, argv)
    t.wait("the socket", lambda: os.path.exists(sock) or not p.alive(), 20)
    os.chmod(os.path.dirname(sock), 0o755)
    alone = as_nobody(t, program, "ls", "--socket", sock, groups=[group])
    one_line(alone, "permission denied", "only user 'root'", "socket-group")
    assert p.stop() == 0
    unknown = run(t, [*argv, "--socket-group", "no-such-group"])
    assert unknown.status == 1, str(unknown)
    one_line(unknown, "socket-group: there is no group 'no-such-group'")


@test
def it_tells_the_service_manager(t):
    path = t.path("notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(30)

        def hear(word):
            while word not in (text := manager.recv(4096).decode().split("\n")):
                pass
            return text

        daemon = Daemon(t, env={"NOTIFY_SOCKET": path})
        hear("READY=1")
        daemon.send(signal.SIGHUP)
        assert any(x.startswith("MONOTONIC_USEC=") for x in hear("RELOADING=1"))
        hear("READY=1")
        daemon.send(signal.SIGTERM)
        hear("STOPPING=1")
        assert daemon.status() == 0


@test
def signals_end_it_cleanly(t):
    for number in (signal.SIGTERM, signal.SIGINT):
        daemon = Daemon(t, state=f"state{number}")
        assert daemon.stop(number) == 0, daemon.report()
        assert not os.path.exists(daemon.socket) and not os.path.exists(daemon.socket + ".lock")


@test
def the_second_signal_ends_it_at_once_and_cleanly(t):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))  # a tracker that never answers
        url = f"udp://127.0.0.1:{deaf.getsockname()[1]}"
        torrent = our.create(t, content.write_file(t.path("origin", "data"), 100000), trackers=[url])
        daemon = Daemon(t)
        daemon.sprat("add", "-o", t.path("origin"), torrent)
        daemon.await_state("data", "seeding")
        seeder = our.seed(t, our.create(t, content.write_file(t.path("origin", "other"), 1000), trackers=[url]),
                          t.path("origin"), "--state-dir", t.path("fore"))
        for process, state, status in ((daemon, "state", 0), (seeder, "fore", 130)):
            for _ in range(2):
                os.kill(process.pid, signal.SIGINT)
                t.wait("the signal is taken", lambda: not pending(process.pid, signal.SIGINT), 20, step=0.01)
            assert process.status() == status, process.report()
            with sqlite3.connect(t.path(state, "sprat.db")) as db:
                assert db.execute("SELECT clean FROM torrents").fetchall() == [(1,)]


def pending(pid, number):
    """Whether the signal waits for the process to take it."""
    try:
        with open(f"/proc/{pid}/status") as f:
            masks = [int(line.split()[1], 16) for line in f if line.startswith(("SigPnd:", "ShdPnd:"))]
    except OSError:
        return False
    return any(mask >> (number - 1) & 1 for mask in masks)


@test
def the_example_configuration_has_every_key(t):
    with open(os.path.join(our.SOURCE, "docs", "spratd.conf.example")) as f:
        text = f.read()
    keys = set(re.findall(r"^#?([a-z-]+) = ", text, re.M))
    usage = run(t, [our.SPRATD, "--help"]).out
    known = set(re.findall(r"^ +--([a-z-]+) (?:[A-Z]|[a-z]+[|])", usage, re.M))
    assert keys == known, (keys, known)
    conf = t.path("spratd.conf")
    with open(conf, "w") as f:  # as it is, and with all that stands behind a `#`
        f.write(text)
    for line in re.findall(r"^#([a-z-]+ = .*)", text, re.M):
        key, value = line.split(" = ")
        if "/" in value:
            value = t.path(key)
        if key == "ca":
            value = certs.Authority(t).cert
        if key == "socket-group":
            value = str(os.getgid())
        if key == "listen":
            value = our.join(t.address(), 0)
        with open(conf, "a") as f:
            f.write(f"{key} = {value}\n")
    p = Process(t, [our.SPRATD, "-c", conf, "--foreground"])
    t.wait("the socket", lambda: os.path.exists(t.path("socket")) or not p.alive(), 20)
    assert p.alive(), p.report()
    assert p.stop() == 0


@test
def a_broken_database_is_reported_and_left_alone(t):
    os.makedirs(t.path("state"))
    with open(t.path("state", "sprat.db"), "wb") as f:
        f.write(b"this is no database " * 1000)
    result = run(t, [our.SPRATD, "--foreground", "--state-dir", t.path("state"), "--socket", t.path("s")])
    assert result.status == 1, str(result)
    one_line(result, "sprat.db")
    with open(t.path("state", "sprat.db"), "rb") as f:
        assert f.read() == b"this is no database " * 1000
    assert not os.path.exists(t.path("s"))


@test(seconds=120)
def many_torrents_are_loaded_in_turns(t):
    """More than SESSION_LOADS_MAX, twice; what waits for its turn can be paused and removed."""
    count = 400
    requests = []
    for i in range(count):
        path = content.write_file(t.path("data", f"file-{i}"), 100, i)
        torrents.write(torrents.make(path, "v1"), t.path(f"{i}.torrent"))
        params = {"path": t.path(f"{i}.torrent"), "save_dir": t.path("data", "")}
        requests.append({"jsonrpc": "2.0", "id": i, "method": "torrent.add", "params": params})

    def states():
        return {one["name"]: one["state"] for one in daemon.rpc("torrent.list")}

    daemon = Daemon(t)
    requests.append({"jsonrpc": "2.0", "id": -1, "method": "torrent.pause", "params": {"torrent": "file-399"}})
    requests.append({"jsonrpc": "2.0", "id": -2, "method": "torrent.remove", "params": {"torrent": "file-398"}})
    answers = json.loads(daemon.talk(json.dumps(requests).encode() + b"\n"))
    assert len(answers) == len(requests) and not any("error" in one for one in answers), answers[-3:]
    wanted = {f"file-{i}": "seeding" for i in range(count - 2)}
    t.wait("all but two to seed", lambda: states() == {**wanted, "file-399": "paused"}, 60, 0.2)
    daemon.rpc("torrent.resume", torrent="file-399")
    wanted["file-399"] = "seeding"
    t.wait("the paused one to seed", lambda: states() == wanted, 30, 0.1)
    assert daemon.stop(signal.SIGTERM, 30) == 0, daemon.report()
    daemon = Daemon(t)
    t.wait("all to seed again", lambda: states() == wanted, 60, 0.2)


if __name__ == "__main__":
    our.main(our.SPRAT, our.SPRATD)
