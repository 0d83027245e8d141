/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Walks a tree with a list of unread directories instead of recursion, so that deep trees need
 * neither stack nor descriptors.
 */
#include "peer/store/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/codec/metainfo_build.h"
#include "common/codec/metainfo_path.h"
#include "common/sys/file.h"
#include "common/sys/paths.h"

struct dir_list {
    char **paths; /* relative to the root */
    size_t count, cap;
};

/* The path of the torrent file. */
struct own_output {
    bool known;
    dev_t dev; /* device of its directory */
    ino_t ino;
    const char *base;
};

struct walker {
    struct walk *w;
    const struct walk_options *o;
    struct dir_list dirs;
    struct own_output own;
    struct errbuf *eb;
};

static int
no_memory(struct walker *k)
{
    return errbuf_set(k->eb, SPRAT_E_NOMEM, "out of memory");
}

static int
fail_errno(struct walker *k, const char *doing, const char *path)
{
    int e = errno;

    return errbuf_set(k->eb, sprat_err_from_errno(e), "can't %s %s/%s: %s", doing, k->w->root, path,
                      strerror(e));
}

static void
notify_left_out(struct walker *k, const char *path, const char *why)
{
    struct errbuf text; /* control characters are replaced */

    if (k->o->notice == NULL)
        return;
    errbuf_set(&text, 0, "%s/%s was left out: %s", k->w->root, path, why);
    k->o->notice(k->o->user, text.text);
}

/* Takes ownership of |path| and |link| (frees them on an error). */
static int
add_entry(struct walker *k, char *path, char *link, const struct stat *st)
{
    struct walk *w = k->w;
    int err = 0;

    if (w->count == METAINFO_FILES_MAX) {
        err = errbuf_set(k->eb, SPRAT_E_LIMIT, "%s has more than %d files", w->root,
                         METAINFO_FILES_MAX);
    } else if (w->count == w->cap) {
        size_t cap = w->cap == 0 ? 64 : w->cap * 2;
        struct walk_entry *more = realloc(w->entries, cap * sizeof(*more));
        if (more == NULL) {
            err = no_memory(k);
        } else {
            w->entries = more;
            w->cap = cap;
        }
    }
    if (err != 0) {
        free(path);
        free(link);
        return err;
    }
    w->entries[w->count++] = (struct walk_entry){
        .path = path,
        .symlink = link,
        .stamp = stamp_of(st),
        .executable = link == NULL && (st->st_mode & S_IXUSR) != 0,
    };
    w->total += link == NULL ? (uint64_t)st->st_size : 0;
    return 0;
}

/* Takes ownership of |path| (frees it on an error). */
static int
add_dir(struct walker *k, char *path)
{
    struct dir_list *d = &k->dirs;

    if (d->count == d->cap) {
        size_t cap = d->cap == 0 ? 16 : d->cap * 2;
        char **more = realloc(d->paths, cap * sizeof(*more));
        if (more == NULL) {
            free(path);
            return no_memory(k);
        }
        d->paths = more;
        d->cap = cap;
    }
    d->paths[d->count++] = path;
    return 0;
}

/* Whether |path| is a name in the root that is followed if it is a link. */
static bool
is_followed(const struct walker *k, const char *path)
{
    return k->o->links && strchr(path, '/') == NULL;
}

/* The tree within which the target of the link |path| must lie: the root, or what the link leads to
 * by which the root has it. Returns its real path, which the caller frees, and |*top|, the length
 * of the part of |path| that leads to it. NULL when memory is out or the tree is gone. */
static char *
tree_of(const struct walker *k, const char *path, size_t *top)
{
    char *name, *full, *real;

    *top = k->o->links ? strcspn(path, "/") : 0;
    if (*top == 0)
        return strdup(k->w->root);
    name = strndup(path, *top);
    full = name != NULL ? path_join(k->w->root, name) : NULL;
    real = full != NULL ? realpath(full, NULL) : NULL;
    free(full);
    free(name);
    return real;
}

/* The target of a link as a path relative to the root, which the caller frees; NULL if the target
 * does not exist, is outside of the link's tree, or is the tree itself. */
