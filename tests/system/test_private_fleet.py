#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A private fleet: one tracker has the database; the others get users and torrents from it through Redis and send it their
accounts. Trackers and Redis are killed, and Redis has garbage."""

import json
import os
import random
import sqlite3
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import content
import sprat
import tracker_client
from admin import write_secret
from certs import Authority
from crowd import Load, club, expected, stored
from members import HASH, Private, Udp, ask, command, http, reason, total, user
from redis_server import FakeRedis, FreezingRelay, Redis, Relay, TlsRelay, bulk
from sprat import SPRAT, TRACKER, Tracker, join, main, need
from tap import note, test
from torrent import make, write

OTHER = bytes(range(40, 60))
NAME = "sprat:{private}"


class Branch(Tracker):
    """A private tracker without a database."""

    def __init__(self, t, redis, *args, flush=1, wait=True, **more):
        super().__init__(t, "--private", "yes", "--cluster", redis.url, "--accounts-interval", flush,
                         "--listen-admin", join(t.address(), 0), *args, **more)
        self.admin = f"http://{self.wait_line('listening admin', 15).split()[-1]}/metrics"
        self.http6 = self.udp6 = None
        if wait:
            t.wait("the branch to know its users", lambda: self.metric("members_missing") == 0, 20)

    def metric(self, name):
        return json.loads(tracker_client.http_get(self.admin, "/stats")[1])[name]

    def health(self):
        return tracker_client.http_get(self.admin, "/health")[0]


def keeper(t, redis, *args, **more):
    return Private(t, "--cluster", redis.url, *args, **more)


def fleet(t, branches=2, *args):
    """Redis, a keeper with a torrent and anna, and branches; and anna's passkey."""
    redis, database = Redis(t), t.path("tracker.db")
    anna = user(t, database, "anna")
    command(t, database, "torrent", "add", HASH.hex(), "--name", "the one")
    first = keeper(t, redis, *args, database=database)
    return redis, first, [Branch(t, redis, *args) for _ in range(branches)], anna


def say(tracker, passkey, number=1, info_hash=HASH, **fields):
    """An announce that must be taken; the answer."""
    reply = http(tracker.http, passkey, number, info_hash=info_hash, key="00000007", **fields)
    assert reason(reply) is None, reply
    return reply


def refusal(tracker, passkey, number=1, **fields):
    return reason(http(tracker.http, passkey, number, **fields)) or ""


def settled(t, *trackers, seconds=30):
    """Waits until all that was announced is in the database."""
    t.wait("the accounts to be stored", lambda: all(one.metric("accounts_waiting") == 0 for one in trackers), seconds)


@test
def branches_know_what_the_keeper_knows(t):
    _, first, (a, b), anna = fleet(t)
    database = first.database
    for one in (first, a, b):
        assert "unknown passkey" in refusal(one, "0" * 32)
        assert "no passkey" in refusal(one, None)
        say(one, anna)
        assert Udp(t, one.udp).say(1, anna) is None
    assert (a.metric("members"), a.metric("registered"), a.health()) == (1, 1, 200)
    command(t, database, "user", "disable", "anna")
    t.wait("both to hear of it", lambda: all("disabled" in refusal(one, anna) for one in (a, b)), 10)
    command(t, database, "user", "enable", "anna")
    t.wait("both to hear of it", lambda: not refusal(a, anna) and not refusal(b, anna), 10)
    new = command(t, database, "user", "passkey", "anna", "--rotate").split()[0]
    t.wait("the new passkey", lambda: not refusal(a, new) and "revoked" in refusal(a, anna), 10)
    t.wait("b to know it too", lambda: "not registered" in refusal(b, new, info_hash=OTHER), 10)
    command(t, database, "torrent", "add", OTHER.hex())
    t.wait("the torrent", lambda: not refusal(b, new, info_hash=OTHER), 10)
    command(t, database, "torrent", "rm", OTHER.hex(), "--reason", "a better one is there: päng")
    t.wait("its removal", lambda: "a better one is there: päng" in refusal(b, new, info_hash=OTHER), 10)
    command(t, database, "client", "deny", "--", "-XX")
    t.wait("the rule", lambda: "client" in refusal(b, new, peer_id=b"-XX0001-abcdefghijkl"), 10)
    assert all(one.stop() == 0 for one in (a, b, first))


