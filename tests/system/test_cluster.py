#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Trackers that share their swarms through Redis: a real redis-server, one that is slow, gone, empty, or hostile."""

import hashlib
import json
import os
import random
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import content
import sprat as our
import tap
from admin import Admin, write_secret
from process import run
from redis_server import FakeRedis, Redis, Relay, bulk
from sprat import Tracker
from tap import test
from tracker_client import HASH, Udp, compact, http_announce, http_get, http_scrape, query

KEY = f"sprat:{{{HASH.hex()}}}"


def member(t, redis, *args, wait=True):
    """A tracker of the fleet."""
    tracker = Tracker(t, "--cluster", redis.url, "--listen-admin", f"{t.address()}:0", *args)
    tracker.admin = f"http://{tracker.wait_line('listening admin').split()[-1]}/"
    if wait:
        all_shared(t, tracker)
    return tracker


def fleet(t, count, *args):
    redis = Redis(t)
    return redis, [member(t, redis, *args) for _ in range(count)]


def all_shared(t, tracker):
    """Waits until Redis answers each of its workers."""
    t.wait("the tracker to share", lambda: (n := numbers(tracker))["cluster_connected"] == n["workers"], 20)


def numbers(tracker):
    return json.loads(http_get(tracker.admin, "/stats")[1])


def told(t, tracker):
    """Waits until Redis has all that the tracker had to say."""
    t.wait("Redis to be told", lambda: numbers(tracker)["cluster_waiting"] == 0, 15)


def ports(answer):
    return sorted(port for _, port in compact(answer[b"peers"]))


def counts(answer):
    return answer[b"complete"], answer[b"incomplete"]


@test
def a_peer_announced_at_one_is_in_the_others_first_answer(t):
    redis, (a, b) = fleet(t, 2)
    http_announce(a.http, 1, left=0)
    Udp(t, a.udp).announce(Udp(t, a.udp).connect(), 2)
    told(t, a)
    answer = http_announce(b.http, 3)
    assert ports(answer) == [1001, 1002] and counts(answer) == (1, 2), answer
    udp = Udp(t, b.udp)
    _, leechers, seeders, peers = udp.announce(udp.connect(), 4)
    assert (leechers, seeders) == (3, 1) and sorted(p for _, p in peers) == [1001, 1002, 1003], peers
    told(t, b)
    time.sleep(0.3)  # what a has fetched is a quarter of a second old at most
    answer = http_announce(a.http, 1, left=0)
    assert ports(answer) == [1003, 1004] or ports(answer) == [1002, 1003, 1004], answer
    assert a.stop() == 0 and b.stop() == 0


@test
def the_first_answer_over_udp(t):
    redis, (a, b) = fleet(t, 2)
    http_announce(a.http, 1)
    told(t, a)
    udp = Udp(t, b.udp)
    _, leechers, seeders, peers = udp.announce(udp.connect(), 2)
    assert (leechers, seeders) == (2, 0) and [p for _, p in peers] == [1001], peers
    assert numbers(b)["cluster_parked"] == 1 and numbers(b)["cluster_fetches"] == 1


@test
def scrapes_count_all(t):
    redis, (a, b) = fleet(t, 2)
    for number in range(1, 6):
        http_announce(a.http, number, left=number % 2)
    http_announce(a.http, 1, left=0, event="completed")
    told(t, a)
    files = http_scrape(b.http)[b"files"][HASH]
    assert (files[b"complete"], files[b"incomplete"], files[b"downloaded"]) == (3, 2, 1), files
    udp = Udp(t, b.udp)
    assert udp.scrape(udp.connect(), HASH, bytes(20)) == [(3, 1, 2), (0, 0, 0)]


@test
def stopped_is_stopped_everywhere(t):
    redis, (a, b) = fleet(t, 2)
    http_announce(a.http, 1)
    http_announce(a.http, 2)
    told(t, a)
    http_announce(b.http, 1, event="stopped")
    told(t, b)
    assert redis.command("ZCARD", KEY + "4l") == 1
    answer = http_announce(b.http, 3)
    assert ports(answer) == [1002] and counts(answer) == (0, 2), answer
    http_announce(b.http, 2, event="stopped", peer_id=b"x" * 20)
    told(t, b)
    assert redis.command("ZCARD", KEY + "4l") == 2, "it was another peer that said so"


