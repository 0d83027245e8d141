/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Hostile peers: the real core, whose outgoing messages are changed, and extra hostile messages
 * between them.
 */
#ifndef TESTS_SIM_MISCHIEF_H
#define TESTS_SIM_MISCHIEF_H

#include "tests/sim/link.h"

/* Changes the packet; false if it must not be sent. */
bool mischief_twist(struct node *n, struct packet *p);

/* True if the node drops this packet for its core. */
bool mischief_swallows(const struct node *n, const struct packet *p);

/* The core of a hostile peer has started. */
void mischief_begin(struct node *n);

static inline bool
mischief_deaf(const struct node *n)
{
    return (n->spec.mischief & MISCHIEF_DEAF) != 0;
}

void mischief_prank(struct event *e);

#endif
