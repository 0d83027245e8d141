/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Decides which files and pieces of a torrent on disk can be trusted when a session starts. The
 * state database has a record of each file (size, modification time, inode) and the have-bits; the
 * storage has the stamps of the files as they are now. Reads the database when it is filled in;
 * the decisions themselves do no I/O.
 */
#ifndef PEER_STORE_FILETRUST_H
#define PEER_STORE_FILETRUST_H

#include <stdbool.h>
#include <stdint.h>

#include "common/ds/bitfield.h"
#include "peer/store/state.h"
#include "peer/store/storage.h"

enum {
    /* After a crash a file is still trusted if its modification time is at most this much later
     * than the recorded one: this program wrote to it after the last stamp. Must exceed
     * COMMIT_STAMP_MS. */
    FILETRUST_CRASH_MS = 30000,
};

/* The state of a file according to database and disk. */
enum file_trust {
    TRUST_VOUCHED, /* matches its record */
    TRUST_GONE,    /* does not exist */
    TRUST_CHANGED, /* the torrent's own, but differs from its record */
    TRUST_FOREIGN, /* made by another program */
};

/* The fate of a piece. */
enum piece_trust {
    PIECE_TRUSTED, /* on disk */
    PIECE_CHECK,   /* must be hashed */
    PIECE_MISSING, /* known to be missing */
};

struct filetrust_rules {
    bool strict;    /* trust only files that match their records exactly, even after a crash */
    bool check_all; /* trust no file */
    bool trust_all; /* trust every piece: the caller has just hashed the files */
    bool refetch;   /* missing data may be downloaded again: no file counts as |gone| */
};

/* Embedded; read-only for its owner. Arrays have an element for each file, and one more for the
 * part file (parts.h). */
struct filetrust {
    struct filetrust_rules rules;
    struct storage *storage;
    const struct metainfo *mi;
    bool clean;              /* the last session ended cleanly */
    int64_t session, active; /* see state.h */
    struct state_file *records;
    struct bitfield stored; /* have-bits of the database */
    enum file_trust *files;
    bool *gone; /* wanted files that lack data of pieces in |stored| */
    size_t gone_count, gone_first;
};

/* SPRAT_E_NOMEM. filetrust_fini() is due in every case. */
int filetrust_init(struct filetrust *t, struct storage *storage,
                   const struct filetrust_rules *rules);
void filetrust_fini(struct filetrust *t);

/* Reads the torrent |id| from the database, and tells the storage the recorded inodes. Blocks for a
 * short time. Returns the database's error, with a message in |why|. */
int filetrust_read(struct filetrust *t, struct state *state, int64_t id, struct errbuf *why);

/* Fills in |files| and |gone|, after a look of the storage. |note| gets a message about the last
 * file that is gone or changed, else stays as it is. */
void filetrust_judge(struct filetrust *t, struct errbuf *note);

/* Decides about a piece, after filetrust_judge(). */
enum piece_trust filetrust_piece(const struct filetrust *t, uint32_t piece);

/* True if the piece lies partly in a file that is |gone|. */
bool filetrust_piece_is_gone(const struct filetrust *t, uint32_t piece);

/* True if a crashed session wrote the piece, which is on disk, and did not record it in the
 * database: the piece lies in files of the torrent, one written since that session began. */
bool filetrust_is_left_over(const struct filetrust *t, uint32_t piece);

/* Writes the message about the files that are |gone|. */
void filetrust_explain_gone(const struct filetrust *t, struct errbuf *why);

#endif
