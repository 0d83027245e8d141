/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Peers are most of a tracker's memory, so a set grows in small steps that fill its block
 * (blocks_fit()). A step copies at most one chunk. Chunks of full length are allocated by malloc(),
 * since there are many of the same size; all other memory is in blocks, which leave no gaps.
 */
#include "tracker/core/peerset_room.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"

enum {
    FEW_MAX = 8,                             /* entries; a smaller set grows by one, */
    STEP = 2,                                /* a larger one by at least so many, */
    LARGE_STEP = 16,                         /* and a set with chunks by at least so many */
    SMALL_AGAIN = PEERSET_SMALL_MAX / 4 * 3, /* peers at which a large set becomes a small one, */
    MARKED_AGAIN = PEERSET_MARKED_MAX / 2,   /* and a set with an index gets marks */
    ENTRY_MAX = COMPACT_V6_LEN + PEERSET_EXACT + PEERSET_ID_LEN,
};

_Static_assert(PEERSET_SMALL_MAX *(ENTRY_MAX + 1) <= BLOCKS_LEN_MAX, "a small set is one block");
_Static_assert(PEERSET_MARKED_MAX % PEERSET_SMALL_MAX == 0, "all chunks are full then");

/* ---- a chunk ---- */

static size_t
chunk_len(const struct peerset *s, uint32_t cap, bool marked)
{
    return cap * (peerset_stride(s) + s->id_len) + (marked ? marks_len(cap) : 0);
}

/* The length of the block of a small set. */
static size_t
small_len(const struct peerset *s, uint32_t cap)
{
    return chunk_len(s, cap, cap > PEERSET_BARE_MAX);
}

/* The length of a chunk of a large set. */
static size_t
part_len(const struct peerset *s, uint32_t cap)
{
    return chunk_len(s, cap, !s->has_index);
}

typedef size_t (*len_fn)(const struct peerset *s, uint32_t cap);

/* The capacity for |n| entries: as many as fit into a block of the same length. There are few
 * different capacities, since each size of blocks has a slab that is not full. */
static uint32_t
fitting_cap(const struct peerset *s, len_fn len, uint32_t n)
{
    uint32_t step = peerset_count(s) >= PEERSET_SMALL_MAX ? LARGE_STEP : n < FEW_MAX ? 1 : STEP;
    size_t fit;

    n = (n + step - 1) / step * step;
    fit = blocks_fit(len(s, n));
    while (n < PEERSET_SMALL_MAX && len(s, n + 1) <= fit)
        n++;
    return n;
}

/* A chunk in memory. */
struct chunk {
    uint8_t *at;
    uint32_t cap;
    bool marked;
};

static uint8_t *
marks_of(const struct peerset *s, const struct chunk *c)
{
    return c->at + c->cap * (peerset_stride(s) + s->id_len);
}

/* Computes the marks of the first |n| entries. */
static void
put_marks(const struct peerset *s, const struct peerset_env *env, const struct chunk *c, uint32_t n)
{
    uint8_t *marks = marks_of(s, c), *e = c->at;

    memset(marks, 0, marks_len(c->cap));
    for (uint32_t i = 0; i < n; i++, e += peerset_stride(s))
        marks[i] = peerset_mark(s, env, e, (e[peerset_flags_at(s)] & PEER_UNSITED) == 0);
}

/* Copies |n| peers. */
static void
copy_chunk(const struct peerset *s, const struct peerset_env *env, const struct chunk *to,
           const struct chunk *from, uint32_t n)
{
    size_t stride = peerset_stride(s);

    if (n > 0) {
        memcpy(to->at, from->at, n * stride);
        memcpy(to->at + to->cap * stride, from->at + from->cap * stride, (size_t)n * s->id_len);
    }
    if (to->marked && from->marked) {
        memset(marks_of(s, to), 0, marks_len(to->cap));
        memcpy(marks_of(s, to), marks_of(s, from), n);
    } else if (to->marked) {
        put_marks(s, env, to, n);
    }
}