@test
def they_serve_the_same_swarms(t):
    _, first, (a, b), anna = fleet(t)
    bob = user(t, first.database, "bob")
    t.wait("bob", lambda: not refusal(b, bob, number=2, event="stopped"), 10)
    say(a, anna, 1, left=0)
    t.wait("the other's peer", lambda: say(b, bob, 2, event="started")[b"peers"] != b"", 10)
    reply = say(b, bob, 2)
    assert (reply[b"complete"], reply[b"incomplete"]) == (1, 1), reply
    assert "unknown passkey" in refusal(b, "0" * 32, info_hash=OTHER)
    assert b.metric("torrents") == 1, "who is not let in fills no table"


@test
def nobody_is_let_in_before_the_table_is_there(t):
    redis, database = Redis(t), t.path("tracker.db")
    anna = user(t, database, "anna")
    command(t, database, "torrent", "add", HASH.hex())
    branch = Branch(t, redis, wait=False)
    reply = http(branch.http, anna, 1)
    assert "just now" in reason(reply) and reply[b"retry in"] == 1, reply
    assert "just now" in Udp(t, branch.udp).say(1, anna)
    assert branch.health() == 503 and branch.metric("members_missing") == 1 and branch.metric("keeper_seen") == 0
    first = keeper(t, redis, database=database)
    t.wait("the table", lambda: not refusal(branch, anna), 20)
    assert branch.health() == 200 and branch.metric("keeper_seen") == 1
    assert branch.stop() == 0 and first.stop() == 0
    assert total(t, database, "anna") is not None, "a branch's last books are handed over when it stops"


@test
def counters_said_here_and_there_become_one_total(t):
    _, first, (a, b), anna = fleet(t)
    say(a, anna, event="started", left=900)
    settled(t, a)
    say(b, anna, uploaded=100, downloaded=500, left=400)
    settled(t, b)
    say(first, anna, uploaded=120, downloaded=900, left=0, event="completed")
    say(a, anna, uploaded=120, downloaded=900, left=0, event="completed")
    say(b, anna, uploaded=60, downloaded=500, left=400)  # an old one that comes late
    settled(t, first, a, b)
    say(b, anna, uploaded=200, downloaded=900, left=0, event="stopped")
    settled(t, b)
    got = total(t, first.database, "anna")
    assert (got["uploaded"], got["downloaded"], got["downloaded_raw"]) == (200, 900, 900), got
    say(a, anna, number=2, event="started", left=0)  # under another peer id
    settled(t, a)
    say(b, anna, number=2, uploaded=50, left=0)
    settled(t, a, b)
    got = total(t, first.database, "anna")
    assert (got["uploaded"], got["downloaded"]) == (250, 900), got
    assert first.metric("keeper_batches") >= 5 and a.metric("accounts_flushes") >= 3
    assert a.stop() == 0 and b.stop() == 0 and first.stop() == 0


@test
def slots_are_counted_in_all_of_the_fleet(t):
    redis, first, (a, b), _ = fleet(t)
    hashes = [bytes([n] * 20) for n in range(1, 4)]
    for one in hashes:
        command(t, first.database, "torrent", "add", one.hex())
    dora = user(t, first.database, "dora", "--slots", "2")
    t.wait("dora", lambda: all("unknown" not in refusal(one, dora, event="stopped")
                               for one in (first, a, b)), 10)
    say(a, dora, info_hash=hashes[0], left=9)
    say(first, dora, info_hash=hashes[1], left=9)
    time.sleep(1.5)  # several rounds: whoever asks sooner would get the slot
    assert "too many" in refusal(b, dora, info_hash=hashes[2], left=9)
    say(b, dora, info_hash=hashes[2], left=0)  # a seed needs none
    say(b, dora, info_hash=hashes[0], left=9)  # this one has its slot
    late = Branch(t, redis)
    time.sleep(1.5)
    assert "too many" in refusal(late, dora, info_hash=hashes[2], left=9), "a new tracker hears of both"
    say(first, dora, info_hash=hashes[1], left=0, event="completed")
    t.wait("the slot to be free", lambda: not refusal(b, dora, info_hash=hashes[2], left=9), 10)


