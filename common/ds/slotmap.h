/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Objects behind ids that notice reuse: an id is a slot number and that slot's generation, so that
 * an id kept past its object's end finds nothing instead of a stranger. This is how peers cross the
 * core's boundary. Slots are reused lowest first, so that iteration and reuse never depend on
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
    uint32_t used; /* slots ever used */
    uint32_t cap;
    uint32_t max;
    uint32_t first_free; /* no free slot is below it */
    uint32_t count;      /* live objects */
};

void slotmap_init(struct slotmap *m, uint32_t max);

/* Frees the table, not the objects. */
void slotmap_fini(struct slotmap *m);

/* Puts |object| (not NULL) in; SLOT_NONE when |max| are in or memory is out. */
slot_id slotmap_add(struct slotmap *m, void *object);

/* The object, or NULL if the id is stale or was never given out. */
void *slotmap_get(const struct slotmap *m, slot_id id);

/* Takes it out and returns it; NULL as slotmap_get. */
void *slotmap_remove(struct slotmap *m, slot_id id);

/* Objects in slot order: start with *iter = 0; NULL at the end. The current object may be removed
 * while iterating. */
void *slotmap_next(const struct slotmap *m, uint32_t *iter);

/* The slot number of |id|: small, dense, and unique among the live. */
static inline uint32_t
slot_index(slot_id id)
{
    return (uint32_t)id;
}

#endif
