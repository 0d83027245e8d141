/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Finds the name and the real path of each given path, then makes the directory and its links.
 */
#include "peer/store/gather.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/hex.h"
#include "common/base/utf8.h"
#include "common/codec/metainfo_path.h"
#include "common/crypto/sha.h"
#include "common/ds/buf.h"
#include "common/sys/file.h"
#include "common/sys/paths.h"
#include "peer/store/safepath.h"
#include "peer/store/walk.h"

enum { KEY_BYTES = 16 };

struct gathered {
    const char *given; /* as the user wrote it */
    char *name, *real;
};

static int
resolve(struct gathered *g, const char *path, struct errbuf *eb)
{
    g->given = path;
    g->name = walk_name(path, eb);
    if (g->name == NULL)
        return SPRAT_E_INVAL;
    g->real = realpath(path, NULL);
    return g->real != NULL ? 0
                           : errbuf_set(eb, sprat_err_from_errno(errno), "can't read %s: %s", path,
                                        strerror(errno));
}

static int
compare_names(const void *a, const void *b)
{
    const struct gathered *x = a, *y = b;

    return strcmp(x->name, y->name);
}

/* |all| is sorted by name. */
static int
check_names(const struct gathered *all, size_t count, struct errbuf *eb)
{
    for (size_t i = 1; i < count; i++)
        if (strcmp(all[i - 1].name, all[i].name) == 0)
            return errbuf_set(eb, SPRAT_E_EXISTS,
                              "%s and %s have the same name, and a torrent can hold only one of "
                              "them: rename one, or seed them one by one",
                              all[i - 1].given, all[i].given);
    return 0;
}

/* "FIRST and 2 more", cut to the length of a name. */
static void
default_name(const char *first, size_t others, char out[METAINFO_NAME_MAX + 1])
{
    char tail[48];
    size_t room, len = strlen(first);

    snprintf(tail, sizeof(tail), " and %zu more", others);
    room = METAINFO_NAME_MAX - strlen(tail);
    if (len > room)
        len = utf8_whole((const uint8_t *)first, room);
    snprintf(out, METAINFO_NAME_MAX + 1, "%.*s%s", (int)len, first, tail);
}

/* A name is one component of a path, and must be allowed unchanged in a torrent. */
static int
check_name(const char *name, struct errbuf *eb)
{
    char clean[METAINFO_NAME_MAX + 1];
    size_t len = strlen(name);

    if (len > 0 && strchr(name, '/') == NULL && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
        len <= METAINFO_NAME_MAX && metainfo_name_clean((const uint8_t *)name, len, clean) == len &&
        strcmp(clean, name) == 0)
        return 0;
    return errbuf_set(eb, SPRAT_E_INVAL,
                      "'%s' can't be the name of a torrent: a name is UTF-8 of at most %d bytes, "
                      "without '/' and control characters",
                      name, METAINFO_NAME_MAX);
}

/* A hash of all names and paths, each with its NUL. */
static int
make_key(const char *name, const struct gathered *all, size_t count, char key[HEX_SIZE(KEY_BYTES)])
{
    uint8_t digest[SHA256_LEN];
    struct buf text;
    int err;

    buf_init(&text, SIZE_MAX);
    buf_put(&text, name, strlen(name) + 1);
    for (size_t i = 0; i < count; i++) {
        buf_put(&text, all[i].name, strlen(all[i].name) + 1);
        buf_put(&text, all[i].real, strlen(all[i].real) + 1);
    }
    err = text.err;
    if (err == 0) {
        sha256(buf_data(&text), buf_len(&text), digest);
        hex_encode(digest, KEY_BYTES, key);
    }
    buf_fini(&text);
    return err;
}

static int
make_dir(const char *state_dir, const char *name, const struct gathered *all, size_t count,
         char **dir, struct errbuf *eb)
{
    char key[HEX_SIZE(KEY_BYTES)];
    int err;

    if (make_key(name, all, count, key) != 0 ||
        asprintf(dir, "%s/shares/%s/%s", state_dir, key, name) < 0) {
        *dir = NULL;
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    }
    err = file_make_dirs(*dir, 0700, eb);
    for (size_t i = 0; err == 0 && i < count; i++)
        err = safepath_symlink(*dir, all[i].name, all[i].real, eb);
    if (err != 0) {
        free(*dir);
        *dir = NULL;
    }
    return err;
}

int
gather_make(const char *state_dir, const char *name, const char *const *paths, size_t count,
            char **dir, struct errbuf *eb)
{
    struct gathered *all = calloc(count, sizeof(*all));
    char made[METAINFO_NAME_MAX + 1];
    int err = 0;

    if (all == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    for (size_t i = 0; err == 0 && i < count; i++)
        err = resolve(&all[i], paths[i], eb);
    if (err == 0 && name == NULL)
        default_name(all[0].name, count - 1, made);
    if (err == 0) {
        qsort(all, count, sizeof(*all), compare_names);
        err = check_names(all, count, eb);
    }
    if (err == 0)
        err = check_name(name != NULL ? name : made, eb);
    if (err == 0)
        err = make_dir(state_dir, name != NULL ? name : made, all, count, dir, eb);
    for (size_t i = 0; i < count; i++) {
        free(all[i].name);
        free(all[i].real);
    }
    free(all);
    return err;
}
