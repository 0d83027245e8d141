/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Connections are few: who may have one, and whose is given to another.
 */
#include "peer/core/swarm_impl.h"

#include "common/base/err.h"

bool
room_site_full(struct swarm *s, const struct endpoint *addr)
{
    struct endpoint site = endpoint_site(addr);
    uint32_t iter = 0, count = 0;
    struct swarm_peer *p;

    if (endpoint_scope(addr) == SCOPE_LOOPBACK)
        return false;
    while ((p = slotmap_next(&s->peers, &iter)) != NULL) {
        struct endpoint other = endpoint_site(&p->addr);

        count += endpoint_same_host(&other, &site);
    }
    return count >= SWARM_SITE_PEERS_MAX;
}

/* Two who both only give. A seed that is not told of a piece that it could give does not say so. */
static bool
is_pointless(const struct swarm *s, const struct swarm_peer *p)
{
    return picker_missing(s->picker) == 0 && !p->up.interested &&
           (p->ext.upload_only || peer_is_seed(p));
}

bool
room_keep(struct swarm *s, struct swarm_peer *p)
{
    peerlist_on_seed(s->list, p->number, p->ext.upload_only || peer_is_seed(p));
    if (!is_pointless(s, p))
        return true;
    peer_close(s, p, SPRAT_E_CANCELLED);
    return false;
}

/* Who wants nothing and gave and took nothing for longest, if that is long. */
static struct swarm_peer *
find_useless(struct swarm *s)
{
    struct swarm_peer *found = NULL, *p;
    uint32_t iter = 0;

    while ((p = slotmap_next(&s->peers, &iter)) != NULL)
        if (p->state == PEER_UP && !p->up.interested &&
            mono_diff_ms(s->clock.now, p->used) > SWARM_USELESS_MS &&
            (found == NULL || mono_before(p->used, found->used)))
            found = p;
    return found;
}

/* Silent connections alone must not keep a torrent from everybody else. */
bool
room_make(struct swarm *s)
{
    struct swarm_peer *p;

    if (s->peers.count - s->load.half_open < s->cfg.peers_max)
        return true;
    p = find_useless(s);
    if (p != NULL)
        peer_close(s, p, SPRAT_E_LIMIT);
    return p != NULL;
}
