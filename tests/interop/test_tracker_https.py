#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Other clients that check the certificate of a sprat-tracker that they can't know stay away. That they come where
they know it is in test_trackers.py."""

import os
import sys

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(here, "lib"), os.path.join(here, "../system/lib")]

import clients
import content
import sprat
import tap
import torrent
from certs import Authority
from process import Process
from tap import Skip

L, T, A = clients.CLIENTS


def told(client):
    """Whether it says that its tracker did not answer."""
    if isinstance(client, L):
        return any(e["fails"] > 0 for e in client._handle.trackers())
    if isinstance(client, T):
        return any(e["hasAnnounced"] and not e["lastAnnounceSucceeded"] for e in client._status()["trackerStats"])
    return any("handshake" in line or "certificate" in line for line in client._process.lines + client._process.errors
               if isinstance(line, str))


def stays_away(kind):
    def check(t):
        sprat.need(sprat.TRACKER)
        if kind.why_not():
            raise Skip(kind.why_not())
        ip = t.address()
        other = Authority(t, "other").cert
        cert, key = Authority(t).issue("tracker", ip)
        tracker = Process(t, [sprat.TRACKER, "--listen-https", f"{ip}:0", "--tls-cert", cert, "--tls-key", key])
        url = f"https://{tracker.wait_line('listening https').split()[2]}/announce"
        path = content.write_file(t.path("original", "odd.bin"), 100000)
        meta = torrent.write(torrent.make(path, "v1", trackers=[url]), t.path("x.torrent"))
        strict = L(t) if kind is L else T(t, ca=other) if kind is T else A(
            t, more=[f"--ca-certificate={other}", "--check-certificate=true"])
        strict.share(meta, os.path.dirname(path))
        t.wait("the refusal", lambda: told(strict), 40, 0.2)
        assert tracker.stop() == 0
        assert " announces=0 " in tracker.stderr, tracker.stderr
    return check


for kind in clients.CLIENTS:
    tap.add(f"{kind.name} checks the certificate and stays away", stays_away(kind))
tap.main()
