#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The tracker with one worker and with several: clients can't see a difference."""

import contextlib
import hashlib
import json
import os
import signal
import struct
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
from process import run
from sprat import TRACKER, Tracker, join, need
from tap import add, main, test
from tracker_client import Udp, http_announce, http_get, http_scrape

# Without spaces, which urllib would write as "+".
TORRENTS = [h for h in (hashlib.sha1(b"torrent %d" % n).digest() for n in range(60)) if b" " not in h][:48]


def tracker_of(t, workers, *args):
    return Tracker(t, "--workers", str(workers), *args)


def udp_announce(udp, connection, number, info_hash, **more):
    """The raw answer."""
    packet = udp.announce_packet(connection, number, **more)
    return udp.ask(packet[:16] + info_hash + packet[36:])


def udp_peers(got):
    """Leechers and seeders together, as an answer counts them."""
    assert struct.unpack("!I", got[:4]) == (1,), got
    return sum(struct.unpack("!II", got[12:20]))


def stats(url):
    status, body = http_get(url, "/stats")
    assert status == 200
    return json.loads(body)


def all_see_the_same(t, workers):
    tracker = tracker_of(t, workers, "--listen-admin", join(t.address(), 0))
    url = "http://" + tracker.wait_line("listening admin").split()[-1]
    clients = [Udp(t, tracker.udp, source=t.address()) for _ in range(6)]
    ids = [udp.connect() for udp in clients]
    for n, info_hash in enumerate(TORRENTS):
        for i, udp in enumerate(clients):
            assert udp_peers(udp_announce(udp, ids[i], n, info_hash)) == i + 1
        got = http_announce(tracker.http, n, info_hash=info_hash, left=0)
        assert got[b"incomplete"] == len(clients) and got[b"complete"] == 1
    # One packet about torrents of all workers.
    assert clients[0].scrape(ids[0], *TORRENTS) == [(1, 0, len(clients))] * len(TORRENTS)
    files = http_scrape(tracker.http, *TORRENTS[:20])[b"files"]
    assert {files[h][b"incomplete"] for h in TORRENTS[:20]} == {len(clients)}
    told = stats(url)
    assert told["workers"] == workers and told["torrents"] == len(TORRENTS), told
    assert told["announces"] == told["peers_ipv4"] == len(TORRENTS) * (len(clients) + 1), told
    assert told["scrapes"] == len(TORRENTS) + 20, told
    # What is wrong is counted wherever it came to.
    for n in range(20):
        clients[n % 6].error(clients[n % 6].announce_packet(ids[n % 6] ^ 1, n)[:16] + TORRENTS[n] + b"x" * 62)
        assert http_get(tracker.http, "/nothing")[0] == 404
    told = stats(url)
    assert told["udp_errors"] == 20 and told["http_errors"] == 20, told
    assert tracker.stop() == 0


def a_rate_limit_is_one_for_all(t, workers):
    tracker = tracker_of(t, workers, "--rate-limit", "30")
    source = t.address()
    udp = Udp(t, tracker.udp, source=source)
    connection = udp.connect()
    passed = sum(struct.unpack("!I", udp_announce(udp, connection, n, TORRENTS[n])[:4]) == (1,) for n in range(20))
    passed += sum(b"failure reason" not in http_announce(tracker.http, n, source=source, info_hash=TORRENTS[n])
                  for n in range(20))
    # One may come back every two seconds.
    assert 30 <= passed <= 34, passed
    assert b"failure reason" not in http_announce(tracker.http, 1, source=t.address())


def a_limit_is_one_for_all(t, workers):
    url = tracker_of(t, workers, "--torrents-max", "10").http
    for info_hash in TORRENTS[:10]:
        for number in (1, 2):
            assert b"failure reason" not in http_announce(url, number, info_hash=info_hash)
    for info_hash in TORRENTS[10:]:
        assert b"no room" in http_announce(url, 1, info_hash=info_hash)[b"failure reason"]


def a_list_reaches_all(t, workers):
    path = t.path("allowed")

    def allow(hashes):
        with open(path, "w") as f:
            f.write("".join(h.hex() + "\n" for h in hashes))

    def served(tracker):
        return [b"failure reason" not in http_announce(tracker.http, 1, info_hash=h) for h in TORRENTS]
    allow(TORRENTS[:24])
    tracker = tracker_of(t, workers, "--allow-list", path)
    assert served(tracker) == [True] * 24 + [False] * 24
    allow(TORRENTS[24:])
    tracker.send(signal.SIGHUP)
    t.wait("the new list", lambda: served(tracker) == [False] * 24 + [True] * 24)


def ends_under_load(t, workers):
    tracker = tracker_of(t, workers, "--state-file", t.path("state"))
    rounds = [0] * 3

    def ask(n):
        udp = Udp(t, tracker.udp, source=t.address())
        connection = udp.connect()
        udp.socket.settimeout(1)
        with contextlib.suppress(OSError):  # the end of the tracker
            while True:
                for info_hash in TORRENTS:
                    udp_announce(udp, connection, n, info_hash)
                rounds[n] += 1
    threads = [threading.Thread(target=ask, args=(n,), daemon=True) for n in range(len(rounds))]
    for thread in threads:
        thread.start()
    t.wait("all announces", lambda: min(rounds) > 1)
    status = tracker.stop()
    for thread in threads:
        thread.join()
    assert status == 0, tracker.report()
    assert f" torrents={len(TORRENTS)} peers_ipv4={3 * len(TORRENTS)} " in tracker.stderr, tracker.stderr


for one in (all_see_the_same, a_rate_limit_is_one_for_all, a_limit_is_one_for_all, a_list_reaches_all,
            ends_under_load):
    for count in (1, 2, 4):
        add(f"{one.__name__} with {count} workers", lambda t, one=one, count=count: one(t, count))


@test
def a_state_file_is_read_by_any_number(t):
    path = t.path("state")
    for n, workers in enumerate((4, 1, 3, 2)):
        tracker = tracker_of(t, workers, "--state-file", path)
        if n == 0:
            for number, info_hash in enumerate(TORRENTS):
                http_announce(tracker.http, number, info_hash=info_hash, left=number % 2)
        else:
            udp = Udp(t, tracker.udp)
            expected = [(1 - i % 2, 0, i % 2) for i in range(len(TORRENTS))]
            assert udp.scrape(udp.connect(), *TORRENTS) == expected
        assert tracker.stop() == 0


@test
def a_port_of_several_is_not_shared_with_others(t):
    tracker = tracker_of(t, 2)
    for protocol, url in (("http", tracker.http), ("udp", tracker.udp)):
        address = url.split("/")[2]
        result = run(t, [TRACKER, "--workers", "2", f"--listen-{protocol}", address])
        assert result.status == 1 and "in use" in result.err, result


if __name__ == "__main__":
    need(TRACKER)
    main()
