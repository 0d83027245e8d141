# SPDX-License-Identifier: BSD-2-Clause
"""What a fleet of N trackers can carry, computed from measured costs and stated assumptions; nothing is measured here.

All trackers get the same share of the announces. An announce is either the first of its peer ("started"), the last
("stopped"), or one between them. One between them is cheap if its tracker has kept a copy of the swarm ("warm") and
else reads the swarm from Redis ("cold"). How many are warm follows from the announces per torrent and tracker, if
they come at random times: the tracker keeps a copy for KEEP_S after the last announce (CLUSTER_KEEP_MS)."""

import dataclasses
import math

KEEP_S = 900
COPIES_MAX = 1 << 20  # torrents of which a worker keeps a copy (CLUSTER_TORRENTS_MAX)
KINDS = ("started", "warm", "cold", "stopped")
# Bytes on the wire beside those of UDP or TCP: Ethernet with its preamble and gap, and the IP and UDP or TCP headers.
UDP_HEAD, TCP_HEAD = 38 + 28, 38 + 52
CONNECT_REPLY = 16  # bytes (BEP 15)
TCP_PACKETS = 5  # from the tracker, for one request on a connection of its own: SYN-ACK, ACK, answer, ACK, FIN


@dataclasses.dataclass(frozen=True)
class Costs:
    """CPU in microseconds, memory and messages in bytes. The dictionaries have an entry for each of KINDS."""

    udp_us: float  # an announce over UDP at a tracker that is alone
    connect_us: float  # the connect request before it
    http_us: float  # an announce over HTTP on a connection of its own
    udp_reply: float
    http_reply: float
    peer: float  # memory of a tracker for a peer
    torrent: float  # and for a torrent
    shared: float  # and what a torrent takes more in a fleet, with its copy of the other trackers' peers
    sharing_us: dict  # what an announce costs a tracker more in a fleet
    redis_us: dict  # CPU of Redis for an announce
    redis_wire: dict  # bytes between the tracker and Redis for an announce, in the larger direction
    redis_peer: float  # memory of Redis for a peer, with its part of the torrent's keys


@dataclasses.dataclass(frozen=True)
class Plan:
    """The assumptions."""

    interval_s: float = 1800
    announces: float = 8  # of a peer, from "started" to "stopped"
    swarm: float = 5  # peers in a torrent
    http: float = 0.1  # part of the announces that come over HTTP
    cores: int = 4  # processors of a tracker, with a worker each
    busy: float = 0.5  # part of each processor and link that may be used: the rest is for peaks and for lost trackers
    memory: float = 32 << 30  # bytes of a tracker's machine
    link: float = 1e9  # bits a second of a tracker
    redis_memory: float = 32 << 30

    def rate(self):
        """Announces a second of one peer: a peer that announces n times stays for n - 1 intervals."""
        return self.announces / (self.announces - 1) / self.interval_s


def warm_part(plan, trackers):
    """The part of all torrents of which a tracker has a copy; and so the part of the announces that find one."""
    return 1 - math.exp(-plan.swarm * plan.rate() / trackers * KEEP_S)


def copies_of_worker(plan, trackers, peers):
    """Torrents of which a worker would keep a copy, if it had room."""
    return peers / plan.swarm * warm_part(plan, trackers) / plan.cores


def mix(plan, trackers):
    """The part of all announces that is of each of KINDS."""
    ends = 1 / plan.announces
    warm = warm_part(plan, trackers)
    middle = 1 - 2 * ends
    return {"started": ends, "warm": middle * warm, "cold": middle * (1 - warm), "stopped": ends}


def _mean(of, parts):
    return sum(of[kind] * part for kind, part in parts.items())


def tracker_us(costs, plan, trackers):
    """CPU of a tracker for an announce, in microseconds."""
    alone = (1 - plan.http) * (costs.udp_us + costs.connect_us) + plan.http * costs.http_us
    return alone if trackers == 1 else alone + _mean(costs.sharing_us, mix(plan, trackers))


def redis_us(costs, plan, trackers):
    return 0 if trackers == 1 else _mean(costs.redis_us, mix(plan, trackers))


def wire_bytes(costs, plan, trackers):
    """Bytes that a tracker sends for an announce, to the client and to Redis."""
    udp = CONNECT_REPLY + costs.udp_reply + 2 * UDP_HEAD
    http = costs.http_reply + TCP_PACKETS * TCP_HEAD
    return ((1 - plan.http) * udp + plan.http * http +
            (0 if trackers == 1 else _mean(costs.redis_wire, mix(plan, trackers))))


def peer_bytes(costs, plan, trackers):
    """Memory of all trackers for a peer. A torrent is at each tracker that one of its peers announces to."""
    places = trackers * (1 - (1 - 1 / trackers) ** plan.swarm)
    torrent = costs.torrent + (0 if trackers == 1 else costs.shared)
    return costs.peer + places * torrent / plan.swarm


@dataclasses.dataclass(frozen=True)
class Use:
    """What a number of peers uses. The parts are of what there is at all."""

    announces: float  # a second, of all trackers
    cpu: float  # part of the processors of a tracker
    memory: float  # bytes of a tracker
    link: float  # part of the link of a tracker
    redis_cpu: float  # part of one processor: Redis runs its commands in one thread
    redis_memory: float  # bytes


def use(costs, plan, trackers, peers):
    announces = peers * plan.rate()
    each = announces / trackers
    return Use(announces=announces,
               cpu=each * tracker_us(costs, plan, trackers) / 1e6 / plan.cores,
               memory=peers / trackers * peer_bytes(costs, plan, trackers),
               link=each * wire_bytes(costs, plan, trackers) * 8 / plan.link,
               redis_cpu=announces * redis_us(costs, plan, trackers) / 1e6,
               redis_memory=0 if trackers == 1 else peers * costs.redis_peer)


def limits(costs, plan, trackers):
    """{what: peers at which it is used up}. Use grows in proportion to the peers."""
    one = use(costs, plan, trackers, 1)
    parts = {"CPU of a tracker": one.cpu / plan.busy, "memory of a tracker": one.memory / plan.memory,
             "link of a tracker": one.link / plan.busy, "CPU of Redis": one.redis_cpu / plan.busy,
             "memory of Redis": one.redis_memory / plan.redis_memory}
    return {what: 1 / part for what, part in parts.items() if part > 0}


def first_limit(costs, plan, trackers):
    """(peers that the fleet carries, what breaks beyond them)"""
    found = limits(costs, plan, trackers)
    what = min(found, key=found.get)
    return found[what], what
