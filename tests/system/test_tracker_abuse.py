#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""What the cheapest sender of each kind of request can make sprat-tracker spend, and what it takes from others. The
bounds are work done: requests that are served, entries, bytes, connections; never time. All limits are the defaults:
an operator who sets nothing is protected."""

import contextlib
import json
import os
import sqlite3
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import members
import tracker_client
from sprat import TRACKER, Tracker, join, need
from tap import main, test
from tracker_client import HASH, Udp, compact, http_announce, http_get

RATE = 6000  # requests that an address may send at once, and in a minute


class Stand:
    """A tracker whose numbers are read."""

    def __init__(self, t, *args, **more):
        self.t = t
        self.tracker = Tracker(t, "--listen-admin", join(t.address(), 0), "--workers", "1", *args, crowds=False,
                               **more)
        self.admin = "http://" + self.tracker.wait_line("listening admin").split()[-1]

    def stats(self):
        status, body = http_get(self.admin, "/stats")
        assert status == 200
        return json.loads(body)


class Flood(Udp):
    """One address that sends announces without end, and counts the answers."""

    WINDOW = 32

    def __init__(self, t, url, source=None):
        self.source = source or t.address()
        super().__init__(t, url, self.source)
        self.id = self.connect()
        self.served = self.refused = 0

    def packet(self, info_hash, number, port=7000, left=1, event=0, passkey=None):
        url = f"/{passkey}/announce".encode() if passkey else b""
        return struct.pack("!QII20s20sQQQIIIiH", self.id, 1, 7, info_hash, tracker_client.peer_id(number), 0, left, 0,
                           event, 0, 7, 0, port) + (bytes((2, len(url))) + url if url else b"")

    def send(self, packets):
        waiting = 0
        for packet in packets:
            self.socket.send(packet)
            waiting += 1
            if waiting == self.WINDOW:
                self.take(waiting)
                waiting = 0
        self.take(waiting)

    def take(self, count):
        for _ in range(count):
            if self.socket.recv(4096)[3] == 1:
                self.served += 1
            else:
                self.refused += 1


@test
def an_address_has_a_rate_limit(t):
    stand = Stand(t)
    flood = Flood(t, stand.tracker.udp)
    flood.send(flood.packet(HASH, 1) for _ in range(2 * RATE))
    # While the flood lasts, a hundred more may pass in each second.
    assert RATE <= flood.served < 2 * RATE and flood.served + flood.refused == 2 * RATE, flood.served
    assert stand.stats()["throttled"] == flood.refused
    assert b"failure reason" not in http_announce(stand.tracker.http, 1, source=t.address()), "another address"


@test
def an_address_does_not_fill_a_swarm(t):
    stand = Stand(t)
    flood = Flood(t, stand.tracker.udp)
    for number in range(20):
        http_announce(stand.tracker.http, number, source=t.address())
    flood.send(flood.packet(HASH, 100 + port, port=port) for port in range(1000, 4000))
    assert flood.served == 3000, "each has a full answer"
    told = stand.stats()
    assert told["peers_ipv4"] == 20 + 4 and told["displaced"] == 3000 - 4, told
    got = http_announce(stand.tracker.http, 9999, source=t.address(), numwant=200)
    hosts = [host for host, _ in compact(got[b"peers"])]
    assert len(hosts) == 24 and hosts.count(flood.source) == 4, hosts


@test
def made_up_torrents_make_room_for_each_other(t):
    stand = Stand(t, "--torrents-max", "2000")
    honest = Flood(t, stand.tracker.udp)
    alone = [os.urandom(20) for _ in range(500)]
    honest.send(honest.packet(info_hash, 1, left=0) for info_hash in alone)
    for ports in (1, 2, 4):
        # Each torrent is announced from so many ports of one address.
        flood = Flood(t, stand.tracker.udp)
        made_up = [os.urandom(20) for _ in range(RATE // ports)]
        flood.send(flood.packet(info_hash, 100 + port, port=7000 + port) for info_hash in made_up for port in range(ports))
        assert flood.refused > 0
        assert sum(honest.scrape(honest.id, info_hash)[0][0] for info_hash in alone) == len(alone)
        newcomers = [Flood(t, stand.tracker.udp) for _ in range(10)]
        for newcomer in newcomers:
            newcomer.send([newcomer.packet(os.urandom(20), 1, left=0)])
        assert [newcomer.served for newcomer in newcomers] == [1] * 10
    assert stand.stats()["torrents"] == 2000 and stand.stats()["shed"] >= 30


class Members(Stand):
    """A private tracker with 17 users: the first and the last are kept in the same part of the ledger."""

    def __init__(self, t, *args):
        self.database = t.path("accounts.db")
        self.keys = [members.user(t, self.database, f"user{n}") for n in range(17)]
        members.command(t, self.database, "torrent", "add", HASH.hex())
        super().__init__(t, "--private", "yes", "--database", self.database, "--accounts-interval", "1", *args)

    def rows(self):
        with contextlib.closing(sqlite3.connect(self.database)) as db:
            return db.execute("SELECT count(*) FROM sessions").fetchone()[0]


@test
def a_member_with_made_up_peer_ids_has_few_sessions(t):
    stand = Members(t)
    flood = Flood(t, stand.tracker.udp)
    other = Flood(t, stand.tracker.udp)
    for event in (2, 3, 0):
        # "stopped" of sessions that nobody began would be stored too.
        flood.send(flood.packet(HASH, 10000 * event + n, event=event, passkey=stand.keys[0]) for n in range(1500))
    assert flood.served == 4 and flood.refused == 4500 - 4, flood.served
    other.send(other.packet(HASH, n, passkey=stand.keys[16]) for n in range(4))
    assert other.served == 4, "others are not held up"
    t.wait("the accounts", lambda: stand.stats()["accounts_waiting"] == 0)
    assert stand.rows() == 8, stand.rows()


@test
def an_exempt_network_has_none(t):
    source = t.address()
    stand = Stand(t, "--exempt-network", source)
    flood = Flood(t, stand.tracker.udp, source)
    flood.send(flood.packet(HASH, 1) for _ in range(2 * RATE))
    assert flood.served == 2 * RATE and stand.stats()["throttled"] == 0


if __name__ == "__main__":
    need(TRACKER)
    main()
