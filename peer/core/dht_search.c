/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Searches stand in two heaps by the time of their next round, hungry ones apart. A search never
 * leaves its heap, so that nothing allocates after its start.
 */
#include "peer/core/dht_search.h"

#include <stdlib.h>

#include "common/base/err.h"
#include "peer/core/dht_out.h"

bool
search_matches(const struct hashmap_node *node, const void *key, size_t len)
{
    (void)len;
    return memcmp(&LIST_ENTRY(node, struct dht_search, by_id)->spec.id, key, sizeof(uint64_t)) == 0;
}

/* Sets the next round. The search is in its heap already, so the heap allocates nothing. */
static void
set_due(struct dht *d, struct dht_search *s, struct mono at)
{
    (void)heap_set(&d->heaps[s->spec.hungry], &s->due, at);
}

static struct dht_search *
find(struct dht *d, uint64_t id)
{
    struct hashmap_node *node = hashmap_find(&d->by_id, &id, sizeof(id));

    return node != NULL ? LIST_ENTRY(node, struct dht_search, by_id) : NULL;
}

static int
search_new(struct dht *d, const struct dht_search_spec *spec, struct mono now)
{
    struct dht_search *s;
    int err = SPRAT_E_NOMEM;

    if (d->searches.count >= DHT_SEARCHES_MAX)
        return SPRAT_E_LIMIT;
    s = calloc(1, sizeof(*s));
    if (s == NULL)
        return SPRAT_E_NOMEM;
    s->spec = *spec;
    s->lookup = DHT_NO_LOOKUP;
    s->ended.us = INT64_MIN / 2;
    list_init(&s->finished);
    s->slot = slotmap_add(&d->searches, s);
    if (s->slot == SLOT_NONE)
        goto fail_slot;
    err = hashmap_add(&d->by_id, &s->by_id, &s->spec.id, sizeof(s->spec.id));
    if (err != 0)
        goto fail_add;
    heap_node_init(&s->due, s->slot);
    err = heap_set(&d->heaps[spec->hungry], &s->due, now);
    if (err != 0)
        goto fail_heap;
    return 0;

fail_heap:
    hashmap_remove(&d->by_id, &s->by_id);
fail_add:
    slotmap_remove(&d->searches, s->slot);
fail_slot:
    free(s);
    return err;
}

/* Frees a lookup and forgets its queries, but for announces. */
static void
job_end(struct dht *d, uint8_t job)
{
    dht_queries_forget_lookup(&d->queries, job);
    if (d->jobs[job].search != NULL)
        d->jobs[job].search->lookup = DHT_NO_LOOKUP;
    d->jobs[job].used = false;
}

/* Moves the search into the other heap. */
static int
set_hungry(struct dht *d, struct dht_search *s, bool hungry, struct mono now)
{
    struct heap_node moved = s->due;
    int err;

    heap_remove(&d->heaps[s->spec.hungry], &s->due);
    err = heap_set(&d->heaps[hungry], &s->due, moved.at);
    if (err != 0) {
        (void)heap_set(&d->heaps[s->spec.hungry], &s->due, moved.at);
        return err;
    }
    s->spec.hungry = hungry;
    s->tries = 0;
    if (hungry && s->lookup == DHT_NO_LOOKUP)
        set_due(d, s, mono_max(now, mono_add_ms(s->ended, DHT_SEARCH_GAP_MS)));
    return 0;
}

int
search_start(struct dht *d, const struct dht_search_spec *spec, struct mono now)
{
    struct dht_search *s = find(d, spec->id);
    int err;

    if (s != NULL && !dht_id_equal(s->spec.info_hash, spec->info_hash)) {
        search_stop(d, spec->id);
        s = NULL;
    }
    if (s == NULL)
        return search_new(d, spec, now);
    if (s->spec.hungry != spec->hungry) {
        err = set_hungry(d, s, spec->hungry, now);
        if (err != 0)
            return err;
    }
    if (spec->port != s->spec.port && spec->port != 0 && s->lookup == DHT_NO_LOOKUP)
        set_due(d, s, mono_max(now, mono_add_ms(s->ended, DHT_SEARCH_GAP_MS)));
    s->spec.port = spec->port;
    s->spec.seed = spec->seed;
    return 0;
}

