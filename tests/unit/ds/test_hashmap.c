/* SPDX-License-Identifier: BSD-2-Clause
 *
 * SipHash-1-3 against OpenSSL's, and the table through growth, collisions and removal.
 */
#include "common/ds/hashmap.h"
#include "common/ds/siphash.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { OBJECTS = 1000 };

struct object {
    struct hashmap_node node;
    uint32_t key;
};

static const uint64_t seed[2] = {0x0706050403020100, 0x0f0e0d0c0b0a0908};

static bool
match(const struct hashmap_node *node, const void *key, size_t len)
{
    const struct object *o = (const struct object *)(const void *)node;

    return len == sizeof(o->key) && memcmp(&o->key, key, len) == 0;
}

static struct hashmap_node *
find(const struct hashmap *m, uint32_t key)
{
    return hashmap_find(m, &key, sizeof(key));
}

/* Of the bytes 0, 1, 2 …, by "openssl mac -macopt c-rounds:1 -macopt d-rounds:3 SIPHASH". */
Test(hashmap, siphash_vectors)
{
    static const struct {
        size_t len;
        uint64_t hash;
    } known[] = {
        {0, 0xabac0158050fc4dc},  {1, 0xc9f49bf37d57ca93},  {7, 0xd3927d989bb11140},
        {8, 0x369095118d299a8e},  {15, 0xd320d86d2a519956}, {63, 0x9d199062b7bbb3a8},
        {2, 0x82cb9b024dc7d44d},  {3, 0x8bf80ab8e7ddf7fb},  {4, 0xcf75576088d38328},
        {5, 0xdef9d52f49533b67},  {6, 0xc50d2b50c59f22a7},  {20, 0xc0dc2f46a6cce040},
        {25, 0x45cd5928705b0979},
    };
    uint8_t in[64];

    for (size_t i = 0; i < sizeof(in); i++)
        in[i] = (uint8_t)i;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        cr_assert_eq(siphash13(seed, in, known[i].len), known[i].hash, "%zu bytes", known[i].len);
}

Test(hashmap, the_seed_matters)
{
    static const uint64_t other[2] = {1, 2};

    cr_assert_neq(siphash13(seed, "abc", 3), siphash13(other, "abc", 3));
}

Test(hashmap, empty)
{
    struct hashmap m;

    hashmap_init(&m, seed, match);
    cr_assert_null(find(&m, 1));
    cr_assert_eq(m.count, 0);
    hashmap_fini(&m);
}

Test(hashmap, add_find_remove)
{
    static struct object objects[OBJECTS];
    struct hashmap m;

    hashmap_init(&m, seed, match);
    for (uint32_t i = 0; i < OBJECTS; i++) {
        objects[i].key = i * 7;
        cr_assert_null(find(&m, i * 7));
        cr_assert_eq(hashmap_add(&m, &objects[i].node, &objects[i].key, 4), 0);
        cr_assert_eq(find(&m, i * 7), &objects[i].node);
    }
    cr_assert_eq(m.count, OBJECTS);
    cr_assert_geq(m.nbuckets, OBJECTS, "chains are short");
    for (uint32_t i = 0; i < OBJECTS; i += 2)
        hashmap_remove(&m, &objects[i].node);
    cr_assert_eq(m.count, OBJECTS / 2);
    for (uint32_t i = 0; i < OBJECTS; i++)
        cr_assert_eq(find(&m, i * 7), i % 2 == 0 ? NULL : &objects[i].node, "%u", i);
    hashmap_fini(&m);
}

Test(hashmap, a_removed_object_can_come_back)
{
    struct object o = {.key = 5};
    struct hashmap m;

    hashmap_init(&m, seed, match);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(hashmap_add(&m, &o.node, &o.key, 4), 0);
        cr_assert_eq(find(&m, 5), &o.node);
        hashmap_remove(&m, &o.node);
        cr_assert_null(find(&m, 5));
    }
    hashmap_fini(&m);
}

