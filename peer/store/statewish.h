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
    STATE_WISH_WEB_SEEDS_MAX = 1000,
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
    bool trackers_only; /* only trackers may name peers, until the metainfo says that the torrent is
                           not private */
    char *only;         /* "0,2,4-6": files that a magnet link chooses (BEP 53), to be applied when
                           the metainfo is known; NULL: all */
    char **web_seeds;   /* of a magnet link */
    size_t web_seed_count;
};

/* A wish as it is stored; struct state_update takes it. */
struct state_wish_row {
    int seed;
    double ratio;
    int flags;
    char *trackers, *peers, *web_seeds; /* one per line */
    char *only;                         /* NULL: none */
};

/* Makes the row of |wish|, to be freed with state_wish_row_fini(), which is due after errors too.
 * INVAL for more than STATE_WISH_TRACKERS_MAX trackers, STATE_WISH_PEERS_MAX peers or
 * STATE_WISH_WEB_SEEDS_MAX web seeds, or for one of them that contains a line break; NOMEM. */
int state_wish_row_init(struct state_wish_row *row, const struct state_wish *wish,
                        struct errbuf *eb);
void state_wish_row_fini(struct state_wish_row *row);

/* Returns 0 and |*out|, which the caller frees with state_wish_fini(); NOTFOUND if no wish was
 * stored; DB, NOMEM. */
int state_load_wish(struct state *st, int64_t id, struct state_wish *out, struct errbuf *eb);
void state_wish_fini(struct state_wish *wish);

#endif
