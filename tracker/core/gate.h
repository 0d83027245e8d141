/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The gate of a private tracker: what services ask before an announce or scrape and note after it.
 * The tables behind it are shared by threads; who owns them knows about locks (tracker/net/
 * members.h), this knows what is asked of them and in which order. Without a gate the tracker is
 * open.
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

/* What is kept about some of the users. */
struct gate_books {
    struct ledger ledger;
    struct slots slots;
    struct quota quota;
};

/* The way to the tables. */
struct tracker_gate {
    void *ctx; /* NULL: there is no gate, and nothing below is called */
    /* The table of who may what, until leave(): it does not change meanwhile. */
    const struct access *(*enter)(void *ctx);
    /* To be called before the caller waits for anything; without an enter() before it too. */
    void (*leave)(void *ctx);
    /* The books that have |user|, for the caller alone until it closes them. */
    struct gate_books *(*open_books)(void *ctx, uint32_t user);
    void (*close_books)(void *ctx, uint32_t user);
    /* |now| as unix seconds. */
    int64_t (*unix_s)(void *ctx, struct mono now);
};

/* An announce on its way through the gate. */
struct gate_pass {
    struct access_ask ask;
    struct access_grant grant;
    struct ledger_key key;
    uint32_t key_hash;
    bool looked_ahead;
    bool has_key; /* |key| and |key_hash| are set */
};

/* A pass for who shows |r| and announces |info_hash|; it borrows both. */
static inline void
gate_pass_init(struct gate_pass *p, const struct passkey_request *r, const uint8_t *info_hash)
{
    p->ask.passkey = r->form == PASSKEY_GIVEN ? r->key : NULL;
    p->ask.info_hash = info_hash;
    p->looked_ahead = p->has_key = false;
}

/* Optional, for who has many passes: each for all, one behind the other, in the same visit. What is
 * asked of the tables is on its way from memory then; |peer_id| is the announce's. */
void gate_look_ahead(const struct tracker_gate *gate, struct gate_pass *p);
void gate_look_closer(const struct tracker_gate *gate, const struct gate_pass *p);
void gate_look_into_books(const struct tracker_gate *gate, struct gate_pass *p,
                          const uint8_t peer_id[TRACKER_PEER_ID_LEN]);

/* May this announce be made? If not, gate_reason() says why not. |p| is of |r| and of the
 * announce's info-hash. */
enum access_refusal gate_admit(const struct tracker_gate *gate, const struct passkey_request *r,
                               const struct tracker_announce *a, struct mono now,
                               struct gate_pass *p);

/* May the holder of this passkey scrape? */
enum access_refusal gate_admit_scrape(const struct tracker_gate *gate,
                                      const struct passkey_request *r, struct mono now);

/* What the swarm must know for an answer to the announce that was admitted. Before leave(). */
void gate_fill_answer(const struct tracker_gate *gate, const struct gate_pass *p,
                      struct tracker_answer *ans);

/* Is this torrent shown in scrapes? After gate_admit_scrape(), before leave(). */
bool gate_shows(const struct tracker_gate *gate, const uint8_t hash[TRACKER_HASH_LEN]);

/* Enters an announce that was admitted and taken. |leechers_age_s|: how long ago its swarm last had
 * leechers. ACCESS_BUSY: it can't be noted, and so must be refused. */
enum access_refusal gate_note(const struct tracker_gate *gate, const struct tracker_announce *a,
                              const struct gate_pass *p, uint32_t leechers_age_s, struct mono now);

/* The sentence for a refusal, in |out| or static. Before leave(). */
const char *gate_reason(enum access_refusal r, const struct gate_pass *p,
                        char out[TRACKER_TEXT_MAX + 1]);

#endif
