# SPDX-License-Identifier: BSD-2-Clause
"""A small test runner that prints TAP.

Gives every test a time limit, a temporary folder and loopback addresses that no other test uses, and ends all
processes of a test with it. It knows nothing of BitTorrent.

    from tap import test, main

    @test
    def what_must_hold(t): ...

    main()
"""

import contextlib
import ctypes
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback

TEST_SECONDS = 60
# All time limits, of a test and of what it waits for, are of a quick machine; a sanitizer or a busy machine needs more.
SLOWER = float(os.environ.get("SPRAT_TEST_SLOWER", "1"))
PR_SET_CHILD_SUBREAPER = 36
# Each test program has a block of 64 addresses in 127.0.0.0/8, of which it uses 1 to 62.
BLOCK_BITS = 6

_tests = []


class Skip(Exception):
    """Raised to leave out a test; its text is the reason."""


class Timeout(Exception):
    """Raised in a test that used up its time."""


class Context:
    """What one test is given, usually called `t`."""

    def __init__(self, name, seconds):
        self.name = name
        self.dir = tempfile.mkdtemp(prefix="sprat-test-")
        self.deadline = time.monotonic() + seconds - 1  # what waits ends before the alarm, and says more
        self._undo = []
        self._addresses = 0

    def defer(self, undo):
        """Calls undo() when the test ends, in reverse order."""
        self._undo.append(undo)

    def path(self, *parts):
        """A path in the test's temporary folder; the folders above it are made."""
        path = os.path.join(self.dir, *parts)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def address(self):
        """The next IPv4 loopback address that only this test uses: any port is free on it."""
        global _addresses_used
        _addresses_used = _addresses_used % 62 + 1
        number = (os.getpid() << BLOCK_BITS | _addresses_used) % (1 << 24)
        first = 1 + (number >> 16) % 254
        return f"127.{first}.{number >> 8 & 255}.{number & 255}"

    def left(self):
        """Seconds until the test's time is up."""
        return max(0.0, self.deadline - time.monotonic())

    def wait(self, what, condition, seconds=None, step=0.02):
        """Polls until condition() is true and returns its value; fails naming what was waited for."""
        end = min(self.deadline, time.monotonic() + (seconds or TEST_SECONDS) * SLOWER)
        while True:
            value = condition()
            if value:
                return value
            if time.monotonic() >= end:
                raise AssertionError(f"waited in vain for {what}")
            time.sleep(step)

    def close(self):
        """Undoes all that was deferred, ends what is left behind, and removes the folder; returns what went
        wrong on the way."""
        trouble = self.undo()
        while children := _children():  # the children of those that end become ours
            for pid in children:
                if _is_ending(pid):
                    continue
                trouble.append(f"process {pid} ({_command(pid)}) was left behind")
                with contextlib.suppress(ProcessLookupError, ChildProcessError):
                    os.kill(pid, signal.SIGKILL)
                    os.waitpid(pid, 0)
        self.remove()
        return trouble

    def undo(self):
        """Undoes all that was deferred; returns what went wrong."""
        trouble = []
        while self._undo:
            try:
                self._undo.pop()()
            except Exception:  # the rest must still be undone
                trouble.append(traceback.format_exc())
        return trouble

    def remove(self):
        """Removes the folder with all that is in it."""
        _make_removable(self.dir)
        shutil.rmtree(self.dir, ignore_errors=True)


_addresses_used = 0


def test(function=None, *, seconds=TEST_SECONDS):
    """Marks a function as a test; its name, with spaces, is the case's name."""
    if function is None:
        return lambda wrapped: test(wrapped, seconds=seconds)
    add(function.__name__.replace("_", " "), function, seconds)
    return function


def add(name, function, seconds=TEST_SECONDS):
    """Adds a test by hand, for tests made in a loop."""
    _tests.append((name, function, seconds))


def note(text):
    """Prints a diagnostic, a line each."""
    for line in str(text).rstrip().splitlines():
        print("#", line)
    sys.stdout.flush()


def main(skip_all=None):
    """Runs every test, or those whose names contain a word of the command line."""
    words = sys.argv[1:]
    chosen = [t for t in _tests if not words or any(w in t[0] for w in words)]
    sys.stdout.reconfigure(line_buffering=True)
    print(f"1..{len(chosen)}")
    # Grandchildren whose parents die become ours, so that none escapes the look at the end.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    failed = 0
    for number, (name, function, seconds) in enumerate(chosen, 1):
        if skip_all:
            print(f"ok {number} - {name} # SKIP {skip_all}")
            continue
        begin = time.monotonic()
        verdict = _run(name, function, seconds * SLOWER)
        note(f"{time.monotonic() - begin:.1f} s: {name}")
        if verdict is None:
            print(f"ok {number} - {name}")
        elif verdict.startswith("SKIP "):
            print(f"ok {number} - {name} # {verdict}")
        else:
            failed = 1
            note(verdict)
            print(f"not ok {number} - {name}")
    sys.exit(failed)


def _run(name, function, seconds):
    def on_alarm(*_):
        raise Timeout(f"took longer than {seconds:g} seconds")

    context = Context(name, seconds)
    verdict = None
    signal.signal(signal.SIGALRM, on_alarm)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        function(context)
    except Skip as reason:
        verdict = f"SKIP {reason}"
    except Exception:
        verdict = traceback.format_exc()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        trouble = context.close()
    if trouble and (verdict is None or not verdict.startswith("SKIP ")):
        verdict = "\n".join(([verdict] if verdict else []) + trouble)
    return verdict


def _children():
    found = []
    for task in os.listdir("/proc/self/task"):
        try:
            with open(f"/proc/self/task/{task}/children") as f:
                found += [int(pid) for pid in f.read().split()]
        except OSError:
            continue
    return found


def _is_ending(pid, seconds=2):
    """True for a process that is on its way out and is gone soon; it is reaped. A daemon hangs up when its work is
    done, and the leak sanitizer then takes its time, with a tracer that has no command line."""
    end = time.monotonic() + seconds * SLOWER
    while time.monotonic() < end:
        with contextlib.suppress(ChildProcessError):
            if os.waitpid(pid, os.WNOHANG) == (0, 0):
                time.sleep(0.02)
                continue
        return True
    return False


def _command(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            return f.read().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return "gone"


def _make_removable(folder):
    for path, folders, _ in os.walk(folder):
        for name in folders:
            with contextlib.suppress(OSError):
                os.chmod(os.path.join(path, name), 0o700)
