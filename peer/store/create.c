/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Creates a torrent file in four steps: walk, layout, hashing, writing. The layout is that of
 * metainfo_build(): v1 files lie end to end, v2 files start with a piece, and in a hybrid pads fill
 * the gaps.
 */
#include "peer/store/create.h"

#include <stdlib.h>
#include <string.h>

#include "common/codec/merkle.h"
#include "common/codec/metainfo_build.h"
#include "common/sys/paths.h"
#include "peer/store/createhash.h"
#include "peer/store/walk.h"

struct creation {
    const struct create_options *opt;
    struct walk walk;
    struct createhash hash;
    struct createhash_file *solid;      /* files with bytes */
    char **paths;                       /* absolute paths of |solid| */
    struct metainfo_build_file *files;  /* all */
    uint8_t *roots;                     /* 32 bytes per solid file */
    uint32_t piece_count;
};

uint32_t
create_piece_length(uint64_t total)
{
    uint32_t len = CREATE_PIECE_LEN_MIN;

    while (len < CREATE_PIECE_LEN_AUTO_MAX && total / len > CREATE_PIECES_AIM)
        len *= 2;
    return len;
}

static int
check_piece_length(const struct create_options *opt, struct errbuf *eb)
{
    uint32_t len = opt->piece_length;

    if (len == 0 || (len >= CREATE_PIECE_LEN_MIN && len <= METAINFO_PIECE_LEN_MAX &&
                     (len & (len - 1)) == 0))
        return 0;
    return errbuf_set(eb, SPRAT_E_INVAL,
                      "a piece length of %u is not possible: it is a power of two from %d to %d",
                      len, CREATE_PIECE_LEN_MIN, METAINFO_PIECE_LEN_MAX);
}

static bool
on_progress(void *user, uint64_t done)
{
    const struct creation *c = user;
    uint64_t total = c->walk.total;

    return c->opt->progress(c->opt->user, done < total ? done : total, total);
}

/* The path at which a file is read, which the caller frees; NULL when memory is out, or if a link
 * that leads to the file is gone. */
static char *
path_of(const struct creation *c, const struct walk_entry *e)
{
    char *path, *real;

    if (!c->walk.is_dir)
        return strdup(c->walk.root);
    path = path_join(c->walk.root, e->path);
    if (!c->opt->links || path == NULL)
        return path;
    real = realpath(path, NULL);
    free(path);
    return real;
}

/* Assigns each file with bytes its offset in piece space. */
static int
lay_out(struct creation *c, struct errbuf *eb)
{
    struct walk *w = &c->walk;
    bool aligned = c->opt->format != METAINFO_V1;
    uint64_t end = 0, piece = c->hash.piece_length;

    for (size_t i = 0; i < w->count; i++) {
        struct createhash_file *f = &c->solid[c->hash.file_count];
        const struct walk_entry *e = &w->entries[i];

        if (e->symlink != NULL || e->stamp.size == 0)
            continue;
        if (aligned)
            end = (end + piece - 1) / piece * piece;
        c->paths[c->hash.file_count] = path_of(c, e);
        if (c->paths[c->hash.file_count] == NULL)
            return errbuf_set(eb, SPRAT_E_CHANGED, "%s/%s can't be read any more", w->root,
                              e->path);
        *f = (struct createhash_file){
            .path = c->paths[c->hash.file_count], .offset = end, .stamp = e->stamp,
        };
        c->hash.file_count++;
        if (e->stamp.size > UINT64_MAX / 2 - end)
            return errbuf_set(eb, SPRAT_E_TOOBIG, "%s: too many bytes", w->root);
        end += e->stamp.size;
    }
    if ((end - 1) / piece >= METAINFO_PIECES_MAX)
        return errbuf_set(eb, SPRAT_E_INVAL,
                          "%s has more than %d pieces of %u bytes: take larger ones", w->root,
                          METAINFO_PIECES_MAX, c->hash.piece_length);
    c->hash.span = end;
    c->piece_count = (uint32_t)((end - 1) / piece + 1);
    return 0;
}

