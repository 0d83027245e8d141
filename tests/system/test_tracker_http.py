#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""sprat-tracker over HTTP: swarms in both families and all forms, bad announces, broken and slow clients."""

import os
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
import bencode
from process import Process
from sprat import TRACKER, Tracker, join, need
from tap import main, test
from tracker_client import (HASH, Udp, address_of, compact, http_announce, http_bytes, http_get, http_scrape, peer_id,
                            query, responses)


@test
def a_swarm_over_ipv4(t):
    url = Tracker(t, "--interval", "100", "--min-interval", "50").http
    one, two, three = t.address(), t.address(), t.address()
    first = http_announce(url, 1, one, left=0, event="started")
    assert first[b"peers"] == b"" and b"peers6" not in first
    assert 100 <= first[b"interval"] <= 112 and 50 <= first[b"min interval"] <= 56
    assert first[b"external ip"] == socket.inet_aton(one)
    second = http_announce(url, 2, two, event="started", ip="9.9.9.9")
    assert compact(second[b"peers"]) == [(one, 1001)], "the address is the packet's"
    assert (second[b"complete"], second[b"incomplete"]) == (1, 1)
    third = http_announce(url, 3, three, left=0)
    assert compact(third[b"peers"]) == [(two, 1002)], "a seeder gets no seeders"
    http_announce(url, 2, two, left=0, event="completed")
    http_announce(url, 2, two, left=0, event="completed")
    assert http_scrape(url) == {b"files": {HASH: {b"complete": 3, b"downloaded": 1, b"downloaders": 0,
                                                  b"incomplete": 0}}}
    assert http_announce(url, 1, one, left=0, event="stopped")[b"peers"] == b""
    assert http_scrape(url)[b"files"][HASH][b"complete"] == 2


@test
def ipv6_has_its_own_list(t):
    running = Process(t, [TRACKER, "--listen-http", join(t.address(), 0), "--listen-http", "[::1]:0"])
    four, six = (f"http://{running.wait_line('listening http').split()[2]}/announce" for _ in range(2))
    http_announce(six, 1, left=0)
    got = http_announce(six, 2)
    assert compact(got[b"peers6"], 18) == [("::1", 1001)] and got[b"peers"] == b""
    assert got[b"external ip"] == socket.inet_pton(socket.AF_INET6, "::1")
    got = http_announce(four, 3)
    assert compact(got[b"peers6"], 18) and got[b"peers"] == b"", "an IPv4 asker may have IPv6 too"


@test
def dictionary_answers(t):
    url = Tracker(t).http
    http_announce(url, 1)
    peers = http_announce(url, 2, compact=0)[b"peers"]
    assert peers == [{b"ip": b"127.0.0.1", b"peer id": peer_id(1), b"port": 1001}]
    peers = http_announce(url, 2, compact=0, no_peer_id=1)[b"peers"]
    assert peers == [{b"ip": b"127.0.0.1", b"port": 1001}]
    assert isinstance(http_announce(url, 2, compact=1)[b"peers"], bytes)


@test
def numwant_and_many_peers(t):
    url = Tracker(t).http
    for number in range(260):
        got = http_announce(url, number)
    assert len(compact(got[b"peers"])) == 50
    got = compact(http_announce(url, 0, numwant=1000)[b"peers"])
    assert len(got) == 200 == len(set(got)) and ("127.0.0.1", 1000) not in got
    assert http_announce(url, 0, numwant=0)[b"peers"] == b""
    seen = set()
    for _ in range(40):
        seen |= set(compact(http_announce(url, 0, numwant=30)[b"peers"]))
    assert len(seen) > 200, "every peer gets its turn"


@test
def a_rate_limit(t):
    tracker = Tracker(t, "--rate-limit", "5")
    for number in range(5):
        assert b"failure reason" not in http_announce(tracker.http, number, source="127.0.0.1")
    assert b"too many" in http_announce(tracker.http, 1, source="127.0.0.1")[b"failure reason"]
    assert b"failure reason" not in http_announce(tracker.http, 1, source="127.0.0.2")
    udp = Udp(t, tracker.udp, source="127.0.0.1")
    assert "too many" in udp.error(udp.announce_packet(udp.connect(), 1))


