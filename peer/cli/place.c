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

int
place_find(const struct metainfo *mi, const char *path, char **dir, struct errbuf *eb)
{
    struct stat st;
    char *whole;
    int err;

    if (stat(path, &st) != 0)
        return errbuf_set(eb, sprat_err_from_errno(errno), "%s: %s", path, strerror(errno));
    err = path_absolute(path, &whole, eb);
    if (err != 0)
        return err;
    const char *slash = strrchr(whole, '/');
    bool same_name = slash != NULL && strcmp(slash + 1, mi->name) == 0;
    if (S_ISDIR(st.st_mode)) {
        if (mi->multi_file && same_name && !holds(whole, mi->name))
            to_parent(whole);
    } else if (!mi->multi_file && same_name) {
        to_parent(whole);
    } else {
        free(whole);
        return errbuf_set(eb, SPRAT_E_INVAL, "%s: not a directory", path);
    }
    *dir = whole;
    return 0;
}
