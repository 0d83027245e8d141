/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Makes a torrent file from a file or a directory: a sorted walk, hashing on all processors, and
 * the metainfo. The same tree gives the same info-hash on every machine: names in byte order, no
 * times, no owners; of the mode only the owner's executable bit.
 *
 * Symbolic links whose target lies inside the tree become BEP 47 symlinks; all others are left
 * out with a notice, since following them would publish what nobody named. Sockets, devices and
 * pipes are left out with a notice too. A name that is not UTF-8 or holds control characters is
 * an error. The torrent is called as the path is, if its last component is a name: a link has the
 * name of the link.
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
    CREATE_PIECE_LEN_AUTO_MAX = 16 << 20, /* what is chosen; a person may ask for more */
    CREATE_PIECES_AIM = 1500,
};

struct create_options {
    const char *path;
    const char *output; /* where the torrent file will go: it is no content. NULL: not known yet */
    enum metainfo_format format;
    uint32_t piece_length; /* 0: chosen; else a power of two from 16 KiB up */
    unsigned threads;      /* 0: one per processor */
    const struct metainfo_tier *tiers;
    size_t tier_count;
    const char *const *web_seeds;
    size_t web_seed_count;
    bool is_private;
    const char *source, *comment, *created_by; /* may be NULL */
    int64_t creation_date;                     /* 0: left out */
    /* Called now and then with bytes hashed so far; false cancels. May be NULL. */
    bool (*progress)(void *user, uint64_t done, uint64_t total);
    /* A sentence on something that was left out. May be NULL. */
    void (*notice)(void *user, const char *text);
    void *user;
};

/* Blocks. Appends the torrent file to |out|, and gives the directory that a seeder of it names
 * as its DIR in |*dir| (freed by the caller; |dir| may be NULL). Errors with a sentence that
 * names the file: NOENT, ACCESS, CHANGED (while it was read), INVAL (name, piece length, nothing
 * in it), TOOBIG, CANCELLED, NOMEM, IO. */
int create_run(const struct create_options *opt, struct buf *out, char **dir, struct errbuf *eb);

/* The name of the torrent of |path|, to be freed; NULL with an error as above. */
char *create_name(const char *path, struct errbuf *eb);

/* The piece length that create picks for |total| bytes. */
uint32_t create_piece_length(uint64_t total);

#endif
