/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a node owes its peers over time, judged by what it says and hears: requests that are
 * answered, taken back or cancelled, words before the silence is too long, slots for those who want
 * something, one connection of two that meet. It keeps its own books, and compares them with the
 * core's.
 */
#ifndef TESTS_SIM_MANNERS_H
#define TESTS_SIM_MANNERS_H

#include <stdbool.h>

#include "common/base/mono.h"
#include "peer/core/swarm.h"

struct node;
struct link;

/* A request that has had no answer. */
struct asked {
    uint32_t piece, begin;
    struct mono at;
};

/* Embedded in a talk. */
struct manners {
    struct mono said, heard;  /* the last message */
    bool wanted;              /* the other side is interested */
    struct mono since_wanted; /* or since it is not */
    struct mono since_choke;  /* we choke it, or don't, since then */
    bool named;               /* the other side's extended handshake, with its port, has come */
    struct asked *asked;
    uint32_t count, cap;
};

void manners_begin(struct manners *m, struct mono now);
void manners_fini(struct manners *m);

/* Honest |n| says something; |msg| is NULL for a block. */
void manners_said(struct node *n, struct manners *m, const struct wire_msg *msg);
void manners_heard(struct node *n, struct manners *m, const struct wire_msg *msg);

/* Honest |n| closes or refuses |l|, as its core has another connection to the same peer. */
void manners_twin(struct node *n, struct link *l);

/* Honest |n| dials. */
void manners_dial(struct node *n, const struct endpoint *to);

/* Against the core's books. */
void manners_audit(struct node *n, const struct link *l, const struct manners *m,
                   const struct swarm_peer_stats *ps);

#endif
