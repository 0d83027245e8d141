/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Checks before writing that a torrent can be written, and after writing that the output has the
 * intended meaning. Names that every client would have to change are refused: no client would find
 * the file again under the name in the torrent.
 */
#include "common/codec/metainfo_build_check.h"

#include <inttypes.h>
#include <string.h>

#include "common/codec/metainfo_path.h"

enum {
    /* Nested dictionaries around a file of the tree: root, info, tree, its entry and its
     * properties. */
    LEVELS_AROUND = 5,
    COMPONENTS_MAX = METAINFO_DEPTH_MAX - LEVELS_AROUND,
};

/* True if cleaning leaves |name| of |len| bytes unchanged. */
static bool
is_clean(const char *name, size_t len)
{
    char clean[METAINFO_NAME_MAX + 1];

    return len > 0 && metainfo_name_clean((const uint8_t *)name, len, clean) == len &&
           memcmp(clean, name, len) == 0;
}

static int
check_path(const char *path, struct errbuf *eb)
{
    unsigned components = 0;

    for (const char *at = path;; at++) {
        size_t len = strcspn(at, "/");

        if (!is_clean(at, len))
            return errbuf_set(
                eb, SPRAT_E_INVAL,
                "the name \"%.*s\" can't stand in a torrent: names are UTF-8 of at most "
                "%d bytes, without control characters; rename it",
                (int)(len < 200 ? len : 200), at, METAINFO_NAME_MAX);
        if (++components > COMPONENTS_MAX)
            return errbuf_set(eb, SPRAT_E_INVAL, "%.200s…: more than %d directories deep", path,
                              COMPONENTS_MAX);
        at += len;
        if (*at == '\0')
            return 0;
    }
}

static int
check_v2(const struct metainfo_build *b, const struct metainfo_build_file *file, struct errbuf *eb)
{
    if (b->format == METAINFO_V1 || file->length == 0)
        return 0;
    if (file->root == NULL)
        return errbuf_set(eb, SPRAT_E_INVAL, "%s has no pieces root", file->path);
    if (file->length > b->piece_length && file->layer == NULL)
        return errbuf_set(eb, SPRAT_E_INVAL, "%s has no piece layer", file->path);
    return 0;
}

static int
check_file(const struct metainfo_build *b, const struct metainfo_build_file *file,
           struct errbuf *eb)
{
    bool link = (file->attr & ATTR_SYMLINK) != 0;
    int err = b->multi_file ? check_path(file->path, eb) : 0;

    if (err != 0)
        return err;
    if ((file->attr & ATTR_PAD) != 0 || link != (file->symlink != NULL) ||
        (link && (file->length != 0 || !b->multi_file)))
        return errbuf_set(eb, SPRAT_E_INVAL, "%s has attributes that contradict each other",
                          b->multi_file ? file->path : b->name);
    if (b->multi_file && b->format != METAINFO_V2 && metainfo_is_old_pad(file->path))
        return errbuf_set(eb, SPRAT_E_INVAL, "%s would be taken for padding; rename it",
                          file->path);
    if (link)
        return check_path(file->symlink, eb);
    return check_v2(b, file, eb);
}

/* Checks that the paths ascend strictly, and that none is a directory of the next. */
static int
check_order(const struct metainfo_build *b, struct errbuf *eb)
{
    for (size_t i = 1; i < b->file_count; i++) {
        const char *previous = b->files[i - 1].path, *path = b->files[i].path;
        size_t len = strlen(previous);

        if (metainfo_path_compare(previous, path) >= 0)
            return errbuf_set(eb, SPRAT_E_INVAL, "%s is listed twice or out of order", path);
        if (strncmp(previous, path, len) == 0 && path[len] == '/')
            return errbuf_set(eb, SPRAT_E_INVAL, "%s is a file and a directory at once", previous);
    }
    return 0;
}

/* Adds up the sizes; |*span| is the end of piece space. */
static int
check_sizes(const struct metainfo_build *b, uint64_t *span, struct errbuf *eb)
{
    uint64_t length = b->piece_length, max = (uint64_t)METAINFO_PIECES_MAX * length;
    uint64_t end = 0;

    for (size_t i = 0; i < b->file_count; i++) {
        if (b->files[i].length == 0)
            continue;
        if (b->format != METAINFO_V1)
            end = (end + length - 1) / length * length;
        if (b->files[i].length > max || end > max - b->files[i].length)
            return errbuf_set(eb, SPRAT_E_INVAL,
                              "more than %d pieces of %" PRIu64 " bytes: take larger pieces",
                              METAINFO_PIECES_MAX, length);
        end += b->files[i].length;
    }
    *span = end;
    if (end == 0)
        return errbuf_set(eb, SPRAT_E_INVAL, "%s contains no data: there is nothing to share",
                          b->name);
    return 0;
}

