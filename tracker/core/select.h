/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Draws the peers for the answer to an announce: at random and without repeats from a peerset, all
 * with the same probability. Time and stack space depend on the number of peers wanted, not on the
 * size of the swarm.
 */
#ifndef TRACKER_CORE_SELECT_H
#define TRACKER_CORE_SELECT_H

#include "common/base/rng.h"
#include "tracker/core/peerset.h"

enum {
    SELECT_WANT_MAX = 200,
    SELECT_RUN = 17, /* peers that are taken side by side: neighbours by the time they came */
    SELECT_PARTS_MAX = (SELECT_WANT_MAX + SELECT_RUN - 1) / SELECT_RUN + 1,
    SELECT_RINGS = 2,
};

/* Users of a private tracker whose peers nobody is given, as bits by user id; |count| bits. The id
 * is in the peer's tag (SELECT_USER_SHIFT). All zero: there are none. */
struct select_hidden {
    const uint64_t *bits;
    uint32_t count;
};

enum { SELECT_USER_SHIFT = 8 }; /* where the user id begins in a peer's tag */

struct select_query {
    uint32_t want;      /* at most SELECT_WANT_MAX */
    bool leechers_only; /* true for a seeder, which does not need other seeders */
    uint32_t self_at;   /* 1 + the asker's position in the set; 0: it is not in */
    /* Peers whose tag is the asker's in these bits are the asker's own, and passed over. */
    uint32_t self_tag, self_mask;
    /* In a set of form PEERSET_SHARED their ids are this one, too, of PEERSET_ID_LEN bytes. */
    const uint8_t *self_id;
    struct select_hidden hidden; /* copied; what it points to is borrowed */
    uint16_t now;                /* in the peerset's seconds */
    uint16_t age_max; /* peers not seen for longer are passed over, though not yet removed */
};

/* The |n| peers from |first| on but for the one at |skip|, as a ring that begins at the |turn|th of
 * them. */
struct select_ring {
    uint32_t first, n, skip, turn;
};

/* A part of a ring, the number of its peers that are taken first, and how many were looked at. */
struct select_part {
    uint32_t ring;
    uint32_t first, len;
    uint32_t start; /* of the run, counted from |first| */
    uint32_t run;
    uint32_t drawn;
};

/* The random choices of a draw. Embedded; private; all zero fits no draw. The rings are seeders
 * that are drawn from, which may be none, and leechers; or none and all. */
struct select_plan {
    struct select_ring rings[SELECT_RINGS];
    struct select_part parts[SELECT_PARTS_MAX];
    uint32_t nparts, want;
};

/* Plans the draw of |want| peers, at most SELECT_WANT_MAX, for an asker who will be |listed| among
 * the peers that are drawn from, and starts to load the rows that the draw will read. */
void select_plan(struct select_plan *p, const struct peerset *s, struct rng *rng, uint32_t want,
                 bool leechers_only, bool listed);

/* Writes up to |q->want| compact endpoints to |out|, and their peer ids to |ids| unless that or the
 * set's is NULL (20 bytes each, same order). Returns how many. The asker is never among them. A
 * |plan| that was made for as many peers of as large a set is followed, and used up; NULL, or
 * another one: the draw makes its own. */
uint32_t select_peers(const struct peerset *s, struct rng *rng, struct select_plan *plan,
                      const struct select_query *q, uint8_t *out, uint8_t *ids);

/* As select_peers() from two sets that have no peer in common. |others| (NULL: there are none) may
 * be a sample of more: together with |own| they stand for |all| peers that could be drawn, so that
 * each of those is as likely as any other. */
uint32_t select_peers_of_two(const struct peerset *own, const struct peerset *others, uint64_t all,
                             struct rng *rng, struct select_plan *plan,
                             const struct select_query *q, uint8_t *out, uint8_t *ids);

#endif
