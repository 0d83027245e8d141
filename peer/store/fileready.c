/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Checks before the download what can go wrong with a torrent's files: whether the directory is
 * writable, whether existing files may be written to, and whether the file system accepts the names
 * of new files. Files are normally created when their first byte arrives. But names that some file
 * systems refuse, or take for the same, are tried at once by creating those files, also where files
 * have working names (workname.h) until they are complete.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/ds/siphash.h"
#include "peer/store/filetree.h"

enum {
    COMPONENT_SAFE = 143, /* bytes that every file system accepts in a name, encrypting ones too */
};

/* A hash of a name as the least exact file system sees it. */
struct folded {
    uint64_t hash;
    size_t file;
};

static bool
is_mark(const uint8_t *p)
{
    return p[0] == 0xcc || (p[0] == 0xcd && p[1] < 0xb0); /* U+0300 to U+036F, in UTF-8 */
}

/* Spellings of one name get the same number, even if they differ in the case of letters, in
 * composed or decomposed form, or in dots and spaces at the end. Letters beyond ASCII are ignored,
 * so different names can get the same number too. */
static uint64_t
fold(const char *path)
{
    static const uint64_t key[2] = {0, 0};
    uint8_t out[METAINFO_PATH_MAX];
    size_t n = 0;

    for (const uint8_t *p = (const uint8_t *)path; *p != '\0' && n < sizeof(out); p++) {
        if (*p == '/')
            while (n > 0 && (out[n - 1] == '.' || out[n - 1] == ' '))
                n--;
        if (*p < 0x80)
            out[n++] = (uint8_t)tolower(*p);
        else if (is_mark(p) && n > 0 && isalpha(out[n - 1]))
            n--;
    }
    while (n > 0 && (out[n - 1] == '.' || out[n - 1] == ' '))
        n--;
    return siphash13(key, out, n);
}

/* True if some file system refuses a component of the path. */
static bool
is_odd(const char *path)
{
    size_t len = 0;

    for (const char *p = path;; p++) {
        if (*p == '/' || *p == '\0') {
            if (len > COMPONENT_SAFE || (len > 0 && (p[-1] == '.' || p[-1] == ' ')))
                return true;
            len = 0;
        } else {
            len++;
        }
        if (*p == '\0')
            return false;
        if ((uint8_t)*p < 0x20 || strchr("\"*:<>?\\|", *p) != NULL)
            return true;
    }
}

static int
compare_folded(const void *a, const void *b)
{
    const struct folded *x = a, *y = b;

    return x->hash < y->hash ? -1 : x->hash > y->hash;
}

/* Marks the files whose names a file system may refuse, or take for another's. */
static int
find_odd(const struct filetree *t, bool *odd)
{
    size_t n = 0;
    struct folded *all = malloc((t->mi->file_count + 1) * sizeof(*all));

    if (all == NULL)
        return SPRAT_E_NOMEM;
    for (size_t i = 0; i < t->mi->file_count; i++) {
        if (!filetree_is_fetched(t, i))
            continue;
        odd[i] = is_odd(t->mi->files[i].path);
        all[n++] = (struct folded){fold(t->mi->files[i].path), i};
    }
    if (n > 0)
        qsort(all, n, sizeof(*all), compare_folded);
    for (size_t i = 1; i < n; i++)
        if (all[i].hash == all[i - 1].hash)
            odd[all[i].file] = odd[all[i - 1].file] = true;
    free(all);
    return 0;
}

/* Opens the file as its writer, which creates it if it does not exist. */
static int
try_file(struct filetree *t, size_t file, struct errbuf *eb)
{
    struct openfile *f;
    int err = filetree_open(t, file, true, &f, eb);

    if (err == 0)
        openfiles_drop(t->open, f);
    return err;
}

static bool
is_there(struct filetree *t, size_t file)
{
    return filetree_get_stamp(t, file).known;
}

static bool
is_empty(struct filetree *t, size_t file)
{
    return filetree_get_stamp(t, file).size == 0;
}

static int
check_dir(const struct filetree *t, struct errbuf *eb)
{
    if (faccessat(AT_FDCWD, t->dir, W_OK | X_OK, AT_EACCESS) == 0)
        return 0;
    return errbuf_set(eb, sprat_err_from_errno(errno),
                      "can't write to the directory %s, the save directory of %s: %s", t->dir,
                      t->mi->name, strerror(errno));
}

int
filetree_prepare(struct filetree *t, const bool *lacking, struct errbuf *eb)
{
    bool *odd = calloc(t->mi->file_count + 1, sizeof(*odd));
    bool makes = false;
    int err = odd != NULL && find_odd(t, odd) == 0 ? 0 : SPRAT_E_NOMEM;

    if (err != 0)
        errbuf_set(eb, err, "out of memory");
    t->tries_names = true;
    for (size_t i = 0; i < t->mi->file_count && err == 0; i++) {
        if (!filetree_is_fetched(t, i) || !lacking[i])
            continue;
        if (is_there(t, i) || odd[i])
            err = try_file(t, i, eb);
        else
            makes = true;
    }
    t->tries_names = false;
    if (err == 0 && makes)
        err = check_dir(t, eb);
    for (size_t i = 0; i < t->mi->file_count && err == 0; i++)
        if (filetree_is_fetched(t, i) && lacking[i] && (is_there(t, i) ? is_empty(t, i) : odd[i]))
            filetree_take_workname(t, i);
    free(odd);
    return err;
}