@test(seconds=90)
def a_keeper_that_is_killed_is_waited_for(t):
    redis, first, (a, b), anna = fleet(t)
    say(a, anna, event="started")
    say(b, anna, 2, event="started")
    settled(t, a, b)
    first.kill()
    say(a, anna, uploaded=10)
    say(b, anna, 2, uploaded=7)
    t.wait("the lease to lapse", lambda: a.metric("keeper_seen") == 0, 20)
    say(a, anna, uploaded=30)
    t.wait("a failed try", lambda: a.metric("accounts_failing") == 1, 20)
    assert a.metric("accounts_waiting") > 0 and a.health() == 200
    again = keeper(t, redis, database=first.database)
    settled(t, a, b, seconds=60)
    assert total(t, first.database, "anna")["uploaded"] == 37
    assert a.metric("accounts_failing") == 0 and again.stop() == 0
    a.wait_error("are stored again")


@test(seconds=90)
def a_redis_that_is_lost_loses_no_accounts(t):
    redis, first, (a, b), anna = fleet(t)
    say(a, anna, event="started")
    say(b, anna, 2, event="started")
    redis.kill()
    say(a, anna, uploaded=20)
    say(b, anna, 2, uploaded=3)
    t.wait("a failed try", lambda: a.metric("accounts_failing") == 1, 20)
    bob = user(t, first.database, "bob")
    redis.start()
    settled(t, a, b, seconds=60)
    assert total(t, first.database, "anna")["uploaded"] == 23
    t.wait("the branches to hear of bob", lambda: not refusal(b, bob, 3) and not refusal(a, bob, 3), 30)
    redis.command("FLUSHALL")
    carl = user(t, first.database, "carl")
    say(a, anna, uploaded=40)
    t.wait("the branches to hear of carl", lambda: not refusal(b, carl, 4), 30)
    settled(t, a, b, seconds=60)
    assert total(t, first.database, "anna")["uploaded"] == 43
    assert all(one.stop() == 0 for one in (a, b, first))


@test
def there_is_one_keeper(t):
    redis, first, (a,), anna = fleet(t, 1)
    other = t.path("other.db")
    eve = user(t, other, "eve")
    second = keeper(t, redis, database=other)
    t.wait("the second to say so", lambda: "another tracker keeps the accounts" in second.stderr, 15)
    say(a, anna, event="started")
    say(a, anna, uploaded=9)
    settled(t, a)
    assert total(t, first.database, "anna")["uploaded"] == 9 and "unknown" in refusal(a, eve)
    assert (first.metric("keeper_seen"), second.metric("keeper_batches")) == (1, 0)
    assert first.stop() == 0
    t.wait("the second to take over", lambda: "keeps the accounts of the fleet" in second.stderr.split("silent")[-1], 20)
    t.wait("its users", lambda: "unknown" in refusal(a, anna) and "not registered" in refusal(a, eve), 20)