static int
prepare(struct creation *c, struct errbuf *eb)
{
    const struct create_options *opt = c->opt;
    size_t n = c->walk.count;
    int err;

    c->hash.piece_length =
        opt->piece_length != 0 ? opt->piece_length : create_piece_length(c->walk.total);
    c->hash.threads = opt->threads;
    c->solid = calloc(n, sizeof(*c->solid));
    c->paths = calloc(n, sizeof(*c->paths));
    c->files = calloc(n, sizeof(*c->files));
    if (c->solid == NULL || c->paths == NULL || c->files == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    err = lay_out(c, eb);
    if (err != 0)
        return err;
    c->hash.files = c->solid;
    if (opt->format != METAINFO_V2)
        c->hash.sha1 = malloc((size_t)c->piece_count * 20);
    if (opt->format != METAINFO_V1) {
        c->hash.nodes = malloc((size_t)c->piece_count * 32);
        c->roots = malloc(c->hash.file_count * 32);
    }
    if ((opt->format != METAINFO_V2 && c->hash.sha1 == NULL) ||
        (opt->format != METAINFO_V1 && (c->hash.nodes == NULL || c->roots == NULL)))
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    c->hash.progress = opt->progress != NULL ? on_progress : NULL;
    c->hash.user = c;
    return 0;
}

/* Sets the piece layer and the root of |out|, a file that is not empty. */
static int
set_v2(struct creation *c, size_t solid, struct metainfo_build_file *out)
{
    const struct createhash_file *f = &c->solid[solid];
    uint32_t piece = c->hash.piece_length;
    const uint8_t *nodes = c->hash.nodes + 32 * (size_t)(f->offset / piece);
    size_t pieces = (size_t)((f->stamp.size - 1) / piece + 1);
    uint8_t *root = c->roots + 32 * solid;

    out->root = root;
    if (pieces == 1) {
        memcpy(root, nodes, 32);
        return 0;
    }
    out->layer = nodes;
    return merkle_root(nodes, pieces, merkle_log2(piece / BLOCK_LEN), merkle_log2(pieces), root);
}

static int
describe_files(struct creation *c, struct errbuf *eb)
{
    size_t solid = 0;

    for (size_t i = 0; i < c->walk.count; i++) {
        const struct walk_entry *e = &c->walk.entries[i];
        struct metainfo_build_file *f = &c->files[i];

        *f = (struct metainfo_build_file){
            .path = e->path,
            .symlink = e->symlink,
            .length = e->symlink == NULL ? e->stamp.size : 0,
            .attr = (e->symlink != NULL ? ATTR_SYMLINK : 0u) |
                    (e->executable ? ATTR_EXECUTABLE : 0u),
        };
        if (f->length == 0)
            continue;
        if (c->hash.nodes != NULL && set_v2(c, solid, f) != 0)
            return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
        solid++;
    }
    return 0;
}

static int
build(struct creation *c, struct buf *out, struct errbuf *eb)
{
    const struct create_options *opt = c->opt;
    struct metainfo_build b = {
        .format = opt->format,
        .name = c->walk.name,
        .multi_file = c->walk.is_dir,
        .piece_length = c->hash.piece_length,
        .files = c->files,
        .file_count = c->walk.count,
        .pieces = c->hash.sha1,
        .piece_count = c->piece_count,
        .tiers = opt->tiers,
        .tier_count = opt->tier_count,
        .web_seeds = opt->web_seeds,
        .web_seed_count = opt->web_seed_count,
        .nodes = opt->nodes,
        .node_count = opt->node_count,
        .is_private = opt->is_private,
        .source = opt->source,
        .comment = opt->comment,
        .created_by = opt->created_by,
        .creation_date = opt->creation_date,
    };

    return metainfo_build(&b, out, eb);
}

static void
creation_fini(struct creation *c)
{
    for (size_t i = 0; c->paths != NULL && i < c->walk.count; i++)
        free(c->paths[i]);
    free(c->paths);
    free(c->solid);
    free(c->files);
    free(c->roots);
    free(c->hash.sha1);
    free(c->hash.nodes);
    walk_fini(&c->walk);
}

static int
walk(struct creation *c, const char *path, struct errbuf *eb)
{
    const struct create_options *opt = c->opt;
    const struct walk_options o = {.path = path,
                                   .output = opt->output,
                                   .links = opt->links,
                                   .notice = opt->notice,
                                   .user = opt->user};

    return walk_run(&c->walk, &o, eb);
}

/* A v2 file tree with a single file at the top means a torrent of that file, without a directory
 * (BEP 52). */
static int
enter_lone_file(struct creation *c, struct errbuf *eb)
{
    const struct create_options *opt = c->opt;
    struct errbuf text;
    char *path;
    int err;

    if (opt->format != METAINFO_V2 || !c->walk.is_dir || c->walk.count != 1 ||
        strchr(c->walk.entries[0].path, '/') != NULL)
        return 0;
    path = path_join(c->walk.root, c->walk.entries[0].path);
    if (path == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    errbuf_set(&text, 0, "%s is alone in its directory: a v2 torrent of one file has none", path);
    if (opt->notice != NULL)
        opt->notice(opt->user, text.text);
    walk_fini(&c->walk);
    err = walk(c, path, eb);
    free(path);
    return err;
}

int
create_run(const struct create_options *opt, struct buf *out, char **dir, struct errbuf *eb)
{
    struct creation c = {.opt = opt};
    int err = check_piece_length(opt, eb);

    if (err == 0)
        err = walk(&c, opt->path, eb);
    if (err == 0)
        err = enter_lone_file(&c, eb);
    if (err == 0)
        err = prepare(&c, eb);
    if (err == 0)
        err = createhash_run(&c.hash, eb);
    if (err == 0)
        err = describe_files(&c, eb);
    if (err == 0)
        err = build(&c, out, eb);
    if (err == 0 && dir != NULL) {
        *dir = c.walk.parent;
        c.walk.parent = NULL;
    }
    creation_fini(&c);
    return err;
}

char *
create_name(const char *path, struct errbuf *eb)
{
    return walk_name(path, eb);
}
