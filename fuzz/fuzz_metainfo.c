/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Fuzzes the torrent file reader: whatever loads must keep every promise of metainfo.h.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/codec/metainfo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Checks that |path| is relative, with components that are neither empty nor "." nor "..". */
static void
check_path(const char *path)
{
    ASSERT(strlen(path) <= METAINFO_PATH_MAX);
    for (const char *at = path;; at++) {
        size_t len = strcspn(at, "/");

        ASSERT(len > 0 && len <= 255);
        ASSERT(!(len == 1 && at[0] == '.') && !(len == 2 && at[0] == '.' && at[1] == '.'));
        for (size_t i = 0; i < len; i++)
            ASSERT((unsigned char)at[i] >= 0x20 && at[i] != 0x7f);
        at += len;
        if (*at == '\0')
            return;
    }
}

static int
compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Checks that no path occurs twice, and that no file has the path of another file's directory. */
static void
check_unique(const struct metainfo *mi)
{
    const char **paths = calloc(mi->file_count, sizeof(*paths));
    size_t n = 0;

    if (paths == NULL)
        return;
    for (size_t i = 0; i < mi->file_count; i++)
        if ((mi->files[i].attr & ATTR_PAD) == 0)
            paths[n++] = mi->files[i].path;
    qsort(paths, n, sizeof(*paths), compare);
    for (size_t i = 1; i < n; i++)
        ASSERT(strcmp(paths[i - 1], paths[i]) != 0);
    for (size_t i = 0; i < n; i++) {
        char above[METAINFO_PATH_MAX + 1];
        const char *key = above;

        strcpy(above, paths[i]);
        for (char *slash = strrchr(above, '/'); slash != NULL; slash = strrchr(above, '/')) {
            *slash = '\0';
            ASSERT(bsearch(&key, paths, n, sizeof(*paths), compare) == NULL);
        }
    }
    free(paths);
}

static void
check_files(const struct metainfo *mi)
{
    uint64_t end = 0, total = 0;

    for (size_t i = 0; i < mi->file_count; i++) {
        const struct metainfo_file *f = &mi->files[i];

        check_path(f->path);
        ASSERT((f->symlink != NULL) == ((f->attr & ATTR_SYMLINK) != 0));
        if (f->symlink != NULL)
            check_path(f->symlink);
        ASSERT(f->offset >= end);
        end = f->offset + f->length;
        ASSERT(end <= mi->span);
        if ((f->attr & ATTR_PAD) == 0)
            total += f->length;
        ASSERT(f->first_piece + f->piece_count <= mi->piece_count);
        ASSERT((f->piece_count == 0) == (f->length == 0));
        if (f->length > 0) {
            ASSERT(metainfo_file_at(mi, f->offset) == i);
            ASSERT(metainfo_file_at(mi, end - 1) == i);
        }
        ASSERT(!f->has_root || (mi->id.has_v2 && f->length > 0));
        ASSERT(f->layer == NULL || f->length > mi->piece_length);
    }
    ASSERT(end == mi->span && total == mi->total_size && total > 0);
}

static void
check_pieces(const struct metainfo *mi)
{
    uint64_t sum = 0;

    if (mi->piece_count > 10000)
        return;
    for (uint32_t p = 0; p < mi->piece_count; p++) {
        uint32_t len = metainfo_piece_len(mi, p);

        ASSERT(len > 0 && len <= mi->piece_length);
        sum += len;
    }
    ASSERT(sum == (mi->id.has_v1 ? mi->span : mi->total_size));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct errbuf eb = {0};
    struct metainfo *mi;
    int err = metainfo_parse(data, size, &mi, &eb);

    if (err != 0) {
        ASSERT(eb.text[0] != '\0');
        return 0;
    }
    ASSERT(mi->id.has_v1 || mi->id.has_v2);
    ASSERT((mi->pieces != NULL) == mi->id.has_v1);
    check_path(mi->name);
    check_files(mi);
    check_pieces(mi);
    check_unique(mi);
    metainfo_free(mi);
    return 0;
}
