#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Sharing by one line on each machine: `sprat seed PATH…` prints a link, `sprat get LINK` fetches it. The addresses in the
link, several paths, the end after N copies, receivers that stay for others, the table of receivers."""

import os
import re
import shlex
import signal
import sys
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import content
import fake_peer
import sprat as our
from netns import Namespace
from process import run
from tap import test
from terminal import columns_of, drawn_lines, on_terminal

MIB = 1 << 20


def share(t, *paths, **more):
    """`sprat seed PATHS`, and the link that it prints."""
    seeder = our.Peer(t, "seed", *paths, **more).ready()
    return seeder, seeder.last("ready")["magnet"]


def parts(link):
    """The parameters of a link, each a list."""
    return urllib.parse.parse_qs(link.partition("?")[2], strict_parsing=True)


def say(t, verb, *args):
    """The words of a `sprat seed` or `sprat get` that writes text, on a free port and with a state of its own."""
    t.says = getattr(t, "says", 0) + 1
    return [our.SPRAT, verb, "--listen", f"{t.address()}:0", "--state-dir", t.path(f"said-{t.says}", "x")[:-2], *args]


# --- the link ---

@test
def the_printed_command_fetches_the_file(t):
    path = content.write_file(t.path("origin", "it's 1 & 2.bin"), 3 * MIB)
    seeder = our.Process(t, say(t, "seed", path))
    command = shlex.split(seeder.wait_line("get it with: ").partition("get it with: ")[2])
    assert command[:2] == ["sprat", "get"] and len(command) == 3, command
    got = run(t, say(t, "get", "-o", t.path("out", "x")[:-2], command[2]))
    assert got.status == 0 and "it's 1 & 2.bin: 3.0 MiB in 1 file" in got.out, str(got)
    content.assert_same(path, t.path("out", "it's 1 & 2.bin"))
    assert seeder.stop(signal.SIGINT) == 130


@test
def the_link_has_hashes_trackers_and_the_address(t):
    path = content.write_file(t.path("origin", "data"), MIB)
    seeder, link = share(t, "-t", "http://127.0.0.1:1/announce", path)
    shown = our.show(t, seeder.last("ready")["torrent"])
    had = parts(link)
    assert had == {"xt": ["urn:btih:" + shown["info_hash_v1"], "urn:btmh:1220" + shown["info_hash_v2"]], "dn": ["data"],
                   "tr": ["http://127.0.0.1:1/announce"], "x.pe": [seeder.address]}, had


@test
def the_link_of_a_torrent_file_has_its_web_seeds_and_more_trackers(t):
    path = content.write_file(t.path("origin", "data"), MIB)
    meta = our.create(t, path, "-w", "http://127.0.0.1:1/web", trackers=["http://127.0.0.1:1/a"])
    more = [word for url in ("http://127.0.0.1:1/a", "http://127.0.0.1:1/b") for word in ("-t", url)]
    had = parts(share(t, *more, meta, os.path.dirname(path))[1])
    assert had["tr"] == ["http://127.0.0.1:1/a", "http://127.0.0.1:1/b"], had
    assert had["ws"] == ["http://127.0.0.1:1/web"] and len(had["x.pe"]) == 1, had


@test
def the_link_of_a_private_torrent_names_no_address(t):
    path = content.write_file(t.path("origin", "data"), MIB)
    meta = our.create(t, path, "--private", trackers=["http://127.0.0.1:1/a"])
    had = parts(share(t, "-t", "http://127.0.0.1:1/b", meta, os.path.dirname(path))[1])
    assert had["x.private"] == ["1"] and "x.pe" not in had and had["tr"] == ["http://127.0.0.1:1/a"], had


@test
def the_link_names_all_addresses_that_others_can_reach(t):
    ns, other = Namespace(t), Namespace(t)
    path = content.write_file(t.path("origin", "data"), MIB)
    both = ("--listen", "0.0.0.0:7000", "--listen", "[::]:7000")
    seeder, link = share(t, *both, path, wrap=ns.wrap)
    assert sorted(parts(link)["x.pe"]) == ["127.0.0.1:7000", "[::1]:7000"], "there is nothing but loopback"
    assert seeder.interrupt() == 130
    ns.join(other, "near", "far")
    for address in ("10.7.0.1/24", "45.33.1.1/24", "169.254.3.3/16", "fd00::5/64", "2001:db8::5/64"):
        ns.ip("addr", "add", address, "dev", "near", *(["nodad"] if ":" in address else []))
    ns.join(other, "idle", "off")
    other.ip("link", "set", "off", "down") # an interface without carrier, as a bridge without containers has
    ns.ip("addr", "add", "10.8.0.1/24", "dev", "idle")
    _, link = share(t, *both, path, wrap=ns.wrap)
    names = parts(link)["x.pe"]
    assert sorted(names) == sorted(["45.33.1.1:7000", "[2001:db8::5]:7000", "10.7.0.1:7000", "[fd00::5]:7000"]), names
    assert {names[0], names[1]} == {"45.33.1.1:7000", "[2001:db8::5]:7000"}, "global addresses come first"
    _, link = share(t, "--listen", "10.7.0.1:7001", path, wrap=ns.wrap)
    assert parts(link)["x.pe"] == ["10.7.0.1:7001"]


# --- several paths ---

@test
def several_paths_become_one_torrent(t):
    tree = content.write_tree(t.path("one", "tree"), content.nested(1 << 17))
    os.symlink("b", os.path.join(tree, "a", "link"))
    lone = content.write_file(t.path("two", "deep", "lone.bin"), 200_000)
    seeder, link = share(t, "--name", "both of them", tree, lone)
    assert parts(link)["dn"] == ["both of them"]
    our.get(t, link, t.path("out")).finish()
    got = t.path("out", "both of them")
    assert sorted(os.listdir(got)) == ["lone.bin", "tree"]
    content.assert_same(lone, os.path.join(got, "lone.bin"))
    content.assert_same(tree, os.path.join(got, "tree"))
    assert os.readlink(os.path.join(got, "tree", "a", "link")) == "b"
    assert not seeder.stderr, seeder.stderr


@test
def several_paths_have_a_name_and_the_same_link_again(t):
    paths = [content.write_file(t.path(name, name), 100_000 + len(name)) for name in ("aa", "b", "ccc")]
    state = ("--state-dir", t.path("state", "x")[:-2])
    links = []
    for order in (paths, paths):
        seeder, link = share(t, *state, *order)
        links.append(link.partition("&x.pe=")[0])
        assert seeder.interrupt() == 130
    assert links[0] == links[1] and "dn=aa%20and%202%20more" in links[0], links
    assert len(os.listdir(os.path.join(state[1], "shares"))) == 1


@test
def paths_that_do_not_go_together(t):
    one, other = (content.write_file(t.path(name, "same"), 1000) for name in ("x", "y"))
    third = content.write_file(t.path("third"), 1000)
    twice = our.sprat(t, "seed", one, third, other, status=1)
    assert one in twice.err and other in twice.err and "same name" in twice.err, str(twice)
    assert "can't read" in our.sprat(t, "seed", one, t.path("missing"), status=1).err
    for name in ("", "a/b", "..", "x" * 256):
        assert "can't be the name" in our.sprat(t, "seed", "--name", name, one, third, status=1).err, name
    assert "--name needs several paths" in our.sprat(t, "seed", "--name", "x", one, status=2).err
    own = our.sprat(t, "seed", "-f", "-o", third, one, third, status=1)
    assert "is the content itself" in own.err and os.path.getsize(third) == 1000, str(own)
    meta = our.create(t, third)
    assert "nothing else" in our.sprat(t, "seed", meta, t.dir, one, status=2).err
    for count in ("0", "-1", "x", "9999999999"):
        assert "--until needs a number" in our.sprat(t, "seed", "--until", count, one, status=2).err


# --- the end ---

@test
def a_seeder_ends_when_its_copies_are_out(t):
    path = content.write_file(t.path("origin", "data"), 6 * MIB)
    seeder, link = share(t, "--until", "3", "--up-limit", "4M", path)
    getters = [our.get(t, link, t.path(f"out{i}")) for i in range(3)]
    stopped = seeder.finish()
    assert seeder.last("copies") == {**seeder.last("copies"), "out": 3, "until": 3}
    assert stopped["up"] < 3 * 6 * MIB, "they feed each other"
    for i, getter in enumerate(getters):
        getter.finish()
        content.assert_same(path, t.path(f"out{i}", "data"))


@test
def a_peer_that_comes_complete_is_no_copy(t):
    path = content.write_file(t.path("origin", "data"), 2 * MIB)
    seeder, link = share(t, "--until", "1", path)
    info_hash = bytes.fromhex(our.show(t, seeder.last("ready")["torrent"])["info_hash_v1"])
    for late in (False, True):
        whole = fake_peer.Dialer(t, seeder.address, info_hash)
        if late: # a peer that never wanted anything, and says late that it has all
            seeder.wait("progress", where=lambda e: e["peers"] > 0)
        whole.send(fake_peer.message(fake_peer.BITFIELD, b"\xff" * 8))
        assert whole.is_closed(), "two seeds have nothing to tell each other"
    seeder.wait("progress", where=lambda e: e["peers"] == 0)
    assert seeder.alive() and not seeder.last("copies"), seeder.report()
    our.get(t, link, t.path("out")).finish()
    seeder.finish()


@test
def a_receiver_that_was_killed_goes_on_and_counts_once(t):
    rate, size = 4 * MIB, 16 * MIB
    path = content.write_file(t.path("origin", "data"), size)
    seeder, link = share(t, "--until", "1", path)
    state = ("--state-dir", t.path("state", "x")[:-2])
    getter = our.get(t, link, t.path("out"), "--down-limit", str(rate), *state)
    had = getter.wait("progress", 40, lambda e: e["bytes_have"] >= size // 2)["bytes_have"]
    getter.kill()
    assert seeder.alive()
    stopped = our.get(t, link, t.path("out"), *state).finish()
    lost = stopped["down"] - (size - had)
    assert lost <= rate, f"{lost} bytes are more than a second's work"
    content.assert_same(path, t.path("out", "data"))
    seeder.finish()
    assert seeder.last("copies")["out"] == 1


# --- receivers stay for each other ---

def two_receivers(t, *args, run="run"):
    """One receiver that is complete, and a slow one that is not, of a seeder that is gone."""
    path = content.write_file(t.path("origin", "data"), 16 * MIB)
    seeder, link = share(t, path)
    fast = our.get(t, link, t.path(run, "fast"), "--down-limit", "6M", *args)
    slow = our.get(t, link, t.path(run, "slow"), "--down-limit", "2M", peers=[fast.ready()])
    slow.wait("progress", where=lambda e: e["peers"] >= 2)
    fast.complete()
    assert seeder.interrupt() == 130
    return path, fast, slow


@test
def a_receiver_feeds_the_others_to_the_end(t):
    path, fast, slow = two_receivers(t)
    slow.finish()
    content.assert_same(path, t.path("run", "slow", "data"))
    assert fast.finish()["up"] > MIB
    assert fast.last("linger")["seconds"] == 60, fast.report()


@test
def a_receiver_that_shall_not_linger_goes_at_once(t):
    for args in (("--linger", "0"), ("--seed", "none")):
        _, fast, slow = two_receivers(t, *args, run=args[0])
        fast.finish(10)
        assert not fast.last("linger") and slow.alive(), slow.report()
        slow.kill()


@test
def a_receiver_lingers_no_longer_than_it_sends(t):
    path = content.write_file(t.path("origin", "data"), MIB)
    seeder, link = share(t, path)
    info_hash = bytes.fromhex(our.show(t, seeder.last("ready")["torrent"])["info_hash_v1"])
    getter = our.get(t, link, t.path("out"), "--linger", "2s", "--down-limit", "500K").ready()
    getter.wait("checked")
    wants = fake_peer.Dialer(t, getter.address, info_hash)
    wants.send(fake_peer.message(fake_peer.INTERESTED))
    complete = getter.complete()
    getter.finish(20)
    assert 1.5 < getter.last("stopped")["time"] - complete["time"] < 2 + 5, getter.report()


@test
def linger_and_seed_exclude_each_other(t):
    wrong = our.sprat(t, "get", "--linger", "5m", "--seed", "forever", "x.torrent", status=2)
    assert "exclude each other" in wrong.err, str(wrong)
    assert "--linger needs a time" in our.sprat(t, "get", "--linger", "soon", "x.torrent", status=2).err


# --- the screen ---

@test
def a_table_of_receivers_on_a_terminal(t):
    path = content.write_file(t.path("origin", "data"), 8 * MIB)
    meta = our.create(t, path)
    listen = f"{t.address()}:0"
    ready, getter = [], []

    def until(written):
        port = re.search(rb"listening on ([0-9.]+:\d+)", written)
        if port and not ready:
            ready.append(port.group(1).decode())
            getter.append(our.get(t, meta, t.path("out"), "--peer", ready[0], "--down-limit", "4M"))
        return b"complete" in written

    text, status = on_terminal(t, [our.SPRAT, "seed", "--listen", listen, "--state-dir", t.path("s", "x")[:-2], meta,
                                   os.path.dirname(path)], 70, until=until)
    assert status == 130, text
    rows = [re.sub(r"\033\[[?0-9]*[a-zA-Z]", "", line) for line in drawn_lines(text)]
    assert any(re.match(r"receiver +has +from us", row) for row in rows), rows
    assert any(re.match(r"127\.[0-9.]+:\d+ +\[=*>? *\] +\d+\.\d% +.*iB/s", row) for row in rows), rows
    assert any(re.match(r"127\.[0-9.]+:\d+ +\[=*\] +100\.0% +complete", row) for row in rows), rows
    assert all(columns_of(line) < 70 for line in drawn_lines(text)), rows
    assert "data: 1 whole copy is out" in text, text


@test
def lines_about_receivers_where_there_is_no_terminal(t):
    path = content.write_file(t.path("origin", "data"), 8 * MIB)
    seeder = our.Process(t, say(t, "seed", "--up-limit", "1M", "--until", "1", path))
    link = shlex.split(seeder.wait_line("get it with: "))[-1]
    our.get(t, link, t.path("out")).finish()
    assert seeder.status() == 0
    out = "\n".join(seeder.lines)
    assert re.search(r"^data: receiver 127\.[0-9.]+:\d+ has \d+\.\d%, gets .*iB/s$", out, re.M), out
    assert "data: 1 of 1 whole copy is out" in out and "\033" not in out and "\r" not in out, out


if __name__ == "__main__":
    our.main(our.SPRAT)
