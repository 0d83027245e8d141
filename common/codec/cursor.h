/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A bounds-checked reader of a slice of bytes. The error is sticky: read all fields, and check once
 * at the end. After a read that did not fit, every further read yields zeros and NULL. Big-endian,
 * as in all BitTorrent messages.
 */
#ifndef COMMON_CODEC_CURSOR_H
#define COMMON_CODEC_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/base/bytes.h"

/* On the caller's stack; does not own the bytes. */
struct cursor {
    const uint8_t *at;
    size_t left;
    bool failed;
};

static inline struct cursor
cursor_make(const void *data, size_t len)
{
    return (struct cursor){.at = data, .left = len};
}

/* Returns the next |len| bytes in place; NULL, and the cursor has failed, if fewer are left. A
 * slice of 0 bytes may be NULL too: check with cursor_ok(). */
static inline const uint8_t *
cursor_bytes(struct cursor *c, size_t len)
{
    const uint8_t *start = c->at;

    if (c->failed || len > c->left) {
        c->failed = true;
        c->left = 0;
        return NULL;
    }
    if (len > 0)
        c->at += len;
    c->left -= len;
    return start;
}

static inline void
cursor_skip(struct cursor *c, size_t len)
{
    (void)cursor_bytes(c, len);
}

/* Copies |len| bytes; zeros if fewer are left. */
static inline void
cursor_copy(struct cursor *c, void *dst, size_t len)
{
    const uint8_t *src = cursor_bytes(c, len);

    if (len == 0)
        return;
    if (src != NULL)
        memcpy(dst, src, len);
    else
        memset(dst, 0, len);
}

static inline uint8_t
cursor_u8(struct cursor *c)
{
    const uint8_t *p = cursor_bytes(c, 1);

    return p != NULL ? p[0] : 0;
}

static inline uint16_t
cursor_u16(struct cursor *c)
{
    const uint8_t *p = cursor_bytes(c, 2);

    return p != NULL ? get_u16be(p) : 0;
}

static inline uint32_t
cursor_u32(struct cursor *c)
{
    const uint8_t *p = cursor_bytes(c, 4);

    return p != NULL ? get_u32be(p) : 0;
}

static inline uint64_t
cursor_u64(struct cursor *c)
{
    const uint8_t *p = cursor_bytes(c, 8);

    return p != NULL ? get_u64be(p) : 0;
}

/* Unread bytes; 0 after an error. */
static inline size_t
cursor_left(const struct cursor *c)
{
    return c->left;
}

/* True if no read has failed. */
static inline bool
cursor_ok(const struct cursor *c)
{
    return !c->failed;
}

/* True if no read has failed and no bytes are left: a fixed message was read exactly. */
static inline bool
cursor_done(const struct cursor *c)
{
    return !c->failed && c->left == 0;
}

#endif
