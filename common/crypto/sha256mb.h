/* SPDX-License-Identifier: BSD-2-Clause
 *
 * SHA-256 of several messages side by side, in the lanes of a processor's vector unit or through
 * two-way SHA-NI code, by Intel's libipsec-mb. An engine is one of these implementations with its
 * own working memory (some 200 KiB); only one thread may use it at a time. Internal to
 * common/crypto and its tests: other code calls sha256_many(), which decides when an engine pays
 * off.
 */
#ifndef COMMON_CRYPTO_SHA256MB_H
#define COMMON_CRYPTO_SHA256MB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SHA256MB_LEN_MAX = (1 << 16) - 64, /* longest message, bytes; the library refuses 64 KiB */
    SHA256MB_BURST_MAX = 64,           /* messages in a call */
};

enum sha256mb_path {
    SHA256MB_AVX512, /* 16 lanes */
    SHA256MB_AVX2,   /* 8 lanes */
    SHA256MB_SSE,    /* 4 lanes */
    SHA256MB_SHANI,  /* 2 lanes */
};

struct sha256mb;

/* Creates an engine. NULL when the processor or operating system lacks what the path needs, when
 * the engine's digests of a few test messages differ from OpenSSL's, when memory is out, or when
 * this build is without libipsec-mb. */
struct sha256mb *sha256mb_new(enum sha256mb_path path);
void sha256mb_free(struct sha256mb *mb);

/* The number of messages that are hashed at a time. */
unsigned sha256mb_lanes(const struct sha256mb *mb);

/* Hashes |n| (1 to SHA256MB_BURST_MAX) messages of 1 to SHA256MB_LEN_MAX bytes; digest i goes to
 * out + 32 * i, which overlaps no message. False when the library failed: |out| is undefined then,
 * and the engine must not be used again. */
bool sha256mb_hash(struct sha256mb *mb, const void *const data[], const size_t len[], size_t n,
                   uint8_t *out);

#endif
