/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Makes the paths of a torrent's files compatible on one disk: no two files with one path, no file
 * with the path of another's directory, and every symlink leads to a file or directory of this
 * torrent. Renamed files get the name that libtorrent would give them: "a.txt" becomes "a.1.txt".
 *
 * Used paths form a tree whose edges are in one hash table, keyed by the parent's number and the
 * name, so the cost of a path depends only on its length, not on its depth.
 */
#include <stdio.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/base/bytes.h"
#include "common/base/utf8.h"
#include "common/codec/metainfo_load.h"
#include "common/crypto/random.h"
#include "common/ds/hashmap.h"

enum {
    /* The limit of work that a hostile torrent can cause. */
    PROBES_MAX = 1000 * 1000,
    LOOKUPS_MAX = 8 * 1000 * 1000,
    LINK_HOPS_MAX = 40,
};

/* A file or directory of the torrent in the tree of used paths. */
struct used_path {
    struct hashmap_node node;
    uint32_t parent, id; /* the torrent's root has id 0 and no entry */
    const char *path;    /* its path is the first |path_len| bytes */
    uint16_t path_len, name_len;
    const struct metainfo_file *file; /* NULL for a directory */
};

struct path_set {
    struct hashmap map;
    struct metainfo_mem mem; /* memory of the entries; freed at the end */
    uint32_t ids;
    unsigned probes, lookups;
    const char *dir_path; /* the directory of the last look-up, mostly also that of the next */
    size_t dir_len;
    uint32_t dir_id;
};

/* The key of an entry in the hash table: the parent's id, and the name below it. */
struct edge {
    uint8_t bytes[4 + METAINFO_NAME_MAX];
    size_t len;
};

static struct edge
make_edge(uint32_t parent, const char *name, size_t len)
{
    struct edge e = {.len = 4 + len};

    ASSERT(len <= METAINFO_NAME_MAX);
    put_u32be(e.bytes, parent);
    memcpy(e.bytes + 4, name, len);
    return e;
}

static bool
match(const struct hashmap_node *node, const void *key, size_t len)
{
    const struct used_path *t = (const struct used_path *)(const void *)node;
    const uint8_t *bytes = key;

    return t->name_len == len - 4 && t->parent == get_u32be(bytes) &&
           memcmp(t->path + t->path_len - t->name_len, bytes + 4, len - 4) == 0;
}

static const struct used_path *
find(const struct path_set *set, uint32_t parent, const char *name, size_t len)
{
    struct edge e = make_edge(parent, name, len);

    return (const struct used_path *)(const void *)hashmap_find(&set->map, e.bytes, e.len);
}

/* Marks the name at [at, end) of |path| below |parent| as used. */
static int
mark_used(struct path_set *set, uint32_t parent, const char *path, size_t at, size_t end,
          const struct metainfo_file *file)
{
    struct used_path *t = mem_alloc(&set->mem, sizeof(*t));
    struct edge e = make_edge(parent, path + at, end - at);

    if (t == NULL)
        return SPRAT_E_NOMEM;
    *t = (struct used_path){.parent = parent,
                            .id = ++set->ids,
                            .path = path,
                            .path_len = (uint16_t)end,
                            .name_len = (uint16_t)(end - at),
                            .file = file};
    return hashmap_add(&set->map, &t->node, e.bytes, e.len);
}

/* The offset of the last component of |path|. */
static size_t
name_at(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? (size_t)(slash - path) + 1 : 0;
}

/* Finds the directory of |path|, and marks it and its parents as used. */
static int
enter_directory(struct path_set *set, const char *path, uint32_t *dir)
{
    size_t len = name_at(path);

    *dir = 0;
    if (set->dir_path != NULL && set->dir_len == len && memcmp(set->dir_path, path, len) == 0) {
        *dir = set->dir_id;
        return 0;
    }
    for (size_t at = 0, end; at < len; at = end + 1) {
        const struct used_path *t;
        int err = 0;

        end = at + strcspn(path + at, "/");
        t = find(set, *dir, path + at, end - at);
        if (t == NULL)
            err = mark_used(set, *dir, path, at, end, NULL);
        if (err != 0)
            return err;
        *dir = t != NULL ? t->id : set->ids;
    }
    set->dir_path = path;
    set->dir_len = len;
    set->dir_id = *dir;
    return 0;
}

/* The offset of the extension of |path|; its end if there is none. A leading dot starts no
 * extension. */
static size_t
extension_at(const char *path, size_t name)
{
    const char *dot = strrchr(path + name, '.');

    return dot == NULL || dot == path + name ? strlen(path) : (size_t)(dot - path);
}

/* Writes "STEM.NUMBER.EXTENSION" with as much of the stem of |path| as the length of a name allows.
 * Returns the length of the path, which may have been truncated to |size|. */