static int
check_pieces(const struct metainfo_build *b, struct errbuf *eb)
{
    uint64_t span;
    int err = check_sizes(b, &span, eb);

    if (err != 0 || b->format == METAINFO_V2)
        return err;
    if (b->pieces == NULL || b->piece_count != (span - 1) / b->piece_length + 1)
        return errbuf_set(eb, SPRAT_E_INVAL,
                          "%u piece hashes are given, but %" PRIu64 " are needed",
                          b->pieces != NULL ? b->piece_count : 0, (span - 1) / b->piece_length + 1);
    return 0;
}

static int
check_shape(const struct metainfo_build *b, struct errbuf *eb)
{
    uint32_t length = b->piece_length;

    if (length == 0 || length > METAINFO_PIECE_LEN_MAX ||
        (b->format != METAINFO_V1 && (length < BLOCK_LEN || (length & (length - 1)) != 0)))
        return errbuf_set(eb, SPRAT_E_INVAL, "a piece length of %u is not possible", length);
    if (b->file_count == 0 || b->file_count > METAINFO_FILES_MAX ||
        (!b->multi_file && b->file_count != 1))
        return errbuf_set(eb, SPRAT_E_INVAL, "a torrent of %zu files is not possible",
                          b->file_count);
    if (strchr(b->name, '/') != NULL)
        return errbuf_set(eb, SPRAT_E_INVAL, "the name \"%s\" has a slash", b->name);
    return check_path(b->name, eb);
}

/* Refuses URLs that metainfo_parse() would ignore. */
static int
check_urls(const struct metainfo_build *b, struct errbuf *eb)
{
    size_t trackers = 0;

    for (size_t i = 0; i < b->tier_count; i++) {
        if (b->tiers[i].count == 0)
            return errbuf_set(eb, SPRAT_E_INVAL, "a tier without a tracker");
        trackers += b->tiers[i].count;
    }
    if (trackers > METAINFO_TRACKERS_MAX || b->web_seed_count > METAINFO_WEB_SEEDS_MAX)
        return errbuf_set(eb, SPRAT_E_INVAL, "more than %d trackers or %d web seeds",
                          METAINFO_TRACKERS_MAX, METAINFO_WEB_SEEDS_MAX);
    return 0;
}

/* A private torrent does not use the DHT (BEP 27). */
static int
check_nodes(const struct metainfo_build *b, struct errbuf *eb)
{
    if (b->node_count > METAINFO_NODES_MAX)
        return errbuf_set(eb, SPRAT_E_INVAL, "more than %d DHT nodes", METAINFO_NODES_MAX);
    if (b->node_count > 0 && b->is_private)
        return errbuf_set(eb, SPRAT_E_INVAL,
                          "a private torrent gets peers from its trackers only, and has no DHT "
                          "nodes");
    return 0;
}

int
metainfo_build_check(const struct metainfo_build *b, struct errbuf *eb)
{
    int err = check_shape(b, eb);

    if (err == 0)
        err = check_urls(b, eb);
    if (err == 0)
        err = check_nodes(b, eb);
    for (size_t i = 0; err == 0 && i < b->file_count; i++)
        err = check_file(b, &b->files[i], eb);
    if (err == 0)
        err = check_order(b, eb);
    return err != 0 ? err : check_pieces(b, eb);
}

/* Compares the file |k| of |b| with the parsed one. */
static int
compare_file(const struct metainfo_build *b, size_t k, const struct metainfo *mi,
             const struct metainfo_file *file, struct errbuf *eb)
{
    size_t below = strlen(mi->name) + 1;
    const char *path = b->multi_file ? file->path + below : file->path;
    const char *meant = b->multi_file ? b->files[k].path : b->name;

    if (strcmp(path, meant) != 0)
        return errbuf_set(eb, SPRAT_E_INVAL, "%s would be called %s in the torrent", meant, path);
    if (file->symlink != NULL && strcmp(file->symlink, file->path) == 0)
        return errbuf_set(eb, SPRAT_E_INVAL,
                          "the symlink %s leads to %s, which is not in the torrent", meant,
                          b->files[k].symlink);
    return 0;
}

static int
compare_files(const struct metainfo_build *b, const struct metainfo *mi, struct errbuf *eb)
{
    size_t k = 0;
    int err = 0;

    for (size_t i = 0; err == 0 && i < mi->file_count; i++)
        if ((mi->files[i].attr & ATTR_PAD) == 0)
            err = compare_file(b, k++, mi, &mi->files[i], eb);
    return err;
}

int
metainfo_build_verify(const struct metainfo_build *b, const uint8_t *raw, size_t len,
                      struct errbuf *eb)
{
    struct metainfo *mi;
    struct errbuf why = {0};
    int err = metainfo_parse(raw, len, &mi, &why);

    if (err == SPRAT_E_NOMEM)
        return errbuf_set(eb, err, "%s", why.text);
    if (err != 0)
        return errbuf_set(eb, SPRAT_E_INVAL, "the torrent would not load: %.400s", why.text);
    err = compare_files(b, mi, eb);
    if (err == 0 && mi->node_count != b->node_count)
        err = errbuf_set(eb, SPRAT_E_INVAL, "a DHT node is not a host and a port");
    metainfo_free(mi);
    return err;
}
