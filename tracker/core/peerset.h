/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The peers of one family in one swarm: a packed array, seeders first, with marks behind it by
 * which a peer is found, and a hash index in their place once it is large. Adding, finding,
 * removing and changing sides are O(1); nothing is allocated but when the array grows. Knows no
 * announce and no clock: times are 16-bit seconds that wrap around.
 *
 * An entry begins with the compact endpoint (compact.h), so that a reply is copied straight out:
 *
 *  offset   size
 *  0        6 or 18  address and port
 *  6 / 18   2        second in which the peer was last seen, modulo 2^16
 *  8 / 20   4        the peer's tag, whose three low bits are flags
 *
 * An IPv4 peer so takes 12 bytes and an IPv6 peer 24, and one more for its mark, or in a large set
 * about 3 of index (6 beyond 43,000 peers).
 *
 * Marks and index are made from a hash of the peer's site: its IPv4 address, or its IPv6 /64. So
 * all peers of a site are found by one search, and can be counted before another one is added.
 * Peers that are not to be counted, of which a site may have any number, are hashed by the whole
 * endpoint.
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

enum {
    PEERSET_BARE_MAX = 16,  /* entries; a set of more has marks */
    PEERSET_SCAN_MAX = 256, /* entries; a set of more has an index */
    PEERSET_TAG_SCAN_MAX = 4096,
    PEERSET_PEERS_MAX = 1 << 24,
    PEERSET_ID_LEN = 20,
    PEERSET_META_LEN = 6, /* of an entry behind the address and port */
};

/* Flags of a peer, and where its tag begins. */
enum {
    PEER_PAUSED = 1,  /* a partial seed (BEP 21); only a leecher can be one */
    PEER_COUNTED = 2, /* its completion was counted */
    PEER_STATE = 3,   /* these two, which peerset_touch() sets */
    PEER_UNSITED = 4, /* it is not counted among the peers of its site; stays as it was added */
    PEER_FLAGS = 7,
};

#define PEERSET_NONE UINT32_MAX

/* Embedded; read |nseeds|, |nleeches| and |npaused|, the rest is private. */
struct peerset {
    uint8_t *entries; /* and the marks behind all |cap| of them */
    uint8_t *ids;     /* peer ids in the same order; NULL unless they are kept */
    void *index; /* slots with a position + 1, of 2 bytes up to 2^16 slots, then of 4; or NULL */
    uint32_t nslots;
    uint32_t cap;
    uint32_t nseeds, nleeches;
    uint32_t npaused;
    uint8_t key_len; /* of the compact endpoint */
    bool keeps_ids;
    bool has_sited, has_unsited; /* there was a peer of that kind since the set was empty */
};

/* What is the same for all sets of a tracker. */
struct peerset_env {
    uint64_t seed[2]; /* of the hash: peers must not be able to choose where they land */
};

void peerset_init(struct peerset *s, enum ip_family family, bool keeps_ids);
void peerset_fini(struct peerset *s);

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
    return (size_t)s->key_len + PEERSET_META_LEN;
}

static inline const uint8_t *
peerset_key(const struct peerset *s, uint32_t pos)
{
    return s->entries + pos * peerset_stride(s);
}

static inline uint16_t
peerset_seen(const struct peerset *s, uint32_t pos)
{
    return get_u16be(peerset_key(s, pos) + s->key_len);
}

static inline uint32_t
peerset_tag(const struct peerset *s, uint32_t pos)
{
    return get_u32be(peerset_key(s, pos) + s->key_len + 2) & ~(uint32_t)PEER_FLAGS;
}

static inline unsigned
peerset_flags(const struct peerset *s, uint32_t pos)
{
    return get_u32be(peerset_key(s, pos) + s->key_len + 2) & PEER_STATE;
}

static inline bool
peerset_is_sited(const struct peerset *s, uint32_t pos)
{
    return (get_u32be(peerset_key(s, pos) + s->key_len + 2) & PEER_UNSITED) == 0;
}

