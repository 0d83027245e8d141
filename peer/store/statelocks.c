/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Locks of torrents between processes: one lock file per torrent beside the database, named by its
 * hash. Torrents that spratd manages are spratd's while it runs, which its own lock file shows,
 * even if spratd holds no lock of an idle torrent.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/hex.h"
#include "peer/store/statedb.h"

enum { NAME_SIZE = HEX_SIZE(32), LOCKS_MAX = 1000000 };

struct state_locks {
    char (*names)[NAME_SIZE]; /* sorted */
    size_t count, cap;
};

static void
lock_name(const struct identity *id, char name[NAME_SIZE])
{
    size_t len;
    const uint8_t *hash = identity_key(id, &len);

    hex_encode(hash, len, name);
}

static bool
is_managed(struct state *st, const struct identity *id)
{
    sqlite3_stmt *q;
    size_t len;
    const uint8_t *hash = identity_key(id, &len);
    bool found = false;

    lock_take(&st->read_lock);
    if (db_prepare(st->reads, "SELECT 1 FROM torrents WHERE hash = ? AND managed = 1", &q, NULL) ==
        0) {
        sqlite3_bind_blob(q, 1, hash, (int)len, SQLITE_STATIC);
        found = sqlite3_step(q) == SQLITE_ROW;
        sqlite3_reset(q);
    }
    lock_drop(&st->read_lock);
    return found;
}

/* Checks spratd's lock after the torrent's own lock was taken: spratd takes its own lock first and
 * then looks at the torrents' locks, so at least one of the two processes notices the other. */
static int
look_for_daemon(struct state *st, const struct identity *id, const char *what, struct errbuf *eb)
{
    char *path = NULL;
    int err = 0;

    if (asprintf(&path, "%s/" STATE_DAEMON_LOCK, st->dir) < 0)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    if (is_managed(st, id))
        err = lockfile_look(path, what, eb);
    free(path);
    return err;
}

int
state_lock_torrent(struct state *st, const struct identity *id, const char *title, bool daemon,
                   struct lockfile **out, struct errbuf *eb)
{
    char name[NAME_SIZE], what[300], *path = NULL;
    int err;

    lock_name(id, name);
    snprintf(what, sizeof(what), "the torrent %.240s", title);
    if (asprintf(&path, "%s/locks/%s", st->dir, name) < 0)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    err = lockfile_take(path, st->program, what, out, eb);
    free(path);
    if (err == 0 && !daemon && (err = look_for_daemon(st, id, what, eb)) != 0) {
        lockfile_release(*out);
        *out = NULL;
    }
    return err;
}

bool
state_is_locked(struct state *st, const struct identity *id)
{
    char name[NAME_SIZE], *path = NULL;
    bool locked;

    lock_name(id, name);
    if (asprintf(&path, "%s/locks/%s", st->dir, name) < 0)
        return true; /* if unknown, assume locked */
    locked = lockfile_look(path, "a torrent", NULL) == SPRAT_E_BUSY;
    free(path);
    return locked;
}

static int
compare_names(const void *a, const void *b)
{
    return strcmp(a, b);
}

static int
take_name(struct state_locks *l, const char *name)
{
    if (strlen(name) >= NAME_SIZE || name[0] == '.')
        return 0;
    if (l->count == LOCKS_MAX)
        return SPRAT_E_LIMIT;
    if (l->count == l->cap) {
        size_t cap = l->cap > 0 ? 2 * l->cap : 64;
        char(*names)[NAME_SIZE] = realloc(l->names, cap * sizeof(*names));

        if (names == NULL)
            return SPRAT_E_NOMEM;
        l->names = names;
        l->cap = cap;
    }
    strcpy(l->names[l->count++], name);
    return 0;
}

int
state_read_locks(struct state *st, struct state_locks **out, struct errbuf *eb)
{
    struct state_locks *l = calloc(1, sizeof(*l));
    struct dirent *e;
    char *path = NULL;
    DIR *d = NULL;
    int err = l != NULL && asprintf(&path, "%s/locks", st->dir) >= 0 ? 0 : SPRAT_E_NOMEM;

    if (err == 0 && (d = opendir(path)) == NULL)
        err = sprat_err_from_errno(errno);
    while (err == 0 && (e = readdir(d)) != NULL)
        err = take_name(l, e->d_name);
    if (d != NULL)
        closedir(d);
    free(path);
    if (err != 0) {
        state_locks_free(l);
        return errbuf_set(eb, err, "can't read the folder of locks in %s: %s", st->dir,
                          sprat_strerror(err));
    }
    if (l->count > 0)
        qsort(l->names, l->count, sizeof(*l->names), compare_names);
    *out = l;
    return 0;
}

bool
state_locks_have(const struct state_locks *l, const struct identity *id)
{
    char name[NAME_SIZE];

    lock_name(id, name);
    return l->count > 0 &&
           bsearch(name, l->names, l->count, sizeof(*l->names), compare_names) != NULL;
}

void
state_locks_free(struct state_locks *l)
{
    if (l == NULL)
        return;
    free(l->names);
    free(l);
}
