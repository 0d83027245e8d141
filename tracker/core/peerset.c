/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The array has seeders in [0, nseeds) and leechers after them, so that a peer changes sides by one
 * swap, and the answer to a seeder is drawn from one range. A search compares marks, sixteen at a
 * time, and then one entry. Without marks it would read half of all entries, which in a swarm of
 * 200 means twenty cache misses.
 */
#include "tracker/core/peerset.h"

#include <string.h>

#include "common/base/assert.h"
#include "tracker/core/peerset_room.h"

enum {
    SLACK = 4,        /* unused entries beyond the next step that a small set may keep */
    SLACK_PARTS = 32, /* and one more for each so many peers */
    LARGE_SLACK = PEERSET_SMALL_MAX + 64, /* the same for a large set that was not trimmed */
    STRIDE_MAX = COMPACT_V6_LEN + PEERSET_EXACT,
};

void
peerset_init(struct peerset *s, const struct peerset_env *env, enum ip_family family)
{
    uint8_t id_len = PEERSET_ID_LEN;

    ASSERT(env->form.meta != PEERSET_SHARED || env->form.keeps_ids);
    if (env->form.meta == PEERSET_SHARED)
        id_len -= 2;
    *s = (struct peerset){
        .key_len = (uint8_t)compact_len(family),
        .meta_len = (uint8_t)env->form.meta,
        .id_len = env->form.keeps_ids ? id_len : 0,
    };
}

void
peerset_fini(struct peerset *s, const struct peerset_env *env)
{
    peerset_free_memory(s, env);
    s->nseeds = s->nleeches = s->npaused = 0;
    s->has_sited = s->has_unsited = false;
}

/* ---- moves ---- */

/* Overwrites the peer at |dst| without changing the index. */
static void
copy_entry(struct peerset *s, uint32_t dst, uint32_t src)
{
    memcpy(peerset_entry(s, dst), peerset_entry(s, src), peerset_stride(s));
    if (peerset_has_marks(s))
        *peerset_mark_at(s, dst) = *peerset_mark_at(s, src);
    if (s->id_len > 0)
        memcpy(peerset_entry_id(s, dst), peerset_entry_id(s, src), s->id_len);
}

/* Moves the peer at |src| to the unused position |dst|. */
static void
move_entry(struct peerset *s, const struct peerset_env *env, uint32_t dst, uint32_t src)
{
    if (dst == src)
        return;
    if (s->has_index)
        peerindex_move(&peerset_large(s)->index, peerset_hash_at(s, env, src), src, dst);
    copy_entry(s, dst, src);
}

/* For a moment the index has both peers at |b|. That is harmless: either their hashes differ, or
 * the two are interchangeable. */
static void
swap_in_index(struct peerset *s, const struct peerset_env *env, uint32_t a, uint32_t b)
{
    uint64_t hash_a = peerset_hash_at(s, env, a), hash_b = peerset_hash_at(s, env, b);
    struct peerindex *x = &peerset_large(s)->index;

    peerindex_move(x, hash_a, a, b);
    peerindex_move(x, hash_b, b, a);
}

static void
swap_bytes(uint8_t *a, uint8_t *b, size_t len)
{
    uint8_t saved[STRIDE_MAX];

    _Static_assert((int)STRIDE_MAX >= (int)PEERSET_ID_LEN, "for ids, too");
    memcpy(saved, a, len);
    memcpy(a, b, len);
    memcpy(b, saved, len);
}

static void
swap_entries(struct peerset *s, const struct peerset_env *env, uint32_t a, uint32_t b)
{
    if (a == b)
        return;
    if (s->has_index)
        swap_in_index(s, env, a, b);
    swap_bytes(peerset_entry(s, a), peerset_entry(s, b), peerset_stride(s));
    if (peerset_has_marks(s))
        swap_bytes(peerset_mark_at(s, a), peerset_mark_at(s, b), 1);
    if (s->id_len > 0)
        swap_bytes(peerset_entry_id(s, a), peerset_entry_id(s, b), s->id_len);
}

/* ---- searches ---- */

