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
    char *root; /* absolute, no links in it */
    char *name; /* last component of |root| */
    bool is_dir;
    struct walk_entry *entries;
    size_t count, cap;
    uint64_t total; /* bytes of all files */
};

/* Walks |path|. |notice| (may be NULL) hears of what is left out. NOENT, ACCESS, INVAL (a name that
 * no torrent can hold; nothing there; neither file nor directory), LIMIT, NOMEM. To be freed with
 * walk_fini(), after an error too. */
int walk_run(struct walk *w, const char *path, void (*notice)(void *user, const char *text),
             void *user, struct errbuf *eb);
void walk_fini(struct walk *w);

#endif
