# SPDX-License-Identifier: BSD-2-Clause
"""The facts about the machine and the programs without which a number says nothing."""

import os
import platform
import subprocess

from stage import sprat

RIVALS = ("libtorrent-rasterbar2.0", "transmission-daemon", "aria2", "nginx", "curl", "mktorrent", "openssl")
FLAGS = ("sha_ni", "avx2", "avx512f", "vaes")


def _cpu():
    name, flags = platform.machine(), ()
    with open("/proc/cpuinfo") as f:
        for line in f:
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                name = value.strip()
            elif key.strip() == "flags":
                flags = value.split()
    return name, [flag for flag in FLAGS if flag in flags]


def _memory_gib():
    with open("/proc/meminfo") as f:
        return int(f.readline().split()[1]) / (1 << 20)


def version(package):
    """The installed version of a Debian package, or None."""
    shown = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}", package],
                           capture_output=True, text=True, check=False).stdout.split()
    return shown[1] if shown[:1] == ["installed"] else None


def facts(rivals=RIVALS):
    """Lines that tell where and with what this was measured."""
    name, flags = _cpu()
    said = subprocess.run([sprat.SPRAT, "--version"], capture_output=True, text=True, check=False).stdout
    commit = subprocess.run(["git", "-C", sprat.ROOT, "describe", "--always", "--dirty"],
                            capture_output=True, text=True, check=False).stdout.strip()
    found = [f"{package} {version(package)}" for package in rivals if version(package)]
    return [f"{name}, {os.cpu_count()} cores ({' '.join(flags)}), {_memory_gib():.0f} GiB, "
            f"Linux {platform.release()}, load {os.getloadavg()[0]:.1f} at the start",
            f"{said.splitlines()[0] if said else 'sprat'}{f', commit {commit}' if commit else ''}; "
            f"{', '.join(found)}"]


def print_facts(markdown=False, rivals=RIVALS):
    for line in facts(rivals):
        print(f"{line}  " if markdown else f"# {line}")
    print(flush=True)
