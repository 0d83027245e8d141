/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The gate of a private tracker: the checks of a service before an announce or scrape, and the
 * accounting after it. The gate knows which table to use in which order; their owner,
 * tracker/net/members.h, knows the locks. Without a gate the tracker is open.
 */
#ifndef TRACKER_CORE_GATE_H
#define TRACKER_CORE_GATE_H

#include "common/base/mono.h"
#include "tracker/core/access.h"
#include "tracker/core/ledger.h"
#include "tracker/core/passkey.h"
#include "tracker/core/quota.h"
#include "tracker/core/slots.h"
#include "tracker/core/tracker.h"
#include "tracker/core/userrate.h"

/* The tables about the users of one stripe. */
struct gate_books {
    struct ledger ledger;
    struct slots slots;
    struct quota quota;
    struct userrate rate;
};

/* The functions that lock the tables. */
struct tracker_gate {
    void *ctx; /* NULL without a gate; then no function below is called */
    /* The table of users and torrents, locked for reading until leave(). */
    const struct access *(*enter)(void *ctx);
    /* Must be called before the caller waits for anything; allowed without an enter() before. */
    void (*leave)(void *ctx);
    /* The tables of |user|'s stripe, locked for the caller until it closes them. */
    struct gate_books *(*open_books)(void *ctx, uint32_t user);
    void (*close_books)(void *ctx, uint32_t user);
    /* |now| in Unix seconds. */
    int64_t (*unix_s)(void *ctx, struct mono now);
};

/* An announce or scrape while it passes the gate. */
struct gate_pass {
    struct access_ask ask;
    struct access_grant grant;
    struct gate_books *books; /* locked from gate_open() to gate_close(); else NULL */
    struct ledger_key key;
    uint32_t key_hash;
    bool looked_ahead;
    bool has_key; /* |key| and |key_hash| are set */
    bool again;   /* the announce waited and is tried again; it counts for the user's rate once */
};

/* Makes a pass for the request |r| about |info_hash|; both are borrowed. */
static inline void
gate_pass_init(struct gate_pass *p, const struct passkey_request *r, const uint8_t *info_hash)
{
    p->ask.passkey = r->form == PASSKEY_GIVEN ? r->key : NULL;
    p->ask.info_hash = info_hash;
    p->looked_ahead = p->has_key = p->again = false;
    p->books = NULL;
}

/* Optional prefetches for a batch of passes: call each function for all passes, in this order and
 * during the same visit. |peer_id| is that of the announce. */
void gate_look_ahead(const struct tracker_gate *gate, struct gate_pass *p);
void gate_look_closer(const struct tracker_gate *gate, const struct gate_pass *p);
void gate_look_into_books(const struct tracker_gate *gate, struct gate_pass *p,
                          const uint8_t peer_id[TRACKER_PEER_ID_LEN]);

/* Checks an announce by the table of users and torrents. After a refusal here or in gate_open(),
 * gate_reason() has the reason. |p| is the pass of |r| and of the announce's info-hash. */
enum access_refusal gate_admit(const struct tracker_gate *gate, const struct passkey_request *r,
                               const struct tracker_announce *a, struct mono now,
                               struct gate_pass *p);

/* Locks the tables of the user's stripe for an announce that gate_admit() has granted, and checks
 * quota and slots. If it grants the announce too, they stay locked until gate_close(), so that an
 * announce takes the lock once. The tracker of the announce must be entered before, since locks are
 * always taken in the same order. */
enum access_refusal gate_open(const struct tracker_gate *gate, const struct tracker_announce *a,
                              struct mono now, struct gate_pass *p);

/* Unlocks the tables if they are locked. */
void gate_close(const struct tracker_gate *gate, struct gate_pass *p);

/* Checks a scrape. */
enum access_refusal gate_admit_scrape(const struct tracker_gate *gate,
                                      const struct passkey_request *r, struct mono now);

/* What the swarm needs for the answer to an admitted announce. Call before leave(). */
void gate_fill_answer(const struct tracker_gate *gate, const struct gate_pass *p,
                      struct tracker_answer *ans);

/* Whether scrapes show this torrent. Call after gate_admit_scrape() and before leave(). */
bool gate_shows(const struct tracker_gate *gate, const uint8_t hash[TRACKER_HASH_LEN]);

/* Records an announce that the swarm has accepted: the ledger gets its counters, and a peer that
 * does not leech frees its slot. To be called between gate_open() and gate_close().
 * |leechers_age_s|: seconds since the swarm last had a leecher. ACCESS_BUSY: the ledger is full,
 * and the announce must be refused. */
enum access_refusal gate_note(const struct tracker_gate *gate, const struct tracker_announce *a,
                              const struct gate_pass *p, uint32_t leechers_age_s, struct mono now);

/* The text of a refusal, in |out| or static. Call before leave(). */
const char *gate_reason(enum access_refusal r, const struct gate_pass *p,
                        char out[TRACKER_TEXT_MAX + 1]);

#endif