static char *
link_target(const struct walker *k, const char *path)
{
    size_t top;
    char *tree = tree_of(k, path, &top);
    char *full = tree != NULL ? path_join(k->w->root, path) : NULL;
    char *real = full != NULL ? realpath(full, NULL) : NULL;
    size_t len = tree != NULL ? strlen(tree) : 0;
    char *below = NULL;

    if (real != NULL && strncmp(real, tree, len) == 0 && real[len] == '/' &&
        top + strlen(real + len) < METAINFO_PATH_MAX &&
        asprintf(&below, "%.*s%s", (int)top, path, real + len + (top == 0 ? 1 : 0)) < 0)
        below = NULL;
    free(real);
    free(full);
    free(tree);
    return below;
}

/* Takes ownership of |path|. */
static int
add_found(struct walker *k, char *path, const struct stat *st)
{
    char *target;

    switch (st->st_mode & S_IFMT) {
    case S_IFREG: return add_entry(k, path, NULL, st);
    case S_IFDIR: return add_dir(k, path);
    case S_IFLNK:
        target = link_target(k, path);
        if (target != NULL)
            return add_entry(k, path, target, st);
        notify_left_out(k, path, "it is a symbolic link that leads out of the torrent, or nowhere");
        break;
    default: notify_left_out(k, path, "it is neither a file nor a directory"); break;
    }
    free(path);
    return 0;
}

/* Checks that a name is allowed unchanged in a torrent; otherwise clients would look for the data
 * under another name. |path| is relative to the root, "" for the root itself. */
static int
check_name(struct walker *k, const char *path, const char *name)
{
    char clean[METAINFO_NAME_MAX + 1];
    size_t len = strlen(name);

    if (metainfo_name_clean((const uint8_t *)name, len, clean) == len && strcmp(clean, name) == 0)
        return 0;
    return errbuf_set(k->eb, SPRAT_E_INVAL,
                      "%s%s%s: the name can't stand in a torrent: names are UTF-8 of at most %d "
                      "bytes, without control characters; rename it",
                      k->w->root, path[0] != '\0' ? "/" : "", path, METAINFO_NAME_MAX);
}

static bool
is_torrent(const char *path)
{
    struct metainfo *mi;
    uint8_t *data;
    size_t len;
    bool is;

    if (file_read(path, METAINFO_SIZE_MAX, &data, &len, NULL) != 0)
        return false;
    is = metainfo_parse(data, len, &mi, NULL) == 0;
    free(data);
    if (is)
        metainfo_free(mi);
    return is;
}

/* Fails if the content |st| is the output file itself. */
static int
check_not_output(struct walker *k, const struct stat *st)
{
    const char *output = k->o->output;
    struct stat own;

    if (output == NULL || S_ISDIR(st->st_mode) || stat(output, &own) != 0 ||
        own.st_dev != st->st_dev || own.st_ino != st->st_ino)
        return 0;
    return errbuf_set(k->eb, SPRAT_E_INVAL,
                      "%s is the content itself, which the torrent file would replace; name "
                      "another output file",
                      output);
}

static int
add_name(struct walker *k, int dir_fd, const char *dir, const char *name)
{
    char *path = path_join(dir, name);
    struct stat st;
    int err;

    if (path == NULL)
        return no_memory(k);
    err = check_name(k, path, name);
    if (err == 0 && fstatat(dir_fd, name, &st, is_followed(k, path) ? 0 : AT_SYMLINK_NOFOLLOW) != 0)
        err = fail_errno(k, "read", path);
    if (err == 0 && is_followed(k, path))
        err = check_not_output(k, &st);
    if (err == 0)
        return add_found(k, path, &st);
    free(path);
    return err;
}

/* The output of an earlier run is not content. But if another file has the output's name, the user
 * would lose a file that they want to share. */
static int
leave_out_output(struct walker *k, int dir_fd, const char *dir, const char *name)
{
    char *path = path_join(dir, name);
    struct stat st;
    int err = 0;

    if (path == NULL)
        return no_memory(k);
    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        err = fail_errno(k, "read", path);
    else if (S_ISREG(st.st_mode) && !is_torrent(k->o->output))
        err = errbuf_set(
            k->eb, SPRAT_E_INVAL,
            "%s/%s is not a torrent file, and would be replaced by one: it is part of the "
            "content; name another output file",
            k->w->root, path);
    else
        notify_left_out(k, path, "it is the output file");
    free(path);
    return err;
}

