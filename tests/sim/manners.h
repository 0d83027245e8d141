/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a node owes its peers over time: each request is answered, rejected or cancelled; a message
 * is sent before the silence is too long; upload slots go to interested peers; of two connections
 * between two peers one stays. The checks use records of the messages that the node sent and
 * received, and compare them with the core's numbers.
 */
#ifndef TESTS_SIM_MANNERS_H
#define TESTS_SIM_MANNERS_H

#include <stdbool.h>

#include "common/base/mono.h"
#include "peer/core/swarm.h"

struct node;
struct link;

/* A request that is not answered yet. */
struct asked {
    uint32_t piece, begin;
    struct mono at;
};

/* Embedded in a talk. */
struct manners {
    struct mono said, heard;  /* the last message */
    bool wanted;              /* the other side is interested */
    struct mono since_wanted; /* when |wanted| last changed */
    struct mono since_choke;  /* when we last choked or unchoked it */
    bool named;               /* the other side's extended handshake, with its port, has arrived */
    struct asked *asked;
    uint32_t count, cap;
};

void manners_begin(struct manners *m, struct mono now);
void manners_fini(struct manners *m);

/* The honest node |n| sends a message; |msg| is NULL for a block. */
void manners_said(struct node *n, struct manners *m, const struct wire_msg *msg);
void manners_heard(struct node *n, struct manners *m, const struct wire_msg *msg);

/* The honest node |n| closes or refuses |l|, because its core has another connection to the peer.
 */
void manners_twin(struct node *n, struct link *l);

/* The honest node |n| dials |to|. */
void manners_dial(struct node *n, const struct endpoint *to);

/* Compares the records of one connection with the core's numbers. */
void manners_audit(struct node *n, const struct link *l, const struct manners *m,
                   const struct swarm_peer_stats *ps);

#endif
