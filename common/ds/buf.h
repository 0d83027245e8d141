/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A growing byte buffer that takes its maximum at init (curl's dynbuf). Errors are sticky: append
 * freely, and check once at the end. Bytes can be consumed from the front, so the buffer serves as
 * a queue.
 */
#ifndef COMMON_DS_BUF_H
#define COMMON_DS_BUF_H

#include <stddef.h>
#include <stdint.h>

/* Embedded; read through buf_data() and buf_len(). */
struct buf {
    uint8_t *mem;
    size_t cap;
    size_t head; /* first unread byte */
    size_t tail; /* offset after the last byte */
    size_t max;
    int err; /* 0, SPRAT_E_NOMEM or SPRAT_E_TOOBIG */
};

/* Allocates nothing. |max| is the most unread bytes that the buffer may hold. */
void buf_init(struct buf *b, size_t max);
void buf_fini(struct buf *b);

static inline uint8_t *
buf_data(const struct buf *b)
{
    /* Before the first byte there is no memory, and even adding 0 to NULL is undefined. */
    return b->mem != NULL ? b->mem + b->head : NULL;
}

static inline size_t
buf_len(const struct buf *b)
{
    return b->tail - b->head;
}

/* Appends; after an error nothing more is added. Each returns b->err. */
int buf_put(struct buf *b, const void *src, size_t len);
int buf_puts(struct buf *b, const char *s);
int buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int buf_put_u8(struct buf *b, uint8_t v);
int buf_put_u16(struct buf *b, uint16_t v);
int buf_put_u32(struct buf *b, uint32_t v);
int buf_put_u64(struct buf *b, uint64_t v);

/* Returns space for |len| bytes after the last one, to be filled by the caller; NULL on error.
 * buf_grew() then adds the bytes that were filled. */
uint8_t *buf_room(struct buf *b, size_t len);
void buf_grew(struct buf *b, size_t len);

/* Drops |len| bytes (at most buf_len) from the front. */
void buf_consume(struct buf *b, size_t len);

/* Empties the buffer and clears the error; keeps the memory. */
void buf_reset(struct buf *b);

/* Returns the content as a string, NUL-terminated until more is appended; NULL on error. */
const char *buf_str(struct buf *b);

/* Passes ownership of the memory to the caller, who frees it, and leaves the buffer empty. NULL if
 * the buffer is empty. */
uint8_t *buf_take(struct buf *b, size_t *len);

#endif
