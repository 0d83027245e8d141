/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Submits the pieces of a torrent to the disk's workers and compares their digests. Only a few jobs
 * are under way at a time, so that reads of other torrents run in between.
 */
#include "peer/store/check.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/magic.h"
#include "peer/store/layout.h"
#include "peer/store/piecejudge.h"

#define CHECK_MAGIC 0x43686b31u

enum {
    TOGETHER_LEN = 256 << 10, /* bytes, and pieces, that a worker hashes together */
    TOGETHER_MAX = 16,
    PROOF_LEN = 4096, /* a matching piece with this many bytes of a file proves the file, and so
                         does one with half of a smaller file */
};

struct check {
    uint32_t magic;
    struct check_options opt;
    const struct metainfo *mi;
    struct piecejudge *judge;
    struct check_report report;
    uint32_t next;  /* next piece */
    uint32_t total; /* number of pieces to check */
    uint32_t finished;
    uint32_t running; /* running jobs */
    bool looked;
    bool stopping;
    uint32_t *unasked; /* per file: a good piece whose second look found the disk's queue full, +
                          1; 0: none */
    bool kicked; /* |kick| is in the doneq */
    struct doneq_item kick;
};

static void pump(struct check *c);

static bool
is_skipped(const struct check *c, uint32_t piece)
{
    return c->opt.skip != NULL && bitfield_get(c->opt.skip, piece);
}

static void
stop_with(struct check *c, int err, const char *why)
{
    if (c->report.err == 0) {
        c->report.err = err;
        strncpy(c->report.why, why, sizeof(c->report.why) - 1);
    }
    c->stopping = true;
}

/* The bytes of a file in a range that exist, by the stamps taken at the start. */
static bool
is_there(const struct check *c, const struct layout_range *r)
{
    size_t home = storage_home(c->opt.storage, r->file);
    struct storage_stamp stamp = storage_file_stamp(c->opt.storage, home);

    if (home != r->file)
        return stamp.known; /* reading a missing slot of the part file fails */
    return stamp.known && stamp.size >= r->offset + r->len;
}

/* True if all bytes of the piece exist on disk. */
static bool
piece_is_there(const struct check *c, uint32_t piece)
{
    struct layout_walk w;
    struct layout_range r;

    layout_walk_init(&w, c->mi, piece, 0, metainfo_piece_len(c->mi, piece));
    while (layout_walk_next(&w, &r))
        if (r.stored && !is_there(c, &r))
            return false;
    return true;
}

static void
on_scanned(void *user, const struct storage_result *res)
{
    struct check *c = user;

    MAGIC_CHECK(c, CHECK_MAGIC);
    c->running--;
    if (res->err == SPRAT_E_EXISTS)
        c->report.files[res->file].other = true;
    else if (res->err == SPRAT_E_SHORT)
        c->report.files[res->file].cut_off = true;
    pump(c);
}

static bool
is_scanned(const struct check *c, size_t file)
{
    return c->opt.scan_files != NULL && c->opt.scan_files[file] &&
           !c->report.files[file].proven && !c->stopping;
}

static void
on_proof(void *user, const struct storage_result *res)
{
    struct check *c = user;

    MAGIC_CHECK(c, CHECK_MAGIC);
    c->running--;
    if (res->err == 0)
        c->report.files[res->file].proven = true;
    pump(c);
}

/* Submits a look at the file's part of a good piece, to prove the file: zeros alone do not, since
 * many files have them. */
static void
prove_file(struct check *c, uint32_t piece, const struct layout_range *r)
{
    uint64_t length = c->mi->files[r->file].length;

    if (!is_scanned(c, r->file) || (r->len < PROOF_LEN && r->len < length - r->len))
        return;
    if (storage_is_varied(c->opt.storage, piece, r->file, on_proof, c) == 0)
        c->running++;
    else
        c->unasked[r->file] = piece + 1;
}

/* Submits the looks for which the disk's queue was full. False if it is still full. */
static bool
submit_refused_looks(struct check *c)
{
    for (size_t i = 0; c->opt.scan_files != NULL && i < c->mi->file_count; i++) {
        if (c->unasked[i] == 0 || !is_scanned(c, i))
            continue;
        if (storage_is_varied(c->opt.storage, c->unasked[i] - 1, i, on_proof, c) != 0)
            return false;
        c->running++;
        c->unasked[i] = 0;
    }
    return true;
}

