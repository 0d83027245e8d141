/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Moves a complete torrent to another directory while it seeds: its files exist in both directories
 * before the database says that the new directory counts, and the old copies are removed after
 * that. If the process ends in between, the database names a directory that has all files.
 */
#include <stdlib.h>
#include <string.h>

#include "peer/store/parts.h"
#include "peer/torrent/torrent_failure.h"
#include "peer/torrent/torrent_life.h"
#include "peer/torrent/torrent_move.h"

/* The step has failed for now. The retry depends on the failure. */
static void
move_failed(struct torrent *t, int err, const char *why)
{
    if (err == SPRAT_E_CHANGED || err == SPRAT_E_NOENT)
        torrent_reload_soon(t, err, why); /* the files are checked again where they are */
    else if (err != SPRAT_E_CANCELLED)
        torrent_fail(t, FAILURE_COMMIT, err, why);
}

static void
on_cleaned(void *user, const struct storage_result *res)
{
    struct torrent *t = user;
    struct state_update u = {.set_cleaned = true};

    torrent_end_job(t, JOB_CLEAN);
    if (res->err == SPRAT_E_CANCELLED)
        return;
    /* Files that no longer belong to the torrent stay there, and the user hears of them once. */
    if (res->err != 0)
        torrent_tell(t, TORRENT_EVENT_WARNING, res->err, res->why);
    (void)state_apply_async(t->env->shared->state, t->id, &u, t->env->doneq, NULL, NULL);
    free(t->move.from);
    t->move.from = NULL;
}

static void
on_switched(void *user, int err, const char *why)
{
    struct torrent *t = user;

    torrent_end_job(t, JOB_SWITCH);
    if (err != 0) {
        move_failed(t, err, why);
        return;
    }
    storage_move_in(t->disk.storage);
    free(t->move.from);
    t->move.from = t->save_dir;
    t->save_dir = t->move.to;
    t->move.to = NULL;
    torrent_recovered(t, FAILURE_COMMIT);
}

/* All files exist in both directories: the new directory counts from now on, with its files'
 * stamps. */
static void
switch_over(struct torrent *t)
{
    struct state_update u = {.dir = t->move.to, .moved_from = t->save_dir};
    struct state_file *files = calloc(t->mi->file_count, sizeof(*files));
    int err = files != NULL ? 0 : SPRAT_E_NOMEM;

    for (size_t i = 0; i < t->mi->file_count && err == 0; i++) {
        struct storage_stamp s = storage_move_stamp(t->disk.storage, i);

        u.file_count += state_file_from(&files[u.file_count], i, &s);
    }
    u.files = files;
    if (err == 0)
        err = state_apply_async(t->env->shared->state, t->id, &u, t->env->doneq, on_switched, t);
    if (err == 0)
        torrent_begin_job(t, JOB_SWITCH);
    else
        move_failed(t, err, sprat_strerror(err));
    free(files);
}

static void
on_moved(void *user, const struct storage_result *res)
{
    struct torrent *t = user;

    torrent_end_job(t, JOB_MOVE);
    if (res->err == SPRAT_E_AGAIN || t->life.phase != PHASE_RUNNING)
        return; /* move_go_on() begins the next step if the torrent still runs */
    if (res->err != 0)
        move_failed(t, res->err, res->why);
    else
        switch_over(t);
}

/* Unwanted files do not exist, and parts of them are in the part file beside the others: such a
 * torrent stays where it is until all files are wanted. */
static bool
is_whole(const struct torrent *t)
{
    for (size_t i = 0; t->options.selection != NULL && i < t->mi->file_count; i++)
        if ((t->options.selection[i] & PARTS_PRIORITY) == 0 ||
            (t->options.selection[i] & PARTS_PARTED) != 0)
            return false;
    return bitfield_full(torrent_have(t));
}

/* |job| has begun if |err|, of submitting it, is 0; otherwise the disk has no room now. */
static void
begun(struct torrent *t, enum torrent_job job, int err)
{
    if (err == 0)
        torrent_begin_job(t, job);
    else
        torrent_hold(t, STEP_COMPLETE, TORRENT_BUSY_MS);
}

bool
move_go_on(struct torrent *t)
{
    struct torrent_move *m = &t->move;

    if (t->options.seed_only)
        return false;
    if (m->from != NULL) {
        begun(t, JOB_CLEAN, storage_clean(t->disk.storage, m->from, on_cleaned, t));
        return true;
    }
    if (m->to == NULL || !is_whole(t) || strcmp(m->to, t->save_dir) == 0)
        return false;
    begun(t, JOB_MOVE, storage_move(t->disk.storage, m->to, on_moved, t));
    return true;
}

void
move_forget(struct torrent *t)
{
    struct state_update u = {.set_move_to = true};

    if (t->move.to == NULL)
        return;
    free(t->move.to);
    t->move.to = NULL;
    (void)state_apply_async(t->env->shared->state, t->id, &u, t->env->doneq, NULL, NULL);
}

static void
on_undone(void *user, const struct storage_result *res)
{
    struct torrent *t = user;

    torrent_end_job(t, JOB_UNMOVE);
    if (res->err != 0)
        torrent_tell(t, TORRENT_EVENT_WARNING, res->err, res->why);
}

bool
move_undo(struct torrent *t)
{
    char **place = t->move.from != NULL ? &t->move.from : &t->move.to;

    /* No move begins before the torrent is complete. */
    if (*place != NULL && bitfield_full(&t->core.have) && strcmp(*place, t->save_dir) != 0 &&
        storage_clean(t->disk.storage, *place, on_undone, t) == 0)
        torrent_begin_job(t, JOB_UNMOVE);
    free(*place);
    *place = NULL;
    return t->life.job == JOB_UNMOVE;
}
