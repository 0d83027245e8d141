# SPDX-License-Identifier: BSD-2-Clause
"""Addresses outside 127.0.0.0/8 for programs that take no loopback address from others: the bench begins anew in
a network namespace of its own, whose loopback device has them."""

import os
import shutil
import subprocess
import sys

ADDRESSES = ("10.9.0.1", "10.9.0.2")
INSIDE = "SPRAT_BENCH_LAN"


def enter():
    """Starts this program again inside, unless that is where it is; goes on outside where it can't be."""
    if INSIDE in os.environ or not shutil.which("unshare") or not shutil.which("ip"):
        return
    wrap = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--net"]
    if subprocess.run([*wrap, "true"], stderr=subprocess.DEVNULL, check=False).returncode != 0:
        return
    os.environ[INSIDE] = "1"
    os.execvp(wrap[0], [*wrap, sys.executable, *sys.argv])


def set_up():
    """Gives the namespace's loopback its addresses."""
    if INSIDE not in os.environ:
        return
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for address in ADDRESSES:
        subprocess.run(["ip", "addr", "add", f"{address}/24", "dev", "lo"], check=True)


def why_not():
    return None if INSIDE in os.environ else "no network namespace can be made here (unshare)"
