/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Bad peers: the real core, whose words are twisted on their way out, and pranks between them.
 */
#ifndef TESTS_SIM_MISCHIEF_H
#define TESTS_SIM_MISCHIEF_H

#include "tests/sim/link.h"

/* Twists the packet; false if it is never sent. */
bool mischief_twist(struct node *n, struct packet *p);

/* Does the node drop the packet that came for its core? */
bool mischief_swallows(const struct node *n, const struct packet *p);

/* A bad peer's core has started. */
void mischief_begin(struct node *n);

static inline bool
mischief_deaf(const struct node *n)
{
    return (n->spec.mischief & MISCHIEF_DEAF) != 0;
}

void mischief_prank(struct event *e);

#endif
