/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How many bytes the running torrents of a process still need on each file system, so that two
 * torrents do not both count on the same free space. Any thread; a claim is its torrent's.
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

/* Embedded; all zero is none. */
struct room_claim {
    struct list link;
    struct roombook *book; /* NULL: claims nothing */
    uint64_t device;
    atomic_ullong left; /* bytes */
};

void roombook_init(struct roombook *b);
void roombook_fini(struct roombook *b); /* no claim may be left */

/* Claims |room->need| bytes, if they are free beside what others claim there, or if that is not
 * known: true. |*others| is what they claim. An earlier claim is dropped first. */
bool roombook_claim(struct roombook *b, struct room_claim *c, const struct storage_room *room,
                    uint64_t *others);

/* So many bytes were written: they are not free any more. */
void room_claim_pay(struct room_claim *c, uint64_t bytes);

/* Claims nothing any more. */
void room_claim_drop(struct room_claim *c);

#endif
