#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""sprat-tracker as a program: its command line, its configuration file, its addresses, its end."""

import contextlib
import hashlib
import json
import os
import pwd
import re
import signal
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
import bencode
from process import Process, run
from sprat import SOURCE, TRACKER, Tracker, join, need
from tap import Skip, main, test
from tracker_client import (HASH, Udp, compact, http_announce, http_bytes, http_get, http_scrape, query,
                            responses)


EXAMPLE = os.path.join(SOURCE, "tracker", "daemon", "sprat-tracker.conf")


def tracker(t, *args, status):
    result = run(t, [TRACKER, *args])
    assert result.status == status, result
    return result


@test
def help_and_version(t):
    out = tracker(t, "--help", status=0).out
    assert "--listen-http ADDR:PORT" in out and "Example:" in out
    assert tracker(t, "--version", status=0).out.startswith("sprat-tracker ")


@test
def wrong_usage_ends_with_2_and_one_line(t):
    for args, text in (
            (["--listen-htpp", "127.0.0.1:0"], "--listen-http"),
            (["--interval"], "interval"),
            (["--interval", "soon"], "'soon'"),
            (["--listen-udp", "localhost:80"], "'localhost:80'"),
            (["--listen-udp", "127.0.0.1:65536"], "65536"),
            (["somefile"], "somefile")):
        err = tracker(t, *args, status=2).err
        assert text in err and err.count("\n") == 1 and err.startswith("sprat-tracker: "), err


@test
def a_port_in_use_is_one_line_and_1(t):
    ip = t.address()
    with socket.create_server((ip, 0)) as taken:
        address = join(ip, taken.getsockname()[1])
        err = tracker(t, "--listen-http", address, status=1).err
        assert address in err and err.count("\n") == 1, err
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((ip, 0))
        address = join(ip, taken.getsockname()[1])
        err = tracker(t, "--listen-udp", address, status=1).err
        assert address in err and err.count("\n") == 1, err


@test
def configuration_files(t):
    path = t.path("tracker.conf")
    with open(path, "w") as f:
        f.write(f"# a comment\n[tracker]\nlisten-http = {t.address()}:0\ninterval = 77\n")
    running = Process(t, [TRACKER, "-c", path])
    assert "listening http" in running.wait_line("listening ")
    assert running.stop() == 0
    for text, line, reason in (("interval = 1\nintervall = 2\n", 2, "did you mean 'interval'"),
                               ("\nlisten-http = nowhere\n", 2, "nowhere"),
                               ("what is this\n", 1, "key = value")):
        with open(path, "w") as f:
            f.write(text)
        err = tracker(t, "-c", path, status=1).err
        assert f"{path}:{line}:" in err and reason in err and err.count("\n") == 1, err
    assert path + "x" in tracker(t, "-c", path + "x", status=1).err
    assert t.dir in tracker(t, "-c", t.dir, status=1).err


@test
def the_example_configuration_is_good(t):
    """With its defaults in force; the command line keeps it off the real addresses."""
    with open(EXAMPLE) as f:
        text = f.read()
    path = t.path("example.conf")
    with open(path, "w") as f:
        # All but files and users, which are not there.
        f.write(re.sub(r"(?m)^#(?![\w-]+-(?:list|file|cert|key) |user )(\S)", r"\1", text))
    running = Process(t, [TRACKER, "-c", path, "--listen-udp", join(t.address(), 0)])
    running.wait_line("listening udp")
    assert running.stop() == 0


@test
def every_option_is_in_the_manual_and_the_example(t):
    options = re.findall(r"--([a-z-]+) [A-Z]", tracker(t, "--help", status=0).out)
    assert len(set(options)) > 10
    with open(EXAMPLE) as f:
        example = f.read()
    with open(os.path.join(SOURCE, "man", "sprat-tracker.8")) as f:
        manual = f.read()
    for name in set(options) - {"config"}:
        assert f"\n#{name} = " in example, f"{name} is not in the example"
        assert f"Fl -{name} Ar" in manual, f"{name} is not in the manual"


def write(path, text):
    with open(path, "w") as f:
        f.write(text)


def reread(t, running, text):
    """SIGHUP, and the line of what came of it that contains text."""
    before = len(running.errors)
    running.send(signal.SIGHUP)

    def said():
        return next((line for line in running.errors[before:] if text in line), None)
    return t.wait(f"{text!r} after SIGHUP", said, 15)


