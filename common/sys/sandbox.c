/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Drops privileges. The order matters: only root can drop groups, so they are dropped before the
 * user changes.
 */
#include "common/sys/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/parse.h"

enum { NSS_ROOM = 16384 }; /* bytes for the strings of one entry of the user database */

int
sandbox_find_group(const char *text, gid_t *gid, struct errbuf *eb)
{
    char room[NSS_ROOM];
    struct group g, *found = NULL;
    uint64_t number;

    if (getgrnam_r(text, &g, room, sizeof(room), &found) == 0 && found != NULL) {
        *gid = g.gr_gid;
        return 0;
    }
    if (parse_u64(text, 0, UINT32_MAX - 1, &number) != 0)
        return errbuf_set(eb, SPRAT_E_NOTFOUND, "there is no group '%s'", text);
    *gid = (gid_t)number;
    return 0;
}

static int
find_name(const char *name, struct sandbox_user *out, struct errbuf *eb)
{
    char room[NSS_ROOM];
    struct passwd p, *found = NULL;
    uint64_t number;

    if (getpwnam_r(name, &p, room, sizeof(room), &found) != 0)
        found = NULL;
    if (found == NULL && parse_u64(name, 0, UINT32_MAX - 1, &number) == 0 &&
        getpwuid_r((uid_t)number, &p, room, sizeof(room), &found) != 0)
        found = NULL;
    if (found == NULL)
        return errbuf_set(eb, SPRAT_E_NOTFOUND, "there is no user '%s'", name);
    out->uid = p.pw_uid;
    out->gid = p.pw_gid;
    snprintf(out->name, sizeof(out->name), "%s", p.pw_name);
    return 0;
}

int
sandbox_find_user(const char *text, struct sandbox_user *out, struct errbuf *eb)
{
    const char *colon = strchr(text, ':');
    char name[256];
    int err;

    *out = (struct sandbox_user){.uid = 0};
    if ((colon != NULL ? (size_t)(colon - text) : strlen(text)) >= sizeof(name))
        return errbuf_set(eb, SPRAT_E_NOTFOUND, "the user name is too long");
    snprintf(name, sizeof(name), "%.*s", colon != NULL ? (int)(colon - text) : 255, text);
    err = find_name(name, out, eb);
    if (err == 0 && colon != NULL)
        err = sandbox_find_group(colon + 1, &out->gid, eb);
    if (err == 0 && (out->uid == 0 || out->gid == 0))
        err = errbuf_set(eb, SPRAT_E_INVAL, "'%s' is root, or has root's group", text);
    return err;
}

static bool
is_already(const struct sandbox_user *u)
{
    uid_t r, e, s;
    gid_t rg, eg, sg;

    return getresuid(&r, &e, &s) == 0 && getresgid(&rg, &eg, &sg) == 0 && r == u->uid &&
           e == u->uid && s == u->uid && rg == u->gid && eg == u->gid && sg == u->gid;
}

int
sandbox_become(const struct sandbox_user *u, struct errbuf *eb)
{
    if (is_already(u))
        return 0;
    if (setgroups(1, &u->gid) != 0 || setresgid(u->gid, u->gid, u->gid) != 0 ||
        setresuid(u->uid, u->uid, u->uid) != 0)
        return errbuf_set(eb, SPRAT_E_ACCESS, "cannot become user %s: %s", u->name,
                          errno == EPERM ? "that takes a start as root" : strerror(errno));
    /* Tries to get the privileges back, which must fail. */
    if (!is_already(u) || setuid(0) == 0 || setgid(0) == 0)
        return errbuf_set(eb, SPRAT_E_ACCESS, "cannot give up being root");
    return 0;
}

int
sandbox_no_new_privileges(struct errbuf *eb)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return errbuf_set(eb, SPRAT_E_ACCESS, "cannot give up new privileges: %s", strerror(errno));
    return 0;
}

/* The limit alone does not keep the kernel from piping a core to a program (core(5)). */
void
sandbox_no_core_dumps(void)
{
    const struct rlimit none = {0, 0};

    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/* The directory of |path|; the caller frees it. NULL when memory is out. */
static char *
folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (slash == NULL)
        return strdup(".");
    return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

/* The owner of the directory of |path|. */
static int
find_folder_owner(const char *path, struct sandbox_user *out, struct errbuf *eb)
{
    char *dir = folder_of(path);
    struct stat st;
    int err = 0;

    if (dir == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    if (stat(dir, &st) != 0)
        err = errbuf_set(eb, sprat_err_from_errno(errno), "%s: %s", dir, strerror(errno));
    else
        *out = (struct sandbox_user){.uid = st.st_uid, .gid = st.st_gid};
    free(dir);
    return err;
}

int
sandbox_make_file_for(const char *user, const char *path, struct errbuf *eb)
{
    struct sandbox_user u = {.uid = 0};
    int fd, err;

    if (geteuid() != 0 || access(path, F_OK) == 0)
        return 0;
    err = user[0] != '\0' ? sandbox_find_user(user, &u, eb) : find_folder_owner(path, &u, eb);
    if (err != 0)
        return err;
    fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST)
        return 0;
    if (fd < 0)
        return errbuf_set(eb, sprat_err_from_errno(errno), "%s cannot be made: %s", path,
                          strerror(errno));
    if (fchown(fd, u.uid, u.gid) != 0)
        err = errbuf_set(eb, sprat_err_from_errno(errno), "%s cannot be given to user %u: %s", path,
                         (unsigned)u.uid, strerror(errno));
    close(fd);
    if (err != 0)
        unlink(path);
    return err;
}

/* Sets the message that |path| can't be written, with the command that gives |target| (the file, or
 * the directory in which new files are created) to this user. */
static int
cannot_write(const char *path, const char *what, const char *target, int errnum, struct errbuf *eb)
{
    char room[NSS_ROOM], number[16];
    struct passwd p, *found = NULL;
    const char *name = number;

    snprintf(number, sizeof(number), "%u", (unsigned)geteuid());
    if (getpwuid_r(geteuid(), &p, room, sizeof(room), &found) == 0 && found != NULL)
        name = p.pw_name;
    if (errnum == EACCES)
        return errbuf_set(eb, SPRAT_E_ACCESS,
                          "%s %s cannot be written by user %s: %s; run 'chown %s %s'", what, path,
                          name, strerror(errnum), name, target);
    return errbuf_set(eb, sprat_err_from_errno(errnum), "%s %s cannot be written by user %s: %s",
                      what, path, name, strerror(errnum));
}

int
sandbox_can_write(const char *path, const char *what, struct errbuf *eb)
{
    char *dir;
    int err = 0;

    if (access(path, F_OK) == 0 && access(path, R_OK | W_OK) != 0)
        return cannot_write(path, what, path, errno, eb);
    /* Also checked for an existing file: new ones are written beside it. */
    dir = folder_of(path);
    if (dir == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    if (access(dir, W_OK | X_OK) != 0)
        err = cannot_write(path, what, dir, errno, eb);
    free(dir);
    return err;
}
