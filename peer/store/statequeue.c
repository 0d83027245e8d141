/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The database's thread: takes copies of updates from loops, applies them in order, and reports
 * through each loop's doneq. All waiting updates are applied in one transaction, so that many
 * torrents share one sync of the log.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/magic.h"
#include "peer/store/statedb.h"

#define STATE_JOB_MAGIC 0x53746a62u
enum { BATCH_MAX = 64 };

struct state_job {
    uint32_t magic;
    struct list link;
    struct doneq_item done_item;
    struct doneq *doneq;
    int64_t id;
    struct state_update update; /* points into |mem| */
    state_done_fn done;
    void *user;
    int err;
    struct errbuf why;
    uint8_t *mem;
};

static void
on_done(struct doneq_item *item)
{
    struct state_job *j = LIST_ENTRY(item, struct state_job, done_item);

    MAGIC_CHECK(j, STATE_JOB_MAGIC);
    if (j->done != NULL)
        j->done(j->user, j->err, j->err != 0 ? j->why.text : "");
    MAGIC_CLEAR(j);
    free(j->mem);
    free(j);
}

/* Copies |len| bytes to the job's memory, aligned, and returns their new address; NULL stays NULL.
 */
static void *
put(uint8_t **at, const void *src, size_t len)
{
    void *dst = *at;

    if (src == NULL || len == 0)
        return NULL;
    memcpy(dst, src, len);
    *at += (len + 15) / 16 * 16;
    return dst;
}

static size_t
text_size(const char *text)
{
    return text != NULL ? strlen(text) + 1 + 16 : 16;
}

static const char *
put_text(uint8_t **at, const char *text)
{
    return text != NULL ? put(at, text, strlen(text) + 1) : NULL;
}

static size_t
copy_size(const struct state_update *u)
{
    size_t n = 0;

    n += u->have_count * sizeof(*u->have) + 16;
    n += u->lost_count * sizeof(*u->lost) + 16;
    n += u->file_count * sizeof(*u->files) + 16;
    n += u->peer_count * sizeof(*u->peers) + 16;
    n += u->layer_count * sizeof(*u->layers) + 16;
    for (size_t i = 0; i < u->layer_count; i++)
        n += u->layers[i].len + 16;
    return n + text_size(u->error) + text_size(u->move_to) + text_size(u->dir) +
           text_size(u->moved_from);
}

static int
copy_update(struct state_job *j, const struct state_update *u)
{
    struct state_layer *layers;
    uint8_t *at;

    j->mem = at = malloc(copy_size(u));
    if (at == NULL)
        return SPRAT_E_NOMEM;
    j->update = *u;
    j->update.have = put(&at, u->have, u->have_count * sizeof(*u->have));
    j->update.lost = put(&at, u->lost, u->lost_count * sizeof(*u->lost));
    j->update.files = put(&at, u->files, u->file_count * sizeof(*u->files));
    j->update.peers = put(&at, u->peers, u->peer_count * sizeof(*u->peers));
    j->update.layers = layers = put(&at, u->layers, u->layer_count * sizeof(*u->layers));
    for (size_t i = 0; i < u->layer_count; i++)
        layers[i].hashes = put(&at, u->layers[i].hashes, u->layers[i].len);
    j->update.error = put_text(&at, u->error);
    j->update.move_to = put_text(&at, u->move_to);
    j->update.dir = put_text(&at, u->dir);
    j->update.moved_from = put_text(&at, u->moved_from);
    return 0;
}

/* Applies one update within the open transaction, in isolation: a failure undoes only this update.
 */
static void
apply_one(struct db *db, struct state_job *j)
{
    int err = db_exec(db, "SAVEPOINT one", "storing a change", &j->why);

    if (err == 0) {
        err = state_apply_parts(db, j->id, &j->update, &j->why);
        db_exec(db, err == 0 ? "RELEASE one" : "ROLLBACK TO one; RELEASE one", "storing a change",
                NULL);
    }
    j->err = err;
}

/* Applies a batch in one transaction. If the commit fails, all its updates have failed. */
static void
apply_batch(struct state *st, struct state_job **jobs, size_t n)
{
    struct errbuf eb;
    int err;

    lock_take(&st->db_lock);
    err = db_begin(st->db, &eb);
    for (size_t i = 0; i < n && err == 0; i++)
        apply_one(st->db, jobs[i]);
    if (err == 0)
        err = db_commit(st->db, &eb);
    if (err != 0)
        db_rollback(st->db);
    lock_drop(&st->db_lock);
    for (size_t i = 0; i < n; i++) {
        if (err != 0 && jobs[i]->err == 0) {
            jobs[i]->err = err;
            jobs[i]->why = eb;
        }
        doneq_put(jobs[i]->doneq, &jobs[i]->done_item);
    }
}

static void *
thread_main(void *arg)
{
    struct state *st = arg;
    struct state_job *batch[BATCH_MAX];

    lock_take(&st->queue_lock);
    for (;;) {
        struct list *link;
        size_t n = 0;

        while (list_empty(&st->queue) && !st->stopping)
            cond_wait(&st->queue_filled, &st->queue_lock);
        if (list_empty(&st->queue))
            break;
        while (n < BATCH_MAX && (link = list_pop_front(&st->queue)) != NULL)
            batch[n++] = LIST_ENTRY(link, struct state_job, link);
        st->queued -= (uint32_t)n;
        lock_drop(&st->queue_lock);
        apply_batch(st, batch, n);
        lock_take(&st->queue_lock);
    }
    lock_drop(&st->queue_lock);
    return NULL;
}

/* Starts the thread if necessary. The queue's lock must be held. */
static int
need_thread(struct state *st)
{
    if (st->has_thread)
        return 0;
    st->has_thread = thread_start(&st->thread, thread_main, st) == 0;
    return st->has_thread ? 0 : SPRAT_E_NOMEM;
}

void
state_queue_stop(struct state *st)
{
    if (!st->has_thread)
        return;
    lock_take(&st->queue_lock);
    st->stopping = true;
    cond_signal(&st->queue_filled);
    lock_drop(&st->queue_lock);
    thread_join(&st->thread);
}

int
state_apply_async(struct state *st, int64_t id, const struct state_update *u, struct doneq *q,
                  state_done_fn done, void *user)
{
    struct state_job *j = calloc(1, sizeof(*j));
    int err;

    if (j == NULL || copy_update(j, u) != 0) {
        free(j);
        return SPRAT_E_NOMEM;
    }
    MAGIC_SET(j, STATE_JOB_MAGIC);
    j->id = id;
    j->doneq = q;
    j->done = done;
    j->user = user;
    j->done_item.run = on_done;
    lock_take(&st->queue_lock);
    err = st->queued >= STATE_QUEUE_MAX ? SPRAT_E_AGAIN : need_thread(st);
    if (err == 0) {
        doneq_expect(q);
        list_push_back(&st->queue, &j->link);
        st->queued++;
        cond_signal(&st->queue_filled);
    }
    lock_drop(&st->queue_lock);
    if (err != 0) {
        free(j->mem);
        free(j);
    }
    return err;
}
