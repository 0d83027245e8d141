/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A torrent's disk jobs: the core's writes, checks and leaf reads, and the reads of pieces that are
 * sent. A job that the disk has no room for waits in order. A job that fails for a reason that
 * may pass (a full disk) is kept and tried again: the core only sees a slow disk, and no block is
 * downloaded twice. Results of a core that is gone are dropped.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/crypto/sha.h"
#include "peer/torrent/torrent_disk.h"
#include "peer/torrent/torrent_failure.h"
#include "peer/torrent/torrent_feed.h"
#include "peer/torrent/torrent_life.h"
#include "peer/torrent/torrent_prepare.h"

/* Disk jobs kept for the next attempt; others fail, and their blocks are fetched again. */
enum { STALLED_MAX = 256 };

static void
job_free(struct disk_job *job)
{
    block_drop(job->block);
    job->block = NULL;
    job->torrent->disk.jobs--;
    list_push_front(&job->torrent->disk.free, &job->link);
}

static struct disk_job *
job_new(struct torrent *t, enum disk_job_kind kind)
{
    struct list *spare = list_pop_front(&t->disk.free);
    struct disk_job *job =
        spare != NULL ? LIST_ENTRY(spare, struct disk_job, link) : malloc(sizeof(*job));

    if (job == NULL)
        return NULL;
    *job = (struct disk_job){.torrent = t, .generation = t->core.generation, .kind = kind};
    list_init(&job->link);
    t->disk.jobs++;
    return job;
}

static void
feed_written(struct disk_job *job, int err, const uint8_t *leaf)
{
    struct swarm_input in = {.type = SWARM_IN_WRITTEN};

    in.u.written.piece = job->piece;
    in.u.written.begin = job->begin;
    in.u.written.block = job->block; /* the core takes the reference */
    in.u.written.err = err;
    if (leaf != NULL)
        memcpy(in.u.written.leaf, leaf, SHA256_LEN);
    job->block = NULL;
    torrent_feed(job->torrent, &in);
}

static void
feed_verified(struct disk_job *job, int err, const uint8_t *sha1)
{
    struct swarm_input in = {.type = SWARM_IN_VERIFIED};
    const uint8_t *expected = job->torrent->mi->pieces;

    if (err == 0 && (sha1 == NULL || expected == NULL ||
                     memcmp(sha1, expected + (size_t)job->piece * SHA1_LEN, SHA1_LEN) != 0))
        err = SPRAT_E_HASH;
    in.u.verified.piece = job->piece;
    in.u.verified.err = err;
    torrent_feed(job->torrent, &in);
}

static void
feed_leaves(struct disk_job *job, int err, const uint8_t *leaves, uint32_t count)
{
    struct swarm_input in = {.type = SWARM_IN_LEAVES};

    in.u.leaves.piece = job->piece;
    in.u.leaves.leaves = leaves;
    in.u.leaves.count = count;
    in.u.leaves.err = err;
    torrent_feed(job->torrent, &in);
}

/* Feeds the job's result to the core. |res| is NULL if the disk never had the job. */
static void
feed_result(struct disk_job *job, int err, const struct storage_result *res)
{
    switch (job->kind) {
    case DISK_JOB_WRITE: feed_written(job, err, res != NULL ? res->leaves : NULL); break;
    case DISK_JOB_VERIFY: feed_verified(job, err, res != NULL ? res->sha1 : NULL); break;
    case DISK_JOB_LEAVES:
        feed_leaves(job, err, res != NULL ? res->leaves : NULL, res != NULL ? res->leaf_count : 0);
        break;
    case DISK_JOB_FORGET: break;
    }
}

/* The result of a job that a former core asked for is dropped. */
static void
job_end(struct disk_job *job, int err, const struct storage_result *res)
{
    struct torrent *t = job->torrent;

    if (job->generation == t->core.generation)
        feed_result(job, err, res);
    job_free(job);
    torrent_mark_dirty(t);
}

/* Failures that end when the user frees space or repairs the disk. */
static bool
may_pass(int err)
{
    switch (err) {
    case SPRAT_E_NOSPACE:
    case SPRAT_E_READONLY:
    case SPRAT_E_ACCESS:
    case SPRAT_E_IO:
    case SPRAT_E_NOMEM:
    case SPRAT_E_LIMIT: return true;
    }
    return false;
}

