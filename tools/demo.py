# SPDX-License-Identifier: BSD-2-Clause
"""The main job on real input, to watch: a large file and a directory tree of this machine become a hybrid
torrent and go from one seeder to four leechers. On the way the tracker is killed, and later the seeder,
once the leechers hold a whole copy among them. They finish alone; each copy is compared with the original
byte by byte. With --no-tracker the leechers have nothing but a link with the info-hashes and the address of
one node of a DHT of the demo's own; that node is killed in the tracker's place. Run by tools/demo, with the
build folder as its argument."""

import contextlib
import ctypes
import filecmp
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time

MIB = 1 << 20
INPUT_BYTES = 320 * MIB  # at least 300 MB of either kind
TREE_BYTES = 64 * MIB    # of which the tree is at least this
TREE_FILES = 1500
FIRST_FILES = 500
LARGE_BYTES = 160 * MIB  # the large file is the largest up to this
TREES = ("/usr/include", "/usr/lib/gcc", "/usr/share", "/usr/lib", "/usr")
LEECHERS = 4
# The seeder is faster than a leecher, so that much is left to do when one copy is out: with equal rates
# the leechers pass everything on at once, and all finish with the first copy.
SEEDER_RATE = "32M"
LEECHER_RATE = "8M"
MINUTES = 10


class Failure(Exception):
    """The demo cannot go on, or showed something that must not be."""


# Input.

def regular_files(top):
    """(path, size) of the readable regular files below top, in sorted order."""
    for folder, folders, names in os.walk(top):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(folder, name)
            with contextlib.suppress(OSError):
                status = os.lstat(path)
                if stat.S_ISREG(status.st_mode) and os.access(path, os.R_OK):
                    yield path, status.st_size


def choose_input():
    """(large file, tree, [(path, size)] of the tree, bytes): the largest file there is, and of the first
    tree that is large enough the first few files as they come, and then its largest."""
    large, size = max((f for top in ("/usr/lib", "/usr/bin") for f in regular_files(top)
                       if f[1] <= LARGE_BYTES), key=lambda f: f[1])
    wanted = max(TREE_BYTES, INPUT_BYTES - size)
    for top in TREES:
        found = [f for f in regular_files(top) if f[0] != large and f[1] <= LARGE_BYTES]
        chosen, rest = found[:FIRST_FILES], sorted(found[FIRST_FILES:], key=lambda f: -f[1])
        total = sum(length for _, length in chosen)
        while rest and total < wanted and len(chosen) < TREE_FILES:
            chosen.append(rest.pop(0))
            total += chosen[-1][1]
        if total >= wanted:
            return large, top, chosen, size + total
    raise Failure(f"no tree of {wanted // MIB} MiB was found in {', '.join(TREES)}")


def copy_input(large, top, chosen, root):
    os.makedirs(root)
    shutil.copy(large, os.path.join(root, os.path.basename(large)))
    for path, _ in chosen:
        target = os.path.join(root, os.path.basename(top), os.path.relpath(path, top))
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copyfile(path, target)


def work_folder(needed):
    for place in (os.environ.get("TMPDIR", "/tmp"), "/var/tmp", os.getcwd()):
        with contextlib.suppress(OSError):
            if shutil.disk_usage(place).free > needed and os.access(place, os.W_OK):
                return tempfile.mkdtemp(prefix="sprat-demo-", dir=place)
    raise Failure(f"{needed // MIB} MiB of free space are needed in /tmp, /var/tmp or here")


# Processes.

def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG


