/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The bencode encoder. It writes only canonical form: keys out of order, a key without its value
 * and unbalanced containers are bugs of the caller and asserted against.
 */
#include "common/codec/bencode.h"

#include <inttypes.h>
#include <string.h>

#include "common/base/assert.h"

void
bencode_writer_init(struct bencode_writer *w, struct buf *out)
{
    *w = (struct bencode_writer){.out = out};
}

/* Checks that a value is allowed here, and records it. */
static void
before_value(struct bencode_writer *w)
{
    if (w->depth == 0 || !w->stack[w->depth - 1].dict)
        return;
    ASSERT(w->stack[w->depth - 1].want_value);
    w->stack[w->depth - 1].want_value = false;
}

static void
put_bytes(struct bencode_writer *w, const void *s, size_t len)
{
    buf_printf(w->out, "%zu:", len);
    buf_put(w->out, s, len);
}

void
bencode_put_int(struct bencode_writer *w, int64_t v)
{
    before_value(w);
    buf_printf(w->out, "i%" PRId64 "e", v);
}

void
bencode_put_string(struct bencode_writer *w, const void *s, size_t len)
{
    before_value(w);
    put_bytes(w, s, len);
}

void
bencode_put_cstr(struct bencode_writer *w, const char *s)
{
    bencode_put_string(w, s, strlen(s));
}

void
bencode_put_raw(struct bencode_writer *w, const void *item, size_t len)
{
    before_value(w);
    buf_put(w->out, item, len);
}

void
bencode_put_key(struct bencode_writer *w, const char *key)
{
    bencode_put_key_bytes(w, key, strlen(key));
}

static bool
key_after(const uint8_t *key, size_t len, const uint8_t *last, size_t last_len)
{
    size_t n = len < last_len ? len : last_len;
    int c = n > 0 ? memcmp(key, last, n) : 0;

    return c != 0 ? c > 0 : len > last_len;
}

void
bencode_put_key_bytes(struct bencode_writer *w, const void *key, size_t len)
{
    ASSERT(w->depth > 0 && w->stack[w->depth - 1].dict && !w->stack[w->depth - 1].want_value);
    w->stack[w->depth - 1].want_value = true;
    if (w->out->err == 0 && w->stack[w->depth - 1].key_at != SIZE_MAX)
        ASSERT(key_after(key, len, buf_data(w->out) + w->stack[w->depth - 1].key_at,
                         w->stack[w->depth - 1].key_len));
    put_bytes(w, key, len);
    w->stack[w->depth - 1].key_at = buf_len(w->out) - (w->out->err == 0 ? len : 0);
    w->stack[w->depth - 1].key_len = len;
}

static void
begin(struct bencode_writer *w, const char *letter, bool dict)
{
    before_value(w);
    ASSERT(w->depth < BENCODE_WRITER_DEPTH_MAX);
    w->stack[w->depth].dict = dict;
    w->stack[w->depth].want_value = false;
    w->stack[w->depth].key_at = SIZE_MAX;
    w->depth++;
    buf_puts(w->out, letter);
}

void
bencode_begin_list(struct bencode_writer *w)
{
    begin(w, "l", false);
}

void
bencode_begin_dict(struct bencode_writer *w)
{
    begin(w, "d", true);
}

void
bencode_end(struct bencode_writer *w)
{
    ASSERT(w->depth > 0 && !w->stack[w->depth - 1].want_value);
    w->depth--;
    buf_puts(w->out, "e");
}
