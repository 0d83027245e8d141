# SPDX-License-Identifier: BSD-2-Clause
"""HTTP and UDP trackers that give the answers of a test, right or wrong, and record the requests."""

import socket
import threading
import urllib.parse

import bencode


def peers_of(*addresses):
    """The compact form of "ADDR:PORT"s (IPv4)."""
    packed = b""
    for address in addresses:
        ip, _, port = address.rpartition(":")
        packed += socket.inet_aton(ip) + int(port).to_bytes(2, "big")
    return packed


def good(*addresses, interval=5):
    """A right answer with these peers, as a whole HTTP reply."""
    return http(bencode.encode({"interval": interval, "peers": peers_of(*addresses)}))


def http(body, status="200 OK", **headers):
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class FakeTracker:
    """reply(path, query, number) returns the bytes to send, or None to hold the connection open and say
    nothing. `asked` has the queries (values as bytes), `url` is the announce URL."""

    def __init__(self, t, reply, ip=None):
        self.asked = []
        self._reply = reply
        self._over = threading.Event()
        self._server = socket.create_server((ip or t.address(), 0))
        self.address = "%s:%d" % self._server.getsockname()
        self.url = f"http://{self.address}/announce"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        t.defer(self.close)

    def close(self):
        self._over.set()
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(5)

    def events(self):
        """The announced events in order, b"" for none."""
        return [query.get("event", b"") for query in self.asked]

    def _serve(self):
        while not self._over.is_set():
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection):
        with connection:
            connection.settimeout(10)
            try:
                request = b""
                while b"\r\n\r\n" not in request and len(request) < 65536:
                    part = connection.recv(4096)
                    if not part:
                        return
                    request += part
                target = request.split(b" ")[1].decode("latin-1")
                path, _, query = target.partition("?")
                asked = {name: urllib.parse.unquote_to_bytes(value) for name, _, value in
                         (pair.partition("=") for pair in query.split("&"))}
                self.asked.append(asked)
                answer = self._reply(path, asked, len(self.asked))
                if answer is None:
                    self._over.wait(60)
                else:
                    connection.sendall(answer)
            except OSError:
                return


class FakeUdpTracker:
    """reply(datagram, number) returns the datagram to send back, or None for silence. `asked` has the datagrams,
    `sources` the addresses ("ADDR:PORT") that they came from."""

    def __init__(self, t, reply):
        self.asked = []
        self.sources = []
        self._reply = reply
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((t.address(), 0))
        self.address = "%s:%d" % self._socket.getsockname()
        self.url = f"udp://{self.address}/announce"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        t.defer(self.close)

    def close(self):
        # A datagram of no length ends the thread; closing would not wake it.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", self._socket.getsockname())
        self._thread.join(5)
        self._socket.close()

    def _serve(self):
        while True:
            datagram, source = self._socket.recvfrom(65536)
            if not datagram:
                return
            self.sources.append("%s:%d" % source)
            self.asked.append(datagram)
            answer = self._reply(datagram, len(self.asked))
            if answer is not None:
                self._socket.sendto(answer, source)