@test
def a_peer_that_completes_elsewhere_changes_sides(t):
    redis, (a, b) = fleet(t, 2)
    http_announce(a.http, 1)
    told(t, a)
    http_announce(b.http, 1, left=0, event="completed")
    http_announce(b.http, 1, left=0, event="completed")
    told(t, b)
    assert (redis.command("ZCARD", KEY + "4l"), redis.command("ZCARD", KEY + "4s")) == (0, 1)
    answer = http_announce(b.http, 2)
    assert counts(answer) == (1, 1) and answer[b"downloaded"] == 1, answer


@test(seconds=90)
def all_say_the_same_whoever_was_told(t):
    """Peers come, move from tracker to tracker, change sides and go at random; the last of each round is answered as
    one tracker would that had heard all."""
    redis, trackers = fleet(t, 3)
    rng = random.Random(5)
    swarm, completed = {100 + i: False for i in range(3)}, set()
    for i, x in enumerate(trackers):
        http_announce(x.http, 100 + i)
    time.sleep(10)  # after a start others may still be writing back what they have
    for _ in range(40):
        for number in rng.sample(range(1, 40), rng.choice((1, 3, 10, 30))):  # none at two of them within a round
            where = rng.choice(trackers)
            seed = swarm.get(number, False) or rng.random() < 0.2
            if number in swarm and rng.random() < 0.3:
                del swarm[number]
                http_announce(where.http, number, left=int(not seed), event="stopped")
                continue
            event = "completed" if seed and number not in completed else None
            http_announce(where.http, number, left=int(not seed), event=event, numwant=0)
            swarm[number] = seed
            if event:
                completed.add(number)
        time.sleep(0.4 * min(tap.SLOWER, 3))  # a round, and for how long answers are taken from memory
        for i, x in enumerate(trackers):
            answer = http_announce(x.http, 100 + i)
            others = sorted(1000 + n for n in swarm if n != 100 + i)
            assert ports(answer) == others, (ports(answer), others)
            expected = sum(swarm.values()), len(swarm) - sum(swarm.values())
            assert counts(answer) == expected, (x.http, counts(answer), expected)
            assert answer[b"downloaded"] == len(completed), (answer, completed)
    assert 3 <= sum(numbers(x)["cluster_fetches"] for x in trackers) < 40, [numbers(x) for x in trackers]


@test
def the_largest_swarms_count_the_peers_of_all(t):
    redis = Redis(t)
    a, b = Admin(t, "--cluster", redis.url), member(t, redis)
    t.wait("a to share", lambda: "swarms are shared" in a.stderr, 15)
    other = b"o" * 20
    for number in range(1, 4):
        http_announce(b.http, number)
    told(t, b)
    http_announce(a.http, 9)
    for number in range(1, 3):
        http_announce(a.http, number, info_hash=other)
    items = a.good("GET", "swarms?sort=peers&limit=5")["items"]
    assert [(x["hash"], x["leechers"]) for x in items] == [(HASH.hex(), 4), (other.hex(), 2)], items


@test
def who_stops_tells_the_last(t):
    redis, (a,) = fleet(t, 1, "--workers", "3")
    for number in range(1, 10):
        http_announce(a.http, number)
        http_announce(a.http, number, info_hash=bytes([number] * 20))
    http_announce(a.http, 1, event="stopped")
    assert a.stop() == 0
    assert redis.command("ZCARD", KEY + "4l") == 8
    assert len(redis.command("KEYS", "*}4l")) == 10


@test
def who_stops_waits_for_no_redis_that_is_silent(t):
    """Its relay takes what is sent and brings nothing back; or it is gone."""
    redis = Redis(t)
    relay = Relay(t, redis)
    a, b = member(t, relay, "--workers", "3"), member(t, redis)
    relay.seconds = 60
    for x in (a, b):
        http_announce(x.http, 1)
    assert a.stop() == 0
    redis.kill()
    http_announce(b.http, 2)
    assert b.stop() == 0


