/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The packed array keeps seeders in [0, nseeds) and leechers behind them, so that a change of sides
 * is one swap and a seeder's answer is drawn from one range. A mark is a byte of a keyed hash of
 * the endpoint: looking for a peer reads those, eight at a time, and then one entry, in place of
 * half of all entries, which in a swarm of 200 are twenty cache misses. The index is open
 * addressing with linear probing and deletion by shifting back, which leaves no tombstones; it is
 * rebuilt with each change of its size, and its load is three quarters at most.
 */
#include "tracker/core/peerset.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/ds/siphash.h"

enum {
    STEP_BARE = 2,  /* entries by which a set grows that has no marks */
    STEP = 4,       /* and one that has */
    GROWTH = 32,    /* a large one grows by one part of so many */
    INDEX_ROOM = 8, /* its index, which is made anew then, by more */
    SLOTS_NARROW_MAX = 1 << 16,
    STRIDE_MAX = COMPACT_V6_LEN + PEERSET_META_LEN,
    V4_SITE_LEN = 4,
    V6_SITE_LEN = 8,
};

void
peerset_init(struct peerset *s, enum ip_family family, bool keeps_ids)
{
    *s = (struct peerset){.key_len = (uint8_t)compact_len(family), .keeps_ids = keeps_ids};
}

void
peerset_fini(struct peerset *s)
{
    free(s->entries);
    free(s->ids);
    free(s->index);
    s->entries = s->ids = NULL;
    s->index = NULL;
    s->nslots = s->cap = s->nseeds = s->nleeches = s->npaused = 0;
    s->has_sited = s->has_unsited = false;
}

static size_t
site_len(const struct peerset *s)
{
    return s->key_len == COMPACT_V4_LEN ? V4_SITE_LEN : V6_SITE_LEN;
}

static bool
same_site(const struct peerset *s, const uint8_t *a, const uint8_t *b)
{
    return s->key_len == COMPACT_V4_LEN ? memcmp(a, b, V4_SITE_LEN) == 0
                                        : memcmp(a, b, V6_SITE_LEN) == 0;
}

static uint8_t *
entry(const struct peerset *s, uint32_t pos)
{
    return s->entries + pos * peerset_stride(s);
}

/* The marks of a set with room for |cap| entries, read as words. */
static size_t
marks_len(uint32_t cap)
{
    return cap > PEERSET_BARE_MAX && cap <= PEERSET_SCAN_MAX ? ((size_t)cap + 7) / 8 * 8 : 0;
}

static uint32_t
tag_and_flags(const struct peerset *s, uint32_t pos)
{
    return get_u32be(entry(s, pos) + s->key_len + 2);
}

/* ---- the marks ---- */

static bool
has_marks(const struct peerset *s)
{
    return s->cap > PEERSET_BARE_MAX && s->index == NULL;
}

static uint8_t *
marks(const struct peerset *s)
{
    return entry(s, s->cap);
}

/* Multiplicative hashing of the site, or of the port and the end of the address. Not as hard to
 * foil as the index's hash, and need not be: whoever does it makes others read a few hundred
 * entries. */
static uint8_t
mark_of(const struct peerset *s, const struct peerset_env *env, const uint8_t *key, bool sited)
{
    const uint8_t *end = key + s->key_len - COMPACT_V4_LEN;
    uint64_t word;

    if (sited)
        word = s->key_len == COMPACT_V4_LEN ? get_u32be(key) : get_u64be(key);
    else
        word = (uint64_t)get_u32be(end) << 16 | get_u16be(end + 4);
    return (uint8_t)((word ^ env->seed[0]) * (env->seed[1] | 1) >> 56);
}

static void
mark_all(struct peerset *s, const struct peerset_env *env)
{
    if (!has_marks(s))
        return;
    memset(marks(s), 0, marks_len(s->cap));
    for (uint32_t pos = 0; pos < peerset_count(s); pos++)
        marks(s)[pos] = mark_of(s, env, entry(s, pos), peerset_is_sited(s, pos));
}

