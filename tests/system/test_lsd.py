#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Local discovery (BEP 14): peers that find each other by multicast, without a tracker. Each test has network namespaces of its
own, and no multicast packet leaves them."""

import contextlib
import os
import re
import signal
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import content
import sprat as our
import torrent
from daemon import Daemon
from netns import Lan, Namespace
from tap import note, test

ON = {"SPRAT_LSD": "yes"}
GROUP, PORT = "239.192.152.143", 6771
ANYWHERE = ("--listen", "0.0.0.0:6881", "--listen", "[::]:6881")


def made(t, name="data", length=300_000, *args, **more):
    """A file, and its torrent."""
    path = content.write_file(t.path("origin", name), length, len(name))
    return path, our.create(t, path, *args, **more)


def seed(t, host, torrent, path, *args, env=ON):
    return our.Peer(t, "seed", *ANYWHERE, *args, torrent, os.path.dirname(path), wrap=host.wrap, env=env)


def get(t, host, torrent, folder, *args, env=ON):
    return our.get(t, torrent, folder, "--seed", "none", *ANYWHERE, *args, wrap=host.wrap, env=env)


def daemon(t, host, *args, state, env=ON):
    return Daemon(t, *ANYWHERE, *args, state=state, wrap=host.wrap, env=env)


def counts(d):
    return d.rpc("daemon.info")["lsd"]


class Ear:
    """Hears the announces that come to a host: every UDP packet to port 6771, of any interface."""

    def __init__(self, t, host):
        with host.inside():
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0003))
        t.defer(self._socket.close)
        self._socket.setblocking(False)

    def heard(self):
        """The packets since the last call: (source, text)."""
        packets = []
        with contextlib.suppress(BlockingIOError):
            while True:
                data, at = self._socket.recvfrom(65536)
                if at[2] == socket.PACKET_OUTGOING:
                    continue
                version, head = data[0] >> 4, (data[0] & 15) * 4 if data[0] >> 4 == 4 else 40
                protocol = data[9] if version == 4 else data[6]
                if protocol == socket.IPPROTO_UDP and struct.unpack(">H", data[head + 2:head + 4])[0] == PORT:
                    family, begin, end = (socket.AF_INET, 12, 16) if version == 4 else (socket.AF_INET6, 8, 24)
                    source = socket.inet_ntop(family, data[begin:end])
                    packets.append((source, data[head + 8:].decode("latin-1")))
        return packets


def hashes_in(text):
    return set(re.findall(r"Infohash: ([0-9a-f]{40})\r\n", text))


def wire_hashes(path):
    return {found[:20].hex() for found in torrent.hashes(torrent.read(path)) if found}


def announce(info_hash, port, cookie="x"):
    return (f"BT-SEARCH * HTTP/1.1\r\nHost: {GROUP}:{PORT}\r\nPort: {port}\r\nInfohash: {info_hash}\r\n"
            f"cookie: {cookie}\r\n\r\n\r\n").encode()


def send_announces(lan, number, info_hashes):
    """By host |number| of the lan."""
    with lan.hosts[number].inside(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(lan.addresses[number]))
        for info_hash in info_hashes:
            s.sendto(announce(info_hash, 7000), (GROUP, PORT))


@test
def two_peers_find_each_other(t):
    """In about a second, whoever comes first."""
    for first in ("seeder", "leecher"):
        lan = Lan(t, 2)
        path, meta = made(t, first)
        out = t.path(f"copy-{first}")
        if first == "seeder":
            seed(t, lan.hosts[0], meta, path).ready()
            began = time.monotonic()
            getter = get(t, lan.hosts[1], meta, out)
        else:
            getter = get(t, lan.hosts[1], meta, out).ready()
            time.sleep(2)
            began = time.monotonic()
            seed(t, lan.hosts[0], meta, path)
        getter.complete(20)
        note(f"complete {time.monotonic() - began:.2f} s after the second of them, the {first} first, was started")
        getter.finish()
        content.assert_same(path, os.path.join(out, first))


@test
def all_formats_and_a_link_alone(t):
    lan = Lan(t, 2)
    for form in ("v1", "v2", "hybrid"):
        path, meta = made(t, f"data-{form}", form=form)
        seeder = seed(t, lan.hosts[0], meta, path).ready()
        magnet = our.show(t, meta)["magnet"]
        assert "tr=" not in magnet and "x.pe=" not in magnet, magnet
        get(t, lan.hosts[1], magnet, t.path(f"copy-{form}")).finish(20)
        content.assert_same(path, t.path(f"copy-{form}", f"data-{form}"))
        seeder.interrupt()


@test
def ipv6_alone_with_link_local_addresses(t):
    """The address of the peer has its zone."""
    left, right = Namespace(t), Namespace(t)
    left.join(right, "left", "right")
    path, meta = made(t)
    seeder = daemon(t, left, state="seeder")
    seeder.rpc("torrent.add", path=meta, save_dir=os.path.dirname(path))
    getter = daemon(t, right, "--seed", "none", state="getter")
    getter.rpc("torrent.add", path=meta, save_dir=t.path("copy", "x")[:-2])
    t.wait("the copy", lambda: os.path.exists(t.path("copy", "data")) and
           getter.state("data")["bytes_have"] == 300_000, 20)
    assert counts(getter)["interfaces"] == counts(seeder)["interfaces"] == 1
    content.assert_same(path, t.path("copy", "data"))


@test
def each_interface_is_used(t):
    """A seeder between two networks; the leechers are in one each."""
    left = Lan(t, 2, "10.77.1")
    right = Lan(t, [left.hosts[0], Namespace(t)], "10.77.2", "eth1")
    path, meta = made(t)
    seed(t, left.hosts[0], meta, path).ready()
    for side, host in (("left", left.hosts[1]), ("right", right.hosts[1])):
        get(t, host, meta, t.path(side)).finish(20)
        content.assert_same(path, t.path(side, "data"))


@test
def interfaces_come_and_go(t):
    """The programs run before there is a network; the network comes, goes, and comes back."""
    left, right = Namespace(t), Namespace(t)
    path, meta = made(t)
    seeder = daemon(t, left, state="seeder")
    seeder.rpc("torrent.add", path=meta, save_dir=os.path.dirname(path))
    seeder.await_state("data", "seeding")
    assert counts(seeder)["interfaces"] == 0 and counts(seeder)["sent"] == 0
    getter = get(t, right, meta, t.path("copy")).ready()
    left.join(right, "left", "right")
    left.ip("address", "add", "10.77.0.1/24", "dev", "left")
    right.ip("address", "add", "10.77.0.2/24", "dev", "right")
    getter.finish(20)
    t.wait("both families", lambda: counts(seeder)["interfaces"] == 2, 20)
    left.ip("link", "set", "left", "down")
    t.wait("no interface", lambda: counts(seeder)["interfaces"] == 0, 20)
    left.ip("link", "set", "left", "up")
    t.wait("both families", lambda: counts(seeder)["interfaces"] == 2, 20)
    left.ip("link", "delete", "left")
    t.wait("no interface", lambda: counts(seeder)["interfaces"] == 0, 20)


@test
def a_listener_of_one_address_is_announced_there_only(t):
    host, other = Namespace(t), Namespace(t)
    left = Lan(t, [host, other], "10.77.1")
    right = Lan(t, [host, Namespace(t)], "10.77.2", "eth1")
    ears = Ear(t, left.hosts[1]), Ear(t, right.hosts[1])
    path, meta = made(t)
    our.seed(t, meta, os.path.dirname(path), "--listen", f"{left.addresses[0]}:7000", wrap=host.wrap, env=ON)
    heard = []
    t.wait("the announce", lambda: heard.extend(ears[0].heard()) or heard, 20)
    time.sleep(1)
    heard += ears[0].heard()
    assert [source for source, _ in heard] == [left.addresses[0]], heard
    assert "Port: 7000\r\n" in heard[0][1] and hashes_in(heard[0][1]) == wire_hashes(meta), heard
    assert ears[1].heard() == []


@test
def switched_off_nothing_is_sent(t):
    lan = Lan(t, 4)
    ear = Ear(t, lan.hosts[3])
    path, meta = made(t)
    off = daemon(t, lan.hosts[0], "--lsd", "no", state="off")
    off.rpc("torrent.add", path=meta, save_dir=os.path.dirname(path))
    assert off.rpc("daemon.info")["lsd"] is None and "local search" not in off.sprat("info").out
    other, other_meta = made(t, "other")
    seed(t, lan.hosts[1], other_meta, other, "--no-lsd").ready()
    our.run(t, [*lan.hosts[2].wrap, our.SPRAT, "show", "--no-lsd", "--give-up-after", "1s", our.show(t, meta)["magnet"]],
            env=ON)
    time.sleep(2)
    assert ear.heard() == []
    with lan.hosts[0].inside(), open("/proc/thread-self/net/udp") as f:
        assert f":{PORT:04X} " not in f.read(), "no socket is open at its port"


@test
def private_torrents_are_never_announced(t):
    lan = Lan(t, 2)
    ear = Ear(t, lan.hosts[1])
    path, meta = made(t, "private", 300_000, "--private", trackers=["http://10.77.0.9:9/announce"])
    public, public_meta = made(t, "public")
    linked, linked_meta = made(t, "linked")
    d = daemon(t, lan.hosts[0], "--loops", "2", state="seeder")
    d.rpc("torrent.add", path=meta, save_dir=os.path.dirname(path))
    d.sprat("add", "--private", "-t", "http://10.77.0.9:9/announce", "-o", t.path("empty", "x")[:-2],
            our.show(t, linked_meta)["magnet"])
    d.await_state("private", "seeding")
    d.rpc("torrent.add", path=public_meta, save_dir=os.path.dirname(public))
    heard = []
    t.wait("the public one", lambda: heard.extend(ear.heard()) or heard, 20)
    time.sleep(2)
    heard += ear.heard()
    assert set().union(*(hashes_in(text) for _, text in heard)) == wire_hashes(public_meta), heard
    assert counts(d)["torrents"] == 2, "both hashes of the public one"
    send_announces(lan, 1, wire_hashes(meta))
    t.wait("the count", lambda: counts(d)["unknown"] == 2, 10)


@test
def a_torrent_that_stops_is_not_announced(t):
    lan = Lan(t, 2)
    path, meta = made(t)
    d = daemon(t, lan.hosts[0], "--loops", "2", state="seeder")
    d.rpc("torrent.add", path=meta, save_dir=os.path.dirname(path))
    t.wait("both hashes", lambda: counts(d)["torrents"] == 2, 20)
    t.wait("the announce", lambda: counts(d)["sent"] > 0, 20)
    assert re.search(r"local search +\d interfaces?; announces: [1-9]", d.sprat("info").out), d.sprat("info").out
    d.sprat("pause", "data")
    time.sleep(1)
    send_announces(lan, 1, [min(wire_hashes(meta))])
    t.wait("the count", lambda: counts(d)["unknown"] == 1, 10)
    assert counts(d)["peers"] == 0


@test
def a_seed_at_rest_wakes(t):
    lan = Lan(t, 2)
    path, meta = made(t)
    d = daemon(t, lan.hosts[0], "--rest-after", "1", state="seeder")
    d.rpc("torrent.add", path=meta, save_dir=os.path.dirname(path))
    d.await_state("data", "seeding")
    time.sleep(3)
    get(t, lan.hosts[1], meta, t.path("copy")).finish(20)
    assert counts(d)["peers"] > 0
    content.assert_same(path, t.path("copy", "data"))


@test
def it_says_why_nothing_comes(t):
    lan = Lan(t, 2)
    _, meta = made(t)
    d = daemon(t, lan.hosts[0], state="alone")
    d.rpc("torrent.add", path=meta, save_dir=t.path("empty", "x")[:-2])
    t.wait("the reason", lambda: "no other peer of this torrent is in the local network" in d.sprat("why", "data").out, 20)


def memory(pid):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read())[1])


def processor_s(pid):
    with open(f"/proc/{pid}/stat") as f:
        words = f.read().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


FLOOD = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(sys.argv[1]))
text = sys.argv[2].encode()
for i in range(int(sys.argv[3])):
    s.sendto(text.replace(b"PORT", b"%d" % (2000 + i % 50000)).replace(b"HASH", b"%040x" % i),
             ("239.192.152.143", 6771))
"""


