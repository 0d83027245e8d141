/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Fuzzes the bencode decoder: whatever decodes must be walkable to its end, its parts must lie
 * inside each other, and what strict mode takes must come out of the encoder byte by byte the same.
 */
#include <stdint.h>
#include <stdlib.h>

#include "common/base/assert.h"
#include "common/codec/bencode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct bencode_limits limits = {.depth_max = 64, .size_max = 65536, .items_max = 5000};

static void
check_item(struct bencode_item it, const uint8_t *start, const uint8_t *end)
{
    size_t len;
    const uint8_t *raw = bencode_raw(it, &len);

    ASSERT(raw >= start && len > 0 && len <= (size_t)(end - raw));
}

/* Writes |it| again; recursion is fine here, the depth is limited. */
static void
rewrite(struct bencode_writer *w, struct bencode_item it)
{
    size_t len;
    const uint8_t *raw = bencode_raw(it, &len), *s;
    int64_t value;

    if (bencode_int(it, &value)) {
        bencode_put_int(w, value);
    } else if (bencode_string(it, &s, &len)) {
        bencode_put_string(w, s, len);
    } else if (bencode_is(it, BENCODE_LIST)) {
        bencode_begin_list(w);
        for (struct bencode_item e = bencode_first(it); bencode_exists(e);
             e = bencode_next(it, e)) {
            check_item(e, raw, raw + len);
            rewrite(w, e);
        }
        bencode_end(w);
    } else {
        bencode_begin_dict(w);
        for (struct bencode_item k = bencode_first(it); bencode_exists(k);
             k = bencode_next(it, k)) {
            size_t key_len;

            ASSERT(bencode_string(k, &s, &key_len));
            check_item(bencode_value(k), raw, raw + len);
            bencode_put_key_bytes(w, s, key_len);
            rewrite(w, bencode_value(k));
        }
        bencode_end(w);
    }
}

static void
check_strict(const struct bencode *b)
{
    struct bencode_writer w;
    struct buf out;

    buf_init(&out, 2 * 65536);
    bencode_writer_init(&w, &out);
    rewrite(&w, bencode_root(b));
    ASSERT(out.err == 0 && buf_len(&out) == b->len);
    for (size_t i = 0; i < b->len; i++)
        ASSERT(buf_data(&out)[i] == b->src[i]);
    buf_fini(&out);
}

static size_t
count_items(struct bencode_item it)
{
    size_t n = 1;

    for (struct bencode_item e = bencode_first(it); bencode_exists(e); e = bencode_next(it, e)) {
        n += count_items(e);
        if (bencode_is(it, BENCODE_DICT))
            n += count_items(bencode_value(e));
    }
    return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bencode lenient, strict;
    int err = bencode_decode(&lenient, data, size, BENCODE_LENIENT, &limits);
    int strict_err = bencode_decode(&strict, data, size, BENCODE_STRICT, &limits);

    ASSERT(err == 0 || strict_err != 0);
    if (err == 0) {
        ASSERT(count_items(bencode_root(&lenient)) == lenient.count);
        ASSERT(lenient.used <= size);
        ASSERT(lenient.canonical == (strict_err == 0));
        bencode_fini(&lenient);
    }
    if (strict_err == 0) {
        check_strict(&strict);
        bencode_fini(&strict);
    }
    return 0;
}
