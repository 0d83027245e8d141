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

/* A wish as it is stored; struct state_update takes it. */
struct state_wish_row {
    int seed;
    double ratio;
    int flags;
    char *trackers, *peers; /* one per line */
};

/* Makes the row of |wish|, to be freed with state_wish_row_fini(), which is due after errors too.
 * INVAL for more than STATE_WISH_TRACKERS_MAX trackers or STATE_WISH_PEERS_MAX peers, or for a
 * tracker or peer that contains a line break; NOMEM. */
int state_wish_row_init(struct state_wish_row *row, const struct state_wish *wish,
                        struct errbuf *eb);
void state_wish_row_fini(struct state_wish_row *row);

/* Returns 0 and |*out|, which the caller frees with state_wish_fini(); NOTFOUND if no wish was
 * stored; DB, NOMEM. */
int state_load_wish(struct state *st, int64_t id, struct state_wish *out, struct errbuf *eb);
void state_wish_fini(struct state_wish *wish);

#endif
