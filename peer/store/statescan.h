/* SPDX-License-Identifier: BSD-2-Clause
 *
 * All of spratd's torrents, read from the state database in one pass when it starts: each with what
 * it was added with, which pieces are promised and what its files looked like.
 */
#ifndef PEER_STORE_STATESCAN_H
#define PEER_STORE_STATESCAN_H

#include "peer/store/state.h"
#include "peer/store/statewish.h"

/* One torrent; lives during the call it is given to. */
struct state_scan_row {
    struct state_torrent torrent; /* with metainfo */
    struct state_wish wish;
    bool has_wish;               /* false: |wish| is empty */
    bool has_choice;             /* of files: state_load_priorities() */
    bool has_peers;              /* state_load_peers() */
    const uint8_t *have;         /* promised pieces, the first in the highest bit of a byte */
    size_t have_len;             /* bytes; what lies beyond is not had */
    const struct state_file *files; /* those with a record, in order, all |present| */
    size_t file_count;
};

/* Calls |each| for every torrent that spratd manages, oldest first, within one reading transaction,
 * so |each| must not call the state. A return other than 0 ends it and is returned. */
int state_scan(struct state *st, int (*each)(void *user, const struct state_scan_row *row),
               void *user, struct errbuf *eb);

/* Whether the first |pieces| pieces are promised. */
bool state_scan_has_all(const struct state_scan_row *row, uint32_t pieces);

#endif