@test
def both_families(t):
    redis = Redis(t)
    a = Tracker(t, "--cluster", redis.url, ip="::1")
    b = member(t, redis)
    t.wait("a to share", lambda: "swarms are shared" in a.stderr, 15)
    http_announce(a.http, 1, left=0)
    time.sleep(0.3)
    answer = http_announce(b.http, 2)
    assert answer[b"peers6"] == socket.inet_pton(socket.AF_INET6, "::1") + struct.pack("!H", 1001), answer
    assert counts(answer) == (1, 1)


@test
def silent_peers_of_others_are_forgotten(t):
    redis, (a,) = fleet(t, 1, "--interval", "1")
    now = int(time.time())
    for age, port in ((10, 7001), (5000, 7002)):
        redis.command("ZADD", KEY + "4l", (now - age) << 20, bytes([10, 0, 0, 1]) + struct.pack("!H", port))
    answer = http_announce(a.http, 1)
    assert ports(answer) == [7001] and counts(answer) == (0, 2), answer
    silent = bytes([10, 0, 0, 1]) + struct.pack("!H", 7002)
    t.wait("the silent one to be removed", lambda: redis.command("ZSCORE", KEY + "4l", silent) is None, 15)
    told(t, a)
    assert redis.command("ZCARD", KEY + "4l") == 2
    assert 0 < redis.command("TTL", KEY + "4l") < 1000


@test
def connection_ids_are_good_at_all(t):
    redis, (a, b) = fleet(t, 2)
    ua, ub = Udp(t, a.udp), Udp(t, b.udp, source="127.0.0.1")
    ua = Udp(t, a.udp, source="127.0.0.1")
    connection = ua.connect()
    assert ub.announce(connection, 1)[1] == 1
    assert redis.command("STRLEN", "sprat:key") == 24


@test
def a_tracker_that_starts_without_redis_learns_the_secret(t):
    redis = Redis(t)
    redis.kill()
    a = member(t, redis, wait=False)
    t.wait("the complaint", lambda: "redis is unreachable" in a.stderr, 15)
    udp = Udp(t, a.udp)
    before = udp.connect()
    assert udp.announce(before, 1)[1] == 1
    redis.start()
    redis.command("SET", "sprat:key", b"k" * 16 + b"i" * 8)
    all_shared(t, a)
    assert udp.announce(before, 1)[1] == 1, "its own ids are still taken"
    assert udp.announce(udp.connect(), 1)[1] == 1


@test
def announces_go_on_without_redis_and_swarms_come_back(t):
    redis, (a, b) = fleet(t, 2)
    for number in range(1, 4):
        http_announce(a.http, number)
    http_announce(b.http, 11, left=0)
    told(t, a)
    redis.kill()
    t.wait("the complaints", lambda: all("redis is unreachable" in x.stderr for x in (a, b)), 15)
    for number in range(1, 6):
        began = time.monotonic()
        answer = http_announce(a.http, number)
        assert time.monotonic() - began < 5 and b"failure reason" not in answer, answer
    assert counts(answer)[1] == 5, answer
    assert numbers(a)["cluster_connected"] == 0
    redis.start()
    t.wait("all peers to be back", lambda: redis.command("ZCARD", KEY + "4l") == 5 and
           redis.command("ZCARD", KEY + "4s") == 1, 40)
    all_shared(t, b)
    answer = http_announce(b.http, 12)
    assert ports(answer) == [1001, 1002, 1003, 1004, 1005, 1011] and counts(answer) == (1, 6), answer
    t.wait("b to say so", lambda: b.stderr.count("swarms are shared") == 2, 20)
    assert b.stderr.count("redis is unreachable") == 1, b.stderr
    assert a.stop() == 0


@test
def a_redis_that_is_emptied_is_filled_again(t):
    redis, (a,) = fleet(t, 1)
    http_announce(a.http, 1)
    http_announce(a.http, 2, left=0, event="completed")
    told(t, a)
    redis.command("FLUSHALL")
    t.wait("the peers to be back", lambda: redis.command("ZCARD", KEY + "4l") == 1 and
           redis.command("ZCARD", KEY + "4s") == 1, 15)
    assert redis.command("GET", KEY + "n") == b"1", "completions too"


