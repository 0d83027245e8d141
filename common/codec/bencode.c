/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The bencode decoder: one pass, no recursion. The stack of open containers is stored in the
 * tokens: while a container is open, its |next| is the index of its parent. Independent of
 * torrents.
 *
 *   item    form                                   canonical form forbids
 *   int     'i' ['-'] digits 'e'                   leading zeros, "-0"
 *   string  digits ':' bytes                       leading zeros
 *   list    'l' items 'e'
 *   dict    'd' (string item)* 'e'                 keys unsorted or twice
 */
#include "common/codec/bencode.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/base/err.h"

enum { TOKENS_MIN = 16 };

/* The |next| of the outermost open container. */
#define NO_PARENT UINT32_MAX

struct decoder {
    struct bencode *b;
    size_t cap;
    size_t pos;
    uint32_t open;   /* the innermost open container, or NO_PARENT */
    uint32_t key;    /* in a dictionary: the token of the last key, 0 before the first */
    bool want_value; /* in a dictionary: a key was read, but not its value yet */
    unsigned depth;
    const struct bencode_limits *limits;
};

static bool
is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static int
add_token(struct decoder *d, enum bencode_type type, struct bencode_token **token)
{
    struct bencode *b = d->b;

    if (b->count >= d->limits->items_max)
        return SPRAT_E_TOOBIG;
    if (b->count == d->cap) {
        size_t cap = d->cap > 0 ? d->cap * 2 : TOKENS_MIN;
        struct bencode_token *tokens = realloc(b->tokens, cap * sizeof(*tokens));

        if (tokens == NULL)
            return SPRAT_E_NOMEM;
        b->tokens = tokens;
        d->cap = cap;
    }
    *token = &b->tokens[b->count++];
    **token = (struct bencode_token){.type = type, .start = (uint32_t)d->pos};
    return 0;
}

/* Reads digits at |d->pos| up to |stop|, and advances past |stop|. */
static int
read_digits(struct decoder *d, uint8_t stop, uint64_t *value)
{
    const uint8_t *src = d->b->src;
    size_t start = d->pos;
    uint64_t v = 0;

    while (d->pos < d->b->len && is_digit(src[d->pos])) {
        if (__builtin_mul_overflow(v, 10u, &v) ||
            __builtin_add_overflow(v, (uint64_t)(src[d->pos] - '0'), &v))
            return SPRAT_E_RANGE;
        d->pos++;
    }
    if (d->pos == d->b->len)
        return SPRAT_E_TRUNCATED;
    if (d->pos == start || src[d->pos] != stop)
        return SPRAT_E_SYNTAX;
    if (src[start] == '0' && d->pos - start > 1)
        d->b->canonical = false;
    d->pos++;
    *value = v;
    return 0;
}

static int
read_int(struct decoder *d)
{
    struct bencode_token *token;
    uint64_t magnitude;
    bool negative;
    int err = add_token(d, BENCODE_INT, &token);

    if (err != 0)
        return err;
    d->pos++;
    negative = d->pos < d->b->len && d->b->src[d->pos] == '-';
    d->pos += negative;
    err = read_digits(d, 'e', &magnitude);
    if (err != 0)
        return err;
    if (magnitude > (uint64_t)INT64_MAX + negative)
        return SPRAT_E_RANGE;
    if (negative && magnitude == 0)
        d->b->canonical = false;
    token->end = (uint32_t)d->pos;
    return 0;
}

static int
read_string(struct decoder *d)
{
    struct bencode_token *token;
    uint64_t len;
    int err = add_token(d, BENCODE_STRING, &token);

    if (err == 0)
        err = read_digits(d, ':', &len);
    if (err != 0)
        return err;
    if (len > d->b->len - d->pos)
        return SPRAT_E_TRUNCATED;
    token->body = (uint32_t)d->pos;
    d->pos += (size_t)len;
    token->end = (uint32_t)d->pos;
    return 0;
}

