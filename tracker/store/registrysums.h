/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One row of sums over users, torrents, totals and signals, so that nobody has to read these tables
 * to tell their sums: registry_stats() reads the row. Whoever changes one of the tables says so
 * here, within the same transaction and before the change. A change that is made with another
 * program than this one is not in the sums.
 */
#ifndef TRACKER_STORE_REGISTRYSUMS_H
#define TRACKER_STORE_REGISTRYSUMS_H

#include "tracker/store/registry.h"

/* What the accounts add. Sums stop at ACCOUNTS_SUM_MAX. */
struct registrysums_gain {
    uint64_t uploaded, downloaded, downloaded_raw, completed, seed_s, signals;
};
int registrysums_add(struct registry *r, const struct registrysums_gain *g, struct errbuf *eb);

/* A user is added. */
int registrysums_add_user(struct registry *r, bool enabled, struct errbuf *eb);
/* A user becomes enabled or disabled, if it is not already. */
int registrysums_set_user(struct registry *r, int64_t user, bool enabled, struct errbuf *eb);

/* A torrent is registered: a new one if |torrent| is 0, else one that was perhaps removed. */
int registrysums_add_torrent(struct registry *r, int64_t torrent, struct errbuf *eb);
/* A torrent is removed, if it is not already. */
int registrysums_remove_torrent(struct registry *r, int64_t torrent, struct errbuf *eb);

#endif
