#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The admin address of sprat-tracker: tokens, every call of the API, and requests that are no good."""

import json
import os
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
import members
from admin import TOKEN, Admin, private, write_secret
from process import Process, run
from sprat import TRACKER, need
from tap import Skip, main, test
from tracker_client import HASH, address_of, http_announce, http_bytes, responses


@test
def without_a_token_nothing_is_shown_or_changed(t):
    running = Admin(t, token=None)
    for method, path in (("GET", "users"), ("POST", "users"), ("GET", "swarms"), ("POST", "reload"),
                         ("DELETE", "users/x"), ("GET", "nothing")):
        status, answer = running.api(method, path, token="anything-at-all-0123456789")
        assert status == 403 and "admin-token-file" in answer["error"], (method, path, answer)
    assert running.api("GET", "stats", token=None)[0] == 200
    assert running.raw("GET", "/health")[::2] == (200, b"ok\n")
    assert running.stop() == 0


@test
def wrong_tokens(t):
    running = Admin(t)
    for token in (None, TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "x" * 4000):
        status, headers, body = running.raw("GET", "/api/swarms", token=token)
        assert status == 401 and headers["WWW-Authenticate"] == "Bearer", (token, status)
        assert "token" in json.loads(body)["error"]
    for line in ("Basic " + TOKEN, TOKEN, "Bearer", "Bearer "):
        got = http_bytes(running.admin, f"GET /api/swarms HTTP/1.0\r\nAuthorization: {line}\r\n\r\n".encode())
        assert responses(got)[0][0] == 401, got
    got = http_bytes(running.admin, f"GET /api/swarms HTTP/1.0\r\nAuthorization: bEARER   {TOKEN}\r\n\r\n".encode())
    assert responses(got)[0][0] == 200, got
    assert running.stop() == 0


@test
def token_files(t):
    path = t.path("word")
    for text, words in (("short", "one word"), ("two words of enough letters", "one word"), ("", "one word"),
                        ("x" * 257, "one word"), ("x" * 5000, path)):
        write_secret(path, text)
        result = run(t, [TRACKER, "--listen-admin", f"{t.address()}:0", "--listen-http", f"{t.address()}:0",
                         "--admin-token-file", path])
        assert result.status == 1 and path in result.err and words in result.err, result
    write_secret(path, TOKEN)
    for mode, refused in ((0o644, True), (0o602, True), (0o640, False), (0o400, False)):
        os.chmod(path, mode)
        running = Process(t, [TRACKER, "--listen-admin", f"{t.address()}:0", "--listen-http", f"{t.address()}:0",
                              "--admin-token-file", path])
        if refused:
            assert running.status() == 1 and path in running.stderr and "chmod" in running.stderr, running.stderr
        else:
            running.wait_line("listening admin")
            assert running.stop() == 0
    running = Admin(t)
    with open(t.path("token"), "w") as f:
        f.write("another-word-0123456789")
    assert running.good("POST", "reload") == {"reloaded": True}
    assert running.api("GET", "swarms")[0] == 401
    assert running.api("GET", "swarms", token="another-word-0123456789")[0] == 200
    with open(t.path("token"), "w") as f:
        f.write("bad")
    status, answer = running.api("POST", "reload", token="another-word-0123456789")
    assert status == 409 and "one word" in answer["error"], answer
    assert running.api("GET", "swarms", token="another-word-0123456789")[0] == 200
    assert running.stop() == 0


