/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Lists what of a file or directory goes into a torrent, in the order of metainfo_path_compare():
 * the same list on every machine for the same tree. Reads names and modes, never contents.
 */
#ifndef PEER_STORE_WALK_H
#define PEER_STORE_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "peer/store/stamp.h"

struct walk_entry {
    char *path;    /* below the root; "" when the root is a file */
    char *symlink; /* target, below the root; NULL for a file */
    struct storage_stamp stamp;
    bool executable; /* by its owner */
};

struct walk {
    char *root;   /* absolute, no links in it: where it is read */
    char *name;   /* last component of the path that was given, if it has one that is a name */
    char *parent; /* the directory that holds |name|, absolute */
    bool is_dir;
    struct walk_entry *entries;
    size_t count, cap;
    uint64_t total; /* bytes of all files */
};

struct walk_options {
    const char *path;
    const char *output; /* the torrent file, which need not exist: it is left out. NULL for none */
    void (*notice)(void *user, const char *text); /* hears of what is left out; may be NULL */
    void *user;
};

/* Walks |path|. NOENT, ACCESS, INVAL (a name that no torrent can hold; nothing there; neither file
 * nor directory; the output is the content, or a file in it that is no torrent), LIMIT, NOMEM. To
 * be freed with walk_fini(), after an error too. */
int walk_run(struct walk *w, const struct walk_options *o, struct errbuf *eb);
void walk_fini(struct walk *w);

/* The name of a torrent of |path|: its last component if that is a name, else that of the directory
 * that it leads to (for "." and the like). To be freed; NULL with an error as above. */
char *walk_name(const char *path, struct errbuf *eb);

#endif
