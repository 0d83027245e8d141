/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The choking algorithm: which peers get an upload slot. While leeching: tit-for-tat with an
 * optimistic unchoke; while seeding: turns that end after a quota of bytes (BEP 3; Cohen 2003;
 * libtorrent's round robin). A function over candidates that remembers only the optimistic unchoke.
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
    CHOKER_NEW_PEER_MS = 60000, /* a peer connected for less is three times as likely to become
                                   the optimistic unchoke */
    CHOKER_QUOTA_BYTES = 20 * 1024 * 1024, /* seeding: bytes sent in one turn before other peers
                                              come first */
    CHOKER_TURN_MS = 120000, /* seeding: longest turn, for a peer too slow for the quota */
    CHOKER_SLOW_MS = 30000,  /* seeding: a turn ends after this time if the peer uses little of its
                                slot: fewer bytes/s than … */
    CHOKER_SLOW_RATE = 16 * 1024,
    CHOKER_SLOW_AFTER_MS = 60000, /* for this long after such a turn, the peer comes after the
                                     others that wait */
    CHOKER_IDLE_MS = 5000,        /* a turn ends after this time without a request or a sent byte */
    CHOKER_WASTED_MS =
        120000, /* for this long after such a turn, the peer comes after all others */
    CHOKER_SLOTS_MIN = 3,
    CHOKER_SLOTS_MAX = 20,
};

struct choker_candidate {
    uint64_t id; /* not 0 */
    bool interested;
    bool unchoked;      /* unchoked at present */
    bool snubbed;       /* the peer has owed us blocks for too long */
    bool upload_only;   /* a seeder or partial seed (BEP 21): never wants anything */
    bool idle;          /* unchoked, and no request or sent byte for CHOKER_IDLE_MS */
    bool slow;          /* unchoked for CHOKER_SLOW_MS, and used little of its slot */
    bool was_slow;      /* its last turn ended as slow less than CHOKER_SLOW_AFTER_MS ago */
    bool wasted;        /* its last turn ended as idle less than CHOKER_WASTED_MS ago */
    uint64_t down_rate; /* bytes/s from the peer to us */
    uint64_t up_rate;   /* bytes/s from us to the peer */
    uint64_t given;     /* bytes sent since it was unchoked */
    struct mono connected_at;
    struct mono unchoked_at; /* when the present unchoke began */
    bool unchoke;            /* out: the decision */
};

struct choker {
    struct mono optimistic_until;
    uint64_t optimistic; /* id of the optimistic unchoke, or 0 */
};

void choker_init(struct choker *c);

/* Sets |unchoke| of all |n| candidates. Unchokes at most |slots| of them, only interested ones; one
 * of them is optimistic when leeching with at least 2 slots. |seeding| selects the mode. May be
 * called between rounds, for instance when a peer becomes interested: turns depend on the clock
 * only. */
void choker_run(struct choker *c, struct choker_candidate *cands, uint32_t n, uint32_t slots,
                bool seeding, struct mono now, struct rng *rng);

/* The number of slots for an upload limit of |up_limit| bytes/s (0: unlimited), from
 * CHOKER_SLOTS_MIN to CHOKER_SLOTS_MAX. */
uint32_t choker_slots(uint64_t up_limit);

#endif
