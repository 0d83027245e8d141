#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The accounts of a private tracker: the bytes that clients report count exactly once."""

import os
import random
import socket
import sqlite3
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
import bencode
import content
import sprat
import tracker_client
from crowd import Load, club, expected, stored
from members import HASH, Private, Udp, ask, command, http as announce, reason, total, user
from sprat import SPRAT, TRACKER, main, need
from tap import Skip, note, test
from torrent import make, write

MIB = 1 << 20


def has_ipv6():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        return True
    except OSError:
        return False


def one_user(t, *options, torrent=()):
    database = t.path("tracker.db")
    key = user(t, database, "anna", *options)
    command(t, database, "torrent", "add", HASH.hex(), *torrent)
    return database, key


def settled(t, tracker):
    """Waits until all that was announced is in the database."""
    t.wait("the accounts to be stored", lambda: tracker.metric("accounts_waiting") == 0, 20)


def say(tracker, passkey, number=1, **fields):
    path = f"/{passkey}/announce?" + tracker_client.query(number, key="00000007", **fields)
    status, body = tracker_client.http_get(tracker.http, path)
    assert status == 200
    reply = bencode.decode(body)
    assert reason(reply) is None, reply



@test
def counters_become_totals(t):
    database, key = one_user(t)
    tracker = Private(t, database=database)
    say(tracker, key, event="started", left=900)
    settled(t, tracker)
    say(tracker, key, uploaded=100, downloaded=500, left=400)
    say(tracker, key, uploaded=120, downloaded=900, left=0, event="completed")
    settled(t, tracker)
    got = total(t, database, "anna")
    assert (got["uploaded"], got["downloaded"], got["downloaded_raw"]) == (120, 900, 900), got
    assert 0 < got["completed"] <= time.time()
    say(tracker, key, uploaded=120, downloaded=900, left=0)  # the same again
    say(tracker, key, uploaded=60, downloaded=500, left=400)  # an old one that comes late
    say(tracker, key, uploaded=200, downloaded=900, left=0, event="stopped")
    settled(t, tracker)
    got = total(t, database, "anna")
    assert (got["uploaded"], got["downloaded"]) == (200, 900), got
    anna, = ask(t, database, "user", "ls")
    assert (anna["uploaded"], anna["downloaded"], anna["downloaded_raw"]) == (200, 900, 900), anna
    torrent, = ask(t, database, "torrent", "ls")
    assert (torrent["uploaded"], torrent["downloaded_raw"], torrent["completed"]) == (200, 900, 1)
    sums = ask(t, database, "stats")["totals"]
    assert (sums["uploaded"], sums["downloaded"], sums["completed"], sums["users"]) == (200, 900, 1, 1)


@test
def a_client_that_begins_anew(t):
    """Under the same peer id and at once: what it says for the next minutes may be late words of before, and counts once
    it exceeds them. Unit tests have the rest, in which minutes pass."""
    database, key = one_user(t)
    tracker = Private(t, database=database)
    say(tracker, key, event="started")
    say(tracker, key, uploaded=100, downloaded=10)
    say(tracker, key, uploaded=100, downloaded=10, event="stopped")
    say(tracker, key, event="started")  # within one flush or not, as it happens
    say(tracker, key, uploaded=30, downloaded=3)
    settled(t, tracker)
    assert total(t, database, "anna")["uploaded"] == 100
    say(tracker, key, uploaded=140, downloaded=4, event="stopped")
    settled(t, tracker)
    got = total(t, database, "anna")
    assert (got["uploaded"], got["downloaded"]) == (140, 10), got
    for number in (2, 3):  # another peer id is another session
        say(tracker, key, number=number, event="started")
        say(tracker, key, number=number, uploaded=30, event="stopped")
    settled(t, tracker)
    assert total(t, database, "anna")["uploaded"] == 200


@test
def the_first_word_is_a_baseline(t):
    database, key = one_user(t)
    tracker = Private(t, database=database)
    for number in (1, 2):
        say(tracker, key, number=number, event="started", uploaded=1 << 55)
        say(tracker, key, number=number, uploaded=(1 << 55) + 7)
    settled(t, tracker)
    say(tracker, key, number=1, uploaded=(1 << 55) + (1 << 50))
    settled(t, tracker)
    assert total(t, database, "anna")["uploaded"] == 14
    held, = (one for one in ask(t, database, "stats")["signals"] if one["kind"] == "rate")
    assert held["worst"] > 1 << 49, held


