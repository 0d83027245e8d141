/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What link.c and segment.c share: segments, and the calls between the two.
 */
#ifndef TESTS_SIM_LINK_IMPL_H
#define TESTS_SIM_LINK_IMPL_H

#include "tests/sim/link.h"

enum { WINDOW_FIRST = 64 * 1024 }; /* bytes in flight on a new connection */

/* Packets that travel together, or the end of the sender's side. */
struct segment {
    struct event arrive;
    struct list link; /* in its link's |segments| */
    struct list held; /* in its pipe's |held| */
    struct pipe *pipe;
    struct list packets;
    uint32_t bytes, payload;
    uint32_t part; /* of |payload|, what belongs to a packet whose end is in another segment */
    bool flies; /* its payload is in the ledger's |flying| */
    bool end;
    int err;
};

/* link.c */
int64_t link_delay(const struct link *l);
bool link_cut(const struct link *l);
/* Frees it if nothing holds it any more. */
void link_reap(struct link *l);
void link_shut(struct link *l, unsigned side);
/* The end of the connection arrived at |side|. */
void link_hear_end(struct link *l, unsigned side, int err);
/* A segment from |from| arrived at a closed side. */
void link_bounce(struct link *l, unsigned from);

/* segment.c */
void segment_send_end(struct link *l, unsigned from, int err);
/* Frees the segment, wherever it is; its payload is lost. */
void segment_drop(struct segment *g);
void pipe_drop_queue(struct pipe *p);
void pipe_drop_held(struct pipe *p);
/* The held segments arrive after the link's delay, in order and before later ones, unless they are
 * held again. */
void pipe_release(struct pipe *p);

#endif
