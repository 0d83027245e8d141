/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What was asked for when a torrent was given to spratd, so that it does the same after a restart.
 */
#ifndef PEER_STORE_STATEWISH_H
#define PEER_STORE_STATEWISH_H

#include "peer/store/state.h"

enum {
    STATE_WISH_TRACKERS_MAX = 1000,
    STATE_WISH_PEERS_MAX = 1000,
};

struct state_wish {
    int seed; /* the session's enum seed_policy, as a number */
    double ratio;
    bool sequential, super_seed;
    char **trackers; /* beside those of the metainfo */
    size_t tracker_count;
    char **peers; /* "HOST:PORT", as they were named */
    size_t peer_count;
    bool reserve; /* room on the disk is taken before the download */
    bool worknames; /* its files have working names until they are complete (workname.h) */
};

/* Stores it for torrent |id|, instead of an earlier one. INVAL for more than
 * STATE_WISH_TRACKERS_MAX trackers or STATE_WISH_PEERS_MAX peers, or one with a line break; DB. */
int state_put_wish(struct state *st, int64_t id, const struct state_wish *wish, struct errbuf *eb);

/* 0 and |*out|, to be freed with state_wish_fini(); NOTFOUND if none was stored; DB, NOMEM. */
int state_load_wish(struct state *st, int64_t id, struct state_wish *out, struct errbuf *eb);
void state_wish_fini(struct state_wish *wish);

/* Stores of torrent |id| that its files can have working names, and leaves all else. DB. */
int state_keep_worknames(struct state *st, int64_t id, struct errbuf *eb);

#endif
