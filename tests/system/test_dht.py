#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The DHT: peers that find each other without a tracker, with one bootstrap address, which is always a node of the test
itself."""

import json
import os
import signal
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import content
import sprat as our
import torrent as torrents
from daemon import Daemon
from fake_peer import Dialer, handshake, read_message
from tap import test

ON = {"SPRAT_DHT": "yes"}
NOWHERE = "127.0.0.1:9"  # a bootstrap address at which nobody answers
PORT = 9                 # the message of BEP 5
DHT_BIT = bytes(7) + b"\x01"


def node(t, *args, bootstrap=None, **more):
    """A daemon with a node of the DHT; |bootstrap| is another daemon."""
    at = bootstrap.listening() if bootstrap else NOWHERE
    return Daemon(t, "--dht-bootstrap", at, *args, env=ON, **more)


def only(daemon):
    """What the only node of a daemon says of itself."""
    nodes = daemon.rpc("daemon.dht")["nodes"]
    assert len(nodes) == 1, nodes
    return nodes[0]


def knows(t, daemon, count=1):
    t.wait("nodes of the DHT", lambda: only(daemon)["nodes_good"] >= count, 30)


def seeding(t, daemon, torrent, path, name="data"):
    daemon.rpc("torrent.add", path=torrent, save_dir=os.path.dirname(path))
    daemon.await_state(name, "seeding")


@test
def a_peer_is_found_without_a_tracker(t):
    for form in ("v1", "v2", "hybrid"):
        name = f"data-{form}"
        path = content.write_file(t.path("origin", name), 300_000, len(form))
        torrent = our.create(t, path, form=form)
        first = node(t, state=f"first-{form}")
        seeder = node(t, "--loops", "3", bootstrap=first, state=f"seeder-{form}")
        seeding(t, seeder, torrent, path, name)
        t.wait("the announce", lambda: only(first)["stored_peers"] > 0, 30)
        getter = our.get(t, torrent, t.path(f"copy-{form}"), "--seed", "none", "--dht-bootstrap", first.listening(),
                         env=ON)
        getter.finish()
        content.assert_same(path, t.path(f"copy-{form}", name))


@test
def a_link_alone_is_enough(t):
    """A magnet link without trackers and peers, and one bootstrap address: the metadata, then the data."""
    path = content.write_file(t.path("origin", "data"), 300_000)
    for form in ("v1", "v2", "hybrid"):
        torrent = our.create(t, path, form=form)
        first = node(t, state=f"first-{form}")
        seeder = node(t, bootstrap=first, state=f"seeder-{form}")
        seeding(t, seeder, torrent, path)
        t.wait("the announce", lambda: only(first)["stored_peers"] > 0, 30)
        magnet = our.show(t, torrent)["magnet"]
        assert "tr=" not in magnet and "x.pe=" not in magnet, magnet
        told = json.loads(our.sprat(t, "show", "--json", "--dht-bootstrap", first.listening(), magnet, status=0,
                                    seconds=60, env=ON).out)
        assert told["name"] == "data" and told["total_size"] == 300_000, told
        our.get(t, magnet, t.path(f"copy-{form}"), "--seed", "none", "--dht-bootstrap", first.listening(),
                env=ON).finish()
        content.assert_same(path, t.path(f"copy-{form}", "data"))


@test
def it_says_why_nothing_comes(t):
    path = content.write_file(t.path("origin", "data"), 300_000)
    torrent = our.create(t, path)
    first = node(t, state="first")
    daemon = node(t, bootstrap=first, state="second")
    daemon.rpc("torrent.add", path=torrent, save_dir=t.path("empty", "x")[:-2])
    t.wait("the reason", lambda: (daemon.state("data") or {}).get("why", {}).get("code") == "dht-empty", 30)
    assert "the DHT knows no other peer of this torrent" in daemon.sprat("why", "data").out


@test
def the_search_waits_for_the_first_node(t):
    """The download is there before any node of the DHT is."""
    path = content.write_file(t.path("origin", "data"), 300_000)
    torrent = our.create(t, path)
    at = our.join(t.address(), 16881)
    getter = our.get(t, torrent, t.path("copy"), "--seed", "none", "--dht-bootstrap", at, env=ON).ready()
    first = Daemon(t, "--listen", at, "--dht-bootstrap", NOWHERE, env=ON, state="first")
    seeder = Daemon(t, "--dht-bootstrap", at, env=ON, state="seeder")
    seeding(t, seeder, torrent, path)
    getter.finish(90)
    content.assert_same(path, t.path("copy", "data"))
    assert first.alive()


@test
def nodes_are_remembered(t):
    first = node(t, state="first")
    second = node(t, bootstrap=first, state="second", ip=t.address())
    knows(t, second)
    identity = only(second)["id"]
    assert second.stop(signal.SIGTERM) == 0
    again = node(t, state="second", ip=second.ip)
    knows(t, again)
    assert only(again)["id"] == identity


@test
def a_private_torrent_is_not_searched_for(t):
    path = content.write_file(t.path("origin", "data"), 300_000)
    torrent = our.create(t, path, "--private", trackers=[f"http://{NOWHERE}/announce"])
    first = node(t, state="first")
    seeder = node(t, bootstrap=first, state="seeder")
    knows(t, seeder)
    seeding(t, seeder, torrent, path)
    public = content.write_file(t.path("origin", "public"), 300_000, 2)
    seeding(t, seeder, our.create(t, public, form="v1"), public, "public")
    t.wait("the search of the public one", lambda: only(seeder)["searches"] == 1, 30)
    t.wait("the announce", lambda: only(first)["stored_hashes"] == 1, 30)


@test
def a_search_ends_with_its_torrent(t):
    path = content.write_file(t.path("origin", "data"), 300_000)
    torrent = our.create(t, path)
    seeder = node(t, "--loops", "2")
    seeding(t, seeder, torrent, path)
    t.wait("both hashes of the hybrid", lambda: only(seeder)["searches"] == 2, 30)
    seeder.sprat("pause", "data")
    t.wait("the end of the searches", lambda: only(seeder)["searches"] == 0, 30)
    seeder.sprat("resume", "data")
    t.wait("the searches", lambda: only(seeder)["searches"] == 2, 30)
    seeder.sprat("rm", "data")
    t.wait("the end of the searches", lambda: only(seeder)["searches"] == 0, 30)


@test
def a_seed_at_rest_is_found(t):
    path = content.write_file(t.path("origin", "data"), 300_000)
    torrent = our.create(t, path)
    first = node(t, state="first")
    seeder = node(t, "--rest-after", "1", bootstrap=first, state="seeder")
    seeding(t, seeder, torrent, path)
    t.wait("the rest", lambda: seeder.state("data")["state_text"] and only(seeder)["searches"] == 2, 30)
    t.wait("the announce", lambda: only(first)["stored_hashes"] == 2, 30)
    our.get(t, torrent, t.path("copy"), "--seed", "none", "--dht-bootstrap", first.listening(), env=ON).finish()


def hello(t, address, info_hash, source=None):
    """A connection whose handshake has the bit of the DHT, and the reserved bytes of the answer."""
    dialer = Dialer(t, address, source=source)
    dialer.send(handshake(info_hash, DHT_BIT))
    answer = b""
    while len(answer) < 68:
        answer += dialer.socket.recv(68 - len(answer))
    return dialer, answer[20:28]


@test
def peers_name_their_nodes(t):
    """PORT messages go to peers whose handshake has the bit of the DHT, and a node that a peer names is asked."""
    path = content.write_file(t.path("origin", "data"), 300_000)
    torrent = our.create(t, path, form="v1")
    info_hash = bytes.fromhex(our.show(t, torrent)["info_hash_v1"])
    seeder = node(t)
    seeding(t, seeder, torrent, path)
    address = seeder.listening()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours:
        ip = t.address()
        ours.bind((ip, 0))
        ours.settimeout(20)
        dialer, reserved = hello(t, address, info_hash, ip)
        assert reserved[7] & 1, reserved
        kind, payload = dialer.read(PORT)
        assert payload == struct.pack(">H", int(address.rpartition(":")[2])), payload
        dialer.send(struct.pack(">IBH", 3, PORT, ours.getsockname()[1]))
        query, sender = ours.recvfrom(2048)
        assert query.startswith(b"d") and b"1:y1:q" in query, query
        assert sender == (address.rpartition(":")[0], int(address.rpartition(":")[2])), sender


class Silent:
    """UDP sockets that answer nothing. `names` has their addresses."""

    def __init__(self, t, count):
        self._sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
        for s in self._sockets:
            t.defer(s.close)
            s.bind((t.address(), 0))
            s.setblocking(False)
        self.names = ["%s:%d" % s.getsockname() for s in self._sockets]
        self._asked = set()

    def asked(self):
        """The number of sockets that have received a query."""
        for name, s in zip(self.names, self._sockets):
            try:
                while True:
                    query = s.recv(2048)
                    assert query.startswith(b"d") and b"1:y1:q" in query, query
                    self._asked.add(name)
            except BlockingIOError:
                pass
        return len(self._asked)


@test
def a_torrent_without_tracker_names_a_node(t):
    path = content.write_file(t.path("origin", "data"), 300_000)
    first = node(t, state="first")
    torrent = our.create(t, path, "--dht-node", first.listening())
    shown = our.show(t, torrent)
    assert shown["trackers"] == [] and shown["dht_nodes"] == [first.listening()], shown
    assert f"DHT nodes     {first.listening()}" in our.sprat(t, "show", torrent, status=0).out
    seeder = node(t, "--loops", "3", state="seeder")
    seeding(t, seeder, torrent, path)
    t.wait("the announce", lambda: only(first)["stored_peers"] > 0, 30)
    getter = our.get(t, torrent, t.path("copy"), "--seed", "none", "--dht-bootstrap", NOWHERE, env=ON)
    getter.finish()
    content.assert_same(path, t.path("copy", "data"))


@test
def few_nodes_of_a_torrent_are_asked(t):
    named = Silent(t, 12)
    path = content.write_file(t.path("origin", "data"), 300_000)
    torrent = our.create(t, path, *[x for name in named.names for x in ("--dht-node", name)])
    assert our.show(t, torrent)["dht_nodes"] == named.names
    daemon = node(t)
    seeding(t, daemon, torrent, path)
    t.wait("the queries", lambda: named.asked() >= 8, 30)  # DHTNAMES_HINTS_TORRENT of peer/engine/dhtnames.h
    time.sleep(1)
    assert named.asked() == 8, named.asked()


@test
def nodes_of_a_private_torrent_are_not_asked(t):
    wrong, right = Silent(t, 1), Silent(t, 1)
    daemon = node(t)
    for name, silent, private in (("a", wrong, True), ("b", right, False)):
        path = content.write_file(t.path("origin", name), 300_000)
        made = torrents.make(path, form="v1", private=private)
        ip, _, port = silent.names[0].rpartition(":")
        made["nodes"] = [[ip, int(port)]]
        torrents.write(made, t.path(name + ".torrent"))
        seeding(t, daemon, t.path(name + ".torrent"), path, name)
    t.wait("the query of the other one", right.asked, 30)
    time.sleep(1)
    assert wrong.asked() == 0
    result = our.sprat(t, "create", "--private", "--dht-node", "node.example:6881", t.path("origin", "a"))
    assert result.status == 2 and "--dht-node" in result.err, str(result)


@test
def without_dht_nothing_is_said_of_it(t):
    path = content.write_file(t.path("origin", "data"), 300_000)
    torrent = our.create(t, path, form="v1")
    info_hash = bytes.fromhex(our.show(t, torrent)["info_hash_v1"])
    seeder = Daemon(t, "--dht", "no", env=ON)
    seeding(t, seeder, torrent, path)
    assert seeder.rpc("daemon.dht") == {"nodes": []}
    assert "the DHT is off" in seeder.sprat("dht").out
    dialer, reserved = hello(t, seeder.listening(), info_hash)
    assert not reserved[7] & 1, reserved
    dialer.send(struct.pack(">IBH", 3, PORT, 6881))
    dialer.socket.settimeout(2)
    try:
        while True:
            kind, _ = read_message(dialer.socket)
            assert kind != PORT
    except (TimeoutError, ConnectionError):
        pass
    ip, _, port = seeder.listening().rpartition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours:
        ours.bind((t.address(), 0))
        ours.sendto(b"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe", (ip, int(port)))
        t.wait("the count", lambda: seeder.rpc("daemon.info")["udp"]["ignored"] == 1, 10)


@test
def wrong_words_are_refused(t):
    for words in (("spratd", "--dht-bootstrap", "nothing"), ("spratd", "--dht", "perhaps")):
        result = our.run(t, [our.SPRATD, *words[1:]])
        assert result.status == 2 and words[1][2:] in result.err, str(result)
    result = our.sprat(t, "create", "--dht-node", "node", "data")
    assert result.status == 2 and "--dht-node: 'node' is not HOST:PORT" in result.err, str(result)
    result = our.sprat(t, "get", "--dht-bootstrap", "host:0", "x.torrent")
    assert result.status == 2 and "HOST:PORT" in result.err, str(result)


if __name__ == "__main__":
    our.main(our.SPRAT, our.SPRATD)