@test(seconds=90)
def a_keeper_that_wakes_late_writes_nothing(t):
    """Its packet is on the way while its lease ends and another keeper begins."""
    redis = Redis(t)
    relay = FreezingRelay(t, redis, lambda data: b"}epoch" in data and b"SET" in data)
    late = keeper(t, relay, database=t.path("late.db"))
    t.wait("the late keeper to begin its table", relay.frozen.is_set, 15)
    database = t.path("tracker.db")
    anna = user(t, database, "anna")
    command(t, database, "torrent", "add", HASH.hex())
    first = keeper(t, redis, database=database)
    branch = Branch(t, redis, wait=False)
    t.wait("the branch to know anna", lambda: not refusal(branch, anna), 40)
    epoch, evals = redis.command("GET", NAME + "epoch"), redis.commands()["eval"]
    assert late.alive()
    relay.thaw()
    t.wait("the late packet", lambda: redis.commands()["eval"] > evals, 15)
    until = time.monotonic() + 2
    while time.monotonic() < until:
        assert redis.command("GET", NAME + "epoch") == epoch, "the late keeper changed the table"
    say(branch, anna, uploaded=9)
    settled(t, branch)
    assert total(t, database, "anna") is not None
    assert first.stop() == 0 and late.stop() == 0


@test
def redis_behind_tls(t):
    """Swarms and accounts go through it; a certificate for another host, or of an unknown authority, ends it."""
    plain, ca = Redis(t), Authority(t)
    relay = TlsRelay(t, plain)
    relay.show(*ca.issue("redis", relay.ip))
    anna, bob = (user(t, t.path("tracker.db"), name) for name in ("anna", "bob"))
    command(t, t.path("tracker.db"), "torrent", "add", HASH.hex())
    first = keeper(t, relay, "--cluster-ca", ca.cert, database=t.path("tracker.db"))
    branch = Branch(t, relay, "--cluster-ca", ca.cert)
    say(branch, anna, 1, event="started")
    t.wait("the other's peer", lambda: say(first, bob, 2)[b"peers"] != b"", 15)
    settled(t, branch)
    assert total(t, first.database, "anna") is not None
    assert branch.stop() == 0 and first.stop() == 0
    stranger = Authority(t, "stranger")
    for cert, key in (ca.issue("other", "127.0.0.2"), stranger.issue("unknown", relay.ip)):
        relay.show(cert, key)
        lone = Branch(t, relay, "--cluster-ca", ca.cert, wait=False)
        t.wait("both connections to say so", lambda: lone.stderr.count("certificate verify failed") >= 2, 15)
        assert "just now" in refusal(lone, anna)
        assert lone.stop() == 0
    lone = Branch(t, plain, "--cluster-ca", ca.cert, wait=False)
    t.wait("a warning", lambda: "cluster-ca has no effect" in lone.stderr, 15)


def secret(t, word="a secret that the fleet shares"):
    path = t.path("secret-" + word[-6:])
    write_secret(path, word.replace(" ", "-") + "\n")
    return "--cluster-secret-file", path


@test
def messages_are_sealed(t):
    redis, first, (a,), anna = fleet(t, 1, *secret(t))
    say(a, anna, uploaded=5, event="started")
    settled(t, a)
    say(a, anna, uploaded=9)
    settled(t, a)
    assert total(t, first.database, "anna")["uploaded"] in (4, 9)
    epoch = redis.command("GET", NAME + "epoch").decode().split(":")[0]
    rows = f"{NAME}rows:{epoch}"
    messages = [fields[1] for _, fields in redis.command("XRANGE", rows, "-", "+")]
    disabled = messages[0].replace(b"u\0\0\0\1\3", b"u\0\0\0\1\0")
    assert disabled != messages[0]
    for data in (disabled, disabled[:-24], messages[0]):
        redis.command("XADD", rows, "*", "b", data)
    t.wait("the branch to say so", lambda: "no valid seal" in a.stderr, 15)
    assert not refusal(a, anna), "a forged row was believed"
    books = redis.command("GET", f"{NAME}ack:{run_of(redis)}")
    redis.command("SET", f"{NAME}ack:{run_of(redis)}", b"9" * 18 + books[books.index(b":"):])
    redis.command("XADD", NAME + "books", "*", "b", b"\2" + b"\0" * 20)
    t.wait("the keeper to say so", lambda: "no seal of this fleet" in first.stderr, 15)
    redis.command("SET", NAME + "epoch", epoch)  # without a seal
    t.wait("another table", lambda: redis.command("GET", NAME + "epoch").decode().split(":")[0] != epoch, 15)
    say(a, anna, uploaded=20)
    settled(t, a)
    assert total(t, first.database, "anna")["uploaded"] in (15, 20)
    stranger = Branch(t, redis, *secret(t, "a secret of another fleet"), wait=False)
    t.wait("the stranger to say so", lambda: "no valid seal" in stranger.stderr, 15)
    assert "just now" in refusal(stranger, anna) and stranger.metric("members_missing") == 1
    assert "cluster-secret-file" not in first.stderr.split("is cluster-secret-file")[0]
    assert stranger.stop() == 0 and a.stop() == 0 and first.stop() == 0


