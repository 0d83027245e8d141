/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Creates a torrent file from a file or a directory: a sorted walk, hashing on all processors, and
 * the metainfo. The same tree gives the same info-hash on every machine: names are in byte order,
 * and the metainfo holds no times, no owners, and of the mode only the owner's executable bit.
 *
 * Symbolic links whose target lies inside the tree become BEP 47 symlinks; all other links are left
 * out with a notice, since following them would publish files that the user did not name. Sockets,
 * devices and pipes are left out with a notice too. A name that is not UTF-8 or contains control
 * characters is an error. The torrent's name is the last component of the path, if that is a name;
 * for a path that is a link, the name of the link.
 */
#ifndef PEER_STORE_CREATE_H
#define PEER_STORE_CREATE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/codec/metainfo.h"
#include "common/ds/buf.h"

enum {
    CREATE_PIECE_LEN_MIN = 16 << 10,
    CREATE_PIECE_LEN_AUTO_MAX = 16 << 20, /* largest automatic choice; the user may ask for more */
    CREATE_PIECES_AIM = 1500,
};

struct create_options {
    const char *path;
    bool links;         /* |path| is a directory of links, which are followed (gather.h) */
    const char *output; /* path of the torrent file, which is left out of the content. NULL: not
                           known yet */
    enum metainfo_format format;
    uint32_t piece_length; /* 0: automatic; else a power of two from 16 KiB up */
    unsigned threads;      /* 0: one per processor */
    const struct metainfo_tier *tiers;
    size_t tier_count;
    const char *const *web_seeds;
    size_t web_seed_count;
    const struct metainfo_node *nodes; /* of the DHT (BEP 5) */
    size_t node_count;
    bool is_private;
    const char *source, *comment, *created_by; /* may be NULL */
    int64_t creation_date;                     /* 0: left out */
    /* Called regularly with the bytes hashed so far; false cancels. May be NULL. */
    bool (*progress)(void *user, uint64_t done, uint64_t total);
    /* Gets a sentence on each file that is left out. May be NULL. */
    void (*notice)(void *user, const char *text);
    void *user;
};

/* Blocks. Appends the torrent file to |out| and sets |*dir| to the save directory from which the
 * content can be seeded (the caller frees it; |dir| may be NULL). Errors, with a message that names
 * the file: NOENT, ACCESS, CHANGED (while being read), INVAL (bad name, bad piece length, no
 * content), TOOBIG, CANCELLED, NOMEM, IO. */
int create_run(const struct create_options *opt, struct buf *out, char **dir, struct errbuf *eb);

/* The name of a torrent created from |path|; the caller frees it. NULL with an error as above. */
char *create_name(const char *path, struct errbuf *eb);

/* The piece length that create picks for |total| bytes. */
uint32_t create_piece_length(uint64_t total);

#endif
