/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Compares the files of many idle torrents with what the state database recorded of them (size and
 * modification time). Costs one stat() per file on a disk thread, and no memory afterwards.
 */
#ifndef PEER_STORE_FILELOOK_H
#define PEER_STORE_FILELOOK_H

#include <stdbool.h>
#include <stddef.h>

#include "common/codec/metainfo.h"
#include "peer/store/disk.h"
#include "peer/store/doneq.h"
#include "peer/store/state.h"

enum {
    FILELOOK_OWNERS_MAX = 256, /* torrents per look */
    FILELOOK_FILES_MAX = 4096, /* files per look, over all its torrents */
};

struct filelook;

/* Creates an empty look. NULL when memory is out. */
struct filelook *filelook_new(void);
void filelook_free(struct filelook *l); /* frees a look that was not started */

/* Adds a torrent, identified by |owner|: its files in |dir|, with their |records| from the database
 * in the order of file numbers. The arguments are copied. SPRAT_E_MISSING if a file with content
 * has no record, SPRAT_E_LIMIT if the torrent does not fit into this look, SPRAT_E_NOMEM; after an
 * error the torrent was not added. */
int filelook_add(struct filelook *l, void *owner, const char *dir, const struct metainfo *mi,
                 const struct state_file *records, size_t record_count);

size_t filelook_count(const struct filelook *l);

/* Runs the look on a disk thread, or frees it if it has no torrent. Then doneq_drain() calls |seen|
 * for each owner in the order of adding; |same| is true if all its files exist with the recorded
 * size and time. The look frees itself after that. A look holds up others of the same mount only,
 * which is the first owner's: the owners of one look should share a mount (disk_mount_of()). */
void filelook_start(struct filelook *l, struct disk *disk, struct doneq *q,
                    void (*seen)(void *owner, bool same));

#endif