/* Keeps a failed job for the retry timer. False if a retry is useless. */
static bool
stall(struct disk_job *job, int err)
{
    struct torrent *t = job->torrent;

    if (!may_pass(err) || (job->kind != DISK_JOB_WRITE && job->kind != DISK_JOB_VERIFY) ||
        job->generation != t->core.generation || t->life.phase >= PHASE_STOPPING)
        return false;
    list_push_back(&t->disk.stalled, &job->link);
    torrent_fail(t, FAILURE_CORE, err, torrent_last_why(t, err));
    if (err == SPRAT_E_NOSPACE)
        prepare_explain(t);
    return true;
}

static void
on_done(void *user, const struct storage_result *res)
{
    struct disk_job *job = user;
    struct torrent *t = job->torrent;

    if (res->err != 0 && res->err != SPRAT_E_HASH && res->err != SPRAT_E_CANCELLED) {
        torrent_remember_why(t, res->err, res->why);
        if (stall(job, res->err))
            return;
    }
    if (res->err == 0 && job->kind == DISK_JOB_WRITE) {
        commit_touch(t->disk.commit, loop_now(t->env->loop));
        room_claim_pay(&t->prepare.claim, res->len);
    }
    if (res->err == 0 && !torrent_failure_holds(t, FAILURE_CORE))
        torrent_recovered(t, FAILURE_CORE);
    job_end(job, res->err, res);
}

/* Submits the job to the storage, which holds it until disk_go_on(). */
static int
submit(struct disk_job *job)
{
    struct storage *st = job->torrent->disk.storage;

    storage_hold(st);
    switch (job->kind) {
    case DISK_JOB_WRITE:
        return storage_write(st, job->piece, job->begin, job->block->data, job->block->len,
                             job->judge ? job->expected : NULL, on_done, job);
    case DISK_JOB_VERIFY: return storage_verify(st, job->piece, on_done, job);
    case DISK_JOB_LEAVES: return storage_leaves(st, job->piece, on_done, job);
    case DISK_JOB_FORGET: return storage_forget(st, job->piece, on_done, job);
    }
    return SPRAT_E_INVAL;
}

/* The next result of the disk makes room for this torrent's jobs. */
static void
wait_for_room(struct torrent *t)
{
    if (!list_linked(&t->crowded))
        list_push_back(&t->env->crowded, &t->crowded);
    t->env->calls->await_disk(t->env);
}

/* Submits the job behind the waiting jobs. Behind a failed disk only a bounded number may wait:
 * further jobs fail, and the core requests no more. */
static void
job_start(struct disk_job *job)
{
    struct torrent *t = job->torrent;
    bool stalled = !list_empty(&t->disk.stalled);
    bool waits = stalled || !list_empty(&t->disk.waiting);
    int err = waits ? SPRAT_E_AGAIN : submit(job);

    if (stalled && job->kind == DISK_JOB_WRITE && t->disk.jobs > STALLED_MAX) {
        t->core.halted = true;
        job_end(job, t->failure.err != 0 ? t->failure.err : SPRAT_E_IO, NULL);
    } else if (err == SPRAT_E_AGAIN) {
        list_push_back(&t->disk.waiting, &job->link);
        wait_for_room(t);
    } else if (err != 0) {
        torrent_remember_why(t, err, "");
        job_end(job, err, NULL);
    }
    torrent_mark_dirty(t);
}

static void
submit_waiting(struct torrent *t)
{
    while (!list_empty(&t->disk.waiting) && list_empty(&t->disk.stalled)) {
        struct disk_job *job = LIST_ENTRY(t->disk.waiting.next, struct disk_job, link);
        int err = submit(job);

        if (err == SPRAT_E_AGAIN) {
            wait_for_room(t);
            return;
        }
        list_remove(&job->link);
        if (err != 0) {
            torrent_remember_why(t, err, "");
            job_end(job, err, NULL);
        }
    }
}

void
disk_go_on(struct torrent *t)
{
    submit_waiting(t);
    if (t->disk.storage != NULL)
        storage_let_go(t->disk.storage);
}

void
disk_retry(struct torrent *t)
{
    struct list *link;

    while (!list_empty(&t->disk.stalled)) {
        link = t->disk.stalled.prev; /* stalled jobs go in front of the waiting jobs, in their
                                        order */
        list_remove(link);
        list_push_front(&t->disk.waiting, link);
    }
    disk_go_on(t);
}

