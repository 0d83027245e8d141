/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Shares the users' slots among the trackers of a private fleet: each tracker sends the others
 * which users leech which torrents, so that a limit applies to the whole fleet. The others learn of
 * it in the next round of their courier; a user who announces to several trackers within that time
 * can exceed the limit.
 */
#ifndef TRACKER_DAEMON_SLOTSHARE_H
#define TRACKER_DAEMON_SLOTSHARE_H

#include "tracker/core/branchwire.h"
#include "tracker/core/seal.h"
#include "tracker/net/members.h"
#include "tracker/net/redis_stream.h"

enum { SLOTSHARE_KEEP = 4096 }; /* messages that stay in Redis, for trackers that start */

/* Embedded; private. */
struct slotshare {
    struct members *members;
    uint64_t run; /* of this tracker, to recognize its own messages when they are read back */
    struct seal seal;
    char key[BRANCHWIRE_KEY_MAX + 1];
    struct redis_id last;
    struct buf message;
    struct slots_news news[BRANCHWIRE_NEWS_MAX];
};

/* |name| is that of the cluster. News older than members_silence_s() is ignored. */
void slotshare_init(struct slotshare *s, struct members *m, const char *name, uint64_t run,
                    const struct seal *seal);
void slotshare_fini(struct slotshare *s);

/* Sends the news of this tracker and receives those of the others. Errors as in redis_stream.h. */
int slotshare_round(struct slotshare *s, struct redis_call *c, struct errbuf *eb);

#endif
