/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The state database (SQLite, one per state directory, shared by any number of processes): it holds
 * the list of torrents, which of their pieces are on disk and synced, and how much was transferred.
 * A have-bit in the database is a promise: the piece is on disk and its hash was checked, even
 * after a power failure. So the data is synced before a have-bit is set (commit.h).
 *
 * Calls that read have a connection of their own, and wait for no commit and no sync. The plain
 * calls that change something wait for both, and are for start-up, commands and tests; a loop uses
 * the calls whose names end in _async.
 */
#ifndef PEER_STORE_STATE_H
#define PEER_STORE_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/endpoint.h"
#include "common/base/err.h"
#include "common/codec/metainfo.h"
#include "common/ds/bitfield.h"
#include "common/sys/lockfile.h"
#include "peer/store/doneq.h"
#include "peer/store/stamp.h"

enum {
    STATE_SCHEMA_VERSION = 10,
    STATE_PIECES_PER_ROW = 4096, /* have-bits of one row: a commit rewrites 512 bytes, not all
                                    have-bits */
    STATE_PEERS_MAX = 200,       /* peers stored per torrent; the peers unseen for longest are
                                    dropped first */
    STATE_SHARERS_MAX = 64,      /* most records of one inode that are looked at */
};

struct state;

enum state_status {
    STATE_RUNNING,
    STATE_PAUSED, /* paused by the user */
    STATE_FAILED, /* stopped by an error, see |error| */
};

/* One torrent's row. It owns its strings and bytes; state_torrent_fini() frees them. */
struct state_torrent {
    int64_t id;
    struct identity identity;
    char *name;     /* NULL: not stored, so that only the metainfo has it */
    char *dir;      /* save directory, absolute */
    char *move_to;  /* directory to move to when complete; NULL: no move */
    char *moved_from; /* earlier directory where the moved files remain to be deleted; NULL: none */
    bool managed;   /* true: spratd starts and runs the torrent; false: a foreground command does */
    int64_t added, completed; /* unix seconds; completed 0: not yet */
    uint64_t uploaded, downloaded; /* payload bytes over all sessions */
    uint64_t up_limit, down_limit; /* bytes/s; 0: none */
    enum state_status status;
    char *error;    /* error message, or NULL */
    bool clean;     /* the last session ended cleanly: file stamps are exact */
    int64_t session; /* unix seconds: start of the first session since the last clean end */
    int64_t active;  /* unix seconds: time of the last update by a session */
    uint8_t *metainfo; /* the raw torrent file; NULL: not known yet */
    size_t metainfo_len;
};

struct state_file {
    uint32_t file;
    bool present;     /* false: delete the record */
    uint64_t size;
    int64_t mtime_ns;
    uint64_t inode;
};

/* Fills |out| with the record that vouches for file |file| as its stamp describes it. False, and
 * |out| is untouched, if the stamp is not known. */
static inline bool
state_file_from(struct state_file *out, size_t file, const struct storage_stamp *stamp)
{
    if (!stamp->known)
        return false;
    *out = (struct state_file){
        .file = (uint32_t)file,
        .present = true,
        .size = stamp->size,
        .mtime_ns = stamp->mtime_ns,
        .inode = stamp->inode,
    };
    return true;
}

struct state_layer {
    uint32_t file;
    const uint8_t *hashes; /* 32 bytes × pieces of the file */
    size_t len;
};

/* The changes of one transaction; unset members (0, NULL) change nothing. */
struct state_update {
    const uint32_t *have; /* pieces to set */
    size_t have_count;
    const uint32_t *lost; /* pieces to clear */
    size_t lost_count;
    bool clear_have;      /* clears all have-bits first */
    const struct state_file *files;
    size_t file_count;
    bool set_totals;
    uint64_t uploaded, downloaded;
    bool set_limits;
    uint64_t up_limit, down_limit; /* bytes/s; INT64_MAX at most */
    bool set_move_to;
    const char *move_to; /* may be NULL */
    const char *dir; /* the new save directory; |moved_from| is stored and |move_to| cleared */
    const char *moved_from;
    bool set_cleaned; /* clears |moved_from| */
    bool set_completed; /* sets |completed|, unless the torrent was complete before */
    int64_t completed;
    bool set_status;
    enum state_status status;
    const char *error; /* error message, with set_status; may be NULL */
    bool set_clean;
    bool clean;      /* false: a torrent that was clean gets |active| as its |session| */
    int64_t active;  /* unix seconds, or 0 */
    bool forget_peers; /* deletes all stored peers first */
    const struct endpoint *peers; /* peers that were seen just now */
    size_t peer_count;
    int64_t seen; /* unix seconds: when |peers| were seen */
    const struct state_layer *layers;
    size_t layer_count;
    const uint8_t *priorities; /* one byte per file (parts.h): 0 means skip; NULL: no change */
    size_t priority_count;
    const struct state_wish_row *wish; /* replaces the stored wish (statewish.h); NULL: no change */
    const struct identity *identity;   /* with |metainfo|: the identity that it has */
    const uint8_t *metainfo; /* the raw torrent file of a torrent that had none; NULL: no change */
    size_t metainfo_len;
    bool keep_worknames;               /* stores that the files can have working names */
    bool unmanage; /* clears |managed|: spratd does not load the torrent any more */
    bool remove; /* deletes the torrent and everything that is stored about it, and does no more */
};

