/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A peer set: the peers of one address family in one swarm. It is a packed array with the seeders
 * first. A peer is found by marks, one hash byte per peer after the array; the largest sets have a
 * hash index instead. Adding, finding, removing and changing between seeder and leecher touch at
 * most a few hundred peers. Knows no announce and no clock: times are 16-bit seconds that wrap
 * around.
 *
 * An entry begins with the compact endpoint (compact.h), so that it can be copied into a reply. The
 * rest of it has one of three forms (struct peerset_form), the same for all sets of a tracker:
 *
 *  size  PEERSET_SHARED (4)            PEERSET_SHORT (5)   PEERSET_EXACT (6)
 *  2     time of 8 s, flags            time of 8 s, flags  time of 1 s
 *  2/3   the last 2 bytes of the id    tag                 tag
 *  1     -                             -                   flags
 *
 * The time is that of the peer's last announce, modulo 2^16 s. A time of 8 s is rounded down to a
 * multiple of 8 s, and its three low bits are the flags. So an IPv4 peer takes 10 to 12 bytes, and
 * 18 or 20 more if ids are kept.
 *
 * A set of at most PEERSET_SMALL_MAX entries is one block (blocks.h): entries, ids, and marks if it
 * has more than PEERSET_BARE_MAX. A larger set has chunks, each with PEERSET_SMALL_MAX entries,
 * their ids and marks; the last chunk may be shorter. A set of more than PEERSET_MARKED_MAX entries
 * has an index (peerindex.h) instead of marks.
 *
 * Marks and index use a hash of the peer's site: its IPv4 address or its IPv6 /64. So one search
 * finds all peers of a site, which are counted before another one is added. "Unsited" peers, whose
 * number per site is not limited, are hashed by the whole endpoint instead.
 */
#ifndef TRACKER_CORE_PEERSET_H
#define TRACKER_CORE_PEERSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/base/bytes.h"
#include "common/base/endpoint.h"
#include "common/base/mono.h"
#include "common/base/prefetch.h"
#include "common/codec/compact.h"
#include "tracker/core/peerindex.h"

enum {
    PEERSET_BARE_MAX = 64,     /* entries; a larger set has marks, */
    PEERSET_SMALL_MAX = 256,   /* entries; a larger set has chunks */
    PEERSET_MARKED_MAX = 1536, /* entries; a larger set has an index */
    PEERSET_TAG_SCAN_MAX = 4096,
    PEERSET_PEERS_MAX = 1 << 24,
    PEERSET_ID_LEN = 20,
    PEERSET_TICK_S = 8, /* seconds to which times are rounded that are not exact */
};

/* Flags of a peer. */
enum {
    PEER_PAUSED = 1,  /* a partial seed (BEP 21); only a leecher can be one */
    PEER_COUNTED = 2, /* its completion was counted */
    PEER_STATE = 3,   /* the two flags that peerset_touch() sets */
    PEER_UNSITED = 4, /* not counted among the peers of its site; never changes */
    PEER_FLAGS = 7,
};

#define PEERSET_NONE UINT32_MAX

/* The number of bytes of an entry after the address and port. */
enum peerset_meta {
    /* For open trackers that keep ids. The tag of a peer is the end of its id. */
    PEERSET_SHARED = 4,
    /* For open trackers that keep none, and for private ones: the tag is 3 bytes. */
    PEERSET_SHORT = 5,
    /* For the trackers of a fleet, which compare the times of different trackers. */
    PEERSET_EXACT = 6,
};

struct peerset_form {
    enum peerset_meta meta;
    bool keeps_ids; /* true for PEERSET_SHARED */
};

/* Values that are the same for all sets of a tracker. */
struct peerset_env {
    uint64_t seed[2]; /* of the hash; secret, so that peers can't choose their hashes */
    struct peerset_form form;
    struct blocks *blocks; /* borrowed */
};

/* The chunks of a large set. */
struct peerset_large {
    void **chunks;          /* allocated for the next power of two of their number */
    struct peerindex index; /* if the set has one */
};

/* Embedded; must not be copied (use peerset_swap()). |nseeds|, |nleeches| and |npaused| may be
 * read, the rest is private. */
struct peerset {
    void *memory; /* a block, or a struct peerset_large if |cap| is above PEERSET_SMALL_MAX */
    uint32_t cap;
    uint32_t nseeds, nleeches;
    uint32_t npaused;
    uint8_t key_len;  /* of the compact endpoint */
    uint8_t meta_len; /* an enum peerset_meta */
    uint8_t id_len;   /* bytes of an id that are stored beside the entries; 0: ids are not kept */
    bool has_index : 1;
    bool has_sited : 1, has_unsited : 1; /* the set has had such a peer since it was last empty */
};

void peerset_init(struct peerset *s, const struct peerset_env *env, enum ip_family family);
void peerset_fini(struct peerset *s, const struct peerset_env *env);

static inline uint32_t
peerset_count(const struct peerset *s)
{
    return s->nseeds + s->nleeches;
}

static inline bool
peerset_is_seed(const struct peerset *s, uint32_t pos)
{
    return pos < s->nseeds;
}

