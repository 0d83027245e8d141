/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Commits groups of verified pieces: gathers them, syncs their data, and stores their have-bits in
 * the state database. Only one group is under way at a time, while the next one gathers.
 */
#include "peer/store/commit.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/magic.h"
#include "common/sys/clock.h"

#define COMMIT_MAGIC 0x436f6d74u
enum {
    FILES_STEP = 256,
    COMMIT_BUSY_MS = 100, /* delay of the next try when the disk's queue is full */
};

enum commit_state {
    COMMIT_IDLE,
    COMMIT_SYNCING, /* the data is being synced */
    COMMIT_STORING, /* the have-bits are being stored */
    COMMIT_NAMING,  /* complete files get their final names */
};

/* A growing list of piece or file numbers. */
struct numbers {
    uint32_t *at;
    size_t count, cap;
};

/* A caller of commit_flush() that waits for its |flushed|. */
struct waiter {
    struct list link;
    void (*flushed)(void *user, int err, const char *why);
    void *user;
};

struct commit {
    uint32_t magic;
    enum commit_state state;
    struct commit_options opt;
    struct numbers waiting; /* pieces for the next group */
    struct numbers flying;  /* pieces of the group under way */
    struct numbers files;   /* files whose stamps are to be stored */
    struct mono began;      /* when the last group began */
    struct mono due;        /* when the next group begins; MONO_NEVER when there is none */
    struct list waiting_flushes, flying_flushes;
    bool flush;             /* the next group begins as soon as the one under way ends */
    bool last, complete;    /* as requested by commit_flush() */
};

struct commit *
commit_new(const struct commit_options *opt)
{
    struct commit *c = calloc(1, sizeof(*c));

    if (c == NULL)
        return NULL;
    MAGIC_SET(c, COMMIT_MAGIC);
    c->opt = *opt;
    c->due = MONO_NEVER;
    c->began = (struct mono){INT64_MIN / 2}; /* long ago, so that the first write is stored at
                                                once */
    list_init(&c->waiting_flushes);
    list_init(&c->flying_flushes);
    return c;
}

void
commit_free(struct commit *c)
{
    struct list *link;

    if (c == NULL)
        return;
    MAGIC_CHECK(c, COMMIT_MAGIC);
    ASSERT(c->state == COMMIT_IDLE);
    while ((link = list_pop_front(&c->waiting_flushes)) != NULL)
        free(LIST_ENTRY(link, struct waiter, link));
    free(c->waiting.at);
    free(c->flying.at);
    free(c->files.at);
    MAGIC_CLEAR(c);
    free(c);
}

/* Makes room for |n| more numbers. */
static int
numbers_reserve(struct numbers *v, size_t n)
{
    size_t cap = v->cap < 4 ? 4 : v->cap;
    uint32_t *at;

    if (v->cap - v->count >= n)
        return 0;
    while (cap - v->count < n)
        cap *= 2;
    at = realloc(v->at, cap * sizeof(*at));
    if (at == NULL)
        return SPRAT_E_NOMEM;
    v->at = at;
    v->cap = cap;
    return 0;
}

int
commit_add(struct commit *c, uint32_t piece, struct mono now)
{
    const struct metainfo *mi = storage_metainfo(c->opt.storage);
    uint64_t bytes;

    MAGIC_CHECK(c, COMMIT_MAGIC);
    if (numbers_reserve(&c->waiting, 1) != 0)
        return SPRAT_E_NOMEM;
    c->waiting.at[c->waiting.count++] = piece;
    c->due = mono_min(c->due, mono_add_ms(now, COMMIT_DELAY_MS));
    bytes = (uint64_t)c->waiting.count * mi->piece_length;
    if (c->waiting.count >= COMMIT_PIECES_MAX || bytes >= COMMIT_BYTES_MAX)
        c->due = mono_min(c->due, now);
    return 0;
}

void
commit_touch(struct commit *c, struct mono now)
{
    struct mono next = mono_add_ms(c->began, COMMIT_STAMP_MS);

    c->due = mono_min(c->due, mono_before(next, now) ? now : next);
}

struct mono
commit_expiry(const struct commit *c)
{
    return c->state == COMMIT_IDLE ? c->due : MONO_NEVER;
}

bool
commit_idle(const struct commit *c)
{
    return c->state == COMMIT_IDLE && c->due.us == MONO_NEVER.us && c->waiting.count == 0;
}

static void start_group(struct commit *c);

/* Puts the pieces of a failed group before those that were added since. */
static void
put_back(struct commit *c)
{
    struct numbers rest = c->waiting;

    if (numbers_reserve(&c->flying, rest.count) == 0) {
        if (rest.count > 0)
            memcpy(c->flying.at + c->flying.count, rest.at, rest.count * sizeof(*rest.at));
        c->flying.count += rest.count;
        c->waiting = c->flying;
        c->flying = rest;
    }
    c->flying.count = 0;
}

/* Ends the group, calls |done| and |flushed|, and starts the next group if a flush waits for it. */
static void
end_group(struct commit *c, int err, const char *why)
{
    struct list *link;

    c->state = COMMIT_IDLE;
    c->opt.done(c->opt.user, err, why, c->flying.at, c->flying.count);
    if (err != 0) {
        put_back(c);
        c->due = mono_min(c->due, mono_add_ms(clock_mono(), COMMIT_RETRY_MS));
    } else {
        c->flying.count = 0;
        c->files.count = 0;
        c->last = c->complete = false; /* applies once: a later group does not complete the
                                          torrent again */
    }
    while ((link = list_pop_front(&c->flying_flushes)) != NULL) {
        struct waiter *w = LIST_ENTRY(link, struct waiter, link);
        w->flushed(w->user, err, why);
        free(w);
    }
    if (c->flush && c->state == COMMIT_IDLE)
        start_group(c);
}

