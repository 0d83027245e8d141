/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A list that is searched only when a connection begins. The entry of a connected peer never moves.
 */
#include "peer/core/receivers.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"

enum { CAP_MIN = 16 };

struct receivers {
    struct receiver *all;
    uint32_t count, cap;
    uint32_t copies;
    uint64_t departures;
};

struct receivers *
receivers_new(void)
{
    return calloc(1, sizeof(struct receivers));
}

void
receivers_free(struct receivers *r)
{
    if (r == NULL)
        return;
    free(r->all);
    free(r);
}

static struct receiver *
find(const struct receivers *r, const uint8_t peer_id[PEER_ID_LEN])
{
    for (uint32_t i = 0; i < r->count; i++)
        if (memcmp(r->all[i].peer_id, peer_id, PEER_ID_LEN) == 0)
            return &r->all[i];
    return NULL;
}

/* The entry of the peer that left first, and of a peer that is no receiver before all others; NULL
 * if all peers are connected. */
static struct receiver *
first_gone(const struct receivers *r)
{
    struct receiver *first = NULL;

    for (uint32_t i = 0; i < r->count; i++) {
        struct receiver *x = &r->all[i];

        if (x->connections == 0 && (first == NULL || x->fetched < first->fetched ||
                                    (x->fetched == first->fetched && x->left < first->left)))
            first = x;
    }
    return first;
}

static struct receiver *
new_entry(struct receivers *r)
{
    if (r->count == RECEIVERS_MAX)
        return first_gone(r);
    if (r->count == r->cap) {
        uint32_t cap = r->cap > 0 ? 2 * r->cap : CAP_MIN;
        struct receiver *more = realloc(r->all, cap * sizeof(*more));

        if (more == NULL)
            return first_gone(r);
        r->all = more;
        r->cap = cap;
    }
    return &r->all[r->count++];
}

uint32_t
receivers_enter(struct receivers *r, const uint8_t peer_id[PEER_ID_LEN],
                const struct endpoint *addr)
{
    struct receiver *x = find(r, peer_id);

    if (x == NULL) {
        x = new_entry(r);
        if (x == NULL)
            return RECEIVERS_NONE;
        *x = (struct receiver){.connections = 0};
        memcpy(x->peer_id, peer_id, PEER_ID_LEN);
    }
    x->addr = *addr;
    x->connections++;
    return (uint32_t)(x - r->all) + 1;
}

void
receivers_note(struct receivers *r, uint32_t entry, uint32_t pieces, uint32_t total,
               bool interested)
{
    struct receiver *x;

    if (entry == RECEIVERS_NONE)
        return;
    x = &r->all[entry - 1];
    x->pieces = pieces;
    x->fetched = x->fetched || (interested && pieces < total);
    if (pieces == total && x->fetched && !x->complete) {
        x->complete = true;
        r->copies++;
    }
}

void
receivers_leave(struct receivers *r, uint32_t entry)
{
    struct receiver *x;

    if (entry == RECEIVERS_NONE)
        return;
    x = &r->all[entry - 1];
    ASSERT(x->connections > 0);
    if (--x->connections == 0)
        x->left = ++r->departures;
}

uint32_t
receivers_copies(const struct receivers *r)
{
    return r->copies;
}

const struct receiver *
receivers_next(const struct receivers *r, uint32_t *iter)
{
    while (*iter < r->count) {
        const struct receiver *x = &r->all[(*iter)++];

        if (x->fetched)
            return x;
    }
    return NULL;
}