static size_t
numbered_path(const char *path, unsigned number, char *out, size_t size)
{
    size_t name = name_at(path), ext = extension_at(path, name), room = METAINFO_NAME_MAX;
    char end[METAINFO_NAME_MAX + 16];
    int len = snprintf(end, sizeof(end), ".%u%s", number, path + ext);

    /* An extension that leaves no space for the stem does not count. */
    if (len >= METAINFO_NAME_MAX) {
        ext = strlen(path);
        len = snprintf(end, sizeof(end), ".%u", number);
    }
    room -= (size_t)len;
    if (ext - name > room)
        ext = name + utf8_whole((const uint8_t *)path + name, room);
    return (size_t)snprintf(out, size, "%.*s%s", (int)ext, path, end);
}

/* Gives |file| the first unused name below |dir|. */
static int
rename_file(struct loader *l, struct path_set *set, struct metainfo_file *file, uint32_t dir)
{
    char path[METAINFO_PATH_MAX + 1];
    size_t name = name_at(file->path);

    for (unsigned i = 1; set->probes < PROBES_MAX; i++, set->probes++) {
        size_t len = numbered_path(file->path, i, path, sizeof(path));

        if (len > METAINFO_PATH_MAX)
            return errbuf_set(l->eb, SPRAT_E_TOOBIG, "info: a path is longer than %d bytes",
                              METAINFO_PATH_MAX);
        if (find(set, dir, path + name, len - name) != NULL)
            continue;
        file->path = mem_text(l->mem, path, len);
        return file->path != NULL ? 0 : SPRAT_E_NOMEM;
    }
    return errbuf_set(l->eb, SPRAT_E_UNSAFE, "info: too many files share one path");
}

static int
enter_file(struct loader *l, struct path_set *set, struct metainfo_file *file)
{
    size_t at = name_at(file->path);
    uint32_t dir;
    int err = enter_directory(set, file->path, &dir);

    if (err == 0 && find(set, dir, file->path + at, strlen(file->path + at)) != NULL)
        err = rename_file(l, set, file, dir);
    return err != 0 ? err : mark_used(set, dir, file->path, at, strlen(file->path), file);
}

/* Follows |target| component by component through links of this torrent. NULL if it leaves the
 * torrent. */
static const struct used_path *
resolve(struct path_set *set, const char *target)
{
    char path[METAINFO_PATH_MAX + 1], next[METAINFO_PATH_MAX + 1];
    unsigned hops = 0;
    uint32_t dir = 0;
    size_t at = 0;

    snprintf(path, sizeof(path), "%s", target);
    while (set->lookups++ < LOOKUPS_MAX) {
        size_t end = at + strcspn(path + at, "/");
        const struct used_path *t = find(set, dir, path + at, end - at);
        int len;

        if (t == NULL)
            return NULL;
        if (t->file == NULL || t->file->symlink == NULL) {
            if (path[end] == '\0')
                return t;
            if (t->file != NULL)
                return NULL;
            dir = t->id;
            at = end + 1;
            continue;
        }
        len = snprintf(next, sizeof(next), "%s%s", t->file->symlink, path + end);
        if (++hops > LINK_HOPS_MAX || len > METAINFO_PATH_MAX)
            return NULL;
        memcpy(path, next, (size_t)len + 1);
        dir = 0;
        at = 0;
    }
    return NULL;
}

static int
resolve_links(struct loader *l, struct path_set *set, struct file_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        struct metainfo_file *file = &list->items[i];
        const struct used_path *t;

        if (file->symlink == NULL)
            continue;
        t = resolve(set, file->symlink);
        file->symlink = t != NULL ? mem_text(l->mem, t->path, t->path_len) : file->path;
        if (file->symlink == NULL)
            return SPRAT_E_NOMEM;
    }
    return 0;
}

/* Gives all files different paths. Directories are entered first: if a file has the path of a
 * directory, that file is renamed, and not the many files in the directory. */
static int
enter_all(struct loader *l, struct path_set *set, struct file_list *list)
{
    uint32_t dir;
    int err = 0;

    for (size_t i = 0; err == 0 && i < list->count; i++)
        if ((list->items[i].attr & ATTR_PAD) == 0)
            err = enter_directory(set, list->items[i].path, &dir);
    for (size_t i = 0; err == 0 && i < list->count; i++)
        if ((list->items[i].attr & ATTR_PAD) == 0)
            err = enter_file(l, set, &list->items[i]);
    return err;
}

int
load_unique_paths(struct loader *l)
{
    struct file_list *list = l->mi->id.has_v1 ? &l->v1 : &l->v2;
    struct path_set set = {0};
    uint64_t seed[2];
    int err;

    random_bytes(seed, sizeof(seed));
    hashmap_init(&set.map, seed, match);
    err = enter_all(l, &set, list);
    if (err == 0)
        err = resolve_links(l, &set, list);
    hashmap_fini(&set.map);
    mem_fini(&set.mem);
    return err;
}
