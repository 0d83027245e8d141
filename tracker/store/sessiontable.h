/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The table of sessions (session.h) in the registry's database: a row for each session that is not
 * forgotten yet. The last segment, which nearly every session has alone, stands in columns; the
 * segments before it, and all but the last "started", are packed into one blob.
 *
 *  blob  u8 version, u64 up, u64 down, u64 time of what is sealed, u8 count of starts and as many
 *        u64, then for each segment, oldest first: u64 top up, u64 its time, u64 top down, u64 its
 *        time, u64 stop up, u64 stop down, u64 time of the cut, u8 fell. Numbers are big-endian
 */
#ifndef TRACKER_STORE_SESSIONTABLE_H
#define TRACKER_STORE_SESSIONTABLE_H

#include "tracker/core/allowance.h"
#include "tracker/core/session.h"
#include "tracker/store/accounts.h"
#include "tracker/store/registry.h"

/* What the accounts need to know of a session's torrent and user. */
struct sessiontable_owner {
    bool freeleech;
    int64_t seen_s; /* of the user's last announce of any torrent */
    struct allowance line;
};

/* 1: |*s| and |*owner| are filled, and |*s| is all zero for a session without a row; 0: the
 * database knows no such user or torrent. */
int sessiontable_read(struct registry *r, const struct ledger_key *k, struct session *s,
                      struct sessiontable_owner *owner, struct errbuf *eb);

int sessiontable_write(struct registry *r, const struct ledger_key *k, const struct session *s,
                       struct errbuf *eb);

/* Looks at the next |rows| rows behind |*at| and deletes those of sessions that were last seen
 * before |before|, unix seconds. At the end of the table |*at| is all zero again. Within a
 * transaction. */
int sessiontable_forget(struct registry *r, int64_t before, uint32_t rows,
                        struct accounts_forgetter *at, struct errbuf *eb);

#endif
