/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One job looks at many torrents. All names are stored in one block of memory.
 */
#include "peer/store/filelook.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/assert.h"
#include "common/base/magic.h"
#include "common/ds/buf.h"
#include "peer/store/diskjob.h"
#include "peer/store/safepath.h"

#define FILELOOK_MAGIC 0x466c6f6bu
enum { NAMES_MAX = FILELOOK_FILES_MAX * (METAINFO_PATH_MAX + 1) };
#define NS_PER_S 1000000000LL

struct look_file {
    size_t name; /* offset in |names| */
    uint64_t size;
    int64_t mtime_ns;
};

struct look_owner {
    void *owner;
    size_t dir;   /* offset in |names| */
    size_t files; /* number of its files */
    bool same;
};

struct filelook {
    uint32_t magic;
    struct disk_job job;
    struct disk_lane lane; /* of the first owner's directory */
    struct doneq_item done_item;
    struct doneq *done;
    void (*seen)(void *owner, bool same);
    struct buf names;
    struct look_owner owners[FILELOOK_OWNERS_MAX];
    size_t owner_count;
    struct look_file files[FILELOOK_FILES_MAX];
    size_t file_count;
};

struct filelook *
filelook_new(void)
{
    struct filelook *l = malloc(sizeof(*l));

    if (l == NULL)
        return NULL;
    MAGIC_SET(l, FILELOOK_MAGIC);
    buf_init(&l->names, NAMES_MAX);
    l->owner_count = l->file_count = 0;
    return l;
}

void
filelook_free(struct filelook *l)
{
    if (l == NULL)
        return;
    MAGIC_CHECK(l, FILELOOK_MAGIC);
    buf_fini(&l->names);
    MAGIC_CLEAR(l);
    free(l);
}

static size_t
add_name(struct filelook *l, const char *name)
{
    size_t at = buf_len(&l->names);

    buf_put(&l->names, name, strlen(name) + 1);
    return at;
}

/* True for a file that has bytes of its own on disk. */
static bool
is_stored(const struct metainfo_file *f)
{
    return f->length > 0 && (f->attr & (ATTR_PAD | ATTR_SYMLINK)) == 0;
}

static int
add_files(struct filelook *l, const struct metainfo *mi, const struct state_file *records,
          size_t record_count)
{
    size_t at = 0;

    for (size_t i = 0; i < mi->file_count; i++) {
        if (!is_stored(&mi->files[i]))
            continue;
        while (at < record_count && records[at].file < i)
            at++;
        if (at == record_count || records[at].file != i)
            return SPRAT_E_MISSING;
        if (l->file_count == FILELOOK_FILES_MAX)
            return SPRAT_E_LIMIT;
        l->files[l->file_count++] = (struct look_file){.name = add_name(l, mi->files[i].path),
                                                       .size = records[at].size,
                                                       .mtime_ns = records[at].mtime_ns};
    }
    return l->names.err;
}

int
filelook_add(struct filelook *l, void *owner, const char *dir, const struct metainfo *mi,
             const struct state_file *records, size_t record_count)
{
    size_t files = l->file_count;
    struct look_owner *o = &l->owners[l->owner_count];
    int err;

    MAGIC_CHECK(l, FILELOOK_MAGIC);
    if (l->owner_count == FILELOOK_OWNERS_MAX)
        return SPRAT_E_LIMIT;
    *o = (struct look_owner){.owner = owner, .dir = add_name(l, dir)};
    err = add_files(l, mi, records, record_count);
    if (err != 0) {
        l->file_count = files; /* its names stay in |names|, unused */
        return err;
    }
    o->files = l->file_count - files;
    l->owner_count++;
    return 0;
}

size_t
filelook_count(const struct filelook *l)
{
    return l->owner_count;
}

static bool
is_same(const struct filelook *l, const char *dir, const struct look_file *f)
{
    const char *name = (const char *)buf_data(&l->names) + f->name;
    struct stat st;

    return safepath_find(dir, name, &st, NULL) == 0 && S_ISREG(st.st_mode) &&
           (uint64_t)st.st_size == f->size &&
           (int64_t)st.st_mtim.tv_sec * NS_PER_S + st.st_mtim.tv_nsec == f->mtime_ns;
}

static void
look(struct filelook *l)
{
    const struct look_file *f = l->files;

    for (size_t i = 0; i < l->owner_count; i++) {
        struct look_owner *o = &l->owners[i];
        const char *dir = (const char *)buf_data(&l->names) + o->dir;
        const struct look_file *end = f + o->files;

        o->same = true;
        for (; f < end; f++)
            o->same = o->same && is_same(l, dir, f);
    }
}

static void
run_looks(struct disk_worker *w, struct disk_job *const *jobs, size_t n)
{
    (void)w;
    for (size_t i = 0; i < n; i++) {
        struct filelook *l = LIST_ENTRY(jobs[i], struct filelook, job);

        MAGIC_CHECK(l, FILELOOK_MAGIC);
        look(l);
        doneq_put(l->done, &l->done_item);
    }
}

static void
on_done(struct doneq_item *item)
{
    struct filelook *l = LIST_ENTRY(item, struct filelook, done_item);

    MAGIC_CHECK(l, FILELOOK_MAGIC);
    for (size_t i = 0; i < l->owner_count; i++)
        l->seen(l->owners[i].owner, l->owners[i].same);
    filelook_free(l);
}

void
filelook_start(struct filelook *l, struct disk *disk, struct doneq *q,
               void (*seen)(void *owner, bool same))
{
    static const struct disk_job_class class = {.run = run_looks};
    int err;

    MAGIC_CHECK(l, FILELOOK_MAGIC);
    if (l->owner_count == 0) {
        filelook_free(l);
        return;
    }
    disk_lane_init(disk, &l->lane, (const char *)buf_data(&l->names) + l->owners[0].dir);
    l->job = (struct disk_job){.class = &class, .lane = &l->lane};
    l->done = q;
    l->done_item.run = on_done;
    l->seen = seen;
    doneq_expect(q);
    err = disk_submit(disk, &l->job, DISK_LOOK);
    ASSERT(err == 0); /* the queue of looks is never full */
}
