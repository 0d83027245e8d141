#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""What the cheapest sender of each kind of request can make sprat-tracker spend, and what it takes from others. The
bounds are work done: requests that are served, entries, bytes, connections; never time. All limits are the defaults:
an operator who sets nothing is protected."""

import contextlib
import json
import os
import resource
import signal
import socket
import sqlite3
import struct
import sys
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import members
import tracker_client
from admin import TOKEN, write_secret
from certs import Authority
from process import Process
from sprat import TRACKER, Tracker, is_sanitized, join, need
from tap import main, test
from tracker_client import HASH, Udp, compact, http_announce, http_get

RATE = 20000  # requests that an address may send at once, and in a minute


class Stand:
    """A tracker whose numbers are read."""

    def __init__(self, t, *args, **more):
        self.t = t
        self.tracker = Tracker(t, "--listen-admin", join(t.address(), 0), "--workers", "1", *args, crowds=False,
                               **more)
        if "--listen-https" in args:
            self.https = self.tracker.wait_line("listening https").split()[-1]
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


def queues(server, clients):
    """Of each TCP connection of the clients, the bytes that the server's kernel keeps unsent and unread."""
    ports = {s.getsockname()[1] for s in clients}
    with open("/proc/net/tcp") as f:
        rows = [line.split() for line in f.readlines()[1:]]
    found = []
    for row in rows:
        local, remote, state, kept = row[1], row[2], row[3], row[4]
        if int(local.split(":")[1], 16) == server and int(remote.split(":")[1], 16) in ports and state != "06":
            found.append(tuple(int(n, 16) for n in kept.split(":")))
    return found


@test
def who_does_not_read_holds_little(t):
    stand = Stand(t)
    host, port = tracker_client.address_of(stand.tracker.http)
    request = b"GET /scrape?" + b"&".join(b"info_hash=" + b"%02x" % n * 20 for n in range(64)) + \
        b" HTTP/1.1\r\nHost: t\r\n\r\n"
    clients = []
    for _ in range(20):
        s = socket.socket()
        t.defer(s.close)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.bind((t.address(), 0))
        s.connect((host, port))
        s.settimeout(0.3)
        clients.append(s)
        with contextlib.suppress(TimeoutError):
            while True:
                s.sendall(request * 10)
    kept = queues(port, clients)
    assert len(kept) == len(clients), kept
    for unsent, unread in kept:
        assert unsent <= 64 * 1024 and unread <= 128 * 1024, kept
    # HTTP_FRONT_OUT_HIGH, one answer beyond it, and the input.
    assert stand.stats()["memory_bytes"] < 200 << 20
    assert b"failure reason" not in http_announce(stand.tracker.http, 1, source=t.address())


@test
def one_address_does_not_push_others_out(t):
    stand = Stand(t, "--connections-max", "40", "--http-timeout", "600")
    host, port = tracker_client.address_of(stand.tracker.http)

    def connect(source):
        s = socket.create_connection((host, port), source_address=(source, 0), timeout=10)
        t.defer(s.close)
        s.sendall(b"GET /ann")
        return s
    honest = [connect(t.address()) for _ in range(5)]
    t.wait("the honest", lambda: stand.stats()["http_connections"] == 5)
    flooder = t.address()
    flood = [connect(flooder) for _ in range(200)]
    t.wait("the flood", lambda: stand.stats()["http_connections"] == 40)
    for n, s in enumerate(honest):
        s.sendall(b"ounce?" + tracker_client.query(n).encode() + b" HTTP/1.1\r\nHost: t\r\n\r\n")
        assert s.recv(4096).startswith(b"HTTP/1.1 200"), "those who waited longest are not those who go"
    assert flood


@test
def without_descriptors_http_is_served(t):
    at = join(t.address(), 0)
    running = Process(t, ["sh", "-c", 'ulimit -n 100; exec "$@"', "sh", TRACKER, "--workers", "1", "--listen-http", at])
    url = f"http://{running.wait_line('listening http').split()[-1]}/announce"
    t.wait("the warning", lambda: "the limit on open files (100) allows" in running.stderr)
    host, port = tracker_client.address_of(url)
    idle = []
    for _ in range(300):
        s = socket.create_connection((host, port), source_address=(t.address(), 0), timeout=10)
        t.defer(s.close)
        s.sendall(b"GET /ann")
        idle.append(s)
    for number in range(50):
        assert b"failure reason" not in http_announce(url, number, source=t.address())
    assert len(os.listdir(f"/proc/{running.pid}/fd")) < 100
    assert running.stop() == 0


@test
def an_address_begins_few_handshakes(t):
    ip = t.address()
    ca = Authority(t)
    cert, key = ca.issue("one", ip)
    stand = Stand(t, "--listen-https", join(ip, 0), "--tls-cert", cert, "--tls-key", key, "--rate-limit", "400", udp=False)
    host, port = stand.https.rsplit(":", 1)
    source, begun = t.address(), 0
    for _ in range(30):
        with socket.create_connection((host, int(port)), source_address=(source, 0), timeout=10) as s:
            with contextlib.suppress(OSError):
                s.sendall(b"\x16\x03\x01\x02\x00")  # the head of a record: half a hello
                s.settimeout(0.2)
                try:
                    begun += s.recv(1) != b""
                except TimeoutError:
                    begun += 1
    assert 10 <= begun < 15, begun
    assert stand.stats()["https_refused"] == 30 - begun
    with socket.create_connection((host, int(port)), source_address=(t.address(), 0), timeout=10) as plain, \
            ca.context().wrap_socket(plain, server_hostname=host) as secure:
        secure.sendall(b"GET /nothing HTTP/1.0\r\n\r\n")
        assert b" 404 " in secure.recv(4096), "another address"


