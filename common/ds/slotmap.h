/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Maps ids to objects and notices stale ids: an id is a slot number and the slot's generation, so
 * an id of a removed object finds nothing, even if the slot was reused. Peers have such ids outside
 * of the core. The lowest free slot is reused first, so that iteration and reuse never depend on
 * addresses.
 */
#ifndef COMMON_DS_SLOTMAP_H
#define COMMON_DS_SLOTMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 0 is never a valid id. */
typedef uint64_t slot_id;
#define SLOT_NONE ((slot_id)0)

struct slot {
    void *object; /* NULL while free */
    uint32_t generation;
};

/* Embedded; the members are private but for |count|. */
struct slotmap {
    struct slot *slots;
    uint32_t used; /* slots that were ever used */
    uint32_t cap;
    uint32_t max;
    uint32_t first_free; /* no lower slot is free */
    uint32_t count;      /* live objects */
};

void slotmap_init(struct slotmap *m, uint32_t max);

/* Frees the table, not the objects. */
void slotmap_fini(struct slotmap *m);

/* Adds |object| (not NULL); SLOT_NONE when the map has |max| objects or memory is out. */
slot_id slotmap_add(struct slotmap *m, void *object);

/* Returns the object, or NULL if the id is stale or was never given out. */
void *slotmap_get(const struct slotmap *m, slot_id id);

/* Removes and returns the object; NULL as slotmap_get(). */
void *slotmap_remove(struct slotmap *m, slot_id id);

/* Iterates over the objects in slot order: start with *iter = 0; NULL at the end. The current
 * object may be removed meanwhile. */
void *slotmap_next(const struct slotmap *m, uint32_t *iter);

/* The slot number of |id|: small, dense, and unique among current objects. */
static inline uint32_t
slot_index(slot_id id)
{
    return (uint32_t)id;
}

#endif