static void
on_renamed(void *user, const struct storage_result *res)
{
    struct commit *c = user;

    MAGIC_CHECK(c, COMMIT_MAGIC);
    end_group(c, res->err, res->why);
}

/* Renames files that are complete now that the group is stored, before |done| is called. */
static void
on_stored(void *user, int err, const char *why)
{
    struct commit *c = user;

    MAGIC_CHECK(c, COMMIT_MAGIC);
    if (err == 0)
        storage_add_stored(c->opt.storage, c->flying.at, c->flying.count);
    if (err == 0 && storage_rename_due(c->opt.storage)) {
        c->state = COMMIT_NAMING;
        err = storage_rename(c->opt.storage, on_renamed, c);
        if (err == 0)
            return;
        why = sprat_strerror(err);
    }
    end_group(c, err, why);
}

static int
compare_u32(const void *a, const void *b)
{
    uint32_t x, y;

    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return x < y ? -1 : x > y;
}

/* Adds the files written since the last group to those whose stamps are to be stored. */
static int
gather_files(struct commit *c)
{
    size_t n;

    do {
        if (numbers_reserve(&c->files, FILES_STEP) != 0)
            return SPRAT_E_NOMEM;
        n = storage_take_written(c->opt.storage, c->files.at + c->files.count, FILES_STEP);
        c->files.count += n;
    } while (n == FILES_STEP);
    if (c->files.count == 0) {
        free(c->files.at);
        c->files = (struct numbers){0};
    }
    return 0;
}

/* Returns the stamps as file records for the database; the caller frees them. Files that were never
 * synced have none yet. */
static struct state_file *
make_stamps(const struct commit *c, size_t *count)
{
    struct state_file *out = calloc(c->files.count + 1, sizeof(*out));

    *count = 0;
    for (size_t i = 0; out != NULL && i < c->files.count; i++) {
        struct storage_stamp s = storage_file_stamp(c->opt.storage, c->files.at[i]);

        *count += state_file_from(&out[*count], c->files.at[i], &s);
    }
    return out;
}

/* Stores the have-bits after the data was synced. */
static int
store_group(struct commit *c)
{
    struct state_update u = {
        .active = clock_unix(),
        .set_clean = c->last,
        .clean = c->last,
        .set_completed = c->complete,
        .completed = c->complete ? clock_unix() : 0,
    };
    struct state_file *files;
    int err = gather_files(c);

    if (err != 0 || (files = make_stamps(c, &u.file_count)) == NULL)
        return SPRAT_E_NOMEM;
    if (c->flying.count > 0)
        qsort(c->flying.at, c->flying.count, sizeof(*c->flying.at), compare_u32);
    u.have = c->flying.at;
    u.have_count = c->flying.count;
    u.files = files;
    err = state_apply_async(c->opt.state, c->opt.id, &u, storage_doneq(c->opt.storage), on_stored,
                            c);
    free(files);
    return err;
}

static void
on_synced(void *user, const struct storage_result *res)
{
    struct commit *c = user;
    int err = res->err;

    MAGIC_CHECK(c, COMMIT_MAGIC);
    c->state = COMMIT_STORING;
    if (err == 0)
        err = store_group(c);
    if (err != 0)
        end_group(c, err, res->err != 0 ? res->why : sprat_strerror(err));
}

static void
start_group(struct commit *c)
{
    struct numbers empty = c->flying;
    struct list *link;

    c->flush = false;
    if (storage_sync(c->opt.storage, on_synced, c) != 0) {
        c->due = mono_add_ms(clock_mono(), COMMIT_BUSY_MS);
        return;
    }
    c->state = COMMIT_SYNCING;
    c->began = clock_mono();
    c->due = MONO_NEVER;
    c->flying = c->waiting;
    c->waiting = empty;
    while ((link = list_pop_front(&c->waiting_flushes)) != NULL)
        list_push_back(&c->flying_flushes, link);
}

void
commit_run(struct commit *c, struct mono now)
{
    MAGIC_CHECK(c, COMMIT_MAGIC);
    if (c->state == COMMIT_IDLE && mono_due(c->due, now))
        start_group(c);
}

int
commit_flush(struct commit *c, struct mono now, bool last, bool complete,
             void (*flushed)(void *user, int err, const char *why), void *user)
{
    struct waiter *w = flushed != NULL ? calloc(1, sizeof(*w)) : NULL;

    MAGIC_CHECK(c, COMMIT_MAGIC);
    if (flushed != NULL && w == NULL)
        return SPRAT_E_NOMEM;
    c->last = c->last || last;
    c->complete = c->complete || complete;
    c->due = mono_min(c->due, now);
    if (w != NULL) {
        *w = (struct waiter){.flushed = flushed, .user = user};
        list_init(&w->link);
        list_push_back(&c->waiting_flushes, &w->link);
    }
    if (c->state == COMMIT_IDLE)
        start_group(c);
    else
        c->flush = true;
    return 0;
}
