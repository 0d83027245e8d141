/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Questions in the order of what they cost, and of what a person wants to hear first.
 */
#include "tracker/core/gate.h"

#include <stdio.h>

static enum access_refusal
check_user(const struct tracker_gate *gate, const struct passkey_request *r, struct mono now,
           struct access_grant *g)
{
    const struct access *a = gate->enter(gate->ctx);

    *g = (struct access_grant){0};
    if (r->form == PASSKEY_BAD)
        return ACCESS_UNKNOWN_PASSKEY;
    return access_check_user(a, r->form == PASSKEY_GIVEN ? r->key : NULL,
                             gate->unix_s(gate->ctx, now), g);
}

static bool
leeches(const struct tracker_announce *a)
{
    return a->left > 0 && a->event != TRACKER_EVENT_STOPPED;
}

static bool
take_slot(const struct tracker_gate *gate, const struct access_grant *g, struct mono now)
{
    struct gate_books *b = gate->open_books(gate->ctx, g->user);
    bool got = slots_take(&b->slots, g->user, g->torrent, g->slots, gate->unix_s(gate->ctx, now));

    gate->close_books(gate->ctx, g->user);
    return got;
}

enum access_refusal
gate_admit(const struct tracker_gate *gate, const struct passkey_request *r,
           const struct tracker_announce *a, struct mono now, struct access_grant *g)
{
    enum access_refusal no = check_user(gate, r, now, g);

    if (no == ACCESS_GRANTED)
        no = access_check_announce(gate->enter(gate->ctx), a, g);
    if (no == ACCESS_GRANTED && g->slots > 0 && leeches(a) && !take_slot(gate, g, now))
        no = ACCESS_SLOTS;
    return no;
}

enum access_refusal
gate_admit_scrape(const struct tracker_gate *gate, const struct passkey_request *r,
                  struct mono now)
{
    struct access_grant g;

    return check_user(gate, r, now, &g);
}

bool
gate_shows(const struct tracker_gate *gate, const uint8_t hash[TRACKER_HASH_LEN])
{
    return access_find_visible(gate->enter(gate->ctx), hash) != 0;
}

enum access_refusal
gate_note(const struct tracker_gate *gate, const struct tracker_announce *a,
          const struct access_grant *g, uint32_t leechers_age_s, struct mono now)
{
    struct ledger_note note = {
        .user = g->user,
        .torrent = g->torrent,
        .unix_s = gate->unix_s(gate->ctx, now),
        .named_client = g->named_client,
    };
    struct gate_books *b = gate->open_books(gate->ctx, g->user);
    int err;

    note.leechers_s = note.unix_s - leechers_age_s;
    err = ledger_put(&b->ledger, a, &note);
    if (g->slots > 0 && !leeches(a))
        slots_leave(&b->slots, g->user, g->torrent);
    gate->close_books(gate->ctx, g->user);
    return err == 0 ? ACCESS_GRANTED : ACCESS_BUSY;
}

const char *
gate_reason(enum access_refusal r, const struct access_grant *g, char out[TRACKER_TEXT_MAX + 1])
{
    if (r != ACCESS_REMOVED)
        return access_refusal_text(r);
    snprintf(out, TRACKER_TEXT_MAX + 1, "%s%s", access_refusal_text(r), g->removed);
    return out;
}
