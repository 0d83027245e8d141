#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Ports and addresses: where the programs listen, and what they do when the network changes under them. Each test
has a network namespace of its own."""

import json
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import content
import sprat as our
from netns import Namespace
from process import Process, run
from tap import main, test

MIB = 1 << 20


def torrent_of(t, name="data", length=MIB):
    path = content.write_file(t.path("origin", name), length)
    return our.create(t, path), os.path.dirname(path)


def seed(t, ns, state, torrent, folder, *args):
    """`sprat seed` without --listen, in the namespace; ready."""
    peer = Process(t, [*ns.wrap, our.SPRAT, "seed", "--json", "--state-dir", t.path(state), *args, torrent, folder])
    peer.said = peer.wait("ready")
    peer.ports = {address.rpartition(":")[2] for address in peer.said["listen_all"]}
    return peer


@test
def the_port_is_one_of_a_state_directory(t):
    ns = Namespace(t)
    torrent, folder = torrent_of(t)
    other, other_folder = torrent_of(t, "other")
    first = seed(t, ns, "state-a", torrent, folder)
    assert first.ports == {"6881"} and first.said["listen_note"] == "", first.said
    assert [a.rpartition(":")[0] for a in first.said["listen_all"]] == ["0.0.0.0", "[::]"], first.said
    second = seed(t, ns, "state-b", torrent, folder)
    assert second.ports == {"6882"} and second.said["listen_note"] == "", "a directory without a port takes the next"
    first.stop(signal.SIGINT)
    again = seed(t, ns, "state-b", other, other_folder)
    assert again.ports == {"6881"}, again.said
    assert again.said["listen_note"] == "port 6882 is in use; listening on 6881 this time", again.said
    again.stop(signal.SIGINT)
    second.stop(signal.SIGINT)
    assert seed(t, ns, "state-b", torrent, folder).ports == {"6882"}, "what was used once is not remembered"


@test
def listen_wins_over_the_remembered_port(t):
    ns = Namespace(t)
    torrent, folder = torrent_of(t)
    peer = seed(t, ns, "state", torrent, folder, "--listen", "127.0.0.1:7000")
    assert peer.said["listen_all"] == ["127.0.0.1:7000"], peer.said
    assert not os.path.exists(t.path("state", "listen-port"))
    peer.stop(signal.SIGINT)
    with open(t.path("state", "listen-port"), "w") as f:
        f.write("70000\n")
    assert seed(t, ns, "state", torrent, folder).ports == {"6881"}, "a number that is no port is not used"
    with open(t.path("state", "listen-port")) as f:
        assert f.read() == "6881\n"


@test
def a_port_that_one_family_lacks_is_in_use(t):
    ns = Namespace(t)
    torrent, folder = torrent_of(t)
    holder = Process(t, [*ns.wrap, sys.executable, "-c",
                         "import socket, time; s = socket.create_server(('::', 6881), family=socket.AF_INET6); "
                         "print('listening', flush=True); time.sleep(3600)"])
    holder.wait_line("listening")
    assert seed(t, ns, "state", torrent, folder).ports == {"6882"}


@test
def all_usual_ports_are_taken(t):
    ns = Namespace(t)
    torrent, folder = torrent_of(t)
    holder = Process(t, [*ns.wrap, sys.executable, "-c",
                         "import socket, time; s = [socket.create_server(('', p)) for p in range(6881, 6900)]; "
                         "print('listening', flush=True); time.sleep(3600)"])
    holder.wait_line("listening")
    peer = seed(t, ns, "state", torrent, folder)
    assert len(peer.ports) == 1 and not peer.ports & {str(p) for p in range(6881, 6900)}, peer.said
    assert len(peer.said["listen_all"]) == 2, peer.said
    peer.stop(signal.SIGINT)
    assert seed(t, ns, "state", torrent, folder).ports == peer.ports, "any port is remembered too"


@test
def the_daemon_keeps_its_port_and_says_when_it_cannot(t):
    ns = Namespace(t)
    torrent, folder = torrent_of(t)

    def start():
        daemon = Process(t, [*ns.wrap, our.SPRATD, "--foreground", "--loops", "2", "--state-dir", t.path("state"),
                             "--socket", t.path("socket")])
        t.wait("the daemon to listen", lambda: any("listening on [::]" in line for line in daemon.errors), 20)
        return daemon

    def info():
        return json.loads(run(t, [our.SPRAT, "info", "--json", "--socket", t.path("socket")]).out)

    daemon = start()
    t.wait("the daemon to answer", lambda: run(t, [our.SPRAT, "info", "--socket", t.path("socket")]).status == 0, 20)
    assert info()["listen"] == ["0.0.0.0:6881", "[::]:6881"] and info()["listen_note"] == "", info()
    daemon.kill()
    other = seed(t, ns, "other", torrent, folder)
    assert other.ports == {"6881"}
    daemon = start()
    note = "port 6881 is in use; listening on 6882 this time"
    t.wait("the daemon to say it", lambda: [line for line in daemon.errors if note in line], 20)
    t.wait("the daemon to answer", lambda: run(t, [our.SPRAT, "info", "--socket", t.path("socket")]).status == 0, 20)
    assert info()["listen_note"] == note, info()
    assert note in run(t, [our.SPRAT, "info", "--socket", t.path("socket")]).out
    assert len([line for line in daemon.errors if note in line]) == 1
    daemon.kill()
    other.stop(signal.SIGINT)
    daemon = start()
    t.wait("the daemon to answer", lambda: run(t, [our.SPRAT, "info", "--socket", t.path("socket")]).status == 0, 20)
    assert info()["listen"] == ["0.0.0.0:6881", "[::]:6881"], info()


def two_hosts(t):
    """Two namespaces with a cable between them: ours has 10.77.0.1, theirs 10.77.0.2."""
    ours, theirs = Namespace(t), Namespace(t)
    ours.join(theirs, "left", "right")
    ours.ip("addr", "add", "10.77.0.1/24", "dev", "left")
    theirs.ip("addr", "add", "10.77.0.2/24", "dev", "right")
    return ours, theirs


def moves(t, who):
    """One of the two, "seeder" or "leecher", gets another address in the middle of a transfer, which goes on."""
    ours, theirs = two_hosts(t)
    torrent, folder = torrent_of(t, length=6 * MIB)
    seed(t, ours, "state-a", torrent, folder, "--up-limit", "400K")
    getter = Process(t, [*theirs.wrap, our.SPRAT, "get", "--json", "--state-dir", t.path("state-b"), "-o", t.path("out"),
                         "--peer", "10.77.0.1:6881", torrent])
    getter.wait("progress", where=lambda e: e["bytes_have"] > MIB)
    ns, end, address = (ours, "left", 1) if who == "seeder" else (theirs, "right", 2)
    ns.ip("addr", "del", f"10.77.0.{address}/24", "dev", end)
    ns.ip("addr", "add", f"10.77.0.{address + 10}/24", "dev", end)
    getter.wait("complete", 90)
    assert content.differences(folder, t.path("out")) == [], "what came is what was sent"


@test(seconds=150)
def a_download_survives_a_new_address(t):
    moves(t, "leecher")


@test(seconds=150)
def a_seeder_with_a_new_address_goes_on(t):
    moves(t, "seeder")


@test
def a_link_local_peer_is_named_with_its_zone(t):
    ours, theirs = Namespace(t), Namespace(t)
    for ns in (ours, theirs):  # without waiting for the search for duplicates
        run(t, [*ns.wrap, "sh", "-c", "echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad"])
    ours.join(theirs, "left", "right")
    ours.ip("addr", "add", "fe80::77/64", "dev", "left", "nodad")
    theirs.ip("addr", "add", "fe80::78/64", "dev", "right", "nodad")
    torrent, folder = torrent_of(t)
    seed(t, ours, "state-a", torrent, folder)
    getter = Process(t, [*theirs.wrap, our.SPRAT, "get", "--json", "--state-dir", t.path("state-b"), "-o", t.path("out"),
                         "--peer", "[fe80::77%right]:6881", torrent])
    getter.wait("complete", 40)
    assert getter.wait("stopped")["peers"][0]["addr"] == "fe80::77%right", getter.last("stopped")


@test
def a_peer_that_refuses_or_has_no_name_is_told(t):
    ns = Namespace(t)
    torrent, _ = torrent_of(t)
    getter = Process(t, [*ns.wrap, our.SPRAT, "get", "--json", "--state-dir", t.path("state"), "-o", t.path("out"),
                         "--peer", "127.0.0.1:9", "--peer", "no-such-host.invalid:6881", torrent])
    getter.wait("warning", where=lambda e: "peer 127.0.0.1:9 refused the connection" in e["message"])
    refused = [e for e in getter.events if "127.0.0.1:9" in e.get("message", "")]
    assert len(refused) == 1, refused
    t.wait("the name to be told of", lambda: [e for e in getter.events if "no-such-host.invalid" in e.get("message", "")])


main()
