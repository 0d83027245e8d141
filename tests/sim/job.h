/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The work that a node's effects start and whose result is an input: disk jobs and announces. A
 * crash drops work under way.
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
/* The connection to |peer| has ended: drops the reads of blocks for that peer. */
void jobs_drop_reads(struct node *n, slot_id peer);

#endif
