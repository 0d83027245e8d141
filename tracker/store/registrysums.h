/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A row with sums over users, torrents, totals and signals: registry_stats() reads it instead of
 * these tables. A function that changes one of the tables must call a function of this module
 * within the same transaction, before the change. Changes by other programs are not in the sums.
 */
#ifndef TRACKER_STORE_REGISTRYSUMS_H
#define TRACKER_STORE_REGISTRYSUMS_H

#include "tracker/store/registry.h"

/* The increments of a batch of the accounts. Sums stop at ACCOUNTS_SUM_MAX. */
struct registrysums_gain {
    uint64_t uploaded, downloaded, downloaded_raw, completed, seed_s, signals;
};
int registrysums_add(struct registry *r, const struct registrysums_gain *g, struct errbuf *eb);

/* Call before a user is added. */
int registrysums_add_user(struct registry *r, bool enabled, struct errbuf *eb);
/* Call before a user is enabled or disabled; a user who is so already changes nothing. */
int registrysums_set_user(struct registry *r, int64_t user, bool enabled, struct errbuf *eb);

/* Call before a torrent is registered: a new one if |torrent| is 0, else one that may have been
 * removed. */
int registrysums_add_torrent(struct registry *r, int64_t torrent, struct errbuf *eb);
/* Call before a torrent is removed; one that is removed already changes nothing. */
int registrysums_remove_torrent(struct registry *r, int64_t torrent, struct errbuf *eb);

#endif
