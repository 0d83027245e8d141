/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The database's thread: takes changes from loops, applies them in order, and reports through each
 * loop's doneq. All waiting changes are applied in one transaction, so that many torrents share one
 * sync of the log. What a change does is the matter of its apply() (statedb.h).
 */
#include "common/base/magic.h"
#include "peer/store/statedb.h"

#define STATE_JOB_MAGIC 0x53746a62u
enum { BATCH_MAX = 64 };

static void
on_done(struct doneq_item *item)
{
    struct state_job *j = LIST_ENTRY(item, struct state_job, done_item);

    MAGIC_CHECK(j, STATE_JOB_MAGIC);
    MAGIC_CLEAR(j);
    if (j->done != NULL)
        j->done(j->user, j->err, j->err != 0 ? j->why.text : "");
    j->free(j);
}

/* Applies one change within the open transaction, in isolation: a failure undoes only this change.
 */
static void
apply_one(struct db *db, struct state_job *j)
{
    int err = db_exec(db, "SAVEPOINT one", "storing a change", &j->why);

    if (err == 0) {
        err = j->apply(db, j);
        db_exec(db, err == 0 ? "RELEASE one" : "ROLLBACK TO one; RELEASE one", "storing a change",
                NULL);
    }
    j->err = err;
}

/* Applies a batch in one transaction. If the commit fails, all its changes have failed. */
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
state_submit(struct state *st, struct state_job *j, struct doneq *q)
{
    int err;

    MAGIC_SET(j, STATE_JOB_MAGIC);
    j->doneq = q;
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
    return err;
}
