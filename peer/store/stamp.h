/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A file's stamp: its size, modification time and inode at the last look. A different stamp means
 * that another program changed or replaced the file.
 */
#ifndef PEER_STORE_STAMP_H
#define PEER_STORE_STAMP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

struct storage_stamp {
    bool known;       /* false: there was no look yet, or the file did not exist */
    uint64_t size;    /* bytes */
    int64_t mtime_ns; /* since 1970 */
    uint64_t inode;
};

static inline struct storage_stamp
stamp_of(const struct stat *st)
{
    return (struct storage_stamp){
        .known = true,
        .size = (uint64_t)st->st_size,
        .mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
        .inode = st->st_ino,
    };
}

/* True if both are known and tell of the same file with the same size and time. */
static inline bool
stamp_equal(const struct storage_stamp *a, const struct storage_stamp *b)
{
    return a->known && b->known && a->size == b->size && a->mtime_ns == b->mtime_ns &&
           a->inode == b->inode;
}

#endif
