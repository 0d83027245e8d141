/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The simulator (tests/sim) as a fixture for swarm tests: a torrent and a world around it. Every
 * run fails its test when an invariant does not hold.
 */
#ifndef TESTS_UNIT_CORE_RIG_H
#define TESTS_UNIT_CORE_RIG_H

#include "tests/sim/sim.h"

struct rig {
    int64_t delay_us;
    struct content content;
    struct sim sim;
};

/* Two nodes are |delay_us| apart. */
void rig_init(struct rig *r, const struct content_spec *torrent, int64_t delay_us, uint64_t seed);
void rig_fini(struct rig *r);

/* Adds a node with all the pieces or none, and lets it join. */
struct node *rig_add(struct rig *r, bool seed);

/* As rig_add, but it has not joined, so that the test can set it up; node_join() does it. */
struct node *rig_add_quiet(struct rig *r, bool seed);

/* Makes |in| the MESSAGE |msg|; keeps its peer. */
void rig_message(struct swarm_input *in, const struct wire_msg *msg);

/* Runs until |done| says so or |limit_s| virtual seconds are over; false in that case. */
bool rig_run(struct rig *r, bool (*done)(struct rig *r), int64_t limit_s);
bool rig_all_complete(struct rig *r);

#endif