static inline size_t
peerset_stride(const struct peerset *s)
{
    return (size_t)s->key_len + s->meta_len;
}

static inline bool
peerset_is_large(const struct peerset *s)
{
    return s->cap > PEERSET_SMALL_MAX;
}

/* The chunk with position |pos|; a small set is one chunk. |*first| is its first position. */
static inline const uint8_t *
peerset_chunk(const struct peerset *s, uint32_t pos, uint32_t *first)
{
    *first = 0;
    if (!peerset_is_large(s))
        return s->memory;
    *first = pos / PEERSET_SMALL_MAX * PEERSET_SMALL_MAX;
    return ((const struct peerset_large *)s->memory)->chunks[pos / PEERSET_SMALL_MAX];
}

/* The capacity of the chunk whose first position is |first|. */
static inline uint32_t
peerset_chunk_cap(const struct peerset *s, uint32_t first)
{
    return s->cap - first < PEERSET_SMALL_MAX ? s->cap - first : PEERSET_SMALL_MAX;
}

static inline const uint8_t *
peerset_key(const struct peerset *s, uint32_t pos)
{
    uint32_t first;
    const uint8_t *chunk = peerset_chunk(s, pos, &first);

    return chunk + (pos - first) * peerset_stride(s);
}

/* How many of |n| peers from |pos| on are adjacent in memory, from peerset_key() on. */
static inline uint32_t
peerset_row(uint32_t pos, uint32_t n)
{
    uint32_t left = PEERSET_SMALL_MAX - pos % PEERSET_SMALL_MAX;

    return n < left ? n : left;
}

/* The stored part of the peer's id, |s->id_len| bytes; the ids of a row are adjacent. */
static inline const uint8_t *
peerset_id_part(const struct peerset *s, uint32_t pos)
{
    uint32_t first;
    const uint8_t *chunk = peerset_chunk(s, pos, &first);

    return chunk + peerset_chunk_cap(s, first) * peerset_stride(s) + (pos - first) * s->id_len;
}

/* The bits of a time that an entry stores. */
static inline uint16_t
peerset_time_mask(const struct peerset *s)
{
    return s->meta_len == PEERSET_EXACT ? UINT16_MAX : UINT16_MAX - (PEERSET_TICK_S - 1);
}

/* The second in which the peer was last seen, or one of the seven before it. */
static inline uint16_t
peerset_seen(const struct peerset *s, uint32_t pos)
{
    return get_u16be(peerset_key(s, pos) + s->key_len) & peerset_time_mask(s);
}

/* The tag in |meta|, the part of an entry after the address and port. Its low byte is 0. */
static inline uint32_t
peerset_meta_tag(const uint8_t *meta, size_t meta_len)
{
    uint32_t tag = (uint32_t)get_u16be(meta + 2) << 16;

    return meta_len == PEERSET_SHARED ? tag : tag | (uint32_t)meta[4] << 8;
}

static inline uint32_t
peerset_tag(const struct peerset *s, uint32_t pos)
{
    return peerset_meta_tag(peerset_key(s, pos) + s->key_len, s->meta_len);
}

/* The bits of a tag that a set of that form stores. */
static inline uint32_t
peerset_tag_mask(const struct peerset_form *form)
{
    return form->meta == PEERSET_SHARED ? 0xffff0000u : 0xffffff00u;
}

/* The tag that a peer with |id| has in a set of form PEERSET_SHARED. */
static inline uint32_t
peerset_shared_tag(const uint8_t id[PEERSET_ID_LEN])
{
    return (uint32_t)get_u16be(id + PEERSET_ID_LEN - 2) << 16;
}

/* The offset of the byte whose three low bits are the flags. */
static inline size_t
peerset_flags_at(const struct peerset *s)
{
    return (size_t)s->key_len + (s->meta_len == PEERSET_EXACT ? 5 : 1);
}

static inline unsigned
peerset_flags(const struct peerset *s, uint32_t pos)
{
    return peerset_key(s, pos)[peerset_flags_at(s)] & PEER_STATE;
}

static inline bool
peerset_is_sited(const struct peerset *s, uint32_t pos)
{
    return (peerset_key(s, pos)[peerset_flags_at(s)] & PEER_UNSITED) == 0;
}

/* Seconds by which a peer's age by peerset_seen() may be too high. */
static inline uint16_t
peerset_age_error(const struct peerset *s)
{
    return (uint16_t)~peerset_time_mask(s);
}

/* Whether the peer was last seen more than |age_max| seconds before |now|; false for up to seven
 * seconds more if times are not exact. */
static inline bool
peerset_is_silent(const struct peerset *s, uint32_t pos, uint16_t now, uint16_t age_max)
{
    return (uint16_t)(now - peerset_seen(s, pos)) > (uint32_t)age_max + peerset_age_error(s);
}

/* The second of |now| as a peerset stores it, modulo 2^16. With the longest interval, the age of a
 * peer stays far below 2^16 s. */
static inline uint16_t
peerset_seconds(struct mono now)
{
    return (uint16_t)(now.us / 1000000);
}

