/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Uses hiredis' reader with own callbacks: nodes and strings are pieces of memory in one list,
 * which is freed as a whole. hiredis creates an array before its elements have arrived, so its size
 * is checked first, and no memory is allocated beyond the limits.
 */
#include "tracker/net/redis_tree.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "tracker/net/hiredis_reader.h"

enum { TEXT_MAX = 1024 }; /* bytes of a status or an error; the rest is cut */

struct piece {
    struct piece *next;
    _Alignas(max_align_t) uint8_t bytes[];
};

struct redis_tree {
    redisReader *reader;
    redisReplyObjectFunctions functions; /* hiredis borrows them */
    struct piece *pieces;                /* of the current reply */
    size_t nodes;
    bool out_of_memory;
};

static void *
take_memory(struct redis_tree *t, size_t len)
{
    struct piece *p = malloc(sizeof(*p) + len);

    if (p == NULL) {
        t->out_of_memory = true;
        return NULL;
    }
    p->next = t->pieces;
    t->pieces = p;
    return p->bytes;
}

static void
drop(struct redis_tree *t)
{
    struct piece *next;

    for (struct piece *p = t->pieces; p != NULL; p = next) {
        next = p->next;
        free(p);
    }
    t->pieces = NULL;
    t->nodes = 0;
}

/* ---- callbacks of hiredis ---- */

static unsigned
depth_of(const redisReadTask *task)
{
    unsigned depth = 0;

    for (; task->parent != NULL; task = task->parent)
        depth++;
    return depth;
}

/* The place for the object of |task|: a new node, or an element of its array. The elements are
 * constant only for readers of the reply. */
static struct cluster_reply *
place_of(const redisReadTask *task, enum cluster_reply_type type)
{
    struct redis_tree *t = task->privdata;
    struct cluster_reply *r;

    if (depth_of(task) > REDIS_TREE_DEPTH_MAX || ++t->nodes > REDIS_TREE_NODES_MAX)
        return NULL;
    if (task->parent == NULL) {
        r = take_memory(t, sizeof(*r));
    } else {
        const struct cluster_reply *array = task->parent->obj;

        r = (struct cluster_reply *)(uintptr_t)&array->elements[task->idx];
    }
    if (r != NULL)
        *r = (struct cluster_reply){.type = type};
    return r;
}

static enum cluster_reply_type
type_of(const redisReadTask *task)
{
    return task->type == REDIS_REPLY_STATUS  ? CLUSTER_REPLY_STATUS
           : task->type == REDIS_REPLY_ERROR ? CLUSTER_REPLY_ERROR
                                             : CLUSTER_REPLY_STRING;
}

static void *
create_string(const redisReadTask *task, char *str, size_t len)
{
    struct redis_tree *t = task->privdata;
    struct cluster_reply *to = place_of(task, type_of(task));
    uint8_t *copy;

    if (to == NULL)
        return NULL;
    if (to->type != CLUSTER_REPLY_STRING && len > TEXT_MAX)
        len = TEXT_MAX;
    copy = take_memory(t, len);
    if (copy == NULL)
        return NULL;
    memcpy(copy, str, len);
    to->str = copy;
    to->len = len;
    return to;
}

static void *
create_array(const redisReadTask *task, hiredis_count elements)
{
    struct redis_tree *t = task->privdata;
    struct cluster_reply *to, *inner;

    if (elements > REDIS_TREE_ELEMENTS_MAX)
        return NULL;
    to = place_of(task, CLUSTER_REPLY_ARRAY);
    if (to == NULL)
        return NULL;
    inner = take_memory(t, (size_t)elements * sizeof(*inner));
    if (inner == NULL)
        return NULL;
    memset(inner, 0, (size_t)elements * sizeof(*inner));
    to->elements = inner;
    to->count = (size_t)elements;
    return to;
}

static void *
create_integer(const redisReadTask *task, long long value)
{
    struct cluster_reply *to = place_of(task, CLUSTER_REPLY_INTEGER);

    if (to != NULL)
        to->integer = value;
    return to;
}

static void *
create_nil(const redisReadTask *task)
{
    return place_of(task, CLUSTER_REPLY_NIL);
}

/* Nothing to do: all pieces are freed together. */
static void
free_object(void *object)
{
    (void)object;
}

/* ---- reading ---- */

struct redis_tree *
redis_tree_new(void)
{
    struct redis_tree *t = calloc(1, sizeof(*t));

    if (t == NULL)
        return NULL;
    t->functions = (redisReplyObjectFunctions){
        .createString = create_string,
        .createArray = create_array,
        .createInteger = create_integer,
        .createNil = create_nil,
        HIREDIS_NO_RESP3.freeObject = free_object,
    };
    t->reader = redisReaderCreateWithFunctions(&t->functions);
    if (t->reader == NULL) {
        free(t);
        return NULL;
    }
    t->reader->privdata = t;
    return t;
}

void
redis_tree_free(struct redis_tree *t)
{
    if (t == NULL)
        return;
    redisReaderFree(t->reader);
    drop(t);
    free(t);
}

int
redis_tree_feed(struct redis_tree *t, const void *bytes, size_t len)
{
    if (t->reader->len - t->reader->pos + len > REDIS_TREE_BYTES_MAX)
        return SPRAT_E_PROTOCOL;
    return redisReaderFeed(t->reader, bytes, len) == REDIS_OK ? 0 : SPRAT_E_NOMEM;
}

/* hiredis continues an incomplete reply, so its pieces are kept until it is complete. */
int
redis_tree_next(struct redis_tree *t, const struct cluster_reply **reply)
{
    void *object = NULL;

    if (t->reader->ridx == -1)
        drop(t);
    if (redisReaderGetReply(t->reader, &object) != REDIS_OK)
        return t->out_of_memory ? SPRAT_E_NOMEM : SPRAT_E_PROTOCOL;
    *reply = object;
    return object != NULL;
}
