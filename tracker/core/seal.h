/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Seals of the messages that the trackers of a private fleet exchange through Redis: a MAC with a
 * secret that only these trackers have. Without it, a program that can write to Redis could enable
 * users, invent uploads, or confirm accounts that were not stored.
 *
 * A sealed message ends in
 *
 *  offset  size
 *  0       8     a number that grows within a stream, so that an old message can't be repeated
 *  8       16    the first bytes of HMAC-SHA-256(secret, key || 0 || number || SHA-256(message)),
 *                where key is the Redis key of the stream
 *
 * and a sealed text is TEXT:MAC, with the MAC of the number 0 as 32 hex digits. Numbers are
 * big-endian.
 */
#ifndef TRACKER_CORE_SEAL_H
#define TRACKER_CORE_SEAL_H

#include <stdbool.h>

#include "common/crypto/sha.h"
#include "common/ds/buf.h"

enum {
    SEAL_MAC_LEN = 16,
    SEAL_LEN = 8 + SEAL_MAC_LEN,
    SEAL_TEXT_MAX = 24, /* bytes of a text that is sealed */
    SEAL_SEALED_TEXT_MAX = SEAL_TEXT_MAX + 1 + 2 * SEAL_MAC_LEN,
};

/* Embedded; all zero: no secret, and nothing is sealed or checked. */
struct seal {
    bool set;
    uint8_t secret[SHA256_LEN];
};

/* Appends the seal to the message in |out|. Returns the buffer's error. */
int seal_put(const struct seal *s, const char *key, uint64_t number, struct buf *out);

/* Checks the seal at the end of a message of |*len| bytes, which becomes the length without it.
 * |*last| is the number of the previous message (0: none) and becomes that of this one; |last| is
 * NULL if messages may be repeated. MISMATCH: the message is not from a tracker with the secret,
 * was made for another stream, or is old. */
int seal_check(const struct seal *s, const char *key, const uint8_t *data, size_t *len,
               uint64_t *last);

/* Writes the sealed form of |text|, which must not contain ':'. */
void seal_put_text(const struct seal *s, const char *key, const char *text,
                   char out[SEAL_SEALED_TEXT_MAX + 1]);

/* Checks the seal of |text| and cuts it off. MISMATCH: it is not the seal of this text at this key.
 * "" needs no seal. */
int seal_check_text(const struct seal *s, const char *key, char *text);

#endif
