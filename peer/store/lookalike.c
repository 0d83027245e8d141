/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Follows the path to its first missing component and searches that directory. A name is in another
 * form if it is equal in Unicode's decomposition (macOS writes names decomposed, most other systems
 * composed), or if cleaning it gives the torrent's name (the bytes of another encoding).
 */
#include "peer/store/lookalike.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/unicode.h"
#include "common/codec/metainfo_path.h"
#include "peer/store/safepath.h"
#include "peer/store/workname.h"

/* True if |name| on disk would be |wanted| in a torrent. */
static bool
becomes(const char *name, const char *wanted)
{
    char clean[METAINFO_NAME_MAX + 1];

    return metainfo_name_clean((const uint8_t *)name, strlen(name), clean) > 0 &&
           strcmp(clean, wanted) == 0;
}

/* Looks for |wanted| in the directory |fd|, which is closed. */
static bool
find_in(int fd, const char *wanted, struct errbuf *why)
{
    DIR *d = fdopendir(fd);
    const struct dirent *e;
    bool found = false;

    if (d == NULL) {
        close(fd);
        return false;
    }
    for (unsigned n = 0; !found && n < LOOKALIKE_NAMES_MAX && (e = readdir(d)) != NULL; n++) {
        found = true;
        if (unicode_same(e->d_name, wanted))
            errbuf_set(why, 0,
                       "the disk has the same name in another Unicode form, \"%s\"; rename that to "
                       "\"%s\", "
                       "as the torrent has it",
                       e->d_name, wanted);
        else if (becomes(e->d_name, wanted))
            errbuf_set(why, 0,
                       "the disk has the name in other bytes, \"%s\"; rename that to \"%s\"",
                       e->d_name, wanted);
        else
            found = false;
    }
    closedir(d);
    return found;
}

/* Finds the first missing component of |rel|: truncates |rel| after it and opens its directory. */
static int
open_last_directory(const char *dir, char *rel, const char **wanted)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), next;
    char *slash;

    while (fd >= 0 && (slash = strchr(rel, '/')) != NULL) {
        *slash = '\0';
        next = openat(fd, rel, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (next < 0)
            break;
        close(fd);
        fd = next;
        rel = slash + 1;
    }
    *wanted = rel;
    return fd;
}

/* Finds the file's working name: an unfinished download, or another program's file of that name. */
static bool
find_working(const char *dir, const struct metainfo *mi, size_t file, struct errbuf *why)
{
    char work[WORKNAME_PATH_MAX];
    struct worknames names;
    struct stat st;
    bool has;

    /* The stat() comes first, since it fails for most files: the rules cost a walk over the
     * torrent. */
    snprintf(work, sizeof(work), "%s" WORKNAME_SUFFIX, mi->files[file].path);
    if (safepath_stat(dir, work, &st, NULL) != 0 || !S_ISREG(st.st_mode))
        return false;
    has = worknames_init(&names, mi) == 0 && worknames_get(&names, file, work);
    worknames_fini(&names);
    if (!has)
        return false;
    errbuf_set(why, 0,
               "an unfinished download stands there as %s; sprat get --incomplete-suffix "
               "completes it",
               work);
    return true;
}

/* True if some file of the directory only looks like it by its name. */
static bool
find_spelling(const char *dir, const char *rel, struct errbuf *why)
{
    char path[METAINFO_PATH_MAX + 1];
    const char *wanted;
    int fd;

    strcpy(path, rel);
    fd = open_last_directory(dir, path, &wanted);
    return fd >= 0 && find_in(fd, wanted, why);
}

bool
lookalike_find(const char *dir, const struct metainfo *mi, size_t file, struct errbuf *why)
{
    const char *rel = mi->files[file].path;
    struct stat st;
    int err = safepath_find(dir, rel, &st, why);

    if (err == 0 && S_ISREG(st.st_mode))
        return false;
    if (err == 0)
        errbuf_set(why, 0, "%s is in its place",
                   S_ISDIR(st.st_mode) ? "a directory" : "no regular file");
    if (err != SPRAT_E_NOENT || strlen(rel) > METAINFO_PATH_MAX)
        return true;
    if (safepath_stat(dir, rel, &st, NULL) == 0)
        return true; /* a link whose target does not exist */
    return find_working(dir, mi, file, why) || find_spelling(dir, rel, why);
}