/* ---- the index: slot numbers to positions ---- */

static size_t
slot_size(uint32_t nslots)
{
    return nslots <= SLOTS_NARROW_MAX ? sizeof(uint16_t) : sizeof(uint32_t);
}

static uint32_t
slot_get(const struct peerset *s, uint32_t slot)
{
    uint32_t v = s->nslots <= SLOTS_NARROW_MAX ? ((const uint16_t *)s->index)[slot]
                                               : ((const uint32_t *)s->index)[slot];

    return v - 1; /* an empty slot so reads as PEERSET_NONE */
}

static void
slot_put(struct peerset *s, uint32_t slot, uint32_t pos)
{
    if (s->nslots <= SLOTS_NARROW_MAX)
        ((uint16_t *)s->index)[slot] = (uint16_t)(pos + 1);
    else
        ((uint32_t *)s->index)[slot] = pos + 1;
}

static uint32_t
home_slot(const struct peerset *s, const struct peerset_env *env, const uint8_t *key, bool sited)
{
    uint64_t hash = siphash13(env->seed, key, sited ? site_len(s) : s->key_len);

    /* The hash as a fraction of the slots (Lemire's multiplication), which need no power of two. */
    return (uint32_t)((hash >> 32) * s->nslots >> 32);
}

static uint32_t
home_of(const struct peerset *s, const struct peerset_env *env, uint32_t pos)
{
    return home_slot(s, env, entry(s, pos), peerset_is_sited(s, pos));
}

static uint32_t
next_slot(const struct peerset *s, uint32_t slot)
{
    return slot + 1 < s->nslots ? slot + 1 : 0;
}

/* Slots from |from| on to |to|, around the end. */
static uint32_t
distance(const struct peerset *s, uint32_t from, uint32_t to)
{
    return to >= from ? to - from : to + s->nslots - from;
}

/* The slot that holds position |pos|. */
static uint32_t
slot_of(const struct peerset *s, const struct peerset_env *env, uint32_t pos)
{
    uint32_t slot = home_of(s, env, pos);

    while (slot_get(s, slot) != pos) {
        ASSERT(slot_get(s, slot) != PEERSET_NONE);
        slot = next_slot(s, slot);
    }
    return slot;
}

static void
index_add(struct peerset *s, const struct peerset_env *env, uint32_t pos)
{
    uint32_t slot;

    if (s->index == NULL)
        return;
    slot = home_of(s, env, pos);
    while (slot_get(s, slot) != PEERSET_NONE)
        slot = next_slot(s, slot);
    slot_put(s, slot, pos);
}

/* Empties the slot of |pos| and shifts back what had been pushed behind it. */
static void
index_drop(struct peerset *s, const struct peerset_env *env, uint32_t pos)
{
    uint32_t hole, at;

    if (s->index == NULL)
        return;
    hole = slot_of(s, env, pos);
    for (at = next_slot(s, hole); slot_get(s, at) != PEERSET_NONE; at = next_slot(s, at)) {
        uint32_t home = home_of(s, env, slot_get(s, at));

        /* The entry at |at| may move into the hole, unless a search from its home begins behind the
         * hole. */
        if (distance(s, home, at) >= distance(s, hole, at)) {
            slot_put(s, hole, slot_get(s, at));
            hole = at;
        }
    }
    slot_put(s, hole, PEERSET_NONE);
}

/* Makes the index fit |cap| entries at a load of at most three quarters, or leaves none where a
 * scan is as fast. False when memory is out, and nothing is changed. */
static bool
index_rebuild(struct peerset *s, const struct peerset_env *env, uint32_t cap)
{
    uint32_t room = cap + cap / INDEX_ROOM, nslots = room + room / 3 + 1;
    void *index;

    if (cap <= PEERSET_SCAN_MAX) {
        free(s->index);
        s->index = NULL;
        s->nslots = 0;
        return true;
    }
    if (s->nslots >= cap + cap / 3 + 1 && s->nslots / 2 < nslots)
        return true;
    index = calloc(nslots, slot_size(nslots));
    if (index == NULL)
        return false;
    free(s->index);
    s->index = index;
    s->nslots = nslots;
    for (uint32_t pos = 0; pos < peerset_count(s); pos++)
        index_add(s, env, pos);
    return true;
}

