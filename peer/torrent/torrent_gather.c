/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Moves the data of files that are wanted after all out of the part file (parts.h), and stores that
 * it lies in the files from then on.
 */
#include <stdlib.h>

#include "peer/store/parts.h"
#include "peer/torrent/torrent_failure.h"
#include "peer/torrent/torrent_gather.h"
#include "peer/torrent/torrent_life.h"
#include "peer/torrent/torrent_store.h"

static bool
is_to_move(const struct torrent *t, size_t file)
{
    const uint8_t *bytes = t->options.selection;

    return bytes != NULL && (bytes[file] & PARTS_PARTED) != 0 &&
           (bytes[file] & PARTS_PRIORITY) != 0;
}

/* Afterwards the torrent is closed and loaded again. */
static void
on_settled(void *user, int err, const char *why)
{
    struct torrent *t = user;

    torrent_end_job(t, JOB_GATHER);
    for (size_t i = 0; err == 0 && i < t->mi->file_count; i++)
        if (is_to_move(t, i))
            t->options.selection[i] &= PARTS_PRIORITY;
    if (err != 0)
        torrent_fail(t, FAILURE_LOAD, err, why);
}

/* Stores the stamps of the files whose data was copied out of the part file, and that their data
 * lies in the files, in one change. */
static int
settle(struct torrent *t)
{
    struct state_update u = {.priority_count = t->mi->file_count};
    struct state_file *files = calloc(t->mi->file_count + 1, sizeof(*files));
    uint8_t *bytes = malloc(t->mi->file_count + 1);
    int err = files == NULL || bytes == NULL ? SPRAT_E_NOMEM : 0;

    for (size_t i = 0; err == 0 && i < t->mi->file_count; i++) {
        bytes[i] = t->options.selection[i];
        if (!is_to_move(t, i))
            continue;
        struct storage_stamp s = storage_file_stamp(t->disk.storage, i);

        bytes[i] &= PARTS_PRIORITY;
        u.file_count += state_file_from(&files[u.file_count], i, &s);
    }
    u.files = files;
    u.priorities = bytes;
    if (err == 0)
        err = torrent_store(t, &u, on_settled, t);
    free(files);
    free(bytes);
    return err;
}

static void
on_gathered(void *user, const struct storage_result *res)
{
    struct torrent *t = user;
    int err = res->err == 0 ? settle(t) : res->err;

    if (err != 0)
        on_settled(t, err, res->err != 0 ? res->why : sprat_strerror(err));
}

bool
gather_go_on(struct torrent *t)
{
    bool any = false;

    for (size_t i = 0; t->options.selection != NULL && i < t->mi->file_count && !any; i++)
        any = is_to_move(t, i);
    if (!any || t->options.seed_only)
        return false;
    if (storage_gather(t->disk.storage, on_gathered, t) != 0) {
        torrent_fail(t, FAILURE_LOAD, SPRAT_E_BUSY, sprat_strerror(SPRAT_E_BUSY));
        t->life.held = STEP_LOAD;
        return true;
    }
    /* Then it is closed and loaded again, by the steps of a reload. */
    torrent_set_goal(t, GOAL_RELOAD);
    torrent_set_phase(t, PHASE_SAVING);
    torrent_begin_job(t, JOB_GATHER);
    return true;
}
