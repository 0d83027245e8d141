/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Few torrents have names that end like working names, so the paths that lose their working names
 * to them are kept in a sorted list, which is empty for most torrents.
 */
#include "peer/store/workname.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { SUFFIX_LEN = sizeof(WORKNAME_SUFFIX) - 1 };

static int
compare(const void *a, const void *b)
{
    char *const *x = a, *const *y = b;

    return strcasecmp(*x, *y);
}

static int
block(struct worknames *w, const char *path, size_t len)
{
    if (w->blocked_count == w->blocked_cap) {
        size_t cap = w->blocked_cap == 0 ? 8 : w->blocked_cap * 2;
        char **more = realloc(w->blocked, cap * sizeof(*more));

        if (more == NULL)
            return SPRAT_E_NOMEM;
        w->blocked = more;
        w->blocked_cap = cap;
    }
    w->blocked[w->blocked_count] = strndup(path, len);
    if (w->blocked[w->blocked_count] == NULL)
        return SPRAT_E_NOMEM;
    w->blocked_count++;
    return 0;
}

/* Blocks the working names that equal the file's name or one of its directories: a directory
 * conflicts with a file too. */
static int
block_names(struct worknames *w, const char *path)
{
    int err = 0;

    for (const char *end = path; err == 0; end++) {
        size_t len = (size_t)(end - path);

        if (*end != '/' && *end != '\0')
            continue;
        if (len > SUFFIX_LEN && strncasecmp(end - SUFFIX_LEN, WORKNAME_SUFFIX, SUFFIX_LEN) == 0)
            err = block(w, path, len - SUFFIX_LEN);
        if (*end == '\0')
            break;
    }
    return err;
}

int
worknames_init(struct worknames *w, const struct metainfo *mi)
{
    int err = 0;

    *w = (struct worknames){.mi = mi};
    for (size_t i = 0; i < mi->file_count && err == 0; i++)
        if ((mi->files[i].attr & ATTR_PAD) == 0)
            err = block_names(w, mi->files[i].path);
    if (w->blocked_count > 1)
        qsort(w->blocked, w->blocked_count, sizeof(*w->blocked), compare);
    return err;
}

void
worknames_fini(struct worknames *w)
{
    for (size_t i = 0; i < w->blocked_count; i++)
        free(w->blocked[i]);
    free(w->blocked);
    *w = (struct worknames){0};
}

static bool
is_blocked(const struct worknames *w, const char *path)
{
    return w->blocked_count > 0 &&
           bsearch(&path, w->blocked, w->blocked_count, sizeof(path), compare) != NULL;
}

bool
worknames_get(const struct worknames *w, size_t file, char out[WORKNAME_PATH_MAX])
{
    const struct metainfo_file *f = &w->mi->files[file];
    const char *slash = strrchr(f->path, '/');
    size_t len = strlen(f->path), base = slash != NULL ? len - (size_t)(slash - f->path) - 1 : len;

    if (f->length == 0 || (f->attr & (ATTR_PAD | ATTR_SYMLINK)) != 0 || len > METAINFO_PATH_MAX ||
        base + SUFFIX_LEN > NAME_MAX || is_blocked(w, f->path))
        return false;
    memcpy(out, f->path, len);
    memcpy(out + len, WORKNAME_SUFFIX, SUFFIX_LEN + 1);
    return true;
}
