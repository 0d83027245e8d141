/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Each thread gets its own engines when it first hashes, and frees them when it ends. An engine
 * takes as long for one message as for all its lanes full, so it is used only when enough lanes are
 * full, by a rule that counts bytes. The rates behind the rule were measured with libipsec-mb 1.3
 * and OpenSSL 3.0 on a processor with AVX-512 and SHA-NI; they differ elsewhere, but the best
 * choice changes little.
 */
#include "common/crypto/shamany.h"

#include <openssl/crypto.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/crypto/sha256mb.h"

/* Overhead per message, in bytes that could be hashed meanwhile: padding for an engine, and setting
 * up a digest for OpenSSL. */
enum { ENGINE_OVERHEAD = 64, OPENSSL_OVERHEAD = 512 };

struct engine {
    struct sha256mb *mb;
    unsigned lanes;
    unsigned quarters_min; /* quarters of the lanes that must be full to beat the next best
                              implementation */
    unsigned rival;        /* overhead of the next best implementation */
};

/* Best first. */
struct engines {
    struct engine list[2];
    size_t count;
};

static CRYPTO_ONCE key_once = CRYPTO_ONCE_STATIC_INIT;
static CRYPTO_THREAD_LOCAL key; /* key of a thread's struct engines */
static bool have_key;

static void
engines_free(void *arg)
{
    struct engines *e = arg;

    for (size_t i = 0; i < e->count; i++)
        sha256mb_free(e->list[i].mb);
    free(e);
}

static void
make_key(void)
{
    have_key = CRYPTO_THREAD_init_local(&key, engines_free) == 1;
}

static bool
add(struct engines *e, enum sha256mb_path path, unsigned quarters_min, unsigned rival)
{
    struct sha256mb *mb = sha256mb_new(path);

    if (mb == NULL)
        return false;
    e->list[e->count++] = (struct engine){
        .mb = mb,
        .lanes = sha256mb_lanes(mb),
        .quarters_min = quarters_min,
        .rival = rival,
    };
    return true;
}

/* With SHA-NI, the two-way code is the rival of the wide code: at 16 KiB, 2.06 GiB/s with both
 * lanes full against 3.72 with 16 lanes (and OpenSSL 1.54). Without SHA-NI, a lane does 0.18 to
 * 0.23 GiB/s against OpenSSL's 0.45. */
static void
choose(struct engines *e)
{
    struct sha256mb *shani = sha256mb_new(SHA256MB_SHANI);

    if (shani == NULL) {
        (void)(add(e, SHA256MB_AVX512, 9, OPENSSL_OVERHEAD) ||
               add(e, SHA256MB_AVX2, 11, OPENSSL_OVERHEAD) ||
               add(e, SHA256MB_SSE, 11, OPENSSL_OVERHEAD));
        return;
    }
    (void)add(e, SHA256MB_AVX512, 36, ENGINE_OVERHEAD);
    e->list[e->count++] = (struct engine){
        .mb = shani,
        .lanes = sha256mb_lanes(shani),
        .quarters_min = 6,
        .rival = OPENSSL_OVERHEAD,
    };
}

/* The engines of this thread; NULL when memory is out. */
static struct engines *
engines_get(void)
{
    struct engines *e;
    int ok = CRYPTO_THREAD_run_once(&key_once, make_key);

    ASSERT(ok == 1);
    if (!have_key)
        return NULL;
    e = CRYPTO_THREAD_get_local(&key);
    if (e != NULL)
        return e;
    e = calloc(1, sizeof(*e));
    if (e == NULL)
        return NULL;
    choose(e);
    if (CRYPTO_THREAD_set_local(&key, e) != 1) {
        engines_free(e);
        return NULL;
    }
    return e;
}

/* The number of messages at the start of the list that an engine can hash. */
static size_t
usable(const size_t len[], size_t n)
{
    size_t k = 0;

    while (k < n && k < SHA256MB_BURST_MAX && len[k] > 0 && len[k] <= SHA256MB_LEN_MAX)
        k++;
    return k;
}

/* How many of the |n| messages to give to this engine: the first ones, in whole rounds of its lanes
 * if there are that many; 0 if the next best implementation hashes them faster. */
static size_t
worth(const struct engine *e, const size_t len[], size_t n)
{
    size_t rounds, longest = 0, total = 0;

    if (n > e->lanes)
        n -= n % e->lanes;
    rounds = (n + e->lanes - 1) / e->lanes;
    for (size_t i = 0; i < n; i++) {
        longest = len[i] > longest ? len[i] : longest;
        total += len[i] + e->rival;
    }
    return 4 * total >= e->quarters_min * rounds * (longest + ENGINE_OVERHEAD) ? n : 0;
}

/* A failed engine is not used again. */
static void
drop(struct engines *e, size_t which)
{
    sha256mb_free(e->list[which].mb);
    e->count--;
    for (size_t i = which; i < e->count; i++)
        e->list[i] = e->list[i + 1];
}

/* Hashes as many of the first |n| messages as are efficiently hashed together, and returns their
 * number. 0: the first message is better hashed alone. */
static size_t
hash_together(const void *const data[], const size_t len[], size_t n, uint8_t *out)
{
    struct engines *e = engines_get();
    size_t k = usable(len, n);

    for (size_t i = 0; k > 0 && e != NULL && i < e->count; i++) {
        size_t take = worth(&e->list[i], len, k);

        if (take == 0)
            continue;
        if (sha256mb_hash(e->list[i].mb, data, len, take, out))
            return take;
        drop(e, i);
        return 0;
    }
    return 0;
}

void
sha256_many(const void *const data[], const size_t len[], size_t n, uint8_t *out)
{
    for (size_t done = 0; done < n;) {
        size_t took = hash_together(data + done, len + done, n - done, out + done * SHA256_LEN);

        if (took == 0) {
            sha256(data[done], len[done], out + done * SHA256_LEN);
            took = 1;
        }
        done += took;
    }
}

void
sha256_pair(const uint8_t left[SHA256_LEN], const uint8_t right[SHA256_LEN],
            uint8_t out[SHA256_LEN])
{
    uint8_t both[2 * SHA256_LEN];

    memcpy(both, left, SHA256_LEN);
    memcpy(both + SHA256_LEN, right, SHA256_LEN);
    sha256_many((const void *[]){both}, (const size_t[]){sizeof(both)}, 1, out);
}
