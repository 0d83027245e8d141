#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""sprat-tracker over UDP: swarms in both families, packets of every length, forged and stale ids."""

import os
import random
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
from process import Process
from sprat import TRACKER, Tracker, need
from tap import main, test
from tracker_client import HASH, Udp


@test
def a_swarm_over_ipv4(t):
    url = Tracker(t, "--interval", "100").udp
    one, two = t.address(), t.address()
    a, b = Udp(t, url, one), Udp(t, url, two)
    interval, leechers, seeders, peers = a.announce(a.connect(), 1, left=0, event=2)
    assert 100 <= interval <= 112 and (leechers, seeders, peers) == (0, 1, [])
    connection = b.connect()
    assert b.announce(connection, 2, event=2)[1:] == (1, 1, [(one, 1001)])
    assert a.announce(a.connect(), 1, left=0)[3] == [(two, 1002)]
    assert b.announce(connection, 2, left=0, event=1)[1:] == (0, 2, []), "a seeder gets no seeders"
    assert b.scrape(connection, HASH, b"x" * 20) == [(2, 1, 0), (0, 0, 0)]
    assert b.announce(connection, 2, left=0, event=3)[1:] == (0, 1, [])


@test
def ipv6_peers_have_18_bytes(t):
    tracker = Tracker(t, ip="::1", http=False)
    c = Udp(t, tracker.udp)
    connection = c.connect()
    for number in range(80):
        got = c.announce(connection, number, want=200)
    assert len(got[3]) == 67 and all(host == "::1" for host, _ in got[3]), "as many as fit 1232 bytes"


@test
def url_data_and_other_options_are_taken(t):
    c = Udp(t, Tracker(t).udp)
    connection = c.connect()
    assert c.announce(connection, 1, options=b"\x02\x0c/dir?a=b&c=d\x01\x01\x00")[1] == 1
    assert c.announce(connection, 1, options=b"\x77\x03abc\x02\x00")[1] == 1
    assert "malformed" in c.error(c.announce_packet(connection, 1, options=b"\x02\x09/"))
    assert "port" in c.error(c.announce_packet(connection, 1, port=0))


@test
def connection_ids_belong_to_an_address(t):
    url = Tracker(t).udp
    mine, other = Udp(t, url, t.address()), Udp(t, url, t.address())
    connection = mine.connect()
    assert "connection id" in other.error(other.announce_packet(connection, 1))
    for bit in (0, 17, 47, 48, 63):
        assert "connection id" in mine.error(mine.announce_packet(connection ^ 1 << bit, 1))
    assert mine.announce(connection, 1)[1] == 1
    assert mine.scrape(connection) == [(0, 0, 1)], "nothing was stored for the forged ones"


@test
def every_length_and_never_more_out_than_in(t):
    tracker = Tracker(t, http=False)
    c = Udp(t, tracker.udp)
    chance = random.Random(7)
    c.socket.settimeout(0.05)
    for length in range(2049):
        packet = bytearray(chance.randbytes(length))
        if length >= 12 and length % 2:
            packet[8:12] = struct.pack("!I", length % 5)  # an action, without a good id
        c.socket.send(packet)
        if length % 64 == 0:
            sizes = []
            try:
                while True:
                    sizes.append(len(c.socket.recv(65536)))
            except TimeoutError:
                pass
            assert all(size <= length for size in sizes), (length, sizes)
    assert Udp(t, tracker.udp).connect()


@test
def fields_at_their_ends(t):
    c = Udp(t, Tracker(t, http=False).udp)
    connection = c.connect()
    assert "port is out of range" in c.error(c.announce_packet(connection, 1, port=0))
    for number, fields in enumerate(({"left": 2 ** 64 - 1}, {"want": -2 ** 31}, {"want": 2 ** 31 - 1},
                                     {"event": 2 ** 32 - 1}, {"port": 65535})):
        _, leechers, _, peers = c.announce(connection, number + 1, **fields)
        assert leechers == number + 1 and len(peers) == number, (fields, leechers, peers)


@test
def a_packet_sent_again_changes_nothing(t):
    c = Udp(t, Tracker(t, http=False).udp)
    connection = c.connect()
    packet = c.announce_packet(connection, 1, left=0, event=1)
    assert len({c.ask(packet)[12:] for _ in range(5)}) == 1
    assert c.scrape(connection) == [(1, 1, 0)], "one seeder, one completion"


@test
def what_is_no_request_meets_silence(t):
    c = Udp(t, Tracker(t).udp)
    assert c.silent(b"")
    assert c.silent(b"d1:ad2:id20:aaaaaaaaaaaaaaaaaaaae1:q4:ping1:t2:aa1:y1:qe")
    assert c.silent(struct.pack("!QII", 0x41727101981, 0, 1))
    assert c.silent(struct.pack("!QI", 0x41727101980, 0))
    assert c.connect()


@test
def truncated_requests_with_a_good_id(t):
    c = Udp(t, Tracker(t).udp)
    connection = c.connect()
    whole = c.announce_packet(connection, 1)
    for length in range(16, 98):
        assert "too short" in c.error(whole[:length])
    assert "too short" in c.error(struct.pack("!QII", connection, 2, 5) + b"x" * 19)
    assert c.scrape(connection) == [(0, 0, 0)]


@test
def a_full_scrape_packet(t):
    c = Udp(t, Tracker(t).udp)
    connection = c.connect()
    c.announce(connection, 1, left=0)
    assert len(c.scrape(connection, *[HASH] * 74)) == 74
    assert len(c.scrape(connection, *[HASH] * 90)) == 74, "no more than the protocol has"


@test
def an_answer_leaves_from_the_address_that_was_asked(t):
    running = Process(t, [TRACKER, "--listen-udp", "0.0.0.0:0"])
    port = running.wait_line("listening udp").rpartition(":")[2]
    c = Udp(t, f"udp://{t.address()}:{port}")
    assert c.announce(c.connect(), 1)[1] == 1, "a connected socket takes it from there only"


@test
def a_burst_is_answered_whole(t):
    """What fits the socket's buffer is answered, in batches; nothing is mixed up."""
    c = Udp(t, Tracker(t).udp)
    connection = c.connect()
    wanted = set()
    for number in range(100):
        c.socket.send(c.announce_packet(connection, number))
        wanted.add(c.transaction)
    got = {struct.unpack("!I", c.socket.recv(65536)[4:8])[0] for _ in range(100)}
    assert got == wanted


if __name__ == "__main__":
    need(TRACKER)
    main()