static uint32_t
find_bare(const struct peerset *s, const uint8_t *key)
{
    const uint8_t *e = s->memory;
    size_t stride = peerset_stride(s);

    for (uint32_t pos = 0, n = peerset_count(s); pos < n; pos++, e += stride)
        if (s->key_len == COMPACT_V4_LEN ? memcmp(e, key, COMPACT_V4_LEN) == 0
                                         : memcmp(e, key, COMPACT_V6_LEN) == 0)
            return pos;
    return PEERSET_NONE;
}

/* The first position from |pos| on with the mark |mark|, or PEERSET_NONE. */
static inline uint32_t
next_marked(const struct peerset *s, uint8_t mark, uint32_t pos)
{
    uint32_t n = peerset_count(s);

    while (pos < n) {
        uint32_t first = pos / PEERSET_SMALL_MAX * PEERSET_SMALL_MAX;
        uint32_t of = n - first < PEERSET_SMALL_MAX ? n - first : PEERSET_SMALL_MAX;
        uint32_t at = marks_next(peerset_marks(s, pos), of, mark, pos - first);

        if (at != MARKS_NONE)
            return first + at;
        pos = first + PEERSET_SMALL_MAX;
    }
    return PEERSET_NONE;
}

static uint32_t
find_marked(const struct peerset *s, uint8_t mark, const uint8_t *key)
{
    uint32_t pos = next_marked(s, mark, 0);

    while (pos != PEERSET_NONE && !peerset_key_is(s, pos, key))
        pos = next_marked(s, mark, pos + 1);
    return pos;
}

static uint32_t
find_indexed(const struct peerset *s, uint64_t hash, const uint8_t *key)
{
    const struct peerindex *x = &peerset_large(s)->index;
    uint32_t probe = 0, pos;

    while ((pos = peerindex_next(x, hash, &probe)) != PEERINDEX_NONE)
        if (peerset_key_is(s, pos, key))
            return pos;
    return PEERSET_NONE;
}

_Static_assert(PEERINDEX_NONE == PEERSET_NONE && MARKS_NONE == PEERSET_NONE, "all are the same");

static uint32_t
find_hashed(const struct peerset *s, const struct peerset_env *env, const uint8_t *key, bool sited)
{
    return s->has_index ? find_indexed(s, peerset_hash(s, env, key, sited), key)
                        : find_marked(s, peerset_mark(s, env, key, sited), key);
}

uint32_t
peerset_find(const struct peerset *s, const struct peerset_env *env, const uint8_t *key)
{
    uint32_t pos;

    if (s->cap <= PEERSET_BARE_MAX)
        return find_bare(s, key);
    /* Searches peers hashed by their site first, if there may be any. */
    pos = find_hashed(s, env, key, s->has_sited);
    if (pos == PEERSET_NONE && s->has_sited && s->has_unsited)
        pos = find_hashed(s, env, key, false);
    return pos;
}

void
peerset_prefetch_search(const struct peerset *s, const struct peerset_env *env, const uint8_t *key)
{
    uint32_t n = peerset_count(s);

    if (n == 0)
        return;
    if (s->has_index) {
        peerindex_prefetch(&peerset_large(s)->index, peerset_hash(s, env, key, s->has_sited));
    } else if (!peerset_has_marks(s)) {
        peerset_prefetch_row(s, 0, n);
    } else {
        for (uint32_t first = 0; first < n; first += PEERSET_SMALL_MAX)
            peerset_prefetch_bytes(peerset_marks(s, first),
                                   peerset_marks(s, first) + peerset_row(first, n - first));
    }
}

void
peerset_prefetch_found(const struct peerset *s, const struct peerset_env *env, const uint8_t *key)
{
    uint32_t pos, probe = 0;
    uint64_t hash;
    uint8_t mark;

    if (s->has_index) {
        hash = peerset_hash(s, env, key, s->has_sited);
        if ((pos = peerindex_next(&peerset_large(s)->index, hash, &probe)) != PEERSET_NONE)
            prefetch_line(peerset_key(s, pos));
    } else if (peerset_has_marks(s)) {
        mark = peerset_mark(s, env, key, s->has_sited);
        for (pos = next_marked(s, mark, 0); pos != PEERSET_NONE;
             pos = next_marked(s, mark, pos + 1))
            prefetch_line(peerset_key(s, pos));
    }
}

