/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A task of the loop, which posts itself again until the last shard is done.
 */
#include "tracker/daemon/topwalk.h"

#include <stdlib.h>

#include "common/base/magic.h"

enum { TOPWALK_MAGIC = 0x746f7077 };

struct topwalk {
    uint32_t magic;
    struct loop *loop;
    struct shards *shards;
    struct loop_task *task;
    unsigned shard;
    size_t at; /* position within the shard */
    struct topswarms top;
    void (*done)(void *ctx, const struct topswarms *top);
    void *ctx;
};

static void
on_task(void *ctx)
{
    struct topwalk *w = ctx;

    MAGIC_CHECK(w, TOPWALK_MAGIC);
    w->at = tracker_offer_top(shards_lock(w->shards, w->shard), w->at, &w->top, loop_now(w->loop));
    shards_unlock(w->shards, w->shard);
    if (w->at == 0 && ++w->shard == shards_count(w->shards))
        w->done(w->ctx, &w->top);
    else
        loop_task_ask(w->task);
}

struct topwalk *
topwalk_new(struct loop *l, struct shards *s, enum topswarms_order order, size_t max,
            void (*done)(void *ctx, const struct topswarms *top), void *ctx)
{
    struct topwalk *w = calloc(1, sizeof(*w));

    if (w == NULL)
        return NULL;
    MAGIC_SET(w, TOPWALK_MAGIC);
    w->loop = l;
    w->shards = s;
    w->done = done;
    w->ctx = ctx;
    topswarms_init(&w->top, order, max);
    w->task = loop_task_new(l, on_task, w);
    if (w->task == NULL) {
        free(w);
        return NULL;
    }
    loop_task_ask(w->task);
    return w;
}

void
topwalk_free(struct topwalk *w)
{
    if (w == NULL)
        return;
    MAGIC_CHECK(w, TOPWALK_MAGIC);
    loop_task_free(w->task);
    MAGIC_CLEAR(w);
    free(w);
}