/* ---- small sets ---- */

static struct chunk
small_chunk(void *block, uint32_t cap)
{
    return (struct chunk){block, cap, cap > PEERSET_BARE_MAX};
}

/* Moves the peers of a small set to a block for |cap| of them. */
static bool
resize_small(struct peerset *s, const struct peerset_env *env, uint32_t cap)
{
    struct chunk from = small_chunk(s->memory, s->cap), to;
    void *fresh;

    if (!blocks_alloc(env->blocks, &fresh, small_len(s, cap)))
        return false;
    to = small_chunk(fresh, cap);
    copy_chunk(s, env, &to, &from, peerset_count(s));
    if (s->memory != NULL)
        blocks_free(env->blocks, &s->memory, small_len(s, s->cap));
    s->memory = fresh;
    blocks_set_owner(&s->memory);
    s->cap = cap;
    return true;
}

/* ---- chunks of large sets ---- */

static bool
part_alloc(const struct peerset *s, const struct peerset_env *env, void **part, uint32_t cap)
{
    void *memory;

    if (cap < PEERSET_SMALL_MAX)
        return blocks_alloc(env->blocks, part, part_len(s, cap));
    memory = malloc(part_len(s, cap));
    if (memory == NULL)
        return false;
    *part = memory;
    return true;
}

static void
part_free(const struct peerset *s, const struct peerset_env *env, void **part, uint32_t cap)
{
    if (cap < PEERSET_SMALL_MAX)
        blocks_free(env->blocks, part, part_len(s, cap));
    else
        free(*part);
}

/* The number of peers in the chunk whose first position is |first|. */
static uint32_t
part_count(const struct peerset *s, uint32_t first)
{
    uint32_t n = peerset_count(s);

    return n > first ? peerset_row(first, n - first) : 0;
}

/* Changes the capacity of the last chunk, whose first position is |first|, to |cap| entries. */
static bool
resize_last(struct peerset *s, const struct peerset_env *env, uint32_t first, uint32_t cap)
{
    void **part = &peerset_large(s)->chunks[first / PEERSET_SMALL_MAX], *fresh;
    struct chunk from = {*part, s->cap - first, !s->has_index}, to = {NULL, cap, !s->has_index};

    if (!part_alloc(s, env, &fresh, cap))
        return false;
    to.at = fresh;
    copy_chunk(s, env, &to, &from, part_count(s, first));
    part_free(s, env, part, from.cap);
    *part = fresh;
    if (cap < PEERSET_SMALL_MAX)
        blocks_set_owner(part);
    s->cap = first + cap;
    return true;
}

/* Adds a chunk. All existing ones have full length, so none is a block whose owner would move. */
static bool
add_part(struct peerset *s, const struct peerset_env *env)
{
    uint32_t cap = fitting_cap(s, part_len, 1), n = s->cap / PEERSET_SMALL_MAX;
    struct peerset_large *l = peerset_large(s);
    struct chunk c = {.cap = cap};
    void **chunks;

    if ((n & (n - 1)) == 0) {
        chunks = realloc(l->chunks, 2 * (size_t)n * sizeof(*chunks));
        if (chunks == NULL)
            return false;
        l->chunks = chunks;
    }
    if (!part_alloc(s, env, &l->chunks[n], cap))
        return false;
    c.at = l->chunks[n];
    if (!s->has_index)
        put_marks(s, env, &c, 0);
    s->cap += cap;
    return true;
}

/* Frees all chunks from position |cap| on. */
static void
drop_parts(struct peerset *s, const struct peerset_env *env, uint32_t cap)
{
    while (s->cap > 0) {
        uint32_t first = (s->cap - 1) / PEERSET_SMALL_MAX * PEERSET_SMALL_MAX;

        if (first < cap)
            return;
        part_free(s, env, &peerset_large(s)->chunks[first / PEERSET_SMALL_MAX], s->cap - first);
        s->cap = first;
    }
}

