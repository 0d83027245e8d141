/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Starts a session of a torrent in a chain of asynchronous steps: look at the files, decide which
 * of them can be trusted (filetrust.h), check the others, decide which may be overwritten
 * (adopt.h), clear the have-bits of lost pieces, report, and (in the background) store the pieces
 * that were found. Data that a crashed session wrote without committing it is written again and
 * synced before the report: it can be read, but a sync may have failed, after which the kernel
 * regards it as written.
 */
#include "peer/store/resume.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/magic.h"
#include "common/sys/clock.h"
#include "peer/store/adopt.h"
#include "peer/store/filetrust.h"
#include "peer/store/lookalike.h"
#include "peer/store/owners.h"
#include "peer/store/statewish.h"

#define RESUME_MAGIC 0x5265736du

enum { LOOKALIKES_MAX = 4 }; /* missing files for which similar names are searched */

struct resume {
    uint32_t magic;
    struct resume_options opt;
    const struct metainfo *mi;
    struct filetrust trust;
    bool cancelled;
    struct check *check; /* the running check; NULL: none */
    bool *scan;          /* files that the check also scans: those of other programs */
    bool *cut;           /* files to be truncated to their length */
    bool any_cut;
    struct storage_stamp *written; /* stamps of existing files that would be written to; those of
                                      other files are not |known| */
    struct bitfield have;
    struct bitfield skip; /* pieces that need no check */
    uint32_t trusted;
    uint32_t rewriting; /* the piece that is being written again, or was last */
    bool reported;
    int err;
    struct errbuf why, note, gone_why;
    struct doneq_item first_step;
};

static void
resume_free(struct resume *r)
{
    filetrust_fini(&r->trust);
    bitfield_fini(&r->have);
    bitfield_fini(&r->skip);
    free(r->scan);
    free(r->cut);
    free(r->written);
    MAGIC_CLEAR(r);
    free(r);
}

/* Keeps the first error. */
static void
fail(struct resume *r, int err, const char *why)
{
    if (r->err == 0)
        r->err = errbuf_set(&r->why, err, "%s", why);
}

static void
report(struct resume *r, uint32_t checked)
{
    struct resume_result res = {
        .err = r->err,
        .why = r->err != 0 ? r->why.text : "",
        .have = &r->have,
        .trusted = r->trusted,
        .checked = checked,
        .gone = r->trust.gone_count,
        .gone_file = r->trust.gone_first,
        .gone_why = r->gone_why.text,
        .note = r->note.text[0] != '\0' ? r->note.text : NULL,
    };

    r->reported = true;
    r->opt.done(r->opt.user, &res);
}

static void
on_renamed(void *user, const struct storage_result *res)
{
    struct resume *r = user;

    MAGIC_CHECK(r, RESUME_MAGIC);
    if (res->err != 0)
        fail(r, res->err, res->why);
    report(r, r->mi->piece_count - r->skip.count);
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
        fail(r, err, sprat_strerror(err));
    report(r, r->mi->piece_count - r->skip.count);
    resume_free(r);
}

static void
end_with_error(struct resume *r)
{
    report(r, 0);
    resume_free(r);
}

/* Sorts the pieces into those that are on disk, those to be checked, and those known to be missing.
 */
static void
judge_pieces(struct resume *r)
{
    for (uint32_t p = 0; p < r->mi->piece_count; p++) {
        switch (filetrust_piece(&r->trust, p)) {
        case PIECE_TRUSTED:
            bitfield_set(&r->have, p);
            bitfield_set(&r->skip, p);
            r->trusted++;
            break;
        case PIECE_CHECK: break;
        case PIECE_MISSING: bitfield_set(&r->skip, p); break;
        }
    }
    /* A file of another program is scanned even in pieces that can't be complete. */
    for (size_t i = 0; i < r->mi->file_count; i++)
        if (r->scan[i])
            for (uint32_t p = 0; p < r->mi->files[i].piece_count; p++)
                bitfield_clear(&r->skip, r->mi->files[i].first_piece + p);
}

