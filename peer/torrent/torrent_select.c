/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The files of a torrent that are wanted: what was chosen is stored, the core is told which pieces
 * that makes, and data that lies in the part file (parts.h) is moved when its file is wanted after
 * all.
 */
#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "peer/core/picker.h"
#include "peer/torrent/torrent_core.h"
#include "peer/torrent/torrent_fx.h"
#include "peer/torrent/torrent_impl.h"
#include "peer/torrent/torrent_life.h"
#include "peer/torrent/torrent_rest.h"
#include "peer/torrent/torrent_select.h"
#include "peer/torrent/torrent_stop.h"
#include "peer/store/parts.h"

static const unsigned levels[] = {
    [FILE_SKIP] = PICKER_PRIORITY_SKIP,
    [FILE_NORMAL] = PICKER_PRIORITY_NORMAL,
    [FILE_HIGH] = PICKER_PRIORITY_MAX,
};

static unsigned
level_of(uint8_t byte)
{
    return levels[byte & PARTS_PRIORITY];
}

bool
selection_is_all(const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (bytes[i] != FILE_NORMAL)
            return false;
    return true;
}

int
torrent_load_selection(struct torrent *t, struct errbuf *eb)
{
    size_t count = t->mi->file_count;
    uint8_t *bytes = malloc(count + 1);
    int err;

    if (bytes == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    err = state_load_priorities(t->env->shared->state, t->id, bytes, count, eb);
    for (size_t i = 0; err == 0 && i < count; i++)
        if ((bytes[i] & PARTS_PRIORITY) > FILE_HIGH)
            bytes[i] = FILE_NORMAL;
    if (err != 0 || selection_is_all(bytes, count)) {
        free(bytes);
        return err;
    }
    t->wish.selection = bytes;
    return 0;
}

/* The selection, with the place of each file's data: the data of an unwanted file that does not
 * exist goes to the part file, and stays there until the file is wanted. */
static uint8_t *
with_places(const struct torrent *t, const uint8_t *chosen)
{
    const uint8_t *old = t->wish.selection;
    uint8_t *bytes = malloc(t->mi->file_count + 1);
    struct worknames names;

    if (worknames_init(&names, t->mi) != 0) {
        free(bytes);
        bytes = NULL;
    }
    for (size_t i = 0; bytes != NULL && i < t->mi->file_count; i++) {
        bool parted = old != NULL && (old[i] & PARTS_PARTED) != 0;

        if (!parted && chosen[i] == FILE_SKIP)
            parted = !storage_has_file(t->save_dir, t->mi, i, t->wish.worknames ? &names : NULL);
        bytes[i] = chosen[i] | (parted ? PARTS_PARTED : 0);
    }
    worknames_fini(&names);
    return bytes;
}

/* Whether the new selection moves data to another place. */
static bool
moves(const struct torrent *t, const uint8_t *bytes)
{
    const uint8_t *old = t->wish.selection;

    for (size_t i = 0; i < t->mi->file_count; i++) {
        bool was = old != NULL && (old[i] & PARTS_PARTED) != 0;
        bool is = (bytes[i] & PARTS_PARTED) != 0;

        if (is != was || (is && (bytes[i] & PARTS_PRIORITY) != 0))
            return true;
    }
    return false;
}

void
core_feed_selection(struct torrent *t)
{
    struct swarm_input in = {.type = SWARM_IN_PRIORITY};
    uint8_t *pieces;

    if (t->wish.selection == NULL || t->wish.seed_only || t->core.frozen)
        return;
    pieces = calloc((size_t)t->mi->piece_count + 1, 1);
    if (pieces == NULL) {
        torrent_fail(t, FAILURE_LOAD, SPRAT_E_NOMEM, "out of memory");
        return;
    }
    for (size_t i = 0; i < t->mi->file_count; i++) {
        const struct metainfo_file *f = &t->mi->files[i];
        unsigned level = level_of(t->wish.selection[i]);

        if ((f->attr & ATTR_PAD) != 0 || f->length == 0)
            continue;
        uint64_t last = (f->offset + f->length - 1) / t->mi->piece_length;
        for (uint64_t p = f->offset / t->mi->piece_length; p <= last; p++)
            if (pieces[p] < level)
                pieces[p] = (uint8_t)level;
    }
    for (uint32_t p = 0, end; p < t->mi->piece_count; p = end) {
        for (end = p + 1; end < t->mi->piece_count && pieces[end] == pieces[p];)
            end++;
        in.u.priority.first = p;
        in.u.priority.count = end - p;
        in.u.priority.priority = pieces[p];
        torrent_feed(t, &in);
    }
    free(pieces);
}

static int
store(struct torrent *t, const uint8_t *bytes, struct errbuf *eb)
{
    return state_put_priorities(t->env->shared->state, t->id, bytes, t->mi->file_count, eb);
}

int
torrent_select(struct torrent *t, const uint8_t *chosen, struct errbuf *eb)
{
    bool running = t->phase == PHASE_READY || t->phase == PHASE_RUNNING;
    uint8_t *bytes, *old = t->wish.selection;
    bool reload;
    int err = torrent_need_metainfo(t, eb);

    if (err != 0)
        return err;

    if (t->wish.seed_only)
        return errbuf_set(eb, SPRAT_E_INVAL, "%s is only seeded", t->facts.name);
    if (!running && t->disk.storage != NULL)
        return errbuf_set(eb, SPRAT_E_BUSY, "the files of %s are being checked: try again later",
                          t->facts.name);
    bytes = with_places(t, chosen);
    if (bytes == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    err = store(t, bytes, eb);
    if (err != 0) {
        free(bytes);
        return err;
    }
    /* A complete torrent is reloaded too, so that its state is that of a download. */
    reload = running && (moves(t, bytes) || t->disk.completion != COMPLETION_NONE);
    t->wish.selection = bytes;
    free(old);
    t->disk.told_complete = false;
    if (reload)
        torrent_reload(t);
    else if (t->core.started)
        core_feed_selection(t);
    if (!reload && t->phase == PHASE_RUNNING && core_complete(t))
        torrent_on_complete(t);
    torrent_wake(t); /* a torrent rests only while all its files are complete and wanted */
    return 0;
}

uint8_t
torrent_file_priority(const struct torrent *t, size_t file)
{
    return t->wish.selection == NULL ? FILE_NORMAL : t->wish.selection[file] & PARTS_PRIORITY;
}

/* --- files that are wanted after all --- */

static bool
is_to_move(const struct torrent *t, size_t file)
{
    const uint8_t *bytes = t->wish.selection;

    return bytes != NULL && (bytes[file] & PARTS_PARTED) != 0 &&
           (bytes[file] & PARTS_PRIORITY) != 0;
}

/* Stores the stamps of the files whose data was copied out of the part file, and then that their
 * data lies in the files. */
static int
settle(struct torrent *t, struct errbuf *eb)
{
    struct state_update u = {0};
    struct state_file *files = calloc(t->mi->file_count + 1, sizeof(*files));
    uint8_t *bytes = malloc(t->mi->file_count + 1);
    int err = files == NULL || bytes == NULL ? errbuf_set(eb, SPRAT_E_NOMEM, "out of memory") : 0;

    for (size_t i = 0; err == 0 && i < t->mi->file_count; i++) {
        bytes[i] = t->wish.selection[i];
        if (!is_to_move(t, i))
            continue;
        struct storage_stamp s = storage_file_stamp(t->disk.storage, i);

        bytes[i] &= PARTS_PRIORITY;
        u.file_count += state_file_from(&files[u.file_count], i, &s);
    }
    u.files = files;
    if (err == 0)
        err = state_apply(t->env->shared->state, t->id, &u, eb);
    if (err == 0)
        err = store(t, bytes, eb);
    if (err == 0)
        memcpy(t->wish.selection, bytes, t->mi->file_count);
    free(files);
    free(bytes);
    return err;
}

static void
on_gathered(void *user, const struct storage_result *res)
{
    struct torrent *t = user;
    struct errbuf eb;
    int err = res->err;

    t->disk.busy = false;
    if (err != 0)
        torrent_fail(t, FAILURE_LOAD, err, res->why);
    else if ((err = settle(t, &eb)) != 0)
        torrent_fail(t, FAILURE_LOAD, err, eb.text);
    torrent_mark_dirty(t);
}

bool
torrent_gather(struct torrent *t)
{
    bool any = false;

    for (size_t i = 0; t->wish.selection != NULL && i < t->mi->file_count && !any; i++)
        any = is_to_move(t, i);
    if (!any || t->wish.seed_only)
        return false;
    if (storage_gather(t->disk.storage, on_gathered, t) != 0) {
        torrent_fail(t, FAILURE_LOAD, SPRAT_E_BUSY, sprat_strerror(SPRAT_E_BUSY));
        return true;
    }
    /* Then it is closed and loaded again, by the steps of a reload. */
    t->disk.busy = t->disk.reloading = true;
    torrent_set_phase(t, PHASE_SAVING);
    return true;
}
