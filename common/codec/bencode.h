/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Bencode (BEP 3): a bounded, non-recursive, zero-copy decoder into a flat token array, and an
 * encoder that writes only canonical form.
 *
 * Decoding fills an array of tokens in document order. A container's token knows the end of its
 * content, so skipping is O(1). Strings are slices of the input, which must outlive the tree.
 */
#ifndef COMMON_CODEC_BENCODE_H
#define COMMON_CODEC_BENCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/ds/buf.h"

enum bencode_type { BENCODE_INT, BENCODE_STRING, BENCODE_LIST, BENCODE_DICT };

struct bencode_token {
    enum bencode_type type;
    uint32_t start; /* byte offset of the item's first byte */
    uint32_t end;   /* offset after its last byte */
    uint32_t body;  /* string: offset of its first content byte */
    uint32_t next;  /* index of the first token after this item and its content */
};

enum bencode_mode {
    BENCODE_STRICT,  /* canonical: keys sorted and unique, no leading zeros, no bytes after the
                        end */
    BENCODE_LENIENT, /* unsorted keys are accepted; of duplicate keys the first counts; bytes
                        after the end are ignored and |used| shows them */
};

struct bencode_limits {
    unsigned depth_max;
    size_t size_max; /* bytes of input; at most UINT32_MAX */
    size_t items_max;
};

struct bencode {
    const uint8_t *src;
    size_t len;
    struct bencode_token *tokens; /* tokens[0] is the root */
    size_t count;
    size_t used;    /* bytes of the root item in the input */
    bool canonical; /* the input was canonical, whatever the mode */
};

/* An item of a decoded tree: small, passed by value. A zeroed item is "nothing"; every accessor
 * accepts it and returns "nothing" or a default, so that look-ups chain without checks. */
struct bencode_item {
    const struct bencode *tree;
    uint32_t token;
};

/* Returns 0; SYNTAX, TRUNCATED, DEPTH, TOOBIG, RANGE (an integer outside of int64), NOTCANONICAL
 * (strict), NOMEM. Call bencode_fini() after success only. */
int bencode_decode(struct bencode *b, const uint8_t *src, size_t len, enum bencode_mode mode,
                   const struct bencode_limits *limits);
void bencode_fini(struct bencode *b);

/* As bencode_decode(), without allocation: |tokens| is the caller's array of |limits->items_max|
 * tokens, and bencode_fini() must not be called. Errors are those of bencode_decode() but NOMEM. */
int bencode_decode_into(struct bencode *b, struct bencode_token *tokens, const uint8_t *src,
                        size_t len, enum bencode_mode mode, const struct bencode_limits *limits);

struct bencode_item bencode_root(const struct bencode *b);
static inline bool
bencode_exists(struct bencode_item it)
{
    return it.tree != NULL;
}
bool bencode_is(struct bencode_item it, enum bencode_type type);

/* The item's raw bytes in the input. */
const uint8_t *bencode_raw(struct bencode_item it, size_t *len);

/* True, with the value, if the item has that type. */
bool bencode_int(struct bencode_item it, int64_t *value);
bool bencode_string(struct bencode_item it, const uint8_t **str, size_t *len);
bool bencode_string_equal(struct bencode_item it, const char *s);

/* Looks up a key in a dictionary; "nothing" if |dict| is no dictionary or has no such key. */
struct bencode_item bencode_get(struct bencode_item dict, const char *key);
/* As bencode_get(), but "nothing" unless the value has |type|. */
struct bencode_item bencode_get_type(struct bencode_item dict, const char *key,
                                     enum bencode_type type);

/* Walks a list: the first element, then the following ones; "nothing" at the end. */
struct bencode_item bencode_first(struct bencode_item list);
struct bencode_item bencode_next(struct bencode_item list, struct bencode_item element);

/* Walks a dictionary as above and yields its keys; bencode_value() gives a key's value. */
struct bencode_item bencode_value(struct bencode_item key);

/* Containers that may be open at a time; more are asserted against. */
enum { BENCODE_WRITER_DEPTH_MAX = 128 };

/* The encoder. Errors are sticky in |out|. The keys of a dictionary must be put in ascending order;
 * that is asserted, since this program's own code writes them. */
struct bencode_writer {
    struct buf *out;
    unsigned depth;
    struct {
        bool dict;
        bool want_value;
        size_t key_at; /* offset of the previous key in |out|; SIZE_MAX before the first key */
        size_t key_len;
    } stack[BENCODE_WRITER_DEPTH_MAX];
};

void bencode_writer_init(struct bencode_writer *w, struct buf *out);
void bencode_put_int(struct bencode_writer *w, int64_t v);
void bencode_put_string(struct bencode_writer *w, const void *s, size_t len);
void bencode_put_cstr(struct bencode_writer *w, const char *s);
/* Puts a key of the open dictionary. */
void bencode_put_key(struct bencode_writer *w, const char *key);
void bencode_put_key_bytes(struct bencode_writer *w, const void *key, size_t len);
/* Puts an item that is already bencoded. */
void bencode_put_raw(struct bencode_writer *w, const void *item, size_t len);
void bencode_begin_list(struct bencode_writer *w);
void bencode_begin_dict(struct bencode_writer *w);
void bencode_end(struct bencode_writer *w);

#endif