@test
def a_late_started_of_the_second_stream_counts_nothing(t):
    database, key = one_user(t, torrent=["bb" * 32])
    tracker = Private(t, database=database)
    for one in (HASH, bytes.fromhex("bb" * 20)):
        say(tracker, key, event="started", left=10_000_000, info_hash=one)
        say(tracker, key, event="completed", downloaded=10_000_000, left=0, info_hash=one)
        settled(t, tracker)
    got = total(t, database, "anna")
    assert got["downloaded"] == 10_000_000, got
    torrent, = ask(t, database, "torrent", "ls")
    assert torrent["completed"] == 1, torrent


@test
def the_key_is_written_in_any_form(t):
    """Over HTTP as a decimal number, over UDP as the same number: the peer id tells sessions apart."""
    database, key = one_user(t)
    tracker = Private(t, database=database)
    udp = Udp(t, tracker.udp)
    for up in (0, 1000):
        path = f"/{key}/announce?" + tracker_client.query(1, key="-559038737", uploaded=up)
        assert reason(bencode.decode(tracker_client.http_get(tracker.http, path)[1])) is None
        assert udp.say(1, key, uploaded=up, key=-559038737 % 2**32) is None
    settled(t, tracker)
    assert total(t, database, "anna")["uploaded"] == 1000


@test
def a_completion_that_only_left_tells(t):
    """rtorrent's "completed" waits behind a hash check, and is never said by a client that is stopped meanwhile."""
    database, key = one_user(t)
    tracker = Private(t, database=database)
    say(tracker, key, event="started", left=50)
    settled(t, tracker)
    say(tracker, key, event="stopped", left=0, downloaded=50)
    settled(t, tracker)
    assert total(t, database, "anna")["completed"] > 0
    torrent, = ask(t, database, "torrent", "ls")
    assert torrent["completed"] == 1, torrent


@test
def freeleech_counts_raw_only(t):
    database, key = one_user(t, torrent=["--freeleech"])
    tracker = Private(t, database=database)
    say(tracker, key, event="started")
    say(tracker, key, uploaded=7, downloaded=1000)
    assert tracker.stop() == 0
    got = total(t, database, "anna")
    assert (got["uploaded"], got["downloaded"], got["downloaded_raw"]) == (7, 0, 1000), got


@test
def one_peer_at_two_addresses_and_by_two_hashes_is_one(t):
    if not has_ipv6():
        raise Skip("no IPv6 here")
    database, key = one_user(t, torrent=["bb" * 32])
    tracker = Private(t, database=database, six=True, ip="127.0.0.1")
    short = bytes.fromhex("bb" * 20)
    udp, udp6 = Udp(t, tracker.udp), Udp(t, tracker.udp6)
    for up, event, left in ((0, 2, 100), (50, 0, 50), (70, 1, 0), (90, 3, 0)):
        for client in (udp, udp6):
            for one in (HASH, short):
                assert client.say(1, key, info_hash=one, uploaded=up, downloaded=100 - left, left=left,
                                  event=event) is None
        if up == 50:
            settled(t, tracker)
    assert tracker.stop() == 0
    got = total(t, database, "anna")
    assert (got["uploaded"], got["downloaded"]) == (90, 100), got
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as db:
        assert db.execute("SELECT count(*) FROM sessions").fetchone() == (1,)
        assert db.execute("SELECT count(*) FROM totals").fetchone() == (1,)
    db.close()
    assert len(ask(t, database, "user", "show", "anna")["torrents"]) == 1


@test
def seeding_takes_time(t):
    database, key = one_user(t)
    tracker = Private(t, database=database)
    began = time.time()
    say(tracker, key, left=0)
    for _ in range(4):
        time.sleep(0.8)
        say(tracker, key, left=0)
    took = time.time() - began
    say(tracker, key, number=2, left=5)
    assert tracker.stop() == 0
    got = total(t, database, "anna")
    assert 2 <= got["seed_seconds"] <= took + 1, (got, took)