def run_of(redis):
    """The run of the branch that was confirmed last."""
    key, = redis.command("KEYS", NAME.replace("{", "\\{") + "ack:*")
    return key.decode().rsplit(":", 1)[1]


@test
def a_fleet_without_a_secret_is_warned(t):
    _, first, (a,), _ = fleet(t, 1)
    assert all("without cluster-secret-file" in one.stderr for one in (first, a))


@test
def rubbish_in_redis_harms_nobody(t):
    redis, first, (a,), anna = fleet(t, 1)
    for what in ("books", "slots"):
        for data in (b"", b"\1", b"\2abc", b"\1" + b"\xff" * 300, b"\2" + b"\xff" * 300, os.urandom(5000)):
            redis.command("XADD", NAME + what, "*", "b", data)
        redis.command("XADD", NAME + what, "*", "x", "y", "b", "z")
    say(a, anna, event="started")
    say(a, anna, uploaded=9)
    settled(t, a)
    assert total(t, first.database, "anna")["uploaded"] == 9
    epoch = redis.command("GET", NAME + "epoch").decode()
    redis.command("XADD", f"{NAME}rows:{epoch}", "*", "b", b"\1u\0\0\0\0rubbish")
    t.wait("the branch to say so", lambda: "can't be read" in a.stderr, 15)
    say(a, anna, uploaded=10)
    redis.command("SET", NAME + "epoch", "x" * 500)  # the keeper puts it right, under another epoch
    bob = user(t, first.database, "bob")
    t.wait("bob", lambda: not refusal(a, bob, 2), 30)
    for what in ("books", "slots", "keeper"):
        redis.command("DEL", NAME + what)
        redis.command("LPUSH", NAME + what, "no such thing")
    t.wait("the error to be said", lambda: "WRONGTYPE" in a.stderr and "WRONGTYPE" in first.stderr, 20)
    say(a, anna, uploaded=11)
    redis.command("FLUSHALL")
    settled(t, a, seconds=40)
    ack = redis.command("KEYS", NAME + "ack:*")[0]
    redis.command("SET", ack, (1 << 64) - 1)
    say(a, anna, uploaded=12)
    settled(t, a, seconds=40)
    say(a, anna, uploaded=13)
    settled(t, a, seconds=40)
    assert total(t, first.database, "anna")["uploaded"] == 13
    assert a.stop() == 0 and first.stop() == 0


@test
def many_sessions_take_several_messages(t):
    _, first, (a,), anna = fleet(t, 1, "--accounts-interval", 4, "--rate-limit", 0, "--user-rate-limit", 0)
    udp = Udp(t, a.udp)
    for uploaded in (0, 1):
        for number in range(5000):
            assert udp.say(number % 60000, anna, peer_id=b"-XX0001-%012d" % number,
                           uploaded=uploaded * number) is None
    settled(t, a, seconds=60)
    assert total(t, first.database, "anna")["uploaded"] == 5000 * 4999 // 2
    assert a.stop() == 0 and first.stop() == 0


def ttl(redis, key):
    """Milliseconds; -1: for ever, -2: there is no such key."""
    return redis.command("PTTL", key)


def tables(redis):
    return {key.decode() for key in redis.command("KEYS", NAME + "rows:*")}


def table(redis):
    return NAME + "rows:" + redis.command("GET", NAME + "epoch").decode()


