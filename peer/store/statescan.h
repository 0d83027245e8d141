/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reads all of spratd's torrents from the state database in one pass when spratd starts: each
 * torrent with its options, its have-bits and the records of its files.
 */
#ifndef PEER_STORE_STATESCAN_H
#define PEER_STORE_STATESCAN_H

#include "peer/store/state.h"
#include "peer/store/statewish.h"

/* One torrent; valid during the call of |each|. */
struct state_scan_row {
    struct state_torrent torrent; /* with metainfo */
    struct state_wish wish;
    bool has_wish;               /* false: |wish| is empty */
    bool has_choice;             /* file priorities are stored: state_load_priorities() */
    bool has_peers;              /* peers are stored: state_load_peers() */
    const uint8_t *have;         /* have-bits, the first piece in the highest bit of a byte */
    size_t have_len;             /* bytes; pieces beyond are not on disk */
    const struct state_file *files; /* files with a record, ascending, all |present| */
    size_t file_count;
};

/* Calls |each| for every torrent that spratd manages, oldest first, within one reading transaction,
 * so |each| must not call functions of state.h. If |each| does not return 0, the scan ends and
 * returns that value. */
int state_scan(struct state *st, int (*each)(void *user, const struct state_scan_row *row),
               void *user, struct errbuf *eb);

/* True if the have-bits of the first |pieces| pieces are all set. */
bool state_scan_has_all(const struct state_scan_row *row, uint32_t pieces);

#endif
