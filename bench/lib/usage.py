# SPDX-License-Identifier: BSD-2-Clause
"""What processes cost: CPU time and memory, read from /proc while they live or from the kernel's account when
they have ended."""

import os
import resource
import threading

TICK = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    """User and system time of a running process, all its threads together, to 10 ms."""
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def run_seconds(pid):
    """User and system time of a running process, of its threads that live, to the nanosecond."""
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/schedstat") as f:
            total += int(f.read().split()[0])
    return total / 1e9


def ended_cpu_seconds():
    """User and system time of all children that were waited for; take the difference around a wait."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def waited_seconds():
    """How long, since boot, some task of the machine was ready and found no free processor (the kernel's
    pressure stall account); None where the kernel does not keep it."""
    try:
        with open("/proc/pressure/cpu") as f:
            return int(f.readline().rpartition("total=")[2]) / 1e6
    except OSError:
        return None


def _status_bytes(pid, key):
    try:
        with open(f"/proc/{pid}/status") as f:
            for line in f:
                if line.startswith(key + ":"):
                    return int(line.split()[1]) << 10
    except OSError:
        pass
    return 0


def anonymous_bytes(pid):
    """Memory that is the process's own, without files and tmpfs mapped; 0 if it is gone."""
    return _status_bytes(pid, "RssAnon")


def resident_bytes(pid):
    """All memory of the process that is in RAM; 0 if it is gone."""
    return _status_bytes(pid, "VmRSS")


def peak_bytes(pid):
    """The maximum of resident_bytes() since the process began, or since forget_peak()."""
    return _status_bytes(pid, "VmHWM")


def forget_peak(pid):
    with open(f"/proc/{pid}/clear_refs", "w") as f:
        f.write("5")


class PeakMemory:
    """The largest anonymous memory of processes, sampled from a thread until stop()."""

    def __init__(self, *pids, every=0.05):
        self._peaks = dict.fromkeys(pids, 0)
        self._every = every
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self):
        """Returns {pid: bytes}."""
        self._over.set()
        self._thread.join()
        return self._peaks

    def _watch(self):
        while not self._over.wait(self._every):
            for pid, peak in self._peaks.items():
                self._peaks[pid] = max(peak, anonymous_bytes(pid))