static void
search_free(struct dht *d, struct dht_search *s)
{
    if (s->lookup != DHT_NO_LOOKUP)
        job_end(d, s->lookup);
    list_remove(&s->finished);
    heap_remove(&d->heaps[s->spec.hungry], &s->due);
    hashmap_remove(&d->by_id, &s->by_id);
    slotmap_remove(&d->searches, s->slot);
    free(s);
}

void
search_stop(struct dht *d, uint64_t id)
{
    struct dht_search *s = find(d, id);

    if (s == NULL)
        return;
    dht_queries_forget_announces(&d->queries, s->spec.info_hash);
    if (d->out.peers_count > 0 && d->out.peers_search == id)
        d->out.peers_count = 0;
    search_free(d, s);
}

void
search_free_all(struct dht *d)
{
    struct dht_search *s;
    uint32_t iter = 0;

    while ((s = slotmap_next(&d->searches, &iter)) != NULL)
        search_free(d, s);
}

bool
search_can_start(const struct dht *d)
{
    return d->up && (d->table.count > 0 || d->pool.count > 0);
}

/* Gives the lookup the nodes that we know: those of the table first, then unproven ones. */
static void
add_seeds(struct dht *d, struct dht_lookup *l, struct mono now)
{
    const struct dht_contact *pooled[DHT_CLOSEST * 3];
    const struct dht_node *nodes[DHT_CLOSEST * 2];
    size_t count = dht_table_closest(&d->table, l->target, nodes, DHT_CLOSEST * 2, false, now);

    for (size_t i = 0; i < count; i++)
        if (nodes[i]->failures == 0)
            dht_lookup_add(l, nodes[i]->id, &nodes[i]->addr, DHT_CANDIDATE_NONE);
    count = dht_pool_closest(&d->pool, l->target, pooled, DHT_CLOSEST * 3);
    for (size_t i = 0; i < count; i++) {
        bool known = !dht_id_is_zero(pooled[i]->id);

        if (known || l->count < DHT_CLOSEST)
            dht_lookup_add(l, known ? pooled[i]->id : NULL, &pooled[i]->addr, DHT_CANDIDATE_NONE);
    }
    for (size_t i = 0; l->count == 0 && i < d->table.count && i < DHT_CLOSEST; i++)
        dht_lookup_add(l, nodes[i]->id, &nodes[i]->addr, DHT_CANDIDATE_NONE);
}

/* A free lookup, or DHT_NO_LOOKUP if |max| are under way. */
static uint8_t
free_job(const struct dht *d, unsigned max)
{
    uint8_t found = DHT_NO_LOOKUP;
    unsigned used = 0;

    for (uint8_t i = 0; i < DHT_LOOKUPS_MAX; i++) {
        used += d->jobs[i].used;
        if (!d->jobs[i].used && found == DHT_NO_LOOKUP)
            found = i;
    }
    return used < max ? found : DHT_NO_LOOKUP;
}

static void
job_begin(struct dht *d, uint8_t job, struct dht_search *s, const uint8_t *target, struct mono now)
{
    struct dht_job *j = &d->jobs[job];

    j->used = true;
    j->search = s;
    dht_lookup_init(&j->lookup, target, d->size.radius);
    add_seeds(d, &j->lookup, now);
    if (s != NULL) {
        s->lookup = job;
        set_due(d, s, MONO_NEVER);
    }
    search_go_on(d, job, now);
}

bool
search_for_table(struct dht *d, const uint8_t target[DHT_ID_LEN], struct mono now)
{
    uint8_t job = search_can_start(d) ? free_job(d, DHT_LOOKUPS_MAX) : DHT_NO_LOOKUP;

    if (job == DHT_NO_LOOKUP)
        return false;
    job_begin(d, job, NULL, target, now);
    return true;
}

bool
search_keeps_table(const struct dht *d)
{
    for (unsigned i = 0; i < DHT_LOOKUPS_MAX; i++)
        if (d->jobs[i].used && d->jobs[i].search == NULL)
            return true;
    return false;
}

