/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Job structs are reused while other jobs are pending, since a running torrent submits thousands of
 * jobs per second.
 */
#include "peer/store/storagequeue.h"

#include <stdlib.h>

#include "common/base/magic.h"

/* Calls |done| with the job's result. */
static void
report(const struct storage_job *j)
{
    bool sha1_op = j->op == OP_VERIFY || j->op == OP_REHASH;
    struct storage_result res = {
        .err = j->err,
        .why = j->err == 0      ? ""
               : j->why != NULL ? j->why
                                : sprat_strerror(j->err),
        .piece = j->piece,
        .begin = j->begin,
        .len = j->len,
        .file = j->file,
        .data = j->dst,
    };

    if (j->hashed && sha1_op && j->storage->mi->id.has_v1)
        res.sha1 = j->digest;
    if (j->hashed && j->op == OP_WRITE) {
        res.leaves = j->digest;
        res.leaf_count = 1;
    } else if (j->leaves != NULL) {
        res.leaves = j->leaves;
        res.leaf_count = j->leaf_count;
    }
    if (j->done != NULL)
        j->done(j->user, &res);
}

static struct storage_job *
job_new(struct storage *s)
{
    struct list *link = list_pop_front(&s->spare);

    return link != NULL ? LIST_ENTRY(link, struct storage_job, job.link)
                        : malloc(sizeof(struct storage_job));
}

static void
job_free(struct storage *s, struct storage_job *j)
{
    free(j->leaves);
    free(j->why);
    MAGIC_CLEAR(j);
    list_push_front(&s->spare, &j->job.link);
}

static void
drop_spare(struct storage *s)
{
    struct list *link;

    while ((link = list_pop_front(&s->spare)) != NULL)
        free(LIST_ENTRY(link, struct storage_job, job.link));
}

/* Runs on the loop's thread when a job is done. */
static void
on_done(struct doneq_item *item)
{
    struct storage_job *j = LIST_ENTRY(item, struct storage_job, done_item);
    struct storage *s = j->storage;

    MAGIC_CHECK(j, STORAGE_JOB_MAGIC);
    MAGIC_CHECK(s, STORAGE_MAGIC);
    if (j->op == OP_MOVE && j->err != 0 && j->err != SPRAT_E_AGAIN) {
        filemove_free(s->move);
        s->move = NULL;
    }
    if (j->op != OP_CLOSE) {
        report(j);
        job_free(s, j);
    }
    if (--s->pending > 0)
        return;
    drop_spare(s);
    if (s->closing)
        s->free_storage(s);
}

struct storage_job
storagequeue_job(struct storage *s, enum storage_op op, uint32_t piece, storage_done_fn done,
                 void *user)
{
    struct storage_job j = {
        .op = op,
        .storage = s,
        .piece = piece,
        .done = done,
        .user = user,
        .job.class = &storage_job_class,
        .done_item.run = on_done,
    };

    MAGIC_CHECK(s, STORAGE_MAGIC);
    ASSERT(!s->closing && (piece == STORAGEQUEUE_NO_PIECE || piece < s->mi->piece_count));
    MAGIC_SET(&j, STORAGE_JOB_MAGIC);
    return j;
}

void
storagequeue_flush(struct storage *s)
{
    if (s->held_count > 0)
        disk_submit_all(s->disk, &s->lane, &s->held);
    s->held_count = 0;
}

/* Adds the job to the collected ones, and passes a full batch on. */
static int
hold(struct storage *s, struct storage_job *j)
{
    int err = disk_take_room(s->disk, &s->lane);

    if (err != 0)
        return err;
    list_init(&j->job.link);
    list_push_back(&s->held, &j->job.link);
    if (++s->held_count == DISK_BATCH_MAX)
        storagequeue_flush(s);
    return 0;
}

int
storagequeue_submit(struct storage *s, const struct storage_job *from, enum disk_class class)
{
    struct storage_job *j = job_new(s);
    int err;

    if (j == NULL)
        return SPRAT_E_NOMEM;
    *j = *from;
    j->job.key = s->key_base + j->piece;
    j->job.lane = &s->lane;
    doneq_expect(s->done);
    err = class == DISK_ORDERED && s->holding ? hold(s, j) : disk_submit(s->disk, &j->job, class);
    if (err != 0) {
        doneq_unexpect(s->done);
        list_init(&j->job.link);
        job_free(s, j);
        if (s->pending == 0)
            drop_spare(s);
        return err;
    }
    s->pending++;
    return 0;
}

int
storagequeue_submit_piece(struct storage *s, enum storage_op op, enum disk_class class,
                          uint32_t piece, storage_done_fn done, void *user)
{
    struct storage_job j = storagequeue_job(s, op, piece, done, user);

    return storagequeue_submit(s, &j, class);
}

void
storagequeue_close(struct storage *s, void (*free_storage)(struct storage *s))
{
    s->close_job = storagequeue_job(s, OP_CLOSE, STORAGEQUEUE_NO_PIECE, NULL, NULL);
    s->close_job.job.lane = &s->lane;
    s->free_storage = free_storage;
    s->closing = true;
    s->pending++;
    doneq_expect(s->done);
    s->holding = false;
    storagequeue_flush(s);
    disk_submit_to(s->disk, &s->close_job.job, 0);
}
