#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The units of spratd as systemd's own tools see them, and what spratd tells its service manager."""

import json
import os
import re
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
import content
import sprat as our
from process import Process, run
from sprat import BUILD, SPRATD, join, need
from tap import Skip, main, note, test
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
    assert "--socket-group sprat" in text
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
        # The status is a sum over all loops, which may answer before or after spratd is ready.
        told = {manager.recv(4096), manager.recv(4096)}
        assert told == {b"STATUS=0 torrents; 0 B/s down, 0 B/s up", b"READY=1"}, told
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(t.path("sock"))
        daemon.send(15)
        assert manager.recv(4096) == b"STOPPING=1"
        assert daemon.status() == 0


class Manager:
    """A service manager that watches spratd and expects a word every |ms| milliseconds."""

    def __init__(self, t, ms, *args):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        t.defer(self.socket.close)
        self.socket.bind(t.path("notify"))
        self.socket.settimeout(30)
        self.daemon = Process(t, [SPRATD, "--foreground", "-c", "none", "--state-dir", t.path("state"), "--socket",
                                  t.path("sock"), "--listen", join(t.address(), 0), *args],
                              env={"NOTIFY_SOCKET": t.path("notify"), "WATCHDOG_USEC": str(ms * 1000)})

    def until(self, word):
        """What is told until something begins with |word|; returns that."""
        while not (told := self.socket.recv(4096).decode()).startswith(word):
            pass
        return told


@test
def the_manager_sees_what_waits(t):
    torrent = our.create(t, content.write_file(t.path("origin", "album\u202eX"), 100_000))
    manager = Manager(t, 400)
    manager.until("READY=1")
    our.sprat(t, "add", "--socket", t.path("sock"), "-o", t.path("into", "x")[:-2], torrent, status=0)
    told = manager.until("STATUS=1 torrent")
    while "waits" not in told:
        told = manager.until("STATUS=1 torrent")
    assert "1 downloading; 0 B/s down, 0 B/s up; 1 waits: album\\u202eX: this torrent names no tracker" in told, told


@test
def the_watchdog_is_fed_until_the_end(t):
    manager = Manager(t, 400, "--loops", "3")
    for _ in range(3):
        manager.until("WATCHDOG=1")
    manager.daemon.send(15)
    assert manager.until("STOPPING=1") and manager.daemon.status() == 0
    manager.socket.setblocking(False)
    try:
        told = manager.socket.recv(4096)
    except BlockingIOError:
        told = None
    assert told is None, "nothing more is told after that"


@test
def downloads_go_below_the_state_directory(t):
    """Of a system service, where nothing else was said."""
    for config, expected in (("", t.path("state") + "/downloads"), (f"save-dir = {t.path('other')}\n", t.path("other"))):
        with open(t.path("conf"), "w") as f:
            f.write(config)
        daemon = Process(t, [SPRATD, "--foreground", "-c", t.path("conf"), "--state-dir", t.path("state"), "--socket",
                             t.path("sock"), "--listen", join(t.address(), 0)],
                         env={"STATE_DIRECTORY": f"{t.path('state')}:{t.path('second')}"})
        t.wait("its start", lambda: any("listening on" in line for line in daemon.errors), 30)
        torrent = our.create(t, content.write_file(t.path("origin", "data"), 100_000))
        our.sprat(t, "add", "--socket", t.path("sock"), "--paused", torrent, status=0)
        added, = json.loads(our.sprat(t, "ls", "--json", "--socket", t.path("sock")).out)
        assert added["save_dir"] == expected, added
        our.sprat(t, "rm", "--socket", t.path("sock"), "data", status=0)
        assert daemon.stop() == 0


@test
def a_folder_that_is_read_only_is_refused(t):
    """As ReadWritePaths= of a unit makes them; content that is there is seeded from it nevertheless."""
    if os.geteuid() != 0 or run(t, ["unshare", "--mount", "true"]).status != 0:
        raise Skip("needs a mount namespace")
    path = content.write_file(t.path("fixed", "there"), 100_000)
    absent = our.create(t, content.write_file(t.path("origin", "absent"), 100_000))
    torrent = our.create(t, path)
    fixed = os.path.dirname(path)
    daemon = Process(t, ["unshare", "--mount", "--propagation", "private", "sh", "-c",
                         'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"', "sh", fixed,
                         SPRATD, "--foreground", "--state-dir", t.path("state"), "--socket", t.path("sock"),
                         "--listen", join(t.address(), 0)])
    t.wait("its start", lambda: any("listening on" in line for line in daemon.errors), 30)
    refused = our.sprat(t, "add", "--socket", t.path("sock"), "-o", fixed, absent, status=1)
    assert f"{fixed} is on a read-only file system" in refused.err, refused
    refused = our.sprat(t, "add", "--socket", t.path("sock"), "-o", os.path.join(fixed, "a", "b"), absent, status=1)
    assert f"{fixed} is on a read-only file system" in refused.err, refused
    refused = our.sprat(t, "add", "--socket", t.path("sock"), "-o", t.path("elsewhere", "x"), "--move-to", fixed, absent,
                        status=1)
    assert f"{fixed} is on a read-only file system" in refused.err, refused
    our.sprat(t, "add", "--socket", t.path("sock"), "-o", fixed, torrent, status=0)
    t.wait("its seeding", lambda: [x["state"] for x in json.loads(
        our.sprat(t, "ls", "--json", "--socket", t.path("sock")).out)] == ["seeding"], 30)


if __name__ == "__main__":
    need(SPRATD)
    main()
