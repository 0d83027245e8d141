/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a file on disk looked like when we last saw it: enough to notice that somebody else changed
 * or replaced it.
 */
#ifndef PEER_STORE_STAMP_H
#define PEER_STORE_STAMP_H

#include <stdbool.h>
#include <stdint.h>

struct storage_stamp {
    bool known;       /* false: we never looked, or it is not there */
    uint64_t size;    /* bytes */
    int64_t mtime_ns; /* since 1970 */
    uint64_t inode;
};

#endif