@test
def reloads_that_are_asked_for_at_once(t):
    path = t.path("list")

    def write(last, count):
        with open(path, "w") as f:
            made_up = os.urandom(20 * count).hex()
            f.write("".join(made_up[i:i + 40] + "\n" for i in range(0, 40 * count, 40)) + last)
    write("", 1)
    running = Admin(t, "--allow-list", path)

    def ask():
        s = socket.create_connection(address_of(running.admin), 60)
        s.sendall(f"POST /api/reload HTTP/1.0\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode())
        return s

    def status(s):
        got = b""
        while more := s.recv(4096):
            got += more
        return responses(got)[0][0]
    write("", 200000)
    first = ask()
    write("this is no hash\n", 1)
    # Files that are asked for while others are read are read again, and each answer is about what was read for it.
    later = [ask() for _ in range(5)]
    assert [status(s) for s in later] == [409] * 5
    assert status(first) in (200, 409)
    write("", 200000)
    waiting = [ask() for _ in range(3)]
    assert running.stop() == 0
    for s in waiting:
        try:
            assert status(s) in (200, 503)
        except (OSError, IndexError):
            pass  # it had not been accepted yet


@test
def users(t):
    running = private(t)
    made = running.good("POST", "users", {"name": "anna", "class": "friend", "slots": 3})
    assert len(made["passkey"]) == 32 and made["enabled"] and made["can_leech"] and made["slots"] == 3, made
    running.refused("POST", "users", {"name": "ANNA"}, 409)
    for body, words in (({}, "'name' is missing"), ({"name": ""}, ""), ({"name": "x" * 65}, "longer"), ({"name": 1}, "string"),
                        ({"name": "b", "slots": -1}, "slots"), ({"name": "b", "slots": 10001}, "slots"),
                        ({"name": "b", "clas": "x"}, "did you mean 'class'"), ({"name": "b", "enabled": "yes"}, "true or"),
                        ({"name": "a\u0000b"}, ""), (b"[]", "object"), (b"{", "byte"), (b"\xff\xfe", ""),
                        (b'{"name": "b", "name": "c"}', "duplicate"), (b"[" * 2000, "deeper")):
        running.refused("POST", "users", body, 400, words)
    shown = running.good("GET", "users/Anna")
    assert "passkey" not in shown and shown["class"] == "friend", shown
    assert running.good("POST", "users/anna", {"can_leech": False, "slots": 0})["can_leech"] is False
    running.refused("POST", "users/anna", {"name": "bert"}, 400, "unknown")
    running.refused("GET", "users/bert", None, 404)
    assert running.good("DELETE", "users/anna")["enabled"] is False
    assert running.good("POST", "users/anna", {"enabled": True, "can_leech": True})["enabled"]
    odd = "zoë & co/1?"
    running.good("POST", "users", {"name": odd})
    assert running.good("GET", "users/zo%C3%AB%20%26%20co%2F1%3F")["name"] == odd
    assert running.stop() == 0


@test
def the_log_has_what_is_changed_and_by_whom_but_no_secret(t):
    running = private(t, "--log-format", "json")
    odd = 'zoë "x" level=error'
    keys = [running.good("POST", "users", {"name": odd})["passkey"]]
    keys.append(running.good("POST", "users/zo%C3%AB%20%22x%22%20level=error/passkeys", {"rotate": True})["passkey"])
    running.good("POST", "users/zo%C3%AB%20%22x%22%20level=error/passkeys", {"revoke": keys[1]})
    running.refused("POST", "users/nobody", {"slots": 1}, 404)
    running.good("POST", "torrents", {"v1": HASH.hex(), "name": "a name"})
    running.good("POST", "clients", {"prefix": "-XX", "rule": "deny"})
    running.good("DELETE", "clients/-XX")
    running.good("GET", "users")
    running.good("POST", "reload")
    assert running.stop() == 0
    said = [json.loads(line) for line in running.errors]
    changes = [(e["level"], e["method"], e["call"], e["subject"]) for e in said if "method" in e]
    assert changes == [
        ("info", "POST", "users", odd), ("info", "POST", "users/*/passkeys", odd),
        ("info", "POST", "users/*/passkeys", odd), ("warning", "POST", "users/*", "nobody"),
        ("info", "POST", "torrents", HASH.hex()), ("info", "POST", "clients", "-XX"),
        ("info", "DELETE", "clients/*", "-XX")], changes
    assert all(e["client"] == "127.0.0.1" for e in said if "over the API" in e["message"])
    assert any("there is no" in e.get("reason", "") or "nobody" in e.get("reason", "") for e in said), said
    assert any(e["message"] == "reloading over the API" for e in said)
    assert not any(secret in running.stderr for secret in (*keys, TOKEN))


@test
def a_page_of_another_host_reads_nothing(t):
    """DNS rebinding: a browser asks for the page's host at our address."""
    running = Admin(t, "--admin-host", "tracker.example")
    host, port = address_of(running.admin)

    def ask(name, path="/stats"):
        got = http_bytes(running.admin, f"GET {path} HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n"
                                        f"Authorization: Bearer {TOKEN}\r\n\r\n".encode())
        return responses(got)[0]
    for good in (f"{host}:{port}", f"localhost:{port}", f"[::1]:{port}", f"TRACKER.example:{port}", "tracker.example"):
        assert ask(good)[0] == 200, good
    for path in ("/", "/stats", "/metrics", "/status.js", "/api/stats", "/api/swarms", "/api/reload"):
        status, _, body = ask(f"evil.example:{port}", path)
        assert status == 421 and "evil.example" in json.loads(body)["error"] and b"seeders" not in body, (path, body)
    assert ask("balancer.example", "/health")[::2] == (200, b"ok\n")
    assert ask(f"127.0.0.1.evil.example:{port}")[0] == 421
    assert running.stop() == 0


@test
def an_address_beyond_loopback_is_warned_of(t):
    if os.geteuid() != 0:
        raise Skip("needs root, for a network of its own")
    running = Process(t, ["unshare", "--net", TRACKER, "--listen-http", "0.0.0.0:0", "--listen-admin", "0.0.0.0:0"])
    running.wait_line("listening admin")
    t.wait("the warning", lambda: "not on loopback" in running.stderr, 15)
    assert running.stop() == 0
    running = Admin(t)
    assert running.stop() == 0 and "not on loopback" not in running.stderr, running.stderr


@test
def pages_of_users(t):
    running = private(t)
    for number in range(105):
        running.good("POST", "users", {"name": f"user{number:03}"})
    page = running.good("GET", "users")
    assert len(page["items"]) == 100 and page["more"] is True
    page = running.good("GET", "users?skip=100&limit=10")
    assert [u["name"] for u in page["items"]] == [f"user{n:03}" for n in range(100, 105)] and page["more"] is False
    assert len(running.good("GET", "users?limit=1&sort=uploaded")["items"]) == 1
    for bad in ("limit=0", "limit=101", "limit=x", "skip=-1", "sort=size", "colour=red", "limit=" + "9" * 40):
        running.refused("GET", f"users?{bad}", None, 400)
    assert running.stop() == 0


@test
def passkeys(t):
    running = private(t)
    running.good("POST", "torrents", {"v1": HASH.hex(), "name": "the torrent", "size": 1000})
    first = running.good("POST", "users", {"name": "anna"})["passkey"]
    assert b"failure reason" not in members.http(running.http, first, 1)
    second = running.good("POST", "users/anna/passkeys")["passkey"]
    assert b"failure reason" not in members.http(running.http, second, 1)
    old = running.good("POST", "users/anna/passkeys", {"expires": int(time.time()) - 5})["passkey"]
    assert b"failure reason" in members.http(running.http, old, 1)
    assert running.good("POST", "users/anna/passkeys", {"revoke": first}) == {"revoked": True}
    assert b"failure reason" in members.http(running.http, first, 1), "it counts at once"
    third = running.good("POST", "users/anna/passkeys", {"rotate": True})["passkey"]
    assert b"failure reason" in members.http(running.http, second, 1)
    assert b"failure reason" not in members.http(running.http, third, 1)
    listed = running.good("GET", "users/anna/passkeys")["items"]
    assert {k["passkey"]: k["revoked"] for k in listed} == {first: True, second: True, old: True, third: False}, listed
    running.refused("POST", "users/anna/passkeys", {"revoke": "123"}, 400, "32 hex digits")
    running.refused("POST", "users/anna/passkeys", {"revoke": "0" * 32}, 404)
    running.refused("POST", "users/anna/passkeys", {"revoke": third, "rotate": True}, 400, "only member")
    running.refused("DELETE", f"users/anna/passkeys/{third}", None, 404)  # a path would be logged by proxies
    running.refused("POST", "users/nobody/passkeys", None, 404)
    running.refused("POST", "users/anna/passkeys", {"rotate": True, "expires": 5}, 400)
    assert running.stop() == 0


@test
def torrents(t):
    running = private(t)
    v2 = "ab" * 32
    made = running.good("POST", "torrents", {"v1": HASH.hex(), "v2": v2, "name": "both", "size": 5, "freeleech": True})
    assert made["v1"] == HASH.hex() and made["v2"] == v2 and made["freeleech"] and not made["hidden"], made
    running.refused("POST", "torrents", {"v1": HASH.hex(), "v2": v2}, 409)
    for body, words in (({}, ""), ({"v1": "12"}, "40 hex"), ({"v2": HASH.hex()}, "64 hex"), ({"v1": 5}, "string"),
                        ({"v1": "00" * 20, "name": "x" * 256}, "longer"), ({"v1": "00" * 20, "size": 1.5}, "whole")):
        running.refused("POST", "torrents", body, 400, words)
    for name in (HASH.hex(), HASH.hex().upper(), v2, v2[:40]):
        assert running.good("GET", f"torrents/{name}")["name"] == "both"
    running.refused("GET", "torrents/nothing", None, 400, "hex digits")
    running.refused("GET", f"torrents/{'00' * 20}", None, 404)
    assert running.good("POST", f"torrents/{v2}", {"freeleech": False, "hidden": True})["hidden"]
    passkey = running.good("POST", "users", {"name": "anna"})["passkey"]
    assert b"failure reason" not in members.http(running.http, passkey, 1)
    gone = running.good("DELETE", f"torrents/{v2}", {"reason": "a better one is there"})
    assert gone["removed"] > 0 and gone["reason"] == "a better one is there", gone
    assert b"a better one is there" in members.http(running.http, passkey, 1)[b"failure reason"]
    page = running.good("GET", "torrents")
    assert len(page["items"]) == 1 and page["items"][0]["removed"] > 0
    assert running.stop() == 0


@test
def rules_about_clients(t):
    running = private(t)
    assert running.good("GET", "clients") == {"items": [], "more": False}
    running.good("POST", "clients", {"prefix": "-XX", "rule": "deny"})
    running.good("POST", "torrents", {"v1": HASH.hex()})
    passkey = running.good("POST", "users", {"name": "anna"})["passkey"]
    assert b"failure reason" in members.http(running.http, passkey, 1)
    assert running.good("GET", "clients")["items"] == [{"prefix": "-XX", "rule": "deny"}]
    running.good("DELETE", "clients/-XX")
    assert b"failure reason" not in members.http(running.http, passkey, 1)
    running.refused("DELETE", "clients/-XX", None, 404)
    running.refused("POST", "clients", {"prefix": "-XX", "rule": "maybe"}, 400, "allow or deny")
    running.refused("POST", "clients", {"prefix": "x" * 21, "rule": "deny"}, 400)
    assert running.stop() == 0


@test
def accounts_and_signals(t):
    running = private(t, "--accounts-interval", "1")
    running.good("POST", "torrents", {"v1": HASH.hex(), "name": "the torrent"})
    passkey = running.good("POST", "users", {"name": "anna"})["passkey"]
    members.http(running.http, passkey, 1, event="started", left=100)
    members.http(running.http, passkey, 1, uploaded=700, downloaded=100, left=0, event="completed")
    t.wait("the accounts", lambda: running.good("GET", "accounts")["downloaded"] == 100, 20)
    sums = running.good("GET", "accounts")
    assert sums["users"] == 1 and sums["torrents"] == 1 and sums["uploaded"] == 700, sums
    total, = running.good("GET", "users/anna/totals")["items"]
    assert total["hash"] == HASH.hex() and total["torrent"] == "the torrent" and total["uploaded"] == 700, total
    assert running.good("GET", "users?sort=uploaded")["items"][0]["uploaded"] == 700
    assert isinstance(running.good("GET", "signals")["items"], list)
    assert running.stop() == 0


@test
def the_largest_swarms(t):
    running = Admin(t, "--workers", "3")
    for number in range(40):
        info_hash = bytes([number * 6]) + bytes(19)
        for peer in range(1 + number % 8):
            http_announce(running.http, peer, info_hash=info_hash, left=peer % 2)
    items = running.good("GET", "swarms?limit=5")["items"]
    assert [w["seeders"] + w["leechers"] for w in items] == [8] * 5, items
    items = running.good("GET", "swarms")["items"]
    assert len(items) == 40 == len({w["hash"] for w in items})
    by = running.good("GET", "swarms?sort=seeders&limit=10")["items"]
    assert [w["seeders"] for w in by] == sorted((w["seeders"] for w in items), reverse=True)[:10]
    running.refused("GET", "swarms?sort=size", None, 400, "sorted by")
    running.refused("POST", "swarms", None, 405)
    running.refused("GET", "users", None, 404, "no database of users")
    assert running.stop() == 0


@test
def swarms_of_a_private_tracker_have_names(t):
    running = private(t)
    running.good("POST", "torrents", {"v1": HASH.hex(), "name": "the <b>torrent</b>"})
    passkey = running.good("POST", "users", {"name": "anna"})["passkey"]
    members.http(running.http, passkey, 1)
    item, = running.good("GET", "swarms")["items"]
    assert item == {"hash": HASH.hex(), "seeders": 0, "leechers": 1, "completed": 0, "name": "the <b>torrent</b>"}, item
    assert running.stop() == 0


@test
def methods_and_paths(t):
    running = private(t)
    status, headers, _ = running.raw("DELETE", "/api/users", token=TOKEN)
    assert status == 405 and headers["Allow"] == "GET, HEAD, POST"
    assert running.raw("PUT", "/api/users/x", token=TOKEN)[0] == 405
    assert running.raw("POST", "/stats", token=TOKEN)[0] == 405
    status, headers, body = running.raw("HEAD", "/api/users", token=TOKEN)
    assert status == 200 and int(headers["Content-Length"]) > 10 and body == b""
    assert running.raw("HEAD", "/metrics")[0] == 200
    for path in ("", "user", "users/", "users//passkeys", "users/a/b", "users/a/passkeys/b/c", "%75sers", "users/%00",
                 "users/" + "x" * 300, "//users", "../users"):
        status, answer = running.api("GET", path)
        assert status == 404 and "error" in answer, (path, status, answer)
    assert running.raw("POST", "/api/users", b"x" * 20000, TOKEN)[0] == 413
    assert running.stop() == 0


@test
def many_at_once_and_clients_that_leave(t):
    """More calls than may wait are refused with 503, none is lost, and those who left meanwhile are no matter."""
    running = private(t)
    host, port = address_of(running.admin)
    ask = (f"POST /api/users HTTP/1.1\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: %d\r\n\r\n%s")
    leaving = []
    for number in range(30):
        s = socket.create_connection((host, port))
        body = json.dumps({"name": f"left{number}"})
        s.sendall((ask % (len(body), body)).encode())
        leaving.append(s)
    for s in leaving:
        s.close()
    found = []

    def work(number):
        found.append(running.api("POST", "users", {"name": f"user{number}"})[0])
    threads = [threading.Thread(target=work, args=(n,)) for n in range(60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 60 and set(found) <= {201, 503} and 201 in found, found
    names = {u["name"] for u in running.good("GET", "users")["items"]}
    assert sum(name.startswith("user") for name in names) == found.count(201)
    pipelined = "".join(ask % (17, json.dumps({"name": f"p{n:04}"})) for n in range(20))
    s = socket.create_connection((host, port), timeout=20)
    s.sendall(pipelined.encode() + b"GET /health HTTP/1.0\r\n\r\n")
    got = b""
    while chunk := s.recv(65536):
        got += chunk
    s.close()
    answers = responses(got)
    assert [status for status, _, _ in answers] == [201] * 20 + [200], answers
    assert [json.loads(body)["name"] for _, _, body in answers[:20]] == [f"p{n:04}" for n in range(20)]
    assert running.stop() == 0


if __name__ == "__main__":
    need(TRACKER)
    main()
