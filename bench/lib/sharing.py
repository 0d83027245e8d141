# SPDX-License-Identifier: BSD-2-Clause
"""Trackers that share their swarms through Redis, a load on all of them at once, and what Redis does meanwhile."""

import json
import os
import subprocess

from stage import sprat

from tracker_client import http_get

LOAD = os.path.join(sprat.BUILD, "bench/tracker-load")
WAIT_S = 60


class Meter:
    """The work of a Redis since this was made."""

    def __init__(self, redis):
        self._redis, self._before = redis, self._look(redis)

    @staticmethod
    def _look(redis):
        fields = info(redis)
        return {"in": int(fields["total_net_input_bytes"]), "out": int(fields["total_net_output_bytes"]),
                "cpu": float(fields["used_cpu_user"]) + float(fields["used_cpu_sys"]),
                "commands": int(fields["total_commands_processed"])}

    def each(self, announces):
        """(commands, KB in, KB out, CPU us) of one announce."""
        now = self._look(self._redis)
        spent = {key: now[key] - self._before[key] for key in now}
        return (spent["commands"] / announces, spent["in"] / announces / 1e3, spent["out"] / announces / 1e3,
                spent["cpu"] / announces * 1e6)


def info(redis):
    """What Redis says about itself, {field: text}."""
    return dict(line.split(":", 1) for line in redis.command("INFO", "all").decode().splitlines() if ":" in line)


def stats(tracker):
    return json.loads(http_get(tracker.admin, "/stats")[1])


def start(t, redis, *more):
    """A tracker with one worker, which shares through |redis| unless that is None."""
    cluster = ["--cluster", redis.url] if redis else []
    tracker = sprat.Tracker(t, "--workers", "1", "--peer-ids", "no", "--rate-limit", "0",
                            "--listen-admin", f"{t.address()}:0", *cluster, *more, http=False)
    tracker.admin = f"http://{tracker.wait_line('listening admin').split()[-1]}/"
    if redis:
        t.wait("the tracker to share", lambda: stats(tracker)["cluster_connected"] == 1, WAIT_S)
    return tracker


def run_loads(trackers, torrents, peers, *more):
    """A load on each tracker at once, each with its part of |peers|: the sums and means of their results."""
    part = peers // len(trackers)
    loads = [subprocess.Popen(
        [LOAD, "--json", "--udp", x.udp.split("/")[2], "--pid", str(x.pid), "--torrents", str(torrents),
         "--peers", str(part), "--first", str(i * peers), *more],
        stdout=subprocess.PIPE, text=True) for i, x in enumerate(trackers)]
    results = [json.loads(load.communicate(timeout=600)[0]) for load in loads]
    answered = sum(one["answered"] for one in results)
    return {"answered": answered, "rate": sum(one["per_second"] for one in results),
            "cpu": sum(one["cpu_us"] * one["answered"] for one in results) / max(1, answered),
            "reply_bytes": sum(one["reply_bytes"] * one["answered"] for one in results) / max(1, answered),
            "p99": max(one["p99_us"] for one in results), "lost": sum(one["lost"] for one in results)}


def wait_until_stored(t, trackers):
    t.wait("the last change to be stored in Redis", lambda: all(stats(x)["cluster_waiting"] == 0 for x in trackers), WAIT_S)