Test(hashmap, a_hash_finds_what_its_key_finds)
{
    struct object a = {.key = 1}, b = {.key = 2};
    struct hashmap m, other;

    hashmap_init(&m, seed, match);
    hashmap_init(&other, seed, match);
    cr_assert_null(hashmap_find_hashed(&m, hashmap_hash(&m, &a.key, 4), &a.key, 4));
    cr_assert_eq(hashmap_add(&m, &a.node, &a.key, 4), 0);
    cr_assert_eq(hashmap_add_hashed(&m, &b.node, hashmap_hash(&other, &b.key, 4)), 0);
    cr_assert_eq(hashmap_find_hashed(&m, hashmap_hash(&m, &a.key, 4), &a.key, 4), &a.node);
    cr_assert_eq(find(&m, 2), &b.node);
    hashmap_fini(&m);
}

Test(hashmap, keys_of_other_lengths_are_not_found)
{
    struct object a = {.key = 1}, b = {.key = 2};
    struct hashmap m;

    hashmap_init(&m, seed, match);
    cr_assert_eq(hashmap_add(&m, &a.node, &a.key, 4), 0);
    cr_assert_eq(hashmap_add(&m, &b.node, &b.key, 4), 0);
    cr_assert_null(hashmap_find(&m, "12345", 5));
    cr_assert_eq(find(&m, 1), &a.node);
    cr_assert_eq(find(&m, 2), &b.node);
    hashmap_fini(&m);
}

static void
mark(void *ctx, struct hashmap_node *node)
{
    const struct object *o = (const struct object *)(const void *)node;

    ((unsigned char *)ctx)[o->key] = 1;
}

/* Objects that are added between two portions, and make the map grow, hide no earlier object. */
Test(hashmap, a_walk_in_portions_while_it_grows)
{
    enum { AT_FIRST = 100, IN_ALL = 3000 };
    static struct object all[IN_ALL];
    static unsigned char seen[IN_ALL];
    struct hashmap m;
    size_t at = 0;
    uint32_t n = 0;

    hashmap_init(&m, seed, match);
    cr_assert_eq(hashmap_walk(&m, 0, 10, mark, seen), 0, "an empty one");
    do {
        for (uint32_t i = 0; i < AT_FIRST && n < IN_ALL; i++, n++) {
            all[n].key = n;
            cr_assert_eq(hashmap_add(&m, &all[n].node, &all[n].key, 4), 0);
        }
        at = hashmap_walk(&m, at, 10, mark, seen);
    } while (at != 0);
    for (uint32_t i = 0; i < AT_FIRST; i++)
        cr_assert(seen[i], "%u", i);
    cr_assert_eq(hashmap_walk(&m, 0, SIZE_MAX, mark, seen), 0);
    for (uint32_t i = 0; i < n; i++)
        cr_assert(seen[i], "%u", i);
    hashmap_fini(&m);
}

Test(hashmap, grows_by_a_few_buckets_at_a_time)
{
    enum { MANY = 100000 };
    struct object *objects = calloc(MANY, sizeof(*objects));
    struct hashmap m;

    hashmap_init(&m, seed, match);
    for (uint32_t i = 0; i < MANY; i++) {
        size_t before = m.nbuckets;

        objects[i].key = i;
        cr_assert_eq(hashmap_add(&m, &objects[i].node, &i, sizeof(i)), 0);
        cr_assert_leq(m.nbuckets, before + (i == 0 ? 16 : 2), "what one call makes anew");
    }
    cr_assert_gt(m.nbuckets, (size_t)MANY, "chains are short");
    cr_assert_leq(m.nbuckets, (size_t)MANY / 3 * 4 + 16, "and memory is not wasted");
    for (uint32_t i = 0; i < MANY; i++)
        cr_assert_eq(find(&m, i), &objects[i].node);
    for (uint32_t i = 0; i < MANY; i++)
        hashmap_remove(&m, &objects[i].node);
    cr_assert_eq(m.count, 0u);
    hashmap_fini(&m);
    free(objects);
}
