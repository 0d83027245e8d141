/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A mark in the list of swarms separates those that were written from the others, and moves from
 * the front to the back, so that swarms may be added, removed and swept meanwhile. A sweep moves a
 * swarm to the back, behind the mark; a swarm that was written already is skipped there.
 */
#include "tracker/core/snapshot.h"

#include <string.h>

#include "common/base/err.h"
#include "common/codec/compact.h"

enum {
    SWARM_LEN = 40,
    META_LEN = 6,
    PEER_MAX = COMPACT_V6_LEN + META_LEN + PEERSET_ID_LEN,
    RECORD_PEERS = 1024,       /* maximum in a record; other versions of the program wrote more */
    STEPS_MAX = 4096,          /* swarms that are written or skipped in one portion */
    SAVES_MAX = (1 << 24) - 1, /* the largest number that a swarm can store; 0 is none */
};

static const uint8_t magic[8] = "SPRTSWM1";

_Static_assert(SWARM_LEN + RECORD_PEERS * PEER_MAX <= SNAPSHOT_PORTION_MAX - SNAPSHOT_PORTION,
               "a record fits into what a portion may have beyond its size");
_Static_assert((int)SNAPSHOT_ITEM_MAX >= SWARM_LEN && (int)SNAPSHOT_ITEM_MAX >= PEER_MAX,
               "an item is a swarm or a peer");

void
snapshot_put_head(const struct swarms *s, struct buf *out, int64_t unix_s)
{
    buf_put(out, magic, sizeof(magic));
    buf_put_u64(out, (uint64_t)unix_s);
    buf_put_u64(out, s->env.seed[0]);
    buf_put_u64(out, s->env.seed[1]);
    buf_put_u8(out, s->env.form.keeps_ids);
}

void
snapshot_begin(struct swarms *s)
{
    list_remove(&s->saved);
    list_push_front(&s->by_sweep, &s->saved);
    s->saving = NULL;
    s->save = s->save % SAVES_MAX + 1;
}

/* Appends the peers from position |from| up to |end|. */
static void
put_peers(struct buf *out, const struct peerset *set, uint32_t from, uint32_t end, uint16_t now_s)
{
    uint8_t id[PEERSET_ID_LEN];

    for (uint32_t pos = from; pos < end; pos++) {
        buf_put(out, peerset_key(set, pos), set->key_len);
        buf_put_u16(out, (uint16_t)(now_s - peerset_seen(set, pos)));
        buf_put_u32(out, peerset_tag(set, pos) | peerset_flags(set, pos));
        if (set->id_len > 0) {
            peerset_get_id(set, pos, id);
            buf_put(out, id, sizeof(id));
        }
    }
}

/* Appends how many of these are seeders, which come first, and how many are leechers. */
static void
put_counts(struct buf *out, const struct peerset *set, uint32_t from, uint32_t end)
{
    uint32_t seeds_end = end < set->nseeds ? end : set->nseeds;
    uint32_t seeds = seeds_end > from ? seeds_end - from : 0;

    buf_put_u32(out, seeds);
    buf_put_u32(out, end - from - seeds);
}

/* Chooses the last |max| of the first |*left| peers. Peers are written from the end on, so that a
 * peer that moves into a hole was written already. Returns the position of the first chosen peer.
 */
static uint32_t
take_last(const struct peerset *set, uint32_t *left, uint32_t max)
{
    if (*left > peerset_count(set))
        *left = peerset_count(set);
    return *left > max ? *left - max : 0;
}

/* Appends a record with the next peers of the current swarm. */
static void
put_record(struct swarms *s, struct buf *out, uint16_t now_s)
{
    const struct swarm *w = s->saving;
    const struct peerset *v6 = swarm_peers(w, IP_V6);
    uint32_t from4 = take_last(&w->v4, &s->save4, RECORD_PEERS);
    uint32_t from6 = take_last(v6, &s->save6, RECORD_PEERS - (s->save4 - from4));

    buf_put(out, w->info_hash, TRACKER_HASH_LEN);
    buf_put_u32(out, w->downloaded);
    put_counts(out, &w->v4, from4, s->save4);
    put_counts(out, v6, from6, s->save6);
    put_peers(out, &w->v4, from4, s->save4, now_s);
    put_peers(out, v6, from6, s->save6, now_s);
    s->save4 = from4;
    s->save6 = from6;
    if (from4 + from6 == 0)
        s->saving = NULL;
}

/* Moves the mark over the next swarm, and begins to write that, unless it was written before it was
 * swept. */
static void
go_on(struct swarms *s)
{
    struct list *link = s->saved.next;
    struct swarm *w = LIST_ENTRY(link, struct swarm, link);

    if (link != &s->told && w->saved_in != s->save) {
        w->saved_in = s->save & SAVES_MAX;
        s->saving = w;
        s->save4 = peerset_count(&w->v4);
        s->save6 = peerset_count(swarm_peers(w, IP_V6));
    }
    list_remove(&s->saved);
    list_insert_after(link, &s->saved);
}

static bool
has_more(const struct swarms *s)
{
    return s->saving != NULL || s->saved.next != &s->by_sweep;
}

int
snapshot_some(struct swarms *s, struct buf *out, uint16_t now_s)
{
    size_t before = buf_len(out);

    for (int steps = 0; steps < STEPS_MAX && has_more(s) && out->err == 0 &&
                        buf_len(out) - before < SNAPSHOT_PORTION;
         steps++) {
        if (s->saving == NULL)
            go_on(s);
        if (s->saving != NULL)
            put_record(s, out, now_s);
    }
    if (out->err == 0 && has_more(s))
        return 1;
    snapshot_cancel(s);
    return out->err;
}

