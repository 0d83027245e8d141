/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Unused records of a slab are a list through their first bytes. The slab of a record is found by
 * binary search among the addresses of all slabs, which only freeing needs.
 */
#include "tracker/core/records.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"

enum {
    SLAB_LEN = 65536 - 16, /* with what the heap itself takes, as long as a slab of blocks.h */
};

struct slab {
    struct list link; /* in struct records' |open| */
    void *unused;     /* the first of the list of records that were freed */
    uint32_t used;
    uint32_t begun; /* records from the start on that were ever used */
};

static uint32_t
records_in_slab(const struct records *r)
{
    return (uint32_t)((SLAB_LEN - sizeof(struct slab)) / r->size);
}

static uint8_t *
record_at(const struct records *r, struct slab *s, uint32_t i)
{
    return (uint8_t *)(s + 1) + i * r->size;
}

void
records_init(struct records *r, size_t size)
{
    *r = (struct records){.size = (size + 7) / 8 * 8};
    list_init(&r->open);
}

void
records_fini(struct records *r)
{
    while (r->nslabs > 0)
        free(r->slabs[--r->nslabs]);
    free(r->slabs);
    r->slabs = NULL;
    list_init(&r->open);
}

/* How many slabs begin at |address| or before it. */
static uint32_t
slabs_up_to(const struct records *r, const void *address)
{
    uint32_t low = 0, high = r->nslabs;

    while (low < high) {
        uint32_t mid = low + (high - low) / 2;

        if ((uintptr_t)r->slabs[mid] <= (uintptr_t)address)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static struct slab *
add_slab(struct records *r)
{
    struct slab *s;
    void **slabs;
    uint32_t at;

    if ((r->nslabs & (r->nslabs - 1)) == 0) {
        slabs = realloc(r->slabs, (r->nslabs == 0 ? 1 : 2 * (size_t)r->nslabs) * sizeof(*slabs));
        if (slabs == NULL)
            return NULL;
        r->slabs = slabs;
    }
    s = malloc(SLAB_LEN);
    if (s == NULL)
        return NULL;
    at = slabs_up_to(r, s);
    memmove(&r->slabs[at + 1], &r->slabs[at], (r->nslabs - at) * sizeof(*r->slabs));
    r->slabs[at] = s;
    r->nslabs++;
    *s = (struct slab){.used = 0};
    list_init(&s->link);
    list_push_front(&r->open, &s->link);
    return s;
}

static void
drop_slab(struct records *r, uint32_t at)
{
    struct slab *s = r->slabs[at];

    list_remove(&s->link);
    free(s);
    r->nslabs--;
    memmove(&r->slabs[at], &r->slabs[at + 1], (r->nslabs - at) * sizeof(*r->slabs));
}

void *
records_alloc(struct records *r)
{
    struct list *first = r->open.next;
    struct slab *s = first != &r->open ? LIST_ENTRY(first, struct slab, link) : add_slab(r);
    void *record;

    if (s == NULL)
        return NULL;
    record = s->unused;
    if (record != NULL)
        memcpy(&s->unused, record, sizeof(s->unused));
    else
        record = record_at(r, s, s->begun++);
    s->used++;
    if (s->used == records_in_slab(r))
        list_remove(&s->link);
    return memset(record, 0, r->size);
}

void
records_free(struct records *r, void *record)
{
    uint32_t at = slabs_up_to(r, record);
    struct slab *s;

    ASSERT(at > 0);
    s = r->slabs[--at];
    ASSERT(s->used > 0 && (uint8_t *)record < record_at(r, s, s->begun));
    if (s->used == records_in_slab(r))
        list_push_front(&r->open, &s->link);
    memcpy(record, &s->unused, sizeof(s->unused));
    s->unused = record;
    s->used--;
    if (s->used == 0)
        drop_slab(r, at);
}
