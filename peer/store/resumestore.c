/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Records in the state database what resume.c found on disk. Before the report the have-bits of
 * lost pieces are cleared, so that nothing is written while the database promises more than the
 * disk has. Pieces that were found are synced and stored afterwards, in the background.
 *
 * Data that a crashed session wrote without storing it is written again and synced before the
 * report: it can be read, but a sync may have failed, after which the kernel regards it as written.
 */
#include <stdlib.h>

#include "common/sys/clock.h"
#include "peer/store/resume_impl.h"
#include "peer/store/state.h"

/* --- the end: names and report --- */

static void
on_renamed(void *user, const struct storage_result *res)
{
    struct resume *r = user;

    MAGIC_CHECK(r, RESUME_MAGIC);
    if (res->err != 0)
        resume_fail(r, res->err, res->why);
    resume_report(r);
    resume_free(r);
}

/* Renames complete files. All pieces on disk are stored by now, or lie in files without working
 * names. Files that a session completed without renaming them get their final names before the
 * report. */
static void
rename_and_report(struct resume *r)
{
    int err = 0;

    if (r->err == 0 && r->opt.download)
        err = storage_set_stored(r->opt.storage, &r->have);
    if (r->err == 0 && err == 0 && r->opt.download && storage_rename_due(r->opt.storage)) {
        err = storage_rename(r->opt.storage, on_renamed, r);
        if (err == 0)
            return;
    }
    if (err != 0)
        resume_fail(r, err, sprat_strerror(err));
    resume_report(r);
    resume_free(r);
}

/* --- pieces that were found --- */

static void
on_found_stored(void *user, int err, const char *why)
{
    struct resume *r = user;

    MAGIC_CHECK(r, RESUME_MAGIC);
    /* This comes after the report, so a failure is harmless: the next start checks again. */
    if (r->reported) {
        resume_free(r);
        return;
    }
    if (err != 0)
        resume_fail(r, err, why);
    rename_and_report(r);
}

/* Returns the pieces that are in |in| and not in |not_in|; the caller frees the list. NULL when
 * memory is out. */
static uint32_t *
differences(const struct bitfield *in, const struct bitfield *not_in, size_t *count)
{
    uint32_t *out = malloc(((size_t)in->count + 1) * sizeof(*out));

    *count = 0;
    for (uint32_t p = bitfield_next_set(in, 0); out != NULL && p < in->nbits;
         p = bitfield_next_set(in, p + 1))
        if (!bitfield_get(not_in, p))
            out[(*count)++] = p;
    return out;
}

/* Stores have-bits and stamps of the pieces that were found, now that they are synced. */
static void
on_synced(void *user, const struct storage_result *res)
{
    struct resume *r = user;
    /* A seeder writes nothing, so after a complete look the stamps are exact. */
    struct state_update u = {.set_clean = !r->opt.download, .clean = true};
    struct state_file *files = calloc(r->mi->file_count + 1, sizeof(*files));
    uint32_t *found = differences(&r->have, &r->trust.stored, &u.have_count);
    int err = res->err;

    MAGIC_CHECK(r, RESUME_MAGIC);
    if (files == NULL || found == NULL)
        err = SPRAT_E_NOMEM;
    for (size_t i = 0; err == 0 && i <= r->mi->file_count; i++) {
        struct storage_stamp s = storage_file_stamp(r->opt.storage, i);
        if (!r->trust.gone[i] &&
            (i == r->mi->file_count || (r->mi->files[i].attr & (ATTR_PAD | ATTR_SYMLINK)) == 0))
            u.file_count += state_file_from(&files[u.file_count], i, &s);
    }
    u.have = found;
    u.files = files;
    if (err == 0)
        err = state_apply_async(r->opt.state, r->opt.id, &u, storage_doneq(r->opt.storage),
                                on_found_stored, r);
    free(files);
    free(found);
    if (err != 0)
        on_found_stored(r, err, res->err != 0 ? res->why : sprat_strerror(err));
}

/* Marks the files of newly found pieces, so that the sync includes them. True if there are any. */
static bool
mark_found(struct resume *r)
{
    bool any = false;

    for (size_t i = 0; i < r->mi->file_count; i++) {
        const struct metainfo_file *f = &r->mi->files[i];
        bool found = r->trust.files[i] == TRUST_CHANGED || r->trust.files[i] == TRUST_FOREIGN;

        if ((f->attr & (ATTR_PAD | ATTR_SYMLINK)) != 0 || r->trust.files[i] == TRUST_GONE)
            continue;
        for (uint32_t p = 0; p < f->piece_count && !found; p++)
            found = bitfield_get(&r->have, f->first_piece + p) &&
                    !bitfield_get(&r->trust.stored, f->first_piece + p);
        if (found)
            storage_mark(r->opt.storage, storage_home(r->opt.storage, i));
        any = any || found;
    }
    return any;
}

