/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A mutator for libFuzzer that knows bencode: it replaces, copies or removes one item and keeps the
 * rest well-formed. Plain mutations break a length prefix nearly always, and so rarely get past the
 * decoder. Linked with targets whose input is bencode.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/base/rng.h"
#include "common/codec/bencode.h"

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

/* libFuzzer's own mutations; NULL in a program that only replays the corpus. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max) __attribute__((weak));

enum { ITEM_ROOM = 4096 };

static size_t
make_int(struct rng *r, uint8_t out[ITEM_ROOM])
{
    static const int64_t edges[] = {0,     1,     -1,        2,          16383,     16384,
                                    16385, 32768, INT32_MAX, UINT32_MAX, INT64_MAX, INT64_MIN};
    int64_t value = rng_below(r, 2) == 0 ? edges[rng_below(r, sizeof(edges) / sizeof(edges[0]))]
                                         : (int64_t)rng_below(r, 100000);

    return (size_t)snprintf((char *)out, ITEM_ROOM, "i%llde", (long long)value);
}

/* Writes a string whose content is a mutation of the string |token|. */
static size_t
make_string(const struct bencode *b, const struct bencode_token *token, uint8_t out[ITEM_ROOM])
{
    uint8_t content[ITEM_ROOM - 16];
    size_t len = token->end - token->body, n;

    if (len > sizeof(content))
        len = sizeof(content);
    memcpy(content, b->src + token->body, len);
    len = LLVMFuzzerMutate(content, len, sizeof(content));
    n = (size_t)snprintf((char *)out, ITEM_ROOM, "%zu:", len);
    memcpy(out + n, content, len);
    return n + len;
}

/* Writes a replacement of |token|. */
static size_t
make_item(const struct bencode *b, const struct bencode_token *token, struct rng *r,
          uint8_t out[ITEM_ROOM])
{
    const struct bencode_token *other = &b->tokens[rng_below(r, (uint32_t)b->count)];

    switch (rng_below(r, 4)) {
    case 0: return 0;
    case 1:
        if (other->end - other->start > ITEM_ROOM)
            return 0;
        memcpy(out, b->src + other->start, other->end - other->start);
        return other->end - other->start;
    default: return token->type == BENCODE_STRING ? make_string(b, token, out) : make_int(r, out);
    }
}

size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    const struct bencode_limits limits = {.depth_max = 200, .size_max = max, .items_max = 10000};
    const struct bencode_token *token;
    uint8_t item[ITEM_ROOM];
    struct bencode b;
    struct rng r;
    size_t len, start, end;

    rng_init(&r, seed);
    if (rng_below(&r, 8) == 0 || bencode_decode(&b, data, size, BENCODE_LENIENT, &limits) != 0)
        return LLVMFuzzerMutate(data, size, max);
    token = &b.tokens[rng_below(&r, (uint32_t)b.count)];
    len = make_item(&b, token, &r, item);
    start = token->start;
    end = token->end;
    bencode_fini(&b);
    if (size - (end - start) + len > max)
        return size;
    memmove(data + start + len, data + end, size - end);
    memcpy(data + start, item, len);
    return size - (end - start) + len;
}
