# SPDX-License-Identifier: BSD-2-Clause
"""A slow, lossy link between two network namespaces (tests/net), and programs at its two ends."""

import os
import signal

import sprat
import tap
from process import Process

LINK = os.path.join(sprat.BUILD, "tests/net/sprat-link")
NOT_HERE = 77


class Link(Process):
    """`addresses` are those of side 0 and side 1. The namespaces last as long as the link or a program in them."""

    def __init__(self, t, delay_ms=0, loss=0, rate=0, queue=0, reorder=0, seed=1, congestion=None):
        """Each way: milliseconds, percent, bytes a second, bytes, percent."""
        sprat.need(LINK)
        wanted = {"delay": delay_ms, "loss": loss, "rate": rate, "queue": queue, "reorder": reorder,
                  "seed": seed, "congestion": congestion}
        super().__init__(t, [LINK] + [word for name, value in wanted.items() if value
                                      for word in (f"--{name}", value)])
        try:
            self.addresses = self.wait("ready", 20)["addresses"]
        except AssertionError:
            if not self.alive() and self.status() == NOT_HERE:
                raise tap.Skip(" ".join(self.errors)) from None
            raise

    def inside(self, side):
        """The words before a command that is to run at that side."""
        return [LINK, "in", str(self.pid), str(side)]

    def stats(self):
        """What became of packets so far: taken, lost, full, held, given, by the side that sent them."""
        self.send(signal.SIGUSR1)
        return self.wait("stats", 10)["lanes"]