void
snapshot_cancel(struct swarms *s)
{
    list_remove(&s->saved);
    s->saving = NULL;
}

/* ---- reading ---- */

int
snapshot_get_head(struct snapshot_head *h, const uint8_t data[SNAPSHOT_HEAD_LEN])
{
    struct cursor c = cursor_make(data, SNAPSHOT_HEAD_LEN);

    if (memcmp(data, magic, sizeof(magic)) != 0)
        return SPRAT_E_VERSION;
    cursor_skip(&c, sizeof(magic));
    h->begun_unix_s = (int64_t)cursor_u64(&c);
    h->seed[0] = cursor_u64(&c);
    h->seed[1] = cursor_u64(&c);
    h->keeps_ids = cursor_u8(&c) != 0;
    return 0;
}

void
snapshot_reader_init(struct snapshot_reader *r, const struct snapshot_head *h)
{
    *r = (struct snapshot_reader){.has_ids = h->keeps_ids};
}

bool
snapshot_reader_done(const struct snapshot_reader *r)
{
    return (r->left[0] | r->left[1] | r->left[2] | r->left[3]) == 0;
}

static bool
read_swarm(struct snapshot_reader *r, struct cursor *c)
{
    if (cursor_left(c) < SWARM_LEN)
        return false;
    cursor_copy(c, r->info_hash, TRACKER_HASH_LEN);
    r->downloaded = cursor_u32(c);
    for (int i = 0; i < 4; i++)
        r->left[i] = cursor_u32(c);
    return true;
}

static size_t
peer_len(uint8_t family, bool has_ids)
{
    return compact_len(family) + META_LEN + (has_ids ? PEERSET_ID_LEN : 0);
}

int
snapshot_read(struct snapshot_reader *r, struct cursor *c, struct snapshot_run *run)
{
    unsigned i = 0; /* 0: IPv4 seeders, then IPv4 leechers, IPv6 seeders, IPv6 leechers */
    size_t len;

    if (snapshot_reader_done(r) && !read_swarm(r, c))
        return 0;
    *run = (struct snapshot_run){.info_hash = r->info_hash,
                                 .downloaded = r->downloaded,
                                 .family = IP_V4,
                                 .has_ids = r->has_ids};
    if (snapshot_reader_done(r))
        return 1;
    while (r->left[i] == 0)
        i++;
    run->family = i < 2 ? IP_V4 : IP_V6;
    run->seeds = i % 2 == 0;
    len = peer_len(run->family, r->has_ids);
    run->count = r->left[i];
    if (run->count > cursor_left(c) / len)
        run->count = (uint32_t)(cursor_left(c) / len);
    run->peers = cursor_bytes(c, run->count * len);
    r->left[i] -= run->count;
    return run->count > 0;
}

/* Values that are the same for all peers of a run. */
struct loading {
    struct swarms *s;
    struct swarm *w;
    const struct snapshot_run *run;
    const struct snapshot_bounds *bounds;
    uint32_t passed_s;
    uint16_t now_s;
};

static int
load_peer(const struct loading *l, struct cursor *c)
{
    static const uint8_t no_id[PEERSET_ID_LEN];
    struct swarms *s = l->s;
    uint8_t family = l->run->family;
    const uint8_t *key = cursor_bytes(c, compact_len(family));
    uint32_t age = cursor_u16(c) + l->passed_s, tag = cursor_u32(c), pos, longest;
    const uint8_t *id = l->run->has_ids ? cursor_bytes(c, PEERSET_ID_LEN) : no_id;

    if (age > l->bounds->age_max || tally_get(&s->totals->peers) >= l->bounds->peers_max ||
        peerset_find(swarm_peers(l->w, family), &s->env, key) != PEERSET_NONE)
        return 0;
    pos = swarms_add_peer(s, l->w, family, key, l->run->seeds, l->now_s, &longest);
    if (pos == PEERSET_NONE)
        return longest != PEERSET_NONE ? 0 : SPRAT_E_NOMEM;
    if (l->run->seeds)
        tag &= ~(uint32_t)PEER_PAUSED;
    peerset_touch(swarm_set(l->w, family), pos, (uint16_t)(l->now_s - age), tag, tag & PEER_STATE,
                  id);
    return 0;
}

/* Finds or adds the swarm of |run|. |*w| is NULL if the table is full. */
static int
load_swarm(struct swarms *s, const struct snapshot_run *run, const struct snapshot_bounds *bounds,
           struct mono now, struct swarm **w)
{
    *w = swarms_find(s, run->info_hash);
    if (*w == NULL && tally_get(&s->totals->swarms) >= bounds->swarms_max)
        return 0;
    if (*w == NULL)
        *w = swarms_add(s, run->info_hash, now);
    if (*w == NULL)
        return SPRAT_E_NOMEM;
    (*w)->sweeps = SWARMS_OLD_SWEEPS; /* it has survived a restart */
    if (run->downloaded > (*w)->downloaded)
        (*w)->downloaded = run->downloaded;
    return 0;
}

int
snapshot_load(struct swarms *s, const struct snapshot_run *run,
              const struct snapshot_bounds *bounds, uint16_t now_s, struct mono now)
{
    struct loading l = {
        .s = s,
        .run = run,
        .bounds = bounds,
        .passed_s = bounds->passed_s < UINT16_MAX ? bounds->passed_s : UINT16_MAX,
        .now_s = now_s,
    };
    struct cursor c = cursor_make(run->peers, run->count * peer_len(run->family, run->has_ids));
    int err = load_swarm(s, run, bounds, now, &l.w);

    while (err == 0 && l.w != NULL && cursor_left(&c) > 0)
        err = load_peer(&l, &c);
    return err;
}
