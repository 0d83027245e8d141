/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A look at the files of many torrents that nobody works on: whether each is still what the state
 * database remembers of it. Costs a stat a file on a disk thread, and no memory afterwards.
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
    FILELOOK_OWNERS_MAX = 256, /* torrents of one look */
    FILELOOK_FILES_MAX = 4096, /* and their files */
};

struct filelook;

/* An empty one. NULL when memory is out. */
struct filelook *filelook_new(void);
void filelook_free(struct filelook *l); /* of one that was not started */

/* The torrent that is called |owner|: its files in |dir|, as |records| (in the order of their
 * numbers) have them. What is needed of the arguments is copied. SPRAT_E_MISSING if a file with
 * content has no record, SPRAT_E_LIMIT if there is no room for it in this look, SPRAT_E_NOMEM; then
 * nothing was added. */
int filelook_add(struct filelook *l, void *owner, const char *dir, const struct metainfo *mi,
                 const struct state_file *records, size_t record_count);

size_t filelook_count(const struct filelook *l);

/* Looks, on a disk thread; |seen| is called from doneq_drain() for each owner in turn, with whether
 * all its files are there, of the size and time remembered. It is freed after that. Looks with
 * other |turn|s are made side by side. */
void filelook_start(struct filelook *l, struct disk *disk, unsigned turn, struct doneq *q,
                    void (*seen)(void *owner, bool same));

#endif
