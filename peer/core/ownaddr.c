/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A vote over our address. The winner stays until another address has more votes.
 */
#include "peer/core/ownaddr.h"

void
ownaddr_init(struct ownaddr *o, uint16_t port)
{
    *o = (struct ownaddr){.port = port};
}

/* The entry for this voter's vote: its previous one, or the oldest. */
static struct ownaddr_vote *
place_of(struct ownaddr_family *f, const struct endpoint *site)
{
    struct ownaddr_vote *v;

    for (unsigned i = 0; i < f->count; i++)
        if (endpoint_same_host(&f->votes[i].voter, site))
            return &f->votes[i];
    v = &f->votes[f->turn];
    f->turn = (f->turn + 1) % OWNADDR_VOTES;
    f->count += f->count < OWNADDR_VOTES;
    return v;
}

static unsigned
votes_for(const struct ownaddr_family *f, const struct endpoint *who)
{
    unsigned n = 0;

    for (unsigned i = 0; i < f->count; i++)
        n += endpoint_same_host(&f->votes[i].says, who);
    return n;
}

/* The first address may be chosen at any time. */
static bool
may_change(const struct ownaddr_family *f, struct mono now)
{
    return f->chosen.family == IP_NONE ||
           mono_diff_ms(now, f->chosen_at) >= OWNADDR_CHANGE_MS;
}

bool
ownaddr_vote(struct ownaddr *o, const struct endpoint *voter, const struct endpoint *says,
             struct mono now)
{
    struct ownaddr_family *f = &o->families[says->family == IP_V6];
    struct endpoint site = endpoint_site(voter);

    if (says->family == IP_NONE)
        return false;
    *place_of(f, &site) = (struct ownaddr_vote){.voter = site, .says = *says};
    if (!may_change(f, now) || endpoint_same_host(&f->chosen, says) ||
        votes_for(f, says) <= votes_for(f, &f->chosen))
        return false;
    f->chosen_at = now;
    f->chosen = *says;
    f->chosen.port = o->port;
    return true;
}

const struct endpoint *
ownaddr_get(const struct ownaddr *o, enum ip_family family)
{
    return &o->families[family == IP_V6].chosen;
}
