#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""A client that tries uTP first, as libtorrent and all that stand on it do: our reset brings it to TCP, so that it
need not wait for its time-out."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import clients  # first: it finds the system tests' library for the others
import content
import sprat
import tap
from daemon import Daemon
from tap import Skip, test


class Watched(clients.Libtorrent):
    """libtorrent with its own settings for uTP and encryption, and an ear for what becomes of its connections."""

    def __init__(self, t):
        super().__init__(t)
        defaults = self._lt.default_settings()
        self._session.apply_settings({
            **{name: defaults[name] for name in (
                "enable_outgoing_utp", "enable_incoming_utp", "in_enc_policy", "out_enc_policy")},
            "alert_mask": self._lt.alert.category_t.all_categories})
        self.said = []

    def listen(self):
        self.said += [(type(a).__name__, a.message()) for a in self._session.pop_alerts()]
        return self.said

    def closed_utp(self):
        """What it says of uTP connections that ended."""
        return [text for name, text in self.listen()
                if name in ("peer_disconnected_alert", "peer_error_alert") and "utp" in text.lower()]


@test
def libtorrent_comes_by_tcp_at_once(t):
    sprat.need(sprat.SPRAT, sprat.SPRATD)
    if why := clients.Libtorrent.why_not():
        raise Skip(why)
    original = content.write_file(t.path("original", "data"), 3_000_000)
    meta = sprat.create(t, original)
    ours = Daemon(t)
    ours.sprat("add", "--seed", "forever", "-o", os.path.dirname(original), meta)
    ours.await_state("data", "seeding")
    theirs = Watched(t)
    theirs.share(meta, t.path("theirs"), peers=[ours.listening()])
    theirs.complete(50)
    udp = ours.rpc("daemon.info")["udp"]
    assert udp["utp_resets"] >= 1 and udp["utp_limited"] == 0, udp
    ended = theirs.closed_utp()
    assert ended and "reset" in ended[0], (ended, theirs.said)
    assert not any("timed out" in text for text in ended), ended


if __name__ == "__main__":
    tap.main()
