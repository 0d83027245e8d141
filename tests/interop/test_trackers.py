# SPDX-License-Identifier: BSD-2-Clause
"""Other clients meet through sprat-tracker: in each mode, over each family and each protocol that they speak.

                     HTTP              HTTPS             UDP
    open      IPv4   L T A             L T A             L T A
              IPv6   L T A             L T A             L
    listed    IPv4   L T A             L T A             L T A
              IPv6   L T A             L T A             L
    private   IPv4   L T A             L T A             L
              IPv6   L T A             L T A             L

L is libtorrent, T transmission, A aria2. Each cell is a swarm of its own, with one tracker that is known to it and in
which all the clients that are named, and no others, come to be seeders; where there is one alone, ours seeds. All
three check the certificate, against our authority. The empty places are not ours to fill: transmission and aria2
speak UDP over IPv4 only, and have no BEP 41, by which a passkey travels. Beside the table: v2 and hybrid torrents,
and what a client shows that is refused."""

import os
import sys
import traceback
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import clients
import bencode
import content
import sprat
import tap
import torrent
from certs import Authority
from members import ask, command, user
from process import Process
from tap import Skip
from tracker_client import http_get

SIZE = 2 * (1 << 20) + 1
L, T, A = clients.CLIENTS
MODES = ("open", "listed", "private")
PROTOCOLS = ("http", "https", "udp")


class Ours:
    """`sprat seed` behind the same face."""

    name = "sprat"
    connects_out = True

    def __init__(self, t, ip):
        self.t, self.ip = t, ip

    def share(self, meta, folder):
        self._process = sprat.seed(self.t, meta, folder, ip=self.ip)

    def leave(self):
        self._process.interrupt()


def who(mode, six, protocol):
    """The clients that can take part in a cell of the table."""
    return (L,) if protocol == "udp" and (six or mode == "private") else (L, T, A)


class Table(Process):
    """A tracker at all three protocols; `url(protocol, name)` is where a client announces."""

    def __init__(self, t, mode, ip, metainfos):
        self.mode, self.database, self.passkeys = mode, t.path("tracker.db"), {}
        more = []
        if mode == "listed":
            more = allowed(t, *metainfos)
        elif mode == "private":
            more = ["--private", "yes", "--database", self.database, "--accounts-interval", 1]
            self.passkeys = {name: user(t, self.database, name)
                             for name in [c.name for c in (*clients.CLIENTS, Ours)]}
            for number, made in enumerate(metainfos):
                command(t, self.database, "torrent", "add", torrent.write(made, t.path("add", f"{number}.torrent")))
        cert, key = t.ca.issue("tracker", ip)
        at = sprat.join(ip, 0)
        super().__init__(t, [sprat.TRACKER, "--listen-http", at, "--listen-https", at, "--listen-udp", at,
                             "--tls-cert", cert, "--tls-key", key, "--interval", 5, "--min-interval", 1, *more])
        self._at = dict(self.wait_line("listening ", 15).split()[1:3] for _ in PROTOCOLS)

    def url(self, protocol, name):
        passkey = f"/{self.passkeys[name]}" if self.passkeys else ""
        return f"{protocol}://{self._at[protocol]}{passkey}/announce"

    def scrape(self, info_hash):
        """(seeders, leechers)"""
        url = self.url("http", L.name).replace("/announce", "/scrape")
        status, body = http_get(url, f"{urllib.parse.urlparse(url).path}?info_hash={urllib.parse.quote(info_hash)}")
        assert status == 200, body
        found = bencode.decode(body)[b"files"][info_hash]
        return found[b"complete"], found[b"incomplete"]

    def check_accounts(self, leeched):
        """|leeched|: a user for each whole download. What is counted beyond the payload is the clients' business."""
        users = {one["name"]: (one["uploaded"], one["downloaded"]) for one in ask(self.t, self.database, "user", "ls")}
        tap.note(users)
        for name, (_, downloaded) in users.items():
            assert leeched.count(name) * SIZE <= downloaded < (leeched.count(name) + 0.2) * SIZE + 1, name
        assert sum(up for up, _ in users.values()) >= len(leeched) * SIZE
        assert users["sprat"][0] >= SIZE


class Swarm:
    """One cell: a torrent, whose seeder comes when those who leech are known to the tracker."""

    def __init__(self, t, tracker, protocol, made, path, ip, kinds, turn):
        self.t, self.tracker, self._made, self._path = t, tracker, made, path
        self._folder = t.path(protocol, "x")[:-2]
        self._protocol = protocol
        seeder, *leechers = kinds[turn % len(kinds):] + kinds[:turn % len(kinds)] if len(kinds) > 1 else (Ours, *kinds)
        self._seeder = start(t, seeder, ip)
        self._leechers = [start(t, kind, ip) for kind in leechers]
        self._hash = torrent.hashes(made)[0]

    def _torrent(self, name):
        made = {**self._made, "announce": self.tracker.url(self._protocol, name)}
        return torrent.write(made, os.path.join(self._folder, f"{name}.torrent"))

    def leech(self):
        for client in self._leechers:
            client.share(self._torrent(client.name), os.path.join(self._folder, client.name))

    def seed(self):
        for client in self._leechers:
            client.announced()
        self._seeder.share(self._torrent(self._seeder.name), os.path.dirname(self._path))

    def complete(self):
        """Until all are seeders in the tracker's eyes too, each by its own announces."""
        for client in self._leechers:
            client.complete()
            content.assert_same(self._path, os.path.join(self._folder, client.name, os.path.basename(self._path)))
        self._wait("seeders", 1 + len(self._leechers))

    def leave(self):
        for client in [self._seeder, *self._leechers]:
            client.leave()
        self._wait("peers", 0)

    def _counted(self, count):
        # An announce of libtorrent that ask_again() caused may be overtaken by its "completed" on another connection.
        for client in self._leechers if count else ():
            if isinstance(client, L):
                client.ask_again()
        return self.tracker.scrape(self._hash) == (count, 0)

    def _wait(self, what, count):
        try:
            self.t.wait(f"{count} {what} over {self._protocol}", lambda: self._counted(count), 30, 0.1)
        except AssertionError as why:
            raise AssertionError(f"{why}: {self._seeder.name} seeded, {self.leeched()} leeched, and the tracker has "
                                 f"(seeders, leechers) {self.tracker.scrape(self._hash)}") from None

    def leeched(self):
        return [client.name for client in self._leechers]


