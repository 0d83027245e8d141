/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Ten times per virtual second, the director looks whether an event of the scenario is due, and
 * whether all nodes are complete.
 */
#include "tests/sim/director.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/check.h"
#include "tests/sim/gauge.h"
#include "tests/sim/link.h"

enum {
    LOOK_EVERY_US = GAUGE_EVERY_US,
    FAREWELL_US = 900 * 1000000, /* time in which all nodes must have left */
    LINGER_US = 120 * 1000000,   /* within which the last bytes must be off the lines */
};

/* A node's place in the play. */
struct seat {
    struct event event; /* joins, comes back, resumes or leaves */
    struct director *d;
    struct node *node;
    const struct scenario_group *group;
    bool resumes; /* else |event| brings it in */
};

struct director {
    const struct scenario *sc;
    struct sim sim;
    struct event look;
    struct seat *seats;
    struct node_share shares[SCENARIO_SHARES_MAX];
    struct gauge *gauges; /* in the order of rates expected, and for |each| of the nodes */
    struct mono begin, next_audit;
    int64_t next_us[SCENARIO_ACTIONS_MAX]; /* when each action is due; INT64_MAX: it is over */
    uint64_t early[SCENARIO_GROUPS_MAX]; /* copies that a group had sent when the first was
                                            complete */
    bool early_known;
    bool over;
    bool tracker_was_down;
};

static int64_t
elapsed_us(const struct director *d)
{
    return mono_diff_us(d->sim.engine.now, d->begin);
}

/* --- the nodes' addresses and states --- */

static bool
is_wanted(const struct seat *t)
{
    return node_honest(t->node) && !t->group->optional && !t->group->stuck &&
           !node_began_whole(t->node);
}

static bool
has_all(const struct node *n)
{
    return bitfield_full(&n->disk.done);
}

/* Will it be complete one day, if all goes well? */
static bool
is_waited_for(const struct seat *t)
{
    return is_wanted(t) && !has_all(t->node) &&
           (t->node->state == NODE_UP || event_posted(&t->event));
}

/* Tells a node of a group by hand, as `sprat get --peer` does. */
static void
tell_group(struct seat *t, const struct scenario_group *known)
{
    struct swarm_input in = {.type = SWARM_IN_ADDRS};
    const struct sim *s = t->node->sim;

    in.u.addrs.source = PEER_FROM_USER;
    in.u.addrs.count = 1;
    for (unsigned i = 0; i < s->count; i++) {
        if (t->d->seats[i].group != known)
            continue;
        in.u.addrs.addrs = &s->nodes[i]->addr;
        node_feed(t->node, &in);
    }
}

static void
join(struct seat *t)
{
    node_join(t->node);
    if (t->group->knows > 0)
        tell_group(t, &t->d->sc->groups[t->group->knows - 1]);
}

static void
on_seat(struct event *e)
{
    struct seat *t = LIST_ENTRY(e, struct seat, event);
    struct node *n = t->node;

    if (n->state == NODE_LEAVING) {
        event_post_us(&n->sim->engine, e, LOOK_EVERY_US); /* it is not through with its goodbye */
        return;
    }
    if (t->resumes && n->state == NODE_UP)
        node_pause(n, false);
    else if (!node_running(n))
        join(t);
    t->resumes = false;
}

/* --- actions --- */

static bool
is_target(const struct scenario_action *a, const struct node *n)
{
    switch (a->verb) {
    case VERB_LEAVE:
    case VERB_CRASH:
    case VERB_DARK:
    case VERB_PAUSE: return n->state == NODE_UP;
    case VERB_JOIN: return !node_running(n);
    case VERB_RESUME:
    case VERB_SPLIT:
    case VERB_LIMIT:
    case VERB_FREE_DISK: return true;
    case VERB_HEAL:
    case VERB_TRACKER_DOWN:
    case VERB_TRACKER_UP:
    case VERB_BOOTSTRAP_DOWN: return false;
    }
    return false;
}

