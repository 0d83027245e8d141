/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which files of a torrent are not wanted, and where the parts of them go that belong to pieces of
 * wanted files: in v1, a piece can span both. Such parts lie in one hidden file beside the
 * torrent's files, the part file, at a place that depends on the metainfo alone: each piece that
 * several files share has a slot of a piece's length there, in the order of the pieces. So the file
 * is never longer than there are files, in pieces, and what is not used is a hole. Pure arithmetic;
 * opens nothing.
 */
#ifndef PEER_STORE_PARTS_H
#define PEER_STORE_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/codec/metainfo.h"

/* A file's byte in the state database: its priority (0: not wanted), and whether its data lies in
 * the part file. A file that is wanted and in parts is moved at the next start of the torrent. */
enum { PARTS_PRIORITY = 0x7f, PARTS_PARTED = 0x80 };

/* Embedded; private. */
struct parts {
    const struct metainfo *mi;
    uint8_t *bytes;   /* one a file; NULL: all are wanted */
    uint32_t *shared; /* pieces of several files, in order */
    uint32_t shared_count;
    bool any; /* some file is in parts */
    char name[64];
};

/* |bytes| (file_count of them, copied) may be NULL. SPRAT_E_NOMEM. */
int parts_init(struct parts *p, const struct metainfo *mi, const uint8_t *bytes);
void parts_fini(struct parts *p);

/* True if the file's data lies in the part file. */
bool parts_holds(const struct parts *p, size_t file);

bool parts_wants(const struct parts *p, size_t file);

/* Where the byte at |offset| of the file lies in the part file; the bytes after it follow, as long
 * as they are of the same piece. False if that piece is no other file's too: nobody keeps it. */
bool parts_locate(const struct parts *p, size_t file, uint64_t offset, uint64_t *at);

#endif
