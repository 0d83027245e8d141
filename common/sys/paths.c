/* SPDX-License-Identifier: BSD-2-Clause
 *
 * XDG directories and path joining. Reads the environment; creates nothing.
 */
#include "common/sys/paths.h"

#include <errno.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *
path_join(const char *a, const char *b)
{
    size_t la = strlen(a);
    char *out;

    while (la > 1 && a[la - 1] == '/')
        la--;
    if (la == 0)
        return strdup(b);
    if (asprintf(&out, "%.*s%s%s", (int)la, a, a[la - 1] == '/' ? "" : "/", b) < 0)
        return NULL;
    return out;
}

char *
path_home_dir(void)
{
    const char *home = getenv("HOME");
    struct passwd pw, *found = NULL;
    char mem[4096];

    if (home != NULL && home[0] == '/')
        return strdup(home);
    if (getpwuid_r(getuid(), &pw, mem, sizeof(mem), &found) != 0 || found == NULL ||
        found->pw_dir[0] != '/')
        return NULL;
    return strdup(found->pw_dir);
}

/* Returns $VAR/sprat, or ~/FALLBACK/sprat if the variable is not set or not absolute. */
static char *
xdg_dir(const char *var, const char *fallback)
{
    const char *base = getenv(var);
    char *home, *dir, *out;

    if (base != NULL && base[0] == '/')
        return path_join(base, "sprat");
    home = path_home_dir();
    if (home == NULL)
        return NULL;
    dir = path_join(home, fallback);
    free(home);
    out = dir != NULL ? path_join(dir, "sprat") : NULL;
    free(dir);
    return out;
}

char *
path_state_dir(void)
{
    return xdg_dir("XDG_STATE_HOME", ".local/state");
}

char *
path_config_dir(void)
{
    return xdg_dir("XDG_CONFIG_HOME", ".config");
}

char *
path_runtime_dir(void)
{
    const char *base = getenv("XDG_RUNTIME_DIR");

    return base != NULL && base[0] == '/' ? path_join(base, "sprat") : path_state_dir();
}

/* True if a component of |rest| is "." or "..". */
static bool
has_dots(const char *rest)
{
    while (*rest != '\0') {
        size_t n = strcspn(rest, "/");
        if ((n == 1 && rest[0] == '.') || (n == 2 && rest[0] == '.' && rest[1] == '.'))
            return true;
        rest += n + (rest[n] == '/');
    }
    return false;
}

/* Resolves the longest existing part of |copy|; |*rest| is the part after it. */
static char *
resolve_existing(char *copy, char **rest)
{
    const char *root = copy[0] == '/' ? "/" : ".";
    size_t len = strlen(copy);
    char *end = copy + len;

    for (;;) {
        char saved = *end;
        *end = '\0';
        char *real = realpath(copy[0] != '\0' ? copy : root, NULL);
        *end = saved;
        if (real != NULL || errno != ENOENT || end == copy) {
            *rest = end;
            return real;
        }
        do
            end--;
        while (end > copy && *end != '/');
    }
}

int
path_absolute(const char *path, char **out, struct errbuf *eb)
{
    char *copy = strdup(path), *real, *rest;
    int err = 0;

    if (copy == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    if (path[0] == '\0') {
        free(copy);
        return errbuf_set(eb, SPRAT_E_INVAL, "the path is empty");
    }
    real = resolve_existing(copy, &rest);
    if (real == NULL) {
        err = errbuf_set(eb, sprat_err_from_errno(errno), "can't find %s: %s", path,
                         strerror(errno));
    } else if (has_dots(rest)) {
        err = errbuf_set(eb, SPRAT_E_INVAL, "can't find %s: a directory on the way is missing",
                         path);
    } else {
        size_t n;
        rest += strspn(rest, "/");
        for (n = strlen(rest); n > 0 && rest[n - 1] == '/'; n--)
            rest[n - 1] = '\0';
        *out = n > 0 ? path_join(real, rest) : strdup(real);
        if (*out == NULL)
            err = errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    }
    free(real);
    free(copy);
    return err;
}
