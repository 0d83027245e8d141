/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Counts how many bytes the running torrents of a process still need on each file system, so that
 * two torrents do not both count on the same free space. Callable from any thread; a claim belongs
 * to one torrent.
 */
#ifndef PEER_STORE_ROOMBOOK_H
#define PEER_STORE_ROOMBOOK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/ds/list.h"
#include "common/sys/lock.h"
#include "peer/store/storage.h"

struct roombook {
    struct lock lock;
    struct list claims;
};

/* One torrent's claim. Embedded; all zero means no claim. */
struct room_claim {
    struct list link;
    struct roombook *book; /* NULL: claims nothing */
    uint64_t device;
    atomic_ullong left; /* bytes */
};

void roombook_init(struct roombook *b);
void roombook_fini(struct roombook *b); /* no claim may be left */

/* Claims |room->need| bytes. True if that many are free besides the claims of other torrents on the
 * same file system, or if the free space is unknown. |*others| is the sum of those claims. An
 * earlier claim of |c| is dropped first. */
bool roombook_claim(struct roombook *b, struct room_claim *c, const struct storage_room *room,
                    uint64_t *others);

/* Reduces the claim by |bytes| that were written and so are not free any more. */
void room_claim_pay(struct room_claim *c, uint64_t bytes);

/* Drops the claim. */
void room_claim_drop(struct room_claim *c);

#endif
