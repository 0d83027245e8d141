/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The memory of a peer set: its layout, and how it grows and shrinks. For peerset.c only.
 */
#ifndef TRACKER_CORE_PEERSET_ROOM_H
#define TRACKER_CORE_PEERSET_ROOM_H

#include "common/ds/siphash.h"
#include "tracker/core/marks.h"
#include "tracker/core/peerset.h"

static inline uint8_t *
peerset_entry(struct peerset *s, uint32_t pos)
{
    uint8_t *chunk = s->memory;

    if (!peerset_is_large(s))
        return chunk + pos * peerset_stride(s);
    chunk = ((struct peerset_large *)s->memory)->chunks[pos / PEERSET_SMALL_MAX];
    return chunk + pos % PEERSET_SMALL_MAX * peerset_stride(s);
}

/* The peer's id as it is stored, in a set that keeps ids. */
static inline uint8_t *
peerset_entry_id(struct peerset *s, uint32_t pos)
{
    uint32_t at = peerset_is_large(s) ? pos % PEERSET_SMALL_MAX : pos;
    uint8_t *chunk = peerset_entry(s, pos) - at * peerset_stride(s);

    return chunk + peerset_chunk_cap(s, pos - at) * peerset_stride(s) + at * s->id_len;
}

static inline struct peerset_large *
peerset_large(const struct peerset *s)
{
    return s->memory;
}

static inline bool
peerset_has_marks(const struct peerset *s)
{
    return s->cap > PEERSET_BARE_MAX && !s->has_index;
}

/* The marks of the chunk of |pos|, in a set that has marks. */
static inline uint8_t *
peerset_marks(const struct peerset *s, uint32_t pos)
{
    uint32_t first;
    uint8_t *chunk = s->memory;

    if (!peerset_is_large(s))
        return chunk + s->cap * (peerset_stride(s) + s->id_len);
    first = pos / PEERSET_SMALL_MAX * PEERSET_SMALL_MAX;
    chunk = peerset_large(s)->chunks[pos / PEERSET_SMALL_MAX];
    return chunk + peerset_chunk_cap(s, first) * (peerset_stride(s) + s->id_len);
}

static inline uint8_t *
peerset_mark_at(const struct peerset *s, uint32_t pos)
{
    return peerset_marks(s, pos) + pos % PEERSET_SMALL_MAX;
}

enum { PEERSET_V4_SITE_LEN = 4, PEERSET_V6_SITE_LEN = 8 };

/* Multiplicative hashing of the site, or of the port and the end of the address. It is weaker than
 * the hash of the index; an attacker who produces collisions makes a search compare a few hundred
 * entries. */
static inline uint8_t
peerset_mark(const struct peerset *s, const struct peerset_env *env, const uint8_t *key, bool sited)
{
    const uint8_t *end = key + s->key_len - COMPACT_V4_LEN;
    uint64_t word;

    if (sited)
        word = s->key_len == COMPACT_V4_LEN ? get_u32be(key) : get_u64be(key);
    else
        word = (uint64_t)get_u32be(end) << 16 | get_u16be(end + 4);
    return (uint8_t)((word ^ env->seed[0]) * (env->seed[1] | 1) >> 56);
}

/* The hash for the index. */
static inline uint64_t
peerset_hash(const struct peerset *s, const struct peerset_env *env, const uint8_t *key, bool sited)
{
    size_t site_len = s->key_len == COMPACT_V4_LEN ? PEERSET_V4_SITE_LEN : PEERSET_V6_SITE_LEN;

    return siphash13(env->seed, key, sited ? site_len : s->key_len);
}

static inline uint64_t
peerset_hash_at(const struct peerset *s, const struct peerset_env *env, uint32_t pos)
{
    return peerset_hash(s, env, peerset_key(s, pos), peerset_is_sited(s, pos));
}

/* Makes room for at least one more peer. False when memory is out, or the set has
 * PEERSET_PEERS_MAX. */
bool peerset_grow(struct peerset *s, const struct peerset_env *env);

/* Frees memory that is unused beyond the step by which the set grows, as far as there is memory for
 * doing it. */
void peerset_shrink(struct peerset *s, const struct peerset_env *env);

/* Adds the peer at |pos| to the index of a set that has one, after peerindex_reserve(). */
void peerset_index_add(struct peerset *s, const struct peerset_env *env, uint64_t hash,
                       uint32_t pos);

/* Frees all memory of the set. */
void peerset_free_memory(struct peerset *s, const struct peerset_env *env);

#endif
