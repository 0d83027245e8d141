#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""sprat-tracker over HTTPS: announces, certificates that change under it or are no good, and clients that speak no
TLS or take their time."""

import contextlib
import json
import os
import shutil
import signal
import socket
import ssl
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
import bencode
from admin import write_secret
from certs import Authority
from process import Process, run
from sprat import CROWDS, TRACKER, join, need
from tap import main, test
from tracker_client import compact, http_announce, http_get, query, responses


class Secure(Process):
    """sprat-tracker with HTTPS and HTTP at its own address."""

    def __init__(self, t, cert, key, *args, ip=None):
        self.ip = ip or t.address()
        super().__init__(t, [TRACKER, "--listen-https", join(self.ip, 0), "--listen-http", join(self.ip, 0),
                             "--tls-cert", cert, "--tls-key", key, *CROWDS, *args])
        self.http = f"http://{self.wait_line('listening http ').split()[2]}/announce"
        host, port = self.wait_line("listening https ").split()[2].rsplit(":", 1)
        self.at = (host.strip("[]"), int(port))

    def connect(self, t, context):
        plain = socket.create_connection(self.at, timeout=20)
        t.defer(plain.close)
        secure = context.wrap_socket(plain, server_hostname=self.at[0])
        t.defer(secure.close)
        return secure


def ask(secure, number, close=False, **fields):
    """An announce over a connection that goes on, unless told not to."""
    secure.sendall(f"GET /announce?{query(number, **fields)} HTTP/1.1\r\nHost: t\r\n"
                   f"{'Connection: close' + chr(13) + chr(10) if close else ''}\r\n".encode())
    got = b""
    while b"\r\n\r\n" not in got or len(got) < len(got.split(b"\r\n\r\n")[0]) + 4 + int(
            got.lower().split(b"content-length: ")[1].split(b"\r\n")[0]):
        chunk = secure.recv(65536)
        assert chunk, got
        got += chunk
    (status, _, body), = responses(got)
    assert status == 200, status
    return bencode.decode(body)


def name_of(secure):
    return dict(part[0] for part in secure.getpeercert()["subject"])["commonName"]


def reread(t, running, text):
    before = len(running.errors)
    running.send(signal.SIGHUP)
    return t.wait(f"{text!r} after SIGHUP",
                  lambda: next((line for line in running.errors[before:] if text in line), None), 15)


def start(t, *args):
    """An authority, and a tracker with a certificate of it."""
    ca = Authority(t)
    ip = t.address()
    return ca, Secure(t, *ca.issue("one", ip), *args, ip=ip)


@test
def a_swarm_over_https_and_http(t):
    ca, running = start(t)
    secure = running.connect(t, ca.context())
    assert secure.version() == "TLSv1.3", secure.version()
    assert ask(secure, 1, left=0)[b"incomplete"] == 0
    assert compact(ask(secure, 2)[b"peers"])[0][1] == 1001, "the connection goes on"
    assert len(compact(http_announce(running.http, 3)[b"peers"])) == 2
    last = ask(secure, 4, close=True)
    assert last[b"incomplete"] == 3 and secure.recv(1) == b"", "closed in the way that TLS has"
    assert running.stop() == 0


@test
def tls_1_2_ipv6_and_a_key_in_the_same_file(t):
    ca = Authority(t)
    cert, key = ca.issue("one", "::1")
    shutil.copyfile(cert, t.path("both"))
    os.chmod(t.path("both"), 0o600)
    with open(key) as f, open(t.path("both"), "a") as g:
        g.write(f.read())
    running = Process(t, [TRACKER, "--listen-https", "[::1]:0", "--tls-cert", t.path("both")])
    port = int(running.wait_line("listening https").rsplit(":", 1)[1])
    context = ca.context(maximum_version=ssl.TLSVersion.TLSv1_2)
    with socket.create_connection(("::1", port), timeout=20) as plain, \
            context.wrap_socket(plain, server_hostname="::1") as secure:
        assert secure.version() == "TLSv1.2"
        assert ask(secure, 1)[b"external ip"] == socket.inet_pton(socket.AF_INET6, "::1")
    assert running.stop() == 0


@test
def many_requests_in_a_row_and_long_answers(t):
    ca, running = start(t)
    secure = running.connect(t, ca.context())
    for number in range(250):
        ask(secure, number)
    request = f"GET /announce?{query(1, numwant=200)} HTTP/1.1\r\nHost: t\r\n\r\n".encode()
    secure.sendall(request * 299 + request.replace(b"Host: t", b"Connection: close"))
    got = b""
    while chunk := secure.recv(65536):
        got += chunk
    answers = responses(got)
    assert len(answers) == 300
    assert all(len(compact(bencode.decode(body)[b"peers"])) == 200 for _, _, body in answers)


@test
def certificates_change_without_losing_a_connection(t):
    ca = Authority(t)
    ip = t.address()
    cert, key = t.path("live.pem"), t.path("live.key")

    def put(name, **more):
        for source, target in zip(ca.issue(name, ip, **more), (cert, key)):
            shutil.copy(source, target)  # with its mode

    put("one")
    running = Secure(t, cert, key, ip=ip)
    old = running.connect(t, ca.context())
    assert name_of(old) == "one" and ask(old, 1)
    put("two")
    reread(t, running, "read the settings again")
    assert name_of(running.connect(t, ca.context())) == "two"
    assert ask(old, 2)[b"incomplete"] == 2, "the old connection goes on"

    put("three", days=-1)
    assert "three" not in (line := reread(t, running, "nothing is changed")) and "expired on" in line and cert in line
    assert name_of(running.connect(t, ca.context())) == "two"

    shutil.copyfile(ca.issue("four", ip)[0], cert)
    line = reread(t, running, "nothing is changed")
    assert f"{key}: the key is not the certificate's" in line, line
    with open(cert, "w") as f:
        f.write("not a certificate")
    assert f"{cert}: this is not a certificate" in reread(t, running, "nothing is changed")
    os.remove(cert)
    assert cert in reread(t, running, "nothing is changed")
    new = running.connect(t, ca.context())
    assert name_of(new) == "two" and ask(new, 3) and ask(old, 3)
    assert running.stop() == 0


@test
def files_that_are_no_good_at_the_start(t):
    ca = Authority(t)
    ip = t.address()
    cert, key = ca.issue("one", ip)
    _, other = ca.issue("two", ip)
    bad, none = t.path("bad"), t.path("none")
    write_secret(bad, "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")
    shown = t.path("shown")
    shutil.copyfile(key, shown)
    os.chmod(shown, 0o644)
    locked = t.path("locked")
    assert run(t, ["openssl", "ec", "-in", key, "-aes128", "-passout", "pass:x", "-out", locked]).status == 0
    for files, words in (((bad, key), (bad, "certificate")), ((cert, bad), (bad, "key")),
                         ((cert, other), (other, "not the certificate's")), ((none, key), (none,)),
                         ((cert, shown), (shown, "chmod")),
                         ((cert, t.dir), (t.dir,)), ((cert, locked), (locked, "password"))):
        result = run(t, [TRACKER, "--listen-https", join(ip, 0), "--tls-cert", files[0], "--tls-key", files[1]])
        assert result.status == 1 and result.err.count("\n") == 1, result
        assert all(word in result.err for word in words), result
    result = run(t, [TRACKER, "--listen-https", join(ip, 0)])
    assert result.status == 2 and "tls-cert" in result.err, result


@test
def an_expired_certificate_is_said_at_the_start(t):
    ca = Authority(t)
    ip = t.address()
    running = Secure(t, *ca.issue("old", ip, days=-1), ip=ip)
    running.wait_error("expired on")
    try:
        running.connect(t, ca.context())
        raise AssertionError("an expired certificate was believed")
    except ssl.SSLCertVerificationError:
        pass
    assert http_announce(running.http, 1)[b"incomplete"] == 1
    assert running.stop() == 0


@test
def handshakes_are_counted(t):
    """Those that succeed, and those that fail in the ways there are."""
    ca = Authority(t)
    ip = t.address()
    running = Secure(t, *ca.issue("one", ip), "--http-timeout", "2", "--listen-admin", join(ip, 0), ip=ip)
    admin = f"http://{running.wait_line('listening admin ').split()[2]}/"

    def counted(done, failed):
        def same():
            stats = json.loads(http_get(admin, "/stats")[1])
            return (stats["https_handshakes"], stats["https_handshakes_failed"]) == (done, failed)
        t.wait(f"{done} handshakes and {failed} failed ones", same, 15)

    counted(0, 0)
    secure = running.connect(t, ca.context())
    ask(secure, 1), ask(secure, 2)
    counted(1, 0)
    for number in (1, 2):
        with contextlib.suppress(ssl.SSLCertVerificationError):
            running.connect(t, ssl.create_default_context())
        counted(1, number)
    with socket.create_connection(running.at, timeout=20) as plain:
        plain.sendall(b"GET /announce HTTP/1.1\r\n\r\n")
        counted(1, 3)
    socket.create_connection(running.at, timeout=20).close()
    counted(1, 4)
    with socket.create_connection(running.at, timeout=20) as slow:
        assert slow.recv(1) == b"", "its time is up"
    counted(1, 5)
    ask(running.connect(t, ca.context(maximum_version=ssl.TLSVersion.TLSv1_2)), 3)
    http_announce(running.http, 4)
    counted(2, 5)
    body = http_get(admin, "/metrics")[1].decode()
    assert "\nsprat_tracker_https_handshakes_total 2\n" in body, body
    assert "\nsprat_tracker_https_handshakes_failed_total 5\n" in body, body
    assert running.stop() == 0


@test
def what_is_no_tls(t):
    ca, running = start(t)
    for noise in (b"GET /announce HTTP/1.1\r\nHost: t\r\n\r\n", b"\0" * 4096, b"\x16\x03\x01\xff\xff" + b"a" * 5000,
                  b"\x13BitTorrent protocol" + b"\0" * 48, b"\x16\x03\x01\0\x05\x01\0\0\x01\0"):
        with socket.create_connection(running.at, timeout=20) as plain:
            got = b""
            with contextlib.suppress(OSError):  # it may be reset at any moment from here on
                plain.sendall(noise)
                plain.shutdown(socket.SHUT_WR)
                while chunk := plain.recv(4096):
                    got += chunk
            assert not got or got[0] == 0x15, "an alert and no more"
    assert ask(running.connect(t, ca.context()), 1)[b"incomplete"] == 1
    assert running.stop() == 0


@test
def old_versions_are_refused(t):
    ca, running = start(t)
    context = ca.context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    try:
        running.connect(t, context)
        raise AssertionError("TLS 1.1 was spoken")
    except (ssl.SSLError, ConnectionResetError):
        pass
    assert running.stop() == 0


@test
def a_handshake_in_drops_and_one_that_never_ends(t):
    ca, running = start(t, "--http-timeout", "2")
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = ca.context().wrap_bio(incoming, outgoing, server_hostname=running.ip)
    with socket.create_connection(running.at, timeout=20) as slow, socket.create_connection(running.at) as dropping:
        slow.send(b"\x16\x03")
        dropping.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        dropping.settimeout(20)
        done = False
        while not done:
            try:
                tls.do_handshake()
                done = True
            except ssl.SSLWantReadError:
                pass
            for byte in outgoing.read():
                dropping.send(bytes([byte]))
            if not done:
                incoming.write(dropping.recv(65536))
        tls.write(f"GET /announce?{query(1)} HTTP/1.1\r\nConnection: close\r\n\r\n".encode())
        for byte in outgoing.read():
            dropping.send(bytes([byte]))
        while chunk := dropping.recv(65536):
            incoming.write(chunk)
        assert b"200 OK" in tls.read()
        assert slow.recv(100) == b"", "its time is up"
    assert running.stop() == 0


@test
def sessions_are_resumed(t):
    ca, running = start(t)
    context = ca.context()
    first = running.connect(t, context)
    ask(first, 1)
    with socket.create_connection(running.at, timeout=20) as plain, \
            context.wrap_socket(plain, server_hostname=running.ip, session=first.session) as again:
        assert again.session_reused
        assert ask(again, 1)[b"incomplete"] == 1
    assert running.stop() == 0


if __name__ == "__main__":
    need(TRACKER)
    main()
