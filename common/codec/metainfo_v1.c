/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reads the v1 list of a torrent's files: "files" or "length", and "pieces" (BEP 3, 47).
 */
#include <inttypes.h>
#include <stdio.h>

#include "common/codec/metainfo_load.h"
#include "common/crypto/sha.h"

static int
read_length(struct loader *l, struct bencode_item dict, struct metainfo_file *file, size_t index)
{
    struct bencode_item item = bencode_get(dict, "length");
    int64_t length;

    if (!bencode_exists(item))
        return errbuf_set(l->eb, SPRAT_E_MISSING, "info: length of file %zu is missing", index);
    if (!bencode_int(item, &length))
        return errbuf_set(l->eb, SPRAT_E_TYPE, "info: length of file %zu is not a number", index);
    if (length < 0)
        return errbuf_set(l->eb, SPRAT_E_RANGE, "info: length of file %zu is negative", index);
    file->length = (uint64_t)length;
    return 0;
}

/* Attributes, length and link target of one file. */
static int
read_properties(struct loader *l, struct bencode_item dict, struct metainfo_file *file,
                size_t index)
{
    int err;

    file->attr = load_attr(dict);
    if ((file->attr & ATTR_SYMLINK) == 0)
        return read_length(l, dict, file, index);
    if ((file->attr & ATTR_PAD) != 0)
        return errbuf_set(l->eb, SPRAT_E_MISMATCH, "info: file %zu is both a pad and a symlink",
                          index);
    /* A link has no payload, whatever its length says (BEP 47). A link without a target is read as
     * an empty file, as other clients do. */
    err = load_symlink(l, dict, file, index);
    if (err != SPRAT_E_MISSING)
        return err;
    file->attr &= ~(unsigned)ATTR_SYMLINK;
    return 0;
}

static int
read_path(struct loader *l, struct bencode_item dict, struct metainfo_file *file, size_t index)
{
    struct bencode_item names = bencode_get_type(dict, "path.utf-8", BENCODE_LIST);
    size_t root_len;
    int err;

    metainfo_path_init(&l->path);
    metainfo_path_add_clean(&l->path, l->mi->name);
    root_len = l->path.len;
    if (!bencode_exists(bencode_first(names)))
        names = bencode_get_type(dict, "path", BENCODE_LIST);
    if (bencode_exists(bencode_first(names))) {
        err = load_path_list(l, &l->path, names, "path", index);
        if (err != 0)
            return err;
    } else if ((file->attr & ATTR_PAD) != 0) {
        char name[24];

        snprintf(name, sizeof(name), "%" PRIu64, file->length);
        metainfo_path_add_clean(&l->path, ".pad");
        metainfo_path_add_clean(&l->path, name);
    } else {
        return errbuf_set(l->eb, SPRAT_E_MISSING, "info: path of file %zu is missing", index);
    }
    if (l->path.len == root_len)
        metainfo_path_add_clean(&l->path, "_");
    if ((file->attr & ATTR_SYMLINK) == 0 && metainfo_is_old_pad(l->path.text))
        file->attr |= ATTR_PAD;
    return 0;
}

static int
list_many(struct loader *l, struct bencode_item files)
{
    size_t index = 0;

    for (struct bencode_item it = bencode_first(files); bencode_exists(it);
         it = bencode_next(files, it), index++) {
        struct metainfo_file file = {0};
        int err;

        if (!bencode_is(it, BENCODE_DICT))
            return errbuf_set(l->eb, SPRAT_E_TYPE, "info: file %zu is not a dictionary", index);
        err = read_properties(l, it, &file, index);
        if (err == 0)
            err = read_path(l, it, &file, index);
        if (err == 0)
            err = load_add_file(l, &l->v1, &file);
        if (err != 0)
            return err;
    }
    if (index == 0)
        return errbuf_set(l->eb, SPRAT_E_MISSING, "info: files is empty");
    return 0;
}

static int
list_single(struct loader *l)
{
    struct metainfo_file file = {.attr = load_attr(l->info)};
    int err = read_length(l, l->info, &file, 0);

    if (err != 0)
        return err;
    file.attr &= ATTR_EXECUTABLE | ATTR_HIDDEN;
    metainfo_path_init(&l->path);
    metainfo_path_add_clean(&l->path, l->mi->name);
    return load_add_file(l, &l->v1, &file);
}

static int
find_pieces(struct loader *l)
{
    struct bencode_item item = bencode_get(l->info, "pieces");
    uint32_t length = l->mi->piece_length;
    uint64_t expected = l->v1.end / length + (l->v1.end % length != 0);
    size_t len;

    if (!bencode_exists(item))
        return errbuf_set(l->eb, SPRAT_E_MISSING, "info: pieces is missing");
    if (!bencode_string(item, &l->mi->pieces, &len))
        return errbuf_set(l->eb, SPRAT_E_TYPE, "info: pieces is not a string");
    if (len != expected * SHA1_LEN)
        return errbuf_set(l->eb, SPRAT_E_MISMATCH,
                          "info: pieces has %zu bytes, but %" PRIu64 " pieces need %" PRIu64, len,
                          expected, expected * SHA1_LEN);
    return 0;
}

int
load_v1_files(struct loader *l)
{
    struct bencode_item files = bencode_get(l->info, "files");
    int err;

    if (bencode_exists(files) && !bencode_is(files, BENCODE_LIST))
        return errbuf_set(l->eb, SPRAT_E_TYPE, "info: files is not a list");
    err = bencode_exists(files) ? list_many(l, files) : list_single(l);
    return err != 0 ? err : find_pieces(l);
}
