/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The announces of a torrent.
 */
#ifndef PEER_TORRENT_TORRENT_TRACK_H
#define PEER_TORRENT_TORRENT_TRACK_H

#include "peer/net/tracker_client.h"
#include "peer/torrent/torrent_impl.h"

/* An announce under way. */
struct torrent_ask {
    struct list link;
    struct torrent *torrent;
    uint32_t job;
    struct tracker_ask *ask; /* NULL: the announce could not be made, and fails soon */
    struct loop_timer *slow; /* reports to the user that the tracker has not answered; NULL: no
                                report is due */
    bool told;               /* the report was made */
    bool stopped;            /* the announce says "stopped": no reply is needed */
};

/* Carries out ANNOUNCE: the core, or the announcer of a torrent at rest, receives the result later.
 */
void track_announce(struct torrent *t, const struct swarm_effect *fx);
/* Fails all announces under way, because their time is over. */
void track_cancel(struct torrent *t);
/* Adds a tracker, and announces to it. */
void track_add_tracker(struct torrent *t, const char *url);
/* Tells the user, once, of trackers whose scheme is not supported. */
void track_say_unsupported(struct torrent *t);
/* Drops all announces under way. */
void track_fini(struct torrent *t);

#endif
