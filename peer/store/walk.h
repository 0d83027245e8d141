/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Lists the files of a directory (or one file) that go into a new torrent, in the order of
 * metainfo_path_compare(), so that the same tree gives the same list on every machine. Reads names
 * and modes, never contents.
 */
#ifndef PEER_STORE_WALK_H
#define PEER_STORE_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "peer/store/stamp.h"

struct walk_entry {
    char *path;    /* relative to the root; "" when the root is a file */
    char *symlink; /* target, relative to the root; NULL for a file */
    struct storage_stamp stamp;
    bool executable; /* executable by its owner */
};

struct walk {
    char *root;   /* absolute, without symbolic links: where the files are read */
    char *name;   /* last component of the given path, if that is a name */
    char *parent; /* the directory that holds |name|, absolute */
    bool is_dir;
    struct walk_entry *entries;
    size_t count, cap;
    uint64_t total; /* bytes of all files */
};

struct walk_options {
    const char *path;
    const char *output; /* the torrent file, which need not exist: it is left out of the list.
                           NULL for none */
    bool links;         /* |path| is a directory of links (gather.h), which are followed */
    void (*notice)(void *user, const char *text); /* gets a sentence on each file that is left
                                                     out; may be NULL */
    void *user;
};

/* Walks |path|. NOENT, ACCESS, INVAL (a name that is not allowed in a torrent; no files; neither
 * file nor directory; the output file is |path| itself, or a file below it that is no torrent),
 * LIMIT, NOMEM. The caller frees |w| with walk_fini(), after an error too. */
int walk_run(struct walk *w, const struct walk_options *o, struct errbuf *eb);
void walk_fini(struct walk *w);

/* The name of a torrent created from |path|: its last component if that is a name, else the name of
 * the directory that |path| leads to (for "." and the like). The caller frees it; NULL with an
 * error as above. */
char *walk_name(const char *path, struct errbuf *eb);

#endif
