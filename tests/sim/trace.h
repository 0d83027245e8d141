/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The trace of a run: a hash over every input and effect of every core, in order. It hashes values,
 * never addresses or bytes in machine order, so that a seed gives the same hash on every machine.
 * It can also print the trace.
 */
#ifndef TESTS_SIM_TRACE_H
#define TESTS_SIM_TRACE_H

#include <stdint.h>
#include <stdio.h>

#include "peer/core/swarm.h"

/* Embedded; read |hash|. */
struct trace {
    uint64_t hash;
    FILE *out; /* NULL: nothing is printed */
};

void trace_init(struct trace *t, FILE *out);
void trace_input(struct trace *t, struct mono now, unsigned node, const struct swarm_input *in);
void trace_effect(struct trace *t, struct mono now, unsigned node, const struct swarm_effect *fx);

#endif
