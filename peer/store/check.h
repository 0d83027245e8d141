/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Checks a torrent's payload on disk: all workers hash every piece, each digest is compared with
 * the torrent's v1 and v2 hashes, and a report says the state of each file. The check runs when a
 * torrent is added to data that exists already, for `sprat verify`, and for files that changed
 * since the state database recorded them.
 */
#ifndef PEER_STORE_CHECK_H
#define PEER_STORE_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/ds/bitfield.h"
#include "peer/store/storage.h"

enum check_file_state {
    CHECK_FILE_OK,
    CHECK_FILE_MISSING,  /* the file does not exist */
    CHECK_FILE_SHORT,    /* shorter than the torrent says; the bytes that exist may be right */
    CHECK_FILE_LONG,     /* longer than the torrent says */
    CHECK_FILE_BAD,      /* right length, wrong content in some piece */
    CHECK_FILE_UNREADABLE,
    CHECK_FILE_UNCHECKED, /* the check covered none of its pieces */
};

struct check_file {
    enum check_file_state state;
    uint32_t bad;     /* pieces of the file that failed */
    uint32_t checked; /* pieces of the file that were checked */
    bool other;       /* a failed piece has no empty blocks: another file, or an old version */
    bool cut_off;     /* a failed piece has data and whole blocks of zeros, as an interrupted
                         download leaves it */
    uint32_t unsure;  /* pieces in |bad| that reach into a missing or short file, which may be
                         why they failed */
    bool proven;      /* a good piece holds a good part of the file, and that part is not one
                         repeated byte: no other file has the same bytes by accident */
};

struct check_report {
    struct bitfield good;     /* pieces that passed */
    struct check_file *files; /* mi->file_count entries; pad files are OK */
    uint64_t bytes_hashed;
    bool layers_missing;      /* some v2-only pieces could not be judged: the piece layer of
                                 their file is unknown, and the whole file did not match its root */
    int err;                  /* 0; or CANCELLED, MISMATCH (a piece passes one hash of a hybrid
                                 and fails the other), NOMEM, BUSY (another torrent or process
                                 writes to a file) */
    char why[ERRBUF_SIZE];    /* the error message for |err| */
};

struct check;

struct check_options {
    struct storage *storage;
    const struct bitfield *skip; /* pieces to leave unchecked, absent from |good| too. May be
                                    NULL */
    const bool *scan_files; /* files whose |other|, |cut_off| and |proven| are filled in; costs a
                               second read of bad pieces and of one good piece. May be NULL */
    bool skip_holes;        /* pieces that lie completely in holes of sparse files count as bad */
    /* Gives the expected v2 hash of a piece (its node of the piece layer, or the root) where the
     * metainfo lacks the layer; false if the hash is unknown. NULL: only the metainfo's hashes are
     * used. */
    bool (*piece_hash)(void *user, uint32_t piece, uint8_t out[32]);
    void (*progress)(void *user, uint32_t pieces_done, uint32_t pieces_total); /* may be NULL */
    void (*done)(void *user, struct check_report *report); /* |report| is valid during the call
                                                              only */
    void *user;
};

/* Starts a check. Its callbacks run when the storage's doneq is drained, and the check frees itself
 * after |done|. NULL when memory is out. Holes of sparse files are not read, and pieces of missing
 * files fail without being hashed. */
struct check *check_start(const struct check_options *opt);

/* Stops the check soon; |done| is still called, with CANCELLED. */
void check_cancel(struct check *c);

/* Runs a check and blocks until its end, with workers of its own, for `sprat verify`. |progress|
 * may be NULL and returns false to cancel. The caller frees |report| with check_report_fini().
 * Returns report->err. */
int check_run(const struct metainfo *mi, const char *dir, unsigned threads,
              bool (*progress)(void *user, uint32_t done, uint32_t total), void *user,
              struct check_report *report, struct errbuf *eb);
void check_report_fini(struct check_report *r);

/* "ok", "missing", "short" … */
const char *check_file_state_name(enum check_file_state state);

#endif
