/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Creates the files of a torrent that have no bytes to download: empty files and symbolic links
 * (BEP 47).
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "peer/store/filetree.h"
#include "peer/store/safepath.h"

/* The text goes up from the link's directory to the common one, then down to the target. */
char *
filetree_link_text(const char *path, const char *target)
{
    size_t common = 0, depth = 0;
    char *text, *end;

    for (size_t i = 0; path[i] != '\0' && path[i] == target[i]; i++)
        if (path[i] == '/')
            common = i + 1;
    for (const char *c = path + common; *c != '\0'; c++)
        depth += *c == '/';
    text = malloc(depth * 3 + strlen(target + common) + 1);
    if (text == NULL)
        return NULL;
    for (end = text; depth > 0; depth--)
        end = stpcpy(end, "../");
    strcpy(end, target + common);
    return text;
}

static int
make_link(struct filetree *t, const struct metainfo_file *f, struct errbuf *eb)
{
    char *text = filetree_link_text(f->path, f->symlink);
    int err;

    if (text == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    err = safepath_symlink(t->dir, f->path, text, eb);
    free(text);
    return err;
}

static int
make_empty(struct filetree *t, const struct metainfo_file *f, struct errbuf *eb)
{
    int fd, err = safepath_open(t->dir, f->path, SAFEPATH_EITHER,
                                (f->attr & ATTR_EXECUTABLE) != 0 ? 0777 : 0666, &fd, NULL, eb);

    if (err == 0)
        close(fd);
    return err;
}

/* Creates all files of one kind, then syncs their names; consecutive files in one directory need
 * one sync. */
static int
make_all(struct filetree *t, bool (*is_meant)(const struct metainfo_file *f),
         int (*make)(struct filetree *t, const struct metainfo_file *f, struct errbuf *eb),
         struct errbuf *eb)
{
    const struct metainfo *mi = t->mi;
    const char *synced_dir = NULL;
    int err = 0;

    for (size_t i = 0; i < mi->file_count && err == 0; i++)
        if (is_meant(&mi->files[i]) && parts_wants(&t->parts, i))
            err = make(t, &mi->files[i], eb);
    for (size_t i = 0; i < mi->file_count && err == 0; i++) {
        const char *path = mi->files[i].path;

        if (!is_meant(&mi->files[i]) || !parts_wants(&t->parts, i) ||
            (synced_dir != NULL && safepath_is_beside(synced_dir, path)))
            continue;
        err = safepath_sync_dirs(t->dir, path, eb);
        synced_dir = path;
    }
    return err;
}

static bool
is_empty(const struct metainfo_file *f)
{
    return f->length == 0 && (f->attr & (ATTR_PAD | ATTR_SYMLINK)) == 0;
}

int
filetree_finish(struct filetree *t, struct errbuf *eb)
{
    int err;

    if (!t->writable)
        return 0;
    err = make_all(t, is_empty, make_empty, eb);
    /* Links come last, so that no file is ever written through a link. */
    return err != 0 ? err : make_all(t, filetree_is_link, make_link, eb);
}
