# SPDX-License-Identifier: BSD-2-Clause
"""bench/tracker --project: measures what an announce, a peer and a torrent cost a tracker and the Redis of a fleet, and
prints what fleets of several sizes would carry (capacity.py) and what breaks first.

Two trackers share through one Redis. The measured torrents are many and the announces few, so that hardly a torrent is
asked for twice: an announce shares no command with others of its torrent, as in a large fleet. "started" is every
peer's first announce; "warm" is a later one at the same trackers; then two new trackers, which know no swarm, get
"cold" announces of the same peers, and "stopped" ones."""

import dataclasses
import math

import capacity
import usage
from capacity import KINDS
from redis_server import Redis
from sharing import Meter, info, run_loads, start, wait_until_stored
from stage import part, say
from table import Table

FLEETS = (1, 2, 4, 8, 16, 32, 64)
TRACKERS = 2  # that share while costs are measured
DENSE = 100  # peers in a torrent where most memory is for peers
GIB = 1 << 30


def add_options(parser):
    group = parser.add_argument_group("projection")
    group.add_argument("--project", action="store_true", help="print what fleets of trackers would carry; needs redis-server")
    group.add_argument("--project-torrents", type=int, default=200000, help="of the fleet that is measured")
    group.add_argument("--project-peers", type=int, default=1000000, help="of these torrents, and so the size of a swarm")
    group.add_argument("--population", type=float, default=1e8, help="peers that the last table is for")
    plan = capacity.Plan()
    group.add_argument("--interval", type=float, default=plan.interval_s, help="seconds between announces of a peer")
    group.add_argument("--announces", type=float, default=plan.announces, help='of a peer, from "started" to "stopped"')
    group.add_argument("--http", type=float, default=plan.http, help="part of the announces that come over HTTP")
    group.add_argument("--cores", type=int, default=plan.cores, help="processors of a tracker")
    group.add_argument("--busy", type=float, default=plan.busy, help="part of a processor or link that may be used")
    group.add_argument("--memory-gib", type=float, default=plan.memory / GIB, help="of a tracker, and of a Redis")
    group.add_argument("--link-gbit", type=float, default=plan.link / 1e9, help="of a tracker")


def plan_of(args):
    return capacity.Plan(interval_s=args.interval, announces=args.announces, swarm=args.project_peers / args.project_torrents,
                         http=args.http, cores=args.cores, busy=args.busy, memory=args.memory_gib * GIB,
                         link=args.link_gbit * 1e9, redis_memory=args.memory_gib * GIB)


# ---- costs ----


def _memory(trackers):
    return sum(usage.anonymous_bytes(x.pid) for x in trackers)


def _fill(trackers, torrents, peers):
    """(what the load measured, bytes that the trackers' memory grew by)"""
    before = _memory(trackers)
    result = run_loads(trackers, torrents, peers, "--fill")
    return result, _memory(trackers) - before


