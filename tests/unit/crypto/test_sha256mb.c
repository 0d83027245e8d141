/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Every engine that this processor has, and the choice between them, against OpenSSL: on every
 * length and alignment, at the edge of memory, on mixes, and in several threads at once.
 */
#include "common/crypto/sha256mb.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/base/rng.h"
#include "common/crypto/sha.h"
#include "common/crypto/shamany.h"

enum {
    PATHS = SHA256MB_SHANI + 1,
    POOL_LEN = 2 << 16,
    MIX_MAX = 150,
};

static const char *const path_names[PATHS] = {"avx512", "avx2", "sse", "shani"};

static uint8_t pool[POOL_LEN];

static void
fill_pool(void)
{
    struct rng rng;

    rng_init(&rng, 7);
    rng_fill(&rng, pool, sizeof(pool));
}

TestSuite(sha256mb, .init = fill_pool);

/* Hashes by one engine, or (NULL) by sha256_many(), and compares each digest. */
static void
compare(struct sha256mb *mb, const char *name, const void *const data[], const size_t len[],
        size_t n)
{
    uint8_t out[MIX_MAX * SHA256_LEN], expected[SHA256_LEN];

    memset(out, 0xa5, sizeof(out));
    if (mb != NULL)
        cr_assert(sha256mb_hash(mb, data, len, n, out), "%s refuses %zu messages", name, n);
    else
        sha256_many(data, len, n, out);
    for (size_t i = 0; i < n; i++) {
        sha256(data[i], len[i], expected);
        cr_assert_arr_eq(out + i * SHA256_LEN, expected, SHA256_LEN,
                         "%s: message %zu of %zu, %zu bytes", name, i, n, len[i]);
    }
    for (size_t i = n * SHA256_LEN; i < sizeof(out); i++)
        cr_assert_eq(out[i], 0xa5, "%s wrote behind its digests", name);
}

/* Full lanes of lengths that follow each other, each at an alignment of its own. */
static void
every_length(struct sha256mb *mb, const char *name, size_t from, size_t to)
{
    const void *data[16];
    size_t len[16];

    for (size_t first = from; first <= to; first += 16) {
        for (size_t i = 0; i < 16; i++) {
            len[i] = first + i;
            data[i] = pool + (first + 7 * i) % 64;
        }
        compare(mb, name, data, len, 16);
    }
}

/* Engines take no empty messages and none of 64 KiB; sha256_many() takes all. */
static void
all_lengths(struct sha256mb *mb, const char *name)
{
    every_length(mb, name, mb != NULL, 4096);
    every_length(mb, name, 8192 - 70, 8192 + 70);
    every_length(mb, name, 16384 - 130, 16384 + 130);
    every_length(mb, name, 32768 - 20, 32768 + 20);
    every_length(mb, name, SHA256MB_LEN_MAX - 31, SHA256MB_LEN_MAX - 15);
    if (mb == NULL)
        every_length(mb, name, SHA256MB_LEN_MAX - 70, (1 << 16) + 70);
}

static void
each_engine(void (*check)(struct sha256mb *mb, const char *name))
{
    for (int path = 0; path < PATHS; path++) {
        struct sha256mb *mb = sha256mb_new((enum sha256mb_path)path);
        if (mb != NULL)
            check(mb, path_names[path]);
        sha256mb_free(mb);
    }
    check(NULL, "sha256_many");
}

Test(sha256mb, every_length_equals_openssl)
{
    each_engine(all_lengths);
}

static void
all_alignments(struct sha256mb *mb, const char *name)
{
    for (size_t shift = 0; shift < 64; shift++) {
        const void *data[17];
        size_t len[17];
        for (size_t i = 0; i < 17; i++) {
            data[i] = pool + shift + i * 4096 + i;
            len[i] = shift % 2 == 0 ? 2048 : 64;
        }
        compare(mb, name, data, len, 17);
    }
}

Test(sha256mb, every_alignment_equals_openssl)
{
    each_engine(all_alignments);
}

