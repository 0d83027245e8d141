/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The course of a run, and its measures.
 */
#include "tests/sim/dhtplay.h"

#include <math.h>
#include <stdlib.h>

#include "common/base/assert.h"
#include "common/ds/list.h"

enum {
    AWAY_US = 60000000,  /* a host that left comes back so long after, on average */
    FRESH_US = 60000000, /* a host announces or searches at the earliest so long after joining */
    SEARCH_MAX_US = 60000000, /* a search that has not ended then has failed */
};

struct play {
    struct dhtnet net; /* must be the first member */
    struct engine engine;
    struct event torrents, searches;
    struct dhtplay_result *result;
    uint32_t *queries, *first_ms;
    uint32_t cap;
};

static int64_t
random_us(struct dhtnet *net, int64_t below_us)
{
    return (int64_t)(rng_u64(&net->rng) % (uint64_t)below_us);
}

/* A time after which half of all hosts have left, if each takes one. */
static int64_t
lifetime_us(struct dhtnet *net)
{
    double part = (rng_u32(&net->rng) + 1.0) / 4294967297.0;

    return (int64_t)(-log2(part) * (double)net->spec.half_life_us);
}

static void
on_churn(struct event *e)
{
    struct dhthost *h = LIST_ENTRY(e, struct dhthost, churn);
    struct dhtnet *net = h->net;

    if (h->rogue != DHTROGUE_NONE) {
        dhtrogue_join(h);
        return;
    }
    if (h->up) {
        dhthost_leave(h);
        event_post_us(net->engine, &h->churn, random_us(net, 2 * (int64_t)AWAY_US));
        return;
    }
    h->addr = dhtnet_new_address(net);
    h->delay_us = dhtnet_new_delay_us(net);
    h->search.torrent = 0;
    dhthost_join(h, NULL);
    if (net->spec.half_life_us > 0 && h->index >= net->spec.bootstraps)
        event_post_us(net->engine, &h->churn, lifetime_us(net));
}

static enum dhtrogue
rogue_of(const struct dhtnet_spec *s, uint32_t index)
{
    uint32_t hostile = (uint32_t)((uint64_t)s->nodes * s->hostile_percent / 100);

    if (index >= s->nodes - s->attackers)
        return DHTROGUE_ECLIPSE;
    if (index < s->nodes - s->attackers - hostile)
        return DHTROGUE_NONE;
    return s->rogue != DHTROGUE_NONE ? s->rogue : 1 + index % (DHTROGUE_ECLIPSE - 1);
}

/* Attackers join last, the host with the highest number first: dhtrogue.c derives their addresses
 * in that order. */
static void
hosts_init(struct dhtnet *net)
{
    for (uint32_t i = net->spec.nodes; i-- > 0;) {
        struct dhthost *h = &net->hosts[i];
        int64_t at_us = random_us(net, net->spec.join_us);

        h->net = net;
        h->index = i;
        h->rogue = rogue_of(&net->spec, i);
        h->user = &dhtseek_user;
        if (i < net->spec.bootstraps)
            at_us = i;
        if (h->rogue == DHTROGUE_ECLIPSE)
            at_us = net->spec.join_us + (net->spec.nodes - i);
        event_init(&h->churn, on_churn);
        event_post_us(net->engine, &h->churn, at_us);
    }
}

static bool
is_settled(const struct dhthost *h)
{
    return h->up && h->rogue == DHTROGUE_NONE &&
           mono_diff_us(h->net->engine->now, h->up_at) >= FRESH_US;
}

static struct dhthost *
settled_host(struct dhtnet *net)
{
    for (unsigned i = 0; i < 1000; i++) {
        struct dhthost *h = dhtnet_random_host(net);

        if (is_settled(h))
            return h;
    }
    return NULL;
}

static bool
torrent_is_there(const struct dhtnet *net, const struct dhtnet_torrent *t)
{
    return t->lives > 0 && net->hosts[t->host].up && net->hosts[t->host].lives == t->lives;
}

/* Each torrent whose host has left is announced by another host. */
static void
on_torrents(struct event *e)
{
    struct play *p = LIST_ENTRY(e, struct play, torrents);
    struct dhtnet *net = &p->net;

    event_post_us(net->engine, e, 1000000);
    for (uint32_t i = 0; i < net->spec.torrents; i++) {
        struct dhtnet_torrent *t = &net->torrents[i];
        struct dhthost *h = torrent_is_there(net, t) ? NULL : settled_host(net);

        if (h == NULL)
            continue;
        t->host = h->index;
        t->lives = h->lives;
        t->announced = false;
        dhtseek_announce(h, i);
    }
}