@test
def half_handshakes_leave_no_memory(t):
    """The memory of TLS connections is free when they end, but a few allocations behind it kept it in the heap."""
    ip, count = t.address(), 2000
    cert, key = Authority(t).issue("one", ip)
    stand = Stand(t, "--listen-https", join(ip, 0), "--tls-cert", cert, "--tls-key", key, "--rate-limit", "0", udp=False)
    at = tracker_client.address_of("https://" + stand.https)
    hello = b"\x16\x03\x01\x3f\xff\x01\x00\x3f\xfb\x03\x03" + b"x" * 100  # the rest of 16 KiB never comes
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    before = stand.stats()["memory_bytes"]
    for _ in range(2):
        with contextlib.ExitStack() as clients:
            for _ in range(count):
                clients.enter_context(socket.create_connection(at, timeout=10)).sendall(hello)
            t.wait("all to be open", lambda: stand.stats()["http_connections"] >= count, 30)
        t.wait("all to be gone", lambda: stand.stats()["http_connections"] <= 1, 30)
    if not is_sanitized():  # a sanitizer keeps what is free
        t.wait("the memory to be returned", lambda: stand.stats()["memory_bytes"] < before + 8 * 1024 * count, 30)


@test
def tls_at_an_address_for_plain_http_is_told_once(t):
    stand = Stand(t, "--log-format", "json")
    for _ in range(3):
        with socket.create_connection(tracker_client.address_of(stand.tracker.http), timeout=10) as s:
            s.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
            assert s.recv(100).startswith(b"HTTP/1.1 400 ")
    assert http_get(stand.tracker.http.removesuffix("/announce"), "/nothing")[0] == 404
    assert stand.stats()["http_tls_hellos"] == 3
    t.wait("the hint", lambda: "for plain HTTP" in stand.tracker.stderr, 20)
    assert stand.tracker.stop() == 0
    told = [json.loads(line) for line in stand.tracker.errors if "for plain HTTP" in line]
    assert len(told) == 1 and 1 <= told[0]["connections"] <= 3 and "listen-https" in told[0]["message"], told


@test
def packets_that_find_no_room_are_counted(t):
    stand = Stand(t, "--udp-buffer", "65536")
    host, port = tracker_client.address_of(stand.tracker.udp)
    os.kill(stand.tracker.pid, signal.SIGSTOP)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for _ in range(2000):
            s.sendto(b"x" * 16, (host, port))
    os.kill(stand.tracker.pid, signal.SIGCONT)
    t.wait("the drops", lambda: stand.stats()["udp_dropped"] > 0)
    told = stand.stats()
    assert told["udp_dropped"] + told["udp_ignored"] == 2000, told


def reload_by_signal(stand):
    stand.tracker.send(signal.SIGHUP)


def reload_by_api(stand):
    """Does not wait for the answer."""
    url = urllib.parse.urlsplit(stand.admin)
    stand.asking = socket.create_connection((url.hostname, url.port), 60)
    stand.asking.sendall(f"POST /api/reload HTTP/1.0\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode())


def a_reload(t, begin):
    path, secret, other = t.path("list"), t.path("token"), b"x" * 20

    def write(info_hash, more=0):
        made_up = os.urandom(20 * more).hex()
        with open(path, "w") as f:
            f.write("\n".join((info_hash.hex(), *(made_up[i:i + 40] for i in range(0, 40 * more, 40)))) + "\n")
    write(HASH)
    write_secret(secret, TOKEN)
    stand = Stand(t, "--allow-list", path, "--rate-limit", "0", "--admin-token-file", secret)
    client = Flood(t, stand.tracker.udp)
    write(other, more=500000)
    begin(stand)
    while client.refused == 0:
        client.send([client.packet(HASH, 1)])
    # While the list is read the old one is in use. If the loop read it, one or two could be answered before that.
    assert client.served > 20, client.served
    client.send([client.packet(other, 1)])
    assert client.refused == 1, "the new one is in use"
    # Nor does one that is being read hold up the end.
    begin(stand)
    begin(stand)
    assert stand.tracker.stop() == 0


@test
def a_reload_by_signal_holds_nobody_up(t):
    a_reload(t, reload_by_signal)


@test
def a_reload_by_the_api_holds_nobody_up(t):
    a_reload(t, reload_by_api)


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
def a_member_with_many_addresses_has_one_rate(t):
    stand = Members(t, "--user-rate-limit", "60")
    floods = [Flood(t, stand.tracker.udp) for _ in range(4)]
    for flood in floods:
        flood.send(flood.packet(HASH, 1, passkey=stand.keys[0]) for _ in range(500))
    served = sum(flood.served for flood in floods)
    # While the flood lasts, one more may pass in each second.
    assert 60 <= served < 200 and served + sum(flood.refused for flood in floods) == 2000, served
    other = Flood(t, stand.tracker.udp)
    other.send(other.packet(HASH, 1, passkey=stand.keys[16]) for _ in range(60))
    assert other.served == 60, "others are not held up"
    assert stand.stats()["denied"] == 2000 - served


@test
def a_scrape_costs_what_it_asks_for(t):
    stand = Stand(t, "--rate-limit", "400")
    flood = Flood(t, stand.tracker.udp)
    packet = struct.pack("!QII", flood.id, 2, 1) + b"".join(os.urandom(20) for _ in range(74))
    answered = 0
    for _ in range(100):
        flood.socket.send(packet)
        answered += len(flood.socket.recv(4096)) == 8 + 12 * 74
    assert 40 <= answered < 80, answered


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
