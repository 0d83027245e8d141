#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Torture: downloads are killed at random moments, by kill -9 and by simulated power failures. All pieces that the state
database then has as stored are right on disk, and stay stored.

    test_torture.py [--kills N] [--seed S] [words of a case]

N is the number of kills of each kind (200 and 60); tools/torture runs it with more."""

import concurrent.futures
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import faults
import sprat
import tap
import torture


def option(name, otherwise):
    """Takes --name N off the command line."""
    if name not in sys.argv:
        return otherwise
    at = sys.argv.index(name)
    value = int(sys.argv[at + 1])
    del sys.argv[at:at + 2]
    return value


SEED = option("--seed", 1)
KILLS = option("--kills", 0)
AT_A_TIME = 6


def one(victim, kills, life):
    """Kills a download that often, beginning anew whenever it is complete."""
    done, longest = 0, life
    while done < kills:
        before = victim.kills
        # Some lives end before the program is up, some see several groups committed.
        if victim.live(victim.random.choice((0.03, 0.1, 0.3, 1.0)) * victim.random.random() * longest):
            victim.begin_anew()
        done += victim.kills - before
    victim.finish()
    return victim


def all_of(t, kills, power, life):
    source_seed = SEED * 1000 + (500 if power else 0)
    tracker = sprat.Tracker(t, "--min-interval", "20", udp=False)
    sources = [torture.Source(t, form, tree, source_seed, [tracker.http])
               for form in ("v1", "v2", "hybrid") for tree in (False, True)]
    peers = torture.seeders(t, sources)
    victims = [torture.Victim(t, source, peers, source_seed + n, daemon, power)
               for n, (source, daemon) in enumerate((s, d) for d in (False, True) for s in sources)]
    share = -(-kills // len(victims))
    with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
        for future in [pool.submit(one, victim, share, life) for victim in victims]:
            victim = future.result()
            tap.note(f"{victim}: {victim.kills} kills, {victim.whole} times complete, {victim.lost} writes lost, "
                     f"at most {victim.lag >> 10} KiB verified and not committed")
    assert sum(victim.kills for victim in victims) >= kills


def kill_9(t):
    all_of(t, KILLS or 200, False, 4)


def power_failure(t):
    faults.need()
    all_of(t, KILLS or 60, True, 6)


tap.add("what is claimed after kill -9 is right on disk", kill_9, 240 + 2 * KILLS)
tap.add("what is claimed after a power failure is right on disk", power_failure, 240 + 4 * KILLS)

if __name__ == "__main__":
    sprat.main(sprat.SPRAT, sprat.SPRATD)