@test
def an_allow_list_is_read_again_on_sighup(t):
    other, path = bytes(20), t.path("list")
    write(path, f"# ours\n{HASH.hex()} a remark\n")
    running = Tracker(t, "--allow-list", path)
    assert b"failure reason" not in http_announce(running.http, 1)
    refused = http_announce(running.http, 1, info_hash=other)
    assert b"does not serve" in refused[b"failure reason"] and refused[b"retry in"] > 0, refused
    write(path, "not a hash\n")
    assert f"{path}: line 1:" in reread(t, running, "nothing is changed")
    assert b"failure reason" not in http_announce(running.http, 1)
    write(path, f"{other.hex()}\n")
    reread(t, running, "read the settings again")
    assert b"failure reason" in http_announce(running.http, 1)
    assert b"failure reason" not in http_announce(running.http, 1, info_hash=other)
    udp = Udp(t, running.udp)
    assert "does not serve" in udp.error(udp.announce_packet(udp.connect(), 1))
    assert running.stop() == 0


@test
def sighup_reads_the_configuration_again(t):
    path, deny = t.path("tracker.conf"), t.path("deny")
    write(path, f"listen-http = {t.address()}:0\nmin-interval = 60\ninterval = 600\n")
    running = Process(t, [TRACKER, "-c", path])
    url = f"http://{running.wait_line('listening http').split()[-1]}/announce"
    assert 600 <= http_announce(url, 1)[b"interval"] <= 675
    write(deny, f"{HASH.hex()}\n")
    write(path, f"listen-http = {t.address()}:0\ninterval = 6000\ndeny-list = {deny}\n")
    reread(t, running, "wait for a restart")
    t.wait("the settings to be read", lambda: "read the settings again" in running.stderr, 15)
    assert b"failure reason" in http_announce(url, 1)
    assert 6000 <= http_announce(url, 1, info_hash=bytes(20))[b"interval"] <= 6750
    assert running.stop() == 0


@test
def numbers_for_the_operator(t):
    path = t.path("list")
    write(path, HASH.hex())
    running = Tracker(t, "--listen-admin", f"{t.address()}:0", "--allow-list", path)
    url = f"http://{running.wait_line('listening admin').split()[-1]}/"
    for number in range(3):
        http_announce(running.http, number + 1, left=number)
    http_announce(running.http, 1, info_hash=bytes(20))
    http_scrape(running.http)
    assert http_get(url, "/health") == (200, b"ok\n")
    numbers = json.loads(http_get(url, "/stats")[1])
    told = {"announces": 4, "scrapes": 1, "refused": 1, "torrents": 1, "peers_ipv4": 3, "peers_ipv6": 0, "listed": 1}
    assert {name: numbers[name] for name in told} == told, numbers
    assert numbers["memory_bytes"] > 0 and numbers["http_errors"] == 1, numbers
    text = http_get(url, "/metrics")[1].decode()
    assert "# TYPE sprat_tracker_announces_total counter\nsprat_tracker_announces_total 4\n" in text, text
    assert "# TYPE sprat_tracker_peers_ipv4 gauge\nsprat_tracker_peers_ipv4 3\n" in text, text
    assert http_get(url, "/announce")[0] == 404
    assert http_get(running.http, "/metrics")[0] == 404
    assert running.stop() == 0


@test
def two_lists_or_one_that_cannot_be_read(t):
    a = t.path("a")
    write(a, "")
    assert "not both" in tracker(t, "--allow-list", a, "--deny-list", a, status=2).err
    assert a + "x" in tracker(t, "--allow-list", a + "x", status=1).err


@test
def peers_survive_a_restart(t):
    path = t.path("state")
    first = Tracker(t, "--state-file", path)
    for number in range(1, 6):
        http_announce(first.http, number, left=number % 2)
    assert first.stop() == 0
    assert os.stat(path).st_mode & 0o777 == 0o600
    second = Tracker(t, "--state-file", path)
    answer = http_announce(second.http, 9)
    assert (answer[b"complete"], answer[b"incomplete"]) == (2, 4), answer
    t.wait("its word about them", lambda: "peers=5 torrents=1 seconds_ago=" in second.stderr, 10)
    assert second.stop() == 0


