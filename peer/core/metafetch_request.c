/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Keeps the lists of requests, and the counts of requests in the blocks of the copies.
 */
#include "peer/core/metafetch_request.h"

#include <stdlib.h>

bool
request_add(struct metafetch *m, struct metafetch_peer *p, uint32_t block)
{
    if (p->out == NULL)
        p->out = calloc(METAFETCH_FLIGHT_MAX, sizeof(*p->out));
    if (p->out == NULL)
        return false;
    p->out[p->out_count++] = (struct metafetch_request){block, m->now};
    p->copy->all[block].asked++;
    p->copy->all[block].asked_at = m->now;
    m->in_flight++;
    return true;
}

uint32_t
request_find(const struct metafetch_peer *p, uint32_t block)
{
    for (uint32_t i = 0; i < p->out_count; i++)
        if (p->out[i].block == block)
            return i;
    return METAFETCH_FLIGHT_MAX;
}

void
request_remove(struct metafetch *m, struct metafetch_peer *p, uint32_t index, bool refund)
{
    uint32_t block = p->out[index].block;

    p->copy->all[block].asked--;
    if (refund)
        rate_tap_return(&m->down, metamsg_block_len(p->copy->size, block));
    p->out[index] = p->out[--p->out_count];
    m->in_flight--;
}

void
request_withdraw_all(struct metafetch *m, struct metafetch_peer *p)
{
    while (p->out_count > 0)
        request_remove(m, p, p->out_count - 1, true);
}
