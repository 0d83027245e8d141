# SPDX-License-Identifier: BSD-2-Clause
"""Where a bench runs: a folder on tmpfs where there is one, the processes and helpers of the tests, and the
options that all benches share. Import this first; it finds tests/system/lib for the others.

The programs measured are those of the build folder `top_builddir` names (default: .build/check)."""

import argparse
import contextlib
import os
import signal
import sys
import tempfile

BENCH = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
for _lib in ("tests/interop/lib", "tests/system/lib"):
    sys.path.insert(0, os.path.join(os.path.dirname(BENCH), _lib))

import sprat  # noqa: E402
import tap  # noqa: E402

MIB = 1 << 20
SHM = "/dev/shm"


def say(text):
    """What a person who waits wants to know; the tables alone are on stdout."""
    print(text, file=sys.stderr, flush=True)


def size(text):
    """A number of bytes, as in 256M or 64K."""
    units = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
    unit = units.get(text[-1:].upper())
    return int(text[:-1]) * unit if unit else int(text)


def numbers(text):
    """A list of numbers, as in 4,8,16."""
    return [int(word) for word in text.split(",") if word]


def words(text):
    return text.split(",")


def options(doc, runs=1):
    """A parser with what every bench takes; |runs| is the default of --runs."""
    parser = argparse.ArgumentParser(description=doc.split("\n\n")[0],
                                     formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--runs", type=int, default=runs, help="timed runs of each kind; medians are printed")
    parser.add_argument("--markdown", action="store_true", help="print the tables as Markdown")
    parser.add_argument("--folder", help="put the files there instead of on tmpfs")
    return parser


def need_ours(*programs):
    for program in programs:
        if not os.access(program, os.X_OK):
            sys.exit(f"{program} is not there: build it, or name the build folder by top_builddir=DIR")


@contextlib.contextmanager
def stage(args, needed_bytes, seconds=3600):
    """A test's context `t` (see tap.py) to run in; its processes, addresses and files end with it."""
    folder = args.folder or (SHM if os.path.isdir(SHM) else None)
    place = os.statvfs(folder or tempfile.gettempdir())
    if place.f_bavail * place.f_frsize < needed_bytes:
        sys.exit(f"{needed_bytes // MIB} MiB of space are needed in {folder or tempfile.gettempdir()}")
    tempfile.tempdir = folder
    sys.stdout.reconfigure(line_buffering=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    t = tap.Context("bench", seconds)
    try:
        yield t
    finally:
        for trouble in t.close():
            say(trouble)


@contextlib.contextmanager
def part(t):
    """A context within |t| for one run: what it starts and writes is gone when it ends."""
    inner = tap.Context(t.name, t.left())
    try:
        yield inner
    finally:
        for trouble in inner.undo():  # not close(), which takes the outer context's processes for leftovers
            say(trouble)
        inner.remove()


def touch(t, amount):
    """Takes and gives back that much memory of tmpfs: a guest's first touch of memory that its host took back
    costs more than what is measured."""
    path = t.path("touched")
    with open(path, "wb") as f:
        os.posix_fallocate(f.fileno(), 0, amount)
    os.unlink(path)


__all__ = ["MIB", "say", "size", "numbers", "words", "options", "need_ours", "stage", "part", "touch", "sprat"]