@test
def a_kill_loses_at_most_what_came_since_the_last_save(t):
    path = t.path("state")
    first = Tracker(t, "--state-file", path, "--save-interval", "1")
    http_announce(first.http, 1)
    t.wait("a save with the peer in it", lambda: os.path.exists(path) and os.path.getsize(path) > 65, 20)
    first.kill()
    second = Tracker(t, "--state-file", path)
    assert http_announce(second.http, 2)[b"incomplete"] == 2
    assert second.stop() == 0


@test
def a_broken_state_file_is_set_aside(t):
    path = t.path("state")
    write(path, "SPRTSWM1 and nothing that a tracker wrote")
    running = Tracker(t, "--state-file", path)
    assert http_announce(running.http, 1)[b"incomplete"] == 1
    assert running.wait_error(path) and os.path.exists(path + ".bad")
    assert running.stop() == 0
    assert http_announce(Tracker(t, "--state-file", path).http, 2)[b"incomplete"] == 2


@test
def a_state_file_that_cannot_be_written_is_said_and_no_more(t):
    running = Tracker(t, "--state-file", t.path("no", "such") + "/folder/state", "--save-interval", "1")
    t.wait("the complaint", lambda: "not saved" in running.stderr, 20)
    assert http_announce(running.http, 1)[b"incomplete"] == 1
    assert running.stop() == 0


def write_state(path, torrents, peers):
    """A state file of so many torrents with so many IPv4 leechers each, as tracker/core/snapshot.h describes it."""
    body = bytearray(b"SPRTSWM1" + struct.pack(">QQQB", int(time.time()), 1, 2, 0))
    crowd = b"".join(struct.pack(">IHHI", 0x0a000000 + n, 6881, 0, 0) for n in range(peers))
    for torrent in range(torrents):
        body += struct.pack(">I16xIIIII", torrent, 0, 0, peers, 0, 0) + crowd
    with open(path, "wb") as f:
        f.write(body + hashlib.sha256(body).digest())


@test(seconds=120)
def a_kill_while_the_peers_are_saved_leaves_the_old_file(t):
    path = t.path("saved", "state")
    write_state(path, 100, 10000)

    def is_saving(tracker):
        with contextlib.suppress(FileNotFoundError):
            for fd in os.listdir(f"/proc/{tracker.pid}/fd"):
                with contextlib.suppress(FileNotFoundError):
                    if os.path.dirname(os.readlink(f"/proc/{tracker.pid}/fd/{fd}")) == os.path.dirname(path):
                        return True
        return False
    for number in range(1, 4):
        running = Tracker(t, "--peer-ids", "no", "--state-file", path, "--save-interval", "1")
        line = running.wait_error("the saved peers are loaded")
        assert "peers=1000000 torrents=100 " in line, line
        with open(path, "rb") as f:
            before = f.read()
        http_announce(running.http, number)
        t.wait("a save", lambda running=running: is_saving(running), 20)
        running.kill()
        with open(path, "rb") as f:
            after = f.read()
        assert after == before or hashlib.sha256(after[:-32]).digest() == after[-32:]
        assert os.listdir(os.path.dirname(path)) == ["state"], os.listdir(os.path.dirname(path))
        if after != before:
            write_state(path, 100, 10000)


@test
def a_full_disk_delays_the_save_of_the_peers(t):
    """On a small file system of its own, which only root can mount."""
    place = os.path.dirname(t.path("disk", "x"))
    if os.geteuid() != 0 or os.system(f"mount -t tmpfs -o size=600k tmpfs {place} 2>/dev/null") != 0:
        raise Skip("no file system can be mounted here")
    t.defer(lambda: os.system(f"umount -l {place}"))
    path, filler = os.path.join(place, "state"), os.path.join(place, "filler")
    write_state(path, 2, 10000)
    os.system(f"dd if=/dev/zero of={filler} bs=4k count=1000 2>/dev/null")
    options = ("--peer-ids", "no", "--state-file", path, "--save-interval", "1")
    running = Tracker(t, *options)
    line = running.wait_error("the peers are not saved ")
    assert "next_try_s=1" in line and path in line and "No space" in line, line
    http_announce(running.http, 1)
    before = os.stat(path).st_ino
    os.unlink(filler)
    t.wait("a save", lambda: os.stat(path).st_ino != before, 20)
    assert running.stop() == 0
    assert os.listdir(place) == ["state"]
    line = Tracker(t, *options).wait_error("the saved peers are loaded")
    assert "peers=20001 torrents=3 " in line, line


