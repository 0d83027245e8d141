# SPDX-License-Identifier: BSD-2-Clause
"""The least time in which one file can reach N machines, if data were a fluid (Kumar and Ross, "Peer-assisted
file distribution: the minimum distribution time", 2006), with downlinks that don't bound it. Bytes, bytes a
second, seconds."""


def by_server(size, peers, rate):
    """One server with uplink |rate| sends every copy."""
    return peers * size / rate


def by_swarm(size, peers, seed_rate, peer_rate):
    """A seeder and N leechers who send on what they have."""
    return max(size / seed_rate, peers * size / (seed_rate + peers * peer_rate))
