/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Drives a torrent's core: each input is handled, then its effects are carried out in order.
 * Results that come up meanwhile wait until that is done, so that the core is never entered twice.
 */
#include <stdlib.h>

#include "peer/torrent/torrent_failure.h"
#include "peer/torrent/torrent_feed.h"

enum { LATER_MIN = 64 };

static int
core_handle(struct torrent *t, const struct swarm_input *in)
{
    struct mono now = loop_now(t->env->loop);

    return t->core.fetch != NULL ? metafetch_handle(t->core.fetch, in, now)
                                 : swarm_handle(t->core.swarm, in, now);
}

static int
core_next(struct torrent *t, struct swarm_effect *fx)
{
    return t->core.fetch != NULL ? metafetch_next(t->core.fetch, fx)
                                 : swarm_next(t->core.swarm, fx);
}

static void
handle(struct torrent *t, const struct swarm_input *in)
{
    struct swarm_effect fx;

    t->core.draining = true;
    if (core_handle(t, in) != 0)
        log_warn(&t->env->shared->log, "%s: out of memory", t->facts.name);
    while (core_next(t, &fx))
        t->core.carry_out(t, &fx);
    t->core.draining = false;
}

/* Keeps a result for after the effects at hand. Only results without borrowed memory come here. */
static void
put_off(struct torrent *t, const struct swarm_input *in)
{
    struct torrent_core *core = &t->core;

    if (core->later_count == core->later_cap) {
        size_t cap = core->later_cap > 0 ? 2 * core->later_cap : LATER_MIN;
        struct swarm_input *later = realloc(core->later, cap * sizeof(*later));

        if (later == NULL) {
            torrent_fail(t, FAILURE_LOAD, SPRAT_E_NOMEM, "out of memory");
            return;
        }
        core->later = later;
        core->later_cap = cap;
    }
    core->later[core->later_count++] = *in;
}

void
torrent_feed(struct torrent *t, const struct swarm_input *in)
{
    if (!torrent_has_core(t))
        return;
    if (t->core.draining) {
        put_off(t, in);
        return;
    }
    handle(t, in);
    for (size_t i = 0; i < t->core.later_count; i++) {
        struct swarm_input next = t->core.later[i];

        handle(t, &next);
    }
    t->core.later_count = 0;
    torrent_mark_dirty(t);
}
