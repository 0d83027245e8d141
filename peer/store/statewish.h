/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Stores the options with which a torrent was added to spratd, so that spratd applies them again
 * after a restart.
 */
#ifndef PEER_STORE_STATEWISH_H
#define PEER_STORE_STATEWISH_H

#include "peer/store/state.h"

enum {
    STATE_WISH_TRACKERS_MAX = 1000,
    STATE_WISH_PEERS_MAX = 1000,
};

struct state_wish {
    int seed; /* enum seed_policy, as a number */
    double ratio;
    bool sequential, super_seed;
    char **trackers; /* trackers besides those of the metainfo */
    size_t tracker_count;
    char **peers; /* "HOST:PORT", as the user wrote them */
    size_t peer_count;
    bool reserve; /* disk space is allocated before the download */
    bool worknames; /* the files have working names until they are complete (workname.h) */
};

/* Stores |wish| for torrent |id| and replaces an earlier one. INVAL for more than
 * STATE_WISH_TRACKERS_MAX trackers or STATE_WISH_PEERS_MAX peers, or for a tracker or peer that
 * contains a line break; DB. */
int state_put_wish(struct state *st, int64_t id, const struct state_wish *wish, struct errbuf *eb);

/* Returns 0 and |*out|, which the caller frees with state_wish_fini(); NOTFOUND if no wish was
 * stored; DB, NOMEM. */
int state_load_wish(struct state *st, int64_t id, struct state_wish *out, struct errbuf *eb);
void state_wish_fini(struct state_wish *wish);

/* Stores that the files of torrent |id| can have working names, and changes nothing else. DB. */
int state_keep_worknames(struct state *st, int64_t id, struct errbuf *eb);

#endif