/* Whether the peer was last seen more than |age_max| seconds before |now|. */
static inline bool
peerset_is_silent(const struct peerset *s, uint32_t pos, uint16_t now, uint16_t age_max)
{
    return (uint16_t)(now - peerset_seen(s, pos)) > age_max;
}

/* The second of |now| as a peerset stores it, modulo 2^16. With the longest interval, the age of a
 * peer stays far below 2^16 s. */
static inline uint16_t
peerset_seconds(struct mono now)
{
    return (uint16_t)(now.us / 1000000);
}

/* |end| is behind |at|. */
static inline void
peerset_prefetch_bytes(const void *at, const void *end)
{
    for (const uint8_t *p = at; p < (const uint8_t *)end; p += CACHE_LINE)
        prefetch_line(p);
    prefetch_line((const uint8_t *)end - 1);
}

/* Gets |n| peers from |pos| on on their way from memory. */
static inline void
peerset_prefetch_row(const struct peerset *s, uint32_t pos, uint32_t n)
{
    peerset_prefetch_bytes(peerset_key(s, pos), peerset_key(s, pos + n));
}

/* For who is going to look for peers of many sets: the first gets the set itself on its way from
 * memory, the second, some sets later, what peerset_find() reads first, and the third the entry
 * that it then finds. */
static inline void
peerset_prefetch(const struct peerset *s)
{
    peerset_prefetch_bytes(s, s + 1);
}

void peerset_prefetch_search(const struct peerset *s, const struct peerset_env *env,
                             const uint8_t *key);
void peerset_prefetch_found(const struct peerset *s, const struct peerset_env *env,
                            const uint8_t *key);

/* Equal compact endpoints? The lengths are spelled out so that the compiler compares words. */
static inline bool
peerset_key_is(const struct peerset *s, uint32_t pos, const uint8_t *key)
{
    const uint8_t *own = peerset_key(s, pos);

    return s->key_len == COMPACT_V4_LEN ? memcmp(own, key, COMPACT_V4_LEN) == 0
                                        : memcmp(own, key, COMPACT_V6_LEN) == 0;
}

/* The position of the peer with compact endpoint |key|, or PEERSET_NONE. A position is good until
 * the next change of the set. */
uint32_t peerset_find(const struct peerset *s, const struct peerset_env *env, const uint8_t *key);

/* The position of a peer with |tag|, looked for among the first PEERSET_TAG_SCAN_MAX only, or
 * PEERSET_NONE. */
uint32_t peerset_find_tag(const struct peerset *s, uint32_t tag);

/* Adds a peer that is not in, and returns its position; PEERSET_NONE when memory is out or the set
 * has PEERSET_PEERS_MAX. The second one counts among the peers of its site, of which there should
 * be few: looking for one of them looks at all. */
uint32_t peerset_add(struct peerset *s, const struct peerset_env *env, const uint8_t *key,
                     bool seed);
uint32_t peerset_add_sited(struct peerset *s, const struct peerset_env *env, const uint8_t *key,
                           bool seed);

/* How many peers of the site of |key| count among those of their site, at most |most|, which is not
 * 0. |*longest| is the position of the one of these that is silent for the longest time at |now|,
 * PEERSET_NONE if there is none. */
uint32_t peerset_count_site(const struct peerset *s, const struct peerset_env *env,
                            const uint8_t *key, uint32_t most, uint16_t now, uint32_t *longest);

void peerset_remove(struct peerset *s, const struct peerset_env *env, uint32_t pos);

/* Moves the peer to the seeders or the leechers and returns its new position. Who changes sides is
 * not paused any more. */
uint32_t peerset_set_seed(struct peerset *s, const struct peerset_env *env, uint32_t pos,
                          bool seed);

/* Notes when and as whom the peer was seen. |flags| are of PEER_STATE; PEER_PAUSED must not be
 * given for a seeder. |id| of PEERSET_ID_LEN bytes is kept if the set does that. */
void peerset_touch(struct peerset *s, uint32_t pos, uint16_t seen, uint32_t tag, unsigned flags,
                   const uint8_t *id);

/* Gives memory back when much is unused, after peers were removed. */
void peerset_trim(struct peerset *s, const struct peerset_env *env);

#endif
