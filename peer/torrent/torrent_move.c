/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Moves a complete torrent to another directory while it seeds: its files exist in both directories
 * before the database says that the new directory counts, and the old copies are removed after
 * that. If the process ends in between, the database names a directory that has all files.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "peer/torrent/torrent_impl.h"
#include "peer/torrent/torrent_life.h"
#include "peer/torrent/torrent_move.h"
#include "peer/store/parts.h"

/* The step has failed for now. The retry depends on the failure. */
static void
move_failed(struct torrent *t, int err, const char *why)
{
    torrent_set_completion(t, COMPLETION_FLUSHED);
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

    torrent_set_completion(t, COMPLETION_FLUSHED);
    if (res->err == SPRAT_E_CANCELLED)
        return;
    /* Files that no longer belong to the torrent stay there, and the user hears of them once. */
    if (res->err != 0)
        torrent_tell(t, TORRENT_EVENT_WARNING, res->err, res->why);
    (void)state_apply_async(t->env->shared->state, t->id, &u, t->env->doneq, NULL, NULL);
    free(t->wish.moved_from);
    t->wish.moved_from = NULL;
}

static void
on_switched(void *user, int err, const char *why)
{
    struct torrent *t = user;

    if (err != 0) {
        move_failed(t, err, why);
        return;
    }
    storage_move_in(t->disk.storage);
    free(t->wish.moved_from);
    t->wish.moved_from = t->save_dir;
    t->save_dir = t->wish.move_to;
    t->wish.move_to = NULL;
    torrent_recovered(t, FAILURE_COMMIT);
    torrent_set_completion(t, COMPLETION_FLUSHED);
}

/* All files exist in both directories: the new directory counts from now on, with its files'
 * stamps. */
static void
switch_over(struct torrent *t)
{
    struct state_update u = {.dir = t->wish.move_to, .moved_from = t->save_dir};
    struct state_file *files = calloc(t->mi->file_count, sizeof(*files));
    int err = files != NULL ? 0 : SPRAT_E_NOMEM;

    for (size_t i = 0; i < t->mi->file_count && err == 0; i++) {
        struct storage_stamp s = storage_move_stamp(t->disk.storage, i);

        u.file_count += state_file_from(&files[u.file_count], i, &s);
    }
    u.files = files;
    torrent_set_completion(t, COMPLETION_SWITCHING);
    if (err == 0)
        err = state_apply_async(t->env->shared->state, t->id, &u, t->env->doneq, on_switched, t);
    if (err != 0)
        move_failed(t, err, sprat_strerror(err));
    free(files);
}

static void
on_moved(void *user, const struct storage_result *res)
{
    struct torrent *t = user;

    if (res->err == SPRAT_E_AGAIN || t->phase != PHASE_RUNNING)
        torrent_set_completion(t, COMPLETION_FLUSHED);
    else if (res->err != 0)
        move_failed(t, res->err, res->why);
    else
        switch_over(t);
}

/* Unwanted files do not exist, and parts of them are in the part file beside the others: such a
 * torrent stays where it is until all files are wanted. */
static bool
is_whole(const struct torrent *t)
{
    for (size_t i = 0; t->wish.selection != NULL && i < t->mi->file_count; i++)
        if ((t->wish.selection[i] & PARTS_PRIORITY) == 0 ||
            (t->wish.selection[i] & PARTS_PARTED) != 0)
            return false;
    return bitfield_full(torrent_have(t));
}

bool
torrent_move_go_on(struct torrent *t)
{
    struct torrent_wish *w = &t->wish;

    if (t->wish.seed_only)
        return false;
    if (w->moved_from != NULL) {
        if (storage_clean(t->disk.storage, w->moved_from, on_cleaned, t) == 0)
            torrent_set_completion(t, COMPLETION_CLEANING);
        return true;
    }
    if (w->move_to == NULL || !is_whole(t) || strcmp(w->move_to, t->save_dir) == 0)
        return false;
    if (storage_move(t->disk.storage, w->move_to, on_moved, t) == 0)
        torrent_set_completion(t, COMPLETION_MOVING);
    return true;
}

void
torrent_move_forget(struct torrent *t)
{
    struct state_update u = {.set_move_to = true};

    if (t->wish.move_to == NULL)
        return;
    free(t->wish.move_to);
    t->wish.move_to = NULL;
    (void)state_apply_async(t->env->shared->state, t->id, &u, t->env->doneq, NULL, NULL);
}

static void
on_undone(void *user, const struct storage_result *res)
{
    struct torrent *t = user;

    if (res->err != 0)
        torrent_tell(t, TORRENT_EVENT_WARNING, res->err, res->why);
    t->disk.busy = false;
    torrent_mark_dirty(t);
}

bool
torrent_move_undo(struct torrent *t)
{
    char **place = t->wish.moved_from != NULL ? &t->wish.moved_from : &t->wish.move_to;

    /* No move begins before the torrent is complete. */
    if (*place != NULL && bitfield_full(&t->core.have) && strcmp(*place, t->save_dir) != 0)
        t->disk.busy = storage_clean(t->disk.storage, *place, on_undone, t) == 0;
    free(*place);
    *place = NULL;
    return t->disk.busy;
}