@test
def a_slow_redis_holds_up_nobody_for_long(t):
    redis = Redis(t)
    relay = Relay(t, redis)
    a = member(t, relay)
    http_announce(a.http, 1)
    relay.seconds = 1.5
    for i in range(8):
        began = time.monotonic()
        answer = http_announce(a.http, 2, info_hash=bytes([i] * 20))
        assert time.monotonic() - began < 1.4, "it waited for Redis"
        assert b"failure reason" not in answer, answer
    relay.seconds = 0
    told(t, a)
    assert redis.command("EXISTS", f"sprat:{{{'07' * 20}}}4l") == 1


def script_id():
    """What SCRIPT LOAD answers."""
    return lambda words: bulk(hashlib.sha1(words[2]).hexdigest().encode())


def pretend(words, torrent):
    """A Redis that is all right until it comes to torrents."""
    name = words[0].upper()
    if name == b"SCRIPT":
        return script_id()(words)
    if name == b"SET":
        return b"+OK\r\n"
    if name == b"GET":
        return bulk(b"s" * 24)
    return torrent


@test
def errors_of_redis_are_said_and_tried_again(t):
    answers = {"now": b"-OOM command not allowed when used memory > 'maxmemory'.\r\n"}
    fake = FakeRedis(t, lambda words: pretend(words, answers["now"]))
    a = member(t, fake)
    for error in ("OOM", "WRONGTYPE", "LOADING", "NOSCRIPT"):
        answers["now"] = f"-{error} some reason\r\n".encode()
        before = numbers(a)["cluster_errors"]
        for number in range(1, 4):
            answer = http_announce(a.http, number)
            assert b"failure reason" not in answer, answer
        t.wait(f"{error} to be counted", lambda: numbers(a)["cluster_errors"] > before, 20)
    assert a.wait_error(": OOM some reason") and a.wait_error("redis refuses redis=")
    assert a.stop() == 0


@test
def a_redis_that_wants_a_password(t):
    redis = Redis(t, "--requirepass", "open sesame")
    a = member(t, redis, wait=False)
    t.wait("the refusal", lambda: "NOAUTH" in a.stderr, 15)
    assert b"failure reason" not in http_announce(a.http, 1)
    bare = redis.url + "/3"
    redis.url = redis.url.replace("//", "//:open%20sesame@") + "/3"
    result = run(t, [our.TRACKER, "--cluster", redis.url])
    assert result.status == 2 and "cluster-password-file" in result.err and "sesame" not in result.err, result
    conf, password = t.path("conf"), t.path("password")
    for path, text in ((conf, f"cluster = {redis.url}\n"), (password, "open sesame\n")):
        write_secret(path, text)
    redis.url = bare
    b = member(t, redis, "--cluster-password-file", password)
    http_announce(b.http, 1)
    told(t, b)
    os.chmod(password, 0o644)
    result = run(t, [our.TRACKER, "--cluster", bare, "--cluster-password-file", password])
    assert result.status == 1 and password in result.err and "chmod" in result.err, result
    os.chmod(conf, 0o644)
    result = run(t, [our.TRACKER, "-c", conf])
    assert result.status == 1 and conf in result.err and "chmod" in result.err, result
    os.chmod(conf, 0o600)
    c = our.Tracker(t, "-c", conf)
    assert "sesame" not in a.stderr + b.stderr + c.stderr
    t.wait("it to share", lambda: "swarms are shared" in c.stderr, 15)
    for one in (b, c):
        with open(f"/proc/{one.pid}/cmdline", "rb") as f:
            assert b"sesame" not in f.read()


@test(seconds=90)
def answers_that_no_redis_gives_are_not_believed(t):
    for reply in (b"*9\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n$3\r\nabc\r\n$0\r\n\r\n$0\r\n\r\n$0\r\n\r\n", b"+OK\r\n",
                  b"*1000000000\r\n", b"$536870912\r\n", b"*1\r\n*1\r\n*1\r\n:1\r\n", b"GET / HTTP/1.1\r\n\r\n",
                  b":-1\r\n", b"*5\r\n:-1\r\n:0\r\n:0\r\n:0\r\n:0\r\n", b"\0" * 100000, b"$-1\r\n", b""):
        fake = FakeRedis(t, lambda words, reply=reply: pretend(words, reply))
        a = member(t, fake)
        began = fake.connections
        for number in range(1, 4):
            answer = http_announce(a.http, number)
            assert b"failure reason" not in answer and answer[b"incomplete"] == number, answer
        if b"536870912" in reply:
            assert a.alive()
        else:
            t.wait(f"{reply[:20]} to end the connection", lambda: fake.connections > began, 20)
        assert a.stop() == 0, a.report()
        fake.close()


