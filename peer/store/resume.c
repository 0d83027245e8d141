/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Starts a session of a torrent in a chain of asynchronous steps: look at the files, decide which
 * of them can be trusted (filetrust.h), search missing files under other names (lookalike.h), check
 * the files that are not trusted, decide which may be overwritten (adopt.h), and record the outcome
 * (resumestore.c). The last step comes first in this file.
 */
#include "peer/store/resume.h"

#include <stdio.h>
#include <stdlib.h>

#include "peer/store/adopt.h"
#include "peer/store/lookalike.h"
#include "peer/store/owners.h"
#include "peer/store/resume_impl.h"

enum { LOOKALIKES_MAX = 4 }; /* missing files for which similar names are searched */

void
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

void
resume_fail(struct resume *r, int err, const char *why)
{
    if (r->err == 0)
        r->err = errbuf_set(&r->why, err, "%s", why);
}

void
resume_report(struct resume *r)
{
    struct resume_result res = {
        .err = r->err,
        .why = r->err != 0 ? r->why.text : "",
        .have = &r->have,
        .trusted = r->trusted,
        .checked = r->err == 0 ? r->mi->piece_count - r->skip.count : 0,
        .gone = r->trust.gone_count,
        .gone_file = r->trust.gone_first,
        .gone_why = r->gone_why.text,
        .note = r->note.text[0] != '\0' ? r->note.text : NULL,
    };

    r->reported = true;
    r->opt.done(r->opt.user, &res);
}

void
resume_end_with_error(struct resume *r)
{
    resume_report(r);
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
on_cut(void *user, const struct storage_result *res)
{
    struct resume *r = user;

    MAGIC_CHECK(r, RESUME_MAGIC);
    if (res->err != 0)
        resume_fail(r, res->err, res->why);
    if (r->err != 0)
        resume_end_with_error(r);
    else
        resume_store(r);
}

/* Continues with all facts known: truncates files, or goes on to clear lost pieces. */
static void
cut_or_store(struct resume *r)
{
    int err;

    if (r->err == 0 && r->any_cut &&
        (err = storage_cut(r->opt.storage, r->cut, on_cut, r)) != 0)
        resume_fail(r, err, sprat_strerror(err));
    if (r->err != 0)
        resume_end_with_error(r);
    else if (!r->any_cut)
        resume_store(r);
}

static void
on_owners(void *user, const struct storage_result *res)
{
    struct resume *r = user;

    MAGIC_CHECK(r, RESUME_MAGIC);
    /* The file's owner explains more than the error of adopt_judge() about the file's data. */
    if (res->err == SPRAT_E_EXISTS)
        r->err = 0;
    if (res->err != 0)
        resume_fail(r, res->err, res->why);
    if (r->cancelled)
        resume_fail(r, SPRAT_E_CANCELLED, "cancelled");
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
        resume_fail(r, err, sprat_strerror(err));
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
        resume_fail(r, rep->err, rep->why);
        resume_end_with_error(r);
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
            resume_store(r);
            return;
        }
        r->check = check_start(&co);
        if (r->check == NULL)
            resume_fail(r, SPRAT_E_NOMEM, "out of memory");
    }
    if (r->err != 0)
        resume_end_with_error(r);
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
        resume_fail(r, SPRAT_E_CANCELLED, "cancelled");
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
        resume_fail(r, SPRAT_E_GONE, r->gone_why.text);
}

static void
on_looked(void *user, const struct storage_result *res)
{
    struct resume *r = user;

    MAGIC_CHECK(r, RESUME_MAGIC);
    if (res->err == SPRAT_E_CANCELLED ||
        (res->err != 0 && (r->opt.download || res->file == SIZE_MAX)))
        resume_fail(r, res->err, res->why);
    else if (res->err != 0)
        errbuf_set(&r->note, 0, "%s", res->why);
    if (r->cancelled)
        resume_fail(r, SPRAT_E_CANCELLED, "cancelled");
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
        resume_fail(r, SPRAT_E_CANCELLED, "cancelled");
    if (r->err == 0 && (err = storage_look(r->opt.storage, on_looked, r)) != 0)
        resume_fail(r, err, sprat_strerror(err));
    if (r->err != 0)
        resume_end_with_error(r);
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