uint32_t
peerset_find_tag(const struct peerset *s, uint32_t tag, const uint8_t *id)
{
    for (uint32_t pos = 0; pos < peerset_count(s) && pos < PEERSET_TAG_SCAN_MAX; pos++)
        if (peerset_tag(s, pos) == tag &&
            (s->meta_len != PEERSET_SHARED || peerset_has_id(s, pos, id)))
            return pos;
    return PEERSET_NONE;
}

/* ---- a site ---- */

static bool
same_site(const struct peerset *s, const uint8_t *a, const uint8_t *b)
{
    return s->key_len == COMPACT_V4_LEN ? memcmp(a, b, PEERSET_V4_SITE_LEN) == 0
                                        : memcmp(a, b, PEERSET_V6_SITE_LEN) == 0;
}

/* A search for the peers of one site. */
struct site_search {
    const struct peerset *s;
    uint64_t hash; /* used with an index */
    uint32_t at;   /* where the search continues: a probe of the index, or a position */
    uint8_t mark;
};

/* The next position that may have a peer of the site. */
static uint32_t
next_of_site(struct site_search *x)
{
    const struct peerset *s = x->s;
    uint32_t pos;

    if (s->has_index)
        return peerindex_next(&peerset_large(s)->index, x->hash, &x->at);
    if (peerset_has_marks(s))
        pos = next_marked(s, x->mark, x->at);
    else
        pos = x->at < peerset_count(s) ? x->at : PEERSET_NONE;
    x->at = pos + 1;
    return pos;
}

uint32_t
peerset_count_site(const struct peerset *s, const struct peerset_env *env, const uint8_t *key,
                   uint32_t most, uint16_t now, uint32_t *longest)
{
    struct site_search x = {.s = s};
    uint32_t n = 0, pos;

    if (s->has_index)
        x.hash = peerset_hash(s, env, key, true);
    else
        x.mark = peerset_mark(s, env, key, true);
    *longest = PEERSET_NONE;
    while (n < most && (pos = next_of_site(&x)) != PEERSET_NONE) {
        if (!peerset_is_sited(s, pos) || !same_site(s, peerset_key(s, pos), key))
            continue;
        n++;
        if (*longest == PEERSET_NONE ||
            (uint16_t)(now - peerset_seen(s, pos)) > (uint16_t)(now - peerset_seen(s, *longest)))
            *longest = pos;
    }
    return n;
}

/* ---- changes ---- */

static void
write_new(struct peerset *s, const struct peerset_env *env, uint32_t pos, const uint8_t *key,
          bool sited)
{
    uint8_t *e = peerset_entry(s, pos);

    memset(e, 0, peerset_stride(s));
    memcpy(e, key, s->key_len);
    e[peerset_flags_at(s)] = sited ? 0 : PEER_UNSITED;
    if (peerset_has_marks(s))
        *peerset_mark_at(s, pos) = peerset_mark(s, env, key, sited);
    if (s->id_len > 0)
        memset(peerset_entry_id(s, pos), 0, s->id_len);
}

/* All allocations come before the first change of the set. */
static uint32_t
add(struct peerset *s, const struct peerset_env *env, const uint8_t *key, bool seed, bool sited)
{
    uint32_t pos = peerset_count(s);
    uint64_t hash = 0;

    if (pos == s->cap && !peerset_grow(s, env))
        return PEERSET_NONE;
    if (s->has_index) {
        hash = peerset_hash(s, env, key, sited);
        if (!peerindex_reserve(&peerset_large(s)->index, env->blocks, hash))
            return PEERSET_NONE;
    }
    if (seed) {
        /* The first leecher moves to the end. */
        if (s->nleeches > 0)
            move_entry(s, env, pos, s->nseeds);
        pos = s->nseeds++;
    } else {
        s->nleeches++;
    }
    write_new(s, env, pos, key, sited);
    if (sited)
        s->has_sited = true;
    else
        s->has_unsited = true;
    if (s->has_index)
        peerset_index_add(s, env, hash, pos);
    return pos;
}

