/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Counts the torrents that a user leeches at once, only for users who have a limit. A torrent uses
 * a slot from the first announce with something left until an announce with nothing left or
 * "stopped", or until the user has not announced it for too long. No clock, no lock. A restart
 * loses all counts; they are complete again when each client has announced once.
 */
#ifndef TRACKER_CORE_SLOTS_H
#define TRACKER_CORE_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/ds/hashmap.h"
#include "common/ds/list.h"

enum {
    SLOTS_USERS_MAX = 1 << 20, /* of one table */
    SLOTS_NEWS_MAX = 1 << 12,  /* news of one table that wait to be sent; further news is lost until
                                  the client's next announce */
};

/* News for the other trackers: a user has begun to leech a torrent, still does, or has ended. */
struct slots_news {
    uint32_t user, torrent;
    uint32_t unix_s;
    bool leeches;
};

/* Embedded; private. */
struct slots {
    struct hashmap users;
    struct list order; /* the least recently announced first */
    uint32_t timeout_s;
    struct slots_news *news; /* SLOTS_NEWS_MAX of them; NULL: no news is kept */
    uint32_t nnews;
};

/* A torrent without an announce for |timeout_s| seconds uses no slot any more. */
void slots_init(struct slots *s, const uint64_t seed[2], uint32_t timeout_s);
void slots_fini(struct slots *s);

/* Takes a slot for the torrent: true if the user has it already or has fewer than |limit|. False
 * also when memory is out or the table is full. */
bool slots_take(struct slots *s, uint32_t user, uint32_t torrent, uint32_t limit, int64_t unix_s);

/* Frees the user's slot for the torrent. */
void slots_leave(struct slots *s, uint32_t user, uint32_t torrent, int64_t unix_s);

/* ---- with other trackers ---- */

/* Keeps news for slots_take_news() from now on. SPRAT_E_NOMEM. */
int slots_keep_news(struct slots *s);

/* Moves at most |max| news to |out| and returns how many. */
uint32_t slots_take_news(struct slots *s, struct slots_news *out, uint32_t max);

/* Applies news of another tracker, whatever the user's limit is. News older than the entry here
 * changes nothing. */
void slots_hear(struct slots *s, const struct slots_news *n);

#endif
