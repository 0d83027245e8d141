/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Hashes the files of a new torrent on all processors: SHA-1 of the pieces for v1, Merkle tree
 * piece hashes for v2, or both while reading the data once. The caller gives paths, lengths and
 * offsets; a file that changes meanwhile is noticed. Writes nothing.
 */
#ifndef PEER_STORE_CREATEHASH_H
#define PEER_STORE_CREATEHASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "peer/store/stamp.h"

struct createhash_file {
    const char *path; /* absolute */
    uint64_t offset;  /* in piece space; v2: at a piece boundary */
    struct storage_stamp stamp; /* the file must still match it at the end; |size| > 0 */
};

struct createhash {
    const struct createhash_file *files; /* by ascending offset, none empty */
    size_t file_count;
    uint64_t span; /* end of piece space, bytes */
    uint32_t piece_length;
    unsigned threads; /* 0: one per processor */
    uint8_t *sha1;  /* 20 bytes per piece, or NULL: no v1 side. Gaps count as zeros */
    uint8_t *nodes; /* 32 bytes per piece, or NULL: no v2 side. The piece hash, or for a file of
                       one piece its root */
    bool (*progress)(void *user, uint64_t done); /* bytes; false cancels; may be NULL */
    void *user;
};

/* Blocks. CHANGED, SHORT, NOENT, ACCESS, IO, CANCELLED, NOMEM. */
int createhash_run(const struct createhash *h, struct errbuf *eb);

#endif
