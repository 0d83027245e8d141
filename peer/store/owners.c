/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The database has inode numbers but no devices, so records that match are compared with the files
 * on disk.
 */
#include "peer/store/owners.h"

#include "peer/store/safepath.h"

/* The torrent of the current record; kept for the next record, which often is of the same torrent.
 */
struct other {
    int64_t id; /* 0: none */
    struct state_torrent row;
    struct metainfo *mi;
    struct worknames names;
};

static void
other_drop(struct other *o)
{
    worknames_fini(&o->names);
    metainfo_free(o->mi);
    state_torrent_fini(&o->row);
    *o = (struct other){0};
}

/* Loads the torrent. NOTFOUND if it was removed meanwhile or can't be read: then its files are
 * unknown. */
static int
other_load(struct other *o, struct state *st, int64_t id, struct errbuf *why)
{
    int err;

    if (o->id == id)
        return 0;
    other_drop(o);
    err = state_get(st, id, &o->row, why);
    if (err != 0)
        return err;
    err = metainfo_parse(o->row.metainfo, o->row.metainfo_len, &o->mi, why);
    if (err == 0 && (err = worknames_init(&o->names, o->mi)) != 0)
        errbuf_set(why, err, "out of memory");
    if (err != 0) {
        other_drop(o);
        return err == SPRAT_E_NOMEM ? err : SPRAT_E_NOTFOUND;
    }
    o->id = id;
    return 0;
}

static bool
is_at(const struct stat *mine, const char *dir, const char *path)
{
    struct stat its;

    return safepath_find(dir, path, &its, NULL) == 0 && mine->st_dev == its.st_dev &&
           mine->st_ino == its.st_ino;
}

/* The other torrent's file may have either of its names. */
static bool
is_same_file(const struct owners_query *q, size_t file, const struct other *o, size_t its_file)
{
    char work[WORKNAME_PATH_MAX];
    struct stat mine;

    return its_file < o->mi->file_count &&
           safepath_find(storage_dir(q->storage), storage_path(q->storage, file), &mine, NULL) ==
               0 &&
           (is_at(&mine, o->row.dir, o->mi->files[its_file].path) ||
            (worknames_get(&o->names, its_file, work) && is_at(&mine, o->row.dir, work)));
}

static int
fail_owned(const struct owners_query *q, size_t file, const struct other *o, size_t its_file,
           struct errbuf *why)
{
    const char *name = storage_metainfo(q->storage)->name;

    return errbuf_set(
        why, SPRAT_E_EXISTS,
        "%s/%s of %s is the same file as %s/%s of %s, whose data would be overwritten: choose "
        "another directory for one of the two torrents (-o), or %s %s first",
        storage_dir(q->storage), storage_path(q->storage, file), name, o->row.dir,
        o->mi->files[its_file].path,
        o->mi->name, o->row.managed ? "remove" : "stop", o->mi->name);
}

static int
check_file(const struct owners_query *q, size_t file, struct other *o, struct errbuf *why)
{
    struct state_sharer found[STATE_SHARERS_MAX];
    int n = state_find_inode(q->state, q->id, q->stamps[file].inode, found, why);

    for (int i = 0; i < n; i++) {
        int err = other_load(o, q->state, found[i].torrent, why);

        if (err == SPRAT_E_NOTFOUND)
            continue;
        if (err != 0)
            return err;
        if (is_same_file(q, file, o, found[i].file) &&
            (o->row.managed || state_is_locked(q->state, &o->mi->id)))
            return fail_owned(q, file, o, found[i].file, why);
    }
    return n < 0 ? n : 0;
}

int
owners_check(const struct owners_query *q, struct errbuf *why)
{
    struct other o = {0};
    int err = 0;

    for (size_t i = 0; i < storage_metainfo(q->storage)->file_count && err == 0; i++)
        if (q->stamps[i].known)
            err = check_file(q, i, &o, why);
    other_drop(&o);
    return err;
}
