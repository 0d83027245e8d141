# SPDX-License-Identifier: BSD-2-Clause
"""Stops one thread of a program, as if it hung in a system call (ptrace)."""

import contextlib
import ctypes
import os

import tap

_SEIZE, _INTERRUPT, _DETACH = 0x4206, 0x4207, 17
_WALL = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)


def _thread_of(pid, name):
    for tid in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{tid}/comm", encoding="ascii") as f:
            if f.read().strip() == name:
                return int(tid)
    raise AssertionError(f"there is no thread {name!r}")


@contextlib.contextmanager
def hung(process, name):
    """The thread with this name does nothing inside of the with statement."""
    tid = _thread_of(process.pid, name)
    if _libc.ptrace(_SEIZE, tid, None, None) != 0:
        raise tap.Skip(f"threads can't be stopped: {os.strerror(ctypes.get_errno())}")
    try:
        _libc.ptrace(_INTERRUPT, tid, None, None)
        os.waitpid(tid, _WALL)
        yield
    finally:
        _libc.ptrace(_DETACH, tid, None, None)
