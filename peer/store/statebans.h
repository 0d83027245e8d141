/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The banned sites (core/bans.h) in the state database, so that a ban outlasts the process. A ban
 * is stored with the Unix time of its end. The system's clock can be wrong or be set, so the caller
 * says how long a ban can last from now: a stored ban that would last longer was stored by a wrong
 * clock, and is shortened.
 */
#ifndef PEER_STORE_STATEBANS_H
#define PEER_STORE_STATEBANS_H

#include "peer/store/state.h"

enum { STATE_BANS_MAX = 4096 }; /* stored bans; the ban that ends first is dropped first */

struct state_ban {
    struct endpoint site; /* endpoint_site(); the port and the zone are not stored */
    int64_t until;        /* unix seconds */
};

/* Reads the bans that end after |now| (unix seconds), the latest end first, into |out|
 * (STATE_BANS_MAX entries). Returns their number, or an error. Deletes all other bans, and shortens
 * a ban that ends after |latest|, the end of a ban that begins now. Waits for the commit: for the
 * start. */
int state_load_bans(struct state *st, int64_t now, int64_t latest, struct state_ban *out,
                    struct errbuf *eb);

/* Stores |count| bans on the database's thread; |bans| is copied. A ban that is stored already gets
 * the later end. Deletes the bans that ended by |now|, and those beyond STATE_BANS_MAX. |done| as
 * in state_apply_async(). NOMEM, AGAIN. */
int state_put_bans_async(struct state *st, const struct state_ban *bans, size_t count, int64_t now,
                         struct doneq *q, state_done_fn done, void *user);

#endif
