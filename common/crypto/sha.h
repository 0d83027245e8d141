/* SPDX-License-Identifier: BSD-2-Clause
 *
 * SHA-1 and SHA-256: one-shot, incremental, and of many messages at once. The implementation is
 * OpenSSL's; sha256_many() and sha256_pair() also use libipsec-mb's multi-buffer code, where the
 * build has it and the processor benefits.
 */
#ifndef COMMON_CRYPTO_SHA_H
#define COMMON_CRYPTO_SHA_H

#include <stddef.h>
#include <stdint.h>

enum { SHA1_LEN = 20, SHA256_LEN = 32 };

enum sha_kind { SHA_1, SHA_256 };

/* One-shot. They can't fail: the algorithms are fetched once per process, and the process aborts if
 * they are missing. */
void sha1(const void *data, size_t len, uint8_t out[SHA1_LEN]);
void sha256(const void *data, size_t len, uint8_t out[SHA256_LEN]);

/* SHA-256 of the 64 bytes left || right: one inner node of a Merkle tree. */
void sha256_pair(const uint8_t left[SHA256_LEN], const uint8_t right[SHA256_LEN],
                 uint8_t out[SHA256_LEN]);

/* SHA-256 of |n| independent messages; message i is |len[i]| bytes at |data[i]|, its digest goes to
 * out + 32 * i. |out| overlaps no message. Best with 16 or more of nearly the same length, below 64
 * KiB each. The first call of a thread allocates some 0.5 MiB for it, which is freed when the
 * thread ends. */
void sha256_many(const void *const data[], const size_t len[], size_t n, uint8_t *out);

/* Incremental. Heap object; sha_new returns NULL when memory is out. */
struct sha;
struct sha *sha_new(enum sha_kind kind);
void sha_free(struct sha *s);
void sha_update(struct sha *s, const void *data, size_t len);
/* Writes 20 or 32 bytes and starts over for the next message. */
void sha_final(struct sha *s, uint8_t *out);

#endif
