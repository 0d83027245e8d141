# SPDX-License-Identifier: BSD-2-Clause
"""A peer of the v1 wire protocol that misbehaves on request: one that connects (Dialer), and a seeder that accepts
connections (FakeSeeder)."""

import os
import socket
import struct
import threading

import tap

CHOKE, UNCHOKE, INTERESTED, NOT_INTERESTED, HAVE, BITFIELD, REQUEST, PIECE, CANCEL = range(9)
PROTOCOL = b"\x13BitTorrent protocol"


def handshake(info_hash, reserved=bytes(8), peer_id=None):
    return PROTOCOL + reserved + info_hash[:20] + (peer_id or b"-XX0001-" + os.urandom(12))


def message(kind, payload=b""):
    return struct.pack(">IB", 1 + len(payload), kind) + payload


def read_exactly(connection, length):
    data = b""
    while len(data) < length:
        part = connection.recv(length - len(data))
        if not part:
            raise ConnectionError("closed")
        data += part
    return data


def read_message(connection):
    """(kind, payload), keep-alives passed over; ConnectionError at the end."""
    while True:
        length, = struct.unpack(">I", read_exactly(connection, 4))
        if length:
            data = read_exactly(connection, length)
            return data[0], data[1:]


class Dialer:
    """A connection to "ADDR:PORT", from `source`, or else from an address of its own."""

    def __init__(self, t, address, info_hash=None, reserved=bytes(8), source=None, peer_id=None):
        ip, _, port = address.rpartition(":")
        self.socket = socket.create_connection((ip, int(port)), 10, (source or t.address(), 0))
        t.defer(self.socket.close)
        if info_hash:
            self.socket.sendall(handshake(info_hash, reserved, peer_id))
            read_exactly(self.socket, 68)

    def send(self, data):
        self.socket.sendall(data)

    def read(self, *kinds):
        """The next message of one of these kinds."""
        while True:
            kind, payload = read_message(self.socket)
            if kind in kinds:
                return kind, payload

    def is_closed(self, seconds=30):
        """Reads until the other side closes; False if it does not in that time."""
        self.socket.settimeout(seconds * tap.SLOWER)
        try:
            while self.socket.recv(65536):
                pass
        except TimeoutError:
            return False
        except OSError:
            pass
        return True


class FakeSeeder:
    """Claims to have everything. `behave` is called as behave(seeder, connection) after the handshakes, or,
    if it has the attribute `raw`, instead of them; by default it serves honestly, with each block passed
    through `bend(index, begin, block)`."""

    def __init__(self, t, info_hash, data, piece_length, behave=None, bend=None, ip=None, reserved=bytes(8)):
        self.info_hash, self.data, self.piece_length = info_hash, data, piece_length
        self.served = 0
        self.connections = 0
        self._behave = behave or FakeSeeder.serve
        self._bend = bend or (lambda index, begin, block: block)
        self._over = threading.Event()
        self._reserved = reserved
        self._server = socket.create_server((ip or t.address(), 0))
        self.address = "%s:%d" % self._server.getsockname()
        threading.Thread(target=self._accept, daemon=True).start()
        t.defer(self.close)

    def close(self):
        self._over.set()
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def pieces(self):
        return -(-len(self.data) // self.piece_length)

    def claim_all(self, connection):
        bits = (1 << self.pieces()) - 1 << -self.pieces() % 8
        connection.sendall(message(BITFIELD, bits.to_bytes(-(-self.pieces() // 8), "big")))
        connection.sendall(message(UNCHOKE))

    def serve(self, connection):
        self.claim_all(connection)
        while True:
            kind, payload = read_message(connection)
            if kind == REQUEST:
                index, begin, length = struct.unpack(">III", payload)
                at = index * self.piece_length + begin
                block = self._bend(index, begin, self.data[at:at + length])
                connection.sendall(message(PIECE, struct.pack(">II", index, begin) + block))
                self.served += 1

    def stay_silent(self, connection):
        self._over.wait(120)

    def claim_and_never_answer(self, connection):
        self.claim_all(connection)
        self._over.wait(120)

    def _accept(self):
        while not self._over.is_set():
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection):
        with connection:
            try:
                if getattr(self._behave, "raw", False):
                    self._behave(self, connection)
                    return
                read_exactly(connection, 68)
                connection.sendall(handshake(self.info_hash, self._reserved))
                self._behave(self, connection)
            except OSError:
                return
