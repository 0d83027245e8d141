/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Whom to upload to: tit-for-tat with an optimistic unchoke while leeching, fair turns by what was
 * given while seeding (BEP 3; Cohen 2003; libtorrent's round robin). A pure function over
 * candidates with a little memory for turns.
 */
#ifndef PEER_CORE_CHOKER_H
#define PEER_CORE_CHOKER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/mono.h"
#include "common/base/rng.h"

enum {
    CHOKER_ROUND_MS = 10000,
    CHOKER_OPTIMISTIC_MS = 30000,
    CHOKER_NEW_PEER_MS = 60000, /* how long a newcomer is three times as likely to be chosen */
    CHOKER_QUOTA_BYTES = 20 * 1024 * 1024, /* seeding: given in one turn before others come first */
    CHOKER_TURN_MS = 120000, /* seeding: a turn ends then for who is too slow for the quota */
    CHOKER_IDLE_MS = 5000,   /* a turn ends when nothing was asked for or moved for so long, … */
    CHOKER_WASTED_MS = 120000, /* … and for so long afterwards that peer comes behind all others */
    CHOKER_SLOTS_MIN = 3,
    CHOKER_SLOTS_MAX = 20,
};

struct choker_candidate {
    uint64_t id; /* not 0 */
    bool interested;
    bool unchoked;      /* now */
    bool snubbed;       /* it owes us blocks for too long */
    bool upload_only;   /* a seeder or partial seed: never wants anything */
    bool idle;          /* unchoked, and for CHOKER_IDLE_MS nothing was asked for or moved */
    bool wasted;        /* its last turn ended so, less than CHOKER_WASTED_MS ago */
    uint64_t down_rate; /* bytes/s it gives us */
    uint64_t up_rate;   /* bytes/s we give it */
    uint64_t given;     /* bytes sent since it was unchoked */
    struct mono connected_at;
    struct mono unchoked_at; /* of the present unchoke */
    bool unchoke;            /* out: the decision */
};

struct choker {
    struct mono optimistic_until;
    uint64_t optimistic; /* id, or 0 */
};

void choker_init(struct choker *c);

/* Decides for all |n| candidates at once: sets |unchoke| of each. At most |slots| are unchoked,
 * only interested ones, and one of them optimistic when leeching and slots ≥ 2. |seeding| picks the
 * mode. May be called between rounds, as when somebody became interested: turns go by the clock. */
void choker_run(struct choker *c, struct choker_candidate *cands, uint32_t n, uint32_t slots,
                bool seeding, struct mono now, struct rng *rng);

/* Slots for an upload limit of |up_limit| bytes/s (0: unlimited): CHOKER_SLOTS_MIN to _MAX. */
uint32_t choker_slots(uint64_t up_limit);

#endif
