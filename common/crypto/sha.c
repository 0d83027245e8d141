/* SPDX-License-Identifier: BSD-2-Clause
 *
 * SHA-1 and SHA-256 by OpenSSL's EVP interface. Fetching an algorithm by name costs more than
 * hashing a Merkle node, so both are fetched once per process and never change afterwards.
 */
#include "common/crypto/sha.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "common/base/assert.h"

/* Set once, by the first caller in the process, and constant from then on. */
static CRYPTO_ONCE fetch_once = CRYPTO_ONCE_STATIC_INIT;
static EVP_MD *fetched[2];

static void
fetch_all(void)
{
    fetched[SHA_1] = EVP_MD_fetch(NULL, "SHA1", NULL);
    fetched[SHA_256] = EVP_MD_fetch(NULL, "SHA256", NULL);
}

static const EVP_MD *
algorithm(enum sha_kind kind)
{
    int ok = CRYPTO_THREAD_run_once(&fetch_once, fetch_all);

    ASSERT(ok == 1);
    ASSERT(fetched[kind] != NULL);
    return fetched[kind];
}

static void
digest(enum sha_kind kind, const void *data, size_t len, uint8_t *out)
{
    int ok = EVP_Digest(data, len, out, NULL, algorithm(kind), NULL);

    ASSERT(ok == 1);
}

void
sha1(const void *data, size_t len, uint8_t out[SHA1_LEN])
{
    digest(SHA_1, data, len, out);
}

void
sha256(const void *data, size_t len, uint8_t out[SHA256_LEN])
{
    digest(SHA_256, data, len, out);
}

struct sha {
    EVP_MD_CTX *ctx;
    enum sha_kind kind;
};

static void
start(struct sha *s)
{
    int ok = EVP_DigestInit_ex2(s->ctx, algorithm(s->kind), NULL);

    ASSERT(ok == 1);
}

struct sha *
sha_new(enum sha_kind kind)
{
    struct sha *s = malloc(sizeof(*s));

    if (s == NULL)
        return NULL;
    *s = (struct sha){.ctx = EVP_MD_CTX_new(), .kind = kind};
    if (s->ctx == NULL) {
        free(s);
        return NULL;
    }
    start(s);
    return s;
}

void
sha_free(struct sha *s)
{
    if (s == NULL)
        return;
    EVP_MD_CTX_free(s->ctx);
    free(s);
}

void
sha_update(struct sha *s, const void *data, size_t len)
{
    int ok = EVP_DigestUpdate(s->ctx, data, len);

    ASSERT(ok == 1);
}

void
sha_final(struct sha *s, uint8_t *out)
{
    int ok = EVP_DigestFinal_ex(s->ctx, out, NULL);

    ASSERT(ok == 1);
    start(s);
}
