/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Finds out which pieces of a torrent are on disk when a session starts. For files whose size and
 * modification time match the state database, the stored have-bits are trusted. All other files are
 * checked, and so are the pieces that were in flight when the last session crashed. If files that
 * the database promises are missing, nothing is downloaded again before the user agrees, since a
 * disk may not be mounted. Files from another program are completed if some of their pieces match;
 * otherwise they are never overwritten.
 */
#ifndef PEER_STORE_RESUME_H
#define PEER_STORE_RESUME_H

#include <stdbool.h>
#include <stdint.h>

#include "common/ds/bitfield.h"
#include "peer/store/check.h"
#include "peer/store/state.h"
#include "peer/store/storage.h"

struct resume_result {
    int err;         /* 0, EXISTS (would overwrite another program's file), GONE (files are
                        missing, see |gone|; nothing was changed; only for a download without
                        |refetch|), DB, CANCELLED, MISMATCH, or the error of rewriting and
                        syncing what a crashed session wrote */
    size_t gone;     /* wanted files that lack data which the database has as stored */
    size_t gone_file;     /* the first such file, if |gone| > 0 */
    const char *gone_why; /* the message about them */
    const char *why; /* the message for |err|, which names the file */
    struct bitfield *have; /* err 0: the pieces on disk; valid during the call */
    uint32_t trusted;      /* pieces trusted without a check */
    uint32_t checked;      /* pieces hashed */
    const char *note;      /* NULL, or a message for the user: a file is missing, or was changed */
};

struct resume;

struct resume_options {
    struct storage *storage;
    struct state *state;
    int64_t id;
    bool download;    /* false: seeding; files from other programs are welcome, and none is
                         refused */
    bool check_all;   /* check every file */
    bool strict;      /* another program changed a file while this process ran: trust only files
                         that match their stored stamps exactly, since another program may have
                         made the last change */
    bool trust_all;   /* the caller has just hashed everything: all pieces count as on disk */
    bool adopt;       /* the user allows overwriting files from other programs (adopt.h) */
    bool refetch;     /* the user agrees to download missing data again */
    bool (*piece_hash)(void *user, uint32_t piece, uint8_t out[32]); /* check.h; may be NULL */
    void (*progress)(void *user, uint32_t pieces_done, uint32_t pieces_total); /* may be NULL */
    void (*done)(void *user, struct resume_result *res);
    void *user;
};

/* Starts a resume: reads the database (blocking, short), checks what must be checked, stores the
 * result, and marks the torrent as in use (not clean). |done| is called once from doneq_drain(),
 * never from within this call; then the resume frees itself. NULL when memory is out. */
struct resume *resume_start(const struct resume_options *opt);

/* Stops the resume soon; |done| is still called, with CANCELLED. */
void resume_cancel(struct resume *r);

#endif