@test
def wrong_settings(t):
    for url, text in (("http://x", "redis://"), ("redis://", "HOST"), ("redis://:@host", "USER"),
                      ("redis://host:0", "HOST"), ("redis://host:99999", "HOST"), ("redis://host/x", "database")):
        result = run(t, [our.TRACKER, "--cluster", url])
        assert result.status == 2 and text in result.err and result.err.count("\n") == 1, result
    assert run(t, [our.TRACKER, "--cluster-name", "a{b}"]).status == 2


@test
def fleets_of_other_names_are_apart(t):
    redis = Redis(t)
    a, b = member(t, redis), member(t, redis, "--cluster-name", "other/")
    http_announce(a.http, 1)
    told(t, a)
    assert ports(http_announce(b.http, 2)) == []
    told(t, b)
    assert redis.command("ZCARD", "other/" + KEY[len("sprat:"):] + "4l") == 1


@test
def several_workers(t):
    redis, (a, b) = fleet(t, 2, "--workers", "3")
    hashes = [bytes([i]) * 20 for i in range(12)]
    for number, info_hash in enumerate(hashes):
        http_announce(a.http, number + 1, info_hash=info_hash)
    told(t, a)
    for number, info_hash in enumerate(hashes):
        assert ports(http_announce(b.http, 50, info_hash=info_hash)) == [1001 + number]
    assert numbers(a)["cluster_connected"] == 3
    assert a.stop() == 0 and b.stop() == 0


@test
def many_requests_for_one_torrent_make_one_fetch(t):
    redis = Redis(t)
    relay = Relay(t, redis)
    a = member(t, relay)
    relay.seconds = 0.1
    connections = [socket.create_connection((a.ip, int(a.http.split(":")[2].split("/")[0]))) for _ in range(20)]
    for number, s in enumerate(connections):
        t.defer(s.close)
        s.sendall(f"GET /announce?{query(number + 1)} HTTP/1.1\r\n\r\n".encode() * 2)
    for s in connections:
        with s.makefile("rb") as reader:
            for _ in range(2):
                assert reader.readline().startswith(b"HTTP/1.1 200 ")
                length = 0
                while (line := reader.readline()) != b"\r\n":
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                assert b"peers" in reader.read(length)
    assert 1 <= numbers(a)["cluster_fetches"] <= 3, numbers(a)


@test(seconds=120)
def a_swarm_completes_while_trackers_and_redis_die(t):
    redis, trackers = fleet(t, 3, "--interval", "2", "--min-interval", "1")
    path = content.write_file(t.path("origin", "data"), 24 << 20)
    torrents = [our.create(t, path, trackers=[x.http if i % 2 else x.udp]) for i, x in enumerate(trackers)]
    seeder = our.seed(t, torrents[0], os.path.dirname(path), "--up-limit", "6M")
    t.wait("the seeder to be known by both hashes", lambda: len(redis.command("KEYS", "sprat:{*}4s")) == 2, 20)
    early = [our.get(t, torrents[1], t.path("out-1"), "--up-limit", "6M")]
    t.wait("pieces to flow", lambda: (early[0].last("progress") or {}).get("pieces_have", 0) > 1, 30)
    trackers[0].kill()
    redis.kill()
    t.wait("the complaints", lambda: all("redis is unreachable" in x.stderr for x in trackers[1:]), 15)
    redis.start()
    for x in trackers[1:]:
        all_shared(t, x)
    late = our.get(t, torrents[2], t.path("out-2"), "--up-limit", "6M")
    for n, peer in enumerate((early[0], late), 1):
        peer.finish()
        content.assert_same(path, os.path.join(t.path(f"out-{n}"), "data"))
    assert seeder.interrupt() == 130
    assert all(x.stop() == 0 for x in trackers[1:])


our.main(our.TRACKER, our.SPRAT)
