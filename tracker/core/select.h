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

enum { SELECT_WANT_MAX = 200 };

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
    /* Peers whose tag is the asker's in these bits are the asker's own, and passed over. */
    uint32_t self_tag, self_mask;
    struct select_hidden hidden; /* copied; what it points to is borrowed */
    uint16_t now;       /* in the peerset's seconds */
    uint16_t age_max;   /* peers not seen for longer are passed over, though not yet removed */
};

/* Writes up to |q->want| compact endpoints to |out|, and their peer ids to |ids| unless that or the
 * set's is NULL (20 bytes each, same order). Returns how many. The asker is never among them. */
uint32_t select_peers(const struct peerset *s, struct rng *rng, const struct select_query *q,
                      uint8_t *out, uint8_t *ids);

/* As select_peers() from two sets that have no peer in common. |others| (NULL: there are none) may
 * be a sample of more: together with |own| they stand for |all| peers that could be drawn, so that
 * each of those is as likely as any other. */
uint32_t select_peers_of_two(const struct peerset *own, const struct peerset *others, uint64_t all,
                             struct rng *rng, const struct select_query *q, uint8_t *out,
                             uint8_t *ids);

#endif