uint32_t
peerset_add(struct peerset *s, const struct peerset_env *env, const uint8_t *key, bool seed)
{
    return add(s, env, key, seed, false);
}

uint32_t
peerset_add_sited(struct peerset *s, const struct peerset_env *env, const uint8_t *key, bool seed)
{
    return add(s, env, key, seed, true);
}

void
peerset_remove(struct peerset *s, const struct peerset_env *env, uint32_t pos)
{
    uint32_t last = peerset_count(s) - 1;

    ASSERT(pos <= last);
    if (s->has_index)
        peerindex_remove(&peerset_large(s)->index, env->blocks, peerset_hash_at(s, env, pos), pos);
    if (peerset_flags(s, pos) & PEER_PAUSED)
        s->npaused--;
    if (peerset_is_seed(s, pos)) {
        s->nseeds--;
        move_entry(s, env, pos, s->nseeds);
        pos = s->nseeds;
    } else {
        s->nleeches--;
    }
    move_entry(s, env, pos, last);
    if (peerset_is_large(s) && s->cap - last > LARGE_SLACK)
        peerset_shrink(s, env);
}

uint32_t
peerset_set_seed(struct peerset *s, const struct peerset_env *env, uint32_t pos, bool seed)
{
    uint32_t to = seed ? s->nseeds : s->nseeds - 1;

    if (peerset_is_seed(s, pos) == seed)
        return pos;
    if (peerset_flags(s, pos) & PEER_PAUSED) {
        peerset_entry(s, pos)[peerset_flags_at(s)] &= (uint8_t)~PEER_PAUSED;
        s->npaused--;
    }
    swap_entries(s, env, pos, to);
    if (seed) {
        s->nseeds++;
        s->nleeches--;
    } else {
        s->nseeds--;
        s->nleeches++;
    }
    return to;
}

void
peerset_touch(struct peerset *s, uint32_t pos, uint16_t seen, uint32_t tag, unsigned flags,
              const uint8_t *id)
{
    uint8_t *e = peerset_entry(s, pos), *meta = e + s->key_len;
    uint8_t was = e[peerset_flags_at(s)] & PEER_FLAGS;

    ASSERT((flags & ~(unsigned)PEER_STATE) == 0);
    ASSERT((flags & PEER_PAUSED) == 0 || !peerset_is_seed(s, pos));
    s->npaused -= (was & PEER_PAUSED) != 0;
    s->npaused += (flags & PEER_PAUSED) != 0;
    put_u16be(meta, seen & peerset_time_mask(s));
    if (s->meta_len == PEERSET_SHARED)
        tag = peerset_shared_tag(id);
    put_u16be(meta + 2, (uint16_t)(tag >> 16));
    if (s->meta_len >= PEERSET_SHORT)
        meta[4] = (uint8_t)(tag >> 8);
    if (s->meta_len == PEERSET_EXACT)
        meta[5] = 0;
    e[peerset_flags_at(s)] |= (uint8_t)(flags | (was & PEER_UNSITED));
    if (s->id_len > 0)
        memcpy(peerset_entry_id(s, pos), id, s->id_len);
}

void
peerset_trim(struct peerset *s, const struct peerset_env *env)
{
    uint32_t n = peerset_count(s);

    if (n == 0)
        peerset_fini(s, env);
    else if (s->cap - n > SLACK + n / SLACK_PARTS)
        peerset_shrink(s, env);
}

static void
own_memory(struct peerset *s)
{
    if (s->memory != NULL && !peerset_is_large(s))
        blocks_set_owner(&s->memory);
}

void
peerset_swap(struct peerset *a, struct peerset *b)
{
    struct peerset saved = *a;

    *a = *b;
    *b = saved;
    own_memory(a);
    own_memory(b);
}
