/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The worker threads and the open files that all torrents of a process share. It runs jobs; what
 * a job does is storage.h's business. Each worker has a queue of its own for jobs that must keep
 * their order (all writes and verifies of one piece go to one worker), and all take from two
 * common queues: reads, and background work such as full checks.
 */
#ifndef PEER_STORE_DISK_H
#define PEER_STORE_DISK_H

#include <stdint.h>

#include "common/base/err.h"

enum {
    DISK_THREADS_MAX = 64,
    DISK_THREADS_MIN = 4,        /* some can wait for a disk while others hash */
    DISK_QUEUE_MAX = 8192,       /* jobs that may wait or run at a time, over all torrents; slow
                                    ones, of which a torrent has very few, are not counted */
    DISK_OPEN_FILES_MAX = 256,   /* file descriptors kept open, unless the options say otherwise */
    DISK_PIECE_CONTEXTS_MAX = 64, /* pieces per worker that are hashed while they arrive */
};

struct disk;

struct disk_options {
    unsigned threads;        /* 0: one per processor, at least DISK_THREADS_MIN */
    uint32_t open_files_max; /* 0: DISK_OPEN_FILES_MAX */
};

/* Starts the workers; signals stay with the caller's threads. NOMEM or LIMIT. */
int disk_new(const struct disk_options *opt, struct disk **out, struct errbuf *eb);

/* Stops and joins the workers. Every storage must have been closed (asserted). NULL is legal. */
void disk_free(struct disk *d);

/* Workers, the thread for slow jobs left out. */
unsigned disk_threads(const struct disk *d);

#endif
