# SPDX-License-Identifier: BSD-2-Clause
"""Swarms of real processes, ours and libtorrent's, behind one face. Each peer is a Process that tells the same
events (see lt_peer.py); a leecher is held back until go(). |wrap| are words before its command, such as those that
take it into a network namespace, where it has the address |ip|."""

import importlib.util
import json
import os
import signal
import sys

import sprat
from process import Process

LT_PEER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lt_peer.py")


class Sprat:
    name = "sprat"

    @staticmethod
    def why_not():
        return None if os.access(sprat.SPRAT, os.X_OK) else "sprat has not been built"

    @staticmethod
    def seed(t, torrent, folder, rate=0, trackers=(), args=(), ip=None, wrap=()):
        """A seeder that listens and has checked its data."""
        return sprat.seed(t, torrent, folder, *_limit(rate), *_trackers(trackers), *args, ip=ip, wrap=wrap)

    @staticmethod
    def leech(t, torrent, folder, rate=0, trackers=(), peers=(), args=(), ip=None, wrap=()):
        """Returns go(), which starts the leecher and returns it. It seeds when it is complete."""
        os.makedirs(folder, exist_ok=True)
        to = [word for peer in peers for word in ("--peer", peer)]

        def go():
            return sprat.Peer(t, "get", "-o", folder, "--seed", "forever", *to, *_limit(rate),
                              *_trackers(trackers), *args, torrent, ip=ip, wrap=wrap)
        return go


class Libtorrent:
    name = "libtorrent"

    @staticmethod
    def why_not():
        return None if importlib.util.find_spec("libtorrent") else "python3-libtorrent is not installed"

    @staticmethod
    def seed(t, torrent, folder, rate=0, trackers=(), settings=None, ip=None, wrap=()):
        peer = _libtorrent(t, ip, wrap, role="seed", torrent=torrent, folder=folder, up_limit=rate,
                           trackers=list(trackers), settings=settings or {})
        peer.address = peer.wait("ready", 30)["listen"]
        peer.wait("checked", 120)
        return peer

    @staticmethod
    def leech(t, torrent, folder, rate=0, trackers=(), peers=(), settings=None, stop=False, ip=None,
              wrap=()):
        # Python takes longer to start than the client: that is not what is measured.
        peer = _libtorrent(t, ip, wrap, role="get", torrent=torrent, folder=folder, up_limit=rate,
                           trackers=list(trackers), peers=list(peers), settings=settings or {}, stop=stop)
        peer.wait("ready", 60)

        def go():
            peer.send(signal.SIGUSR1)
            return peer
        return go


def _libtorrent(t, ip, wrap, **args):
    return Process(t, [*wrap, sys.executable, LT_PEER, json.dumps({"ip": ip or t.address(), **args})])


def _limit(rate):
    return ["--up-limit", str(rate)] if rate else []


def _trackers(urls):
    return [word for url in urls for word in ("-t", url)]


CLIENTS = {client.name: client for client in (Sprat, Libtorrent)}