static void
do_to(struct director *d, const struct scenario_action *a, struct seat *t)
{
    struct node *n = t->node;

    switch (a->verb) {
    case VERB_LEAVE: node_leave(n); break;
    case VERB_CRASH: node_crash(n, false); break;
    case VERB_DARK: node_crash(n, true); break;
    case VERB_JOIN: join(t); break;
    case VERB_PAUSE: node_pause(n, true); break;
    case VERB_RESUME: node_pause(n, false); break;
    case VERB_SPLIT:
        node_set_side(n, 1);
        d->tracker_was_down = true; /* for this one */
        break;
    case VERB_FREE_DISK: node_free_disk(n); break;
    case VERB_LIMIT:
        node_set_limits(n, a->up_limit != UINT64_MAX ? a->up_limit : n->spec.up_limit,
                        a->down_limit != UINT64_MAX ? a->down_limit : n->spec.down_limit);
        break;
    case VERB_HEAL:
    case VERB_TRACKER_DOWN:
    case VERB_TRACKER_UP:
    case VERB_BOOTSTRAP_DOWN: break;
    }
    if (a->for_us == 0)
        return; /* what was to come of it before comes still */
    t->resumes = a->verb == VERB_PAUSE;
    event_post_us(&d->sim.engine, &t->event, a->for_us);
}

/* Chooses |a->count| of the group's nodes that it can happen to. */
static void
do_to_group(struct director *d, const struct scenario_action *a)
{
    const struct scenario_group *g = &d->sc->groups[a->group];
    unsigned *who = sim_alloc(d->sim.count + 1, sizeof(*who));
    uint32_t n = 0, left;

    for (unsigned i = 0; i < d->sim.count; i++)
        if (d->seats[i].group == g && is_target(a, d->sim.nodes[i]))
            who[n++] = i;
    left = a->count > 0 && a->count < n ? a->count : n;
    for (; left > 0; left--) {
        uint32_t k = rng_below(&d->sim.rng, n);

        do_to(d, a, &d->seats[who[k]]);
        who[k] = who[--n];
    }
    free(who);
}

static void
act(struct director *d, const struct scenario_action *a)
{
    switch (a->verb) {
    case VERB_HEAL:
        for (unsigned i = 0; i < d->sim.count; i++)
            node_set_side(d->sim.nodes[i], 0);
        links_heal(&d->sim);
        break;
    case VERB_TRACKER_DOWN: d->sim.tracker_down = d->tracker_was_down = true; break;
    case VERB_TRACKER_UP: d->sim.tracker_down = false; break;
    case VERB_BOOTSTRAP_DOWN: swarmdht_end_bootstrap(d->sim.dht); break;
    case VERB_LEAVE:
    case VERB_CRASH:
    case VERB_DARK:
    case VERB_JOIN:
    case VERB_PAUSE:
    case VERB_RESUME:
    case VERB_SPLIT:
    case VERB_FREE_DISK:
    case VERB_LIMIT: do_to_group(d, a); break;
    }
}

/* How often each piece exists outside |group|, at the least. */
static uint32_t
copies_beside(const struct director *d, const struct scenario_group *group)
{
    uint32_t least = UINT32_MAX;

    for (uint32_t p = 0; p < d->sim.content->geo.piece_count; p++) {
        uint32_t count = 0;

        for (unsigned i = 0; i < d->sim.count; i++)
            count += d->seats[i].group != group && node_running(d->sim.nodes[i]) &&
                     node_honest(d->sim.nodes[i]) && bitfield_get(&d->sim.nodes[i]->disk.done, p);
        least = count < least ? count : least;
    }
    return least;
}

static uint32_t
done_permille(const struct director *d)
{
    uint64_t have = 0, all = 0;

    for (unsigned i = 0; i < d->sim.count; i++) {
        if (!is_wanted(&d->seats[i]))
            continue;
        have += d->sim.nodes[i]->disk.done.count;
        all += d->sim.nodes[i]->disk.done.nbits;
    }
    return all > 0 ? (uint32_t)(have * 1000 / all) : 1000;
}

static bool
is_due(const struct director *d, uint32_t i)
{
    const struct scenario_action *a = &d->sc->actions[i];

    if (d->next_us[i] == INT64_MAX)
        return false;
    if (a->copies > 0)
        return copies_beside(d, &d->sc->groups[a->group]) >= a->copies;
    if (a->done_permille > 0)
        return done_permille(d) >= a->done_permille;
    return elapsed_us(d) >= d->next_us[i];
}

static void
do_actions(struct director *d)
{
    for (uint32_t i = 0; i < d->sc->action_count; i++) {
        const struct scenario_action *a = &d->sc->actions[i];

        if (!is_due(d, i))
            continue;
        act(d, a);
        d->next_us[i] = a->every_us > 0 ? d->next_us[i] + a->every_us : INT64_MAX;
        if (d->next_us[i] > a->until_us)
            d->next_us[i] = INT64_MAX;
    }
}

