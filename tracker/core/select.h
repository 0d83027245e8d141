/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Draws the peers for the answer to an announce: at random and without repeats from a peer set, all
 * with the same probability. Time and stack space depend on the number of peers wanted, not on the
 * size of the swarm.
 */
#ifndef TRACKER_CORE_SELECT_H
#define TRACKER_CORE_SELECT_H

#include "common/base/rng.h"
#include "tracker/core/peerset.h"

enum {
    SELECT_WANT_MAX = 200,
    SELECT_RUN = 17, /* adjacent peers in a run; they have joined the swarm one after the other */
    SELECT_PARTS_MAX = (SELECT_WANT_MAX + SELECT_RUN - 1) / SELECT_RUN + 1,
    SELECT_RINGS = 2,
};

/* Users of a private tracker whose peers answers leave out, as |count| bits by user id. The id is
 * in the peer's tag (SELECT_USER_SHIFT). All zero: no such users. */
struct select_hidden {
    const uint64_t *bits;
    uint32_t count;
};

enum { SELECT_USER_SHIFT = 8 }; /* position of the user id in a peer's tag */

struct select_query {
    uint32_t want;      /* at most SELECT_WANT_MAX */
    bool leechers_only; /* true for a seeder, which does not need other seeders */
    uint32_t self_at; /* 1 + the asker's position in the set; 0: the set does not have the asker */
    /* Peers whose tag equals the asker's in these bits are skipped as the asker's own. */
    uint32_t self_tag, self_mask;
    /* In a set of form PEERSET_SHARED their ids, of PEERSET_ID_LEN bytes, also equal this one. */
    const uint8_t *self_id;
    struct select_hidden hidden; /* copied; the bits are borrowed */
    uint16_t now;                /* in the peerset's seconds */
    uint16_t age_max;            /* peers not seen for longer are skipped */
};

/* The |n| peers from position |first| on, without the one at |skip|, as a ring that begins at the
 * |turn|th of them. */
struct select_ring {
    uint32_t first, n, skip, turn;
};

/* A part of a ring. Its run has |run| peers; |drawn| of its peers were examined. */
struct select_part {
    uint32_t ring;
    uint32_t first, len;
    uint32_t start; /* start of the run, relative to |first| */
    uint32_t run;
    uint32_t drawn;
};

/* The random choices of a draw. Embedded; private; all zero fits no draw. The first ring has the
 * seeders that can be drawn, the second the leechers; or the first is empty and the second has all
 * peers. */
struct select_plan {
    struct select_ring rings[SELECT_RINGS];
    struct select_part parts[SELECT_PARTS_MAX];
    uint32_t nparts, want;
};

/* Plans the draw of |want| peers, at most SELECT_WANT_MAX, and prefetches the rows that it will
 * read. |listed|: the set will have the asker itself among the peers that can be drawn. */
void select_plan(struct select_plan *p, const struct peerset *s, struct rng *rng, uint32_t want,
                 bool leechers_only, bool listed);

/* Writes up to |q->want| compact endpoints to |out|, and their peer ids (20 bytes each, same order)
 * to |ids|, unless |ids| is NULL or the set keeps no ids. Returns how many. The asker is never
 * among them. The draw follows |plan|, and uses it up, if the plan was made for the same numbers of
 * peers; otherwise, or if |plan| is NULL, it makes its own. */
uint32_t select_peers(const struct peerset *s, struct rng *rng, struct select_plan *plan,
                      const struct select_query *q, uint8_t *out, uint8_t *ids);

/* Like select_peers(), from two sets that have no peer in common. |others| (or NULL) may be a
 * sample of a larger set: together with |own| it represents |all| peers, and each of these is
 * equally likely to be drawn. */
uint32_t select_peers_of_two(const struct peerset *own, const struct peerset *others, uint64_t all,
                             struct rng *rng, struct select_plan *plan,
                             const struct select_query *q, uint8_t *out, uint8_t *ids);

#endif