def _dense_peer_bytes(t, peers):
    trackers = [start(t, None)]
    return _fill(trackers, max(1, peers // DENSE), peers)[1] / peers


def _torrents_held(torrents, peers):
    """Torrents with at least one of |peers| peers, if each peer is in a random one."""
    return torrents * (1 - (1 - 1 / torrents) ** peers)


@dataclasses.dataclass
class Phases:
    """Means of an announce, by its kind; |memory| is all trackers'."""

    cpu: dict = dataclasses.field(default_factory=dict)
    redis: dict = dataclasses.field(default_factory=dict)
    reply_bytes: dict = dataclasses.field(default_factory=dict)
    memory: float = 0
    redis_memory: float = 0


def _phase(t, phases, kind, trackers, redis, args, *more):
    meter = Meter(redis) if redis else None
    before = _memory(trackers)
    result = run_loads(trackers, args.project_torrents, args.project_peers, *more)
    if redis:
        wait_until_stored(t, trackers)
        phases.redis[kind] = meter.each(result["answered"])
    if kind == "started":
        phases.memory = _memory(trackers) - before
    phases.cpu[kind] = result["cpu"]
    phases.reply_bytes[kind] = result["reply_bytes"]
    say(f"{len(trackers)} {'sharing' if redis else 'alone'}, {kind}: {result['rate']:.0f} announces/s, "
        f"{result['cpu']:.2f} us, {result['lost']} lost")


def _run_phases(t, args, redis, count):
    """The four kinds of announces to |count| trackers."""
    phases = Phases()
    few = ["--count", str(max(1, args.project_torrents // 4))]  # for each tracker
    with part(t) as run:
        trackers = [start(run, redis) for _ in range(count)]
        memory = int(info(redis)["used_memory"]) if redis else 0
        _phase(run, phases, "started", trackers, redis, args, "--fill")
        if redis:
            phases.redis_memory = int(info(redis)["used_memory"]) - memory
        _phase(run, phases, "warm", trackers, redis, args, *few)
    with part(t) as run:
        trackers = [start(run, redis) for _ in range(count)]
        _phase(run, phases, "cold", trackers, redis, args, *few)
        _phase(run, phases, "stopped", trackers, redis, args, *few, "--stop", "100")
    return phases


def measure(t, args, alone):
    """Costs; |alone| has those that bench/tracker measured: udp_us, connect_us, http_us and http_reply."""
    peers, torrents = args.project_peers, args.project_torrents
    with part(t) as run:
        dense = _dense_peer_bytes(run, peers)
    single = _run_phases(t, args, None, 1)
    redis = Redis(t)
    fleet = _run_phases(t, args, redis, TRACKERS)
    held = TRACKERS * _torrents_held(torrents, peers / TRACKERS)
    torrent = max(0, single.memory - peers * dense) / _torrents_held(torrents, peers)
    return capacity.Costs(
        **alone, udp_reply=single.reply_bytes["warm"], peer=dense, torrent=torrent,
        shared=max(0, fleet.memory - peers * dense - held * torrent) / held,
        sharing_us={kind: max(0, fleet.cpu[kind] - single.cpu[kind]) for kind in KINDS},
        redis_us={kind: fleet.redis[kind][3] for kind in KINDS},
        redis_wire={kind: max(fleet.redis[kind][1:3]) * 1e3 for kind in KINDS},
        redis_peer=fleet.redis_memory / peers)


# ---- tables ----


def print_assumptions(costs, plan):
    """Each number that the tables are computed from."""
    print(f"Assumed: a peer announces every {plan.interval_s:g} s, {plan.announces:g} times from started to stopped; "
          f"{plan.swarm:g} peers in a torrent; {plan.http:.0%} of the announces come over HTTP on a connection of their "
          f"own. A tracker has {plan.cores} processors, "
          f"over which its workers scale without loss, {plan.memory / GIB:g} GiB and {plan.link / 1e9:g} Gbit/s; a Redis "
          f"has one processor for its commands and {plan.memory / GIB:g} GiB. {plan.busy:.0%} of each processor and link "
          "may be used. All trackers get the same number of announces, and all torrents have the same number of peers.\n")
    print(f"Measured: UDP announce {costs.udp_us:.2f} us and its connect {costs.connect_us:.2f} us (as the echo's), HTTP "
          f"announce {costs.http_us:.2f} us of a tracker; {costs.peer:.1f} bytes a peer, {costs.torrent:.0f} a torrent, "
          f"{costs.shared:.0f} more a torrent that is shared; Redis {costs.redis_peer:.0f} bytes a peer with its part of "
          f"the torrent's keys; answers of {costs.udp_reply:.0f} (UDP) and {costs.http_reply:.0f} bytes (HTTP).\n", flush=True)


def _millions(peers):
    return peers / 1e6


def kinds_table(costs):
    table = Table(("announce in a fleet", ""), ("tracker us more", ".2f"), ("Redis us", ".2f"), ("bytes to or from Redis", ".0f"))
    for kind in KINDS:
        table.add(kind, costs.sharing_us[kind], costs.redis_us[kind], costs.redis_wire[kind])
    return table


def _use_columns(plan, trackers, used):
    alone = trackers == 1
    return (used.announces, used.cpu * 100, used.memory / GIB, used.link * plan.link / 1e6,
            None if alone else used.redis_cpu * 100, None if alone else used.redis_memory / GIB)


USE_HEADS = (("announces/s", ",.0f"), ("CPU %", ".0f"), ("GiB", ".2f"), ("Mbit/s", ".0f"), ("Redis CPU %", ".0f"),
             ("Redis GiB", ".1f"))


def fleets_table(costs, plan):
    """What each fleet carries until the first limit; CPU, memory and link are of each tracker."""
    table = Table(("trackers", ""), ("million peers", ",.1f"), *USE_HEADS, ("breaks first", ""))
    for trackers in FLEETS:
        peers, what = capacity.first_limit(costs, plan, trackers)
        table.add(str(trackers), _millions(peers), *_use_columns(plan, trackers, capacity.use(costs, plan, trackers, peers)), what)
    return table


def limits_table(costs, plan):
    """Millions of peers that each resource alone would carry."""
    names = list(capacity.limits(costs, plan, 2))
    table = Table(("trackers", ""), *((name, ",.1f") for name in names))
    for trackers in FLEETS:
        found = capacity.limits(costs, plan, trackers)
        table.add(str(trackers), *(_millions(found[name]) if name in found else None for name in names))
    return table


def population_table(costs, plan, peers):
    """What one population uses of fleets of each size, and over how many Redis servers it has to be divided."""
    table = Table(("trackers", ""), *USE_HEADS, ("Redis shards", ""), ("copies a worker", ",.0f"), ("beyond its limit", ""))
    for trackers in FLEETS:
        used = capacity.use(costs, plan, trackers, peers)
        found = capacity.limits(costs, plan, trackers)
        shards = max(peers / found.get("CPU of Redis", peers), peers / found.get("memory of Redis", peers))
        beyond = [name for name, most in found.items() if most < peers and "Redis" not in name]
        table.add(str(trackers), *_use_columns(plan, trackers, used), "-" if trackers == 1 else str(math.ceil(shards)),
                  None if trackers == 1 else capacity.copies_of_worker(plan, trackers, peers), ", ".join(beyond) or "nothing")
    return table


def print_tables(args, costs):
    plan = plan_of(args)
    print("Projection\n")
    print_assumptions(costs, plan)
    kinds_table(costs).print(args.markdown)
    print("What fleets carry until something breaks (CPU, GiB and Mbit/s are of each tracker)\n")
    fleets_table(costs, plan).print(args.markdown)
    print("Million peers at which each resource is used up\n")
    limits_table(costs, plan).print(args.markdown)
    print(f"{args.population:,.0f} peers (a worker keeps copies of {capacity.COPIES_MAX:,} torrents at most; with more, more "
          "announces are cold)\n")
    population_table(costs, plan, args.population).print(args.markdown)
