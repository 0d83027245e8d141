/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The bounded byte buffer. Growth doubles; the front is reclaimed before memory grows.
 */
#include "common/ds/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/base/bytes.h"
#include "common/base/err.h"

enum { BUF_CAP_MIN = 64 };

void
buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void
buf_fini(struct buf *b)
{
    free(b->mem);
    *b = (struct buf){0};
}

static int
grow(struct buf *b, size_t need)
{
    size_t cap = b->cap > 0 ? b->cap : BUF_CAP_MIN;
    uint8_t *mem;

    while (cap < need)
        cap *= 2;
    mem = realloc(b->mem, cap);
    if (mem == NULL)
        return b->err = SPRAT_E_NOMEM;
    b->mem = mem;
    b->cap = cap;
    return 0;
}

uint8_t *
buf_room(struct buf *b, size_t len)
{
    size_t used = buf_len(b);

    if (b->err != 0)
        return NULL;
    if (len > b->max || used > b->max - len) {
        b->err = SPRAT_E_TOOBIG;
        return NULL;
    }
    /* One byte more than requested, so that buf_str() always has space for its NUL. */
    if (b->tail + len + 1 > b->cap && b->head > 0) {
        memmove(b->mem, b->mem + b->head, used);
        b->head = 0;
        b->tail = used;
    }
    if (b->tail + len + 1 > b->cap && grow(b, b->tail + len + 1) != 0)
        return NULL;
    return b->mem + b->tail;
}

void
buf_grew(struct buf *b, size_t len)
{
    ASSERT(b->cap - b->tail > len);
    b->tail += len;
}

int
buf_put(struct buf *b, const void *src, size_t len)
{
    uint8_t *dst = buf_room(b, len);

    if (dst == NULL)
        return b->err;
    if (len > 0)
        memcpy(dst, src, len);
    b->tail += len;
    return 0;
}

int
buf_puts(struct buf *b, const char *s)
{
    return buf_put(b, s, strlen(s));
}

int
buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap, ap2;
    uint8_t *dst;
    int n;

    va_start(ap, fmt);
    va_copy(ap2, ap);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    ASSERT(n >= 0);
    dst = buf_room(b, (size_t)n);
    if (dst != NULL) {
        vsnprintf((char *)dst, (size_t)n + 1, fmt, ap2);
        b->tail += (size_t)n;
    }
    va_end(ap2);
    return b->err;
}

int
buf_put_u8(struct buf *b, uint8_t v)
{
    return buf_put(b, &v, 1);
}

int
buf_put_u16(struct buf *b, uint16_t v)
{
    uint8_t raw[2];

    put_u16be(raw, v);
    return buf_put(b, raw, sizeof(raw));
}

int
buf_put_u32(struct buf *b, uint32_t v)
{
    uint8_t raw[4];

    put_u32be(raw, v);
    return buf_put(b, raw, sizeof(raw));
}

int
buf_put_u64(struct buf *b, uint64_t v)
{
    uint8_t raw[8];

    put_u64be(raw, v);
    return buf_put(b, raw, sizeof(raw));
}

void
buf_consume(struct buf *b, size_t len)
{
    ASSERT(len <= buf_len(b));
    b->head += len;
    if (b->head == b->tail)
        b->head = b->tail = 0;
}

void
buf_reset(struct buf *b)
{
    b->head = b->tail = 0;
    b->err = 0;
}

const char *
buf_str(struct buf *b)
{
    uint8_t *end = buf_room(b, 0);

    if (end == NULL)
        return NULL;
    *end = '\0';
    return (const char *)buf_data(b);
}

uint8_t *
buf_take(struct buf *b, size_t *len)
{
    size_t used = buf_len(b);
    uint8_t *mem = b->mem;

    *len = used;
    if (used == 0)
        return NULL;
    memmove(mem, mem + b->head, used);
    b->mem = NULL;
    b->cap = b->head = b->tail = 0;
    return mem;
}
