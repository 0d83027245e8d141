/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Decides by names and by the types of files; reads no content.
 */
#include "peer/cli/contentdir.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/sys/paths.h"

static bool
holds(const char *dir, const char *name)
{
    char *path = path_join(dir, name);
    struct stat st;
    bool there = path != NULL && lstat(path, &st) == 0;

    free(path);
    return there;
}

/* Shortens the absolute |path| to its parent. */
static void
to_parent(char *path)
{
    char *slash = strrchr(path, '/');

    slash[slash == path ? 1 : 0] = '\0';
}

/* Returns the directory that contains |path|, to be freed, if the last component of |path| is
 * |name|; else NULL. The last component is not resolved: it may be a symbolic link that has the
 * torrent's name and whose target has a different name. */
static char *
parent_as_given(const char *path, const char *name)
{
    size_t end = strlen(path), len = strlen(name);
    char *dir, *real;

    while (end > 1 && path[end - 1] == '/')
        end--;
    if (end < len || memcmp(path + end - len, name, len) != 0 ||
        (end > len && path[end - len - 1] != '/'))
        return NULL;
    dir = end > len ? strndup(path, end - len) : strdup(".");
    real = dir != NULL ? realpath(dir, NULL) : NULL;
    free(dir);
    return real;
}

int
contentdir_find(const struct metainfo *mi, const char *path, char **dir, struct errbuf *eb)
{
    struct stat st;
    char *whole, *parent;
    int err;

    if (stat(path, &st) != 0)
        return errbuf_set(eb, sprat_err_from_errno(errno), "%s: %s", path, strerror(errno));
    err = path_absolute(path, &whole, eb);
    if (err != 0)
        return err;
    const char *slash = strrchr(whole, '/');
    bool is_dir = S_ISDIR(st.st_mode),
         same_name = slash != NULL && strcmp(slash + 1, mi->name) == 0;
    bool itself = is_dir == mi->multi_file && (!is_dir || !holds(whole, mi->name));
    if (itself && (parent = parent_as_given(path, mi->name)) != NULL) {
        free(whole);
        whole = parent;
    } else if (itself && same_name) {
        to_parent(whole);
    } else if (!is_dir) {
        free(whole);
        return errbuf_set(eb, SPRAT_E_INVAL, "%s: not a directory", path);
    }
    *dir = whole;
    return 0;
}
