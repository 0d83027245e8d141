/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One look at the file system; what is in the files is not asked here.
 */
#include "peer/cli/place.h"

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

/* Cuts |path|, which is absolute, down to its parent. */
static void
to_parent(char *path)
{
    char *slash = strrchr(path, '/');

    slash[slash == path ? 1 : 0] = '\0';
}

/* The directory that |path| is in as it was given, if its last component is |name|: a link may have
 * the torrent's name, and what it leads to another. To be freed; NULL if it has another name. */
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
place_find(const struct metainfo *mi, const char *path, char **dir, struct errbuf *eb)
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
