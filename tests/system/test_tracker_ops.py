#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""sprat-tracker as its operator runs it: logs for programs, another user than root, and the service manager's
sockets and notices."""

import glob
import json
import os
import re
import signal
import socket
import sqlite3
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
from certs import Authority
from process import Process, run
from sprat import SOURCE, TRACKER, Tracker, join, need
from tap import Skip, main, test
from tracker_client import HASH, Udp, http_announce, http_get, query


def write(path, text):
    with open(path, "w") as f:
        f.write(text)


def status_of(pid):
    with open(f"/proc/{pid}/status") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def said(t, running, text):
    """The first line of its log that has text in it."""
    return t.wait(f"{text!r} in the log", lambda: next((line for line in running.errors if text in line), None), 15)


def need_root():
    if os.geteuid() != 0:
        raise Skip("needs root")


@test
def logs_in_json(t):
    running = Tracker(t, "--log-format", "json", "--log-level", "debug")
    http_announce(running.http, 1)
    running.send(signal.SIGHUP)
    t.wait("a line", lambda: "read the settings again" in running.stderr, 15)
    assert running.stop() == 0
    lines = [json.loads(line) for line in running.errors]
    assert all(list(line)[:4] == ["time", "level", "program", "message"] for line in lines)
    assert {line["program"] for line in lines} == {"sprat-tracker"}
    assert ("info", "read the settings again") in {(line["level"], line["message"]) for line in lines}
    found = {line["message"]: line for line in lines}
    assert {(line["protocol"], f"{line['protocol']}://{line['address']}/announce") for line in lines
            if line["message"] == "listening"} == {("http", running.http), ("udp", running.udp)}
    assert found["stopping"]["signal"] == "Terminated"
    assert found["stopped"]["announces"] == 1 and found["stopped"]["peers_ipv4"] == 1, found["stopped"]


@test
def an_event_has_fields(t):
    """The same as text and as JSON, with a file's name that has all that could be taken for something else."""
    ip, path = t.address(), t.path('a "list" level=error \\ ü')
    write(path, "11" * 20 + "\n")
    for form in ("text", "json"):
        running = Tracker(t, "--allow-list", path, "--log-format", form, ip=ip)
        line = said(t, running, "the list is read")
        if form == "json":
            line = json.loads(line)
            assert (line["level"], line["file"], line["info_hashes"]) == ("info", path, 1), line
        else:
            quoted = path.replace("\\", "\\\\").replace('"', '\\"')
            assert line == f'sprat-tracker: info: the list is read file="{quoted}" info_hashes=1', line
        assert running.stop() == 0


@test
def every_event_is_in_the_manual(t):
    """With its fields, and none has a name that is not one, or twice: the daemon would stop at such a bug."""
    with open(os.path.join(SOURCE, "man", "sprat-tracker.8")) as f:
        manual = f.read().split(".Sh LOGS\n")[1].split("\n.Sh ")[0]
    words, messages, events = set(re.findall(r"\w+", manual)), set(), 0
    for path in glob.glob(os.path.join(SOURCE, "tracker", "**", "*.c"), recursive=True):
        with open(path) as f:
            source = f.read()
        for call in re.findall(r"log_event\((.*?)\);\n", source, re.S):
            events += 1
            messages.add("".join(re.findall(r'"([^"]*)"', call.partition("log_")[0])))
            names = re.findall(r'log_(?:text|number)\("([^"]*)"', call) + ["reason"] * call.count("log_reason(")
            assert names and len(set(names)) == len(names), f"{path}: {call}"
            assert set(names) <= words and all(re.fullmatch("[a-z0-9_]{1,32}", name) for name in names), f"{path}: {call}"
            assert not set(names) & {"time", "level", "program", "message"}, f"{path}: {call}"
            assert "log_reason(" not in call or names[-1] == "reason", f"{path}: {call}"
    missing = {one for one in messages if f"{{{one}}}" not in re.sub(r"(Dq|Do) (.*?)(?= Dc|$)", r"{\2}", manual, flags=re.M)}
    assert events >= 20 and missing <= {""}, missing  # one is made of what its caller says


@test
def what_is_no_utf_8_is_said_in_json_all_the_same(t):
    path = t.path("list").encode() + b"-\xff\xc3"
    with open(path, "w") as f:
        f.write("22" * 20 + "\n")
    running = Tracker(t, "--deny-list", os.fsdecode(path), "--log-format", "json")
    line = json.loads(said(t, running, "the list is read"))
    assert line["file"].endswith("list-\ufffd\ufffd"), line
    assert running.stop() == 0


@test
def a_failure_is_a_line_of_the_same_form(t):
    path = t.path("quotes\"and?lines")
    result = run(t, [TRACKER, "--log-format", "json", "--listen-http", f"{t.address()}:0", "--allow-list", path])
    line, = result.err.splitlines()
    line = json.loads(line)
    assert result.status == 1 and line["level"] == "error" and "quotes\"and?lines" in line["reason"], line
    assert line["message"] == "the tracker cannot run", line
    result = run(t, [TRACKER, "--log-format", "xml"])
    assert result.status == 2 and "neither text nor json" in result.err, result