def add_removed(database, count):
    """Torrents whose rows are long; returns after they are in the database."""
    db = sqlite3.connect(database, timeout=20)
    with db:
        db.execute("UPDATE counter SET change = change + 1")
        db.executemany("INSERT INTO torrents (name, size, freeleech, hidden, added, removed, reason, change) SELECT "
                       "'x', 1, 0, 0, 1, 1, ?, change FROM counter", [("y" * 200,)] * count)
    db.close()


def lease_holder(redis):
    return redis.command("GET", NAME + "keeper")


@test
def no_table_stays_in_redis_for_ever(t):
    redis, database = Redis(t), t.path("tracker.db")
    user(t, database, "anna")
    add_removed(database, 1500)
    slow = Relay(t, redis, 0.5)
    killed = Private(t, "--cluster", slow.url, database=database)
    t.wait("a table to begin", lambda: tables(redis), 30)
    part = tables(redis).pop()
    t.wait("a second message", lambda: redis.command("XLEN", part) > 1, 30)
    killed.kill()
    assert redis.command("GET", NAME + "epoch") is None and 0 < ttl(redis, part) <= 3600_000
    redis.command("DEL", NAME + "keeper")
    first = keeper(t, redis, database=database)
    branch = Branch(t, redis)
    week = 7 * 86400_000
    assert week - 60_000 < ttl(redis, table(redis)) <= week
    redis.command("PEXPIRE", table(redis), 100_000)
    t.wait("it to be renewed", lambda: ttl(redis, table(redis)) > 200_000, 30)
    old = table(redis)
    redis.command("DEL", old)
    t.wait("the keeper to miss it", lambda: table(redis) != old and redis.command("XLEN", table(redis)) > 1, 30)
    old = table(redis)
    redis.command("DEL", old)
    bob = user(t, database, "bob")
    t.wait("a whole table, not the change alone", lambda: table(redis) != old, 30)
    late = Branch(t, redis)
    assert late.metric("members") == 2 and "not registered" in refusal(late, bob)
    assert branch.stop() == 0 and late.stop() == 0 and first.stop() == 0


@test
def what_is_told_behind_a_table_does_not_grow_for_ever(t):
    redis, first, (a,), anna = fleet(t, 1)
    old = table(redis)
    add_removed(first.database, 6000)
    t.wait("another table", lambda: table(redis) != old and tables(redis) == {table(redis)}, 30)
    say(a, anna)
    bob = user(t, first.database, "bob")
    t.wait("bob", lambda: not refusal(a, bob, 2), 20)


@test
def memory_that_redis_lacks_is_not_taken_by_halves_of_tables(t):
    redis, database = Redis(t), t.path("tracker.db")
    anna = user(t, database, "anna")
    command(t, database, "torrent", "add", HASH.hex())
    add_removed(database, 20000)
    redis.command("CONFIG", "SET", "maxmemory", redis_memory(redis) + (2 << 20))
    first = keeper(t, redis, database=database)
    t.wait("it to be said", lambda: "OOM" in first.stderr, 20)
    t.wait("the half to be gone", lambda: not tables(redis), 20)
    redis.command("CONFIG", "SET", "maxmemory", 0)
    branch = Branch(t, redis)
    say(branch, anna)


def redis_memory(redis):
    return int(redis.command("INFO", "memory").decode().split("used_memory:")[1].split()[0])