@test
def signals_are_listed(t):
    """But no-leechers, which takes minutes: test_signals.c."""
    database, key = one_user(t)
    tracker = Private(t, "--rate-possible", "1", database=database)
    say(tracker, key, left=0, uploaded=0, peer_id=b"-qB4650-" + b"a" * 12)
    say(tracker, key, left=0, uploaded=1 << 60, peer_id=b"-qB4650-" + b"a" * 12)
    say(tracker, key, number=2, left=0, peer_id=b"some-unknown-program")
    settled(t, tracker)
    say(tracker, key, left=0, uploaded=100 * MIB, peer_id=b"-qB4650-" + b"a" * 12)
    settled(t, tracker)
    assert tracker.metric("accounts_signals") >= 3
    found = {one["kind"]: one for one in ask(t, database, "stats")["signals"]}
    assert set(found) == {"unknown-client", "absurd-counters", "rate"}, found
    assert 50 * MIB < found["rate"]["worst"] < 100 * MIB and found["rate"]["user"] == "anna"
    assert total(t, database, "anna")["uploaded"] == 0, "what is not possible is held aside"
    say(tracker, key, left=0, uploaded=MIB, peer_id=b"-qB4650-" + b"a" * 12)
    settled(t, tracker)
    assert total(t, database, "anna")["uploaded"] == MIB


@test
def honest_members_raise_no_signal(t):
    """The last leecher completes within the second in which the seeder announces, and blocks are in flight."""
    database, key = one_user(t)
    tracker = Private(t, database=database)
    seeder, leecher = (dict(number=n, peer_id=b"-qB4650-%012d" % n) for n in (1, 2))
    say(tracker, key, left=0, event="started", **seeder)
    say(tracker, key, left=10, event="started", **leecher)
    for up in (3, 7):
        settled(t, tracker)
        time.sleep(0.7)
        say(tracker, key, left=10, downloaded=up, **leecher)
    say(tracker, key, left=0, downloaded=10, event="completed", **leecher)
    for up in (8, 9, 10):
        say(tracker, key, left=0, uploaded=up, **seeder)
        settled(t, tracker)
        time.sleep(1.3)
    assert total(t, database, "anna")["uploaded"] == 10
    assert ask(t, database, "stats")["signals"] == []


