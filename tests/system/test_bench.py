#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The benches run: with tiny inputs, only with our programs, and without assertions about speed."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import sprat
from process import run
from redis_server import need_redis
from tap import test


def bench(t, name, *args):
    result = run(t, [sys.executable, os.path.join(sprat.SOURCE, "bench", name), "--folder", t.dir, *args], seconds=90)
    assert result.status == 0, str(result)
    return [line.split() for line in result.out.splitlines()]


@test(seconds=100)
def a_swarm_is_measured(t):
    lines = bench(t, "swarm", "--size", "1M", "--peers", "2", "--only", "sprat")
    assert any(line[:2] == ["sprat", "2"] for line in lines), lines


@test(seconds=100)
def a_transfer_is_measured(t):
    lines = bench(t, "transfer", "--size", "2M", "--piece-length", "64K", "--runs", "1", "--formats", "v2",
                  "--only", "sprat")
    assert any(line[:2] == ["v2", "sprat"] for line in lines), lines


@test(seconds=100)
def announces_are_measured(t):
    lines = bench(t, "tracker", "--only", "sprat-tracker,echo", "--torrents", "20", "--peers", "2000", "--runs", "1",
                  "--seconds", "0.2")
    if os.sched_getaffinity(0) != {0}:
        assert [line[3] for line in lines if line[1:3] == ["20", "torrents"]][:2] == ["sprat-tracker", "echo"], lines


@test(seconds=100)
def a_fleet_is_measured(t):
    need_redis()
    lines = bench(t, "fleet", "--torrents", "20", "--peers", "400", "--count", "2000", "--trackers", "0,2",
                  "--chihaya", "100")
    assert any(line[:3] == ["2", "sharing", "again"] for line in lines), lines
    assert any(line[0] == "chihaya's" for line in lines if line), lines


sprat.main(sprat.SPRAT, sprat.TRACKER)