@test
def sighup_changes_the_form_and_the_level(t):
    path = t.path("conf")
    text = f"listen-http = {t.address()}:0\n"
    write(path, text)
    running = Process(t, [TRACKER, "-c", path])
    running.wait_line("listening http")
    write(path, text + "log-format = json\n")
    running.send(signal.SIGHUP)
    t.wait("JSON", lambda: any(line.startswith('{"time":') for line in running.errors), 15)
    write(path, text + "log-level = error\n")
    running.send(signal.SIGHUP)
    assert running.stop() == 0


@test
def sighup_reaches_the_accounts(t):
    """Their thread logs in the new format."""
    path, database = t.path("conf"), t.path("accounts.db")
    text = (f"listen-http = {t.address()}:0\nprivate = yes\ndatabase = {database}\naccounts-interval = 1\n")
    write(path, text)
    passkey = run(t, [TRACKER, "user", "add", "anna", "--database", database]).out.split()[0]
    run(t, [TRACKER, "torrent", "add", HASH.hex(), "--database", database])
    running = Process(t, [TRACKER, "-c", path])
    url = "http://" + running.wait_line("listening http").split()[2] + "/announce"
    write(path, text + "log-format = json\naccounts-max = 5000\nworkers = 3\n")
    running.send(signal.SIGHUP)
    waits = said(t, running, "changed settings wait for a restart")
    assert json.loads(waits)["settings"] == "workers, accounts-max", waits
    with sqlite3.connect(database) as db:  # known to the tracker still, whose counter of changes is as it was
        db.execute("PRAGMA foreign_keys = OFF")
        db.execute("DELETE FROM users")
    db.close()
    assert http_get(url, f"/{passkey}/announce?{query(1)}")[0] == 200
    line = json.loads(said(t, running, "sessions of unknown users or torrents are not stored"))
    assert line["sessions"] == 1 and line["level"] == "warning", line
    assert running.stop() == 0


@test
def becomes_another_user(t):
    need_root()
    os.chmod(t.dir, 0o755)
    state = t.path("state", "swarms")
    os.chown(os.path.dirname(state), 65534, 65534)
    running = Tracker(t, "--user", "nobody:daemon", "--state-file", state)
    http_announce(running.http, 1)  # it is answered by who it became
    about = status_of(running.pid)
    assert about["Uid"].split() == ["65534"] * 4 and about["Gid"].split() == ["1"] * 4, about
    assert about["Groups"].split() == ["1"] and about["NoNewPrivs"] == "1"
    assert all(int(about[name], 16) == 0 for name in ("CapEff", "CapPrm", "CapInh")), about
    for task in os.listdir(f"/proc/{running.pid}/task"):
        assert status_of(f"{running.pid}/task/{task}")["Uid"].split() == ["65534"] * 4, "each thread"
    assert running.stop() == 0
    assert os.stat(state).st_uid == 65534
    again = Tracker(t, "--user", "nobody:daemon", "--state-file", state)
    assert http_announce(again.http, 2)[b"incomplete"] == 2
    assert again.stop() == 0


@test
def ports_and_keys_are_roots(t):
    """What only root may have is taken before it stops being root."""
    need_root()
    ca = Authority(t)
    ip = t.address()
    cert, key = ca.issue("one", ip)
    os.chmod(key, 0o600)
    os.chmod(t.dir, 0o700)
    running = Process(t, [TRACKER, "--listen-http", f"{ip}:80", "--listen-https", f"{ip}:443", "--tls-cert", cert,
                          "--tls-key", key, "--user", "nobody"])
    assert running.wait_line("listening http ") and running.wait_line("listening https")
    assert http_announce(f"http://{ip}:80/announce", 1)[b"incomplete"] == 1
    running.send(signal.SIGHUP)
    t.wait("the key to be out of reach", lambda: "nothing is changed" in running.stderr, 15)
    assert "permission denied" in running.stderr.lower(), running.stderr
    assert running.stop() == 0


@test
def users_that_are_none_and_files_out_of_reach(t):
    need_root()
    listen = ["--listen-http", f"{t.address()}:0"]
    for user, words in (("no-such-user", "no user"), ("nobody:no-such-group", "no group"), ("root", "root"), ("0", "root")):
        result = run(t, [TRACKER, *listen, "--user", user])
        assert result.status == 1 and words in result.err and result.err.count("\n") == 1, result
    os.chmod(t.dir, 0o755)
    state = t.path("state")
    result = run(t, [TRACKER, *listen, "--user", "nobody", "--state-file", state])
    assert result.status == 1 and state in result.err and "cannot be written" in result.err, result
    assert not os.path.exists(state)