/* Who has been complete for long enough goes. */
static void
do_stays(struct director *d)
{
    for (unsigned i = 0; i < d->sim.count; i++) {
        struct node *n = d->sim.nodes[i];
        int64_t stay = d->seats[i].group->stay_us;

        if (stay >= 0 && n->state == NODE_UP && n->complete_at.us != INT64_MAX &&
            mono_diff_us(d->sim.engine.now, n->complete_at) >= stay)
            node_leave(n);
    }
}

/* --- rates --- */

static struct gauge_moved
moved_by(const struct node *n, const struct expect_rate *r)
{
    const struct node_count *c = &n->count;

    return r->up > 0 ? (struct gauge_moved){c->sent, c->sent + c->over_sent}
                     : (struct gauge_moved){c->got, c->got + c->over_got};
}

/* Judges what the nodes of its group moved, together or each; returns the gauges used. */
static unsigned
look_at_rate(struct director *d, const struct scenario_expect *x, struct gauge *g)
{
    const struct scenario_group *group = &d->sc->groups[x->group];
    struct gauge_moved sum = {0, 0};
    unsigned used = 0;

    for (unsigned i = 0; i < d->sim.count; i++) {
        struct node *n = d->sim.nodes[i];
        struct gauge_moved moved = moved_by(n, &x->rate);

        if (d->seats[i].group != group)
            continue;
        if (x->rate.each)
            gauge_look(&g[used++], &d->sim, group->name, &x->rate, elapsed_us(d), moved);
        sum.payload += moved.payload;
        sum.total += moved.total;
    }
    if (!x->rate.each)
        gauge_look(&g[used++], &d->sim, group->name, &x->rate, elapsed_us(d), sum);
    return used;
}

static void
do_gauges(struct director *d)
{
    struct gauge *g = d->gauges;

    for (uint32_t i = 0; i < d->sc->expect_count; i++)
        if (d->sc->expects[i].what == EXPECT_RATE)
            g += look_at_rate(d, &d->sc->expects[i], g);
}

static void
make_gauges(struct director *d)
{
    size_t count = 1;

    for (uint32_t i = 0; i < d->sc->expect_count; i++) {
        const struct scenario_expect *x = &d->sc->expects[i];

        if (x->what == EXPECT_RATE)
            count += x->rate.each ? d->sc->groups[x->group].count : 1;
    }
    d->gauges = sim_alloc(count, sizeof(*d->gauges));
}

/* --- the end --- */

static uint32_t
count_waited(const struct director *d)
{
    uint32_t n = 0;

    for (unsigned i = 0; i < d->sim.count; i++)
        n += is_waited_for(&d->seats[i]);
    return n;
}

static bool
all_is_played(const struct director *d)
{
    for (uint32_t i = 0; i < d->sc->action_count; i++)
        if (d->next_us[i] != INT64_MAX && d->sc->actions[i].every_us == 0)
            return false;
    for (uint32_t i = 0; i < d->sc->group_count; i++)
        if (d->sc->groups[i].stuck)
            return false; /* only time tells */
    for (uint32_t i = 0; i < d->sc->expect_count; i++)
        if (d->sc->expects[i].rate.until_us > elapsed_us(d))
            return false; /* it is being measured */
    return count_waited(d) == 0;
}

/* Why it is not done: is it the swarm's fault? */
static void
judge_late(struct director *d)
{
    uint32_t late = count_waited(d), missing = 0;

    if (late == 0)
        return;
    for (uint32_t p = 0; p < d->sim.content->geo.piece_count; p++) {
        bool found = false;

        for (unsigned i = 0; i < d->sim.count && !found; i++)
            found = node_running(d->sim.nodes[i]) && node_honest(d->sim.nodes[i]) &&
                    bitfield_get(&d->sim.nodes[i]->disk.done, p);
        missing += !found;
    }
    sim_fail(&d->sim,
             "%" PRIu32 " nodes are not complete in time, and %" PRIu32
             " pieces are with nobody honest",
             late, missing);
}

/* Copies that |group| sent, in permille. */
static uint64_t
sent_by(const struct director *d, uint32_t group)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < d->sim.count; i++)
        if (d->seats[i].group == &d->sc->groups[group])
            sum += d->sim.nodes[i]->count.sent;
    return sum * 1000 / d->sim.content->mi->total_size;
}

