#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Torrent files by URL: `sprat get https://…` and `sprat add https://…` fetch them, check certificates, and say what is wrong
with an answer."""

import http.server
import os
import ssl
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import bencode
import content
import sprat as our
from certs import Authority
from daemon import Daemon
from tap import test

MIB = 1 << 20


class Web:
    """A web server with pages {path: (status, headers, body)}; a body that is None never comes. With a certificate and its
    key it speaks HTTPS."""

    def __init__(self, t, pages, cert=None, ip=None):
        over = threading.Event()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                status, headers, body = pages.get(self.path, (404, {}, b"not here"))
                if body is None:
                    over.wait(60)
                    return
                self.send_response(status)
                for name, value in {"Content-Length": len(body), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                try:
                    self.wfile.write(body)
                except OSError:
                    pass # the client has seen enough

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *args):
                pass # clients that don't believe the certificate

        server = Server((ip or t.address(), 0), Handler)
        self.port = server.server_address[1]
        if cert:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*cert)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        self.url = f"{'https' if cert else 'http'}://{server.server_address[0]}:{self.port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()

        def close():
            over.set()
            server.shutdown()
            server.server_close()
            thread.join(5)
        t.defer(close)


def seeded(t):
    """A path, the bytes of its torrent, and its seeder."""
    path = content.write_file(t.path("origin", "data"), 2 * MIB)
    meta = our.create(t, path)
    with open(meta, "rb") as f:
        raw = f.read()
    return path, raw, our.seed(t, meta, os.path.dirname(path))


@test
def get_and_add_by_https_with_an_authority_of_ones_own(t):
    path, raw, seeder = seeded(t)
    ip, ca = t.address(), Authority(t)
    web = Web(t, {"/x.torrent": (200, {}, raw)}, ca.issue("server", ip), ip)
    our.get(t, web.url + "/x.torrent", t.path("by-option"), "--ca", ca.cert, peers=[seeder]).finish()
    our.get(t, web.url + "/x.torrent", t.path("by-env"), peers=[seeder], env={"SSL_CERT_FILE": ca.cert}).finish()
    content.assert_same(path, t.path("by-option", "data"))
    daemon = Daemon(t)
    said = daemon.sprat("add", "--ca", ca.cert, "-o", os.path.dirname(t.path("out", "x")), "--peer", seeder.address,
                        web.url + "/x.torrent").out
    assert said.startswith("added ") and said.endswith(" data\n"), said
    daemon.await_state("data", "seeding")
    content.assert_same(path, t.path("out", "data"))
    refused = our.sprat(t, "get", web.url + "/x.torrent", status=1)
    assert "not trusted" in refused.err and "--ca FILE" in refused.err, str(refused)
    assert "not trusted" in daemon.sprat("add", web.url + "/x.torrent", status=1).err
    wrong = our.sprat(t, "get", "--ca", t.path("missing"), web.url + "/x.torrent", status=1)
    assert "ca: " in wrong.err and "missing" in wrong.err, str(wrong)


@test
def certificates_that_do_not_fit(t):
    _, raw, _ = seeded(t)
    ca = Authority(t)
    for name, cert, words in (("expired", {"days": -1}, "has expired"), ("other", {}, "is for another name")):
        ip = t.address()
        names = [ip] if name == "expired" else [t.address()]
        web = Web(t, {"/x.torrent": (200, {}, raw)}, ca.issue(name, *names, **cert), ip)
        said = our.sprat(t, "get", "--ca", ca.cert, web.url + "/x.torrent", status=1).err
        assert words in said and web.url in said, said


@test
def redirects_are_followed_but_not_for_ever(t):
    path, raw, seeder = seeded(t)
    web = Web(t, {"/a": (302, {"Location": "/b"}, b""), "/b": (301, {"Location": "/x.torrent"}, b""),
                  "/x.torrent": (200, {}, raw), "/loop": (302, {"Location": "/loop"}, b""),
                  "/file": (302, {"Location": "file:///etc/passwd"}, b"")})
    our.get(t, web.url + "/a", t.path("out"), peers=[seeder]).finish()
    content.assert_same(path, t.path("out", "data"))
    assert "redirects more than 5 times" in our.sprat(t, "get", web.url + "/loop", status=1).err
    our.sprat(t, "get", web.url + "/file", status=1)


@test
def answers_that_are_no_torrent(t):
    pages = {"/page": (200, {}, b"<html>sign in</html>"), "/text": (200, {}, b"d4:spam4:eggse"), "/none": (200, {}, b""),
             "/private": (403, {}, b""), "/broken": (500, {}, b""), "/large": (200, {}, bytes(129 * MIB))}
    web = Web(t, pages)
    daemon = Daemon(t)
    for path, words in (("/gone", "HTTP status 404: there is no such file"), ("/page", "sent a web page"),
                        ("/text", "is no torrent file: "), ("/none", "is no torrent file: "),
                        ("/private", "403: the server refuses access"), ("/broken", "500: the server has a problem"),
                        ("/large", "larger than 128 MiB")):
        for said in (our.sprat(t, "get", web.url + path, status=1).err, daemon.sprat("add", web.url + path, status=1).err):
            assert words in said and web.url + path in said and said.count("\n") == 1, (path, said)
    assert daemon.listing() == []
    plain = our.sprat(t, "get", web.url.replace("http:", "https:") + "/x", status=1).err
    assert "answers plain HTTP" in plain, plain
    assert "refused the connection" in our.sprat(t, "get", f"http://{t.address()}:9/x.torrent", status=1).err
    assert "no valid URL" in our.sprat(t, "get", "http://", status=1).err


@test
def spratd_does_not_wait_for_a_silent_server(t):
    web = Web(t, {"/silent": (200, {}, None)})
    daemon = Daemon(t)
    waits = our.Process(t, [our.SPRAT, "add", "--socket", daemon.socket, web.url + "/silent"])
    for _ in range(3):
        assert daemon.listing() == []
    assert waits.alive()
    waits.stop()


@test
def a_torrent_file_that_is_too_large_to_be_sent_to_spratd(t):
    _, raw, _ = seeded(t)
    whole = bencode.decode(raw)
    whole[b"comment"] = b"x" * (5 * MIB)
    web = Web(t, {"/x.torrent": (200, {}, bencode.encode(whole))})
    said = Daemon(t).sprat("add", web.url + "/x.torrent", status=1).err
    assert "more than 4 MiB can't be sent to spratd" in said, said


if __name__ == "__main__":
    our.main(our.SPRAT, our.SPRATD)
