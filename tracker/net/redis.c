/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Uses hiredis' reader with own callbacks, which build the reply in a buffer of fixed size: a
 * string is cut before it is copied, and a large array is refused before its elements are read.
 */
#include "tracker/net/redis.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "tracker/net/hiredis_reader.h"

enum {
    TEXT_MAX = 1024, /* bytes of a status or an error; the rest is cut */
    STRINGS_MAX = CLUSTER_REPLY_ELEMENTS_MAX * CLUSTER_REPLY_STRING_MAX + TEXT_MAX,
};

struct redis_reader {
    redisReader *reader;
    redisReplyObjectFunctions functions; /* hiredis borrows them */
    struct cluster_reply reply;
    struct cluster_reply elements[CLUSTER_REPLY_ELEMENTS_MAX];
    uint8_t strings[STRINGS_MAX]; /* of the current reply */
    size_t strings_len;
};

int
redis_put(struct buf *out, const struct cluster_command *cmd)
{
    const char **argv = (const char **)(uintptr_t)cmd->argv;
    char *bytes;
    int len = redisFormatCommandArgv(&bytes, (int)cmd->argc, argv, cmd->lens);

    if (len < 0)
        return SPRAT_E_NOMEM;
    buf_put(out, bytes, (size_t)len);
    redisFreeCommand(bytes);
    return out->err;
}

/* ---- callbacks of hiredis ---- */

/* The place for the object of |task|; NULL if there is none. */
static struct cluster_reply *
place_of(const redisReadTask *task)
{
    struct redis_reader *r = task->privdata;

    if (task->parent == NULL) {
        r->strings_len = 0;
        r->reply = (struct cluster_reply){.type = CLUSTER_REPLY_NIL};
        return &r->reply;
    }
    if (task->parent->parent != NULL || task->idx >= CLUSTER_REPLY_ELEMENTS_MAX)
        return NULL;
    r->elements[task->idx] = (struct cluster_reply){.type = CLUSTER_REPLY_NIL};
    return &r->elements[task->idx];
}

static void *
create_string(const redisReadTask *task, char *str, size_t len)
{
    struct redis_reader *r = task->privdata;
    struct cluster_reply *to = place_of(task);
    size_t max;

    if (to == NULL)
        return NULL;
    to->type = task->type == REDIS_REPLY_STATUS  ? CLUSTER_REPLY_STATUS
               : task->type == REDIS_REPLY_ERROR ? CLUSTER_REPLY_ERROR
                                                 : CLUSTER_REPLY_STRING;
    max = to->type == CLUSTER_REPLY_STRING ? CLUSTER_REPLY_STRING_MAX : TEXT_MAX;
    if (len > max)
        len = max;
    if (len > STRINGS_MAX - r->strings_len)
        return NULL;
    memcpy(r->strings + r->strings_len, str, len);
    to->str = r->strings + r->strings_len;
    to->len = len;
    r->strings_len += len;
    return to;
}

static void *
create_array(const redisReadTask *task, hiredis_count elements)
{
    struct redis_reader *r = task->privdata;
    struct cluster_reply *to = place_of(task);

    if (to != &r->reply || elements > CLUSTER_REPLY_ELEMENTS_MAX)
        return NULL;
    to->type = CLUSTER_REPLY_ARRAY;
    to->elements = r->elements;
    to->count = (size_t)elements;
    return to;
}

static void *
create_integer(const redisReadTask *task, long long value)
{
    struct cluster_reply *to = place_of(task);

    if (to == NULL)
        return NULL;
    to->type = CLUSTER_REPLY_INTEGER;
    to->integer = value;
    return to;
}

static void *
create_nil(const redisReadTask *task)
{
    return place_of(task);
}

/* Nothing to free: the objects are in the reader's own buffer. */
static void
free_object(void *object)
{
    (void)object;
}

/* ---- reading ---- */

struct redis_reader *
redis_reader_new(void)
{
    struct redis_reader *r = calloc(1, sizeof(*r));

    if (r == NULL)
        return NULL;
    r->functions = (redisReplyObjectFunctions){
        .createString = create_string,
        .createArray = create_array,
        .createInteger = create_integer,
        .createNil = create_nil,
        HIREDIS_NO_RESP3.freeObject = free_object,
    };
    r->reader = redisReaderCreateWithFunctions(&r->functions);
    if (r->reader == NULL) {
        free(r);
        return NULL;
    }
    r->reader->privdata = r;
    return r;
}

void
redis_reader_free(struct redis_reader *r)
{
    if (r == NULL)
        return;
    redisReaderFree(r->reader);
    free(r);
}

int
redis_reader_feed(struct redis_reader *r, const void *bytes, size_t len)
{
    if (r->reader->len - r->reader->pos + len > REDIS_UNREAD_MAX)
        return SPRAT_E_PROTOCOL;
    return redisReaderFeed(r->reader, bytes, len) == REDIS_OK ? 0 : SPRAT_E_NOMEM;
}

int
redis_reader_next(struct redis_reader *r, const struct cluster_reply **reply)
{
    void *object = NULL;

    if (redisReaderGetReply(r->reader, &object) != REDIS_OK)
        return SPRAT_E_PROTOCOL;
    *reply = object;
    return object != NULL;
}
