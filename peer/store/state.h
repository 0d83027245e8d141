/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The state database (SQLite, one per state directory, shared by any number of processes): which
 * torrents there are, what of them is on disk and synced, what was transferred. A have-bit in it
 * is a promise: the piece is on disk and its hash was checked, also after a power failure.
 * Whoever sets it has synced the data first (commit.h).
 *
 * The plain calls block and are for start-up, commands and tests; a loop uses
 * state_apply_async().
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

enum {
    STATE_SCHEMA_VERSION = 6,
    STATE_PIECES_PER_ROW = 4096, /* have-bits of one row: a commit rewrites 512 bytes, not all */
    STATE_PEERS_MAX = 200,       /* remembered per torrent; the longest unseen goes first */
    STATE_SHARERS_MAX = 64,      /* other records of an inode that are looked at */
};

struct state;

enum state_status {
    STATE_RUNNING,
    STATE_PAUSED, /* by the user */
    STATE_FAILED, /* stopped by an error, see |error| */
};

/* One torrent's row. Strings and bytes are owned by it: state_torrent_fini(). */
struct state_torrent {
    int64_t id;
    struct identity identity;
    char *dir;      /* save directory, absolute */
    char *move_to;  /* where it goes when it is complete; NULL: it stays */
    char *moved_from; /* the same files are to be removed there; NULL: nowhere */
    bool managed;   /* belongs to spratd, which starts it; false: to a foreground command */
    int64_t added, completed; /* unix seconds; completed 0: not yet */
    uint64_t uploaded, downloaded; /* payload bytes over all sessions */
    uint64_t up_limit, down_limit; /* bytes/s; 0: none */
    enum state_status status;
    char *error;    /* sentence, or NULL */
    bool clean;     /* the last session ended in order: file stamps are exact */
    int64_t session; /* unix seconds: begin of the first session since it was last clean */
    int64_t active;  /* unix seconds: when a session last stored something */
    uint8_t *metainfo; /* the raw torrent file; NULL where the call says so */
    size_t metainfo_len;
};

struct state_file {
    uint32_t file;
    bool present;     /* false: forget the record */
    uint64_t size;
    int64_t mtime_ns;
    uint64_t inode;
};

struct state_layer {
    uint32_t file;
    const uint8_t *hashes; /* 32 bytes × pieces of the file */
    size_t len;
};

/* One transaction's worth of changes; unset parts (0, NULL) stay as they are. */
struct state_update {
    const uint32_t *have; /* pieces to set */
    size_t have_count;
    const uint32_t *lost; /* pieces to clear */
    size_t lost_count;
    bool clear_have;      /* clears all pieces first */
    const struct state_file *files;
    size_t file_count;
    bool set_totals;
    uint64_t uploaded, downloaded;
    bool set_limits;
    uint64_t up_limit, down_limit; /* bytes/s; INT64_MAX at most */
    bool set_move_to;
    const char *move_to; /* may be NULL */
    const char *dir; /* from now on the data is there; |moved_from| is set and |move_to|
                        forgotten */
    const char *moved_from;
    bool set_cleaned; /* forgets |moved_from| */
    bool set_completed; /* unless it was complete before: the first time counts */
    int64_t completed;
    bool set_status;
    enum state_status status;
    const char *error; /* with set_status; may be NULL */
    bool set_clean;
    bool clean;      /* false: |session| becomes |active|, unless it was not clean before */
    int64_t active;  /* unix seconds, or 0 */
    bool forget_peers; /* all that were stored before */
    const struct endpoint *peers; /* seen just now */
    size_t peer_count;
    int64_t seen; /* unix seconds, for |peers| */
    const struct state_layer *layers;
    size_t layer_count;
};

/* Opens, or creates with mode 0600 in a directory of mode 0700, DIR/sprat.db, and brings an
 * older schema up to date. |program| ("sprat get", "spratd") goes into lock files. DB, ACCESS,
 * NOSPACE, BUSY or VERSION (a newer program wrote it) with the file's name and what to do; an
 * unreadable or newer database is left as it is. */
int state_open(const char *dir, const char *program, struct state **out, struct errbuf *eb);

/* Waits for what was submitted, then closes. NULL is legal. */
void state_close(struct state *st);

