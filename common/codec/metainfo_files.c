/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Functions for both lists of files, v1 and v2: the growing list with its totals, attributes, and
 * lists of path components (BEP 3, 47, 52).
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/codec/metainfo_load.h"

enum {
    FILES_MIN = 1,
    /* A deep tree repeats its directories in every path; a small torrent must not fill the memory.
     */
    PATH_BYTES_MAX = 256 * 1024 * 1024,
};

static int
grow(struct file_list *list)
{
    size_t cap = list->cap > 0 ? list->cap * 2 : FILES_MIN;
    struct metainfo_file *items = realloc(list->items, cap * sizeof(*items));

    if (items == NULL)
        return SPRAT_E_NOMEM;
    list->items = items;
    list->cap = cap;
    return 0;
}

int
load_add_file(struct loader *l, struct file_list *list, struct metainfo_file *file)
{
    uint64_t end_max = (uint64_t)METAINFO_PIECES_MAX * l->mi->piece_length;

    if (l->path.too_long)
        return errbuf_set(l->eb, SPRAT_E_TOOBIG, "info: a path is longer than %d bytes",
                          METAINFO_PATH_MAX);
    if (l->path.len > PATH_BYTES_MAX - list->path_bytes)
        return errbuf_set(l->eb, SPRAT_E_TOOBIG, "info: the paths take more than %d bytes",
                          PATH_BYTES_MAX);
    if (list->count == METAINFO_FILES_MAX)
        return errbuf_set(l->eb, SPRAT_E_TOOBIG, "info: more than %d files", METAINFO_FILES_MAX);
    if (file->length > end_max || list->end > end_max - file->length)
        return errbuf_set(l->eb, SPRAT_E_TOOBIG, "info: the files add up to more than %d pieces",
                          METAINFO_PIECES_MAX);
    if (list->count == list->cap && grow(list) != 0)
        return SPRAT_E_NOMEM;
    file->path = mem_text(l->mem, l->path.text, l->path.len);
    if (file->path == NULL)
        return SPRAT_E_NOMEM;
    list->path_bytes += l->path.len;
    file->offset = list->end;
    list->end += file->length;
    list->items[list->count++] = *file;
    return 0;
}

unsigned
load_attr(struct bencode_item dict)
{
    const uint8_t *s;
    size_t len;
    unsigned attr = 0;

    if (!bencode_string(bencode_get(dict, "attr"), &s, &len))
        return 0;
    for (size_t i = 0; i < len; i++) {
        switch (s[i]) {
        case 'p': attr |= ATTR_PAD; break;
        case 'x': attr |= ATTR_EXECUTABLE; break;
        case 'h': attr |= ATTR_HIDDEN; break;
        case 'l': attr |= ATTR_SYMLINK; break;
        }
    }
    return attr;
}

int
load_path_list(struct loader *l, struct metainfo_path *path, struct bencode_item names,
               const char *what, size_t index)
{
    for (struct bencode_item it = bencode_first(names); bencode_exists(it);
         it = bencode_next(names, it)) {
        const uint8_t *s;
        size_t len;

        if (!bencode_string(it, &s, &len))
            return errbuf_set(l->eb, SPRAT_E_TYPE,
                              "info: %s of file %zu holds something that is not a string", what,
                              index);
        metainfo_path_add(path, s, len);
    }
    return 0;
}

int
load_symlink(struct loader *l, struct bencode_item dict, struct metainfo_file *file, size_t index)
{
    struct bencode_item names = bencode_get_type(dict, "symlink path", BENCODE_LIST);
    struct metainfo_path target;
    int err;

    if (!bencode_exists(bencode_first(names)))
        return SPRAT_E_MISSING;
    metainfo_path_init(&target);
    metainfo_path_add_clean(&target, l->mi->name);
    err = load_path_list(l, &target, names, "symlink path", index);
    if (err != 0)
        return err;
    if (target.too_long)
        return errbuf_set(l->eb, SPRAT_E_TOOBIG, "info: symlink path of file %zu is too long",
                          index);
    file->symlink = mem_text(l->mem, target.text, target.len);
    return file->symlink != NULL ? 0 : SPRAT_E_NOMEM;
}
