/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Writes torrent files (BEP 3, 12, 19, 27, 47, 52). The caller has walked the directory and hashed
 * the files. The output is read back with metainfo_parse(), so that every written torrent loads
 * with the same meaning.
 */
#include "common/codec/metainfo_build.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/codec/bencode.h"
#include "common/codec/metainfo_build_check.h"
#include "common/crypto/sha.h"

/* The rank of a byte in a path: the end comes first, then the separator, then all other bytes, so
 * that comparing paths compares them component by component. */
static int
rank(char c)
{
    return c == '\0' ? 0 : c == '/' ? 1 : (unsigned char)c + 2;
}

int
metainfo_path_compare(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return rank(*a) - rank(*b);
}

/* Writes a path as the list of its components. */
static void
put_path(struct bencode_writer *w, const char *path)
{
    bencode_begin_list(w);
    for (;;) {
        size_t len = strcspn(path, "/");

        bencode_put_string(w, path, len);
        if (path[len] == '\0')
            break;
        path += len + 1;
    }
    bencode_end(w);
}

static void
put_attr(struct bencode_writer *w, unsigned attr)
{
    char text[4];
    size_t len = 0;

    if ((attr & ATTR_HIDDEN) != 0)
        text[len++] = 'h';
    if ((attr & ATTR_SYMLINK) != 0)
        text[len++] = 'l';
    if ((attr & ATTR_EXECUTABLE) != 0)
        text[len++] = 'x';
    if (len == 0)
        return;
    bencode_put_key(w, "attr");
    bencode_put_string(w, text, len);
}

static void
put_symlink(struct bencode_writer *w, const struct metainfo_build_file *file)
{
    if (file->symlink == NULL)
        return;
    bencode_put_key(w, "symlink path");
    put_path(w, file->symlink);
}

/* Pads only make the next file start with a piece: |pad| is the gap before it. */
static void
put_pad(struct bencode_writer *w, uint64_t pad)
{
    char name[24];

    snprintf(name, sizeof(name), "%" PRIu64, pad);
    bencode_begin_dict(w);
    bencode_put_key(w, "attr");
    bencode_put_cstr(w, "p");
    bencode_put_key(w, "length");
    bencode_put_int(w, (int64_t)pad);
    bencode_put_key(w, "path");
    bencode_begin_list(w);
    bencode_put_cstr(w, ".pad");
    bencode_put_cstr(w, name);
    bencode_end(w);
    bencode_end(w);
}

/* One past the last file that is not empty: no pad is needed after it. */
static size_t
solid_end(const struct metainfo_build *b)
{
    size_t end = b->file_count;

    while (end > 0 && b->files[end - 1].length == 0)
        end--;
    return end;
}

static void
put_v1_files(struct bencode_writer *w, const struct metainfo_build *b)
{
    size_t last = solid_end(b);

    bencode_put_key(w, "files");
    bencode_begin_list(w);
    for (size_t i = 0; i < b->file_count; i++) {
        const struct metainfo_build_file *file = &b->files[i];
        uint64_t over = file->length % b->piece_length;

        bencode_begin_dict(w);
        put_attr(w, file->attr);
        bencode_put_key(w, "length");
        bencode_put_int(w, (int64_t)file->length);
        bencode_put_key(w, "path");
        put_path(w, file->path);
        put_symlink(w, file);
        bencode_end(w);
        if (b->format == METAINFO_HYBRID && over > 0 && i + 1 < last)
            put_pad(w, b->piece_length - over);
    }
    bencode_end(w);
}

/* The properties of a file, under the empty key of its entry in the tree. */
static void
put_v2_leaf(struct bencode_writer *w, const struct metainfo_build_file *file)
{
    bencode_begin_dict(w);
    bencode_put_key(w, "");
    bencode_begin_dict(w);
    put_attr(w, file->attr);
    bencode_put_key(w, "length");
    bencode_put_int(w, (int64_t)file->length);
    if (file->length > 0) {
        bencode_put_key(w, "pieces root");
        bencode_put_string(w, file->root, SHA256_LEN);
    }
    put_symlink(w, file);
    bencode_end(w);
    bencode_end(w);
}

/* The number of bytes of whole directories, with their slashes, that two paths have in common at
 * the start. */
static size_t
common_directories(const char *a, const char *b)
{
    size_t common = 0;

    for (size_t i = 0; a[i] == b[i] && a[i] != '\0'; i++)
        if (a[i] == '/')
            common = i + 1;
    return common;
}

static size_t
count_slashes(const char *path)
{
    size_t n = 0;

    for (; *path != '\0'; path++)
        n += *path == '/';
    return n;
}

/* Files come in the order of the tree, so the tree is written in one pass: directories are closed
 * and opened where the path changes. */
static void
put_v2_tree(struct bencode_writer *w, const struct metainfo_build *b)
{
    const char *previous = "";

    bencode_put_key(w, "file tree");
    bencode_begin_dict(w);
    for (size_t i = 0; i < b->file_count; i++) {
        const char *path = b->multi_file ? b->files[i].path : b->name;
        size_t at = common_directories(previous, path);
        size_t len = strcspn(path + at, "/");

        for (size_t n = count_slashes(previous + at); n > 0; n--)
            bencode_end(w);
        while (path[at + len] == '/') {
            bencode_put_key_bytes(w, path + at, len);
            bencode_begin_dict(w);
            at += len + 1;
            len = strcspn(path + at, "/");
        }
        bencode_put_key(w, path + at);
        put_v2_leaf(w, &b->files[i]);
        previous = path;
    }
    for (size_t n = count_slashes(previous); n > 0; n--)
        bencode_end(w);
    bencode_end(w);
}

