/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Opens and closes the data that all loops share, and has the directory: a hash table under a
 * mutex.
 */
#include "peer/engine/process.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/crypto/random.h"
#include "common/sys/clock.h"
#include "common/sys/fdlimit.h"
#include "common/sys/file.h"
#include "peer/engine/authorities.h"
#include "peer/engine/engine_impl.h"

static bool
key_matches(const struct hashmap_node *node, const void *key, size_t len)
{
    return memcmp(LIST_ENTRY(node, struct hash_key, node)->hash, key, len) == 0;
}

/* Content, locks and the database need descriptors too: connections must not starve them. */
static uint32_t
conns_max(uint32_t wanted)
{
    uint32_t half = fdlimit_raise(ENGINE_FILES_MAX) / 2;
    uint32_t most = half < ENGINE_CONNS_MAX ? half : ENGINE_CONNS_MAX;

    return wanted > 0 && wanted < most ? wanted : most;
}

/* Reads the stored bans, before the process listens. */
static int
load_bans(struct process *h, struct errbuf *eb)
{
    struct state_ban *all = calloc(STATE_BANS_MAX, sizeof(*all)), *used;
    int64_t now = clock_unix();
    int n;

    if (all == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    n = state_load_bans(h->shared.state, now, now + BANS_MS / 1000, all, eb);
    if (n <= 0) {
        free(all);
        return n;
    }
    used = realloc(all, (size_t)n * sizeof(*all));
    h->bans = used != NULL ? used : all;
    h->ban_count = (size_t)n;
    return 0;
}

int
process_new(const struct engine_config *cfg, uint32_t loops, struct process **out,
            struct errbuf *eb)
{
    struct disk_options opt = {0};
    struct process *h = calloc(1, sizeof(*h));
    uint64_t seed[2];
    int err;

    ASSERT(loops > 0 && loops <= ENGINE_LOOPS_MAX);
    if (h == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    lock_init(&h->lock);
    roombook_init(&h->shared.room);
    if (cfg->log != NULL)
        h->shared.log = *cfg->log;
    h->shared.loops = loops;
    h->shared.peers_max = cfg->peers_max;
    h->shared.rest_ms = cfg->rest_ms > 0 ? cfg->rest_ms : ENGINE_REST_MS;
    h->shared.no_pex = cfg->no_pex;
    h->conns.max = conns_max(cfg->conns_max);
    random_bytes(seed, sizeof(seed));
    process_conns_init(h, seed);
    hashmap_init(&h->by_hash, seed, key_matches);
    h->shared.gate = tracker_gate_new();
    err = h->shared.gate != NULL ? authorities_find(cfg->ca_file, &h->ca_file, eb)
                                 : errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    if (err == 0)
        err = disk_new(&opt, &h->shared.disk, eb);
    if (err == 0)
        err = state_open(cfg->state_dir, cfg->program, &h->shared.state, eb);
    if (err == 0)
        err = load_bans(h, eb);
    if (err != 0) {
        process_quiet(h);
        process_free(h);
        return err;
    }
    *out = h;
    return 0;
}

void
process_quiet(struct process *h)
{
    state_close(h->shared.state);
    disk_free(h->shared.disk);
    h->shared.state = NULL;
    h->shared.disk = NULL;
}

void
process_free(struct process *h)
{
    if (h == NULL)
        return;
    ASSERT(h->shared.state == NULL && h->shared.disk == NULL && h->torrents == 0);
    hashmap_fini(&h->by_hash);
    process_conns_fini(h);
    tracker_gate_free(h->shared.gate);
    roombook_fini(&h->shared.room);
    lock_fini(&h->lock);
    free(h->bans);
    free(h->ca_file);
    free(h);
}

/* --- the directory --- */

/* The lock is held, here and below. */
static struct torrent *
find(const struct process *h, const uint8_t *hash)
{
    struct hashmap_node *node = hashmap_find(&h->by_hash, hash, TRACKER_HASH_LEN);

    return node != NULL ? LIST_ENTRY(node, struct hash_key, node)->torrent : NULL;
}

static void
remove_keys(struct process *h, struct torrent *t)
{
    for (int i = 0; i < 2; i++)
        if (t->keys[i].hash != NULL)
            hashmap_remove(&h->by_hash, &t->keys[i].node);
    t->keys[0].hash = t->keys[1].hash = NULL;
}

static int
add_key(struct process *h, struct torrent *t, int i)
{
    const uint8_t *hash = i == 1 ? t->facts.id.v2 : t->facts.id.v1;

    if (find(h, hash) != NULL)
        return SPRAT_E_EXISTS;
    if (hashmap_add(&h->by_hash, &t->keys[i].node, hash, TRACKER_HASH_LEN) != 0)
        return SPRAT_E_NOMEM;
    t->keys[i].hash = hash;
    t->keys[i].torrent = t;
    return 0;
}

static int
add_keys(struct process *h, struct torrent *t)
{
    int err = 0;

    if (t->facts.id.has_v1)
        err = add_key(h, t, 0);
    if (err == 0 && t->facts.id.has_v2)
        err = add_key(h, t, 1);
    if (err != 0)
        remove_keys(h, t);
    return err;
}

static int
enter(struct process *h, struct torrent *t)
{
    int err = h->torrents < ENGINE_TORRENTS_MAX ? add_keys(h, t) : SPRAT_E_LIMIT;

    if (err != 0)
        return err;
    t->serial = ++h->serials;
    h->torrents++;
    h->torrents_of[t->env->index]++;
    return 0;
}

int
process_enter(struct process *h, struct torrent *t)
{
    int err;

    lock_take(&h->lock);
    err = enter(h, t);
    lock_drop(&h->lock);
    return err;
}

static void
exchange(struct torrent *t, struct torrent_facts *facts)
{
    struct torrent_facts old = t->facts;

    t->facts = *facts;
    *facts = old;
}

int
process_exchange_facts(struct process *h, struct torrent *t, struct torrent_facts *facts)
{
    int err;

    lock_take(&h->lock);
    remove_keys(h, t);
    exchange(t, facts);
    err = add_keys(h, t);
    if (err != 0) {
        remove_keys(h, t);
        exchange(t, facts);
        ASSERT(add_keys(h, t) == 0); /* there was room for them before */
    }
    lock_drop(&h->lock);
    return err;
}

void
process_leave(struct process *h, struct torrent *t)
{
    lock_take(&h->lock);
    remove_keys(h, t);
    ASSERT(h->torrents > 0 && h->torrents_of[t->env->index] > 0);
    h->torrents--;
    h->torrents_of[t->env->index]--;
    lock_drop(&h->lock);
}

bool
process_is_full(struct process *h)
{
    bool full;

    lock_take(&h->lock);
    full = h->torrents >= ENGINE_TORRENTS_MAX;
    lock_drop(&h->lock);
    return full;
}

struct torrent *
process_find(struct process *h, const uint8_t *hash, struct engine **owner)
{
    struct torrent *t;

    lock_take(&h->lock);
    t = find(h, hash);
    if (owner != NULL)
        *owner = t != NULL ? engine_of(t) : NULL;
    lock_drop(&h->lock);
    return t;
}

struct listing {
    uint32_t loop;
    struct process_known *all;
    size_t count, cap;
};

/* A torrent's facts change only under the lock, while the torrent is in the directory. */
static void
list_key(void *ctx, struct hashmap_node *node)
{
    struct listing *l = ctx;
    struct hash_key *key = LIST_ENTRY(node, struct hash_key, node);
    const struct torrent *t = key->torrent;
    const struct torrent_facts *f = &t->facts;
    char *name;

    if (t->env->index != l->loop || l->count == l->cap ||
        key != &t->keys[t->keys[0].hash != NULL ? 0 : 1])
        return;
    name = strdup(f->name);
    if (name != NULL)
        l->all[l->count++] = (struct process_known){
            .serial = t->serial, .name = name, .id = f->id, .total_size = f->total_size};
}

static int
by_serial(const void *a, const void *b)
{
    const struct process_known *x = a, *y = b;

    return x->serial < y->serial ? -1 : x->serial > y->serial;
}

struct process_known *
process_list(struct process *h, uint32_t loop, size_t *count)
{
    struct listing l = {.loop = loop};

    lock_take(&h->lock);
    l.cap = h->torrents_of[loop];
    l.all = calloc(l.cap + 1, sizeof(*l.all));
    if (l.all != NULL)
        (void)hashmap_walk(&h->by_hash, 0, SIZE_MAX, list_key, &l);
    lock_drop(&h->lock);
    if (l.count > 0)
        qsort(l.all, l.count, sizeof(*l.all), by_serial);
    *count = l.count;
    return l.all;
}

void
process_known_free(struct process_known *known, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(known[i].name);
    free(known);
}

struct engine *
process_pick(struct process *h)
{
    uint32_t best = 0;

    lock_take(&h->lock);
    for (uint32_t i = 1; i < h->shared.loops; i++)
        if (h->torrents_of[i] < h->torrents_of[best])
            best = i;
    lock_drop(&h->lock);
    return h->engines[best];
}