/* ---- the array ---- */

/* Changes the memory to |cap| entries. On an error what was there is still there. */
static bool
realloc_arrays(struct peerset *s, uint32_t cap)
{
    uint8_t *entries, *ids;

    if (s->keeps_ids) {
        ids = realloc(s->ids, (size_t)cap * PEERSET_ID_LEN);
        if (ids == NULL)
            return false;
        s->ids = ids;
    }
    entries = realloc(s->entries, cap * peerset_stride(s) + marks_len(cap));
    if (entries == NULL)
        return false;
    s->entries = entries;
    return true;
}

/* The next size: peers are what a tracker's memory is full of, so little is left unused, and small
 * steps let a set have what its neighbour gave up. */
static uint32_t
next_cap(uint32_t cap)
{
    uint32_t step = cap < PEERSET_BARE_MAX ? STEP_BARE : STEP;

    if (cap / GROWTH > step)
        step = cap / GROWTH / STEP * STEP;
    return cap + step < PEERSET_PEERS_MAX ? cap + step : PEERSET_PEERS_MAX;
}

/* Room for one more. The index goes first: one that is too large does no harm if the rest fails. */
static bool
grow(struct peerset *s, const struct peerset_env *env)
{
    uint32_t cap = next_cap(s->cap);

    if (s->cap == PEERSET_PEERS_MAX)
        return false;
    if ((cap > PEERSET_SCAN_MAX && !index_rebuild(s, env, cap)) || !realloc_arrays(s, cap))
        return false;
    s->cap = cap;
    mark_all(s, env);
    return true;
}

/* Gives memory back. The bookkeeping goes first: if memory can't be had for doing it, it just stays
 * larger than we say. */
static void
shrink(struct peerset *s, const struct peerset_env *env, uint32_t cap)
{
    s->cap = cap;
    (void)realloc_arrays(s, cap);
    (void)index_rebuild(s, env, cap);
    mark_all(s, env);
}

static void
copy_entry(struct peerset *s, uint32_t dst, uint32_t src)
{
    memcpy(entry(s, dst), entry(s, src), peerset_stride(s));
    if (has_marks(s))
        marks(s)[dst] = marks(s)[src];
    if (s->ids != NULL)
        memcpy(s->ids + (size_t)dst * PEERSET_ID_LEN, s->ids + (size_t)src * PEERSET_ID_LEN,
               PEERSET_ID_LEN);
}

/* Moves the peer at |src| to the unused place |dst|. */
static void
move_entry(struct peerset *s, const struct peerset_env *env, uint32_t dst, uint32_t src)
{
    if (dst == src)
        return;
    if (s->index != NULL)
        slot_put(s, slot_of(s, env, src), dst);
    copy_entry(s, dst, src);
}

static void
swap_entries(struct peerset *s, const struct peerset_env *env, uint32_t a, uint32_t b)
{
    uint8_t saved[STRIDE_MAX], saved_id[PEERSET_ID_LEN], saved_mark = 0;

    if (a == b)
        return;
    if (s->index != NULL) {
        uint32_t slot_a = slot_of(s, env, a), slot_b = slot_of(s, env, b);

        slot_put(s, slot_a, b);
        slot_put(s, slot_b, a);
    }
    memcpy(saved, entry(s, a), peerset_stride(s));
    if (has_marks(s))
        saved_mark = marks(s)[a];
    if (s->ids != NULL)
        memcpy(saved_id, s->ids + (size_t)a * PEERSET_ID_LEN, PEERSET_ID_LEN);
    copy_entry(s, a, b);
    memcpy(entry(s, b), saved, peerset_stride(s));
    if (has_marks(s))
        marks(s)[b] = saved_mark;
    if (s->ids != NULL)
        memcpy(s->ids + (size_t)b * PEERSET_ID_LEN, saved_id, PEERSET_ID_LEN);
}