@test
def a_peer_behind_a_proxy(t):
    url = Tracker(t, "--trusted-proxy", "127.0.0.0/8").http

    def announce(number, forwarded):
        return http_bytes(url, f"GET /announce?{query(number)} HTTP/1.1\r\nX-Forwarded-For: {forwarded}\r\n"
                          "Connection: close\r\n\r\n".encode())
    assert b"200 OK" in announce(1, "6.6.6.6, 9.8.7.6, 127.0.0.9")
    (_, _, body), = responses(announce(2, "9.8.7.5"))
    assert compact(bencode.decode(body)[b"peers"]) == [("9.8.7.6", 1001)]
    assert b"400 Bad Request" in announce(3, "nobody")
    url = Tracker(t).http
    announce(1, "9.8.7.6")
    assert compact(http_announce(url, 2)[b"peers"]) == [("127.0.0.1", 1001)]


@test
def limits(t):
    url = Tracker(t, "--torrents-max", "1", "--torrent-peers-max", "2").http
    http_announce(url, 1)
    http_announce(url, 2)
    got = http_announce(url, 3)
    assert b"not listed" in got[b"warning message"] and len(got[b"peers"]) == 12
    got = http_announce(url, 1, info_hash=b"x" * 20)
    assert b"no room" in got[b"failure reason"] and got[b"retry in"] > 0


@test
def every_bad_field_has_its_reason(t):
    url = Tracker(t).http
    cases = [({name: None}, f"{name} is missing") for name in
             ("info_hash", "peer_id", "port")]
    cases += [({name: b"x" * n}, f"{name} is not 20 bytes long") for name in ("info_hash", "peer_id")
              for n in (0, 19, 21, 200)]
    cases += [({name: value}, f"{name} is out of range") for name in ("port", "left", "uploaded", "downloaded")
              for value in (-1, 10 ** 30) if (name, value) != ("left", -1)]
    cases += [({"port": 0}, "port is out of range"), ({"port": 65536}, "port is out of range"),
              ({"left": "many"}, "left is not a number"), ({"numwant": "x"}, "numwant is not a number"),
              ({"port": ""}, "port is not a number")]
    for fields, reason in cases:
        got = http_announce(url, 1, **fields)
        assert got == {b"failure reason": reason.encode()}, (fields, got)
    every = {"event": "started", "numwant": 1, "compact": 1, "no_peer_id": 1, "key": "1"}
    for name in ("info_hash", "peer_id", "port", "uploaded", "downloaded", "left", *every):
        status, body = http_get(url, f"/announce?{query(1, **every)}&{name}=1")
        assert bencode.decode(body)[b"failure reason"] == f"{name} is given twice".encode(), (name, body)
    for bad in ("%", "%1", "%zz"):
        status, body = http_get(url, "/announce?info_hash=" + bad)
        assert bencode.decode(body)[b"failure reason"] == b"info_hash is badly escaped"
    assert http_scrape(url)[b"files"][HASH] == {b"complete": 0, b"downloaded": 0, b"downloaders": 0,
                                                b"incomplete": 0}, "nothing was stored"