static void
on_vouched(void *user, int err, const char *why)
{
    struct resume *r = user;

    MAGIC_CHECK(r, RESUME_MAGIC);
    /* This comes after the report, so a failure is harmless: the next start checks again. */
    if (r->reported) {
        resume_free(r);
        return;
    }
    if (err != 0)
        fail(r, err, why);
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
                                on_vouched, r);
    free(files);
    free(found);
    if (err != 0)
        on_vouched(r, err, res->err != 0 ? res->why : sprat_strerror(err));
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

/* True for a piece that a crashed session wrote and did not store, and that the check has found. */
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
        fail(r, res->err, res->why);
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
        fail(r, SPRAT_E_CANCELLED, "cancelled");
    while (r->rewriting < r->mi->piece_count && !is_left_over(r, r->rewriting))
        r->rewriting++;
    if (r->err != 0)
        end_with_error(r);
    else if (r->rewriting < r->mi->piece_count)
        err = storage_rewrite(r->opt.storage, r->rewriting, on_rewritten, r);
    else
        err = storage_sync(r->opt.storage, on_synced, r);
    if (err != 0) {
        fail(r, err, sprat_strerror(err));
        end_with_error(r);
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

/* Reports, now that lost pieces are stored in the database, and vouches for found pieces in the
 * background. The sync is submitted first, since |done| may close the storage. Files with working
 * names are vouched for before the report, since a final name says that all of the file is stored.
 */
static void
on_stored(void *user, int err, const char *why)
{
    struct resume *r = user;
    bool found, left_over;

    MAGIC_CHECK(r, RESUME_MAGIC);
    if (err != 0)
        fail(r, err, why);
    if (r->cancelled)
        fail(r, SPRAT_E_CANCELLED, "cancelled");
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
        report(r, r->mi->piece_count - r->skip.count);
    } else {
        rename_and_report(r);
    }
}

/* True for a complete torrent that is unchanged since its last session ended cleanly. Nothing will
 * be written to its files, so their stamps stay exact, and the database need not be synced to note
 * that a session has begun. */
static bool
changes_nothing(const struct resume *r, const struct state_update *u)
{
    return r->trust.clean && u->lost_count == 0 && u->file_count == 0 && bitfield_full(&r->have) &&
           bitfield_full(&r->trust.stored);
}

/* Clears the have-bits of missing pieces in the database before anything is written. */
static void
store_lost(struct resume *r)
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
        fail(r, err, sprat_strerror(err));
        end_with_error(r);
    }
}

static void
on_cut(void *user, const struct storage_result *res)
{
    struct resume *r = user;

    MAGIC_CHECK(r, RESUME_MAGIC);
    if (res->err != 0)
        fail(r, res->err, res->why);
    if (r->err != 0)
        end_with_error(r);
    else
        store_lost(r);
}

/* Continues with all facts known: truncates files, or goes on to clear lost pieces. */
static void
cut_or_store(struct resume *r)
{
    int err;

    if (r->err == 0 && r->any_cut &&
        (err = storage_cut(r->opt.storage, r->cut, on_cut, r)) != 0)
        fail(r, err, sprat_strerror(err));
    if (r->err != 0)
        end_with_error(r);
    else if (!r->any_cut)
        store_lost(r);
}

static void
on_owners(void *user, const struct storage_result *res)
{
    struct resume *r = user;

    MAGIC_CHECK(r, RESUME_MAGIC);
    if (res->err == SPRAT_E_EXISTS)
        r->err =
            0; /* replaces adopt_judge()'s error: the file's owner explains more than its data */
    if (res->err != 0)
        fail(r, res->err, res->why);
    if (r->cancelled)
        fail(r, SPRAT_E_CANCELLED, "cancelled");
    cut_or_store(r);
}

/* Runs on a disk thread. */
static int
find_owners(void *user, struct errbuf *why)
{
    struct resume *r = user;
    struct owners_query q = {.state = r->opt.state,
                             .id = r->opt.id,
                             .storage = r->opt.storage,
                             .stamps = r->written};

    return owners_check(&q, why);
}

static bool
is_lacking(const struct resume *r, const struct metainfo_file *f)
{
    for (uint32_t p = 0; p < f->piece_count; p++)
        if (!bitfield_get(&r->have, f->first_piece + p))
            return true;
    return false;
}

