/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the preloaded fault layer (faults.so) shares with the tests that drive it: the journal that
 * it writes and the block of memory that it is controlled through. tests/system/lib/faults.py reads
 * and writes both by these layouts (little-endian, packed as they stand).
 *
 * Environment: SPRAT_FAULTS_ROOT, folders (with ':' between them) whose files are watched;
 * SPRAT_FAULTS_JOURNAL, where to keep what was not synced yet (unset: not at all);
 * SPRAT_FAULTS_CONTROL, a file of one struct faults_control, which may change at any time;
 * SPRAT_FAULTS_MOUNTS, a file that the program sees as the kernel's table of mounts.
 */
#ifndef TESTS_SYSTEM_FAULTS_H
#define TESTS_SYSTEM_FAULTS_H

#include <stdatomic.h>
#include <stdint.h>

enum faults_op {
    FAULTS_OPEN,
    FAULTS_READ,
    FAULTS_WRITE,
    FAULTS_SYNC,
    FAULTS_RENAME,
    FAULTS_MKDIR,
    FAULTS_UNLINK,
    FAULTS_TRUNCATE,
    FAULTS_LOOK, /* stat() and its siblings, access(), statvfs(), realpath() */
    FAULTS_OP_COUNT,
};

enum {
    FAULTS_SHORT = 1, /* a write is cut in half instead of failing */
    FAULTS_DROP =
        2, /* a sync that fails undoes what it would have synced, as some file systems do */
    FAULTS_DELAY = 4, /* the calls do not fail, they take |delay_us| longer: a slow disk */
    FAULTS_HOLD = 8,  /* the calls do not begin while they are meant: a disk that hangs; |hits|
                         counts them */
};

/* Calls of |ops| on watched paths that contain |match| are counted in |seen|, from 0; those
 * numbered from |from| on, |count| of them, fail with |err| (an errno). */
struct faults_control {
    uint32_t ops; /* bits of enum faults_op */
    int32_t err;
    uint32_t flags;
    uint32_t delay_us;
    uint64_t from, count;
    _Atomic uint64_t seen, hits;
    _Atomic uint64_t calls[FAULTS_OP_COUNT]; /* of all watched calls, failed or not */
    char match[256];
};

enum faults_record_type {
    FAULTS_REC_WRITE = 1,   /* data: what stood in the range before, short at the end of the file */
    FAULTS_REC_SYNC,        /* all records of the inode before |position| are on disk */
    FAULTS_REC_SYNC_FAILED, /* those not yet on disk never will be */
    FAULTS_REC_CREATE,      /* data: the path; ino: of the directory */
    FAULTS_REC_MKDIR,       /* likewise */
    FAULTS_REC_RENAME, /* data: old path, NUL, new path, NUL, a link that keeps what was replaced */
    FAULTS_REC_UNLINK, /* data: path, NUL, a link that keeps it */
};

/* Followed by |data_len| bytes. */
struct faults_record {
    uint32_t type;
    uint32_t data_len;
    uint64_t dev, ino;
    uint64_t offset, len; /* WRITE */
    uint64_t position;    /* SYNC: of the journal when the sync began */
    uint64_t size;        /* of the file before a write, at a sync */
    int64_t mtime_ns;     /* likewise */
};

#endif