def start(t, kind, ip):
    if kind is T:
        return T(t, ip, ca=t.ca.cert)
    if kind is A:
        return A(t, ip, more=[f"--ca-certificate={t.ca.cert}", "--check-certificate=true"])
    if kind is L:
        os.environ["SSL_CERT_FILE"] = t.ca.cert  # OpenSSL's, which it reads when a session begins
        client = L(t, ip)
        del os.environ["SSL_CERT_FILE"]
        return client
    return kind(t, ip)


def need(six):
    sprat.need(sprat.TRACKER)
    for why in [c.why_not() for c in clients.CLIENTS] + [six and not clients.has_ipv6() and "no IPv6 here"]:
        if why:
            raise Skip(why)


def in_a_process_of_its_own(six, check):
    """libtorrent keeps UDP connection ids for a process, by address alone, and there is only one ::1."""
    def run(t):
        need(six)
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                check(t)
                status = 0
            except Exception:
                tap.note(traceback.format_exc())
            finally:
                for trouble in t.undo():
                    status = 1
                    tap.note(trouble)
                os._exit(status)
        assert os.waitpid(pid, 0)[1] == 0, "see above"
    return run


def row_of_the_table(mode, six, turn):
    def check(t):
        t.ca = Authority(t)
        ip = "::1" if six else t.address()
        paths = [content.write_file(t.path("original", f"{p}.bin"), SIZE) for p in PROTOCOLS]
        made = [torrent.make(path, "v1", private=mode == "private") for path in paths]
        tracker = Table(t, mode, ip, made)
        swarms = [Swarm(t, tracker, *cell, ip, who(mode, six, cell[0]), turn + number)
                  for number, cell in enumerate(zip(PROTOCOLS, made, paths))]
        for step in (Swarm.leech, Swarm.seed, Swarm.complete, Swarm.leave):
            for swarm in swarms:
                step(swarm)
        assert tracker.stop() == 0
        if mode == "private":
            tracker.check_accounts([name for swarm in swarms for name in swarm.leeched()])
    return check


def ours(form):
    def check(t):
        sprat.need(sprat.TRACKER)
        if L.why_not():
            raise Skip(L.why_not())
        path = content.write_file(t.path("original", "odd.bin"), SIZE)
        tracker = sprat.Tracker(t)
        meta = torrent.write(torrent.make(path, form, trackers=[tracker.http]), t.path("x.torrent"))
        one, two = L(t), L(t)
        one.share(meta, os.path.dirname(path))
        one.complete()
        one.announced()
        two.share(meta, t.path("copy"))
        two.complete()
        content.assert_same(path, t.path("copy", "odd.bin"))
    return check


def allowed(t, *metainfos):
    """The tracker's arguments with which it serves these torrents only."""
    path = t.path("allowed")
    with open(path, "w") as f:
        f.writelines(h.hex() + "\n" for made in metainfos for h in torrent.hashes(made) if h)
    return "--allow-list", path


def a_torrent_that_is_not_listed(t):
    sprat.need(sprat.TRACKER)
    if L.why_not():
        raise Skip(L.why_not())
    path = content.write_file(t.path("original", "odd.bin"), 1 << 20)
    other = content.write_file(t.path("original", "other.bin"), 1 << 20)
    tracker = sprat.Tracker(t, *allowed(t, torrent.make(other, "v1")))
    meta = torrent.write(torrent.make(path, "v1", trackers=[tracker.http]), t.path("x.torrent"))
    one = L(t)
    one.share(meta, os.path.dirname(path))
    t.wait("libtorrent to show the reason", lambda: "does not serve" in one.tracker_says(), 15, 0.1)


# The turn says who seeds where, so that each of them both seeds and leeches over each protocol.
for turn, (mode, six) in enumerate((mode, six) for mode in MODES for six in (False, True)):
    tap.add(f"{mode}, {'IPv6' if six else 'IPv4'}: " + "; ".join(
        f"{', '.join(c.name for c in who(mode, six, p))} over {p}" for p in PROTOCOLS),
        in_a_process_of_its_own(six, row_of_the_table(mode, six, turn)), seconds=90)
# libtorrent announces both hashes of a hybrid, and the short one of v2.
for form in ("hybrid", "v2"):
    tap.add(f"{form}: libtorrent and libtorrent meet through our tracker over http", ours(form))
tap.add("libtorrent shows why a torrent that is not listed is refused", a_torrent_that_is_not_listed)
tap.main()