static int
open_container(struct decoder *d, enum bencode_type type)
{
    struct bencode_token *token;
    int err;

    if (d->depth >= d->limits->depth_max)
        return SPRAT_E_DEPTH;
    err = add_token(d, type, &token);
    if (err != 0)
        return err;
    token->next = d->open;
    /* Until the container is closed, |body| holds the last key of the dictionary around it. */
    token->body = d->key;
    d->open = (uint32_t)d->b->count - 1;
    d->key = 0;
    d->want_value = false;
    d->depth++;
    d->pos++;
    return 0;
}

static int
close_container(struct decoder *d)
{
    struct bencode_token *token = &d->b->tokens[d->open];

    if (d->want_value)
        return SPRAT_E_SYNTAX;
    d->pos++;
    d->depth--;
    d->open = token->next;
    d->key = token->body;
    token->end = (uint32_t)d->pos;
    token->next = (uint32_t)d->b->count;
    token->body = token->start + 1;
    return 0;
}

/* Compares two strings in the order of dictionary keys. */
static int
compare_strings(const struct bencode *b, const struct bencode_token *x,
                const struct bencode_token *y)
{
    size_t nx = x->end - x->body, ny = y->end - y->body;
    size_t n = nx < ny ? nx : ny;
    int c = n > 0 ? memcmp(b->src + x->body, b->src + y->body, n) : 0;

    return c != 0 ? c : (nx > ny) - (nx < ny);
}

static int
read_key(struct decoder *d)
{
    struct bencode *b = d->b;
    uint32_t at = (uint32_t)b->count;
    int err;

    if (!is_digit(b->src[d->pos]))
        return SPRAT_E_SYNTAX;
    err = read_string(d);
    if (err != 0)
        return err;
    b->tokens[at].next = at + 1;
    if (d->key != 0 && compare_strings(b, &b->tokens[d->key], &b->tokens[at]) >= 0)
        b->canonical = false;
    d->key = at;
    d->want_value = true;
    return 0;
}

/* Reads the start of a container, or a complete value of another type. */
static int
read_value(struct decoder *d)
{
    uint32_t at = (uint32_t)d->b->count;
    uint8_t c = d->b->src[d->pos];
    int err;

    if (c == 'l' || c == 'd')
        return open_container(d, c == 'l' ? BENCODE_LIST : BENCODE_DICT);
    if (c == 'i')
        err = read_int(d);
    else if (is_digit(c))
        err = read_string(d);
    else
        err = SPRAT_E_SYNTAX;
    if (err != 0)
        return err;
    d->b->tokens[at].next = at + 1;
    d->want_value = false;
    return 0;
}

static int
step(struct decoder *d)
{
    if (d->pos == d->b->len)
        return SPRAT_E_TRUNCATED;
    if (d->open == NO_PARENT)
        return read_value(d);
    if (d->b->src[d->pos] == 'e')
        return close_container(d);
    if (d->b->tokens[d->open].type == BENCODE_DICT && !d->want_value)
        return read_key(d);
    return read_value(d);
}

/* Decodes into |d->b|, whose |tokens| has room for |d->cap|. */
static int
decode(struct decoder *d, enum bencode_mode mode)
{
    struct bencode *b = d->b;
    int err;

    if (b->len > d->limits->size_max || b->len >= UINT32_MAX)
        return SPRAT_E_TOOBIG;
    do
        err = step(d);
    while (err == 0 && d->open != NO_PARENT && (mode == BENCODE_LENIENT || b->canonical));
    b->used = d->pos;
    if (err == 0 && b->used < b->len)
        b->canonical = false;
    if (err == 0 && mode == BENCODE_STRICT && !b->canonical)
        err = SPRAT_E_NOTCANONICAL;
    return err;
}

int
bencode_decode(struct bencode *b, const uint8_t *src, size_t len, enum bencode_mode mode,
               const struct bencode_limits *limits)
{
    struct decoder d = {.b = b, .open = NO_PARENT, .limits = limits};
    int err;

    *b = (struct bencode){.src = src, .len = len, .canonical = true};
    err = decode(&d, mode);
    if (err != 0)
        bencode_fini(b);
    return err;
}

