# SPDX-License-Identifier: BSD-2-Clause
"""The tracker protocol from a peer's side, written a second time, for tests only."""

import contextlib
import ipaddress
import socket
import struct
import urllib.parse

import bencode
import tap

HASH = bytes(range(20))


def peer_id(number):
    return b"-XX0000-%012d" % number


def address_of(url):
    """(host, port) of http://HOST:PORT/… or udp://…"""
    parts = urllib.parse.urlsplit(url)
    return parts.hostname, parts.port


def http_bytes(url, data, source=None, seconds=10):
    """Sends raw bytes and returns all that comes back until the other side closes."""
    source = (source, 0) if source else None
    with socket.create_connection(address_of(url), timeout=seconds * tap.SLOWER, source_address=source) as s:
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        got = b""
        with contextlib.suppress(ConnectionResetError):
            while chunk := s.recv(65536):
                got += chunk
        return got


def responses(data):
    """Splits pipelined responses: a list of (status, headers, body)."""
    found = []
    while data:
        head, _, rest = data.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
        length = int(headers["content-length"])
        assert len(rest) >= length, "a response is cut"
        found.append((int(lines[0].split()[1]), headers, rest[:length]))
        data = rest[length:]
    return found


def query(number, **fields):
    """A good announce's query for peer NUMBER; a field that is None is left out."""
    values = {"info_hash": HASH, "peer_id": peer_id(number), "port": 1000 + number, "uploaded": 0,
              "downloaded": 0, "left": 1, **fields}
    return urllib.parse.urlencode({k: v for k, v in values.items() if v is not None},
                                  quote_via=urllib.parse.quote)


def http_get(url, path, source=None):
    """(status, body) of one request."""
    host = urllib.parse.urlsplit(url).netloc
    got = http_bytes(url, f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode(), source)
    (status, _, body), = responses(got)
    return status, body


def http_announce(url, number, source=None, **fields):
    status, body = http_get(url, "/announce?" + query(number, **fields), source)
    assert status == 200, status
    return bencode.decode(body)


def http_scrape(url, *hashes):
    status, body = http_get(url, "/scrape?" + "&".join(
        "info_hash=" + urllib.parse.quote(h) for h in hashes or (HASH,)))
    assert status == 200, status
    return bencode.decode(body)


def compact(data, size=6):
    """A compact list as [(address, port), …]."""
    assert len(data) % size == 0
    return [(str(ipaddress.ip_address(data[i:i + size - 2])), int.from_bytes(data[i + size - 2:i + size], "big"))
            for i in range(0, len(data), size)]


class Udp:
    """One UDP client, with its own socket."""

    def __init__(self, t, url, source=None):
        host, port = address_of(url)
        self.size = 18 if ":" in host else 6
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        t.defer(self.socket.close)
        if source:
            self.socket.bind((source, 0))
        self.socket.settimeout(5 * tap.SLOWER)
        self.socket.connect((host, port))
        self.transaction = 0

    def ask(self, packet):
        self.socket.send(packet)
        return self.socket.recv(65536)

    def silent(self, packet, seconds=0.3):
        """True if nothing comes back."""
        self.socket.send(packet)
        self.socket.settimeout(seconds)
        try:
            self.socket.recv(65536)
            return False
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(5 * tap.SLOWER)

    def connect(self):
        self.transaction += 1
        got = self.ask(struct.pack("!QII", 0x41727101980, 0, self.transaction))
        action, transaction, connection = struct.unpack("!IIQ", got)
        assert (action, transaction) == (0, self.transaction)
        return connection

    def announce_packet(self, connection, number, left=1, event=0, want=-1, port=None, options=b""):
        self.transaction += 1
        return struct.pack("!QII20s20sQQQIIIiH", connection, 1, self.transaction, HASH, peer_id(number), 0, left,
                           0, event, 0x09090909, 7, want, 1000 + number if port is None else port) + options

    def announce(self, connection, number, **more):
        """(interval, leechers, seeders, [(address, port), …])"""
        got = self.ask(self.announce_packet(connection, number, **more))
        action, transaction, interval, leechers, seeders = struct.unpack("!IIIII", got[:20])
        assert (action, transaction) == (1, self.transaction), got
        return interval, leechers, seeders, compact(got[20:], self.size)

    def scrape(self, connection, *hashes):
        """[(seeders, completed, leechers), …]"""
        self.transaction += 1
        got = self.ask(struct.pack("!QII", connection, 2, self.transaction) + b"".join(hashes or (HASH,)))
        assert struct.unpack("!II", got[:8]) == (2, self.transaction), got
        return [struct.unpack("!III", got[i:i + 12]) for i in range(8, len(got), 12)]

    def error(self, packet):
        """The text of the error that answers the packet."""
        got = self.ask(packet)
        assert struct.unpack("!I", got[:4]) == (3,), got
        return got[8:].decode()