class Manager:
    """The service manager's end: a socket for notices, and sockets that are passed."""

    def __init__(self, t):
        self.path = t.path("notify")
        self.notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        t.defer(self.notices.close)
        self.notices.bind(self.path)
        self.notices.settimeout(20)

    def next(self, word):
        """The next notice that has the word in it."""
        while True:
            got = self.notices.recv(4096).decode()
            if word in got:
                return got


PARENT = r"""
import os, sys
count = int(sys.argv[1])
for number, fd in enumerate(map(int, sys.argv[3:3 + count])):
    os.dup2(fd, 100 + number, inheritable=True)
for number in range(count):
    os.dup2(100 + number, 3 + number, inheritable=True)
    os.close(100 + number)
os.environ.update(LISTEN_FDS=str(count), LISTEN_FDNAMES=sys.argv[2], LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[3 + count], sys.argv[3 + count:])
"""


def bound(t, kind, ip):
    s = socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, kind)
    t.defer(s.close)
    s.bind((ip, 0))
    if kind == socket.SOCK_STREAM:
        s.listen()
    os.set_inheritable(s.fileno(), True)
    return s, join(ip, s.getsockname()[1])


class Activated(Process):
    """sprat-tracker with passed sockets: a small parent moves them to descriptors 3 and up."""

    def __init__(self, t, passed, *args, **more):
        names = ":".join(name for name, _ in passed)
        fds = [str(s.fileno()) for _, s in passed]

        super().__init__(t, [sys.executable, "-c", PARENT, len(fds), names, *fds, TRACKER, *args], pass_fds=[int(fd) for fd in fds],
                         **more)


@test
def sockets_of_the_service_manager(t):
    ca = Authority(t)
    ip = t.address()
    cert, key = ca.issue("one", ip)
    sockets = [(name, *bound(t, kind, ip)) for name, kind in (
        ("http", socket.SOCK_STREAM), ("udp", socket.SOCK_DGRAM), ("https", socket.SOCK_STREAM),
        ("admin", socket.SOCK_STREAM))]
    for workers in ("1", "3"):
        running = Activated(t, [(name, s) for name, s, _ in sockets], "--tls-cert", cert, "--tls-key", key,
                            "--workers", workers, "--address-peers", "0")
        for name, _, at in sockets:
            assert running.wait_line(f"listening {name} ").split()[2] == at
        at = {name: at for name, _, at in sockets}
        for number in range(20):
            http_announce(f"http://{at['http']}/announce", number)
        for number in range(20, 40):
            udp = Udp(t, f"udp://{at['udp']}")
            udp.announce(udp.connect(), number)
        assert http_announce(f"http://{at['http']}/announce", 1)[b"incomplete"] == 40
        host, port = at["https"].rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=20) as plain, \
                ca.context().wrap_socket(plain, server_hostname=host) as secure:
            secure.sendall(b"GET /nothing HTTP/1.0\r\n\r\n")
            assert b" 404 " in secure.recv(4096)
        assert http_get(f"http://{at['admin']}/", "/health") == (200, b"ok\n")
        assert not any("listening" in str(line) for line in running.lines[4:]), "and no default addresses"
        assert running.stop() == 0


@test
def sockets_without_names_and_beside_addresses(t):
    ip = t.address()
    (tcp, tcp_at), (udp, udp_at) = bound(t, socket.SOCK_STREAM, ip), bound(t, socket.SOCK_DGRAM, ip)
    running = Activated(t, [("sprat-tracker.socket", tcp), ("sprat-tracker.socket", udp)],
                        "--listen-http", f"{ip}:0")
    lines = [running.wait_line("listening ").split()[1:] for _ in range(3)]
    assert lines[:2] == [["http", tcp_at], ["udp", udp_at]] and lines[2][0] == "http", lines
    assert running.stop() == 0


@test
def sockets_that_are_no_good(t):
    ip = t.address()
    tcp, _ = bound(t, socket.SOCK_STREAM, ip)
    result = Activated(t, [("https", tcp)])
    assert result.status() == 1 and "tls-cert" in result.stderr, result.stderr
    one, two = socket.socketpair()
    t.defer(one.close)
    t.defer(two.close)
    os.set_inheritable(one.fileno(), True)
    result = Activated(t, [("http", one)])
    assert result.status() == 1 and "descriptor 3 (http)" in result.stderr, result.stderr


@test
def notices_to_the_service_manager(t):
    manager = Manager(t)
    running = Process(t, [TRACKER, "--listen-http", f"{t.address()}:0"],
                      env={"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "400000"})
    assert manager.next("READY=1") == "READY=1"
    assert running.wait_line("listening http")
    for _ in range(3):
        manager.next("WATCHDOG=1")
    running.send(signal.SIGHUP)
    assert "MONOTONIC_USEC=" in manager.next("RELOADING=1")
    manager.next("READY=1")
    running.send(signal.SIGTERM)
    manager.next("STOPPING=1")
    assert running.status() == 0


if __name__ == "__main__":
    need(TRACKER)
    main()
