/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A file's stamp: its size, modification time and inode at the last look. A different stamp means
 * that another program changed or replaced the file.
 */
#ifndef PEER_STORE_STAMP_H
#define PEER_STORE_STAMP_H

#include <stdbool.h>
#include <stdint.h>

struct storage_stamp {
    bool known;       /* false: there was no look yet, or the file did not exist */
    uint64_t size;    /* bytes */
    int64_t mtime_ns; /* since 1970 */
    uint64_t inode;
};

#endif
