/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The slots of a private fleet's users: what each tracker notes of who leeches what goes to the
 * others, so that a limit holds wherever a client announces. It takes as long as a courier's round;
 * who is quicker gets a torrent more.
 */
#ifndef TRACKER_DAEMON_SLOTSHARE_H
#define TRACKER_DAEMON_SLOTSHARE_H

#include "tracker/core/branchwire.h"
#include "tracker/core/seal.h"
#include "tracker/net/members.h"
#include "tracker/net/redis_stream.h"

enum { SLOTSHARE_KEEP = 4096 }; /* messages in Redis, for trackers that start */

/* Embedded; private. */
struct slotshare {
    struct members *members;
    uint64_t run; /* whose own news come back too */
    struct seal seal;
    char key[BRANCHWIRE_KEY_MAX + 1];
    struct redis_id last;
    struct buf message;
    struct slots_news news[BRANCHWIRE_NEWS_MAX];
};

/* |name|: the cluster's. News that are older than members_silence_s() count no more. */
void slotshare_init(struct slotshare *s, struct members *m, const char *name, uint64_t run,
                    const struct seal *seal);
void slotshare_fini(struct slotshare *s);

/* Tells the own news and hears the others'. Errors of redis_stream.h. */
int slotshare_round(struct slotshare *s, struct redis_call *c, struct errbuf *eb);

#endif