/* True if the check found the piece, and a crashed session wrote it without recording it. */
static bool
is_left_over(const struct resume *r, uint32_t piece)
{
    return bitfield_get(&r->have, piece) && filetrust_is_left_over(&r->trust, piece);
}

static void rewrite_next(struct resume *r);

static void
on_rewritten(void *user, const struct storage_result *res)
{
    struct resume *r = user;

    MAGIC_CHECK(r, RESUME_MAGIC);
    if (res->err != 0)
        resume_fail(r, res->err, res->why);
    r->rewriting++;
    rewrite_next(r);
}

/* Writes the pieces that a crashed session left again, one at a time; then syncs, stores and
 * reports. */
static void
rewrite_next(struct resume *r)
{
    int err = 0;

    if (r->cancelled)
        resume_fail(r, SPRAT_E_CANCELLED, "cancelled");
    while (r->rewriting < r->mi->piece_count && !is_left_over(r, r->rewriting))
        r->rewriting++;
    if (r->err != 0)
        resume_end_with_error(r);
    else if (r->rewriting < r->mi->piece_count)
        err = storage_rewrite(r->opt.storage, r->rewriting, on_rewritten, r);
    else
        err = storage_sync(r->opt.storage, on_synced, r);
    if (err != 0) {
        resume_fail(r, err, sprat_strerror(err));
        resume_end_with_error(r);
    }
}

static bool
any_left_over(const struct resume *r)
{
    for (uint32_t p = 0; p < r->mi->piece_count; p++)
        if (is_left_over(r, p))
            return true;
    return false;
}

/* The database knows of no lost piece any more: reports, and stores the found pieces in the
 * background. The sync is submitted first, since |done| may close the storage. Pieces in files with
 * working names are stored before the report, since a final name says that all of the file is
 * stored. */
static void
on_stored(void *user, int err, const char *why)
{
    struct resume *r = user;
    bool found, left_over;

    MAGIC_CHECK(r, RESUME_MAGIC);
    if (err != 0)
        resume_fail(r, err, why);
    if (r->cancelled)
        resume_fail(r, SPRAT_E_CANCELLED, "cancelled");
    left_over = r->err == 0 && any_left_over(r);
    /* A seeder may not write, and a plain sync proves nothing: the crash may have followed a failed
     * fsync(), after which the kernel regards its pages as written. So the database stays as the
     * crash left it. */
    found = r->err == 0 && (!left_over || r->opt.download) && mark_found(r);
    if (r->opt.download && (left_over || (found && storage_has_worknames(r->opt.storage)))) {
        rewrite_next(r);
        return;
    }
    if (found && storage_sync(r->opt.storage, on_synced, r) == 0) {
        if (r->opt.download)
            (void)storage_set_stored(r->opt.storage, &r->have);
        resume_report(r);
    } else {
        rename_and_report(r);
    }
}

/* --- pieces that were lost --- */

/* True for a complete torrent that is unchanged since its last session ended cleanly. Nothing will
 * be written to its files, so their stamps stay exact, and the database need not be synced to note
 * that a session has begun. */
static bool
changes_nothing(const struct resume *r, const struct state_update *u)
{
    return r->trust.clean && u->lost_count == 0 && u->file_count == 0 && bitfield_full(&r->have) &&
           bitfield_full(&r->trust.stored);
}

void
resume_store(struct resume *r)
{
    struct state_update u = {
        .set_clean = r->opt.download,
        .clean = false,
        .active = r->opt.download ? clock_unix() : 0,
        /* The next session must look for working names too, whatever its options. */
        .keep_worknames = storage_has_worknames(r->opt.storage),
    };
    struct state_file *files = calloc(r->mi->file_count + 1, sizeof(*files));
    uint32_t *lost = differences(&r->trust.stored, &r->have, &u.lost_count);
    int err = files == NULL || lost == NULL ? SPRAT_E_NOMEM : 0;
    size_t kept = 0;

    for (size_t i = 0; err == 0 && i < u.lost_count; i++)
        if (!filetrust_piece_is_gone(&r->trust, lost[i]))
            lost[kept++] = lost[i];
    u.lost_count = kept;
    for (size_t i = 0; err == 0 && i <= r->mi->file_count; i++)
        if (r->trust.records[i].present && r->trust.files[i] == TRUST_GONE && !r->trust.gone[i])
            files[u.file_count++] = (struct state_file){.file = (uint32_t)i};
    u.lost = lost;
    u.files = files;
    if (err == 0 && changes_nothing(r, &u)) {
        u.set_clean = false;
        u.active = 0;
    }
    if (err == 0)
        err = state_apply_async(r->opt.state, r->opt.id, &u, storage_doneq(r->opt.storage),
                                on_stored, r);
    free(files);
    free(lost);
    if (err != 0) {
        resume_fail(r, err, sprat_strerror(err));
        resume_end_with_error(r);
    }
}
