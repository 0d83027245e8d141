/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The used blocks of a class come first in its slabs, without holes, so a class needs no list of
 * free blocks. An empty slab is kept until a quarter of the slab before it is empty too.
 */
#include "tracker/core/blocks.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"

enum {
    /* Bytes of a slab, including the overhead of the heap. All slabs have the same length, so that
     * a freed slab can be used for blocks of any other size. */
    SLAB_LEN = 65536,
    MALLOC_HEAD_LEN = 16,
};

_Static_assert(sizeof(void **) <= BLOCKS_HEAD_LEN, "the owner's address is stored there");

/* The length of the blocks of a class, which divide a slab among them. */
struct format {
    uint32_t size, in_slab;
};

static struct format
format_of(size_t len)
{
    uint32_t size = (uint32_t)(len + BLOCKS_HEAD_LEN + BLOCKS_STEP - 1) / BLOCKS_STEP * BLOCKS_STEP;
    struct format f;

    ASSERT(len <= BLOCKS_LEN_MAX);
    f.in_slab = (SLAB_LEN - MALLOC_HEAD_LEN) / size;
    f.size = (SLAB_LEN - MALLOC_HEAD_LEN) / f.in_slab / BLOCKS_STEP * BLOCKS_STEP;
    return f;
}

static struct blocks_class *
class_of(struct blocks *b, const struct format *f)
{
    return &b->classes[f->size / BLOCKS_STEP];
}

static uint8_t *
block_at(const struct blocks_class *c, const struct format *f, uint32_t i)
{
    return (uint8_t *)c->slabs[i / f->in_slab] + (size_t)(i % f->in_slab) * f->size;
}

static bool
add_slab(struct blocks_class *c)
{
    void **slabs = c->slabs, *slab;

    if ((c->nslabs & (c->nslabs - 1)) == 0) {
        slabs = realloc(slabs, (c->nslabs == 0 ? 1 : 2 * (size_t)c->nslabs) * sizeof(*slabs));
        if (slabs == NULL)
            return false;
        c->slabs = slabs;
    }
    slab = malloc(SLAB_LEN - MALLOC_HEAD_LEN);
    if (slab == NULL)
        return false;
    c->slabs[c->nslabs++] = slab;
    return true;
}

/* Frees the last slab if it is empty, and the one before it is a quarter empty or there is none. */
static void
drop_slab(struct blocks_class *c, uint32_t in_slab)
{
    if (c->count > 0 && c->count + in_slab + in_slab / 4 > c->nslabs * in_slab)
        return;
    free(c->slabs[--c->nslabs]);
    if (c->nslabs == 0) {
        free(c->slabs);
        c->slabs = NULL;
    }
}

void
blocks_fini(struct blocks *b)
{
    for (size_t i = 0; i < sizeof(b->classes) / sizeof(b->classes[0]); i++) {
        struct blocks_class *c = &b->classes[i];

        while (c->nslabs > 0)
            free(c->slabs[--c->nslabs]);
        free(c->slabs);
        *c = (struct blocks_class){.slabs = NULL};
    }
}

static void
own(uint8_t *block, void **owner)
{
    memcpy(block, &owner, sizeof(owner));
    *owner = block + BLOCKS_HEAD_LEN;
}

static void **
owner_of(const uint8_t *block)
{
    void **owner;

    memcpy(&owner, block, sizeof(owner));
    return owner;
}

size_t
blocks_fit(size_t len)
{
    return format_of(len).size - BLOCKS_HEAD_LEN;
}

bool
blocks_alloc(struct blocks *b, void **owner, size_t len)
{
    struct format f = format_of(len);
    struct blocks_class *c = class_of(b, &f);

    if (c->count == c->nslabs * f.in_slab && !add_slab(c))
        return false;
    own(block_at(c, &f, c->count), owner);
    c->count++;
    return true;
}

void
blocks_free(struct blocks *b, void **owner, size_t len)
{
    struct format f = format_of(len);
    struct blocks_class *c = class_of(b, &f);
    uint8_t *block = (uint8_t *)*owner - BLOCKS_HEAD_LEN;
    uint8_t *last;

    ASSERT(c->count > 0 && owner_of(block) == owner);
    last = block_at(c, &f, c->count - 1);
    if (last != block) {
        memcpy(block, last, f.size);
        own(block, owner_of(last));
    }
    *owner = NULL;
    c->count--;
    drop_slab(c, f.in_slab);
}

void
blocks_set_owner(void **owner)
{
    own((uint8_t *)*owner - BLOCKS_HEAD_LEN, owner);
}