/* What each group had sent when the first one was complete. */
static void
note_early(struct director *d)
{
    for (unsigned i = 0; i < d->sim.count && !d->early_known; i++)
        d->early_known = is_wanted(&d->seats[i]) && has_all(d->sim.nodes[i]);
    for (uint32_t i = 0; i < d->sc->expect_count && d->early_known; i++)
        if (d->sc->expects[i].what == EXPECT_EARLY)
            d->early[d->sc->expects[i].group] = sent_by(d, d->sc->expects[i].group);
}

static void
on_look(struct event *e)
{
    struct director *d = LIST_ENTRY(e, struct director, look);

    do_actions(d);
    do_stays(d);
    do_gauges(d);
    if (!d->early_known)
        note_early(d);
    if (mono_due(d->next_audit, d->sim.engine.now)) {
        check_audit(&d->sim);
        d->next_audit = mono_add_us(d->sim.engine.now, AUDIT_EVERY_US);
    }
    d->over = all_is_played(d);
    if (!d->over && elapsed_us(d) >= d->sc->limit_us) {
        judge_late(d);
        d->over = true;
    }
    if (!d->over)
        event_post_us(&d->sim.engine, e, LOOK_EVERY_US);
}

/* A play in which nothing comes to an end proves nothing. */
static void
judge_stuck(struct director *d, const struct result *r)
{
    if (r->wanted > 0 && r->complete == 0)
        sim_fail(&d->sim, "nobody is complete");
    for (unsigned i = 0; i < d->sim.count; i++)
        if (d->seats[i].group->stuck && has_all(d->sim.nodes[i]))
            sim_fail(&d->sim, "n%u is complete, and can't be", i);
}

static unsigned
count_running(const struct director *d)
{
    unsigned n = 0;

    for (unsigned i = 0; i < d->sim.count; i++)
        n += node_running(d->sim.nodes[i]);
    return n;
}

/* Everybody stops, and the world falls silent. */
static void
send_home(struct director *d)
{
    struct mono limit = mono_add_us(d->sim.engine.now, FAREWELL_US);
    bool clean = !d->tracker_was_down; /* else an announce of "stopped" may be lost */

    for (unsigned i = 0; i < d->sim.count; i++) {
        event_cancel(&d->sim.engine, &d->seats[i].event);
        node_set_side(d->sim.nodes[i], 0);
        /* A life that ended without a word may be listed still. */
        clean = clean && d->sim.nodes[i]->count.crashes == 0;
    }
    links_heal(&d->sim);
    for (unsigned i = 0; i < d->sim.count; i++)
        node_leave(d->sim.nodes[i]);
    while (count_running(d) > 0 && mono_before(d->sim.engine.now, limit) && !sim_failed(&d->sim))
        if (!engine_step(&d->sim.engine))
            break;
    if (count_running(d) > 0)
        sim_fail(&d->sim, "%u nodes don't stop", count_running(d));
    limit = mono_add_us(d->sim.engine.now, LINGER_US);
    while (!sim_failed(&d->sim) && mono_before(d->sim.engine.now, limit))
        if (!engine_step(&d->sim.engine))
            break;
    if (sim_failed(&d->sim))
        return;
    check_end(&d->sim);
    if (clean && sim_tracker_listed(d->sim.tracker) != 0)
        sim_fail(&d->sim, "the tracker lists %" PRIu64 " peers that said goodbye",
                 sim_tracker_listed(d->sim.tracker));
}

/* --- numbers --- */

