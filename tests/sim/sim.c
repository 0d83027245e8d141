/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Puts a world together and takes it apart.
 */
#include "tests/sim/sim.h"

#include <stdarg.h>
#include <stdlib.h>

#include "common/base/assert.h"
#include "tests/sim/link.h"

void
sim_init(struct sim *s, const struct content *c, const struct sim_net *net,
         const struct sim_tracking *tracking, uint64_t seed, FILE *trace)
{
    *s = (struct sim){.content = c, .net = *net, .tracking = *tracking};
    engine_init(&s->engine);
    trace_init(&s->trace, trace);
    rng_init(&s->rng, seed);
    slotmap_init(&s->links, SIM_LINKS_MAX);
    list_init(&s->packets);
    list_init(&s->segments);
    s->pool = block_pool_new(UINT32_MAX);
    s->nodes = sim_alloc(SIM_NODES_MAX, sizeof(struct node *));
    s->tracker = sim_tracker_new((uint32_t)(tracking->interval_us / 1000000), rng_u64(&s->rng));
    ASSERT(s->pool != NULL);
}

void
sim_add_dht(struct sim *s, const struct swarmdht_spec *spec, uint32_t nodes)
{
    ASSERT(s->count == 0 && s->dht == NULL);
    s->dht = swarmdht_new(s, spec, nodes);
}

void
sim_fini(struct sim *s)
{
    links_fini(s);
    for (unsigned i = 0; i < s->count; i++)
        node_free(s->nodes[i]);
    swarmdht_free(s->dht);
    segments_fini(s);
    slotmap_fini(&s->links);
    sim_tracker_free(s->tracker);
    block_pool_free(s->pool);
    free(s->nodes);
    engine_fini(&s->engine);
}

struct node *
sim_add(struct sim *s, const struct node_spec *spec)
{
    if (s->count == SIM_NODES_MAX)
        return NULL;
    s->nodes[s->count] = node_new(s, s->count, spec);
    return s->nodes[s->count++];
}

void
sim_fail(struct sim *s, const char *fmt, ...)
{
    va_list ap;

    if (sim_failed(s))
        return;
    va_start(ap, fmt);
    vsnprintf(s->failure, sizeof(s->failure), fmt, ap);
    va_end(ap);
}
