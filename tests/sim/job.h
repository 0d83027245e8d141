/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Work that a node has others do, and that ends in an input: its disk and its announces. A crash
 * drops what is under way.
 */
#ifndef TESTS_SIM_JOB_H
#define TESTS_SIM_JOB_H

#include "tests/sim/node.h"

void job_write(struct node *n, const struct swarm_effect *fx);
void job_verify(struct node *n, uint32_t piece);
void job_leaves(struct node *n, uint32_t piece);
void job_read_failed(struct node *n, const struct swarm_effect *fx);
void job_announce(struct node *n, const struct swarm_effect *fx);

void jobs_drop(struct node *n);
/* The connection to |peer| is gone: nobody waits for the blocks that were being read for it. */
void jobs_drop_reads(struct node *n, slot_id peer);

#endif