@test(seconds=120)
def a_keeper_that_takes_its_time_keeps_its_lease(t):
    redis, database, other = Redis(t), t.path("tracker.db"), t.path("other.db")
    for one in (database, other):
        user(t, one, "anna")
    add_removed(database, 2200)
    slow = Relay(t, redis, 0.4)
    first = Private(t, "--cluster", slow.url, database=database)
    t.wait("the lease", lambda: lease_holder(redis), 20)
    holder = lease_holder(redis)
    slow.seconds = 1
    second = keeper(t, redis, database=other)
    t.wait("all to be told", lambda: "are sent to the other" in first.stderr, 60)
    assert lease_holder(redis) == holder
    # Another process writes for longer than the lease: nothing but the accounts cannot be stored yet for it.
    slow.seconds = 0
    branch = Branch(t, redis)
    assert second.metric("keeper_seen") == 0
    locker = sqlite3.connect(database, isolation_level=None, timeout=20)
    locker.execute("BEGIN IMMEDIATE")
    branch_books(redis)
    until = time.monotonic() + 15
    while time.monotonic() < until:
        assert lease_holder(redis) == holder
        time.sleep(0.05)
    assert first.metric("keeper_batches") == 0
    locker.execute("ROLLBACK")
    t.wait("the batch to be stored", lambda: first.metric("keeper_batches") == 1, 20)
    assert second.metric("keeper_batches") == 0
    assert branch.stop() == 0


def empty_batch(run, number):
    return struct.pack(">BQQII", 2, run, number, 0, 0)


def branch_books(redis):
    """A batch without entries."""
    redis.command("XADD", NAME + "books", "*", "b", empty_batch(7, 1))


def tell_slot(redis, user_id, torrent, seconds, leeches):
    """As another tracker does."""
    redis.command("XADD", NAME + "slots", "*", "b",
                  struct.pack(">BQHIIIB", 1, 99, 1, user_id, torrent, seconds, leeches))


def with_a_slot(t):
    """A fleet in which dora may leech one torrent, the first, and does."""
    redis, first, (a,), anna = fleet(t, 1)
    command(t, first.database, "torrent", "add", OTHER.hex())
    dora = user(t, first.database, "dora", "--slots", "1")
    t.wait("dora", lambda: not refusal(a, dora, info_hash=OTHER, event="stopped"), 10)
    say(a, dora, left=9)
    assert "too many" in refusal(a, dora, info_hash=OTHER, left=9)
    settled(t, a)
    return redis, first, a, anna, dora


@test
def a_clock_that_is_ahead_holds_no_slot(t):
    redis, _, a, _, dora = with_a_slot(t)
    tell_slot(redis, 2, 77, 0xffffffff, True)
    tell_slot(redis, 2, 1, int(time.time()) + 1, False)
    tell_slot(redis, 2, 77, int(time.time()) + 1, False)
    t.wait("the slot to be free", lambda: not refusal(a, dora, info_hash=OTHER, left=9), 10)


@test
def who_waits_for_the_keeper_hears_what_is_new(t):
    redis, first, a, anna, dora = with_a_slot(t)
    first.kill()
    redis.command("SET", NAME + "keeper", "0" * 16)  # one that takes nothing
    say(a, anna, uploaded=9)
    t.wait("a batch to be handed over", lambda: redis.command("XLEN", NAME + "books") > 0, 20)
    tell_slot(redis, 2, 1, int(time.time()) + 1, False)
    t.wait("the slot to be free", lambda: not refusal(a, dora, info_hash=OTHER, left=9), 7)
    assert a.metric("accounts_waiting") > 0


@test
def a_redis_that_answers_more_than_was_asked_for_is_none(t):
    entries = b"".join(b"*2\r\n" + bulk(b"%d-1" % n) + b"*2\r\n" + bulk(b"b") + bulk(empty_batch(7, n))
                       for n in range(1, 100))

    def answer(words):
        if words[0] == b"SET":
            return b"+OK\r\n"
        if words[0] == b"XREAD" and words[4].endswith(b"books"):
            return b"*1\r\n*2\r\n" + bulk(words[4]) + b"*99\r\n" + entries
        return b"$3\r\n1-1\r\n" if words[0] == b"XADD" else b":1\r\n" if words[0] == b"PEXPIRE" else b"$-1\r\n"

    database = t.path("tracker.db")
    user(t, database, "anna")
    fake = FakeRedis(t, answer)
    first = keeper(t, fake, database=database)
    t.wait("it to be said", lambda: "an unexpected reply" in first.stderr, 20)
    assert first.metric("keeper_batches") == 0
    assert first.stop() == 0


