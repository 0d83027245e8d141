# SPDX-License-Identifier: BSD-2-Clause
"""Network namespaces for a test, in which every port is free and whose addresses the test adds and removes. A namespace ends
with the process that holds it."""

import contextlib
import ctypes
import os
import subprocess

import tap
from process import Process, run


class Namespace:
    """Programs run in it with `wrap` before their words. Loopback is up; nothing else is there at first."""

    def __init__(self, t):
        self.t = t
        if os.getuid() != 0:
            raise tap.Skip("needs root, for a network namespace of its own")
        if run(t, ["unshare", "-n", "true"]).status != 0:
            raise tap.Skip("no network namespace can be made here")
        self._holder = Process(t, ["unshare", "-n", "sh", "-c", "ip link set lo up && echo up && exec sleep 3600"])
        self._holder.wait_line("up")
        self.wrap = ["nsenter", f"--net=/proc/{self._holder.pid}/ns/net"]

    @property
    def pid(self):
        return self._holder.pid

    @contextlib.contextmanager
    def inside(self):
        """Sockets that this thread makes meanwhile, and programs that it starts, are in the namespace."""
        libc = ctypes.CDLL(None, use_errno=True)
        with open("/proc/thread-self/ns/net", "rb") as home, open(f"/proc/{self.pid}/ns/net", "rb") as there:
            if libc.setns(there.fileno(), 0) != 0:
                raise OSError(ctypes.get_errno(), "setns")
            try:
                yield
            finally:
                libc.setns(home.fileno(), 0)

    def ip(self, *words):
        """Runs `ip WORDS` in it."""
        subprocess.run([*self.wrap, "ip", *words], check=True, timeout=30)

    def join(self, other, ours, theirs):
        """A cable between two namespaces; the names of its ends, which are up and have no address."""
        subprocess.run(["ip", "link", "add", ours, "netns", str(self.pid), "type", "veth", "peer", "name", theirs,
                        "netns", str(other.pid)], check=True, timeout=30)
        self.ip("link", "set", ours, "up")
        other.ip("link", "set", theirs, "up")


class Lan:
    """Namespaces in one local network: host number n, from 0, has eth0 with the address NET.(n+1)/24; or NET.(n+1).1/16, if
    NET has two numbers. More networks with other devices can be made of the same hosts."""

    def __init__(self, t, hosts, net="10.77.0", device="eth0"):
        self.hosts = [Namespace(t) for _ in range(hosts)] if isinstance(hosts, int) else hosts
        wide = net.count(".") == 1
        self.addresses = [f"{net}.{n}" + (".1" if wide else "") for n in range(1, len(self.hosts) + 1)]
        self._switch = Namespace(t)
        self._switch.ip("link", "add", "bridge", "type", "bridge")
        self._switch.ip("link", "set", "bridge", "up")
        for n, (host, address) in enumerate(zip(self.hosts, self.addresses)):
            host.join(self._switch, device, f"port{n}")
            self._switch.ip("link", "set", f"port{n}", "master", "bridge")
            host.ip("address", "add", f"{address}/{16 if wide else 24}", "dev", device)