/* Opens, or creates with mode 0600 in a directory of mode 0700, DIR/sprat.db, and brings an older
 * schema up to date. |program| ("sprat get", "spratd") is written into lock files. DB, ACCESS,
 * NOSPACE, BUSY or VERSION (a newer program wrote the database), with a message that names the file
 * and says what to do; an unreadable or newer database is not changed. */
int state_open(const char *dir, const char *program, struct state **out, struct errbuf *eb);

/* Waits until all submitted updates are applied, then closes the database. NULL is legal. */
void state_close(struct state *st);

const char *state_dir(const struct state *st);

/* The name of spratd's lock file, which locks all torrents that spratd manages. */
#define STATE_DAEMON_LOCK "spratd.lock"

/* Locks a torrent for this process; |title| is the torrent's name in messages. SPRAT_E_BUSY, with a
 * message that names the process, if another process has the lock or, unless |daemon| is true, if a
 * running spratd manages the torrent. The kernel drops the lock when the process ends. */
int state_lock_torrent(struct state *st, const struct identity *id, const char *title, bool daemon,
                       struct lockfile **out, struct errbuf *eb);

/* True if a process, possibly this one, has locked the torrent. */
bool state_is_locked(struct state *st, const struct identity *id);

/* A list of all lock files, including those that killed processes left behind: a torrent that is
 * not in the list is unlocked. */
struct state_locks;
int state_read_locks(struct state *st, struct state_locks **out, struct errbuf *eb);
bool state_locks_have(const struct state_locks *l, const struct identity *id);
void state_locks_free(struct state_locks *l);

/* A torrent that is added. */
struct state_addition {
    const struct metainfo *mi; /* NULL: not known yet, so |identity| and |name| must be given */
    const struct identity *identity;
    const char *name;
    const char *dir; /* as path_absolute() makes it: a loop must not ask the disk what a path
                        means */
    bool managed;    /* marks the row as spratd's; false never clears the mark, so a torrent of
                        spratd stays spratd's when a foreground command works on it */
    const struct state_update *update; /* applied to the row in the same transaction; may be NULL */
};

/* Adds a row for the torrent, or finds the existing row, and gives its id. A row that had no
 * metainfo gets that of |a|. */
int state_add(struct state *st, const struct state_addition *a, int64_t *id, struct errbuf *eb);

/* The id of the torrent's row for |dir|, an absolute path; SPRAT_E_NOTFOUND. state_find_link() has
 * the identity that a magnet link names, which may be a part of that of the row. */
int state_find_link(struct state *st, const struct identity *identity, const char *dir, int64_t *id,
                    struct errbuf *eb);
int state_find(struct state *st, const struct identity *identity, const char *dir, int64_t *id,
               struct errbuf *eb);

/* Reads one row, including |metainfo|, if it is known. SPRAT_E_NOTFOUND. */
int state_get(struct state *st, int64_t id, struct state_torrent *out, struct errbuf *eb);
void state_torrent_fini(struct state_torrent *t);

/* Sets the stored have-bits in |have| (of piece_count bits, cleared first). */
int state_load_have(struct state *st, int64_t id, struct bitfield *have, struct errbuf *eb);

/* Fills |files| (|count| entries, indexed by file number); |present| says whether the database has
 * a record of the file. */
int state_load_files(struct state *st, int64_t id, struct state_file *files, size_t count,
                     struct errbuf *eb);

/* A file record of another torrent with the same inode number, perhaps on another file system. */
struct state_sharer {
    int64_t torrent;
    uint32_t file;
};

/* Fills |out| (STATE_SHARERS_MAX entries) with the file records that have the inode number |inode|
 * and belong to torrents other than |id|, torrents of spratd first. Returns their number, or an
 * error. */
int state_find_inode(struct state *st, int64_t id, uint64_t inode, struct state_sharer *out,
                     struct errbuf *eb);

/* Reads file priorities, one byte per file; a file without a stored priority has 1 (normal). */
int state_load_priorities(struct state *st, int64_t id, uint8_t *prio, size_t count,
                          struct errbuf *eb);

/* Reads the stored peers, latest seen first; returns their number (at most |max|), or an error. */
int state_load_peers(struct state *st, int64_t id, struct endpoint *peers, size_t max,
                     struct errbuf *eb);

/* Calls |each| for every stored piece layer. */
int state_each_layer(struct state *st, int64_t id,
                     void (*each)(void *user, const struct state_layer *l), void *user,
                     struct errbuf *eb);

/* Applies |u| in one transaction; it is on disk when the call returns (WAL, synchronous=FULL). */
int state_apply(struct state *st, int64_t id, const struct state_update *u, struct errbuf *eb);

typedef void (*state_done_fn)(void *user, int err, const char *why);

/* Most updates that can wait. When a daemon starts, every torrent stores one or two updates; later
 * a torrent never has many. */
enum { STATE_QUEUE_MAX = 262144 };

/* state_apply() on the database's thread; |u| and the memory it points to are copied. |done| (may
 * be NULL) runs when |q| is drained. Updates are applied in the order of the calls. NOMEM, or AGAIN
 * when STATE_QUEUE_MAX updates wait; after an error |done| is never called. */
int state_apply_async(struct state *st, int64_t id, const struct state_update *u, struct doneq *q,
                      state_done_fn done, void *user);

/* state_add() on the database's thread. |a| with all that it points to, and |id|, must stay valid
 * until |done| (not NULL) runs. Errors as state_apply_async(). */
int state_add_async(struct state *st, const struct state_addition *a, int64_t *id, struct doneq *q,
                    state_done_fn done, void *user);

#endif