const char *state_dir(const struct state *st);

/* The lock file of spratd, which stands for all torrents that it manages. */
#define STATE_DAEMON_LOCK "spratd.lock"

/* The one user of a torrent, which is called |title| in sentences: SPRAT_E_BUSY with a sentence
 * that names the process that has it, or, unless |daemon| says that this is it, the spratd that
 * manages it. The kernel drops the lock when the process ends. */
int state_lock_torrent(struct state *st, const struct identity *id, const char *title, bool daemon,
                       struct lockfile **out, struct errbuf *eb);

/* Whether a process, be it this one, has the torrent's lock now. */
bool state_is_locked(struct state *st, const struct identity *id);

/* All locks there are, also what processes left behind that were killed:
 * who is not among them can be taken. */
struct state_locks;
int state_read_locks(struct state *st, struct state_locks **out, struct errbuf *eb);
bool state_locks_have(const struct state_locks *l, const struct identity *id);
void state_locks_free(struct state_locks *l);

/* Adds the torrent for |dir| (made absolute), or finds the row there is, and gives its id. An
 * existing row becomes |managed| if that is asked, and never ceases to be: a foreground command
 * that works on one of spratd's torrents leaves it spratd's. */
int state_add(struct state *st, const struct metainfo *mi, const char *dir, bool managed,
              int64_t *id, struct errbuf *eb);

/* Whether there is a row of the torrent for |dir|, an absolute path. */
bool state_has(struct state *st, const struct metainfo *mi, const char *dir);

/* Reads one row, with metainfo. SPRAT_E_NOTFOUND. */
int state_get(struct state *st, int64_t id, struct state_torrent *out, struct errbuf *eb);
void state_torrent_fini(struct state_torrent *t);

/* Removes the row and all that hangs on it. */
int state_remove(struct state *st, int64_t id, struct errbuf *eb);

/* Sets the stored have-bits in |have| (of piece_count bits, cleared first). */
int state_load_have(struct state *st, int64_t id, struct bitfield *have, struct errbuf *eb);

/* Fills |files| (of |count|, indexed by file; |present| tells whether there is a record). */
int state_load_files(struct state *st, int64_t id, struct state_file *files, size_t count,
                     struct errbuf *eb);

/* A record of another torrent with the same inode number, perhaps of another file system. */
struct state_sharer {
    int64_t torrent;
    uint32_t file;
};

/* Fills |out| (of STATE_SHARERS_MAX) with the records of files that have the number |inode| and
 * belong to other torrents than |id|, those of spratd first. Returns how many, or an error. */
int state_find_inode(struct state *st, int64_t id, uint64_t inode, struct state_sharer *out,
                     struct errbuf *eb);

/* File priorities: one byte per file; what was never stored is 1 (normal), 0 means skip. */
int state_load_priorities(struct state *st, int64_t id, uint8_t *prio, size_t count,
                          struct errbuf *eb);
int state_put_priorities(struct state *st, int64_t id, const uint8_t *prio, size_t count,
                         struct errbuf *eb);

/* The last seen peers, latest first; returns how many (at most |max|), or an error. */
int state_load_peers(struct state *st, int64_t id, struct endpoint *peers, size_t max,
                     struct errbuf *eb);

/* Calls |each| for every stored piece layer. */
int state_each_layer(struct state *st, int64_t id,
                     void (*each)(void *user, const struct state_layer *l), void *user,
                     struct errbuf *eb);

/* Applies |u| in one transaction that is on disk when the call returns (WAL, synchronous=FULL). */
int state_apply(struct state *st, int64_t id, const struct state_update *u, struct errbuf *eb);

typedef void (*state_done_fn)(void *user, int err, const char *why);

/* The same on the database's thread; |u| and what it points to is copied. |done| (may be NULL) runs
 * when |q| is drained. Updates are applied in the order of the calls. NOMEM, or AGAIN when
 * STATE_QUEUE_MAX updates wait; then |done| is never called. */
/* When a daemon starts, every torrent has an update or two to store,
 * and a torrent has never many. */
enum { STATE_QUEUE_MAX = 262144 };
int state_apply_async(struct state *st, int64_t id, const struct state_update *u, struct doneq *q,
                      state_done_fn done, void *user);

#endif
