/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How many torrents a user leeches at once, for those users who have a limit: others leave no trace
 * here. A torrent counts from the first announce that says that something is left, until one says
 * that nothing is, or "stopped", or until the user has been silent about it for too long. No clock,
 * no lock; all is forgotten at a restart, and known again when each client has announced once.
 */
#ifndef TRACKER_CORE_SLOTS_H
#define TRACKER_CORE_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/ds/hashmap.h"
#include "common/ds/list.h"

enum { SLOTS_USERS_MAX = 1 << 20 }; /* of one table */

/* Embedded; private. */
struct slots {
    struct hashmap users;
    struct list order; /* of them, the one heard of longest ago first */
    uint32_t timeout_s;
};

/* A torrent of which nothing is heard for |timeout_s| seconds is not leeched any more. */
void slots_init(struct slots *s, const uint64_t seed[2], uint32_t timeout_s);
void slots_fini(struct slots *s);

/* The user leeches this torrent: true if it is within his |limit| of torrents, or was counted
 * before. NOMEM and a full table are false. */
bool slots_take(struct slots *s, uint32_t user, uint32_t torrent, uint32_t limit, int64_t unix_s);

/* He doesn't any more. */
void slots_leave(struct slots *s, uint32_t user, uint32_t torrent);

#endif