@test
def broken_http(t):
    tracker = Tracker(t)
    good = b"GET /announce?" + query(1).encode()
    for data, status in (
            (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n\n", 400),
            (b"\x16", 400),
            (b"\0" * 100, 400),
            (b"nonsense\r\n\r\n", 400),
            (b"GET /announce\r\n\r\n", 400),
            (b"POST /announce HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", 405),
            (good + b" HTTP/3.0\r\n\r\n", 505),
            (good + b" HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", 413),
            (good + b" HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501),
            (good + b" HTTP/1.1\r\nno colon\r\n\r\n", 400),
            (good + b" HTTP/1.1\r\nX: \0\r\n\r\n", 400),
            (b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n\r\n", 414),
            (good + b" HTTP/1.1\r\nX: " + b"a" * 100000 + b"\r\n\r\n", 431),
            (good + b" HTTP/1.1\r\n" + b"X: y\r\n" * 100 + b"\r\n", 431)):
        answers = responses(http_bytes(tracker.http, data))
        assert len(answers) == 1 and answers[0][0] == status, (data[:60], answers)
        assert answers[0][1]["connection"] == "close"
    for data in (b"", b"\r\n" * 50, b"GET /announce?"):
        assert http_bytes(tracker.http, data) == b""
    assert http_get(tracker.http, "/favicon.ico")[0] == 404
    assert http_announce(tracker.http, 1)[b"incomplete"] == 1, "it goes on"


@test
def keep_alive_and_pipelining(t):
    url = Tracker(t).http
    with socket.create_connection(address_of(url), timeout=5) as s:
        for number in range(20):
            s.sendall(f"GET /announce?{query(number)} HTTP/1.1\r\n\r\n".encode())
            got = s.recv(65536)
            assert got.startswith(b"HTTP/1.1 200") and b"Connection: keep-alive" in got
    many = b"".join(f"GET /announce?{query(n)} HTTP/1.1\r\n\r\n".encode() for n in range(1000, 2000))
    answers = responses(http_bytes(url, many))
    assert len(answers) == 1000
    assert bencode.decode(answers[-1][2])[b"incomplete"] == 1020
    half = many[:len(many) // 2 + 37]
    assert len(responses(http_bytes(url, half))) == half.count(b"\r\n\r\n")
    old = http_bytes(url, b"GET / HTTP/1.0\r\n\r\nGET / HTTP/1.0\r\n\r\n")
    assert len(responses(old)) == 1, "HTTP/1.0 closes"


def memory_peak(process):
    """KiB of memory that the process has had at most."""
    with open(f"/proc/{process.pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmHWM"))


@test
def who_does_not_read_is_not_read_from(t):
    """A client sends requests for large answers and takes none; the tracker must neither grow nor stop."""
    tracker = Tracker(t, "--http-timeout", "3")
    for number in range(210):
        http_announce(tracker.http, number)
    before = memory_peak(tracker)
    request = f"GET /announce?{query(0, compact=0, numwant=200)} HTTP/1.1\r\n\r\n".encode() * 50
    with socket.create_connection(address_of(tracker.http), timeout=1) as s:
        sent = 0
        try:
            while sent < 64 << 20:
                sent += s.send(request)
        except (TimeoutError, ConnectionError):
            pass
        assert sent < 64 << 20, "it was read without end"
        assert memory_peak(tracker) - before < 64 << 10
        assert http_announce(tracker.http, 5)[b"incomplete"] == 210
        s.settimeout(10)
        try:
            while s.recv(1 << 20):
                pass
        except ConnectionError:
            pass


@test
def slow_clients_are_closed_and_hold_nobody_up(t):
    tracker = Tracker(t, "--http-timeout", "1")
    slow = socket.create_connection(address_of(tracker.http), timeout=10)
    idle = socket.create_connection(address_of(tracker.http), timeout=10)
    start = time.monotonic()
    try:
        for byte in f"GET /announce?{query(1)} HTTP/1.1\r\n".encode():
            slow.send(bytes([byte]))
            time.sleep(0.1)
            assert time.monotonic() - start < 60, "a request may not take for ever"
    except ConnectionError:
        pass
    assert idle.recv(10) == b"", "who says nothing is closed too"
    slow.close()
    idle.close()
    assert http_announce(tracker.http, 2)[b"incomplete"] == 1


@test
def the_longest_waiting_makes_way(t):
    tracker = Tracker(t, "--connections-max", "20")
    waiting = [socket.create_connection(address_of(tracker.http), timeout=10) for _ in range(40)]
    for s in waiting:  # who says nothing at all is accepted later
        s.sendall(b"\r\n")
    assert http_announce(tracker.http, 1)[b"incomplete"] == 1
    assert waiting[0].recv(10) == b""
    waiting[-1].sendall(f"GET /announce?{query(2)} HTTP/1.1\r\n\r\n".encode())
    assert waiting[-1].recv(100).startswith(b"HTTP/1.1 200")
    for s in waiting:
        s.close()


@test
def http_and_udp_share_their_swarms(t):
    tracker = Tracker(t)
    http_announce(tracker.http, 1, left=0)
    udp = Udp(t, tracker.udp)
    _, leechers, seeders, peers = udp.announce(udp.connect(), 2)
    assert (leechers, seeders, peers) == (1, 1, [("127.0.0.1", 1001)])
    assert udp.scrape(udp.connect()) == [(1, 0, 1)]


if __name__ == "__main__":
    need(TRACKER)
    main()