bool
search_is_hungry(const struct dht *d)
{
    for (unsigned i = 0; i < DHT_LOOKUPS_MAX; i++) {
        const struct dht_job *j = &d->jobs[i];

        if (j->used && j->search != NULL && j->search->spec.hungry && j->lookup.peers == 0)
            return true;
    }
    return false;
}

static void
announce_to(struct dht *d, const struct dht_search *s, const struct dht_candidate *c)
{
    struct dht_query *q = out_ask(d, DHT_ASK_ANNOUNCE, &c->addr, c->id);

    if (q == NULL)
        return;
    q->seed = s->spec.seed;
    q->port = s->spec.port;
    q->token_len = c->token_len;
    memcpy(q->token, c->token, c->token_len);
    memcpy(q->target, s->spec.info_hash, DHT_ID_LEN);
}

static uint32_t
announce(struct dht *d, const struct dht_search *s, const struct dht_lookup *l)
{
    uint8_t closest[DHT_CLOSEST_FAR];
    size_t count = s->spec.port != 0 ? dht_lookup_closest(l, closest) : 0;

    for (size_t i = 0; i < count; i++)
        announce_to(d, s, &l->candidates[closest[i]]);
    return (uint32_t)count;
}

/* The time until the next round. */
static int64_t
pause_ms(struct dht *d, const struct dht_search *s)
{
    static const int64_t steps_ms[] = {5000, 15000, 60000, 120000, 300000};
    int64_t steady = DHT_ANNOUNCE_MS - (int64_t)rng_below(&d->rng, DHT_ANNOUNCE_JITTER_MS);
    unsigned try = s->tries > 0 ? s->tries - 1u : 0;

    if (s->rounds == 1 && s->announces > 0 && d->size.radius == 0 && d->table.count >= DHT_K)
        steady = DHT_SEARCH_SOON_MS;
    if ((!s->spec.hungry && (s->spec.port == 0 || s->announces > 0)) ||
        try >= sizeof(steps_ms) / sizeof(steps_ms[0]))
        return steady;
    return steps_ms[s->spec.hungry && s->peers > 0 && try < 2 ? 2 : try];
}

static int
compare_u64(const void *a, const void *b)
{
    uint64_t x, y;

    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return (x > y) - (x < y);
}

/* A lookup of a target of ours showed how dense the DHT is. */
static void
learn_size(struct dht_size *z, uint64_t reach)
{
    uint64_t sorted[DHT_REACHES];

    if (reach == 0)
        return;
    z->reaches[z->turn] = reach;
    z->turn = (z->turn + 1) % DHT_REACHES;
    z->count += z->count < DHT_REACHES;
    memcpy(sorted, z->reaches, sizeof(sorted));
    qsort(sorted, z->count, sizeof(sorted[0]), compare_u64);
    z->radius = sorted[z->count / 2];
}

static void
search_ended(struct dht *d, struct dht_search *s, const struct dht_lookup *l, struct mono now)
{
    s->ended = now;
    s->rounds++;
    if (s->tries < UINT8_MAX)
        s->tries++;
    s->peers = l->peers;
    s->queries = l->queries;
    s->announces = announce(d, s, l);
    set_due(d, s, mono_add_ms(now, pause_ms(d, s)));
    list_remove(&s->finished);
    list_push_back(&d->finished, &s->finished);
}

static bool
is_over(const struct dht_job *j)
{
    if (j->search != NULL && j->search->spec.port == 0 && j->lookup.peers >= DHT_PEERS_ENOUGH)
        return true;
    return dht_lookup_is_over(&j->lookup);
}

/* Asks one candidate. False if too many queries are under way: the lookup goes on later. */
static bool
ask(struct dht *d, uint8_t job, uint8_t candidate)
{
    struct dht_job *j = &d->jobs[job];
    struct dht_candidate *c = &j->lookup.candidates[candidate];
    struct dht_query *q;

    if (d->queries.count >= DHT_QUERIES_MAX)
        return false;
    q = out_ask(d, j->search != NULL ? DHT_ASK_GET_PEERS : DHT_ASK_FIND_NODE, &c->addr,
                c->has_id ? c->id : NULL);
    dht_lookup_asked(&j->lookup, candidate);
    if (q == NULL) {
        dht_lookup_failed(&j->lookup, candidate);
        return true;
    }
    dht_pool_asked(&d->pool, &c->addr);
    q->lookup = job;
    q->candidate = candidate;
    q->seed = j->search != NULL && j->search->spec.seed;
    memcpy(q->target, j->lookup.target, DHT_ID_LEN);
    return true;
}

