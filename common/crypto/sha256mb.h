/* SPDX-License-Identifier: BSD-2-Clause
 *
 * SHA-256 of several messages side by side, in the lanes of a processor's vector unit or through
 * two-way SHA-NI code, by Intel's libipsec-mb. One engine is one such way, with its own working
 * memory (some 200 KiB); it belongs to one thread at a time. For the inside of common/crypto (and
 * its tests): others call sha256_many(), which knows when an engine is worth it.
 */
#ifndef COMMON_CRYPTO_SHA256MB_H
#define COMMON_CRYPTO_SHA256MB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SHA256MB_LEN_MAX = (1 << 16) - 64, /* bytes of a message; the library refuses 64 KiB */
    SHA256MB_BURST_MAX = 64,           /* messages in a call */
};

enum sha256mb_path {
    SHA256MB_AVX512, /* 16 lanes */
    SHA256MB_AVX2,   /* 8 lanes */
    SHA256MB_SSE,    /* 4 lanes */
    SHA256MB_SHANI,  /* 2 lanes */
};

struct sha256mb;

/* NULL when the processor (or its operating system) lacks what the path needs, when its digests of
 * a few messages were not those of OpenSSL, when memory is out, or when this build is without
 * libipsec-mb. */
struct sha256mb *sha256mb_new(enum sha256mb_path path);
void sha256mb_free(struct sha256mb *mb);

/* Messages that are hashed at a time. */
unsigned sha256mb_lanes(const struct sha256mb *mb);

/* Hashes |n| (1 to SHA256MB_BURST_MAX) messages of 1 to SHA256MB_LEN_MAX bytes; digest i goes to
 * out + 32 * i, which overlaps no message. False when the library did not do it: |out| holds
 * nothing of use then, and the engine is not to be used again. */
bool sha256mb_hash(struct sha256mb *mb, const void *const data[], const size_t len[], size_t n,
                   uint8_t *out);

#endif
