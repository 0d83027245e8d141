/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Finds another torrent in the state database that has a file which this torrent is about to write
 * to. claims.h can't notice the other torrent if it rests or is paused, since it has no file open
 * then.
 */
#ifndef PEER_STORE_OWNERS_H
#define PEER_STORE_OWNERS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "peer/store/stamp.h"
#include "peer/store/state.h"
#include "peer/store/storage.h"

struct owners_query {
    struct state *state;
    int64_t id; /* the torrent's id in the database */
    const struct storage *storage;
    const struct storage_stamp *stamps; /* one per file; files whose stamp is not |known| are
                                           skipped */
};

/* Returns 0, or EXISTS with a message that names both torrents if one of the files also belongs to
 * another torrent that spratd manages or that a live process has locked. DB, NOMEM. Blocks: reads
 * the database and calls stat() on files. */
int owners_check(const struct owners_query *q, struct errbuf *why);

#endif