@test
def a_flood_costs_little(t):
    """Announces of a torrent that is here with ever new ports, and of torrents that are not here."""
    lan = Lan(t, 3)
    path, meta = made(t)
    d = daemon(t, lan.hosts[0], state="victim")
    d.rpc("torrent.add", path=meta, save_dir=t.path("empty", "x")[:-2])
    t.wait("both hashes", lambda: counts(d)["torrents"] == 2, 20)
    before, busy = memory(d.pid), processor_s(d.pid)
    for info_hash in (min(wire_hashes(meta)), "HASH"):
        text = announce(info_hash, 1111).decode().replace("1111", "PORT")
        result = our.run(t, [*lan.hosts[1].wrap, sys.executable, "-c", FLOOD, lan.addresses[1], text, "50000"], seconds=60)
        assert result.status == 0, str(result)
    seen = counts(d)
    note(f"100,000 announces, {seen['received']} read: {processor_s(d.pid) - busy:.2f} s of processor time, "
         f"{memory(d.pid) - before} KiB")
    assert seen["peers"] <= 60 + 60 and seen["limited"] > 1000, seen
    assert processor_s(d.pid) - busy < 5
    if not our.is_sanitized():
        assert memory(d.pid) - before < 4096
    why = d.rpc("torrent.why", torrent="data")
    assert len(why["addresses"]) <= 8, why["addresses"]
    seed(t, lan.hosts[2], meta, path).ready()
    d.await_state("data", "seeding")
    assert d.stop(signal.SIGTERM) == 0


@test
def wrong_words_are_refused(t):
    result = our.run(t, [our.SPRATD, "--lsd", "perhaps"])
    assert result.status == 2 and "lsd" in result.err, str(result)


if __name__ == "__main__":
    our.main(our.SPRAT, our.SPRATD)
