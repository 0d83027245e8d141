/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Checks run in the order of their cost, and so that the reason that helps the user most comes
 * first.
 */
#include "tracker/core/gate.h"

#include <stdio.h>
#include <string.h>

void
gate_look_ahead(const struct tracker_gate *gate, struct gate_pass *p)
{
    access_look_ahead(gate->enter(gate->ctx), &p->ask);
    p->looked_ahead = true;
}

void
gate_look_closer(const struct tracker_gate *gate, const struct gate_pass *p)
{
    access_look_closer(gate->enter(gate->ctx), &p->ask);
}

void
gate_look_into_books(const struct tracker_gate *gate, struct gate_pass *p,
                     const uint8_t peer_id[TRACKER_PEER_ID_LEN])
{
    struct gate_books *b;

    if (!access_find_ids(gate->enter(gate->ctx), &p->ask, &p->key.user, &p->key.torrent))
        return;
    memcpy(p->key.peer_id, peer_id, sizeof(p->key.peer_id));
    b = gate->open_books(gate->ctx, p->key.user);
    p->key_hash = ledger_prefetch(&b->ledger, &p->key);
    quota_prefetch(&b->quota, p->key.user, p->key.torrent);
    gate->close_books(gate->ctx, p->key.user);
    p->has_key = true;
}

static enum access_refusal
check_user(const struct tracker_gate *gate, const struct passkey_request *r, struct mono now,
           struct gate_pass *p)
{
    p->grant = (struct access_grant){0};
    if (r->form == PASSKEY_BAD)
        return ACCESS_UNKNOWN_PASSKEY;
    if (!p->looked_ahead)
        gate_look_ahead(gate, p);
    return access_check_user(gate->enter(gate->ctx), &p->ask, gate->unix_s(gate->ctx, now),
                             &p->grant);
}

static bool
leeches(const struct tracker_announce *a)
{
    return a->left > 0 && a->event != TRACKER_EVENT_STOPPED;
}

static enum access_refusal
check_quota(struct gate_books *b, const struct tracker_announce *a, const struct gate_pass *p,
            int64_t unix_s)
{
    switch (quota_take(&b->quota, p->grant.user, p->grant.torrent, p->key_hash,
                       a->event == TRACKER_EVENT_STOPPED, unix_s)) {
    case QUOTA_WITHIN: return ACCESS_GRANTED;
    case QUOTA_USER: return ACCESS_SESSIONS;
    case QUOTA_TORRENT: return ACCESS_TORRENT_SESSIONS;
    case QUOTA_NOMEM: return ACCESS_BUSY;
    }
    return ACCESS_BUSY;
}

void
gate_close(const struct tracker_gate *gate, struct gate_pass *p)
{
    if (p->books != NULL)
        gate->close_books(gate->ctx, p->grant.user);
    p->books = NULL;
}

/* Prefetches the ledger entry of the announce, so that it is in the cache when the swarm has
 * answered. A session beyond the quota is refused before it gets an entry in the ledger, and with
 * it a row in the database. */
enum access_refusal
gate_open(const struct tracker_gate *gate, const struct tracker_announce *a, struct mono now,
          struct gate_pass *p)
{
    const struct access_grant *g = &p->grant;
    struct gate_books *b = gate->open_books(gate->ctx, g->user);
    int64_t unix_s = gate->unix_s(gate->ctx, now);
    enum access_refusal no;

    if (!p->again && !userrate_allow(&b->rate, g->user, now)) {
        gate->close_books(gate->ctx, g->user);
        return ACCESS_RATE;
    }
    if (p->has_key) {
        ledger_prefetch_entry(&b->ledger, p->key_hash);
    } else {
        p->key = ledger_key_of(a, g->user, g->torrent);
        p->key_hash = ledger_prefetch(&b->ledger, &p->key);
    }
    no = check_quota(b, a, p, unix_s);
    if (no == ACCESS_GRANTED && g->slots > 0 && leeches(a) &&
        !slots_take(&b->slots, g->user, g->torrent, g->slots, unix_s))
        no = ACCESS_SLOTS;
    p->books = b;
    if (no != ACCESS_GRANTED)
        gate_close(gate, p);
    return no;
}

enum access_refusal
gate_admit(const struct tracker_gate *gate, const struct passkey_request *r,
           const struct tracker_announce *a, struct mono now, struct gate_pass *p)
{
    enum access_refusal no = check_user(gate, r, now, p);

    if (no == ACCESS_GRANTED)
        no = access_check_announce(gate->enter(gate->ctx), &p->ask, a, &p->grant);
    return no;
}

void
gate_fill_answer(const struct tracker_gate *gate, const struct gate_pass *p,
                 struct tracker_answer *ans)
{
    struct access_disabled disabled;

    access_disabled(gate->enter(gate->ctx), &disabled);
    ans->user = p->grant.user;
    ans->hidden = (struct select_hidden){.bits = disabled.bits, .count = disabled.count};
}

enum access_refusal
gate_admit_scrape(const struct tracker_gate *gate, const struct passkey_request *r, struct mono now)
{
    struct gate_pass p;

    gate_pass_init(&p, r, NULL);
    return check_user(gate, r, now, &p);
}

bool
gate_shows(const struct tracker_gate *gate, const uint8_t hash[TRACKER_HASH_LEN])
{
    return access_find_visible(gate->enter(gate->ctx), hash) != 0;
}

enum access_refusal
gate_note(const struct tracker_gate *gate, const struct tracker_announce *a,
          const struct gate_pass *p, uint32_t leechers_age_s, struct mono now)
{
    const struct access_grant *g = &p->grant;
    struct ledger_note note = {
        .key = p->key,
        .hash = p->key_hash,
        .unix_s = gate->unix_s(gate->ctx, now),
        .named_client = g->named_client,
    };
    int err;

    note.leechers_s = note.unix_s - leechers_age_s;
    err = ledger_put(&p->books->ledger, a, &note);
    if (g->slots > 0 && !leeches(a))
        slots_leave(&p->books->slots, g->user, g->torrent, note.unix_s);
    return err == 0 ? ACCESS_GRANTED : ACCESS_BUSY;
}

const char *
gate_reason(enum access_refusal r, const struct gate_pass *p, char out[TRACKER_TEXT_MAX + 1])
{
    if (r != ACCESS_REMOVED)
        return access_refusal_text(r);
    snprintf(out, TRACKER_TEXT_MAX + 1, "%s%s", access_refusal_text(r), p->grant.removed);
    return out;
}
