/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Computes the slots of the part file. Arithmetic only.
 */
#include "peer/store/parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"

static bool
is_stored(const struct metainfo_file *f)
{
    return f->length > 0 && (f->attr & (ATTR_PAD | ATTR_SYMLINK)) == 0;
}

/* Finds the pieces that contain the end of one stored file and the start of another. */
static int
find_shared(struct parts *p)
{
    const struct metainfo *mi = p->mi;
    uint32_t last = UINT32_MAX; /* last piece of the previous stored file */

    p->shared = malloc((mi->file_count + 1) * sizeof(*p->shared));
    if (p->shared == NULL)
        return SPRAT_E_NOMEM;
    for (size_t i = 0; i < mi->file_count; i++) {
        const struct metainfo_file *f = &mi->files[i];
        uint32_t first;

        if (!is_stored(f))
            continue;
        first = (uint32_t)(f->offset / mi->piece_length);
        if (first == last && (p->shared_count == 0 || p->shared[p->shared_count - 1] != first))
            p->shared[p->shared_count++] = first;
        last = (uint32_t)((f->offset + f->length - 1) / mi->piece_length);
    }
    return 0;
}

int
parts_init(struct parts *p, const struct metainfo *mi, const uint8_t *bytes)
{
    const uint8_t *hash = mi->id.has_v1 ? mi->id.v1 : mi->id.v2;
    int n, err = 0;

    *p = (struct parts){.mi = mi};
    n = snprintf(p->name, sizeof(p->name), ".sprat-");
    for (size_t i = 0; i < 20; i++)
        n += snprintf(p->name + n, sizeof(p->name) - (size_t)n, "%02x", hash[i]);
    snprintf(p->name + n, sizeof(p->name) - (size_t)n, ".part");
    if (bytes == NULL)
        return 0;
    p->bytes = malloc(mi->file_count + 1);
    if (p->bytes == NULL)
        return SPRAT_E_NOMEM;
    memcpy(p->bytes, bytes, mi->file_count);
    for (size_t i = 0; i < mi->file_count && !p->any; i++)
        p->any = parts_holds(p, i);
    if (p->any)
        err = find_shared(p);
    if (err != 0)
        parts_fini(p);
    return err;
}

void
parts_fini(struct parts *p)
{
    free(p->bytes);
    free(p->shared);
    p->bytes = NULL;
    p->shared = NULL;
}

bool
parts_holds(const struct parts *p, size_t file)
{
    return p->bytes != NULL && (p->bytes[file] & PARTS_PARTED) != 0 &&
           is_stored(&p->mi->files[file]);
}

bool
parts_wants(const struct parts *p, size_t file)
{
    return p->bytes == NULL || (p->bytes[file] & PARTS_PRIORITY) != 0;
}

bool
parts_locate(const struct parts *p, size_t file, uint64_t offset, uint64_t *at)
{
    uint64_t where = p->mi->files[file].offset + offset;
    uint32_t piece = (uint32_t)(where / p->mi->piece_length);
    uint32_t low = 0, high = p->shared_count;

    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (p->shared[mid] < piece)
            low = mid + 1;
        else
            high = mid;
    }
    if (low == p->shared_count || p->shared[low] != piece)
        return false;
    *at = (uint64_t)low * p->mi->piece_length + where % p->mi->piece_length;
    return true;
}