/* Submits a scan of the file's part of a bad piece for data of another program. */
static void
scan_file(struct check *c, uint32_t piece, size_t file)
{
    int err;

    if (!is_scanned(c, file) || c->report.files[file].other)
        return;
    err = storage_scan(c->opt.storage, piece, file, on_scanned, c);
    if (err == 0)
        c->running++;
    else
        c->report.files[file].other = true; /* not known to be empty, so it counts as data */
}

/* Adds a checked piece to the reports of its files. */
static void
report_piece(struct check *c, uint32_t piece, bool good, bool unreadable)
{
    bool there = piece_is_there(c, piece);
    struct layout_walk w;
    struct layout_range r;

    c->finished++;
    if (good)
        bitfield_set(&c->report.good, piece);
    layout_walk_init(&w, c->mi, piece, 0, metainfo_piece_len(c->mi, piece));
    while (layout_walk_next(&w, &r)) {
        struct check_file *f = &c->report.files[r.file];
        if (!r.stored)
            continue;
        f->checked++;
        if (good) {
            prove_file(c, piece, &r);
            continue;
        }
        f->bad++;
        f->unsure += !there && is_there(c, &r);
        if (unreadable)
            f->state = CHECK_FILE_UNREADABLE;
        scan_file(c, piece, r.file);
    }
}

static void
on_hashed(void *user, const struct storage_result *res)
{
    struct check *c = user;
    int verdict = res->err;
    bool unreadable = res->err == SPRAT_E_IO || res->err == SPRAT_E_ACCESS;

    MAGIC_CHECK(c, CHECK_MAGIC);
    c->running--;
    if (res->err == SPRAT_E_NOMEM || res->err == SPRAT_E_CANCELLED || res->err == SPRAT_E_BUSY) {
        stop_with(c, res->err, res->why);
    } else {
        if (res->err == 0) {
            verdict =
                piecejudge_piece(c->judge, res->piece, res->sha1, res->leaves, res->leaf_count);
            c->report.bytes_hashed += metainfo_piece_len(c->mi, res->piece);
        }
        if (verdict == SPRAT_E_MISMATCH)
            stop_with(c, verdict,
                      "a piece passes one of the hybrid torrent's two hashes and fails the other: "
                      "the torrent file is broken or forged");
        report_piece(c, res->piece, verdict == 0, unreadable);
        if (c->opt.progress != NULL)
            c->opt.progress(c->opt.user, c->finished, c->total);
    }
    pump(c);
}

/* Decides the final state of each file. */
static void
judge_files(struct check *c)
{
    for (size_t i = 0; i < c->mi->file_count; i++) {
        const struct metainfo_file *m = &c->mi->files[i];
        struct check_file *f = &c->report.files[i];
        struct storage_stamp stamp = storage_file_stamp(c->opt.storage, i);

        if ((m->attr & ATTR_PAD) != 0 || f->state == CHECK_FILE_UNREADABLE)
            continue;
        if ((m->attr & ATTR_SYMLINK) != 0)
            f->state = stamp.known || strcmp(m->symlink, m->path) == 0 ? CHECK_FILE_OK
                                                                       : CHECK_FILE_MISSING;
        else if (!stamp.known)
            f->state = CHECK_FILE_MISSING;
        else if (stamp.size < m->length)
            f->state = CHECK_FILE_SHORT;
        else if (stamp.size > m->length)
            f->state = CHECK_FILE_LONG;
        else if (f->bad > 0)
            f->state = CHECK_FILE_BAD;
        else if (f->checked == 0 && m->length > 0)
            f->state = CHECK_FILE_UNCHECKED;
    }
}

/* Corrects the count of bad pieces for files that were judged as a whole and matched. */
static void
accept_whole_files(struct check *c)
{
    for (size_t i = 0; i < c->mi->file_count; i++) {
        const struct metainfo_file *m = &c->mi->files[i];

        if (!piecejudge_file_is_whole(c->judge, i))
            continue;
        for (uint32_t p = 0; p < m->piece_count; p++)
            bitfield_set(&c->report.good, m->first_piece + p);
        c->report.files[i].bad = 0;
        c->report.files[i].other = c->report.files[i].cut_off = false;
    }
}

static void
finish(struct check *c)
{
    accept_whole_files(c);
    c->report.layers_missing = piecejudge_layers_missing(c->judge);
    judge_files(c);
    c->opt.done(c->opt.user, &c->report);
    check_report_fini(&c->report);
    piecejudge_free(c->judge);
    free(c->unasked);
    MAGIC_CLEAR(c);
    free(c);
}

