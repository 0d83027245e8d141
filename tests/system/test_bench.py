#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The benches run with tiny inputs, only with our programs, and without assertions about speed. The projection of a
fleet computes from known costs what can be computed by hand."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../bench/lib"))

import capacity
import sprat
from netns import Namespace
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
def sharing_is_measured(t):
    Namespace(t)  # skips where none can be made
    lines = bench(t, "share", "--size", "2M", "--machines", "2", "--only", "sprat")
    assert any(line[:4] == ["sprat", "seed,", "get", "2"] for line in lines), lines


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


@test(seconds=100)
def a_projection_is_printed(t):
    need_redis()
    lines = bench(t, "tracker", "--project", "--only", "sprat-tracker,echo", "--torrents", "20", "--peers", "2000",
                  "--runs", "1", "--seconds", "0.2", "--ways", "udp,close", "--project-torrents", "200",
                  "--project-peers", "1000", "--population", "1e6")
    if os.sched_getaffinity(0) != {0}:
        sizes = ["1", "2", "4", "8", "16", "32", "64"]
        assert [line[0] for line in lines if line and line[0] in sizes] == 3 * sizes, lines


def known_costs(**changed):
    """Costs at which an announce takes a tracker 10 us alone and 15 in a fleet, and Redis 20."""
    each = dict.fromkeys(capacity.KINDS, 0)
    costs = {"udp_us": 7, "connect_us": 3, "http_us": 10, "udp_reply": 20, "http_reply": 20, "peer": 50, "torrent": 100,
             "shared": 300, "sharing_us": dict.fromkeys(each, 5), "redis_us": dict.fromkeys(each, 20),
             "redis_wire": each, "redis_peer": 100}
    return capacity.Costs(**{**costs, **changed})


@test
def what_a_fleet_carries_is_what_its_first_limit_allows(t):
    plan = capacity.Plan(interval_s=1000, announces=2, swarm=1, cores=4, busy=0.5)  # each peer: 2 announces in 1000 s
    peers, what = capacity.first_limit(known_costs(), plan, 1)
    assert what == "CPU of a tracker" and round(peers) == 100_000_000, (peers, what)  # 2 processors of 100,000/s each
    peers, what = capacity.first_limit(known_costs(), plan, 8)
    assert what == "CPU of Redis" and round(peers) == 12_500_000, (peers, what)  # half a processor of 50,000/s
    for changed, breaks in (({"peer": 1e6}, "memory of a tracker"), ({"redis_peer": 1e6}, "memory of Redis"),
                            ({"udp_reply": 1e6}, "link of a tracker")):
        peers, what = capacity.first_limit(known_costs(**changed), plan, 2)
        assert what == breaks, (what, breaks)
    used = capacity.use(known_costs(), plan, 8, 12_500_000)
    assert round(used.redis_cpu, 6) == 0.5 and round(used.announces) == 25_000, used


@test
def an_announce_is_cold_more_often_in_a_larger_fleet(t):
    parts = [capacity.mix(capacity.Plan(), trackers) for trackers in (1, 4, 64)]
    assert all(abs(sum(part.values()) - 1) < 1e-9 for part in parts), parts
    assert parts[0]["cold"] < parts[1]["cold"] < parts[2]["cold"], parts


sprat.main(sprat.SPRAT, sprat.TRACKER)
