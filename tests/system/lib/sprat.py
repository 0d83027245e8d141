# SPDX-License-Identifier: BSD-2-Clause
"""Our own programs, run from the build folder, each with a state folder inside the test's own."""

import json
import os
import signal

import tap
from process import Process, run

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../.."))
SOURCE = os.path.abspath(os.environ.get("top_srcdir", ROOT))
BUILD = os.path.abspath(os.environ.get("top_builddir", os.path.join(ROOT, ".build/check")))
SPRAT = os.path.join(BUILD, "sprat")
SPRATD = os.path.join(BUILD, "spratd")
TRACKER = os.path.join(BUILD, "sprat-tracker")

# No test asks the public bootstrap hosts of the DHT. A test of the DHT sets SPRAT_DHT and --dht-bootstrap itself.
os.environ.setdefault("SPRAT_DHT", "no")
# No test sends multicast. A test of local discovery sets SPRAT_LSD itself, in a network namespace of its own.
os.environ.setdefault("SPRAT_LSD", "no")


def sprat(t, *args, status=None, seconds=30, env=None, **more):
    """Runs `sprat ARGS` to its end; with status, asserts it."""
    result = run(t, [SPRAT, *args], seconds=seconds, env={"XDG_STATE_HOME": t.path("xdg"), **(env or {})}, **more)
    assert status is None or result.status == status, f"status {status} was expected\n{result}"
    return result


def create(t, path, *args, out=None, form="hybrid", trackers=()):
    """Creates a torrent file with our own program and returns its path."""
    out = out or t.path("torrents", f"{len(os.listdir(os.path.dirname(t.path('torrents', 'x'))))}.torrent")
    urls = [word for url in trackers for word in ("-t", url)]
    sprat(t, "create", "-o", out, "--format", form, *urls, *args, path, status=0, seconds=60)
    return out


def show(t, torrent):
    return json.loads(sprat(t, "show", "--json", torrent, status=0).out)


def _state(t, args):
    if "--state-dir" in args:
        return []
    t.states = getattr(t, "states", 0) + 1
    return ["--state-dir", t.path(f"state-{t.states}", "x")[:-2]]


class Peer(Process):
    """`sprat get` or `sprat seed` with --json. `address` is where it listens, once ready() returned."""

    def __init__(self, t, verb, *args, ip=None, port=0, env=None, wrap=()):
        self.ip = ip or t.address()
        listen = [] if "--listen" in args else ["--listen", f"{join(self.ip, port)}"]
        super().__init__(t, [*wrap, SPRAT, verb, "--json", *listen, *_state(t, args), *args], env=env)
        self.address = None

    def ready(self, seconds=20):
        """Waits until it listens; returns itself."""
        self.address = self.wait("ready", seconds)["listen"]
        return self

    def port(self):
        return int(self.address.rpartition(":")[2])

    def complete(self, seconds=60):
        return self.wait("complete", seconds)

    def finish(self, seconds=60):
        """Waits for the end, which must be a good one; returns the stopped event."""
        status = self.status(seconds)
        assert status == 0, f"status {status}\n{self.report()}"
        stopped = self.last("stopped")
        assert stopped, f"no stopped event\n{self.report()}"
        return stopped

    def fail(self, *words, status=1, seconds=30):
        """Waits for the end, which must be a failure that is told in one line with these words in it."""
        found = self.status(seconds)
        assert found == status, f"status {status} was expected, it was {found}\n{self.report()}"
        said = [e["message"] for e in self.events if e["event"] == "error"] + self.errors
        assert any(all(w in line for w in words) for line in said), f"no line has {words}\n{self.report()}"

    def interrupt(self):
        """As Ctrl-C does; returns the exit status."""
        return self.stop(signal.SIGINT)


def seed(t, torrent, folder, *args, **more):
    """`sprat seed TORRENT FOLDER`, listening and with its data checked."""
    seeder = Peer(t, "seed", *args, torrent, folder, **more).ready()
    seeder.wait("checked")
    return seeder


def get(t, torrent, folder, *args, peers=(), **more):
    """`sprat get TORRENT -o FOLDER`; not waited for."""
    os.makedirs(folder, exist_ok=True)
    to = [word for peer in peers for word in ("--peer", getattr(peer, "address", peer))]
    return Peer(t, "get", "-o", folder, *to, *args, torrent, **more)


# A test's peers are often of one address, and its sessions of one user.
CROWDS = ("--address-peers", "0", "--user-sessions", "0")


class Tracker(Process):
    """`sprat-tracker` on any free ports of its own address, without limits on CROWDS unless the test wants the
    defaults."""

    def __init__(self, t, *args, ip=None, http=True, udp=True, crowds=True):
        self.ip = ip or t.address()
        wanted = [name for name, on in (("http", http), ("udp", udp)) if on]
        listen = [word for name in wanted for word in (f"--listen-{name}", join(self.ip, 0))]
        super().__init__(t, [TRACKER, *listen, *(CROWDS if crowds else ()), *args])
        bound = {}
        while len(bound) < len(wanted):
            words = self.wait_line("listening ", 15).split()
            at = words.index("listening")
            bound[words[at + 1]] = words[at + 2]
        self.http = f"http://{bound['http']}/announce" if http else None
        self.udp = f"udp://{bound['udp']}/announce" if udp else None


def join(ip, port):
    """ADDR:PORT, with brackets around an IPv6 address."""
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


def need(*programs):
    """Skips where a program of ours has not been built."""
    for program in programs or (SPRAT,):
        if not os.access(program, os.X_OK):
            raise tap.Skip(f"{os.path.basename(program)} has not been built")


def is_sanitized():
    """Whether our programs carry a sanitizer, whose memory is then not to be held against them."""
    with open(SPRAT, "rb") as f:
        return b"__asan_init" in f.read()


def main(*programs):
    """Runs the tests of a file, or skips them all where a program of ours has not been built."""
    missing = [os.path.basename(p) for p in programs if not os.access(p, os.X_OK)]
    tap.main(f"{missing[0]} has not been built" if missing else None)
