/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reads the v2 list of a torrent's files, "file tree" (BEP 52), without recursion, and compares
 * both lists in a hybrid.
 */
#include <inttypes.h>
#include <string.h>

#include "common/codec/metainfo_load.h"
#include "common/crypto/sha.h"

/* The open dictionaries from the tree's root; the decoder's depth limit is smaller than this stack.
 */
struct level {
    struct bencode_item dict, key;
    size_t path_len;
};

struct walk {
    struct level levels[METAINFO_DEPTH_MAX];
    size_t depth;
    size_t index; /* index of the next file */
    bool single;
};

static int
read_length(struct loader *l, struct bencode_item props, struct metainfo_file *file, size_t index)
{
    int64_t length;

    if (!bencode_exists(bencode_get(props, "length")))
        return errbuf_set(l->eb, SPRAT_E_MISSING, "info: length of v2 file %zu is missing", index);
    if (!bencode_int(bencode_get(props, "length"), &length))
        return errbuf_set(l->eb, SPRAT_E_TYPE, "info: length of v2 file %zu is not a number",
                          index);
    if (length < 0)
        return errbuf_set(l->eb, SPRAT_E_RANGE, "info: length of v2 file %zu is negative", index);
    file->length = (uint64_t)length;
    return 0;
}

/* An empty file has no root; if the torrent has one all the same, it is ignored. */
static int
read_root(struct loader *l, struct bencode_item props, struct metainfo_file *file, size_t index)
{
    static const uint8_t zeros[SHA256_LEN];
    const uint8_t *root;
    size_t len;

    if (file->length == 0)
        return 0;
    if (!bencode_exists(bencode_get(props, "pieces root")))
        return errbuf_set(l->eb, SPRAT_E_MISSING, "info: pieces root of v2 file %zu is missing",
                          index);
    if (!bencode_string(bencode_get(props, "pieces root"), &root, &len) || len != SHA256_LEN)
        return errbuf_set(l->eb, SPRAT_E_TYPE,
                          "info: pieces root of v2 file %zu is not a string of 32 bytes", index);
    if (memcmp(root, zeros, SHA256_LEN) == 0)
        return errbuf_set(l->eb, SPRAT_E_RANGE, "info: pieces root of v2 file %zu is all zeros",
                          index);
    memcpy(file->root, root, SHA256_LEN);
    file->has_root = true;
    return 0;
}

/* Moves the end of the list to the next piece, where a non-empty file starts. */
static void
align_end(struct loader *l)
{
    uint64_t length = l->mi->piece_length;

    l->v2.end = (l->v2.end + length - 1) / length * length;
}

static int
add_leaf(struct loader *l, struct bencode_item props, size_t index)
{
    struct metainfo_file file = {.attr = load_attr(props)};
    int err;

    if (!bencode_is(props, BENCODE_DICT))
        return errbuf_set(l->eb, SPRAT_E_TYPE, "info: v2 file %zu is not a dictionary", index);
    if ((file.attr & ATTR_PAD) != 0)
        return errbuf_set(l->eb, SPRAT_E_MISMATCH, "info: v2 file %zu is a pad: v2 has none",
                          index);
    if ((file.attr & ATTR_SYMLINK) != 0) {
        err = load_symlink(l, props, &file, index);
        if (err == SPRAT_E_MISSING)
            errbuf_set(l->eb, err, "info: symlink path of v2 file %zu is missing", index);
    } else {
        err = read_length(l, props, &file, index);
        if (err == 0)
            err = read_root(l, props, &file, index);
    }
    if (err != 0)
        return err;
    if (file.length > 0)
        align_end(l);
    return load_add_file(l, &l->v2, &file);
}

/* True if |dict| has the one key "": it describes a file, not a directory. */
static bool
is_leaf(struct bencode_item dict)
{
    struct bencode_item key = bencode_first(dict);

    return bencode_string_equal(key, "") && !bencode_exists(bencode_next(dict, key));
}

