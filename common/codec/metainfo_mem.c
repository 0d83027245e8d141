/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The memory of a metainfo: chunks that are filled from the front and freed together, because a
 * torrent of a million files has millions of short strings with the same lifetime.
 */
#include "common/codec/metainfo_load.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK_MIN = 256, CHUNK_MAX = 64 * 1024 }; /* each chunk is twice as long as the one before */

struct mem_chunk {
    struct mem_chunk *next;
    size_t used, size;
    _Alignas(max_align_t) uint8_t bytes[];
};

void *
mem_alloc(struct metainfo_mem *mem, size_t len)
{
    struct mem_chunk *chunk = mem->chunks;
    size_t room = (len + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    void *p;

    if (chunk == NULL || room > chunk->size - chunk->used) {
        size_t size = chunk == NULL ? CHUNK_MIN : 2 * chunk->size;

        if (size > CHUNK_MAX)
            size = CHUNK_MAX;
        if (size < room)
            size = room;
        chunk = malloc(sizeof(*chunk) + size);
        if (chunk == NULL)
            return NULL;
        *chunk = (struct mem_chunk){.next = mem->chunks, .size = size};
        mem->chunks = chunk;
    }
    p = chunk->bytes + chunk->used;
    chunk->used += room;
    return p;
}

char *
mem_text(struct metainfo_mem *mem, const char *s, size_t len)
{
    char *copy = mem_alloc(mem, len + 1);

    if (copy == NULL)
        return NULL;
    memcpy(copy, s, len);
    copy[len] = '\0';
    return copy;
}

void
mem_fini(struct metainfo_mem *mem)
{
    for (struct mem_chunk *chunk = mem->chunks, *next; chunk != NULL; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    free(mem->raw);
    free(mem->files);
    free(mem->solid);
    *mem = (struct metainfo_mem){0};
}
