#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The units of sprat-tracker as systemd's own tools see them, and sockets as its own program passes them. No systemd
runs here, so what the units ask of it is not tried; tools/deb-test boots one and tries it."""

import os
import shutil
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
from process import Process
from sprat import SOURCE, TRACKER, join, need
from tap import main, note, test
from tracker_client import Udp, http_announce, http_get
from units import analyze, exposure, tool, unit

UNITS = "tracker/systemd"
EXPOSURE_MAX = 15  # tenths, of 100; what is left is for the network, which it is there for


def units(t, change=("", "")):
    """Copies of the units, in a folder of their own, with the program that was built; |change| replaces a text."""
    shutil.copy(os.path.join(SOURCE, UNITS, "sprat-tracker.socket"), t.path("units", "sprat-tracker.socket"))
    return unit(t, f"{UNITS}/sprat-tracker.service", TRACKER, change)


@test
def the_units_are_well_formed(t):
    service = units(t)
    result = analyze(t, "verify", "--man=no", service, t.path("units", "sprat-tracker.socket"))
    assert result.status == 0 and "sprat-tracker" not in result.err, result


@test
def a_word_that_systemd_does_not_know_is_found(t):
    """Or the test above would show nothing."""
    result = analyze(t, "verify", "--man=no", units(t, ("\nProtectClock=", "\nProtectClocks=")))
    assert "ProtectClocks" in result.err, result
    result = analyze(t, "verify", "--man=no", units(t, (TRACKER, t.path("nothing"))))
    assert result.status != 0 and "not executable" in result.err, result


@test
def next_to_no_rights(t):
    result = exposure(t, units(t), EXPOSURE_MAX)
    note(result.out.strip().splitlines()[-1])
    assert result.status == 0, result
    open_unit = units(t, ("\nCapabilityBoundingSet=\n", "\n"))
    assert exposure(t, open_unit, EXPOSURE_MAX).status != 0, "it counts"


def free_ports(t, ip, kind, count):
    """Ports at an address that only this test uses."""
    sockets = [socket.socket(socket.AF_INET, kind) for _ in range(count)]
    for s in sockets:
        s.bind((ip, 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def activate(t, ip, ports, names, *options):
    """systemd-socket-activate, which becomes the tracker when somebody comes. It passes no environment on."""
    kept = [word for name in ("ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS") if name in os.environ
            for word in ("-E", name)]
    listen = [word for port in ports for word in ("-l", join(ip, port))]
    running = Process(t, [tool("systemd-socket-activate"), *options, *listen, f"--fdname={names}", *kept, TRACKER])
    t.wait("its sockets", lambda: sum("Listening on" in line for line in running.errors) == len(ports), 15)
    return running


@test
def tcp_sockets_by_systemd(t):
    """The announce that makes it start is answered."""
    ip = t.address()
    http, admin = free_ports(t, ip, socket.SOCK_STREAM, 2)
    running = activate(t, ip, (http, admin), "http:admin")
    assert http_announce(f"http://{ip}:{http}/announce", 1)[b"incomplete"] == 1
    assert http_announce(f"http://{ip}:{http}/announce", 2)[b"incomplete"] == 2
    assert http_get(f"http://{ip}:{admin}/", "/health") == (200, b"ok\n")
    said = [running.wait_line("listening ").split()[1:] for _ in range(2)]
    assert said == [["http", join(ip, http)], ["admin", join(ip, admin)]], said
    assert running.stop() == 0


@test
def udp_sockets_by_systemd(t):
    ip = t.address()
    port, = free_ports(t, ip, socket.SOCK_DGRAM, 1)
    running = activate(t, ip, (port,), "sprat-tracker.socket", "--datagram")
    udp = Udp(t, f"udp://{ip}:{port}/announce")
    udp.announce(udp.connect(), 1)
    assert running.wait_line("listening ").split()[1:] == ["udp", join(ip, port)]
    assert running.stop() == 0


if __name__ == "__main__":
    need(TRACKER)
    main()