static void
free_large(struct peerset *s, const struct peerset_env *env)
{
    struct peerset_large *l = peerset_large(s);

    drop_parts(s, env, 0);
    if (s->has_index)
        peerindex_fini(&l->index, env->blocks);
    s->has_index = false;
    free(l->chunks);
    free(l);
    s->memory = NULL;
}

/* ---- from small to large and back ---- */

/* Makes a large set with the peers of a small one in one chunk; NULL when memory is out. */
static struct peerset_large *
make_large(const struct peerset *s, const struct peerset_env *env)
{
    struct chunk from = small_chunk(s->memory, s->cap), to = small_chunk(NULL, PEERSET_SMALL_MAX);
    struct peerset_large *l = calloc(1, sizeof(*l));

    if (l == NULL)
        return NULL;
    l->chunks = malloc(2 * sizeof(*l->chunks));
    if (l->chunks == NULL || !part_alloc(s, env, &l->chunks[0], PEERSET_SMALL_MAX)) {
        free(l->chunks);
        free(l);
        return NULL;
    }
    to.at = l->chunks[0];
    copy_chunk(s, env, &to, &from, peerset_count(s));
    return l;
}

/* While the set becomes large, its block has another owner, since it may move. */
static bool
become_large(struct peerset *s, const struct peerset_env *env)
{
    struct peerset_large *l = make_large(s, env);
    void *block = s->memory;

    if (l == NULL)
        return false;
    blocks_set_owner(&block);
    s->memory = l;
    if (add_part(s, env)) {
        blocks_free(env->blocks, &block, small_len(s, PEERSET_SMALL_MAX));
        return true;
    }
    free_large(s, env);
    s->memory = block;
    s->cap = PEERSET_SMALL_MAX;
    blocks_set_owner(&s->memory);
    return false;
}

static bool
become_small(struct peerset *s, const struct peerset_env *env)
{
    uint32_t n = peerset_count(s), cap = fitting_cap(s, small_len, n);
    struct chunk from = {peerset_large(s)->chunks[0], peerset_chunk_cap(s, 0), !s->has_index}, to;
    void *fresh;

    if (!blocks_alloc(env->blocks, &fresh, small_len(s, cap)))
        return false;
    to = small_chunk(fresh, cap);
    copy_chunk(s, env, &to, &from, n);
    free_large(s, env);
    s->memory = fresh;
    s->cap = cap;
    blocks_set_owner(&s->memory);
    return true;
}

/* ---- from marks to an index and back ---- */

/* The context from which a peer's hash is computed. */
struct hashing {
    const struct peerset *s;
    const struct peerset_env *env;
};

static uint64_t
hash_of(const void *ctx, uint32_t pos)
{
    const struct hashing *h = ctx;

    return peerset_hash_at(h->s, h->env, pos);
}

void
peerset_index_add(struct peerset *s, const struct peerset_env *env, uint64_t hash, uint32_t pos)
{
    struct hashing h = {s, env};

    peerindex_add(&peerset_large(s)->index, env->blocks, hash, pos, hash_of, &h);
}

static bool
index_all(struct peerset *s, const struct peerset_env *env)
{
    struct peerindex *x = &peerset_large(s)->index;

    if (!peerindex_init(x, env->blocks))
        return false;
    for (uint32_t pos = 0; pos < peerset_count(s); pos++) {
        uint64_t hash = peerset_hash_at(s, env, pos);

        if (!peerindex_reserve(x, env->blocks, hash)) {
            peerindex_fini(x, env->blocks);
            return false;
        }
        peerset_index_add(s, env, hash, pos);
    }
    return true;
}

/* Changes full chunks to the length that they have with an index, or with marks. */
static bool
realloc_full(struct peerset *s, bool marked)
{
    struct peerset_large *l = peerset_large(s);

    for (uint32_t i = 0; i < s->cap / PEERSET_SMALL_MAX; i++) {
        void *part = realloc(l->chunks[i], chunk_len(s, PEERSET_SMALL_MAX, marked));

        if (part == NULL)
            return false;
        l->chunks[i] = part;
    }
    return true;
}

