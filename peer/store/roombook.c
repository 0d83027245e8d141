/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A list of claims under a mutex, walked when a torrent starts. Writes only change the counter of
 * their own claim.
 */
#include "peer/store/roombook.h"

#include <stddef.h>

#include "common/base/assert.h"

void
roombook_init(struct roombook *b)
{
    lock_init(&b->lock);
    list_init(&b->claims);
}

void
roombook_fini(struct roombook *b)
{
    ASSERT(list_empty(&b->claims));
    lock_fini(&b->lock);
}

/* The sum of the claims on the file system; the lock must be held. */
static uint64_t
claimed(const struct roombook *b, uint64_t device)
{
    uint64_t sum = 0;

    LIST_EACH(it, &b->claims) {
        struct room_claim *c = LIST_ENTRY(it, struct room_claim, link);

        if (c->device == device)
            sum += atomic_load_explicit(&c->left, memory_order_relaxed);
    }
    return sum;
}

bool
roombook_claim(struct roombook *b, struct room_claim *c, const struct storage_room *room,
               uint64_t *others)
{
    bool fits;

    room_claim_drop(c);
    lock_take(&b->lock);
    *others = room->known ? claimed(b, room->device) : 0;
    fits = !room->known || room->need == 0 ||
           (room->need <= room->free && *others <= room->free - room->need);
    if (fits && room->known) {
        c->book = b;
        c->device = room->device;
        atomic_store_explicit(&c->left, room->need, memory_order_relaxed);
        list_init(&c->link);
        list_push_back(&b->claims, &c->link);
    }
    lock_drop(&b->lock);
    return fits;
}

void
room_claim_pay(struct room_claim *c, uint64_t bytes)
{
    unsigned long long left = atomic_load_explicit(&c->left, memory_order_relaxed);

    /* Only the torrent's thread decreases it. */
    atomic_store_explicit(&c->left, left > bytes ? left - bytes : 0, memory_order_relaxed);
}

void
room_claim_drop(struct room_claim *c)
{
    struct roombook *b = c->book;

    if (b == NULL)
        return;
    lock_take(&b->lock);
    list_remove(&c->link);
    lock_drop(&b->lock);
    c->book = NULL;
    atomic_store_explicit(&c->left, 0, memory_order_relaxed);
}
