/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The internals of struct state (state.h), shared by the files that implement it: state.c (opening,
 * rows), stateadd.c (new rows), statelocks.c, statescan.c (all rows), stateapply.c (one transaction
 * of changes), statewish.c, statebans.c, statedht.c, statequeue.c (the thread), stateupdate.c
 * (updates for the thread). No other file includes this header.
 */
#ifndef PEER_STORE_STATEDB_H
#define PEER_STORE_STATEDB_H

#include "common/ds/list.h"
#include "common/sys/db.h"
#include "common/sys/lock.h"
#include "common/sys/thread.h"
#include "peer/store/state.h"

struct state {
    char *dir;
    char *program;
    struct lock db_lock; /* one user of |db| at a time: the thread, or a blocking call */
    struct db *db;
    struct lock read_lock; /* one user of |reads| at a time, none of whom waits for a sync */
    struct db *reads;      /* the same database, for reading */
    struct lock queue_lock;
    struct cond queue_filled;
    struct list queue; /* of struct state_job */
    uint32_t queued;
    bool stopping;
    bool has_thread; /* started with the first asynchronous update */
    struct thread thread;
};

/* A change for the database's thread, embedded in the data of a kind of change. */
struct state_job {
    uint32_t magic;
    struct list link;
    struct doneq_item done_item;
    struct doneq *doneq;
    /* Makes the change within an open transaction, on the database's thread. An error, with a
     * sentence in |why|, undoes this change only. */
    int (*apply)(struct db *db, struct state_job *j);
    /* Called once, when the doneq is drained, with |err| and |why|; NULL: nobody is told. */
    state_done_fn done;
    void *user;
    void (*free)(struct state_job *j); /* frees the data of the change, after done() */
    int err; /* of apply() or of the commit; 0: the change is on disk */
    struct errbuf why;
};

/* Gives the thread a job whose apply(), done() and free() are set; changes are made in the order of
 * the calls. NOMEM, or AGAIN when STATE_QUEUE_MAX changes wait; after an error the job is the
 * caller's again. */
int state_submit(struct state *st, struct state_job *j, struct doneq *q);

/* Commits the open transaction, or rolls it back if |err| is not 0. */
int state_end_change(struct state *st, int err, struct errbuf *eb);

/* Applies |u| within an open transaction. */
int state_apply_parts(struct db *db, int64_t id, const struct state_update *u, struct errbuf *eb);

/* Binds the first three parameters of |q| to the columns hash, info_hash_v1 and info_hash_v2. |id|
 * must outlive the step of |q|. */
void state_bind_identity(sqlite3_stmt *q, const struct identity *id);

/* Parts of state_apply_parts() (stateapply.c, statewish.c). state_apply_metainfo() changes only a
 * row that has no metainfo. */
struct state_wish_row;
int state_apply_wish(struct db *db, int64_t id, const struct state_wish_row *row,
                     struct errbuf *eb);
int state_apply_metainfo(struct db *db, int64_t id, const struct identity *identity,
                         const uint8_t *metainfo, size_t metainfo_len, struct errbuf *eb);
int state_apply_worknames(struct db *db, int64_t id, struct errbuf *eb);

/* The columns that state_read_torrent() reads from a torrent's row; the first is the id. */
#define STATE_TORRENT_COLUMNS                                                                      \
    "id, info_hash_v1, info_hash_v2, dir, managed, added, completed, uploaded, downloaded, "       \
    "status, error, clean, session, active, metainfo, up_limit, down_limit, "                      \
    "move_to, moved_from, name"

/* Reads a torrent from the current row of |q|, which begins with STATE_TORRENT_COLUMNS.
 * SPRAT_E_NOMEM. */
int state_read_torrent(sqlite3_stmt *q, struct state_torrent *t);

#define STATE_WISH_COLUMNS "seed, ratio, trackers, peers, flags, only_files, web_seeds"

/* Reads a wish from the current row of |q|, where STATE_WISH_COLUMNS begin at column |first|.
 * SPRAT_E_NOMEM; state_wish_fini() is due either way. */
struct state_wish;
int state_read_wish(sqlite3_stmt *q, int first, struct state_wish *out);

/* Ends the thread when its queue is empty. */
void state_queue_stop(struct state *st);

/* Encodes an endpoint for the database: family, address, port, and the name of the zone if there is
 * one (an interface can have another number after a restart). Returns the length. */
enum { STATE_ADDR_LEN = 19, STATE_ADDR_MAX = 35 };
size_t state_addr_pack(const struct endpoint *e, uint8_t out[STATE_ADDR_MAX]);
/* Decodes an endpoint. False for malformed bytes, or if the zone's interface does not exist any
 * more. */
bool state_addr_unpack(const uint8_t *bytes, size_t len, struct endpoint *e);

#endif