/* Before anything is written, looks for existing files that would be written to and that belong to
 * another torrent. True if the look is under way. */
static bool
ask_owners(struct resume *r)
{
    bool any = false;
    int err;

    for (size_t i = 0; i < r->mi->file_count; i++) {
        r->written[i] = (struct storage_stamp){.known = false};
        if (storage_is_fetched(r->opt.storage, i) &&
            (r->cut[i] || is_lacking(r, &r->mi->files[i])))
            r->written[i] = storage_file_stamp(r->opt.storage, i);
        any = any || r->written[i].known;
    }
    if (!any)
        return false;
    err = storage_call(r->opt.storage, find_owners, on_owners, r);
    if (err != 0)
        fail(r, err, sprat_strerror(err));
    return err == 0;
}

/* Decides about files from other programs. */
static void
adopt_foreign(struct resume *r, const struct check_report *rep)
{
    struct adopt_options ao = {.storage = r->opt.storage,
                               .report = rep,
                               .foreign = r->scan,
                               .all = r->opt.adopt};
    int err = adopt_judge(&ao, r->cut, &r->any_cut, &r->note, &r->why);

    if (err != 0)
        r->err = err;
}

static void
on_checked(void *user, struct check_report *rep)
{
    struct resume *r = user;

    MAGIC_CHECK(r, RESUME_MAGIC);
    r->check = NULL;
    if (rep->err != 0) {
        fail(r, rep->err, rep->why);
        end_with_error(r);
        return;
    }
    for (uint32_t p = bitfield_next_set(&rep->good, 0); p < rep->good.nbits;
         p = bitfield_next_set(&rep->good, p + 1))
        bitfield_set(&r->have, p);
    adopt_foreign(r, rep);
    if (!r->opt.download || !ask_owners(r))
        cut_or_store(r);
}

static void
on_progress(void *user, uint32_t done, uint32_t total)
{
    struct resume *r = user;

    if (r->opt.progress != NULL)
        r->opt.progress(r->opt.user, done, total);
}

static bool
on_piece_hash(void *user, uint32_t piece, uint8_t out[32])
{
    struct resume *r = user;

    return r->opt.piece_hash(r->opt.user, piece, out);
}

static void
begin_check(struct resume *r)
{
    struct check_options co = {
        .storage = r->opt.storage, .skip = &r->skip, .scan_files = r->scan,
        .skip_holes = r->opt.download, .progress = on_progress, .done = on_checked,
        .piece_hash = r->opt.piece_hash != NULL ? on_piece_hash : NULL, .user = r,
    };

    if (r->err == 0) {
        judge_pieces(r);
        if (r->skip.count == r->skip.nbits && !r->opt.download) {
            store_lost(r);
            return;
        }
        r->check = check_start(&co);
        if (r->check == NULL)
            fail(r, SPRAT_E_NOMEM, "out of memory");
    }
    if (r->err != 0)
        end_with_error(r);
}

/* True for a file that is going to be downloaded and has no record: it may exist under a similar
 * name. */
static bool
is_missing(const struct resume *r, size_t i)
{
    const struct metainfo_file *f = &r->mi->files[i];

    return f->length > 0 && (f->attr & (ATTR_PAD | ATTR_SYMLINK)) == 0 &&
           r->trust.files[i] == TRUST_GONE && !r->trust.records[i].present &&
           storage_home(r->opt.storage, i) == i && storage_is_fetched(r->opt.storage, i);
}

/* Runs on a disk thread: finds the first missing file that exists under another name, or as a link
 * that is not followed. */
static int
find_lookalike(void *user, struct errbuf *why)
{
    struct resume *r = user;
    unsigned looked = 0;
    struct errbuf eb;

    for (size_t i = 0; i < r->mi->file_count && looked < LOOKALIKES_MAX; i++) {
        if (!is_missing(r, i))
            continue;
        looked++;
        if (lookalike_find(storage_dir(r->opt.storage), r->mi, i, &eb))
            return errbuf_set(why, SPRAT_E_NOENT, "%s/%s is downloaded: %s",
                              storage_dir(r->opt.storage), storage_path(r->opt.storage, i),
                              eb.text);
    }
    return 0;
}

