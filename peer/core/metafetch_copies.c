/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Copies are few, because each may grow to the size that its peers claim. When there is no room,
 * copies take turns: the one that grows most slowly ends, and its peers wait behind the others. So
 * peers that claim sizes and then send little delay the others, and do not keep them out.
 */
#include "peer/core/metafetch_copies.h"

#include "common/base/err.h"
#include "peer/core/metafetch_request.h"

void
copies_leave(struct metafetch *m, struct metafetch_peer *p)
{
    struct metacopy *c = p->copy;

    if (c == NULL)
        return;
    request_withdraw_all(m, p);
    p->copy = NULL;
    p->waits = m->now;
    if (c->owner == p->at.id)
        metacopy_fini(c);
}

/* Doomed peers are still here, and contribute too. */
void
copies_drop(struct metafetch *m, struct metacopy *c)
{
    struct crowd_peer *at;
    uint32_t iter = 0;

    while ((at = crowd_next_any(m->crowd, &iter)) != NULL) {
        struct metafetch_peer *p = fetch_peer_of(at);

        if (p->copy != c)
            continue;
        request_withdraw_all(m, p);
        p->copy = NULL;
        p->waits = m->now;
    }
    metacopy_fini(c);
}

void
copies_drop_all(struct metafetch *m)
{
    for (uint32_t i = 0; i < METAFETCH_COPIES_MAX; i++)
        if (metacopy_in_use(&m->copies[i]))
            copies_drop(m, &m->copies[i]);
}

bool
copies_have_memory(const struct metafetch *m)
{
    uint64_t bytes = ((uint64_t)m->in_flight + 1) * METAMSG_BLOCK_LEN;

    for (uint32_t i = 0; i < METAFETCH_COPIES_MAX; i++)
        bytes += metacopy_bytes(&m->copies[i]);
    return bytes <= METAFETCH_BYTES_MAX;
}

/* Blocks per second since the copy was begun. */
static double
growth_of(const struct metacopy *c, struct mono now)
{
    return (double)c->have / (double)(mono_diff_ms(now, c->begun) + 1);
}

bool
copies_make_room(struct metafetch *m, const struct metacopy *but)
{
    struct metacopy *least = NULL;

    for (uint32_t i = 0; i < METAFETCH_COPIES_MAX; i++) {
        struct metacopy *c = &m->copies[i];

        if (!metacopy_in_use(c) || c == but || mono_diff_ms(m->now, c->begun) < METAFETCH_TURN_MS)
            continue;
        if (least == NULL || growth_of(c, m->now) < growth_of(least, m->now))
            least = c;
    }
    if (least != NULL)
        copies_drop(m, least);
    return least != NULL;
}

/* The copy that other peers with the same offer contribute to; NULL if there is none, or if every
 * copy comes from one peer. */
static struct metacopy *
find_shared(struct metafetch *m, uint32_t size)
{
    for (uint32_t i = 0; i < METAFETCH_COPIES_MAX && !m->alone; i++)
        if (m->copies[i].size == size)
            return &m->copies[i];
    return NULL;
}

static struct metacopy *
find_unused(struct metafetch *m)
{
    uint32_t max = m->alone ? METAFETCH_ALONE_MAX : METAFETCH_COPIES_MAX;

    for (uint32_t i = 0; i < max; i++)
        if (!metacopy_in_use(&m->copies[i]))
            return &m->copies[i];
    return NULL;
}

void
copies_assign(struct metafetch *m, struct metafetch_peer *p)
{
    struct metacopy *c;

    if (p->copy != NULL || p->size == 0 || m->done || m->state != SWARM_ACTIVE)
        return;
    c = find_shared(m, p->size);
    if (c == NULL) {
        c = find_unused(m);
        if (c == NULL && copies_make_room(m, NULL))
            c = find_unused(m);
        if (c == NULL || metacopy_init(c, p->size, m->alone ? p->at.id : SLOT_NONE, m->now) != 0)
            return;
    }
    p->copy = c;
}

static struct metafetch_peer *
longest_waiting(const struct metafetch *m)
{
    struct metafetch_peer *found = NULL, *p;
    uint32_t iter = 0;

    while ((p = fetch_next_peer(m, &iter)) != NULL)
        if (p->size != 0 && p->copy == NULL &&
            (found == NULL || mono_before(p->waits, found->waits)))
            found = p;
    return found;
}

void
copies_assign_all(struct metafetch *m)
{
    struct metafetch_peer *p;
    uint32_t iter = 0;

    p = longest_waiting(m);
    if (p != NULL)
        copies_assign(m, p);
    while ((p = fetch_next_peer(m, &iter)) != NULL)
        copies_assign(m, p);
}