void
disk_give_up(struct torrent *t)
{
    struct list *link;

    while ((link = list_pop_front(&t->disk.stalled)) != NULL ||
           (link = list_pop_front(&t->disk.waiting)) != NULL)
        job_end(LIST_ENTRY(link, struct disk_job, link), SPRAT_E_CANCELLED, NULL);
}

/* The job takes over the reference to the block. */
static void
fill_job(struct disk_job *job, const struct swarm_effect *fx)
{
    if (job->kind != DISK_JOB_WRITE) {
        job->piece = fx->u.range.piece;
        return;
    }
    job->piece = fx->u.write.piece;
    job->begin = fx->u.write.begin;
    job->block = fx->u.write.block;
    job->judge = fx->u.write.judge;
    memcpy(job->expected, fx->u.write.expected, sizeof(job->expected));
}

/* No job could be made: its result is NOMEM. */
static void
fail_at_once(struct torrent *t, enum disk_job_kind kind, const struct swarm_effect *fx)
{
    struct disk_job job = {.torrent = t, .kind = kind};

    torrent_remember_why(t, SPRAT_E_NOMEM, "");
    fill_job(&job, fx);
    feed_result(&job, SPRAT_E_NOMEM, NULL);
}

void
disk_do(struct torrent *t, enum disk_job_kind kind, const struct swarm_effect *fx)
{
    struct disk_job *job = job_new(t, kind);

    if (job == NULL) {
        fail_at_once(t, kind, fx);
        return;
    }
    fill_job(job, fx);
    job_start(job);
}

void
disk_forget(struct torrent *t, uint32_t piece)
{
    struct disk_job *job = job_new(t, DISK_JOB_FORGET);

    /* If the job can't be made, the piece's next check may fail once more, and then the disk is
     * read. */
    if (job == NULL)
        return;
    job->piece = piece;
    job_start(job);
}

/* A read of a piece to be sent. */
struct read_job {
    struct torrent *torrent;
    struct conn_piece *piece;
};

static void
on_read(void *user, const struct storage_result *res)
{
    struct read_job *job = user;
    struct torrent *t = job->torrent;

    t->disk.reads--;
    if (res->err != 0 && res->err != SPRAT_E_CANCELLED)
        torrent_reload_soon(t, res->err, res->why);
    conn_piece_done(job->piece, res->err);
    torrent_mark_dirty(t);
    free(job);
}

int
disk_read(struct torrent *t, struct conn_piece *p)
{
    struct read_job *job;
    int err;

    if (!torrent_has_files_open(t))
        return SPRAT_E_CANCELLED;
    job = malloc(sizeof(*job));
    if (job == NULL)
        return SPRAT_E_NOMEM;
    *job = (struct read_job){t, p};
    err = storage_read(t->disk.storage, p->piece, p->begin, p->length, p->data, on_read, job);
    if (err != 0)
        free(job);
    else
        t->disk.reads++;
    if (err == SPRAT_E_AGAIN)
        t->env->calls->await_disk(t->env);
    return err;
}

bool
disk_lend(struct torrent *t, const struct conn_piece *p, bool sure, struct storage_loan *loan)
{
    return torrent_has_files_open(t) &&
           storage_lend(t->disk.storage, p->piece, p->begin, p->length, sure, loan);
}

uint32_t
disk_at_hand(struct torrent *t, const struct conn_piece *p)
{
    uint32_t span = metainfo_piece_len(t->mi, p->piece);
    struct conn_piece part = *p;
    struct storage_loan loan;

    if (p->begin < span && span - p->begin > p->length)
        part.length = span - p->begin < CONN_HAND_BYTES ? span - p->begin : CONN_HAND_BYTES;
    if (!disk_lend(t, &part, false, &loan)) {
        if (part.length == p->length)
            return 0;
        part.length = p->length;
        if (!disk_lend(t, &part, false, &loan))
            return 0;
    }
    storage_give_back(t->disk.storage, &loan);
    return part.length;
}

bool
disk_idle(const struct torrent *t)
{
    return t->disk.jobs == 0 && t->disk.reads == 0;
}

void
disk_fini(struct torrent *t)
{
    struct list *link;

    ASSERT(disk_idle(t));
    while ((link = list_pop_front(&t->disk.free)) != NULL)
        free(LIST_ENTRY(link, struct disk_job, link));
}
