/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The invariants. Each call looks at one thing that happens, and fails the run if it may not.
 */
#ifndef TESTS_SIM_CHECK_H
#define TESTS_SIM_CHECK_H

#include "tests/sim/link.h"

enum {
    AUDIT_EVERY_US = 1000000,
    IDLE_TICKS_MAX = 1000, /* ticks in a row at one instant: the core asks for a past time */
};

/* Before it is carried out. */
void check_effect(struct node *n, const struct swarm_effect *fx);

/* Before it is fed. */
void check_received(struct link *l, unsigned side, const struct wire_msg *msg);

/* After an input and its effects. */
void check_step(struct node *n, const struct swarm_input *in);

/* The core's own numbers against what the world saw. */
void check_audit(struct sim *s);

/* After a crash, before the node comes back. */
void check_disk(struct node *n);

/* Everybody has left: nothing may be left of them. */
void check_end(struct sim *s);

#endif
