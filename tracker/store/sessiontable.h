/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The table of sessions (session.h) in the registry's database: a row for each session until it is
 * forgotten (accounts.h). The last segment has columns of its own, since nearly every session has
 * one segment only; the segments before it, and all but the last "started", are packed into one
 * blob.
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

/* Columns of a session's torrent and user that the accounts need. */
struct sessiontable_owner {
    bool freeleech;
    int64_t seen_s; /* of the user's last announce of any torrent */
    struct allowance line;
};

/* Reads a session and its owner. Returns 1 if both are filled, |*s| with zeros for a session
 * without a row; 0 if the database has no such user or torrent. */
int sessiontable_read(struct registry *r, const struct ledger_key *k, struct session *s,
                      struct sessiontable_owner *owner, struct errbuf *eb);

int sessiontable_write(struct registry *r, const struct ledger_key *k, const struct session *s,
                       struct errbuf *eb);

/* Examines the next |rows| rows after |*at| and deletes those of sessions that were last seen
 * before |before|, in Unix seconds. At the end of the table |*at| is all zero again. Runs within a
 * transaction. */
int sessiontable_forget(struct registry *r, int64_t before, uint32_t rows,
                        struct accounts_forgetter *at, struct errbuf *eb);

#endif
