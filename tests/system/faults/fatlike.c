/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A library to be preloaded into a program under test (LD_PRELOAD): a file system like exFAT, for
 * what the program opens by a name in an open directory, as all files of torrents are. Letters are
 * the same in upper and lower case, some characters are refused as SPRAT_FATLIKE says ("EINVAL", or
 * "ENOENT" for file systems that find no words for it), a name has no more than the bytes of
 * SPRAT_FATLIKE_LONGEST if that is set, and renaming can't be told to leave what is there.
 */
#include <ctype.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REAL(name)                                                                                 \
    static __typeof__(&name) real;                                                                 \
    if (real == NULL)                                                                              \
    real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

/* The name as it is kept on disk: |out|, or |name| where it is none of ours.
 * NULL with errno if it is refused. */
static const char *
fold(int at, const char *name, char out[NAME_MAX + 1])
{
    const char *how = getenv("SPRAT_FATLIKE"), *longest = getenv("SPRAT_FATLIKE_LONGEST");
    size_t n = 0;

    if (how == NULL || at == AT_FDCWD || name[0] == '/' || name[0] == '\0' ||
        strlen(name) > NAME_MAX)
        return name;
    if (longest != NULL && strlen(name) > (size_t)atoi(longest)) {
        errno = ENAMETOOLONG;
        return NULL;
    }
    if (strpbrk(name, "\"*:<>?\\|") != NULL) {
        errno = strcmp(how, "ENOENT") == 0 ? ENOENT : EINVAL;
        return NULL;
    }
    for (; name[n] != '\0'; n++)
        out[n] = (char)tolower((unsigned char)name[n]);
    out[n] = '\0';
    return out;
}

int
openat(int at, const char *name, int flags, ...)
{
    char folded[NAME_MAX + 1];
    mode_t mode = 0;
    va_list ap;

    REAL(openat);
    va_start(ap, flags);
    if ((flags & (O_CREAT | __O_TMPFILE)) != 0)
        mode = va_arg(ap, mode_t);
    va_end(ap);
    name = fold(at, name, folded);
    return name != NULL ? real(at, name, flags, mode) : -1;
}

int
fstatat(int at, const char *restrict name, struct stat *restrict st, int flags)
{
    char folded[NAME_MAX + 1];

    REAL(fstatat);
    name = fold(at, name, folded);
    return name != NULL ? real(at, name, st, flags) : -1;
}

int
mkdirat(int at, const char *name, mode_t mode)
{
    char folded[NAME_MAX + 1];

    REAL(mkdirat);
    name = fold(at, name, folded);
    return name != NULL ? real(at, name, mode) : -1;
}

int
unlinkat(int at, const char *name, int flags)
{
    char folded[NAME_MAX + 1];

    REAL(unlinkat);
    name = fold(at, name, folded);
    return name != NULL ? real(at, name, flags) : -1;
}

int
renameat2(int from_at, const char *from, int to_at, const char *to, unsigned flags)
{
    char a[NAME_MAX + 1], b[NAME_MAX + 1];

    REAL(renameat2);
    if (flags != 0 && getenv("SPRAT_FATLIKE") != NULL) {
        errno = EINVAL;
        return -1;
    }
    from = fold(from_at, from, a);
    to = from != NULL ? fold(to_at, to, b) : NULL;
    return to != NULL ? real(from_at, from, to_at, to, flags) : -1;
}

int
renameat(int from_at, const char *from, int to_at, const char *to)
{
    return renameat2(from_at, from, to_at, to, 0);
}

int
linkat(int from_at, const char *from, int to_at, const char *to, int flags)
{
    REAL(linkat);
    if (getenv("SPRAT_FATLIKE") == NULL)
        return real(from_at, from, to_at, to, flags);
    errno = EPERM; /* a file has one name */
    return -1;
}
