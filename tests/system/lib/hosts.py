# SPDX-License-Identifier: BSD-2-Clause
"""Hosts on one machine: network namespaces connected by a bridge, which reach each other by name. The namespaces have no
names in the system, so they end with the processes that hold them."""

import shutil

from netns import Lan
from tap import Skip

NET = "198.51.100"  # RFC 5737: for documentation, and so nobody's


class Hosts:
    """hosts = Hosts(t, "alpha", "beta"); each host reaches the others by name. Needs root."""

    def __init__(self, t, *names):
        for program in ("ip", "unshare", "nsenter", "mount"):
            if not shutil.which(program):
                raise Skip(f"{program} is not installed")
        self.names = t.path("hosts")
        with open(self.names, "w") as f:
            f.write("127.0.0.1 localhost\n::1 localhost\n")
            f.writelines(f"{NET}.{n} {name}\n" for n, name in enumerate(names, 1))
        self._spaces = dict(zip(names, Lan(t, len(names), NET).hosts))

    def argv(self, host, *argv):
        """ARGV as a process on the host, which also knows the names of the others."""
        mounts = f'mount --bind "{self.names}" /etc/hosts && exec "$@"'
        return [*self._spaces[host].wrap, "unshare", "-m", "sh", "-c", mounts, "sh", *argv]
