/* SPDX-License-Identifier: BSD-2-Clause
 *
 * SHA-1 and SHA-256 by OpenSSL: one-shot and incremental. shamany.h hashes many messages at once,
 * and nodes of Merkle trees.
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

/* Incremental. Heap object; sha_new returns NULL when memory is out. */
struct sha;
struct sha *sha_new(enum sha_kind kind);
void sha_free(struct sha *s);
void sha_update(struct sha *s, const void *data, size_t len);
/* Writes 20 or 32 bytes and starts over for the next message. */
void sha_final(struct sha *s, uint8_t *out);

#endif
