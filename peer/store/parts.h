/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Says which files of a torrent are unwanted, and where their data goes when it belongs to the same
 * piece as a wanted file (in v1, a piece can span several files). Such data lies in one hidden file
 * beside the torrent's files, the part file. Each piece that several files share has a slot of one
 * piece length there, in the order of the pieces, so offsets depend on the metainfo alone. The part
 * file never has more slots than the torrent has files, and unused slots are holes. Pure
 * arithmetic; opens no files.
 */
#ifndef PEER_STORE_PARTS_H
#define PEER_STORE_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/codec/metainfo.h"

/* A file's byte in the state database: its priority (0: unwanted), and a bit that says that its
 * data lies in the part file. When the torrent starts, the data of wanted files is moved out of the
 * part file. */
enum { PARTS_PRIORITY = 0x7f, PARTS_PARTED = 0x80 };

/* Embedded; private. */
struct parts {
    const struct metainfo *mi;
    uint8_t *bytes;   /* one per file; NULL: all files are wanted */
    uint32_t *shared; /* pieces that several files share, ascending */
    uint32_t shared_count;
    bool any; /* the data of some file lies in the part file */
    char name[64];
};

/* |bytes| (file_count entries, copied) may be NULL. SPRAT_E_NOMEM. */
int parts_init(struct parts *p, const struct metainfo *mi, const uint8_t *bytes);
void parts_fini(struct parts *p);

/* True if the file's data lies in the part file. */
bool parts_holds(const struct parts *p, size_t file);

bool parts_wants(const struct parts *p, size_t file);

/* Gives the offset in the part file of the file's byte at |offset|; later bytes of the same piece
 * follow it. False if no other file shares that piece: such data is not stored. */
bool parts_locate(const struct parts *p, size_t file, uint64_t offset, uint64_t *at);

#endif