static void
on_kick(struct doneq_item *item)
{
    struct check *c = LIST_ENTRY(item, struct check, kick);

    MAGIC_CHECK(c, CHECK_MAGIC);
    c->kicked = false;
    pump(c);
}

/* Calls pump() again, from the doneq. */
static void
kick(struct check *c)
{
    if (c->kicked)
        return;
    c->kicked = true;
    c->kick.run = on_kick;
    doneq_expect(storage_doneq(c->opt.storage));
    doneq_put(storage_doneq(c->opt.storage), &c->kick);
}

static void
on_looked(void *user, const struct storage_result *res)
{
    struct check *c = user;

    MAGIC_CHECK(c, CHECK_MAGIC);
    c->running--;
    c->looked = true;
    if (res->err == SPRAT_E_CANCELLED)
        stop_with(c, res->err, res->why);
    pump(c);
}

/* Submits the next piece, or fails it if bytes of it are missing. False when the disk's queue is
 * full. */
static bool
submit_next(struct check *c)
{
    uint32_t piece = c->next;

    if (is_skipped(c, piece)) {
        c->next++;
    } else if (!piece_is_there(c, piece)) {
        c->next++;
        report_piece(c, piece, false, false);
    } else if (storage_rehash(c->opt.storage, piece, c->opt.skip_holes, on_hashed, c) == 0) {
        c->next++;
        c->running++;
    } else {
        return false;
    }
    return true;
}

/* The number of jobs to keep under way: two large pieces per worker, or as many small ones as are
 * hashed together. */
static uint32_t
jobs_wanted(const struct check *c)
{
    uint32_t together = TOGETHER_LEN / c->mi->piece_length;

    together = together < 1 ? 1 : together < TOGETHER_MAX ? together : TOGETHER_MAX;
    return (2 * disk_threads(storage_disk(c->opt.storage)) + 2) * together;
}

/* Keeps enough jobs under way, and ends the check when no piece is left. */
static void
pump(struct check *c)
{
    uint32_t limit = jobs_wanted(c);

    if (!c->looked && !c->stopping) {
        if (c->running > 0)
            return;
        if (storage_look(c->opt.storage, on_looked, c) == 0)
            c->running++;
        else
            kick(c);
        return;
    }
    while (!c->stopping && c->next < c->mi->piece_count && c->running < limit)
        if (!submit_next(c))
            break;
    if (c->running > 0 || c->kicked)
        return;
    if (!c->stopping && (c->next < c->mi->piece_count || !submit_refused_looks(c)))
        kick(c);
    else if (c->running == 0)
        finish(c);
}

struct check *
check_start(const struct check_options *opt)
{
    const struct metainfo *mi = storage_metainfo(opt->storage);
    struct check *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return NULL;
    MAGIC_SET(c, CHECK_MAGIC);
    c->opt = *opt;
    c->mi = mi;
    c->judge = piecejudge_new(mi, opt->piece_hash, opt->user);
    c->report.files = calloc(mi->file_count + 1, sizeof(*c->report.files));
    c->unasked = calloc(mi->file_count + 1, sizeof(*c->unasked));
    if (c->judge == NULL || c->report.files == NULL || c->unasked == NULL ||
        bitfield_init(&c->report.good, mi->piece_count) != 0) {
        piecejudge_free(c->judge);
        free(c->report.files);
        free(c->unasked);
        free(c);
        return NULL;
    }
    for (uint32_t p = 0; p < mi->piece_count; p++)
        c->total += !is_skipped(c, p);
    kick(c);
    return c;
}

void
check_cancel(struct check *c)
{
    MAGIC_CHECK(c, CHECK_MAGIC);
    stop_with(c, SPRAT_E_CANCELLED, "the check was cancelled");
    kick(c);
}

void
check_report_fini(struct check_report *r)
{
    bitfield_fini(&r->good);
    free(r->files);
    *r = (struct check_report){0};
}

const char *
check_file_state_name(enum check_file_state state)
{
    switch (state) {
    case CHECK_FILE_OK: return "ok";
    case CHECK_FILE_MISSING: return "missing";
    case CHECK_FILE_SHORT: return "short";
    case CHECK_FILE_LONG: return "long";
    case CHECK_FILE_BAD: return "bad";
    case CHECK_FILE_UNREADABLE: return "unreadable";
    case CHECK_FILE_UNCHECKED: return "unchecked";
    }
    return "unknown";
}
