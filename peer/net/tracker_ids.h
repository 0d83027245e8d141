/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The "tracker id" (BEP 3) of each tracker that sent one: the next announce of the same torrent to
 * the same tracker has to repeat it.
 */
#ifndef PEER_NET_TRACKER_IDS_H
#define PEER_NET_TRACKER_IDS_H

#include <stdint.h>

#include "common/codec/tracker.h"
#include "common/ds/list.h"

enum { TRACKER_IDS_MAX = 256 }; /* ids remembered; a further id replaces the oldest */

/* Embedded. */
struct tracker_ids {
    struct list list; /* the id that was received longest ago comes first */
    uint32_t count;
};

void tracker_ids_init(struct tracker_ids *ids);
void tracker_ids_fini(struct tracker_ids *ids);

/* The id that the tracker at |url| gave the torrent |info_hash| (TRACKER_HASH_LEN bytes), valid
 * until the next call; NULL if there is none. */
const char *tracker_ids_find(const struct tracker_ids *ids, const char *url,
                             const uint8_t *info_hash);

/* Remembers |id|, at most TRACKER_ID_MAX long; an empty |id| changes nothing, and neither does lack
 * of memory. */
void tracker_ids_remember(struct tracker_ids *ids, const char *url, const uint8_t *info_hash,
                          const char *id);

#endif
