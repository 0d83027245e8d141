/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Leaves (the SHA-256 of each block of a piece) that are being read from disk: to find out who sent
 * a bad block, and to answer hash requests of peers. Few reads are under way at a time.
 */
#include "peer/core/swarm_leaves.h"

#include "peer/core/swarm_fx.h"

static bool
is_reading(const struct swarm *s, uint32_t piece)
{
    for (uint32_t i = 0; i < s->pieces.reading_count; i++)
        if (s->pieces.reading[i].piece == piece)
            return true;
    return false;
}

static bool
begin_reading(struct swarm *s, uint32_t piece, bool serves)
{
    if (s->pieces.reading_count == LEAF_READS_MAX)
        return false;
    s->pieces.reading[s->pieces.reading_count++] = (struct leaf_read){piece, serves};
    s->pieces.serving += serves;
    fx_push(s, SWARM_FX_LEAVES, SLOT_NONE)->u.range.piece = piece;
    return true;
}

bool
leaves_read(struct swarm *s, uint32_t piece)
{
    return is_reading(s, piece) || begin_reading(s, piece, false);
}

bool
leaves_read_for(struct swarm *s, uint32_t piece, const struct swarm_peer *p)
{
    uint64_t bytes = geometry_data(&s->geo, piece);

    if (is_reading(s, piece))
        return true;
    if (s->pieces.serving == LEAF_SERVES_MAX ||
        !sitebudget_fits(s->sites, SITEBUDGET_READS, &p->at.addr, bytes, s->clock.now) ||
        !begin_reading(s, piece, true))
        return false;
    sitebudget_charge(s->sites, SITEBUDGET_READS, &p->at.addr, bytes);
    return true;
}

void
leaves_on_read(struct swarm *s, uint32_t piece)
{
    for (uint32_t i = 0; i < s->pieces.reading_count; i++) {
        if (s->pieces.reading[i].piece != piece)
            continue;
        s->pieces.serving -= s->pieces.reading[i].serves;
        s->pieces.reading[i] = s->pieces.reading[--s->pieces.reading_count];
        return;
    }
}
