/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Finds out what of a torrent is on disk when a session begins: believes the state database for
 * files that are as it remembers them, checks the others, checks the pieces that were in flight
 * when a session ended in a crash, refuses to fetch again what is not there any more (the disk may
 * not be), completes files that somebody else put there if some of what they
 * hold is right, and refuses to download over others.
 */
#ifndef PEER_STORE_RESUME_H
#define PEER_STORE_RESUME_H

#include <stdbool.h>
#include <stdint.h>

#include "common/ds/bitfield.h"
#include "peer/store/check.h"
#include "peer/store/state.h"
#include "peer/store/storage.h"

enum {
    /* After a crash a file is still believed if it was last written at most this long after the
     * time that was stored: our own writes after the last stamp. Must exceed COMMIT_STAMP_MS. */
    RESUME_CRASH_WINDOW_MS = 30000,
};

struct resume_result {
    int err;         /* 0, EXISTS (would overwrite a stranger's file), GONE (|gone|, and nothing was
                        changed; of a download that is not a refetch), DB, CANCELLED, MISMATCH, or
                        why what a crash left over could not be made to last */
    size_t gone;      /* wanted files of which the database promises more than is there */
    size_t gone_file; /* the first, if there are any */
    const char *gone_why; /* the sentence on them */
    const char *why; /* the sentence, which names the file */
    struct bitfield *have; /* err 0: pieces we have; valid during the call */
    uint32_t trusted;      /* pieces believed without a look */
    uint32_t checked;      /* pieces hashed */
    const char *note;      /* NULL, or a sentence worth showing: a file is gone, or was changed */
};

struct resume;

struct resume_options {
    struct storage *storage;
    struct state *state;
    int64_t id;
    bool download;    /* false: seeding; files of others are what we want, and nothing is refused */
    bool check_all;   /* believe nothing */
    bool strict;      /* another program changed a file while this process ran: only files that are
                       * exactly as stored are believed, for their last change may not be ours */
    bool trust_all;   /* the caller hashed everything just now: all pieces are had */
    bool adopt;       /* the user said that files of others may be overwritten (adopt.h) */
    bool refetch;     /* and that what is missing is fetched again */
    bool (*piece_hash)(void *user, uint32_t piece, uint8_t out[32]); /* check.h; may be NULL */
    void (*progress)(void *user, uint32_t pieces_done, uint32_t pieces_total); /* may be NULL */
    void (*done)(void *user, struct resume_result *res);
    void *user;
};

/* Reads the database (blocking, short), starts what must be checked, stores what was found,
 * marks the torrent as in use (not clean), and calls |done| once from doneq_drain(), never from
 * within this call. It frees itself after |done|. NULL when memory is out. */
struct resume *resume_start(const struct resume_options *opt);

/* Ends it soon; |done| still comes, with CANCELLED. */
void resume_cancel(struct resume *r);

#endif
