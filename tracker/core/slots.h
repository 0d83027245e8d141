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

enum {
    SLOTS_USERS_MAX = 1 << 20, /* of one table */
    SLOTS_NEWS_MAX = 1 << 12,  /* of one table that nobody has taken yet; what is more is not told
                                * before the client's next announce */
};

/* A user began to leech a torrent, still does, or ended it: for other trackers that count too. */
struct slots_news {
    uint32_t user, torrent;
    uint32_t unix_s;
    bool leeches;
};

/* Embedded; private. */
struct slots {
    struct hashmap users;
    struct list order; /* of them, the one heard of longest ago first */
    uint32_t timeout_s;
    struct slots_news *news; /* SLOTS_NEWS_MAX of them; NULL: nobody wants to know */
    uint32_t nnews;
};

/* A torrent of which nothing is heard for |timeout_s| seconds is not leeched any more. */
void slots_init(struct slots *s, const uint64_t seed[2], uint32_t timeout_s);
void slots_fini(struct slots *s);

/* The user leeches this torrent: true if it is within his |limit| of torrents, or was counted
 * before. NOMEM and a full table are false. */
bool slots_take(struct slots *s, uint32_t user, uint32_t torrent, uint32_t limit, int64_t unix_s);

/* He doesn't any more. */
void slots_leave(struct slots *s, uint32_t user, uint32_t torrent, int64_t unix_s);

/* ---- with other trackers ---- */

/* From now on news are kept for slots_take_news(). SPRAT_E_NOMEM. */
int slots_keep_news(struct slots *s);

/* Moves at most |max| news to |out| and returns how many. */
uint32_t slots_take_news(struct slots *s, struct slots_news *out, uint32_t max);

/* What another tracker tells. Counts for the user's limit, whatever that is; news that are older
 * than what is known here change nothing. */
void slots_hear(struct slots *s, const struct slots_news *n);

#endif
