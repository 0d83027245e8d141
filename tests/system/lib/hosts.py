# SPDX-License-Identifier: BSD-2-Clause
"""Hosts on one machine: network namespaces joined by a bridge, with names for each other. They have no names in the
system, so they are gone with the processes that hold them."""

import os
import shutil
import subprocess

from tap import Skip

NET = "198.51.100"  # RFC 5737: for documentation, and so nobody's


class Hosts:
    """hosts = Hosts(t, "alpha", "beta"); each host reaches the others by name. Needs root."""

    def __init__(self, t, *names):
        for program in ("ip", "unshare", "nsenter", "mount"):
            if not shutil.which(program):
                raise Skip(f"{program} is not installed")
        if os.geteuid() != 0 or subprocess.run(["unshare", "-n", "-m", "true"], capture_output=True,
                                               check=False).returncode != 0:
            raise Skip("needs root and network namespaces")
        self._holders = {}
        t.defer(self._close)
        self.names = t.path("hosts")
        with open(self.names, "w") as f:
            f.write("127.0.0.1 localhost\n::1 localhost\n")
            f.writelines(f"{NET}.{n} {name}\n" for n, name in enumerate(names, 1))
        self._hold("switch")
        self._ip("switch", "link", "add", "bridge", "type", "bridge")
        self._ip("switch", "link", "set", "bridge", "up")
        for n, name in enumerate(names, 1):
            self._hold(name)
            self._plug(n, name)

    def argv(self, host, *argv):
        """ARGV as a process on the host, which also knows the names of the others."""
        mounts = f'mount --bind "{self.names}" /etc/hosts && exec "$@"'
        return ["nsenter", "-t", str(self._holders[host].pid), "-n", "unshare", "-m", "sh", "-c", mounts, "sh", *argv]

    def _plug(self, n, name):
        switch = self._holders["switch"].pid
        self._ip(name, "link", "add", "eth0", "type", "veth", "peer", "name", f"port{n}", "netns", str(switch))
        self._ip("switch", "link", "set", f"port{n}", "master", "bridge", "up")
        self._ip(name, "address", "add", f"{NET}.{n}/24", "dev", "eth0")
        self._ip(name, "link", "set", "eth0", "up")
        self._ip(name, "link", "set", "lo", "up")

    def _hold(self, name):
        holder = subprocess.Popen(["unshare", "-n", "sh", "-c", "echo ready; exec cat"], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE)
        self._holders[name] = holder
        assert holder.stdout.readline() == b"ready\n", "a namespace was not made"

    def _ip(self, host, *words):
        subprocess.run(["nsenter", "-t", str(self._holders[host].pid), "-n", "ip", *words], check=True)

    def _close(self):
        for holder in self._holders.values():
            holder.stdin.close()
            holder.wait()
            holder.stdout.close()