/* Called when all chunks are full. */
static bool
become_indexed(struct peerset *s, const struct peerset_env *env)
{
    if (!index_all(s, env))
        return false;
    s->has_index = true;
    (void)realloc_full(s, false);
    return true;
}

/* Makes the last chunk full first, so that all are. */
static void
become_marked(struct peerset *s, const struct peerset_env *env)
{
    uint32_t first = (s->cap - 1) / PEERSET_SMALL_MAX * PEERSET_SMALL_MAX;

    if (s->cap - first < PEERSET_SMALL_MAX && !resize_last(s, env, first, PEERSET_SMALL_MAX))
        return;
    if (!realloc_full(s, true))
        return;
    peerindex_fini(&peerset_large(s)->index, env->blocks);
    s->has_index = false;
    for (first = 0; first < s->cap; first += PEERSET_SMALL_MAX) {
        struct chunk c = {peerset_large(s)->chunks[first / PEERSET_SMALL_MAX], PEERSET_SMALL_MAX,
                          true};

        put_marks(s, env, &c, part_count(s, first));
    }
}

/* ---- functions for peerset.c ---- */

static bool
grow_large(struct peerset *s, const struct peerset_env *env)
{
    struct peerindex *x = &peerset_large(s)->index;
    uint32_t first = s->cap / PEERSET_SMALL_MAX * PEERSET_SMALL_MAX;

    if (s->cap >= PEERSET_MARKED_MAX && !s->has_index && !become_indexed(s, env))
        return false;
    /* Each step widens one bucket, so that all are wide long before a position needs it. */
    if (s->cap > PEERINDEX_NARROW_MAX / 2 && !peerindex_widen(x, env->blocks) &&
        s->cap >= PEERINDEX_NARROW_MAX - PEERSET_SMALL_MAX)
        return false;
    if (s->cap >= PEERINDEX_NARROW_MAX - PEERSET_SMALL_MAX && !peerindex_is_wide(x))
        return false;
    if (s->cap == first)
        return add_part(s, env);
    return resize_last(s, env, first, fitting_cap(s, part_len, s->cap - first + 1));
}

bool
peerset_grow(struct peerset *s, const struct peerset_env *env)
{
    if (s->cap >= PEERSET_PEERS_MAX)
        return false;
    if (peerset_is_large(s))
        return grow_large(s, env);
    return s->cap == PEERSET_SMALL_MAX
               ? become_large(s, env)
               : resize_small(s, env, fitting_cap(s, small_len, s->cap + 1));
}

static void
shrink_large(struct peerset *s, const struct peerset_env *env)
{
    uint32_t n = peerset_count(s), first, cap;

    if (n <= SMALL_AGAIN && become_small(s, env))
        return;
    if (n <= PEERSET_SMALL_MAX)
        n = PEERSET_SMALL_MAX + 1;
    first = (n - 1) / PEERSET_SMALL_MAX * PEERSET_SMALL_MAX;
    drop_parts(s, env, n);
    if (s->has_index && n <= MARKED_AGAIN)
        become_marked(s, env);
    cap = fitting_cap(s, part_len, n - first);
    if (first + cap < s->cap)
        (void)resize_last(s, env, first, cap);
}

void
peerset_shrink(struct peerset *s, const struct peerset_env *env)
{
    uint32_t n = peerset_count(s), cap;

    if (n == 0) {
        peerset_free_memory(s, env);
        return;
    }
    if (peerset_is_large(s)) {
        shrink_large(s, env);
        return;
    }
    cap = fitting_cap(s, small_len, n);
    if (cap < s->cap)
        (void)resize_small(s, env, cap);
}

void
peerset_free_memory(struct peerset *s, const struct peerset_env *env)
{
    if (peerset_is_large(s))
        free_large(s, env);
    else if (s->memory != NULL)
        blocks_free(env->blocks, &s->memory, small_len(s, s->cap));
    s->memory = NULL;
    s->cap = 0;
}
