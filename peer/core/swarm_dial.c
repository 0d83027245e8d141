/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The crowd chooses the addresses, within its limits; here they become CONNECT effects.
 */
#include "peer/core/swarm_dial.h"

#include "peer/core/crowd_fx.h"
#include "peer/core/swarm_conns.h"

/* A seed does not dial seeds. */
unsigned
dial_without(const struct swarm *s)
{
    return picker_missing(s->picker) == 0 ? PEERLIST_NO_SEEDS : 0;
}

static struct swarm_peer *
join(struct swarm *s, uint32_t number)
{
    struct swarm_peer *p = peer_new(s);

    if (p != NULL && !crowd_join_dialled(s->crowd, &p->at, number, s->clock.now)) {
        peer_free(p);
        return NULL;
    }
    return p;
}

void
dial_due(struct swarm *s)
{
    uint32_t number;

    while ((number = crowd_next_dial(s->crowd, dial_without(s), s->clock.now)) != PEERLIST_NONE) {
        struct swarm_peer *p = join(s, number);

        if (p == NULL)
            return;
        crowd_fx_connect(&s->fx, &p->at);
    }
}