void
search_go_on(struct dht *d, uint8_t job, struct mono now)
{
    struct dht_job *j = &d->jobs[job];
    uint8_t next;

    while (!is_over(j) && (next = dht_lookup_next(&j->lookup)) != DHT_CANDIDATE_NONE)
        if (!ask(d, job, next))
            return;
    if (!is_over(j))
        return;
    if (j->search != NULL)
        search_ended(d, j->search, &j->lookup, now);
    else
        learn_size(&d->size, dht_lookup_reach(&j->lookup));
    job_end(d, job);
}

/* The first search of a heap if it is due. */
static struct dht_search *
first_due(const struct dht *d, bool hungry, struct mono now)
{
    struct heap_node *first = heap_first(&d->heaps[hungry]);

    if (first == NULL || !mono_due(first->at, now))
        return NULL;
    return LIST_ENTRY(first, struct dht_search, due);
}

void
search_run(struct dht *d, struct mono now)
{
    for (uint8_t i = 0; i < DHT_LOOKUPS_MAX; i++)
        if (d->jobs[i].used)
            search_go_on(d, i, now);
    for (int hungry = 1; hungry >= 0 && search_can_start(d); hungry--) {
        struct dht_search *s;
        uint8_t job;

        while ((s = first_due(d, hungry, now)) != NULL) {
            job = free_job(d, hungry ? DHT_LOOKUPS_MAX : DHT_LOOKUPS_FULL_MAX);
            if (job == DHT_NO_LOOKUP)
                break;
            job_begin(d, job, s, s->spec.info_hash, now);
        }
    }
}

void
search_offer(struct dht *d, const struct dht_contact *c, struct mono now)
{
    const uint8_t *id = dht_id_is_zero(c->id) ? NULL : c->id;

    for (uint8_t i = 0; i < DHT_LOOKUPS_MAX; i++) {
        if (!d->jobs[i].used || d->jobs[i].lookup.answered > 0)
            continue;
        dht_lookup_add(&d->jobs[i].lookup, id, &c->addr, DHT_CANDIDATE_NONE);
        search_go_on(d, i, now);
    }
}

void
search_abort_all(struct dht *d, struct mono now)
{
    for (uint8_t i = 0; i < DHT_LOOKUPS_MAX; i++) {
        if (!d->jobs[i].used)
            continue;
        if (d->jobs[i].search != NULL)
            set_due(d, d->jobs[i].search, now);
        job_end(d, i);
    }
}

void
search_hurry(struct dht *d, struct mono now)
{
    struct dht_search *s;
    uint32_t iter = 0;

    while ((s = slotmap_next(&d->searches, &iter)) != NULL) {
        if (!s->spec.hungry)
            continue;
        s->tries = 0;
        if (s->lookup == DHT_NO_LOOKUP)
            set_due(d, s, now);
    }
}

bool
search_next_fx(struct dht *d, struct dht_effect *fx)
{
    struct list *link = list_pop_front(&d->finished);
    struct dht_search *s;

    if (link == NULL)
        return false;
    s = LIST_ENTRY(link, struct dht_search, finished);
    *fx = (struct dht_effect){.type = DHT_FX_SEARCHED,
                              .u.searched = {.search = s->spec.id,
                                             .peers = s->peers,
                                             .queries = s->queries,
                                             .announces = s->announces,
                                             .again = s->due.at}};
    return true;
}

struct mono
search_expiry(const struct dht *d)
{
    struct mono at = MONO_NEVER;

    for (unsigned hungry = 0; hungry < 2 && search_can_start(d); hungry++) {
        struct heap_node *first = heap_first(&d->heaps[hungry]);

        if (first != NULL &&
            free_job(d, hungry ? DHT_LOOKUPS_MAX : DHT_LOOKUPS_FULL_MAX) != DHT_NO_LOOKUP)
            at = mono_min(at, first->at);
    }
    return at;
}
