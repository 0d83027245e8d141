/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The vote over our address. A vote names only the address: behind some routers each node sees
 * another port.
 */
#include "peer/core/dht_self.h"

#include "peer/core/dht_net.h"

static void
adopt(struct dht_self *self, const struct endpoint *external, struct rng *rng)
{
    self->external = *external;
    self->external.port = 0;
    self->external.zone = 0;
    if (external->family != IP_NONE && !dht_id_valid(self->id, external))
        dht_id_make(self->id, external, (uint8_t)rng_u32(rng), rng);
}

void
dht_self_init(struct dht_self *self, const uint8_t *id, const struct endpoint *external,
              struct rng *rng)
{
    *self = (struct dht_self){.certain = external->family != IP_NONE};
    if (id != NULL)
        memcpy(self->id, id, DHT_ID_LEN);
    else
        rng_fill(rng, self->id, DHT_ID_LEN);
    adopt(self, external, rng);
}

bool
dht_self_set(struct dht_self *self, const struct endpoint *external, struct rng *rng)
{
    uint8_t before[DHT_ID_LEN];

    self->certain = external->family != IP_NONE;
    if (!self->certain)
        return false;
    memcpy(before, self->id, DHT_ID_LEN);
    adopt(self, external, rng);
    return !dht_id_equal(before, self->id);
}

static unsigned
votes_for(const struct dht_self *self, const struct endpoint *says)
{
    unsigned n = 0;

    for (unsigned i = 0; i < self->count; i++)
        n += endpoint_same_host(&self->votes[i].says, says);
    return n;
}

/* The entry for a vote: the former one of the same site, the oldest of the same network if that has
 * DHT_VOTES_NETWORK_MAX, or the oldest of all. */
static struct dht_vote *
entry_for(struct dht_self *self, uint64_t site, uint64_t network)
{
    struct dht_vote *oldest = NULL;
    unsigned of_network = 0;

    for (unsigned i = 0; i < self->count; i++) {
        /* From the oldest to the newest. */
        struct dht_vote *v = &self->votes[(self->turn + i) % self->count];

        if (v->site == site)
            return v;
        if (v->network == network && of_network++ == 0)
            oldest = v;
    }
    if (of_network >= DHT_VOTES_NETWORK_MAX)
        return oldest;
    if (self->count < DHT_VOTES)
        return &self->votes[self->count++];
    oldest = &self->votes[self->turn];
    self->turn = (self->turn + 1) % DHT_VOTES;
    return oldest;
}

bool
dht_self_vote(struct dht_self *self, const struct endpoint *voter, const struct endpoint *says,
              struct rng *rng, struct mono now)
{
    struct dht_vote vote = {.site = dht_site(voter), .network = dht_network(voter), .says = *says};
    unsigned votes;

    if (says->family != voter->family)
        return false;
    vote.says.port = 0;
    vote.says.zone = 0;
    *entry_for(self, vote.site, vote.network) = vote;
    votes = votes_for(self, &vote.says);
    if (self->certain || endpoint_same_host(&self->external, &vote.says) || votes < DHT_VOTES_MIN ||
        votes * 2 <= self->count ||
        (self->voted && mono_diff_ms(now, self->changed) < DHT_SELF_CHANGE_MS))
        return false;
    self->voted = true;
    self->changed = now;
    adopt(self, &vote.says, rng);
    return true;
}
