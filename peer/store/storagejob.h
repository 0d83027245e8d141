/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The two halves of a storage share this: storage.c makes jobs on the loop's thread and reports
 * their results, storagejob.c runs them on the workers. Not for other modules.
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
    OP_CLOSE, /* visits every worker in turn, and is the last job of its storage */
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
    bool judge;         /* OP_WRITE: compare with |expected| */
    bool hashed;        /* the digests below were filled */
    uint8_t expected[32];
    uint8_t digest[32]; /* SHA-1 of a piece, or the leaf of a block */
    uint8_t *leaves;    /* of a piece; freed with the job */
    uint32_t leaf_count;
    int err;
    char *why; /* sentence, NULL if memory for it was out */
};

struct storage {
    uint32_t magic;
    struct disk *disk;
    struct doneq *done;
    const struct metainfo *mi;
    struct filetree tree;
    struct filemove *move; /* under way, one step at a time; NULL */
    char *clean_from;      /* OP_CLEAN */
    bool *lacking;         /* OP_PREPARE, OP_RESERVE: a flag a file */
    bool *whole;           /* OP_RENAME: likewise */
    struct bitfield stored; /* pieces that the state database has; no bits before they are told */
    uint64_t key_base;   /* spreads the pieces of different torrents over the workers */
    /* Loop thread only: */
    uint32_t pending;    /* jobs submitted and not yet reported */
    bool holding;        /* ordered jobs go to |held|, which go to the disk together */
    struct list held;
    uint32_t held_count;
    struct list spare;   /* jobs that are not in use; none is kept when nothing is pending */

    atomic_bool closing; /* jobs that have not begun are cancelled */
    void (*closed)(void *user);
    void *closed_user;
    struct storage_job close_job;
};

/* How the workers run storage jobs. */
extern const struct disk_job_class storage_job_class;

#endif
