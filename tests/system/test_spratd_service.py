#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The units of spratd as systemd's own tools see them, and what spratd tells its service manager."""

import os
import re
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
from process import Process
from sprat import BUILD, SPRATD, join, need
from tap import main, note, test
from units import analyze, exposure, unit

SYSTEM = "peer/systemd/spratd.service"
TEMPLATE = "peer/systemd/spratd@.service"
USER = "peer/systemd/user/spratd.service"
EXPOSURE_MAX = 20  # tenths, of 100; what is left is for the network, which it is there for


@test
def the_units_are_well_formed(t):
    for path in (SYSTEM, TEMPLATE):
        result = analyze(t, "verify", "--man=no", unit(t, path, SPRATD))
        assert result.status == 0 and "spratd" not in result.err, result
    result = analyze(t, "verify", "--user", "--man=no", unit(t, USER, SPRATD))
    assert result.status == 0 and "spratd" not in result.err, result


@test
def a_word_that_systemd_does_not_know_is_found(t):
    """Or the test above would show nothing."""
    for path in (SYSTEM, TEMPLATE):
        result = analyze(t, "verify", "--man=no", unit(t, path, SPRATD, ("\nProtectClock=", "\nProtectClocks=")))
        assert "ProtectClocks" in result.err, result


@test
def next_to_no_rights(t):
    for path, tenths in ((SYSTEM, EXPOSURE_MAX), (TEMPLATE, 35)):
        result = exposure(t, unit(t, path, SPRATD), tenths)
        note(result.out.strip().splitlines()[-1])
        assert result.status == 0, result
    open_unit = unit(t, SYSTEM, SPRATD, ("\nCapabilityBoundingSet=\n", "\n"))
    assert exposure(t, open_unit, EXPOSURE_MAX).status != 0, "it counts"


@test
def only_its_own_folder_is_written(t):
    """And the unit has the lines of a drop-in that opens another one, as spratd's message asks for."""
    with open(os.path.join(BUILD, SYSTEM)) as f:
        text = f.read()
    assert re.search(r"(?m)^ProtectSystem=strict$", text) and "#   ReadWritePaths=/" in text
    assert re.search(r"(?m)^ProtectHome=read-only$", text), "folders in /home can be opened by a drop-in too"
    assert re.search(r"(?m)^User=sprat$", text) and "DynamicUser" not in text, "downloads belong to somebody"
    state = re.search(r"(?m)^StateDirectory=(\S+)", text)[1]
    assert f"--state-dir /var/lib/{state} " in text, "the state is in what the unit opens"


@test
def the_service_manager_is_told(t):
    """READY=1 comes when the socket answers, STOPPING=1 when spratd begins to end."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(t.path("notify"))
        manager.settimeout(60)
        daemon = Process(t, [SPRATD, "--foreground", "--state-dir", t.path("state"), "--socket", t.path("sock"),
                             "--listen", join(t.address(), 0)], env={"NOTIFY_SOCKET": t.path("notify")})
        assert manager.recv(4096) == b"READY=1"
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(t.path("sock"))
        daemon.send(15)
        assert manager.recv(4096) == b"STOPPING=1"
        assert daemon.status() == 0


if __name__ == "__main__":
    need(SPRATD)
    main()