/* Handles the current entry of the innermost directory, |at|. */
static int
visit(struct loader *l, struct walk *w, const struct level *at)
{
    struct bencode_item value = bencode_value(at->key);
    const uint8_t *name;
    size_t len, before = l->path.len;
    bool leaf = is_leaf(value);

    if (!bencode_is(value, BENCODE_DICT))
        return errbuf_set(l->eb, SPRAT_E_TYPE, "info: an entry of file tree is not a dictionary");
    if (!bencode_string(at->key, &name, &len) || len == 0)
        return errbuf_set(l->eb, SPRAT_E_TYPE,
                          "info: an entry of file tree has no name, or is a "
                          "file and a directory at once");
    metainfo_path_add(&l->path, name, len);
    if (leaf) {
        if (l->path.len == before)
            metainfo_path_add_clean(&l->path, w->single ? l->mi->name : "_");
        return add_leaf(l, bencode_value(bencode_first(value)), w->index++);
    }
    if (w->depth == METAINFO_DEPTH_MAX)
        return errbuf_set(l->eb, SPRAT_E_DEPTH, "info: file tree is nested too deeply");
    w->levels[w->depth++] =
        (struct level){.dict = value, .key = bencode_first(value), .path_len = l->path.len};
    return 0;
}

static int
walk_tree(struct loader *l, struct walk *w)
{
    while (w->depth > 0) {
        struct level *top = &w->levels[w->depth - 1];
        struct level at = *top;
        int err;

        if (!bencode_exists(at.key)) {
            w->depth--;
            continue;
        }
        top->key = bencode_next(at.dict, at.key);
        metainfo_path_cut(&l->path, at.path_len);
        err = visit(l, w, &at);
        if (err != 0)
            return err;
    }
    return 0;
}

int
load_v2_files(struct loader *l)
{
    struct bencode_item tree = bencode_get(l->info, "file tree");
    struct bencode_item key = bencode_first(tree);
    struct walk w = {.depth = 1};
    int err;

    if (!bencode_exists(tree))
        return errbuf_set(l->eb, SPRAT_E_MISSING, "info: file tree is missing");
    if (!bencode_is(tree, BENCODE_DICT))
        return errbuf_set(l->eb, SPRAT_E_TYPE, "info: file tree is not a dictionary");
    w.single = !bencode_exists(bencode_get(l->info, "files")) &&
               !bencode_exists(bencode_next(tree, key)) && is_leaf(bencode_value(key));
    metainfo_path_init(&l->path);
    if (!w.single)
        metainfo_path_add_clean(&l->path, l->mi->name);
    w.levels[0] = (struct level){.dict = tree, .key = key, .path_len = l->path.len};
    err = walk_tree(l, &w);
    if (err != 0)
        return err;
    if (l->v2.count == 0)
        return errbuf_set(l->eb, SPRAT_E_MISSING, "info: file tree has no file");
    l->mi->multi_file = !w.single;
    return 0;
}

static int
differ(struct loader *l, const char *what, const struct metainfo_file *file)
{
    return errbuf_set(l->eb, SPRAT_E_MISMATCH, "info: the v1 and the v2 description differ: %s %s",
                      what, file->path);
}

/* Compares both entries of one file, and completes the v1 entry. */
static int
merge(struct loader *l, struct metainfo_file *v1, const struct metainfo_file *v2)
{
    if (strcmp(v1->path, v2->path) != 0)
        return differ(l, "path", v1);
    if (v1->length != v2->length)
        return differ(l, "length of", v1);
    if (v1->length > 0 && v1->offset != v2->offset)
        return differ(l, "piece alignment of", v1);
    if ((v1->attr & ATTR_SYMLINK) != (v2->attr & ATTR_SYMLINK) ||
        (v1->symlink != NULL && strcmp(v1->symlink, v2->symlink) != 0))
        return differ(l, "symlink", v1);
    v1->attr |= v2->attr;
    v1->has_root = v2->has_root;
    memcpy(v1->root, v2->root, sizeof(v1->root));
    return 0;
}

int
load_hybrid(struct loader *l)
{
    uint64_t length = l->mi->piece_length;
    size_t k = 0;

    for (size_t i = 0; i < l->v1.count; i++) {
        int err;

        if ((l->v1.items[i].attr & ATTR_PAD) != 0)
            continue;
        if (k == l->v2.count)
            return differ(l, "v1 alone has", &l->v1.items[i]);
        err = merge(l, &l->v1.items[i], &l->v2.items[k++]);
        if (err != 0)
            return err;
    }
    if (k < l->v2.count)
        return differ(l, "v2 alone has", &l->v2.items[k]);
    /* A pad may fill the last piece, but not start another one. */
    if ((l->v1.end + length - 1) / length != (l->v2.end + length - 1) / length)
        return errbuf_set(l->eb, SPRAT_E_MISMATCH,
                          "info: the v1 description has %" PRIu64 " bytes behind the last file",
                          l->v1.end - l->v2.end);
    return 0;
}
