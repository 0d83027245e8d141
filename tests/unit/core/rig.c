/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Sets up a simulated world and runs it until a test has seen enough.
 */
#include "tests/unit/core/rig.h"

#include <criterion/criterion.h>

#include "tests/sim/check.h"

static const struct sim_net net = {.window = 1 << 20, .dial_timeout_us = 10000000};
static const struct sim_tracking tracking = {
    .latency_us = 20000, .timeout_us = 15000000, .interval_us = INT64_C(1800) * 1000000};

void
rig_init(struct rig *r, const struct content_spec *torrent, int64_t delay_us, uint64_t seed)
{
    struct errbuf eb;

    cr_assert_eq(content_init(&r->content, torrent, &eb), 0, "%s", eb.text);
    sim_init(&r->sim, &r->content, &net, &tracking, seed, NULL);
    r->delay_us = delay_us;
}

void
rig_fini(struct rig *r)
{
    sim_fini(&r->sim);
    content_fini(&r->content);
}

struct node *
rig_add_quiet(struct rig *r, bool seed)
{
    struct node_spec spec = {.group = "rig", .have_permille = seed ? 1000 : 0};

    spec.line.delay_us = r->delay_us / 2;
    spec.disk = (struct vdisk_spec){.latency_us = 500, .group_us = 500000, .sync_us = 20000};
    return sim_add(&r->sim, &spec);
}

struct node *
rig_add(struct rig *r, bool seed)
{
    struct node *n = rig_add_quiet(r, seed);

    node_join(n);
    return n;
}

bool
rig_run(struct rig *r, bool (*done)(struct rig *r), int64_t limit_s)
{
    struct engine *g = &r->sim.engine;
    struct mono limit = mono_add_ms(g->now, limit_s * 1000);

    while (!done(r) && mono_before(g->now, limit) && !sim_failed(&r->sim) && engine_step(g))
        ;
    check_audit(&r->sim);
    cr_assert_not(sim_failed(&r->sim), "%s", r->sim.failure);
    return done(r);
}

bool
rig_all_complete(struct rig *r)
{
    for (unsigned i = 0; i < r->sim.count; i++)
        if (node_running(r->sim.nodes[i]) && !bitfield_full(&r->sim.nodes[i]->disk.done))
            return false;
    return true;
}

void
rig_message(struct swarm_input *in, const struct wire_msg *msg)
{
    in->type = SWARM_IN_MESSAGE;
    in->total = wire_size(msg);
    in->u.msg = *msg;
}
