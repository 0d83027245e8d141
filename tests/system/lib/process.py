# SPDX-License-Identifier: BSD-2-Clause
"""Child processes of a test: starts them, reads their output line by line, waits with a deadline, ends them by pid.

Each runs in a session of its own and ends with the test program, however that ends.
"""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import threading
import time

import tap

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def _die_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    # A shell starts what it runs in the background with SIGINT ignored, and our programs respect that.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Process:
    """A running program. Its stdout is read as lines (events where a line is a JSON object), its stderr
    is kept; both are printed when the test fails, because close() notes them if told so."""

    def __init__(self, t, argv, env=None, cwd=None, quiet=False, pass_fds=()):
        self.t = t
        self.argv = [str(a) for a in argv]
        self.lines = []
        self.events = []
        self.errors = []
        self._seen = 0
        self._changed = threading.Condition()
        self._child = subprocess.Popen(
            self.argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, **(env or {})}, cwd=cwd, text=True, errors="replace",
            start_new_session=True, preexec_fn=_die_with_parent, pass_fds=pass_fds)
        self._readers = [threading.Thread(target=self._read, args=a, daemon=True) for a in (
            (self._child.stdout, self._on_line), (self._child.stderr, self.errors.append))]
        for reader in self._readers:
            reader.start()
        self._quiet = quiet
        t.defer(self.close)

    @property
    def pid(self):
        return self._child.pid

    @property
    def stderr(self):
        return "\n".join(self.errors)

    def alive(self):
        return self._child.poll() is None

    def send(self, number):
        if self.alive():
            self._child.send_signal(number)

    def stop(self, number=signal.SIGTERM, seconds=15):
        """Sends a signal and returns the exit status."""
        self.send(number)
        return self.status(seconds)

    def kill(self):
        """As kill -9 does."""
        self._child.kill()
        return self.status()

    def status(self, seconds=30):
        """Waits for the end and returns the exit status (negative: the signal)."""
        try:
            status = self._child.wait(min(seconds * tap.SLOWER, self.t.left() + 1))
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self} did not end within {seconds} s\n{self.report()}") from None
        for reader in self._readers:
            reader.join(2)
        return status

    def wait(self, event, seconds=30, where=lambda e: True):
        """Waits for the next JSON event of that name (and that where() accepts) not yet waited for. Events
        passed over are kept in `events`."""
        return self._await(f"event {event}", seconds,
                           lambda line: isinstance(line, dict) and line.get("event") == event and where(line))

    def wait_line(self, text, seconds=30):
        """Waits for the next line of stdout that contains text."""
        return self._await(repr(text), seconds, lambda line: isinstance(line, str) and text in line)

    def wait_error(self, text, seconds=20):
        """The first line of stderr that contains text, which comes later than what made it say so: stderr is a
        pipe, and a thread reads it."""
        def found():
            return next((line for line in self.errors if text in line), None)
        try:
            return self.t.wait(f"{text!r} on stderr", found, seconds)
        except AssertionError as e:
            raise AssertionError(f"{e}:\n{self.report()}") from None

    def last(self, event):
        """The latest event of that name so far, or None."""
        with self._changed:
            return next((e for e in reversed(self.events) if e.get("event") == event), None)

    def report(self):
        """Command, state and last words, for a person."""
        state = "running" if self.alive() else f"status {self._child.returncode}"
        return "\n".join([f"$ {self} [{state}]"] + [str(line) for line in self.lines[-8:]] +
                         ["stderr: " + line for line in self.errors[-12:]])

    def close(self):
        if self._child.stdout.closed:
            return  # its pid may be another's by now
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._child.pid, signal.SIGKILL)
        self._child.wait()
        for reader in self._readers:
            reader.join(2)
        for stream in (self._child.stdout, self._child.stderr):
            stream.close()
        sanitizer = [e for e in self.errors if "Sanitizer" in e or "runtime error:" in e]
        if sanitizer and not self._quiet:
            raise AssertionError(f"{self}:\n" + "\n".join(self.errors[-60:]))

    def __str__(self):
        return " ".join([os.path.basename(self.argv[0])] + self.argv[1:])

    def _read(self, stream, take):
        with contextlib.suppress(ValueError):  # closed under us at the end
            for line in stream:
                take(line.rstrip("\n"))
        with self._changed:
            self._changed.notify_all()

    def _on_line(self, line):
        with self._changed:
            item = line
            if line.startswith("{"):
                with contextlib.suppress(ValueError):
                    item = json.loads(line)
                    self.events.append(item)
            self.lines.append(item)
            self._changed.notify_all()

    def _await(self, what, seconds, accepts):
        end = time.monotonic() + min(seconds * tap.SLOWER, self.t.left())
        with self._changed:
            while True:
                while self._seen < len(self.lines):
                    line = self.lines[self._seen]
                    self._seen += 1
                    if accepts(line):
                        return line
                over = self._child.poll() is not None and not self._readers[0].is_alive()
                if over or time.monotonic() >= end:
                    raise AssertionError(f"{'ended without' if over else 'waited in vain for'} {what}:\n"
                                         f"{self.report()}")
                self._changed.wait(0.1)


class Result:
    """What a program that ran to its end left: status, out, err."""

    def __init__(self, argv, status, out, err):
        self.argv, self.status, self.out, self.err = argv, status, out, err

    def __str__(self):
        return (f"$ {' '.join(map(str, self.argv))}\nstatus {self.status}\n{self.out[-2000:]}\n"
                f"stderr: {self.err[-2000:]}")


def run(t, argv, seconds=30, env=None, cwd=None, preexec=None):
    """Runs a program to its end."""
    argv = [str(a) for a in argv]

    def before():
        _die_with_parent()
        if preexec:
            preexec()

    child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             env={**os.environ, **(env or {})}, cwd=cwd, text=True, errors="replace",
                             start_new_session=True, preexec_fn=before)
    try:
        out, err = child.communicate(timeout=min(seconds * tap.SLOWER, t.left() + 1))
    except BaseException as cause:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        out, err = child.communicate()
        if isinstance(cause, subprocess.TimeoutExpired):
            raise AssertionError(f"took longer than {seconds} s: {Result(argv, None, out, err)}") from None
        raise
    result = Result(argv, child.returncode, out, err)
    assert "Sanitizer" not in err and "runtime error:" not in err, str(result)
    return result


__all__ = ["Process", "Result", "run", "tap"]
