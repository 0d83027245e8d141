# SPDX-License-Identifier: BSD-2-Clause
"""The UDP packets of one IPv4 address on the loopback interface, as they pass. Needs root."""

import ctypes
import socket
import struct
import threading
import time

ETH_P_IP = 0x0800
SO_ATTACH_FILTER = 26
LOAD_BYTE, LOAD_WORD, EQUAL, RETURN = 0x30, 0x20, 0x15, 0x06  # of a BPF program


class Sniffer:
    """Notes (when, was it sent by the address?, payload) until stop()."""

    def __init__(self, ip):
        self._ip = socket.inet_aton(ip)
        self._packets = []
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IP))
        self._filter()
        self._socket.bind(("lo", ETH_P_IP))
        self._socket.settimeout(0.2)
        self._over = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def stop(self):
        time.sleep(0.05)
        self._over = True
        self._thread.join()
        self._socket.close()
        return self._packets

    def _filter(self):
        """The kernel passes on what is UDP from or to the address, so that others on loopback cost nothing here."""
        address = int.from_bytes(self._ip, "big")
        program = b"".join(struct.pack("HBBI", *line) for line in (
            (LOAD_BYTE, 0, 0, 9), (EQUAL, 0, 5, socket.IPPROTO_UDP),
            (LOAD_WORD, 0, 0, 12), (EQUAL, 2, 0, address),
            (LOAD_WORD, 0, 0, 16), (EQUAL, 0, 1, address),
            (RETURN, 0, 0, 0xffff), (RETURN, 0, 0, 0)))
        kept = ctypes.create_string_buffer(program)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER,
                                struct.pack("HL", len(program) // 8, ctypes.addressof(kept)))

    def _read(self):
        while not self._over:
            try:
                data = self._socket.recv(65536)
            except TimeoutError:
                continue
            self._packets.append((time.monotonic(), data[12:16] == self._ip, data[(data[0] & 15) * 4 + 8:]))
