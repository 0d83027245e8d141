#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Private torrents (BEP 27): not one packet goes astray. In network namespaces, a daemon has a public torrent, and the DHT, local
discovery, peer exchange and trackers on. Counters of nftables in its namespace show where its packets go. A snitch offers the
private torrent everywhere: in the DHT, in the local network, by peer exchange and in the link; only the tracker does not name
it."""

import json
import os
import shutil
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import bencode
import content
import fake_peer
import fake_tracker
import sprat as our
import torrent
from daemon import Daemon
from netns import Lan
from process import run
from tap import Skip, test

ON = {"SPRAT_DHT": "yes", "SPRAT_LSD": "yes"}
HOSTS = ("tracker", "friend", "us", "node", "public", "snitch")
GROUP, PORT = "239.192.152.143", 6771
EXTENSIONS = bytes([0, 0, 0, 0, 0, 0x10, 0, 0x01])  # BEP 10, and the DHT's bit
DHT_PORT, EXTENDED = 9, 20
PEX_ID, METADATA_ID = 1, 2
HARMLESS = {DHT_PORT, EXTENDED, 15}  # 15: HAVE_NONE; a snitch hears nothing of pieces

RULES = """
table inet watch {
  counter multicast {}
  counter friend_udp {}
  counter astray {}
%s
  chain out {
    type filter hook output priority 0
    oifname "lo" accept
    meta l4proto { igmp, icmpv6 } accept
    ip daddr %s udp dport %d counter name multicast accept
    ip daddr %s meta l4proto udp counter name friend_udp accept
%s
    counter name astray
  }
}
"""


class Net:
    """The hosts, and what the packets of "us" are about."""

    def __init__(self, t):
        if not shutil.which("nft"):
            raise Skip("nft is not installed")
        self.t = t
        lan = Lan(t, len(HOSTS), "45.33")
        self.host = dict(zip(HOSTS, lan.hosts))
        self.ip = dict(zip(HOSTS, lan.addresses))
        others = [name for name in HOSTS if name != "us"]
        counters = "\n".join(f"  counter {name} {{}}" for name in others)
        rules = "\n".join(f"    ip daddr {self.ip[name]} counter name {name} accept" for name in others)
        path = t.path("rules")
        with open(path, "w") as f:
            f.write(RULES % (counters, GROUP, PORT, self.ip["friend"], rules))
        result = run(t, [*self.host["us"].wrap, "nft", "-f", path])
        if result.status != 0:
            raise Skip(f"nftables can't be used here: {result.err.splitlines()[0]}")
        self._secrets = []
        self.told = set()  # addresses that got packets with a secret in them
        with self.host["us"].inside():
            self._tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
        t.defer(self._tap.close)
        threading.Thread(target=self._watch, daemon=True).start()

    def counts(self):
        result = run(self.t, [*self.host["us"].wrap, "nft", "-j", "list", "counters"])
        found = [x["counter"] for x in json.loads(result.out)["nftables"] if "counter" in x]
        return {c["name"]: c["packets"] for c in found}

    def reset(self):
        assert run(self.t, [*self.host["us"].wrap, "nft", "reset", "counters"]).status == 0
        self.told.clear()

    def keep_secret(self, info_hash):
        self._secrets += [info_hash, info_hash.hex().encode()]

    def _watch(self):
        while True:
            try:
                data, at = self._tap.recvfrom(65536)
            except OSError:
                return
            if at[2] == socket.PACKET_OUTGOING and any(s in data for s in self._secrets):
                self.told.add(socket.inet_ntoa(data[16:20]) if data[0] >> 4 == 4 else "IPv6")

    def only_friends_know(self):
        """No packet has gone to anybody who is not meant to know of the private torrent."""
        counts = self.counts()
        assert counts["tracker"] > 0 and counts["friend"] > 0, counts
        assert counts["multicast"] == counts["snitch"] == counts["astray"] == 0, counts
        assert self.told <= {self.ip["tracker"], self.ip["friend"]}, self.told


class Friend(fake_peer.FakeSeeder):
    """A seeder that gives the metadata too, names the snitch by peer exchange, and says that it has a DHT node. It serves
    slowly, so that there is time for mistakes."""

    def __init__(self, net, meta, data):
        self._info = torrent.read(meta)[b"info"]
        self._net = net
        self.ready = threading.Event()  # the metadata may be given
        self.ready.set()
        self.answered = False
        super().__init__(net.t, torrent.hashes(torrent.read(meta))[0], data, self._info[b"piece length"], ip=net.ip["friend"],
                         behave=Friend.act, reserved=EXTENSIONS)

    def act(self, connection):
        info = bencode.encode(self._info)
        snitch = fake_tracker.peers_of(f"{self._net.ip['snitch']}:7000")
        send = connection.sendall
        send(extended(0, {"m": {"ut_pex": PEX_ID, "ut_metadata": METADATA_ID}, "metadata_size": len(info)}))
        send(fake_peer.message(DHT_PORT, struct.pack(">H", 7001)))
        self.claim_all(connection)
        theirs = {}
        while True:
            kind, payload = fake_peer.read_message(connection)
            if kind == EXTENDED and payload[0] == 0:
                theirs = bencode.decode(payload[1:])[b"m"]
                send(extended(theirs.get(b"ut_pex", 7), {"added": snitch, "added.f": b"\x12"}))
            elif kind == EXTENDED and payload[0] == METADATA_ID:
                self.ready.wait(30)
                head = {"msg_type": 1, "piece": 0, "total_size": len(info)}
                send(extended(theirs[b"ut_metadata"], head, info))
                self.answered = True
            elif kind == fake_peer.REQUEST:
                time.sleep(0.1)
                index, begin, length = struct.unpack(">III", payload)
                at = index * self.piece_length + begin
                send(fake_peer.message(fake_peer.PIECE, struct.pack(">II", index, begin) + self.data[at:at + length]))


def extended(number, value, more=b""):
    return fake_peer.message(EXTENDED, bytes([number]) + bencode.encode(value) + more)


class Snitch:
    """Takes connections at port 7000 of its host, records the messages, and offers the private torrent in the DHT and in the
    local network."""

    def __init__(self, net, info_hash):
        self._net, self._hash = net, info_hash
        self.met = threading.Event()
        self.heard = []
        self.open = 0
        with net.host["snitch"].inside():
            self._server = socket.create_server((net.ip["snitch"], 7000))
            net.t.defer(self._server.close)
            self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            net.t.defer(self._udp.close)
            self._udp.bind((net.ip["snitch"], 7000))
            self._udp.settimeout(20)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._listen, args=(connection,), daemon=True).start()

    def _listen(self, connection):
        self.open += 1
        with connection:
            try:
                fake_peer.read_exactly(connection, 68)
                connection.sendall(fake_peer.handshake(self._hash, EXTENSIONS))
                connection.sendall(extended(0, {"m": {"ut_metadata": 1}}))
                self.met.set()
                while True:
                    self.heard.append(fake_peer.read_message(connection)[0])
            except OSError:
                self.open -= 1

    def announce_locally(self):
        text = f"BT-SEARCH * HTTP/1.1\r\nHost: {GROUP}:{PORT}\r\nPort: 7000\r\nInfohash: {self._hash.hex()}\r\n\r\n\r\n"
        self._udp.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(self._net.ip["snitch"]))
        self._udp.sendto(text.encode(), (GROUP, PORT))

    def announce_in_dht(self):
        node = (self._net.ip["node"], 6881)
        ask = {"id": b"s" * 20, "info_hash": self._hash}
        token = self._query(node, "get_peers", ask)[b"token"]
        self._query(node, "announce_peer", {**ask, "port": 7000, "token": token})

    def _query(self, node, method, arguments):
        self._udp.sendto(bencode.encode({"a": arguments, "q": method, "t": "sn", "y": "q"}), node)
        while True:
            answer = bencode.decode(self._udp.recv(2048))
            if answer.get(b"y") == b"r" and answer[b"t"] == b"sn":
                return answer[b"r"]


class World:
    """Everything, and a daemon whose public torrent is complete: the DHT, local discovery and a tracker were used for it."""

    def __init__(self, t):
        self.t = t
        self.net = net = Net(t)
        with net.host["tracker"].inside():
            self.tracker = fake_tracker.FakeTracker(t, self._reply, ip=net.ip["tracker"])
        self.path = content.write_file(t.path("private", "secret"), 700_000)
        self.meta = our.create(t, self.path, "--private", form="v1", trackers=[self.tracker.url])
        self.hash = torrent.hashes(torrent.read(self.meta))[0]
        net.keep_secret(self.hash)
        with open(self.path, "rb") as f, net.host["friend"].inside():
            self.friend = Friend(net, self.meta, f.read())
        self.snitch = Snitch(net, self.hash)
        self._daemon("node")
        self.us = self._daemon("us")
        t.wait("the DHT", lambda: self.us.rpc("daemon.dht")["nodes"][0]["nodes_good"] > 0, 30)
        self.snitch.announce_in_dht()
        self._get_public()

    def _reply(self, path, query, number):
        is_private = query["info_hash"] == self.hash
        return fake_tracker.good(*([self.friend.address] if is_private else []))

    def _options(self, name):
        return "--listen", f"{self.net.ip[name]}:6881", "--dht-bootstrap", f"{self.net.ip['node']}:6881"

    def _daemon(self, name):
        return Daemon(self.t, *self._options(name), state=name, env=ON, wrap=self.net.host[name].wrap)

    def _get_public(self):
        path = content.write_file(self.t.path("public", "open"), 300_000, 5)
        meta = our.create(self.t, path, form="v1", trackers=[self.tracker.url])
        our.seed(self.t, meta, os.path.dirname(path), *self._options("public"), env=ON, wrap=self.net.host["public"].wrap)
        self.us.rpc("torrent.add", path=meta, save_dir=self.folder("open-copy"))
        self.us.await_state("open", "seeding")
        self.t.wait("packets of each kind", lambda: all(
            self.net.counts()[name] > 0 for name in ("multicast", "node", "public", "tracker")), 20)
        counts = self.net.counts()
        assert counts["snitch"] == counts["friend"] == counts["astray"] == 0, counts
        self.net.reset()

    def folder(self, name):
        return os.path.dirname(self.t.path(name, "x"))

    def link(self, *more):
        return "&".join([f"magnet:?xt=urn:btih:{self.hash.hex()}&dn=secret&tr={self.tracker.url}",
                         f"x.pe={self.net.ip['snitch']}:7000", *more])

    def tempt(self):
        """Local announces of the snitch, until the private torrent is complete and three seconds longer."""
        def complete():
            self.snitch.announce_locally()
            state = self.us.state("secret")
            return state and state["state"] == "seeding"
        self.t.wait("the private torrent", complete, 60, step=0.3)
        for _ in range(10):
            self.snitch.announce_locally()
            time.sleep(0.3)
        content.assert_same(self.path, os.path.join(self.folder("copy"), "secret"))


@test(seconds=120)
def from_a_file(t):
    world = World(t)
    world.us.rpc("torrent.add", path=world.meta, save_dir=world.folder("copy"))
    world.tempt()
    world.net.only_friends_know()
    assert world.net.counts()["friend_udp"] == 0, "its DHT node is not asked"
    assert not world.snitch.met.is_set()


@test(seconds=120)
def from_a_link_that_is_said_to_be_private(t):
    world = World(t)
    world.us.sprat("add", "--private", "-o", world.folder("copy"), world.link())
    world.tempt()
    world.net.only_friends_know()
    assert world.net.counts()["friend_udp"] == 0, "its DHT node is not asked"
    assert world.friend.answered and not world.snitch.met.is_set()


@test(seconds=120)
def from_a_link_that_says_so_itself(t):
    world = World(t)
    world.us.sprat("add", "-o", world.folder("copy"), world.link("x.private=1"))
    world.tempt()
    world.net.only_friends_know()
    assert world.net.counts()["friend_udp"] == 0, "its DHT node is not asked"
    assert world.friend.answered and not world.snitch.met.is_set()


@test(seconds=120)
def from_a_link_whose_metadata_turns_out_to_be_private(t):
    """Until the metadata is known, everybody is asked for it. From then on only friends hear of the torrent, and the snitch has
    heard nothing of pieces."""
    world = World(t)
    world.friend.ready.clear()
    world.us.sprat("add", "-o", world.folder("copy"), world.link())

    def met():
        world.snitch.announce_locally()
        return world.snitch.met.is_set()
    t.wait("the snitch to be asked", met, 30, step=0.2)
    world.friend.ready.set()
    world.us.await_state("secret", "downloading", "seeding")
    t.wait("the snitch to be left", lambda: world.snitch.open == 0, 10)
    time.sleep(0.5)
    world.net.reset()
    world.tempt()
    world.net.only_friends_know()
    assert set(world.snitch.heard) <= HARMLESS, world.snitch.heard


if __name__ == "__main__":
    our.main(our.SPRAT, our.SPRATD)