static int
compare_times(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* The time of a node that was never connected is INT64_MAX. */
static void
measure_meetings(struct director *d, struct result *r)
{
    int64_t *times = sim_alloc(d->sim.count + 1, sizeof(*times));
    uint32_t count = 0;

    for (unsigned i = 0; i < d->sim.count; i++) {
        const struct node *n = d->sim.nodes[i];

        if (is_wanted(&d->seats[i]))
            times[count++] =
                n->met_at.us != INT64_MAX ? mono_diff_us(n->met_at, n->joined_at) : INT64_MAX;
    }
    qsort(times, count, sizeof(*times), compare_times);
    if (count > 0) {
        r->met_median_us = times[count / 2];
        r->met_last_us = times[count - 1];
    }
    free(times);
}

static void
measure_times(struct director *d, struct result *r)
{
    int64_t *times = sim_alloc(d->sim.count + 1, sizeof(*times));

    for (unsigned i = 0; i < d->sim.count; i++) {
        struct node *n = d->sim.nodes[i];

        r->wanted += is_wanted(&d->seats[i]);
        if (!is_wanted(&d->seats[i]) || n->complete_at.us == INT64_MAX)
            continue;
        times[r->complete++] = mono_diff_us(n->complete_at, n->joined_at);
        if (mono_diff_us(n->complete_at, d->begin) > r->took_us)
            r->took_us = mono_diff_us(n->complete_at, d->begin);
    }
    qsort(times, r->complete, sizeof(*times), compare_times);
    if (r->complete > 0) {
        r->first_us = times[0];
        r->median_us = times[r->complete / 2];
        r->last_us = times[r->complete - 1];
    }
    free(times);
}

static int64_t
time_for(uint64_t bytes, uint64_t rate)
{
    return rate > 0 ? (int64_t)(bytes * 1000 / rate) * 1000 : 0;
}

/* The one that holds, where 0 is none. */
static uint64_t
lower_rate(uint64_t a, uint64_t b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

/* No swarm can be faster than its seeds, its slowest line in, and all lines out together, if all
 * come at once. */
static int64_t
fluid_bound(const struct director *d)
{
    uint64_t size = d->sim.content->mi->total_size, seeds = 0, all = 0, count = 0;
    int64_t bound = 0;
    bool endless = false;

    for (unsigned i = 0; i < d->sim.count; i++) {
        const struct node *n = d->sim.nodes[i];
        uint64_t up = lower_rate(n->spec.line.up, n->spec.up_limit);
        uint64_t down = lower_rate(n->spec.line.down, n->spec.down_limit);

        if (!node_honest(n))
            continue;
        endless = endless || up == 0;
        all += up;
        seeds += node_began_whole(n) ? up : 0;
        count += is_wanted(&d->seats[i]);
        if (is_wanted(&d->seats[i]) && time_for(size, down) > bound)
            bound = time_for(size, down);
    }
    if (!endless && time_for(size, seeds) > bound)
        bound = time_for(size, seeds);
    if (!endless && time_for(size * count, all) > bound)
        bound = time_for(size * count, all);
    return bound;
}

static uint64_t
wasted(struct node *n)
{
    struct swarm_stats st;

    if (!node_running(n))
        return n->count.wasted;
    swarm_get_stats(n->swarm, &st, n->sim->engine.now);
    return n->count.wasted + st.wasted;
}

static void
measure(struct director *d, struct result *r)
{
    uint64_t waste = 0, got = 0, given = 0;

    measure_times(d, r);
    measure_meetings(d, r);
    r->bound_us = fluid_bound(d);
    for (unsigned i = 0; i < d->sim.count; i++) {
        struct node *n = d->sim.nodes[i];

        if (!node_honest(n))
            continue;
        waste += wasted(n);
        got += n->count.got;
        r->astray += n->count.astray;
        r->bans += n->count.notices[SWARM_NOTICE_BANNED];
        if (node_began_whole(n))
            given += n->count.sent;
    }
    r->waste_permille = got > 0 ? waste * 1000 / got : 0;
    r->copies_permille = given * 1000 / d->sim.content->mi->total_size;
}

static void
judge_expects(struct director *d, const struct result *r)
{
    for (uint32_t i = 0; i < d->sc->expect_count; i++) {
        const struct scenario_expect *x = &d->sc->expects[i];

        switch (x->what) {
        case EXPECT_COPIES:
            if (sent_by(d, x->group) > x->bound)
                sim_fail(&d->sim, "%s sent %" PRIu64 "/1000 copies", d->sc->groups[x->group].name,
                         sent_by(d, x->group));
            break;
        case EXPECT_EARLY:
            if (d->early[x->group] > x->bound)
                sim_fail(&d->sim, "%s sent %" PRIu64 "/1000 copies before anybody was complete",
                         d->sc->groups[x->group].name, d->early[x->group]);
            break;
        case EXPECT_RATIO:
            if ((uint64_t)r->last_us * 1000 > x->bound * (uint64_t)r->bound_us)
                sim_fail(&d->sim, "the last one took %" PRId64 " ms, and the bound is %" PRId64,
                         r->last_us / 1000, r->bound_us / 1000);
            break;
        case EXPECT_WASTE:
            if (r->waste_permille > x->bound)
                sim_fail(&d->sim, "%" PRIu64 "/1000 of what came was waste", r->waste_permille);
            break;
        case EXPECT_LAST:
            if (r->last_us > (int64_t)x->bound)
                sim_fail(&d->sim, "the last one took %" PRId64 " ms", r->last_us / 1000);
            break;
        case EXPECT_MET:
            if (r->met_last_us > (int64_t)x->bound)
                sim_fail(&d->sim, "the last one met a peer after %" PRId64 " ms",
                         r->met_last_us / 1000);
            break;
        case EXPECT_RATE: break; /* judged while it plays */
        case EXPECT_INPUTS:
            if (d->sim.inputs > x->bound)
                sim_fail(&d->sim, "it took %" PRIu64 " inputs", d->sim.inputs);
            break;
        case EXPECT_ASTRAY:
            if (r->astray > x->bound)
                sim_fail(&d->sim, "%" PRIu32 " dials went astray", r->astray);
            break;
        case EXPECT_BANNED:
            if (r->bans < x->bound)
                sim_fail(&d->sim, "only %" PRIu32 " bans", r->bans);
            break;
        }
    }
}

/* --- the play --- */

static void
seat_all(struct director *d)
{
    uint32_t k = 0;

    for (uint32_t g = 0; g < d->sc->group_count; g++) {
        const struct scenario_group *group = &d->sc->groups[g];

        for (uint32_t i = 0; i < group->count; i++, k++) {
            struct seat *t = &d->seats[k];
            int64_t at = group->join_us;

            *t = (struct seat){.d = d, .group = group, .node = sim_add(&d->sim, &group->spec)};
            if (group->share > 0)
                t->node->spec.share = &d->shares[group->share - 1];
            event_init(&t->event, on_seat);
            if (group->join_span_us > 0)
                at += (int64_t)(rng_u64(&d->sim.rng) % (uint64_t)group->join_span_us);
            event_post_us(&d->sim.engine, &t->event, at);
        }
    }
}

static void
play(struct director *d, struct result *res)
{
    d->begin = d->next_audit = d->sim.engine.now;
    for (uint32_t i = 0; i < d->sc->share_count; i++) {
        rate_bucket_init(&d->shares[i].up, d->sc->shares[i].up, d->begin);
        rate_bucket_init(&d->shares[i].down, d->sc->shares[i].down, d->begin);
    }
    make_gauges(d);
    event_init(&d->look, on_look);
    for (uint32_t i = 0; i < d->sc->action_count; i++)
        d->next_us[i] = d->sc->actions[i].at_us;
    /* The first look comes before the first peer: "at 0s" is before everything. */
    event_post_us(&d->sim.engine, &d->look, 0);
    seat_all(d);
    while (!d->over && !sim_failed(&d->sim) && engine_step(&d->sim.engine))
        ;
    event_cancel(&d->sim.engine, &d->look);
    if (!sim_failed(&d->sim))
        check_audit(&d->sim);
    measure(d, res);
    judge_stuck(d, res);
    judge_expects(d, res);
    if (!sim_failed(&d->sim))
        send_home(d);
}

static void
note_dht(const struct swarmdht *d, struct result *r)
{
    r->trace ^= d->net.trace;
    r->dht_datagrams = d->net.count.sent;
    r->dht_naming = d->naming;
}

int
director_play(const struct scenario *sc, uint64_t seed, FILE *trace, struct result *res,
              struct errbuf *eb)
{
    struct director *d = sim_alloc(1, sizeof(*d));
    struct content content;
    uint64_t seats = 0;
    int err;

    *res = (struct result){0};
    d->sc = sc;
    for (uint32_t i = 0; i < sc->group_count; i++)
        seats += sc->groups[i].count;
    err = content_init(&content, &sc->torrent, eb);
    if (err == 0 && (seats == 0 || seats > SIM_NODES_MAX))
        err = errbuf_set(eb, SPRAT_E_INVAL, "a play needs 1 to %d nodes", SIM_NODES_MAX);
    if (err == 0) {
        d->seats = sim_alloc(seats, sizeof(*d->seats));
        sim_init(&d->sim, &content, &sc->net, &sc->tracking, seed, trace);
        if (sc->dht.on)
            sim_add_dht(&d->sim, &sc->dht, (uint32_t)seats);
        play(d, res);
        memcpy(res->failure, d->sim.failure, sizeof(res->failure));
        res->trace = d->sim.trace.hash;
        if (d->sim.dht != NULL)
            note_dht(d->sim.dht, res);
        res->inputs = d->sim.inputs;
        for (uint64_t i = 0; i < seats; i++)
            event_cancel(&d->sim.engine, &d->seats[i].event);
        sim_fini(&d->sim);
        free(d->seats);
        free(d->gauges);
    }
    content_fini(&content);
    free(d);
    return err;
}
