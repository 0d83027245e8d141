/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Builds the commands, and reads the nested arrays of their replies.
 */
#include "tracker/net/redis_stream.h"

#include <stdio.h>
#include <string.h>

enum { NUMBER_MAX = 12 };

typedef int call_fn(struct redis_call *c, const struct redis_arg *args, size_t n,
                    const struct cluster_reply **reply, struct errbuf *eb);

static int
call_texts(call_fn *call, struct redis_call *c, const char *const *texts, size_t n,
           const struct cluster_reply **reply, struct errbuf *eb)
{
    struct redis_arg words[REDIS_CALL_ARGS_MAX];

    for (size_t i = 0; i < n; i++)
        words[i] = redis_text(texts[i]);
    return call(c, words, n, reply, eb);
}

#define TEXTS(call, c, reply, eb, ...)                                                             \
    call_texts(call, c, (const char *const[]){__VA_ARGS__},                                        \
               sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *), reply, eb)
#define CALL(...)  TEXTS(redis_call, __VA_ARGS__)
#define WRITE(...) TEXTS(redis_write, __VA_ARGS__)

static const char *
number(char out[NUMBER_MAX], unsigned n)
{
    snprintf(out, NUMBER_MAX, "%u", n);
    return out;
}

static int
no_redis(struct redis_call *c, struct errbuf *eb)
{
    redis_call_disconnect(c);
    return errbuf_set(eb, SPRAT_E_PROTOCOL, "redis sent an unexpected reply");
}

static bool
read_id(const struct cluster_reply *r, struct redis_id *id)
{
    if (r->type != CLUSTER_REPLY_STRING || r->len == 0 || r->len > REDIS_ID_MAX)
        return false;
    memcpy(id->text, r->str, r->len);
    id->text[r->len] = '\0';
    return true;
}

int
redis_stream_add(struct redis_call *c, const char *key, unsigned keep, const void *data, size_t len,
                 struct redis_id *id, struct errbuf *eb)
{
    struct redis_arg words[7] = {redis_text("XADD"), redis_text(key), redis_text("NOMKSTREAM")};
    char most[NUMBER_MAX];
    const struct cluster_reply *r;
    size_t n = 3;
    int err;

    if (keep > 0) {
        words[2] = redis_text("MAXLEN");
        words[n++] = redis_text(number(most, keep));
    }
    words[n++] = redis_text("*");
    words[n++] = redis_text("b");
    words[n++] = (struct redis_arg){data, len};
    err = redis_write(c, words, n, &r, eb);
    if (err != 0)
        return err;
    if (keep == 0 && r->type == CLUSTER_REPLY_NIL)
        return errbuf_set(eb, SPRAT_E_NOTFOUND, "redis no longer has the key %s", key);
    return read_id(r, id) ? 0 : no_redis(c, eb);
}

static bool
is_array(const struct cluster_reply *r, size_t count)
{
    return r->type == CLUSTER_REPLY_ARRAY && r->count == count;
}

/* Reads an entry: [id, [field, value, …]]. */
static bool
read_entry(const struct cluster_reply *r, struct redis_id *id, const struct cluster_reply **message)
{
    const struct cluster_reply *fields;

    *message = NULL;
    if (!is_array(r, 2) || !read_id(&r->elements[0], id))
        return false;
    fields = &r->elements[1];
    if (is_array(fields, 2) && fields->elements[0].type == CLUSTER_REPLY_STRING &&
        fields->elements[0].len == 1 && fields->elements[0].str[0] == 'b' &&
        fields->elements[1].type == CLUSTER_REPLY_STRING)
        *message = &fields->elements[1];
    return true;
}

/* The reply is nil, or [[key, [entry, …]]]. */
int
redis_stream_read(struct redis_call *c, const char *key, unsigned count, struct redis_id *last,
                  int (*each)(void *ctx, const uint8_t *data, size_t len), void *ctx, unsigned *got,
                  struct errbuf *eb)
{
    char most[NUMBER_MAX];
    const struct cluster_reply *r, *entries, *message;
    int err = CALL(c, &r, eb, "XREAD", "COUNT", number(most, count), "STREAMS", key, last->text);

    *got = 0;
    if (err != 0 || r->type == CLUSTER_REPLY_NIL)
        return err;
    if (!is_array(r, 1) || !is_array(&r->elements[0], 2) ||
        r->elements[0].elements[1].type != CLUSTER_REPLY_ARRAY ||
        r->elements[0].elements[1].count > count)
        return no_redis(c, eb);
    entries = &r->elements[0].elements[1];
    for (size_t i = 0; i < entries->count && err == 0; i++) {
        struct redis_id id;

        if (!read_entry(&entries->elements[i], &id, &message))
            return no_redis(c, eb);
        if (message != NULL)
            err = each(ctx, message->str, message->len);
        if (err == 0)
            *last = id;
        ++*got;
    }
    return err;
}

int
redis_stream_has(struct redis_call *c, const char *key, const struct redis_id *id, bool *has,
                 struct errbuf *eb)
{
    const struct cluster_reply *r;
    int err = CALL(c, &r, eb, "XRANGE", key, id->text, id->text, "COUNT", "1");

    if (err != 0)
        return err;
    *has = r->type == CLUSTER_REPLY_ARRAY && r->count > 0;
    return 0;
}

/* XTRIM with MINID keeps the entry with that id, so it is deleted by a second command. */
int
redis_stream_trim(struct redis_call *c, const char *key, const struct redis_id *id,
                  struct errbuf *eb)
{
    const struct cluster_reply *r;
    int err = WRITE(c, &r, eb, "XTRIM", key, "MINID", id->text);

    return err == 0 ? WRITE(c, &r, eb, "XDEL", key, id->text) : err;
}

int
redis_get(struct redis_call *c, const char *key, char *out, size_t size, struct errbuf *eb)
{
    const struct cluster_reply *r;
    int err = CALL(c, &r, eb, "GET", key);
    size_t len;

    out[0] = '\0';
    if (err != 0 || r->type == CLUSTER_REPLY_NIL)
        return err;
    if (r->type != CLUSTER_REPLY_STRING)
        return no_redis(c, eb);
    len = r->len < size - 1 ? r->len : size - 1;
    memcpy(out, r->str, len);
    out[len] = '\0';
    return 0;
}

int
redis_set(struct redis_call *c, const char *key, const char *value, unsigned ttl_ms, bool only_new,
          bool *set, struct errbuf *eb)
{
    const char *words[6] = {"SET", key, value};
    const struct cluster_reply *r;
    char ttl[NUMBER_MAX];
    size_t n = 3;
    int err;

    if (ttl_ms > 0) {
        words[n++] = "PX";
        words[n++] = number(ttl, ttl_ms);
    }
    if (only_new)
        words[n++] = "NX";
    err = call_texts(redis_write, c, words, n, &r, eb);
    if (err == 0 && set != NULL)
        *set = r->type == CLUSTER_REPLY_STATUS;
    return err;
}

int
redis_expire(struct redis_call *c, const char *key, unsigned ttl_ms, bool *there, struct errbuf *eb)
{
    const struct cluster_reply *r;
    char ttl[NUMBER_MAX];
    int err = WRITE(c, &r, eb, "PEXPIRE", key, number(ttl, ttl_ms));

    *there = err == 0 && r->type == CLUSTER_REPLY_INTEGER && r->integer == 1;
    return err;
}

int
redis_del(struct redis_call *c, const char *key, struct errbuf *eb)
{
    const struct cluster_reply *r;

    return WRITE(c, &r, eb, "DEL", key);
}