/* True if the output is in this directory. */
static bool
holds_output(const struct walker *k, int dir_fd)
{
    struct stat st;

    return k->own.known && fstat(dir_fd, &st) == 0 && st.st_dev == k->own.dev &&
           st.st_ino == k->own.ino;
}

static int
read_names(struct walker *k, DIR *d, const char *path)
{
    bool empty = true, own = holds_output(k, dirfd(d));
    const struct dirent *e;
    int err = 0;

    while (err == 0 && (errno = 0, e = readdir(d)) != NULL) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        empty = false;
        if (own && strcmp(e->d_name, k->own.base) == 0)
            err = leave_out_output(k, dirfd(d), path, e->d_name);
        else
            err = add_name(k, dirfd(d), path, e->d_name);
    }
    if (err == 0 && errno != 0)
        err = fail_errno(k, "read", path);
    if (err == 0 && empty && path[0] != '\0')
        notify_left_out(k, path, "it is an empty directory");
    return err;
}

static int
read_dir(struct walker *k, const char *path)
{
    char *full = path[0] != '\0' ? path_join(k->w->root, path) : strdup(k->w->root);
    int fd, err, follow = path[0] != '\0' && is_followed(k, path) ? 0 : O_NOFOLLOW;
    DIR *d;

    if (full == NULL)
        return no_memory(k);
    fd = open(full, O_RDONLY | O_DIRECTORY | O_CLOEXEC | follow);
    d = fd >= 0 ? fdopendir(fd) : NULL;
    if (d == NULL) {
        err = fail_errno(k, "read", path);
        if (fd >= 0)
            close(fd);
    } else {
        err = read_names(k, d, path);
        closedir(d);
    }
    free(full);
    return err;
}

static int
read_all_dirs(struct walker *k)
{
    char *root = strdup("");
    int err = root != NULL ? add_dir(k, root) : no_memory(k);

    while (k->dirs.count > 0) {
        char *path = k->dirs.paths[--k->dirs.count];
        if (err == 0)
            err = read_dir(k, path);
        free(path);
    }
    free(k->dirs.paths);
    return err;
}

static int
compare_entries(const void *a, const void *b)
{
    const struct walk_entry *x = a, *y = b;

    return metainfo_path_compare(x->path, y->path);
}

/* True if the torrent has an entry at |path| or below it: the entries are sorted, and those of a
 * directory are adjacent. */
