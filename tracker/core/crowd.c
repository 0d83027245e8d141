/* SPDX-License-Identifier: BSD-2-Clause
 *
 * |counts| has the first row and then the second.
 */
#include "tracker/core/crowd.h"

#include <stdlib.h>

#include "common/base/assert.h"
#include "common/base/err.h"
#include "common/codec/compact.h"
#include "common/ds/siphash.h"

enum { V4_LEN = 4, V6_SITE_LEN = 6 };

int
crowd_init(struct crowd *c, const uint64_t seed[2])
{
    *c = (struct crowd){
        .counts = calloc(2 * (size_t)CROWD_PLACES, sizeof(uint32_t)),
        .seed = {seed[0], ~seed[1]},
    };
    return c->counts != NULL ? 0 : SPRAT_E_NOMEM;
}

void
crowd_fini(struct crowd *c)
{
    free(c->counts);
    c->counts = NULL;
}

struct places {
    uint32_t *first, *second;
};

static struct places
find(const struct crowd *c, const uint8_t *key, size_t key_len)
{
    uint64_t hash =
        siphash13(c->seed, key, key_len == COMPACT_V4_LEN ? (size_t)V4_LEN : V6_SITE_LEN);

    return (struct places){
        .first = &c->counts[hash % CROWD_PLACES],
        .second = &c->counts[CROWD_PLACES + (hash >> 32) % CROWD_PLACES],
    };
}

static uint32_t
least(struct places p)
{
    return *p.first < *p.second ? *p.first : *p.second;
}

void
crowd_enter(struct crowd *c, const uint8_t *key, size_t key_len)
{
    struct places p = find(c, key, key_len);

    ++*p.first;
    ++*p.second;
    c->total++;
    if (least(p) > c->most)
        c->most = least(p);
}

void
crowd_leave(struct crowd *c, const uint8_t *key, size_t key_len)
{
    struct places p = find(c, key, key_len);

    ASSERT(*p.first > 0 && *p.second > 0);
    --*p.first;
    --*p.second;
    c->total--;
}

uint32_t
crowd_count(const struct crowd *c, const uint8_t *key, size_t key_len)
{
    struct places p = find(c, key, key_len);

    return least(p);
}