@test
def a_database_that_another_process_holds(t):
    database, key = one_user(t)
    tracker = Private(t, database=database)
    say(tracker, key, event="started")
    settled(t, tracker)
    lock = sqlite3.connect(database, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    say(tracker, key, uploaded=500)
    t.wait("a failed flush", lambda: tracker.metric("accounts_failures") > 0, 40)
    assert tracker.metric("accounts_failing") == 1 and tracker.metric("accounts_waiting") == 1
    say(tracker, key, uploaded=600)
    assert tracker.metric("accounts_waiting") == 2, "one in the batch that waits, one behind it"
    line = tracker.wait_error("the accounts cannot be stored yet ")
    assert database in line and "locked" in line, line
    lock.execute("ROLLBACK")
    lock.close()
    settled(t, tracker)
    assert tracker.metric("accounts_failing") == 0
    assert total(t, database, "anna")["uploaded"] == 600
    tracker.wait_error("stored again")


@test
def a_full_ledger_refuses_and_keeps_room_for_who_leaves(t):
    database, key = one_user(t)
    tracker = Private(t, "--accounts-max", 1000, database=database)
    say(tracker, key, event="started")
    settled(t, tracker)
    lock = sqlite3.connect(database, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    udp = Udp(t, tracker.udp)

    def refusal():
        """The answer over HTTP if the ledger is full. It has room again when the flusher takes its entries."""
        if any("just now" in (udp.say(n, key, peer_id=b"-qB4650-%012d" % random.getrandbits(30)) or "")
               for n in range(200)):
            answer = announce(tracker.http, key, 1, peer_id=os.urandom(20))
            return answer if reason(answer) else None
        return None
    refused = t.wait("the ledger to be full", refusal, 50)
    assert "just now" in reason(refused) and refused[b"retry in"] == 1, refused
    say(tracker, key, event="stopped", uploaded=5)
    assert tracker.metric("accounts_waiting") < 1000
    lock.execute("ROLLBACK")
    lock.close()
    settled(t, tracker)
    assert udp.say(1, key, peer_id=os.urandom(20)) is None
    assert total(t, database, "anna")["uploaded"] == 5


@test
def a_full_disk(t):
    """On a small file system of its own, which only root can mount."""
    place = t.path("disk", "x")
    place = os.path.dirname(place)
    if os.geteuid() != 0 or os.system(f"mount -t tmpfs -o size=600k tmpfs {place} 2>/dev/null") != 0:
        raise Skip("no file system can be mounted here")
    t.defer(lambda: os.system(f"umount -l {place}"))
    database = os.path.join(place, "tracker.db")
    key = user(t, database, "anna")
    command(t, database, "torrent", "add", HASH.hex())
    tracker = Private(t, database=database)
    say(tracker, key, event="started")
    settled(t, tracker)
    filler = os.path.join(place, "filler")
    os.system(f"dd if=/dev/zero of={filler} bs=4k count=1000 2>/dev/null")
    for n in range(2, 400):
        say(tracker, key, number=n, event="started")
    t.wait("a failed flush", lambda: tracker.metric("accounts_failures") > 0, 20)
    line = tracker.wait_error("the accounts cannot be stored yet ")
    assert database in line and ("full" in line or "No space" in line), line
    say(tracker, key, uploaded=1000)
    os.unlink(filler)
    t.wait("the accounts", lambda: tracker.metric("accounts_waiting") == 0, 40)
    assert total(t, database, "anna")["uploaded"] == 1000


# ---- killed at random moments, under load ----

@test(seconds=240)
def killed_twenty_times_under_load(t):
    seed = int(os.environ.get("SPRAT_TEST_SEED", random.randrange(1 << 32)))
    note(f"seed {seed}")
    rng = random.Random(seed)
    kills = int(os.environ.get("SPRAT_TEST_KILLS", 20))
    database, peers = club(t, rng)
    load = Load(t, rng, peers)
    six = has_ipv6()
    ip = "127.0.0.1" if six else None
    for kill in range(kills):
        tracker = Private(t, "--workers", 2, database=database, six=six, ip=ip)
        load.attach(tracker)
        timer = threading.Timer(rng.uniform(0.05, 2.2), tracker.kill)
        timer.start()
        rest_at = load.sent + 300
        while tracker.alive() and load.step():
            if load.sent >= rest_at and kill % 2 == 0:  # now and then a moment of rest
                try:
                    settled(t, tracker)
                except (OSError, AssertionError, ValueError):
                    break
                load.stored()
                rest_at = load.sent + 300
        timer.join()
        load.said.clear()
    tracker = Private(t, "--workers", 2, database=database, six=six, ip=ip)
    load.attach(tracker)
    for peer in peers:
        if peer.state != "over":
            event = {"stopping": "stopped", "running": None}.get(peer.state, "started")
            assert load.send(peer, event)
    assert tracker.stop() == 0
    want, got = expected(peers), stored(t, database)
    got.update({k: (0, 0) for k in want if k not in got})
    wrong = {k: (want[k], got[k]) for k in want if want[k] != got[k]}
    assert not wrong, f"{len(wrong)} of {len(want)} totals differ: {list(wrong.items())[:5]}"
    note(f"{kills} kills, {load.sent} announces, {load.lost} without an answer, "
         f"{sum(up + down for up, down in want.values())} bytes in {len(want)} totals")
    assert load.sent > 20 * kills


# ---- the whole of it ----

def seed_and_get(t, kind):
    """A user seeds, another fetches; what both report is the payload to the byte."""
    need(SPRAT, TRACKER)
    database = t.path("tracker.db")
    keys = {name: user(t, database, name) for name in ("seeder", "leecher")}
    tracker = Private(t, "--interval", 2, "--min-interval", 1, database=database)
    size = 5 * MIB + 4321
    path = content.write_file(t.path("original", "odd.bin"), size)
    url = getattr(tracker, kind)
    metas = {name: write(make(path, "hybrid", private=True, trackers=[url.replace("/announce", f"/{key}/announce")]),
                         t.path(name, "x.torrent")) for name, key in keys.items()}
    command(t, database, "torrent", "add", metas["seeder"])
    t.wait("the torrent", lambda: tracker.metric("registered") == 1, 10)
    seeder = sprat.seed(t, metas["seeder"], os.path.dirname(path))
    t.wait("the seeder's announce", lambda: tracker.metric("peers_ipv4") > 0, 20)
    leecher = sprat.get(t, metas["leecher"], t.path("copy"))
    leecher.finish()
    content.assert_same(path, t.path("copy", "odd.bin"))
    seeder.interrupt()
    t.wait("both to have gone", lambda: tracker.metric("peers_ipv4") == 0, 20)
    assert tracker.stop() == 0
    got = {one["name"]: (one["uploaded"], one["downloaded"]) for one in ask(t, database, "user", "ls")}
    assert got == {"seeder": (size, 0), "leecher": (0, size)}, got
    torrent, = ask(t, database, "torrent", "ls")
    assert torrent["completed"] == 1, torrent
    assert ask(t, database, "stats")["signals"] == []


@test
def our_own_programs_over_http(t):
    seed_and_get(t, "http")


@test
def our_own_programs_over_udp(t):
    seed_and_get(t, "udp")


main(TRACKER)