static bool
is_in_torrent(const struct walk *w, const char *path)
{
    size_t len = strlen(path), low = 0, high = w->count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (metainfo_path_compare(w->entries[mid].path, path) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low < w->count && strncmp(w->entries[low].path, path, len) == 0 &&
           (w->entries[low].path[len] == '\0' || w->entries[low].path[len] == '/');
}

static void
drop_entry(struct walk *w, size_t i)
{
    free(w->entries[i].path);
    free(w->entries[i].symlink);
    w->count--;
    memmove(&w->entries[i], &w->entries[i + 1], (w->count - i) * sizeof(*w->entries));
}

/* Drops links to entries that were left out. A dropped link may have been the only entry in the
 * directory that another link points to, so this repeats until no link is dropped. */
static void
drop_dead_links(struct walker *k)
{
    struct walk *w = k->w;
    size_t before;

    do {
        before = w->count;
        for (size_t i = 0; i < w->count;) {
            if (w->entries[i].symlink == NULL || is_in_torrent(w, w->entries[i].symlink)) {
                i++;
                continue;
            }
            notify_left_out(k, w->entries[i].path,
                            "it is a symbolic link to what is not in the torrent");
            drop_entry(w, i);
        }
    } while (w->count != before);
}

/* The last component of |path| if that is a name, which the caller frees; NULL for ".", "/" and the
 * like. |*dir_len| is the length of the directory part of |path|. */
static char *
last_name(const char *path, size_t *dir_len)
{
    size_t end = strlen(path), start;

    while (end > 0 && path[end - 1] == '/')
        end--;
    for (start = end; start > 0 && path[start - 1] != '/'; start--)
        ;
    *dir_len = start;
    if (start == end || (end - start == 1 && path[start] == '.') ||
        (end - start == 2 && path[start] == '.' && path[start + 1] == '.'))
        return NULL;
    return strndup(path + start, end - start);
}

/* Fills in name and parent: those of the given path, since the user chose the name of a link; else
 * those of the root. */
static int
find_name(struct walker *k, const char *path)
{
    struct walk *w = k->w;
    char *slash = strrchr(w->root, '/'), *dir;
    size_t dir_len;

    w->name = last_name(path, &dir_len);
    if (w->name != NULL) {
        dir = dir_len > 0 ? strndup(path, dir_len) : strdup(".");
        w->parent = dir != NULL ? realpath(dir, NULL) : NULL;
        free(dir);
    } else {
        w->name = strdup(slash + 1);
        w->parent = slash == w->root ? strdup("/") : strndup(w->root, (size_t)(slash - w->root));
    }
    if (w->name == NULL || w->parent == NULL)
        return no_memory(k);
    if (w->name[0] == '\0')
        return errbuf_set(k->eb, SPRAT_E_INVAL, "the root directory can't be a torrent");
    return check_name(k, "", w->name);
}

/* Fills in root, name and parent. */
static int
find_root(struct walker *k, const char *path, struct stat *st)
{
    struct walk *w = k->w;

    w->root = realpath(path, NULL);
    if (w->root == NULL || stat(w->root, st) != 0)
        return errbuf_set(k->eb, sprat_err_from_errno(errno), "can't read %s: %s", path,
                          strerror(errno));
    if (!S_ISDIR(st->st_mode) && !S_ISREG(st->st_mode))
        return errbuf_set(k->eb, SPRAT_E_INVAL, "%s is neither a file nor a directory", path);
    w->is_dir = S_ISDIR(st->st_mode);
    return find_name(k, path);
}

char *
walk_name(const char *path, struct errbuf *eb)
{
    struct walk_options o = {.path = path};
    struct walk w = {0};
    struct walker k = {.w = &w, .o = &o, .eb = eb};
    struct stat st;
    char *name = NULL;

    if (find_root(&k, path, &st) == 0) {
        name = w.name;
        w.name = NULL;
    }
    walk_fini(&w);
    return name;
}

/* Finds device and inode of the output's directory, which identify it under any path. */
static int
find_output(struct walker *k, const struct stat *root)
{
    const char *output = k->o->output, *slash;
    struct stat st;
    char *dir;
    int err;

    if (output == NULL)
        return 0;
    err = check_not_output(k, root);
    if (err != 0)
        return err;
    slash = strrchr(output, '/');
    dir = slash == NULL ? strdup(".") : strndup(output, (size_t)(slash - output) + 1);
    if (dir == NULL)
        return no_memory(k);
    k->own.base = slash != NULL ? slash + 1 : output;
    if (stat(dir, &st) == 0) {
        k->own.known = true;
        k->own.dev = st.st_dev;
        k->own.ino = st.st_ino;
    }
    free(dir);
    return 0;
}

int
walk_run(struct walk *w, const struct walk_options *o, struct errbuf *eb)
{
    struct walker k = {.w = w, .o = o, .eb = eb};
    struct stat st;
    char *none;
    int err;

    *w = (struct walk){0};
    err = find_root(&k, o->path, &st);
    if (err == 0)
        err = find_output(&k, &st);
    if (err != 0)
        return err;
    if (w->is_dir) {
        err = read_all_dirs(&k);
        if (err != 0)
            return err;
        if (w->count > 0)
            qsort(w->entries, w->count, sizeof(*w->entries), compare_entries);
        drop_dead_links(&k);
    } else {
        none = strdup("");
        err = none != NULL ? add_entry(&k, none, NULL, &st) : no_memory(&k);
    }
    if (err == 0 && w->total == 0)
        err = errbuf_set(eb, SPRAT_E_INVAL, "%s contains no data: there is nothing to share",
                         w->root);
    return err;
}

void
walk_fini(struct walk *w)
{
    for (size_t i = 0; i < w->count; i++) {
        free(w->entries[i].path);
        free(w->entries[i].symlink);
    }
    free(w->entries);
    free(w->root);
    free(w->name);
    free(w->parent);
    *w = (struct walk){0};
}
