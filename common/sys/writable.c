/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Uses access(2), which fails like the first write would: EROFS for a read-only mount, also by
 * ProtectSystem= of a unit, EACCES if the owner forbids it.
 */
#include "common/sys/writable.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/sys/file.h"

enum {
    CGROUP_MAX = 65536, /* bytes of /proc/self/cgroup that are read */
    UNIT_MAX = 256,     /* systemd's own limit on a unit's name */
    NAME_ROOM = 16384,  /* bytes for the strings of one entry of the user database */
};

const char *
writable_unit(const char *cgroup, char *out, size_t size)
{
    static const char suffix[] = ".service";

    for (const char *line = cgroup; *line != '\0';) {
        size_t len = strcspn(line, "\n");
        const char *end = line + len, *name = end;

        while (name > line && name[-1] != '/')
            name--;
        len = (size_t)(end - name);
        if (name > line && len > strlen(suffix) && len - strlen(suffix) < size &&
            strncmp(end - strlen(suffix), suffix, strlen(suffix)) == 0) {
            snprintf(out, size, "%.*s", (int)(len - strlen(suffix)), name);
            return out;
        }
        line = *end == '\n' ? end + 1 : end;
    }
    return NULL;
}

/* Writes the unit of this process to |out|; NULL if systemd did not start it as a service. */
static const char *
own_unit(char out[UNIT_MAX])
{
    const char *found = NULL;
    struct errbuf why;
    uint8_t *text;
    size_t len;

    if (getenv("INVOCATION_ID") == NULL ||
        file_read("/proc/self/cgroup", CGROUP_MAX, &text, &len, &why) != 0)
        return NULL;
    char *copy = strndup((const char *)text, len);
    if (copy != NULL)
        found = writable_unit(copy, out, UNIT_MAX);
    free(copy);
    free(text);
    return found;
}

static void
user_name(uid_t uid, char *out, size_t size)
{
    struct passwd entry, *found = NULL;
    char room[NAME_ROOM];

    if (getpwuid_r(uid, &entry, room, sizeof(room), &found) == 0 && found != NULL)
        snprintf(out, size, "%s", entry.pw_name);
    else
        snprintf(out, size, "%u", (unsigned)uid);
}

static int
explain_readonly(const char *path, struct errbuf *eb)
{
    char unit[UNIT_MAX];

    if (own_unit(unit) == NULL)
        return errbuf_set(eb, SPRAT_E_READONLY, "%s is on a read-only file system", path);
    return errbuf_set(eb, SPRAT_E_READONLY,
                      "%s is read-only for this service: run 'systemctl edit %s', write the lines "
                      "[Service] and ReadWritePaths=%s, and restart %s",
                      path, unit, path, unit);
}

static int
explain_access(const char *path, struct errbuf *eb)
{
    char owner[UNIT_MAX], own[UNIT_MAX];
    struct stat st;

    user_name(geteuid(), own, sizeof(own));
    if (stat(path, &st) != 0)
        return errbuf_set(eb, SPRAT_E_ACCESS,
                          "user %s may not enter the directories that lead to %s", own, path);
    user_name(st.st_uid, owner, sizeof(owner));
    return errbuf_set(eb, SPRAT_E_ACCESS,
                      "user %s may not write to %s: it belongs to %s and has mode %04o. chown or "
                      "chmod it, or name another directory",
                      own, path, owner, (unsigned)(st.st_mode & 07777));
}

int
writable_explain(const char *path, int err, struct errbuf *eb)
{
    switch (err) {
    case SPRAT_E_READONLY: return explain_readonly(path, eb);
    case SPRAT_E_ACCESS: return explain_access(path, eb);
    }
    return errbuf_set(eb, err, "can't write to %s: %s", path, sprat_strerror(err));
}

int
writable_dir(const char *path, struct errbuf *eb)
{
    char *dir = strdup(path), *slash;
    struct stat st;
    int err = 0;

    if (dir == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    while (stat(dir, &st) != 0 && (errno == ENOENT || errno == ENOTDIR) &&
           (slash = strrchr(dir, '/')) != NULL && dir[1] != '\0')
        slash[slash == dir] = '\0'; /* the slash of the root directory stays */
    if (stat(dir, &st) == 0 && !S_ISDIR(st.st_mode))
        err = errbuf_set(eb, SPRAT_E_NOENT, "%s is not a directory", dir);
    else if (faccessat(AT_FDCWD, dir, W_OK | X_OK, AT_EACCESS) != 0)
        err = writable_explain(dir, sprat_err_from_errno(errno), eb);
    free(dir);
    return err;
}