static void
on_lookalike(void *user, const struct storage_result *res)
{
    struct resume *r = user;

    MAGIC_CHECK(r, RESUME_MAGIC);
    if (res->err == SPRAT_E_NOENT && r->note.text[0] == '\0')
        errbuf_set(&r->note, 0, "%s", res->why);
    if (r->cancelled)
        fail(r, SPRAT_E_CANCELLED, "cancelled");
    begin_check(r);
}

/* Before a download begins, searches missing files under other names. True if the search is under
 * way. */
static bool
ask_lookalike(struct resume *r)
{
    for (size_t i = 0; i < r->mi->file_count; i++)
        if (is_missing(r, i))
            return storage_call(r->opt.storage, find_lookalike, on_lookalike, r) == 0;
    return false;
}

/* Decides which files can be trusted. Fails if a download would fetch stored data again. */
static void
judge_files(struct resume *r)
{
    filetrust_judge(&r->trust, &r->note);
    for (size_t i = 0; i < r->mi->file_count; i++)
        r->scan[i] = r->trust.files[i] == TRUST_FOREIGN && r->opt.download;
    if (r->trust.gone_count == 0)
        return;
    filetrust_explain_gone(&r->trust, &r->gone_why);
    if (r->opt.download)
        fail(r, SPRAT_E_GONE, r->gone_why.text);
}

static void
on_looked(void *user, const struct storage_result *res)
{
    struct resume *r = user;

    MAGIC_CHECK(r, RESUME_MAGIC);
    if (res->err == SPRAT_E_CANCELLED ||
        (res->err != 0 && (r->opt.download || res->file == SIZE_MAX)))
        fail(r, res->err, res->why);
    else if (res->err != 0)
        errbuf_set(&r->note, 0, "%s", res->why);
    if (r->cancelled)
        fail(r, SPRAT_E_CANCELLED, "cancelled");
    if (r->err == 0)
        judge_files(r);
    if (r->err != 0 || !r->opt.download || !ask_lookalike(r))
        begin_check(r);
}

static void
on_first_step(struct doneq_item *item)
{
    struct resume *r = LIST_ENTRY(item, struct resume, first_step);
    int err;

    MAGIC_CHECK(r, RESUME_MAGIC);
    if (r->err == 0 && r->cancelled)
        fail(r, SPRAT_E_CANCELLED, "cancelled");
    if (r->err == 0 && (err = storage_look(r->opt.storage, on_looked, r)) != 0)
        fail(r, err, sprat_strerror(err));
    if (r->err != 0)
        end_with_error(r);
}

struct resume *
resume_start(const struct resume_options *opt)
{
    struct resume *r = calloc(1, sizeof(*r));
    const struct metainfo *mi = storage_metainfo(opt->storage);
    const struct filetrust_rules rules = {.strict = opt->strict,
                                          .check_all = opt->check_all,
                                          .trust_all = opt->trust_all,
                                          .refetch = opt->refetch};
    bool ok;

    if (r == NULL)
        return NULL;
    MAGIC_SET(r, RESUME_MAGIC);
    r->opt = *opt;
    r->mi = mi;
    ok = filetrust_init(&r->trust, opt->storage, &rules) == 0;
    r->scan = calloc(mi->file_count + 1, sizeof(*r->scan));
    r->cut = calloc(mi->file_count + 1, sizeof(*r->cut));
    r->written = calloc(mi->file_count + 1, sizeof(*r->written));
    ok = ok && bitfield_init(&r->have, mi->piece_count) == 0 &&
         bitfield_init(&r->skip, mi->piece_count) == 0;
    if (!ok || r->scan == NULL || r->cut == NULL || r->written == NULL) {
        resume_free(r);
        return NULL;
    }
    r->err = filetrust_read(&r->trust, opt->state, opt->id, &r->why);
    r->first_step.run = on_first_step;
    doneq_expect(storage_doneq(opt->storage));
    doneq_put(storage_doneq(opt->storage), &r->first_step);
    return r;
}

void
resume_cancel(struct resume *r)
{
    MAGIC_CHECK(r, RESUME_MAGIC);
    r->cancelled = true;
    if (r->check != NULL)
        check_cancel(r->check);
}