@test
def a_limit_on_the_size_of_files_does_not_kill_it(t):
    path = t.path("state")
    write_state(path, 2, 10000)
    size = os.stat(path).st_size
    listen = join(t.address(), 0)
    running = Process(t, ["sh", "-c", 'ulimit -f 100; exec "$@"', "sh", TRACKER, "--listen-udp", listen, "--peer-ids", "no",
                          "--address-peers", "0", "--state-file", path])
    running.wait_line("listening udp")
    assert running.stop() == 0
    assert path in running.wait_error("the peers are not saved ")
    assert os.listdir(t.dir) == ["state"] and os.stat(path).st_size == size


@test
def several_addresses_of_each_kind(t):
    a, b = t.address(), t.address()
    running = Process(t, [TRACKER, "--listen-http", f"{a}:0", "--listen-http", f"{b}:0", "--listen-http",
                          "[::1]:0", "--listen-udp", f"{a}:0", "--listen-udp", "[::1]:0"])
    lines = [running.wait_line("listening ").split() for _ in range(5)]
    assert [words[1] for words in lines] == ["http"] * 3 + ["udp"] * 2
    assert all(not words[2].endswith(":0") for words in lines)
    assert running.stop() == 0


@test
def sigterm_and_sigint_end_it_with_0(t):
    for number in (signal.SIGTERM, signal.SIGINT):
        running = Tracker(t)
        with socket.create_connection((running.ip, int(running.http.split(":")[2].split("/")[0]))) as idle:
            idle.send(b"GET /announce?unfin")
            assert running.stop(number) == 0
            assert "stopping" in running.stderr


def announce_as(tracker, number, address):
    """An announce that a trusted proxy hands on for ADDRESS: the peers in its answer."""
    target = f"/announce?{query(number)}&compact=1"
    raw = f"GET {target} HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {address}\r\n\r\n".encode()
    status, _, body = responses(http_bytes(tracker.http, raw, source=tracker.ip))[0]
    assert status == 200, body
    return compact(bencode.decode(body)[b"peers"])


@test
def a_peer_beside_the_tracker_is_of_use_to_other_hosts(t):
    """Under the external address, or not at all, which the log says once."""
    path = t.path("tracker.conf")
    write(path, "trusted-proxy = 127.0.0.0/8\n")
    running = Tracker(t, "-c", path)
    http_announce(running.http, 1, source=running.ip)
    assert announce_as(running, 2, "192.0.2.9") == []
    t.wait("the warning", lambda: "set external-address to this host's address" in running.stderr, 30)
    assert announce_as(running, 3, "192.0.2.10") == [("192.0.2.9", 1002)]
    write(path, "trusted-proxy = 127.0.0.0/8\nexternal-address = 198.51.100.4\n")
    reread(t, running, "read the settings again")
    assert ("198.51.100.4", 1001) in announce_as(running, 4, "192.0.2.11")
    assert running.stop() == 0
    said = [line for line in running.errors if "external-address" in line]
    assert len(said) == 1, running.errors


@test
def what_root_makes_belongs_to_the_service(t):
    if os.geteuid() != 0:
        raise Skip("needs root")
    user = pwd.getpwnam("nobody")
    os.chmod(t.dir, 0o711)
    folder = os.path.dirname(t.path("state", "x"))
    conf, database = t.path("tracker.conf"), os.path.join(folder, "accounts.db")
    write(conf, f"listen-http = {t.address()}:0\nprivate = yes\ndatabase = {database}\nuser = nobody\n")
    os.chown(folder, user.pw_uid, user.pw_gid)
    tracker(t, "user", "add", "anna", "-c", conf, status=0)
    assert all(os.stat(os.path.join(folder, name)).st_uid == user.pw_uid for name in os.listdir(folder))
    running = Process(t, [TRACKER, "-c", conf])
    t.wait("the start", lambda: "the tracker is private" in running.stderr, 30)
    tracker(t, "user", "add", "bert", "-c", conf, status=0)
    assert running.stop() == 0
    os.chown(database, 0, 0)
    err = tracker(t, "-c", conf, status=1).err
    assert f"cannot be written by user nobody: Permission denied; run 'chown nobody {database}'" in err, err


if __name__ == "__main__":
    need(TRACKER)
    main()