int
bencode_decode_into(struct bencode *b, struct bencode_token *tokens, const uint8_t *src, size_t len,
                    enum bencode_mode mode, const struct bencode_limits *limits)
{
    struct decoder d = {.b = b, .cap = limits->items_max, .open = NO_PARENT, .limits = limits};

    *b = (struct bencode){.src = src, .len = len, .tokens = tokens, .canonical = true};
    return decode(&d, mode);
}

void
bencode_fini(struct bencode *b)
{
    free(b->tokens);
    *b = (struct bencode){0};
}

static const struct bencode_token *
token_of(struct bencode_item it)
{
    return &it.tree->tokens[it.token];
}

static struct bencode_item
nothing(void)
{
    return (struct bencode_item){0};
}

struct bencode_item
bencode_root(const struct bencode *b)
{
    return (struct bencode_item){.tree = b};
}

bool
bencode_is(struct bencode_item it, enum bencode_type type)
{
    return bencode_exists(it) && token_of(it)->type == type;
}

const uint8_t *
bencode_raw(struct bencode_item it, size_t *len)
{
    *len = 0;
    if (!bencode_exists(it))
        return NULL;
    *len = token_of(it)->end - token_of(it)->start;
    return it.tree->src + token_of(it)->start;
}

bool
bencode_int(struct bencode_item it, int64_t *value)
{
    const uint8_t *p;
    bool negative;
    uint64_t v = 0;

    if (!bencode_is(it, BENCODE_INT))
        return false;
    p = it.tree->src + token_of(it)->start + 1;
    negative = *p == '-';
    /* The decoder has checked digits and range. */
    for (p += negative; *p != 'e'; p++)
        v = v * 10 + (uint64_t)(*p - '0');
    *value = negative ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}

bool
bencode_string(struct bencode_item it, const uint8_t **str, size_t *len)
{
    if (!bencode_is(it, BENCODE_STRING))
        return false;
    *str = it.tree->src + token_of(it)->body;
    *len = token_of(it)->end - token_of(it)->body;
    return true;
}

bool
bencode_string_equal(struct bencode_item it, const char *s)
{
    const uint8_t *str;
    size_t len;

    return bencode_string(it, &str, &len) && len == strlen(s) && memcmp(str, s, len) == 0;
}

struct bencode_item
bencode_get(struct bencode_item dict, const char *key)
{
    if (!bencode_is(dict, BENCODE_DICT))
        return nothing();
    for (struct bencode_item k = bencode_first(dict); bencode_exists(k); k = bencode_next(dict, k))
        if (bencode_string_equal(k, key))
            return bencode_value(k);
    return nothing();
}

struct bencode_item
bencode_get_type(struct bencode_item dict, const char *key, enum bencode_type type)
{
    struct bencode_item value = bencode_get(dict, key);

    return bencode_is(value, type) ? value : nothing();
}

struct bencode_item
bencode_first(struct bencode_item list)
{
    if (!bencode_is(list, BENCODE_LIST) && !bencode_is(list, BENCODE_DICT))
        return nothing();
    if (token_of(list)->next == list.token + 1)
        return nothing();
    return (struct bencode_item){.tree = list.tree, .token = list.token + 1};
}

struct bencode_item
bencode_next(struct bencode_item list, struct bencode_item element)
{
    uint32_t next;

    if (!bencode_exists(list) || !bencode_exists(element))
        return nothing();
    next = token_of(element)->next;
    /* In a dictionary the element is a key; its value is skipped. */
    if (token_of(list)->type == BENCODE_DICT)
        next = list.tree->tokens[next].next;
    if (next == token_of(list)->next)
        return nothing();
    return (struct bencode_item){.tree = list.tree, .token = next};
}

struct bencode_item
bencode_value(struct bencode_item key)
{
    if (!bencode_exists(key))
        return nothing();
    return (struct bencode_item){.tree = key.tree, .token = token_of(key)->next};
}
