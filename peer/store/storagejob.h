/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The internals of struct storage. On the loop's thread storage.c and storagenames.c create jobs,
 * and storagequeue.c submits them and reports their results; storagejob.c, storagehash.c and
 * storagescan.c run the jobs on the workers. No other file includes this header.
 */
#ifndef PEER_STORE_STORAGEJOB_H
#define PEER_STORE_STORAGEJOB_H

#include <stdatomic.h>

#include "common/ds/bitfield.h"
#include "peer/store/diskjob.h"
#include "peer/store/filemove.h"
#include "peer/store/filetree.h"
#include "peer/store/storage.h"

enum storage_op {
    OP_WRITE,
    OP_READ,
    OP_VERIFY,
    OP_REHASH,
    OP_LEAVES,
    OP_REWRITE,
    OP_FORGET,
    OP_SCAN,
    OP_VARIED,
    OP_CUT,
    OP_FIND_ROOM,
    OP_PEEK,
    OP_LOOK,
    OP_CALL,
    OP_SYNC,
    OP_FINISH,
    OP_GATHER,
    OP_REMOVE,
    OP_PREPARE,
    OP_RESERVE,
    OP_MOVE,
    OP_CLEAN,
    OP_RENAME,
    OP_CLOSE, /* runs on every worker in turn; the last job of its storage */
};

#define STORAGE_MAGIC     0x53746f72u
#define STORAGE_JOB_MAGIC 0x536a6f62u

struct storage_job {
    uint32_t magic;
    enum storage_op op;
    struct disk_job job;
    struct doneq_item done_item;
    struct storage *storage;
    storage_done_fn done;
    void *user;
    uint32_t piece, begin, len;
    const uint8_t *src; /* OP_WRITE */
    uint8_t *dst;       /* OP_READ */
    size_t file;        /* OP_SCAN, OP_VARIED, OP_PEEK */
    const bool *files;  /* OP_CUT */
    int (*call)(void *user, struct errbuf *why); /* OP_CALL */
    const struct bitfield *have; /* OP_FIND_ROOM */
    struct storage_room *room;
    bool skip_holes;    /* OP_REHASH */
    bool judge;         /* OP_WRITE: compare the block with |expected| */
    bool hashed;        /* the digests below are valid */
    uint8_t expected[32];
    uint8_t digest[32]; /* SHA-1 of a piece, or the leaf of a block */
    uint8_t *leaves;    /* leaves of a piece; freed with the job */
    uint32_t leaf_count;
    int err;
    char *why; /* error message; NULL if memory was out */
};

struct storage {
    uint32_t magic;
    struct disk *disk;
    struct doneq *done;
    const struct metainfo *mi;
    struct filetree tree;
    struct disk_lane lane; /* of the save directory's device */
    struct filemove *move; /* the move under way; NULL: none */
    char *clean_from;      /* OP_CLEAN */
    bool *lacking;         /* OP_PREPARE, OP_RESERVE: one flag per file */
    bool *whole;           /* OP_RENAME: one flag per file */
    struct bitfield stored; /* pieces in the state database; no bits before storage_set_stored() */
    uint64_t key_base;   /* spreads the jobs of different torrents over the workers */
    /* Loop thread only: */
    uint32_t pending;    /* jobs that were submitted and whose |done| was not called yet */
    bool holding;        /* ordered jobs are collected in |held| and submitted together */
    struct list held;
    uint32_t held_count;
    struct list spare;   /* unused job structs; all are freed when no job is pending */

    atomic_bool closing; /* jobs that have not started are cancelled */
    void (*free_storage)(struct storage *s); /* see storagequeue_close() */
    void (*closed)(void *user);              /* see storage_close() */
    void *closed_user;
    struct storage_job close_job;
};

/* The functions by which the workers run storage jobs. */
extern const struct disk_job_class storage_job_class;

/* Sets the job's result: 0, or an error and its message |why|, which is copied. */
void storagejob_fail(struct storage_job *j, int err, const char *why);

/* Reads |len| bytes of a piece from |begin| on; bytes that no file stores read as zeros. */
int storagejob_read(struct storage *s, uint32_t piece, uint32_t begin, uint32_t len, uint8_t *dst,
                    struct errbuf *eb);

#endif
