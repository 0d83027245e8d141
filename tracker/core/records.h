/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An allocator for many records of one size that never move, without the heap's overhead for each.
 * A slab of records whose last one is freed goes back to the heap.
 */
#ifndef TRACKER_CORE_RECORDS_H
#define TRACKER_CORE_RECORDS_H

#include <stddef.h>
#include <stdint.h>

#include "common/ds/list.h"

/* Embedded; private. */
struct records {
    size_t size;  /* of a record, rounded up to 8 */
    void **slabs; /* sorted by address, with room for the next power of two of |nslabs| */
    uint32_t nslabs;
    struct list open; /* slabs with unused records */
};

void records_init(struct records *r, size_t size);

/* Frees all records. */
void records_fini(struct records *r);

/* A record of zeros, aligned to 8; NULL when memory is out. */
void *records_alloc(struct records *r);

/* |record| is one of |r|. */
void records_free(struct records *r, void *record);

#endif