/* Copies the peer's id of PEERSET_ID_LEN bytes, of a set that keeps ids. */
static inline void
peerset_get_id(const struct peerset *s, uint32_t pos, uint8_t *id)
{
    memcpy(id, peerset_id_part(s, pos), s->id_len);
    if (s->meta_len == PEERSET_SHARED)
        memcpy(id + PEERSET_ID_LEN - 2, peerset_key(s, pos) + s->key_len + 2, 2);
}

/* Whether the peer's id is |id|, of a set that keeps ids. */
static inline bool
peerset_has_id(const struct peerset *s, uint32_t pos, const uint8_t *id)
{
    uint8_t own[PEERSET_ID_LEN];

    peerset_get_id(s, pos, own);
    return memcmp(own, id, PEERSET_ID_LEN) == 0;
}

/* Prefetches the bytes from |at| up to |end|, which is after |at|. */
static inline void
peerset_prefetch_bytes(const void *at, const void *end)
{
    for (const uint8_t *p = at; p < (const uint8_t *)end; p += CACHE_LINE)
        prefetch_line(p);
    prefetch_line((const uint8_t *)end - 1);
}

/* Prefetches a row of |n| peers from |pos| on (peerset_row()). */
static inline void
peerset_prefetch_row(const struct peerset *s, uint32_t pos, uint32_t n)
{
    const uint8_t *at = peerset_key(s, pos);

    peerset_prefetch_bytes(at, at + n * peerset_stride(s));
}

/* Prefetches for a batch of searches in many sets. Call the first function for all sets of the
 * batch, then the second for all, then the third: they prefetch the set itself, what peerset_find()
 * reads first, and the entry that it probably finds. */
static inline void
peerset_prefetch(const struct peerset *s)
{
    peerset_prefetch_bytes(s, s + 1);
}

void peerset_prefetch_search(const struct peerset *s, const struct peerset_env *env,
                             const uint8_t *key);
void peerset_prefetch_found(const struct peerset *s, const struct peerset_env *env,
                            const uint8_t *key);

/* Whether two compact endpoints are equal. The lengths are constants so that the compiler compares
 * words. */
static inline bool
peerset_key_is(const struct peerset *s, uint32_t pos, const uint8_t *key)
{
    const uint8_t *own = peerset_key(s, pos);

    return s->key_len == COMPACT_V4_LEN ? memcmp(own, key, COMPACT_V4_LEN) == 0
                                        : memcmp(own, key, COMPACT_V6_LEN) == 0;
}

/* The position of the peer with compact endpoint |key|, or PEERSET_NONE. A position is valid until
 * the next change of the set, and a pointer to an entry until the next change of any set of the
 * tracker. */
uint32_t peerset_find(const struct peerset *s, const struct peerset_env *env, const uint8_t *key);

/* The position of a peer with |tag| among the first PEERSET_TAG_SCAN_MAX, or PEERSET_NONE. In a set
 * of form PEERSET_SHARED the peer also has |id| of PEERSET_ID_LEN bytes. */
uint32_t peerset_find_tag(const struct peerset *s, uint32_t tag, const uint8_t *id);

/* Adds a peer that is not in the set, and returns its position; PEERSET_NONE when memory is out or
 * the set has PEERSET_PEERS_MAX. A peer added by peerset_add_sited() counts among the peers of its
 * site; these should be few, since a search for one of them compares all. */
uint32_t peerset_add(struct peerset *s, const struct peerset_env *env, const uint8_t *key,
                     bool seed);
uint32_t peerset_add_sited(struct peerset *s, const struct peerset_env *env, const uint8_t *key,
                           bool seed);

/* Counts the peers of the site of |key| that are not unsited, up to |most|, which is above 0.
 * |*longest| is the position of the one with the oldest announce at |now|; PEERSET_NONE if there is
 * none. */
uint32_t peerset_count_site(const struct peerset *s, const struct peerset_env *env,
                            const uint8_t *key, uint32_t most, uint16_t now, uint32_t *longest);

void peerset_remove(struct peerset *s, const struct peerset_env *env, uint32_t pos);

/* Moves the peer to the seeders or the leechers, and returns its new position. A peer that changes
 * sides is not paused any more. */
uint32_t peerset_set_seed(struct peerset *s, const struct peerset_env *env, uint32_t pos,
                          bool seed);

/* Stores the time of the peer's announce, its tag and its flags. |flags| is a subset of PEER_STATE,
 * without PEER_PAUSED for a seeder. |id| of PEERSET_ID_LEN bytes is stored if the set keeps ids; in
 * a set of form PEERSET_SHARED the tag is the end of the id, and |tag| is ignored. */
void peerset_touch(struct peerset *s, uint32_t pos, uint16_t seen, uint32_t tag, unsigned flags,
                   const uint8_t *id);

/* Frees unused memory. A large set frees memory while peers are removed, except that for a few
 * hundred peers. */
void peerset_trim(struct peerset *s, const struct peerset_env *env);

/* Exchanges the contents of two sets of one family. */
void peerset_swap(struct peerset *a, struct peerset *b);

#endif