/* A search that takes too long, or whose host has no node, ends without a result. */
static void
end_late_searches(struct dhtnet *net)
{
    for (uint32_t i = 0; i < net->spec.nodes; i++) {
        struct dhthost *h = &net->hosts[i];

        if (h->up && h->search.torrent != 0 &&
            mono_diff_us(net->engine->now, h->search.began) >= SEARCH_MAX_US)
            dhtseek_end(h, 0);
    }
}

static void
on_searches(struct event *e)
{
    struct play *p = LIST_ENTRY(e, struct play, searches);
    struct dhtnet *net = &p->net;
    uint32_t torrent = rng_below(&net->rng, net->spec.torrents);
    struct dhthost *h = settled_host(net);

    event_post_us(net->engine, e, net->spec.search_us);
    end_late_searches(net);
    if (h == NULL || h->search.torrent != 0 || !net->torrents[torrent].announced ||
        !torrent_is_there(net, &net->torrents[torrent]) || net->torrents[torrent].host == h->index)
        return;
    dhtseek_search(h, torrent);
}

static void
on_search_end(struct dhtnet *net, struct dhthost *h, uint32_t queries)
{
    struct play *p = LIST_ENTRY(net, struct play, net);
    const struct dhtnet_torrent *t = &net->torrents[h->search.torrent - 1];
    struct dhtplay_result *r = p->result;

    if (!torrent_is_there(net, t) || t->lives != h->search.seeds || r->searches == p->cap)
        return;
    if (h->search.found)
        p->first_ms[r->found++] = (uint32_t)mono_diff_ms(h->search.found_at, h->search.began);
    p->queries[r->searches++] = queries;
}

static int
compare(const void *x, const void *y)
{
    uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;

    return (a > b) - (a < b);
}

/* The value below which |percent| of the values are. */
static uint32_t
quantile(uint32_t *values, uint32_t count, uint32_t percent)
{
    if (count == 0)
        return 0;
    qsort(values, count, sizeof(*values), compare);
    return values[(uint64_t)(count - 1) * percent / 100];
}

static double
mean_of_tables(struct dhtnet *net)
{
    uint64_t nodes = 0, hosts = 0;

    for (uint32_t i = 0; i < net->spec.nodes; i++) {
        struct dht_stats st;

        if (!net->hosts[i].up || net->hosts[i].core == NULL)
            continue;
        dht_get_stats(net->hosts[i].core, &st, net->engine->now);
        nodes += st.nodes;
        hosts++;
    }
    return (double)nodes / (double)hosts;
}

void
dhtplay(const struct dhtnet_spec *spec, struct dhtplay_result *result)
{
    struct play *p = sim_alloc(1, sizeof(*p));
    struct dhtnet *net = &p->net;
    struct mono end;

    *result = (struct dhtplay_result){.searches = 0};
    engine_init(&p->engine);
    dhtnet_init(net, spec, &p->engine);
    net->on_search_end = on_search_end;
    p->result = result;
    p->cap = (uint32_t)(spec->duration_us / spec->search_us) + 1;
    p->queries = sim_alloc(p->cap, sizeof(*p->queries));
    p->first_ms = sim_alloc(p->cap, sizeof(*p->first_ms));
    hosts_init(net);
    event_init(&p->torrents, on_torrents);
    event_init(&p->searches, on_searches);
    event_post_us(net->engine, &p->torrents, spec->join_us);
    event_post_us(net->engine, &p->searches, spec->join_us + FRESH_US);
    end = mono_add_us(net->engine->now, spec->join_us + spec->duration_us);
    while (mono_before(net->engine->now, end) && engine_step(net->engine))
        ;
    result->queries_median = quantile(p->queries, result->searches, 50);
    result->queries_p90 = quantile(p->queries, result->searches, 90);
    result->first_ms_median = quantile(p->first_ms, result->found, 50);
    result->nodes_mean = mean_of_tables(net);
    result->count = net->count;
    result->trace = net->trace;
    event_cancel(net->engine, &p->torrents);
    event_cancel(net->engine, &p->searches);
    dhtnet_fini(net);
    engine_fini(&p->engine);
    free(p->first_ms);
    free(p->queries);
    free(p);
}
