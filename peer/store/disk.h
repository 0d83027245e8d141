/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The disk worker threads and open files that all torrents of a process share. The workers run
 * jobs; storage.h defines what the jobs do. Each device (st_dev) has a pool of workers of its own,
 * so that a mount that hangs holds up its own torrents only. Each worker has a queue of its own for
 * jobs that must keep their order (all writes and verifies of one piece go to one worker), and all
 * workers of a pool take jobs from two common queues: reads, and background work such as full
 * checks. Slow jobs, such as syncs, have threads of their own: jobs of one device run one after the
 * other, those of different devices beside each other. Until a job has seen a directory, its device
 * is not known; then the kernel's table of mounts (mounts.h) tells which directories a mount that
 * hangs may hold up. Six such mounts may hang before they hold up others.
 */
#ifndef PEER_STORE_DISK_H
#define PEER_STORE_DISK_H

#include <stdint.h>

#include "common/base/err.h"

enum {
    DISK_THREADS_MAX = 64,        /* workers of a pool */
    DISK_POOLS_MAX = 8,           /* pools; devices beyond them share a pool with another one */
    DISK_SLOW_THREADS = 16,       /* slow jobs that run at a time, one for each device */
    DISK_SLOW_GUESSES = 12,       /* how many of these may be in directories with unknown device */
    DISK_MOUNT_GUESSES = 2,       /* and how many of those on one mount, which may hang */
    DISK_THREADS_MIN = 4,         /* so that some hash while others wait for the disk */
    DISK_QUEUE_MAX = 8192,        /* waiting and running jobs of a pool; slow jobs, of which a
                                     torrent has very few, are not counted */
    DISK_OPEN_FILES_MAX = 256,    /* default number of file descriptors that are kept open */
    DISK_PIECE_CONTEXTS_MAX = 64, /* pieces per worker whose hashes grow while blocks arrive */
};

struct disk;

struct disk_options {
    unsigned threads;        /* of each pool; 0: one per processor, at least DISK_THREADS_MIN */
    uint32_t open_files_max; /* 0: DISK_OPEN_FILES_MAX */
};

/* Starts the workers; signals stay with the caller's threads. NOMEM or LIMIT. */
int disk_new(const struct disk_options *opt, struct disk **out, struct errbuf *eb);

/* Stops and joins the workers. Every storage must have been closed (asserted). NULL is legal. */
void disk_free(struct disk *d);

/* The number of workers of one pool. */
unsigned disk_threads(const struct disk *d);

/* A number that directories of one mount share, without a look at the disk. A directory whose mount
 * is not known has a number of its own, by its name. Any thread. */
uint64_t disk_mount_of(struct disk *d, const char *dir);

#endif
