/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Allowances count sixtieths, so that a rate per minute is their rate per second.
 */
#include "peer/core/lsd_limits.h"

#include <string.h>

#include "common/ds/siphash.h"

enum { UNIT = 60 };

void
lsd_limits_init(struct lsd_limits *l, const uint64_t key[2])
{
    *l = (struct lsd_limits){.key = {key[0], key[1]}};
}

static struct lsd_sender *
row_of(struct lsd_limits *l, const struct endpoint *from)
{
    uint8_t bytes[1 + sizeof(from->ip) + sizeof(from->zone)];

    bytes[0] = from->family;
    memcpy(bytes + 1, from->ip, sizeof(from->ip));
    memcpy(bytes + 1 + sizeof(from->ip), &from->zone, sizeof(from->zone));
    return &l->senders[siphash13(l->key, bytes, sizeof(bytes)) % LSD_SENDERS];
}

/* The sender's part comes first: what it has too much of does not count for the others. */
static bool
take(struct allowance *own, uint64_t own_max, struct allowance *all, uint64_t all_max,
     struct mono now)
{
    struct allowance_terms own_terms = {own_max, own_max * UNIT};
    struct allowance_terms all_terms = {all_max, all_max * UNIT};

    return allowance_take(own, UNIT, own_terms, now) && allowance_take(all, UNIT, all_terms, now);
}

bool
lsd_limits_packet(struct lsd_limits *l, const struct endpoint *from, struct mono now)
{
    return take(&row_of(l, from)->packets, LSD_SENDER_PACKETS, &l->all.packets, LSD_PACKETS, now);
}

bool
lsd_limits_peer(struct lsd_limits *l, const struct endpoint *from, struct mono now)
{
    return take(&row_of(l, from)->peers, LSD_SENDER_PEERS, &l->all.peers, LSD_PEERS, now);
}
