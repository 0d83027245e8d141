/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Local networks: the nodes of one hear each other's announces (BEP 14), which the real core of
 * local discovery makes and reads. A datagram takes the delays of both ends, and may be lost.
 */
#ifndef TESTS_SIM_LAN_H
#define TESTS_SIM_LAN_H

#include "common/ds/list.h"
#include "peer/core/lsd.h"
#include "tests/sim/engine.h"

struct node;

/* A node's part in its local network; embedded in the node. */
struct lan_host {
    struct lsd *lsd; /* NULL: the node is in none, or does not run */
    struct event tick;
    struct list coming; /* datagrams under way to the node */
};

void lan_init(struct node *n);

/* The node's core has begun, or has ended. Nodes with |spec.lan| 0 take no part. */
void lan_join(struct node *n);
void lan_leave(struct node *n);

#endif
