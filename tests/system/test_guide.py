#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""docs/GUIDE.md and the session of README.md, run as they stand there: each host is a network namespace with a shell that
runs the host's blocks in their order."""

import os
import re
import select
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
from hosts import Hosts
from sprat import BUILD, SOURCE, SPRAT, SPRATD, TRACKER, need
from tap import main, note, test


class Shell:
    """A shell on a host, in a folder and with a home of its own. It ends at the first command that fails."""

    def __init__(self, t, hosts, name):
        self.name, self.out = name, ""
        self.folder = os.path.dirname(t.path(name, "x"))
        home = os.path.dirname(t.path(f"home-{name}", "x"))
        env = {"PATH": f"{BUILD}:{os.environ['PATH']}", "HOME": home, "XDG_RUNTIME_DIR": home, "LANG": "C.UTF-8"}
        self._child = subprocess.Popen(hosts.argv(name, "bash", "-euo", "pipefail"), stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=self.folder, env=env)
        t.defer(self._close)

    def run(self, script, seconds=90):
        """Runs a block to its end and returns what it printed."""
        before, mark = len(self.out), f"--- end {time.monotonic_ns()}"
        self._child.stdin.write(f"{script}\necho '{mark}'\n".encode())
        self._child.stdin.flush()
        until = time.monotonic() + seconds
        while mark not in self.out[before:]:
            ready, _, _ = select.select([self._child.stdout], [], [], max(0, until - time.monotonic()))
            data = os.read(self._child.stdout.fileno(), 65536) if ready else b""
            self.out += data.decode(errors="replace")
            if not data:
                note(f"{self.name}: {script}\n{self.out[before:]}")
                self._note_logs()
                raise AssertionError(f"{self.name}: a command {'failed' if ready else 'did not end'}")
        return self.out[before:self.out.index(mark, before)]

    def _note_logs(self):
        for name in sorted(os.listdir(self.folder)):
            if name.endswith((".out", ".log")):
                with open(os.path.join(self.folder, name), errors="replace") as f:
                    note(f"{self.name} {name}: {f.read()[-1500:]}")

    def _close(self):
        if self._child.poll() is None:
            self._child.stdin.write(b"\nkill $(jobs -p) 2>/dev/null; wait; exit\n")
            self._child.stdin.close()
            try:
                self._child.wait(20)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()
        self._child.stdout.close()


def chapter(title):
    """The (host, script) blocks of a chapter of the guide."""
    with open(os.path.join(SOURCE, "docs", "GUIDE.md")) as f:
        text = f.read()
    parts = re.split(r"(?m)^## ", text)
    part = next(p for p in parts if p.startswith(title))
    return re.findall(r"(?ms)^```sh (\w+)\n(.*?)^```$", part)


def start(t, *names):
    hosts = Hosts(t, *names)
    shells = {name: Shell(t, hosts, name) for name in names}
    images = os.path.dirname(t.path(names[0], "images", "x"))
    for n, name in enumerate(("one", "two", "three")):
        with open(os.path.join(images, name), "wb") as f:
            f.write(os.urandom(1000000 + n))
    return shells


def play(shells, blocks):
    assert blocks, "the chapter has its blocks"
    return "".join(shells[name].run(script) for name, script in blocks)


def same(t, one, other):
    assert subprocess.run(["diff", "-r", one, other], check=False).returncode == 0, f"{one} and {other} differ"


@test(seconds=240)
def share_a_large_file_with_many_machines(t):
    shells = start(t, "alpha", "beta", "gamma")
    out = play(shells, chapter("Share a large file"))
    same(t, t.path("alpha", "images"), t.path("beta", "images"))
    assert "all 3 files are right" in out, out


@test(seconds=240)
def run_a_private_tracker(t):
    shells = start(t, "alpha", "beta")
    out = play(shells, chapter("Run a private tracker"))
    same(t, t.path("alpha", "images"), t.path("beta", "images"))
    assert len(re.findall(r"2\.9 MiB", out)) >= 2, f"what anna gave is what bert took\n{out}"


@test(seconds=240)
def seed_from_a_server(t):
    shells = start(t, "alpha", "beta")
    out = play(shells, chapter("Seed from a server"))
    same(t, t.path("alpha", "images"), t.path("beta", "images"))
    assert "seeding" in out, out


@test(seconds=180)
def the_session_of_the_readme(t):
    """The lines behind each prompt, with links and the torrent file carried over by the test."""
    with open(os.path.join(SOURCE, "README.md")) as f:
        commands = re.findall(r"(?m)^    (alpha|beta)\$ (.*)$", f.read())
    assert [name for name, _ in commands].count("beta") >= 2, commands
    shells = start(t, "alpha", "beta")
    os.rename(t.path("alpha", "images"), t.path("alpha", "album"))
    shells["alpha"].run("echo notes >notes.txt")
    out = ""
    for name, command in commands:
        if command.startswith("sprat seed"):
            command += " >seed.out 2>&1 &\nuntil grep -q magnet: seed.out; do sleep 0.1; done"
        if "album.torrent" in command and not os.path.exists(t.path("beta", "album.torrent")):
            os.link(t.path("alpha", "album.torrent"), t.path("beta", "album.torrent"))
        if command.startswith("sprat get 'magnet:"):
            with open(t.path("alpha", "seed.out")) as f:
                command = "sprat get '" + re.search("magnet:[^']*", f.read()).group() + "'"
            out += shells[name].run(command)
            same(t, t.path("alpha", "album"), t.path("beta", "album and 1 more", "album"))
            shells["alpha"].run("kill %1; wait")
            continue
        if command.endswith("tracker &"):
            command = "sprat-tracker >tracker.out 2>tracker.log &"
        out += shells[name].run(command)
    same(t, t.path("alpha", "album"), t.path("beta", "album"))
    assert "all 3 files are right" in out, out


if __name__ == "__main__":
    need(SPRAT, SPRATD, TRACKER)
    main()
