# SPDX-License-Identifier: BSD-2-Clause
"""One run of a swarm of real processes (peers.py) and what came of it."""

import os
import signal
import time
import urllib.parse
import urllib.request

import bencode
import fluid
import sprat
import torrent as torrents
import usage
from table import median

WINDOW_S = 10


def known_seeders(tracker, info_hash):
    url = tracker.http.replace("announce", "scrape")
    with urllib.request.urlopen(f"{url}?info_hash={urllib.parse.quote(info_hash)}", timeout=10) as reply:
        files = bencode.decode(reply.read())[b"files"]
    return files.get(info_hash, {}).get(b"complete", 0)


def sent_at(peer, moment):
    """How much a peer had sent at that time, between two of its events."""
    points = [(e["time"], e["up"]) for e in peer.events if "up" in e]
    before = [p for p in points if p[0] <= moment] or [(moment, 0)]
    after = [p for p in points if p[0] > moment] or before[-1:]
    (t0, up0), (t1, up1) = before[-1], after[0]
    return up0 if t1 <= t0 else up0 + (up1 - up0) * (moment - t0) / (t1 - t0)


def fastest(peer, rate):
    """The most that the peer sent in a window of WINDOW_S seconds or somewhat more, as a share of |rate|."""
    points = [(e["time"], e["up"]) for e in peer.events if "up" in e]
    best = 0
    for t0, up0 in points:
        later = [(t1, up1) for t1, up1 in points if t1 >= t0 + WINDOW_S][:1]
        best = max([best] + [(up1 - up0) / (t1 - t0) / rate for t1, up1 in later])
    return best


def play(t, client, count, path, data, rate, patience=600):
    """One seeder and |count| leechers, each with an uplink of |rate|, share the file |data|, which the torrent
    |path| describes. Returns the run's numbers as a dict; bench/swarm tells what they mean."""
    info_hash = next(filter(None, torrents.hashes(torrents.read(path))))[:20]
    tracker = sprat.Tracker(t)
    ours = dict(rate=rate, trackers=[tracker.http])
    seeder = client.seed(t, path, os.path.dirname(data), **ours)
    t.wait("the seeder to announce itself", lambda: known_seeders(tracker, info_hash), 30, 0.1)
    starts = [client.leech(t, path, t.path(f"copy{i}", ""), **ours) for i in range(count)]
    began, waited_before = time.monotonic(), usage.waited_seconds()
    leechers = [go() for go in starts]
    everybody = [seeder, *leechers]
    used_before = sum(usage.cpu_seconds(p.pid) for p in everybody)
    ends = [peer.wait("complete", patience)["time"] for peer in leechers]
    used = sum(usage.cpu_seconds(p.pid) for p in everybody) - used_before
    wall = time.monotonic() - began
    waiting = 0 if waited_before is None else (usage.waited_seconds() - waited_before) / wall
    t.wait("the seeder's next word", lambda: (seeder.last("progress") or {"time": 0})["time"] > min(ends), 20)
    first = sent_at(seeder, min(ends))
    for peer in everybody:
        peer.stop(signal.SIGINT)
    length = os.path.getsize(data)
    down = sum(peer.last("stopped")["down"] for peer in leechers)
    bound = fluid.by_swarm(length, count, rate, rate)
    return {"bound": bound, "seconds": max(ends) - began, "last": (max(ends) - began) / bound,
            "median": (median(ends) - began) / bound, "first_copies": first / length,
            "copies": seeder.last("stopped")["up"] / length, "waste": down / (count * length) - 1,
            "limit": max(fastest(peer, rate) for peer in everybody),
            "cores": used / wall, "waiting": waiting}