/* The first position from |pos| on with that mark, or PEERSET_NONE. */
static inline uint32_t
next_marked(const struct peerset *s, uint8_t mark, uint32_t pos)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t passed = ones << 7 & ((UINT64_C(1) << pos % 8 * 8) - 1), diff, hits;
    uint32_t n = peerset_count(s);

    for (uint32_t word = pos / 8 * 8; word < n; word += 8) {
        memcpy(&diff, marks(s) + word, sizeof(diff));
        diff = le64toh(diff) ^ mark * ones;
        /* The high bit of each byte that is 0, and maybe of one above such a byte. */
        hits = (diff - ones) & ~diff & ones << 7 & ~passed;
        passed = 0;
        if (hits != 0) {
            pos = word + (uint32_t)__builtin_ctzll(hits) / 8;
            return pos < n ? pos : PEERSET_NONE;
        }
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
find_indexed(const struct peerset *s, uint32_t slot, const uint8_t *key)
{
    uint32_t pos;

    for (; (pos = slot_get(s, slot)) != PEERSET_NONE; slot = next_slot(s, slot))
        if (peerset_key_is(s, pos, key))
            return pos;
    return PEERSET_NONE;
}

static uint32_t
find_hashed(const struct peerset *s, const struct peerset_env *env, const uint8_t *key, bool sited)
{
    return s->index != NULL ? find_indexed(s, home_slot(s, env, key, sited), key)
                            : find_marked(s, mark_of(s, env, key, sited), key);
}

uint32_t
peerset_find(const struct peerset *s, const struct peerset_env *env, const uint8_t *key)
{
    uint32_t pos;

    if (s->cap <= PEERSET_BARE_MAX && s->index == NULL) {
        for (pos = 0; pos < peerset_count(s); pos++)
            if (peerset_key_is(s, pos, key))
                return pos;
        return PEERSET_NONE;
    }
    /* First among peers that are hashed by their site, if there are any. */
    pos = find_hashed(s, env, key, s->has_sited);
    if (pos == PEERSET_NONE && s->has_sited && s->has_unsited)
        pos = find_hashed(s, env, key, false);
    return pos;
}

/* ---- a site ---- */

/* The next position from |*at| on where a peer of the site may stand; |*at| is a slot or a
 * position, whatever the set is searched by. */
static uint32_t
next_of_site(const struct peerset *s, uint8_t mark, uint32_t *at)
{
    uint32_t pos;

    if (s->index != NULL) {
        pos = slot_get(s, *at);
        *at = next_slot(s, *at);
    } else if (has_marks(s)) {
        pos = next_marked(s, mark, *at);
        *at = pos + 1;
    } else {
        pos = *at < peerset_count(s) ? (*at)++ : PEERSET_NONE;
    }
    return pos;
}

uint32_t
peerset_count_site(const struct peerset *s, const struct peerset_env *env, const uint8_t *key,
                   uint32_t most, uint16_t now, uint32_t *longest)
{
    uint32_t at = s->index != NULL ? home_slot(s, env, key, true) : 0, n = 0, pos;
    uint8_t mark = has_marks(s) ? mark_of(s, env, key, true) : 0;

    *longest = PEERSET_NONE;
    while (n < most && (pos = next_of_site(s, mark, &at)) != PEERSET_NONE) {
        if (!peerset_is_sited(s, pos) || !same_site(s, peerset_key(s, pos), key))
            continue;
        n++;
        if (*longest == PEERSET_NONE ||
            (uint16_t)(now - peerset_seen(s, pos)) > (uint16_t)(now - peerset_seen(s, *longest)))
            *longest = pos;
    }
    return n;
}

void
peerset_prefetch_search(const struct peerset *s, const struct peerset_env *env, const uint8_t *key)
{
    uint32_t n = peerset_count(s), slot;

    if (n == 0)
        return;
    if (s->index != NULL) {
        slot = home_slot(s, env, key, s->has_sited);
        prefetch_line((const uint8_t *)s->index + slot * slot_size(s->nslots));
    } else if (has_marks(s)) {
        peerset_prefetch_bytes(marks(s), marks(s) + n);
    } else {
        peerset_prefetch_row(s, 0, n);
    }
}

void
peerset_prefetch_found(const struct peerset *s, const struct peerset_env *env, const uint8_t *key)
{
    uint32_t pos = PEERSET_NONE;

    if (s->index != NULL)
        pos = slot_get(s, home_slot(s, env, key, s->has_sited));
    else if (has_marks(s))
        pos = next_marked(s, mark_of(s, env, key, s->has_sited), 0);
    if (pos != PEERSET_NONE)
        prefetch_line(peerset_key(s, pos));
}

uint32_t
peerset_find_tag(const struct peerset *s, uint32_t tag)
{
    for (uint32_t pos = 0; pos < peerset_count(s) && pos < PEERSET_TAG_SCAN_MAX; pos++)
        if (peerset_tag(s, pos) == tag)
            return pos;
    return PEERSET_NONE;
}

static uint32_t
add(struct peerset *s, const struct peerset_env *env, const uint8_t *key, bool seed, bool sited)
{
    uint32_t pos = peerset_count(s);

    if (pos == s->cap && !grow(s, env))
        return PEERSET_NONE;
    if (seed) {
        /* The first leecher makes way. */
        if (s->nleeches > 0)
            move_entry(s, env, pos, s->nseeds);
        pos = s->nseeds++;
    } else {
        s->nleeches++;
    }
    memset(entry(s, pos), 0, peerset_stride(s));
    memcpy(entry(s, pos), key, s->key_len);
    put_u32be(entry(s, pos) + s->key_len + 2, sited ? 0 : PEER_UNSITED);
    *(sited ? &s->has_sited : &s->has_unsited) = true;
    if (has_marks(s))
        marks(s)[pos] = mark_of(s, env, key, sited);
    if (s->ids != NULL)
        memset(s->ids + (size_t)pos * PEERSET_ID_LEN, 0, PEERSET_ID_LEN);
    index_add(s, env, pos);
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
    index_drop(s, env, pos);
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
}

uint32_t
peerset_set_seed(struct peerset *s, const struct peerset_env *env, uint32_t pos, bool seed)
{
    uint32_t to = seed ? s->nseeds : s->nseeds - 1;

    if (peerset_is_seed(s, pos) == seed)
        return pos;
    if (peerset_flags(s, pos) & PEER_PAUSED) {
        put_u32be(entry(s, pos) + s->key_len + 2, tag_and_flags(s, pos) & ~(uint32_t)PEER_PAUSED);
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
    uint8_t *e = entry(s, pos);

    ASSERT((flags & ~(unsigned)PEER_STATE) == 0);
    ASSERT((flags & PEER_PAUSED) == 0 || !peerset_is_seed(s, pos));
    s->npaused -= (peerset_flags(s, pos) & PEER_PAUSED) != 0;
    s->npaused += (flags & PEER_PAUSED) != 0;
    put_u16be(e + s->key_len, seen);
    put_u32be(e + s->key_len + 2,
              (tag & ~(uint32_t)PEER_FLAGS) | flags | (tag_and_flags(s, pos) & PEER_UNSITED));
    if (s->ids != NULL)
        memcpy(s->ids + (size_t)pos * PEERSET_ID_LEN, id, PEERSET_ID_LEN);
}

void
peerset_trim(struct peerset *s, const struct peerset_env *env)
{
    uint32_t left = peerset_count(s);

    if (left == 0)
        peerset_fini(s);
    else if (left < s->cap / 2)
        shrink(s, env, next_cap(left));
}
