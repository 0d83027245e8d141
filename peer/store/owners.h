/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Looks in the state database for another torrent that has a file which a torrent is about to write
 * to. The other one may rest or be paused, and so have no file open that claims.h could see.
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
    int64_t id; /* the torrent in the database */
    const struct storage *storage;
    const struct storage_stamp *stamps; /* one a file; those that are not |known| are left out */
};

/* 0, or EXISTS and a sentence that names both torrents if one of the files is also one of a torrent
 * that spratd manages or that a live process has. DB, NOMEM. Blocks:
 * it reads the database and looks at files. */
int owners_check(const struct owners_query *q, struct errbuf *why);

#endif