class Program:
    """One of our programs; the JSON events that it prints are kept, the latest by name."""

    def __init__(self, name, argv):
        self.name = name
        self.latest = {}
        self.lines = []
        self._errors = []
        self.child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                                      stderr=subprocess.PIPE, start_new_session=True,
                                      preexec_fn=die_with_parent)
        for stream, take in ((self.child.stdout, self._on_line), (self.child.stderr, self._errors.append)):
            threading.Thread(target=self._read, args=(stream, take), daemon=True).start()

    def running(self):
        return self.child.poll() is None

    def wait_for(self, what, seconds=60):
        """The event of that name, or the line that contains it."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = self.latest.get(what) or next((line for line in self.lines if what in line), None)
            if found:
                return found
            if not self.running():
                time.sleep(0.2)
                if not (what in self.latest or any(what in line for line in self.lines)):
                    break
            time.sleep(0.02)
        raise Failure(f"{self.name}: no {what!r}; {' '.join(self._errors[-3:]).strip() or 'it said nothing'}")

    def share(self):
        """How much of the content it has verified, from 0 to 1."""
        progress = self.latest.get("progress") or {}
        return progress.get("bytes_have", 0) / max(1, progress.get("bytes_total", 1))

    def stop(self):
        """As Ctrl-C does; returns its last event."""
        self.child.send_signal(signal.SIGINT)
        self.child.wait(30)
        return self.wait_for("stopped", 5)

    def kill(self):
        self.child.kill()
        self.child.wait()

    def check(self):
        if not self.running():
            raise Failure(f"{self.name} ended with status {self.child.returncode}: "
                          f"{' '.join(self._errors[-3:]).strip()}")
        error = self.latest.get("error")
        if error:
            raise Failure(f"{self.name}: {error.get('message')}")

    @staticmethod
    def _read(stream, take):
        for line in stream:
            take(line.rstrip("\n"))

    def _on_line(self, line):
        if line.startswith("{"):
            with contextlib.suppress(ValueError):
                event = json.loads(line)
                self.latest[event["event"]] = event
                return
        self.lines.append(line)


# What is shown.

class Screen:
    """A table that is drawn anew on a terminal, and a line now and then elsewhere."""

    def __init__(self):
        self._live = sys.stdout.isatty()
        self._drawn = 0
        self._next = 0.0
        self._began = time.monotonic()

    def seconds(self):
        return time.monotonic() - self._began

    def say(self, text):
        self._erase()
        print(f"[{self.seconds():5.1f} s] {text}", flush=True)
        self._next = 0.0

    def table(self, peers):
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + (0.25 if self._live else 5.0)
        if not self._live:
            print(f"[{self.seconds():5.1f} s] " + ", ".join(
                f"{peer.name.rpartition(' ')[0]} {peer.share():.0%}" if peer.running() else
                f"{peer.name.rpartition(' ')[0]} killed" for peer in peers), flush=True)
            return
        self._erase()
        print("\n".join(self._row(peer) for peer in peers), flush=True)
        self._drawn = len(peers)

    def _erase(self):
        if self._drawn:
            print(f"\x1b[{self._drawn}A\x1b[J", end="")
            self._drawn = 0

    def _row(self, peer):
        if not peer.running():
            return f"  {peer.name:<22} killed"
        p = peer.latest.get("progress") or {}
        bar = ("#" * int(24 * peer.share())).ljust(24, ".")
        return f"  {peer.name:<21} [{bar}] {peer.share():4.0%}  down {p.get('down_rate', 0) / MIB:5.1f} " \
               f"up {p.get('up_rate', 0) / MIB:5.1f} MiB/s  {p.get('peers', 0)} peers"


def print_flows(names, stopped):
    """Who sent how much to whom, as its receivers counted it."""
    senders = list(names)
    print("\nWho sent how much to whom, in MiB (rows send, columns receive):")
    receivers = [ip for ip in senders if ip in stopped]
    print(" " * 24 + "".join(f"{names[ip].split()[0] + ' ' + names[ip].split()[1]:>12}" for ip in receivers))
    for sender in senders:
        cells = []
        for receiver in receivers:
            got = sum(p["down"] for p in stopped[receiver]["peers"] if host(p["addr"]) == sender)
            cells.append(f"{got / MIB:12.1f}" if sender != receiver else f"{'-':>12}")
        print(f"  {names[sender]:<22}" + "".join(cells))


def host(address):
    return address.rpartition(":")[0] if address.count(":") == 1 else address


# The course of it.

class Demo:
    def __init__(self, build, tracker):
        self.bin = build
        self.with_tracker = tracker
        self.screen = Screen()
        self.programs = []
        self.folder = None

    def start(self, name, program, *args):
        started = Program(name, [os.path.join(self.bin, program), *args])
        self.programs.append(started)
        return started

    def peer(self, name, ip, verb, *args):
        state = os.path.join(self.folder, f"state-{ip}")
        peer = self.start(f"{name} {ip}", "sprat", verb, "--json", "--listen", f"{ip}:0", "--state-dir", state,
                          *args)
        peer.ip = ip
        return peer

    def run(self):
        large, top, chosen, total = choose_input()
        self.folder = work_folder(total * (LEECHERS + 1) + 256 * MIB)
        original = os.path.join(self.folder, "original", "input")
        self.screen.say(f"input: {large} and {len(chosen)} files of {top}, {total / 1e6:.0f} MB together")
        copy_input(large, top, chosen, original)

        helper, seeder, what = (self.begin if self.with_tracker else self.begin_without_tracker)(original)
        leechers = []
        for i in range(1, LEECHERS + 1):
            target = os.path.join(self.folder, f"copy-{i}")
            leecher = self.peer(f"leecher {i}", f"127.0.0.{10 + i}", "get", "-o", target, "--up-limit",
                                LEECHER_RATE, "--seed", "forever", *what)
            leecher.copy = os.path.join(target, "input")
            leechers.append(leecher)
        self.watch(helper, seeder, leechers)

        same = self.compare(original, [leecher.copy for leecher in leechers])
        stopped = {leecher.ip: leecher.stop() for leecher in leechers}
        print_flows({p.ip: p.name for p in [seeder] + leechers}, stopped)
        return (f"Shown: {total / 1e6:.0f} MB in {len(chosen) + 1} files went as a hybrid torrent from one seeder "
                f"to {LEECHERS} leechers; without the {helper.name} from {self.helper_gone:.0f} s and without the "
                f"seeder from {self.seeder_gone:.0f} s on they finished at {self.finished:.0f} s, and all "
                f"{same} copies are identical to the original.")

    def begin(self, original):
        """Starts the tracker and the seeder, and gives both, and what the leechers are told."""
        tracker = self.start("tracker", "sprat-tracker", "--listen-http", "127.0.0.1:0")
        url = f"http://{tracker.wait_for('listening http').split()[-1]}/announce"
        torrent = os.path.join(self.folder, "input.torrent")
        subprocess.run([os.path.join(self.bin, "sprat"), "create", "-o", torrent, "-t", url, original], check=True,
                       stdout=subprocess.DEVNULL)
        self.say_created(torrent, f"the tracker is {url}")
        seeder = self.peer("seeder", "127.0.0.10", "seed", "--up-limit", SEEDER_RATE, torrent,
                           os.path.dirname(original))
        seeder.wait_for("ready")
        return tracker, seeder, [torrent]

    def begin_without_tracker(self, original):
        """As begin(), with a node of the DHT in place of the tracker."""
        with socket.create_server(("127.0.0.9", 0)) as free:
            at = f"127.0.0.9:{free.getsockname()[1]}"
        node = self.start("DHT node", "spratd", "--foreground", "--listen", at, "--state-dir",
                          os.path.join(self.folder, "state-node"), "--socket", os.path.join(self.folder, "node.sock"),
                          "--dht-bootstrap", "127.0.0.9:9")
        seeder = self.peer("seeder", "127.0.0.10", "seed", "--up-limit", SEEDER_RATE, "--dht-bootstrap", at, original)
        ready = seeder.wait_for("ready")
        link = "&".join(part for part in ready["magnet"].split("&") if not part.startswith("x.pe="))
        self.say_created(ready["torrent"], f"all that the leechers know is a node of the DHT, {at}, and the link")
        self.screen.say(link)
        return node, seeder, ["--dht-bootstrap", at, link]

    def say_created(self, torrent, more):
        shown = json.loads(subprocess.run([os.path.join(self.bin, "sprat"), "show", "--json", torrent],
                                          check=True, capture_output=True, text=True).stdout)
        self.screen.say(f"created a {shown['format']} torrent: {shown['piece_count']} pieces of "
                        f"{shown['piece_length'] // 1024} KiB, v1 {shown['info_hash_v1'][:12]}…, "
                        f"v2 {shown['info_hash_v2'][:12]}…; {more}")

    def watch(self, helper, seeder, leechers):
        """Until all have finished; on the way it kills the tracker or node, and then the seeder."""
        end = time.monotonic() + 60 * MINUTES
        self.helper_gone = self.seeder_gone = self.finished = None
        done = set()
        while len(done) < len(leechers):
            if time.monotonic() > end:
                raise Failure(f"they had not finished after {MINUTES} minutes")
            for program in leechers + ([] if self.seeder_gone else [seeder]):
                program.check()
            for leecher in leechers:
                if "complete" in leecher.latest and leecher not in done:
                    done.add(leecher)
                    self.screen.say(f"{leecher.name} is complete")
            if self.helper_gone is None and all(x.share() > 0.05 for x in leechers):
                helper.check()
                helper.kill()
                self.helper_gone = self.screen.seconds()
                self.screen.say(f"killed the {helper.name}")
            elif self.helper_gone and not self.seeder_gone and self.copy_is_out(seeder):
                seeder.kill()
                self.seeder_gone = self.screen.seconds()
                self.screen.say("killed the seeder: the leechers hold every piece among them")
            self.screen.table([seeder] + leechers)
            time.sleep(0.05)
        self.finished = self.screen.seconds()
        if not self.seeder_gone:
            raise Failure("they finished before a copy was out, with the seeder still there")

    @staticmethod
    def copy_is_out(seeder):
        """The copies that the seeder sees are those of the leechers: its own does not count."""
        return (seeder.latest.get("progress") or {}).get("copies", 0) >= 1

    def compare(self, original, copies):
        names = sorted(os.path.relpath(path, original) for path, _ in regular_files(original))
        for copy in copies:
            there = sorted(os.path.relpath(path, copy) for path, _ in regular_files(copy))
            if there != names:
                raise Failure(f"{copy} holds {len(there)} files, not the {len(names)} of the original")
            for name in names:
                if not filecmp.cmp(os.path.join(original, name), os.path.join(copy, name), shallow=False):
                    raise Failure(f"{os.path.join(copy, name)} differs from the original")
        self.screen.say(f"compared {len(copies)} copies of {len(names)} files with the original, byte by byte")
        return len(copies)

    def clean_up(self):
        for program in self.programs:
            if program.running():
                program.kill()
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)


def main():
    def on_signal(number, _):
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGHUP, on_signal)
    demo = Demo(sys.argv[1], "--no-tracker" not in sys.argv[2:])
    status, verdict = 1, ""
    try:
        verdict, status = demo.run(), 0
    except Failure as failure:
        verdict = f"Failed: {failure}"
    except subprocess.CalledProcessError as failure:
        verdict = f"Failed: {' '.join(failure.cmd[:2])} ended with status {failure.returncode}"
    except KeyboardInterrupt:
        verdict, status = "Interrupted.", 130
    finally:
        demo.clean_up()
    print("\n" + verdict)
    return status


sys.exit(main())
