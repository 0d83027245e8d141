/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The invariants. Each function checks one event and fails the run if the event is not allowed.
 */
#ifndef TESTS_SIM_CHECK_H
#define TESTS_SIM_CHECK_H

#include "tests/sim/link.h"

enum {
    AUDIT_EVERY_US = 1000000,
    IDLE_TICKS_MAX = 1000, /* ticks in a row at one instant: the core asks for a past time */
};

/* Checks an effect before it is carried out. */
void check_effect(struct node *n, const struct swarm_effect *fx);

/* Checks a message before the receiver's core gets it. */
void check_received(struct link *l, unsigned side, const struct wire_msg *msg);

/* Checks the node after an input and its effects. */
void check_step(struct node *n, const struct swarm_input *in);

/* Compares the numbers of all cores with those that the simulator counted. */
void check_audit(struct sim *s);

/* Checks the disk after a crash, before the node returns. */
void check_disk(struct node *n);

/* After all nodes have left: no peer, block, connection or event may be left. */
void check_end(struct sim *s);

#endif
