#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Other clients meet through sprat-tracker over HTTPS: aria2 checks the certificate against our authority, libtorrent
is told not to check, and one that does check a certificate that it can't know stays away."""

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


class Lax(clients.Libtorrent):
    """libtorrent that believes every certificate."""

    def __init__(self, t, ip=None):
        super().__init__(t, ip)
        self._session.apply_settings({"validate_https_trackers": False})


class Careful(clients.Aria2):
    """aria2 that believes our authority alone."""

    def __init__(self, t, ip=None):
        super().__init__(t, ip, more=[f"--ca-certificate={t.ca.cert}", "--check-certificate=true"])


def through_https(seeder, leecher, form):
    def check(t):
        sprat.need(sprat.TRACKER)
        for why in (seeder.why_not(), leecher.why_not()):
            if why:
                raise Skip(why)
        t.ca = Authority(t)
        ip = t.address()
        cert, key = t.ca.issue("tracker", ip)
        tracker = Process(t, [sprat.TRACKER, "--listen-https", f"{ip}:0", "--tls-cert", cert, "--tls-key", key])
        url = f"https://{tracker.wait_line('listening https').split()[2]}/announce"
        path = content.write_file(t.path("original", "odd.bin"), 3 * (1 << 20) + 1)
        meta = torrent.write(torrent.make(path, form, trackers=[url]), t.path("x.torrent"))
        one, two = seeder(t), leecher(t)
        one.share(meta, os.path.dirname(path))
        one.complete()
        one.announced()
        two.share(meta, t.path("copy"))
        two.complete()
        content.assert_same(path, t.path("copy", "odd.bin"))
        assert tracker.stop() == 0
    return check


for a, b in ((Lax, Careful), (Careful, Lax)):
    tap.add(f"{a.name} and {b.name} meet through our tracker over https", through_https(a, b, "v1"))
tap.add("v2: libtorrent and libtorrent meet through our tracker over https", through_https(Lax, Lax, "v2"))


@tap.test
def a_client_that_checks_stays_away(t):
    for why in (clients.Libtorrent.why_not(),):
        if why:
            raise Skip(why)
    ip = t.address()
    cert, key = Authority(t).issue("tracker", ip)
    tracker = Process(t, [sprat.TRACKER, "--listen-https", f"{ip}:0", "--tls-cert", cert, "--tls-key", key])
    url = f"https://{tracker.wait_line('listening https').split()[2]}/announce"
    path = content.write_file(t.path("original", "odd.bin"), 100000)
    meta = torrent.write(torrent.make(path, "v1", trackers=[url]), t.path("x.torrent"))
    strict = clients.Libtorrent(t)
    strict._session.apply_settings({"validate_https_trackers": True})
    strict.share(meta, os.path.dirname(path))
    t.wait("the refusal", lambda: any(e["fails"] > 0 for e in strict._handle.trackers()), 40, 0.2)
    assert tracker.stop() == 0
    assert " 0 announces" in tracker.stderr, tracker.stderr


tap.main()