static void
all_counts(struct sha256mb *mb, const char *name)
{
    for (size_t n = 1; n <= SHA256MB_BURST_MAX; n++) {
        const void *data[SHA256MB_BURST_MAX];
        size_t len[SHA256MB_BURST_MAX];
        for (size_t i = 0; i < n; i++) {
            data[i] = pool + 64 * i;
            len[i] = 64;
        }
        compare(mb, name, data, len, n);
    }
}

Test(sha256mb, every_count_equals_openssl)
{
    each_engine(all_counts);
}

static size_t
random_len(struct rng *rng, size_t max)
{
    switch (rng_below(rng, 4)) {
    case 0: return 1 + rng_below(rng, 130);
    case 1: return 16384 - 65 + rng_below(rng, 130);
    case 2: return 64;
    default: return 1 + rng_below(rng, (uint32_t)max);
    }
}

static void
mixes_of(struct sha256mb *mb, const char *name, uint64_t seed, int rounds)
{
    size_t n_max = mb != NULL ? SHA256MB_BURST_MAX : MIX_MAX;
    size_t len_max = mb != NULL ? SHA256MB_LEN_MAX : POOL_LEN / 2 + 1000;
    struct rng rng;

    rng_init(&rng, seed);
    for (int round = 0; round < rounds; round++) {
        const void *data[MIX_MAX];
        size_t len[MIX_MAX], n = 1 + rng_below(&rng, (uint32_t)n_max);
        for (size_t i = 0; i < n; i++) {
            len[i] = random_len(&rng, round % 8 == 0 ? len_max : 2000);
            if (mb == NULL && rng_below(&rng, 20) == 0)
                len[i] = 0;
            data[i] = pool + rng_below(&rng, (uint32_t)(POOL_LEN - len[i]));
        }
        compare(mb, name, data, len, n);
    }
}

static void
mixes(struct sha256mb *mb, const char *name)
{
    mixes_of(mb, name, 11, 60);
}

Test(sha256mb, random_mixes_equal_openssl)
{
    each_engine(mixes);
}

/* Between two pages that can't be touched: nothing before or behind a message is read. */
static void
at_the_edge(struct sha256mb *mb, const char *name)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), usable = 5 * page;
    uint8_t *map = mmap(NULL, usable + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint8_t *begin = map + page;

    cr_assert(map != MAP_FAILED);
    cr_assert_eq(mprotect(begin, usable, PROT_READ | PROT_WRITE), 0);
    memset(begin, 0x5e, usable);
    for (size_t length = 1; length < 200; length++) {
        const void *data[16];
        size_t len[16];
        for (size_t i = 0; i < 16; i++) {
            len[i] = i < 8 ? length : 16384 - length;
            data[i] = i % 2 == 0 ? begin : begin + usable - len[i];
        }
        compare(mb, name, data, len, 16);
    }
    munmap(map, usable + 2 * page);
}

Test(sha256mb, nothing_outside_of_a_message_is_read)
{
    each_engine(at_the_edge);
}

Test(sha256mb, a_burst_without_messages_or_with_too_many_is_refused)
{
    for (int path = 0; path < PATHS; path++) {
        struct sha256mb *mb = sha256mb_new((enum sha256mb_path)path);
        const void *data[SHA256MB_BURST_MAX + 1] = {NULL};
        size_t len[SHA256MB_BURST_MAX + 1] = {0};
        if (mb == NULL)
            continue;
        cr_expect_geq(sha256mb_lanes(mb), 2);
        cr_expect_not(sha256mb_hash(mb, data, len, 0, pool));
        cr_expect_not(sha256mb_hash(mb, data, len, SHA256MB_BURST_MAX + 1, pool));
        sha256mb_free(mb);
    }
    sha256mb_free(NULL);
}

static void *
hash_in_a_thread(void *arg)
{
    mixes_of(NULL, "sha256_many in a thread", *(const uint64_t *)arg, 30);
    return NULL;
}

Test(sha256mb, threads_do_not_meet)
{
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    uint64_t seeds[THREADS];

    for (size_t i = 0; i < THREADS; i++) {
        seeds[i] = 100 + i;
        cr_assert_eq(pthread_create(&threads[i], NULL, hash_in_a_thread, &seeds[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}
