/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A full check of a torrent's payload: every piece hashed from disk on all workers, judged by v1
 * and v2 hashes as the torrent has them, and a report per file. Used when a torrent is added to
 * data that is already there, by `sprat verify`, and when the state database can't vouch for
 * files.
 */
#ifndef PEER_STORE_CHECK_H
#define PEER_STORE_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/ds/bitfield.h"
#include "peer/store/storage.h"

enum check_file_state {
    CHECK_FILE_OK,
    CHECK_FILE_MISSING,  /* not there */
    CHECK_FILE_SHORT,    /* shorter than it should be, what is there may be right */
    CHECK_FILE_LONG,     /* longer than it should be */
    CHECK_FILE_BAD,      /* right length, wrong content somewhere */
    CHECK_FILE_UNREADABLE,
    CHECK_FILE_UNCHECKED, /* none of its pieces were to be checked */
};

struct check_file {
    enum check_file_state state;
    uint32_t bad;     /* pieces of it that failed */
    uint32_t checked; /* pieces of it that were looked at */
    bool other;       /* a piece that failed is full of bytes: somebody else's, or an old version */
    bool cut_off;     /* a piece that failed has bytes and whole blocks of zeros, as a download that
                         was cut off leaves it */
    uint32_t unsure;  /* of |bad|: shared with a file that is missing or short, which may be why */
    bool proven;      /* a piece that passed holds a good part of it, which is not one repeated
                         byte: no other file has that by accident */
};

struct check_report {
    struct bitfield good;     /* pieces that passed */
    struct check_file *files; /* mi->file_count of them; pads are OK */
    uint64_t bytes_hashed;
    bool layers_missing;      /* some v2-only pieces could not be judged: their file's piece layer
                                 is not known, and the whole file did not match its root */
    int err;                  /* 0; or CANCELLED, MISMATCH (a piece passes one hash of a hybrid and
                                 fails the other), NOMEM, BUSY (somebody writes to a file) */
    char why[ERRBUF_SIZE];    /* the sentence for |err| */
};

struct check;

struct check_options {
    struct storage *storage;
    const struct bitfield *skip; /* pieces not to look at, and not in |good| either. May be NULL */
    const bool *scan_files; /* files to fill in |other|, |cut_off| and |proven| for, at the price of
                               a second look at bad pieces and at a good one. May be NULL */
    bool skip_holes;        /* pieces that lie in holes of sparse files altogether are not good */
    /* The piece hash (node of the piece layer, or root) that a v2 side expects, for layers that
     * were not in the metainfo; false if not known. NULL: only what the metainfo has. */
    bool (*piece_hash)(void *user, uint32_t piece, uint8_t out[32]);
    void (*progress)(void *user, uint32_t pieces_done, uint32_t pieces_total); /* may be NULL */
    void (*done)(void *user, struct check_report *report); /* |report| lives during the call */
    void *user;
};

/* Starts it. Callbacks run when the storage's doneq is drained. NULL when memory is out. It frees
 * itself after |done|. Holes of sparse files are not read, and pieces of files that are not there
 * fail without being hashed. */
struct check *check_start(const struct check_options *opt);

/* Ends it soon; |done| still comes, with CANCELLED. */
void check_cancel(struct check *c);

/* The blocking form for `sprat verify`, with workers of its own. |report| is to be freed with
 * check_report_fini(). |progress| may be NULL and returns false to cancel. Returns report->err. */
int check_run(const struct metainfo *mi, const char *dir, unsigned threads,
              bool (*progress)(void *user, uint32_t done, uint32_t total), void *user,
              struct check_report *report, struct errbuf *eb);
void check_report_fini(struct check_report *r);

/* "ok", "missing", "short" … */
const char *check_file_state_name(enum check_file_state state);

#endif
