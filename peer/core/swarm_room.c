/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The swarm's judgement of its connections.
 */
#include "peer/core/swarm_room.h"

#include "common/base/err.h"
#include "peer/core/swarm_conns.h"
#include "peer/core/swarm_upload.h"

static bool
only_gives(const struct swarm_peer *p)
{
    return p->at.ext.upload_only || peer_is_seed(p);
}

/* A connection is worth its rate to us while we miss pieces, else our rate to it. */
void
room_view(const void *swarm, const struct crowd_peer *at, struct crowd_view *v)
{
    const struct swarm *s = swarm;
    const struct swarm_peer *p = peer_of(at);
    const struct rate_meter *m = picker_missing(s->picker) > 0 ? &p->down.meter : &p->up.meter;

    *v = (struct crowd_view){.seed = only_gives(p),
                             .wants = p->up.interested,
                             .owes = p->down.pipe.snubbed,
                             .wasted = upload_is_wasted_on(s, p),
                             .worth = rate_meter_rate(m, s->clock.now)};
}

/* Both sides are upload-only. A super-seeding peer does not announce that it is a seed. */
void
room_review(struct swarm *s, struct swarm_peer *p)
{
    crowd_on_seed(s->crowd, &p->at, only_gives(p));
    if (picker_missing(s->picker) == 0 && !p->up.interested && only_gives(p))
        peer_doom(s, p, SPRAT_E_CANCELLED);
}