def one_dies(rng, t, redis, trackers, database):
    """Kills one of them, or Redis, and brings it back."""
    which = rng.randrange(len(trackers) + 1)
    if which == len(trackers):
        redis.kill()
        redis.start()
        return
    trackers[which].kill()
    trackers[which] = Branch(t, redis, wait=False) if which else keeper(t, redis, database=database)


@test(seconds=300)
def killed_again_and_again_under_load(t):
    seed = int(os.environ.get("SPRAT_TEST_SEED", random.randrange(1 << 32)))
    note(f"seed {seed}")
    rng = random.Random(seed)
    redis = Redis(t)
    database, peers = club(t, rng, peers=300)
    trackers = [keeper(t, redis, database=database), Branch(t, redis), Branch(t, redis)]
    load = Load(t, rng, peers)
    kills = int(os.environ.get("SPRAT_TEST_KILLS", 6))
    for kill in range(kills):
        t.wait("all to be there", lambda: all(one.metric("members_missing") == 0 for one in trackers), 30)
        load.attach(*trackers)
        until = time.monotonic() + rng.uniform(0.3, 4)
        while time.monotonic() < until:
            assert load.step(), "nobody was killed yet"
        if kill % 2 == 0:
            settled(t, *trackers, seconds=60)
            load.stored()
            for _ in range(200):
                load.step()
        one_dies(rng, t, redis, trackers, database)
    t.wait("all to be there", lambda: all(one.metric("members_missing") == 0 for one in trackers), 30)
    load.attach(*trackers)
    for peer in peers:
        if peer.state != "over":
            event = {"stopping": "stopped", "running": None}.get(peer.state, "started")
            assert load.send(peer, event)
    settled(t, *trackers, seconds=60)
    assert all(one.stop() == 0 for one in reversed(trackers))
    want, got = expected(peers), stored(t, database)
    got.update({k: (0, 0) for k in want if k not in got})
    wrong = {k: (want[k], got[k]) for k in want if want[k] != got[k]}
    assert not wrong, f"{len(wrong)} of {len(want)} totals differ: {list(wrong.items())[:5]}"
    note(f"{kills} kills, {load.sent} announces, {load.lost} without an answer")


@test(seconds=120)
def a_swarm_of_members_of_different_trackers(t):
    """Seeder and leecher know a branch each; one tracker is killed meanwhile."""
    need(SPRAT)
    redis, first, (a, b), _ = fleet(t, 2, "--interval", 2, "--min-interval", 1)
    keys = {name: user(t, first.database, name) for name in ("seeder", "leecher")}
    size = (5 << 20) + 4321
    path = content.write_file(t.path("original", "odd.bin"), size)
    metas = {name: write(make(path, "hybrid", private=True,
                              trackers=[one.http.replace("/announce", f"/{keys[name]}/announce")]),
                         t.path(name, "x.torrent")) for name, one in (("seeder", a), ("leecher", b))}
    command(t, first.database, "torrent", "add", metas["seeder"])
    t.wait("the torrent", lambda: a.metric("registered") == 2 and b.metric("registered") == 2, 10)
    seeder = sprat.seed(t, metas["seeder"], os.path.dirname(path))
    t.wait("the seeder's announce", lambda: a.metric("peers_ipv4") > 0, 20)
    first.kill()
    leecher = sprat.get(t, metas["leecher"], t.path("copy"))
    leecher.finish()
    content.assert_same(path, t.path("copy", "odd.bin"))
    seeder.interrupt()
    again = keeper(t, redis, database=first.database)
    settled(t, a, b, seconds=60)
    assert all(one.stop() == 0 for one in (a, b, again))
    got = {one["name"]: (one["uploaded"], one["downloaded"]) for one in ask(t, first.database, "user", "ls")}
    assert got == {"anna": (0, 0), "seeder": (size, 0), "leecher": (0, size)}, got


if __name__ == "__main__":
    main(TRACKER)