static void
put_info(struct bencode_writer *w, const struct metainfo_build *b)
{
    bool v1 = b->format != METAINFO_V2;
    bool v2 = b->format != METAINFO_V1;

    bencode_begin_dict(w);
    if (v1 && !b->multi_file)
        put_attr(w, b->files[0].attr);
    if (v2)
        put_v2_tree(w, b);
    if (v1 && b->multi_file)
        put_v1_files(w, b);
    if (v1 && !b->multi_file) {
        bencode_put_key(w, "length");
        bencode_put_int(w, (int64_t)b->files[0].length);
    }
    if (v2) {
        bencode_put_key(w, "meta version");
        bencode_put_int(w, 2);
    }
    bencode_put_key(w, "name");
    bencode_put_cstr(w, b->name);
    bencode_put_key(w, "piece length");
    bencode_put_int(w, b->piece_length);
    if (v1) {
        bencode_put_key(w, "pieces");
        bencode_put_string(w, b->pieces, (size_t)b->piece_count * SHA1_LEN);
    }
    if (b->is_private) {
        bencode_put_key(w, "private");
        bencode_put_int(w, 1);
    }
    if (b->source != NULL) {
        bencode_put_key(w, "source");
        bencode_put_cstr(w, b->source);
    }
    bencode_end(w);
}

static int
compare_roots(const void *a, const void *b)
{
    const struct metainfo_build_file *const *x = a, *const *y = b;

    return memcmp((*x)->root, (*y)->root, SHA256_LEN);
}

/* One entry per root: files with the same content share it. */
static int
put_layers(struct bencode_writer *w, const struct metainfo_build *b)
{
    const struct metainfo_build_file **large = calloc(b->file_count, sizeof(*large));
    const uint8_t *previous = NULL;
    size_t n = 0;

    if (large == NULL)
        return SPRAT_E_NOMEM;
    for (size_t i = 0; i < b->file_count; i++)
        if (b->files[i].length > b->piece_length)
            large[n++] = &b->files[i];
    qsort(large, n, sizeof(*large), compare_roots);
    bencode_put_key(w, "piece layers");
    bencode_begin_dict(w);
    for (size_t i = 0; i < n; i++) {
        uint64_t pieces = (large[i]->length - 1) / b->piece_length + 1;

        if (previous != NULL && memcmp(previous, large[i]->root, SHA256_LEN) == 0)
            continue;
        previous = large[i]->root;
        bencode_put_key_bytes(w, previous, SHA256_LEN);
        bencode_put_string(w, large[i]->layer, (size_t)pieces * SHA256_LEN);
    }
    bencode_end(w);
    free(large);
    return 0;
}

static void
put_trackers(struct bencode_writer *w, const struct metainfo_build *b)
{
    if (b->tier_count == 0)
        return;
    bencode_put_key(w, "announce");
    bencode_put_cstr(w, b->tiers[0].urls[0]);
    if (b->tier_count == 1 && b->tiers[0].count == 1)
        return;
    bencode_put_key(w, "announce-list");
    bencode_begin_list(w);
    for (size_t i = 0; i < b->tier_count; i++) {
        bencode_begin_list(w);
        for (size_t k = 0; k < b->tiers[i].count; k++)
            bencode_put_cstr(w, b->tiers[i].urls[k]);
        bencode_end(w);
    }
    bencode_end(w);
}

static void
put_text(struct bencode_writer *w, const char *key, const char *text)
{
    if (text == NULL)
        return;
    bencode_put_key(w, key);
    bencode_put_cstr(w, text);
}

static void
put_nodes(struct bencode_writer *w, const struct metainfo_build *b)
{
    if (b->node_count == 0)
        return;
    bencode_put_key(w, "nodes");
    bencode_begin_list(w);
    for (size_t i = 0; i < b->node_count; i++) {
        bencode_begin_list(w);
        bencode_put_cstr(w, b->nodes[i].host);
        bencode_put_int(w, b->nodes[i].port);
        bencode_end(w);
    }
    bencode_end(w);
}

int
metainfo_build(const struct metainfo_build *b, struct buf *out, struct errbuf *eb)
{
    struct bencode_writer w;
    size_t start = buf_len(out);
    int err = metainfo_build_check(b, eb);

    if (err != 0)
        return err;
    bencode_writer_init(&w, out);
    bencode_begin_dict(&w);
    put_trackers(&w, b);
    put_text(&w, "comment", b->comment);
    put_text(&w, "created by", b->created_by);
    if (b->creation_date != 0) {
        bencode_put_key(&w, "creation date");
        bencode_put_int(&w, b->creation_date);
    }
    bencode_put_key(&w, "info");
    put_info(&w, b);
    put_nodes(&w, b);
    if (b->format != METAINFO_V1 && put_layers(&w, b) != 0)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    if (b->web_seed_count > 0) {
        bencode_put_key(&w, "url-list");
        bencode_begin_list(&w);
        for (size_t i = 0; i < b->web_seed_count; i++)
            bencode_put_cstr(&w, b->web_seeds[i]);
        bencode_end(&w);
    }
    bencode_end(&w);
    if (out->err != 0)
        return errbuf_set(eb, out->err, "the torrent file: %s", sprat_strerror(out->err));
    return metainfo_build_verify(b, buf_data(out) + start, buf_len(out) - start, eb);
}
