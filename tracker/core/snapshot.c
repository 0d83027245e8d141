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
#include "common/codec/cursor.h"
#include "common/crypto/sha.h"

enum {
    SWARM_LEN = 40,
    META_LEN = 6,
    RECORD_PEERS = 4096,       /* maximum in a record */
    SAVES_MAX = (1 << 24) - 1, /* the largest number that a swarm can store; 0 is none */
};

static const uint8_t magic[8] = "SPRTSWM1";

_Static_assert((int)SNAPSHOT_TAIL_LEN == (int)SHA256_LEN, "the tail is a hash");

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

    while (has_more(s) && buf_len(out) - before < SNAPSHOT_PORTION && out->err == 0) {
        if (s->saving != NULL)
            put_record(s, out, now_s);
        else
            go_on(s);
    }
    if (out->err == 0 && has_more(s))
        return 1;
    snapshot_cancel(s);
    return out->err;
}

int
snapshot_seal(struct buf *out)
{
    uint8_t hash[SHA256_LEN];

    sha256(buf_data(out), buf_len(out), hash);
    return buf_put(out, hash, sizeof(hash));
}

void
snapshot_cancel(struct swarms *s)
{
    list_remove(&s->saved);
    s->saving = NULL;
}

size_t
snapshot_size(const struct swarms *s)
{
    size_t ids = s->env.form.keeps_ids ? PEERSET_ID_LEN : 0;

    return SNAPSHOT_HEAD_LEN + SNAPSHOT_TAIL_LEN + s->map.count * SWARM_LEN +
           (s->peers4 + s->peers6) / RECORD_PEERS * SWARM_LEN +
           s->peers4 * (COMPACT_V4_LEN + META_LEN + ids) +
           s->peers6 * (COMPACT_V6_LEN + META_LEN + ids);
}

/* ---- reading ---- */

int
snapshot_open(struct snapshot_head *h, const uint8_t *data, size_t len)
{
    uint8_t hash[SHA256_LEN];
    struct cursor c = cursor_make(data, len);

    if (len < sizeof(magic) || memcmp(data, magic, sizeof(magic)) != 0)
        return SPRAT_E_VERSION;
    if (len < SNAPSHOT_HEAD_LEN + SNAPSHOT_TAIL_LEN)
        return SPRAT_E_TRUNCATED;
    sha256(data, len - SHA256_LEN, hash);
    if (memcmp(hash, data + len - SHA256_LEN, SHA256_LEN) != 0)
        return SPRAT_E_HASH;
    cursor_skip(&c, sizeof(magic));
    h->begun_unix_s = (int64_t)cursor_u64(&c);
    h->seed[0] = cursor_u64(&c);
    h->seed[1] = cursor_u64(&c);
    h->keeps_ids = cursor_u8(&c) != 0;
    return 0;
}

/* Values that are the same for all records. */
struct loading {
    struct swarms *s;
    struct cursor c;
    const struct snapshot_bounds *bounds;
    bool has_ids; /* the snapshot has ids */
    uint32_t passed_s;
    uint16_t now_s;
};

static int
load_peer(struct loading *l, struct swarm *w, uint8_t family, bool seed)
{
    static const uint8_t no_id[PEERSET_ID_LEN];
    const uint8_t *key = cursor_bytes(&l->c, compact_len(family)), *id = no_id;
    uint32_t age = cursor_u16(&l->c), tag = cursor_u32(&l->c), pos, longest;

    if (l->has_ids)
        id = cursor_bytes(&l->c, PEERSET_ID_LEN);
    if (!cursor_ok(&l->c))
        return SPRAT_E_TRUNCATED;
    age += l->passed_s;
    if (age > l->bounds->age_max || tally_get(&l->s->totals->peers) >= l->bounds->peers_max ||
        peerset_find(swarm_peers(w, family), &l->s->env, key) != PEERSET_NONE)
        return 0;
    pos = swarms_add_peer(l->s, w, family, key, seed, l->now_s, &longest);
    if (pos == PEERSET_NONE)
        return longest != PEERSET_NONE ? 0 : SPRAT_E_NOMEM;
    if (seed)
        tag &= ~(uint32_t)PEER_PAUSED;
    peerset_touch(swarm_set(w, family), pos, (uint16_t)(l->now_s - age), tag, tag & PEER_STATE, id);
    return 0;
}

static int
load_peers(struct loading *l, struct swarm *w, uint8_t family, uint32_t seeds, uint32_t leeches)
{
    int err = 0;

    for (uint32_t i = 0; i < seeds && err == 0; i++)
        err = load_peer(l, w, family, true);
    for (uint32_t i = 0; i < leeches && err == 0; i++)
        err = load_peer(l, w, family, false);
    return err;
}

/* Skips the peers of a swarm that another shard loads. */
static int
skip_peers(struct loading *l, const uint32_t count[4])
{
    size_t more = META_LEN + (l->has_ids ? PEERSET_ID_LEN : 0);

    cursor_skip(&l->c, ((uint64_t)count[0] + count[1]) * (COMPACT_V4_LEN + more));
    cursor_skip(&l->c, ((uint64_t)count[2] + count[3]) * (COMPACT_V6_LEN + more));
    return cursor_ok(&l->c) ? 0 : SPRAT_E_TRUNCATED;
}

static int
load_swarm(struct loading *l, struct mono now)
{
    const uint8_t *hash = cursor_bytes(&l->c, TRACKER_HASH_LEN);
    uint32_t downloaded = cursor_u32(&l->c), count[4];
    struct swarm *w;
    int err;

    for (int i = 0; i < 4; i++)
        count[i] = cursor_u32(&l->c);
    if (!cursor_ok(&l->c))
        return SPRAT_E_TRUNCATED;
    if (!shard_has(&l->bounds->shard, hash))
        return skip_peers(l, count);
    w = swarms_find(l->s, hash);
    if (w == NULL && tally_get(&l->s->totals->swarms) >= l->bounds->swarms_max)
        return SPRAT_E_LIMIT;
    if (w == NULL)
        w = swarms_add(l->s, hash, now);
    if (w == NULL)
        return SPRAT_E_NOMEM;
    w->sweeps = SWARMS_OLD_SWEEPS; /* it has survived a restart */
    if (downloaded > w->downloaded)
        w->downloaded = downloaded;
    err = load_peers(l, w, IP_V4, count[0], count[1]);
    return err != 0 ? err : load_peers(l, w, IP_V6, count[2], count[3]);
}

int
snapshot_load(struct swarms *s, const uint8_t *data, size_t len,
              const struct snapshot_bounds *bounds, uint16_t now_s, struct mono now)
{
    struct loading l = {
        .s = s,
        .c = cursor_make(data + SNAPSHOT_HEAD_LEN, len - SNAPSHOT_HEAD_LEN - SNAPSHOT_TAIL_LEN),
        .bounds = bounds,
        .has_ids = data[SNAPSHOT_HEAD_LEN - 1] != 0,
        .passed_s = bounds->passed_s < UINT16_MAX ? bounds->passed_s : UINT16_MAX,
        .now_s = now_s,
    };
    int err = 0;

    while (err == 0 && cursor_left(&l.c) > 0)
        err = load_swarm(&l, now);
    return err == SPRAT_E_LIMIT ? 0 : err;
}
