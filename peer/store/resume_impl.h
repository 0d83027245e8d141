/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The internals of struct resume: resume.c finds out what is on disk, and resumestore.c records it
 * in the state database. No other file includes this header.
 */
#ifndef PEER_STORE_RESUME_IMPL_H
#define PEER_STORE_RESUME_IMPL_H

#include "common/base/magic.h"
#include "peer/store/filetrust.h"
#include "peer/store/resume.h"

#define RESUME_MAGIC 0x5265736du

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

/* Sets the error of the resume, unless an earlier step has set one. */
void resume_fail(struct resume *r, int err, const char *why);

/* Calls |done| with the result. */
void resume_report(struct resume *r);

/* Reports the error and frees |r|. */
void resume_end_with_error(struct resume *r);
void resume_free(struct resume *r);

/* --- resumestore.c --- */

/* The last steps, after |have| is known: clears the have-bits of lost pieces in the database, calls
 * |done|, stores the pieces that were found, and frees |r|. */
void resume_store(struct resume *r);

#endif
