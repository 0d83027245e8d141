/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Each save is a thread, which wakes the loop when it has finished. The next save begins one period
 * after the last one began.
 */
#include "tracker/daemon/savefile.h"

#include <stdlib.h>

#include "common/base/magic.h"
#include "common/base/tally.h"
#include "common/sys/clock.h"
#include "common/sys/filewriter.h"
#include "common/sys/thread.h"
#include "tracker/core/snapshot.h"

#define SAVEFILE_MAGIC 0x53415645u

enum { PAUSE_MS = 1 }; /* between two portions, for the workers on the same processor */

struct savefile {
    uint32_t magic;
    struct loop *loop;
    struct shards *shards;
    const char *path;
    const struct log *log;
    int64_t period_ms;
    struct mono next_at;
    struct loop_timer *timer;
    struct loop_waker *finished;
    struct thread thread;
    bool saving;           /* |thread| runs; the next three are its own meanwhile */
    uint64_t bytes;        /* that were written */
    struct errbuf trouble; /* "" for none */
    int err;
    struct tally cancelled; /* 1: the thread must end; any thread */
};

/* ---- a save ---- */

struct saving {
    struct savefile *f;
    struct filewriter *file;
    struct sha *sha;
    struct buf out; /* a portion that is not written yet */
    unsigned pause_ms;
};

static int
write_portion(struct saving *s)
{
    const uint8_t *data = buf_data(&s->out);
    size_t len = buf_len(&s->out);
    int err = filewriter_put(s->file, data, len, &s->f->trouble);

    sha_update(s->sha, data, len);
    s->f->bytes += len;
    buf_reset(&s->out);
    return err;
}

static int
write_head(struct saving *s)
{
    tracker_save_head(shards_lock(s->f->shards, 0), &s->out, clock_unix());
    shards_unlock(s->f->shards, 0);
    return s->out.err != 0 ? errbuf_set(&s->f->trouble, s->out.err, "out of memory")
                           : write_portion(s);
}

/* Copies the next portion of shard |i| and writes it. Returns 1 if there is more, 0 or an error. */
static int
save_some(struct saving *s, unsigned i)
{
    int err, more = tracker_save_some(shards_lock(s->f->shards, i), &s->out, clock_mono());

    shards_unlock(s->f->shards, i);
    if (more < 0)
        return errbuf_set(&s->f->trouble, more, "out of memory");
    err = write_portion(s);
    if (err == 0 && tally_get(&s->f->cancelled) != 0)
        err = SPRAT_E_CANCELLED;
    return err != 0 ? err : more;
}

static int
save_shard(struct saving *s, unsigned i)
{
    int more;

    tracker_save_begin(shards_lock(s->f->shards, i));
    shards_unlock(s->f->shards, i);
    while ((more = save_some(s, i)) == 1)
        if (s->pause_ms > 0)
            clock_sleep_ms(s->pause_ms);
    if (more < 0) {
        tracker_save_cancel(shards_lock(s->f->shards, i));
        shards_unlock(s->f->shards, i);
    }
    return more;
}

static int
write_tail(struct saving *s)
{
    uint8_t hash[SHA256_LEN];

    sha_final(s->sha, hash);
    s->f->bytes += sizeof(hash);
    return filewriter_put(s->file, hash, sizeof(hash), &s->f->trouble);
}

static int
write_all(struct saving *s)
{
    int err = write_head(s);

    for (unsigned i = 0; i < shards_count(s->f->shards) && err == 0; i++)
        err = save_shard(s, i);
    return err != 0 ? err : write_tail(s);
}

static int
save(struct savefile *f, unsigned pause_ms)
{
    struct saving s = {.f = f, .pause_ms = pause_ms};
    int err;

    f->trouble.text[0] = '\0';
    f->bytes = 0;
    err = filewriter_open(f->path, 0600, FILE_REPLACE, &s.file, &f->trouble);
    if (err != 0)
        return err;
    buf_init(&s.out, SNAPSHOT_PORTION_MAX);
    s.sha = sha_new(SHA_256);
    err = s.sha != NULL ? write_all(&s) : errbuf_set(&f->trouble, SPRAT_E_NOMEM, "out of memory");
    sha_free(s.sha);
    buf_fini(&s.out);
    if (err == 0)
        return filewriter_commit(s.file, &f->trouble);
    filewriter_discard(s.file);
    return err;
}

/* ---- when ---- */

static void
say(const struct savefile *f)
{
    if (f->err == 0)
        log_event(f->log, LOG_DEBUG, "the peers are saved", log_number("bytes", f->bytes));
    else if (f->err != SPRAT_E_CANCELLED)
        log_event(f->log, LOG_ERROR, "the peers are not saved",
                  log_number("next_try_s", (uint64_t)f->period_ms / 1000),
                  log_reason(f->trouble.text));
}

static void *
thread_main(void *arg)
{
    struct savefile *f = arg;

    f->err = save(f, PAUSE_MS);
    loop_waker_wake(f->finished);
    return NULL;
}

static void
on_finished(void *ctx)
{
    struct savefile *f = ctx;

    MAGIC_CHECK(f, SAVEFILE_MAGIC);
    thread_join(&f->thread);
    f->saving = false;
    say(f);
    loop_timer_set(f->timer, f->next_at);
}

static void
on_timer(void *ctx)
{
    struct savefile *f = ctx;
    int err;

    MAGIC_CHECK(f, SAVEFILE_MAGIC);
    f->next_at = mono_add_ms(loop_now(f->loop), f->period_ms);
    err = thread_start(&f->thread, thread_main, f);
    f->saving = err == 0;
    if (f->saving) {
        thread_set_name(&f->thread, "save");
        return;
    }
    f->err = errbuf_set(&f->trouble, err, "no thread can be started");
    say(f);
    loop_timer_set(f->timer, f->next_at);
}

static void
savefile_free(struct savefile *f)
{
    if (f->timer != NULL)
        loop_timer_free(f->timer);
    if (f->finished != NULL)
        loop_waker_free(f->finished);
    MAGIC_CLEAR(f);
    free(f);
}

int
savefile_new(struct loop *l, struct shards *shards, const char *path, uint32_t period_s,
             const struct log *log, struct savefile **out, struct errbuf *eb)
{
    struct savefile *f = calloc(1, sizeof(*f));

    if (f == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    MAGIC_SET(f, SAVEFILE_MAGIC);
    f->loop = l;
    f->shards = shards;
    f->path = path;
    f->log = log;
    f->period_ms = (int64_t)period_s * 1000;
    f->timer = loop_timer_new(l, on_timer, f);
    f->finished = loop_waker_new(l, on_finished, f);
    if (f->timer == NULL || f->finished == NULL) {
        savefile_free(f);
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    }
    loop_timer_set(f->timer, mono_add_ms(loop_now(l), f->period_ms));
    *out = f;
    return 0;
}

void
savefile_finish(struct savefile *f)
{
    if (f == NULL)
        return;
    MAGIC_CHECK(f, SAVEFILE_MAGIC);
    if (f->saving) {
        tally_put(&f->cancelled, 1);
        thread_join(&f->thread);
        tally_put(&f->cancelled, 0);
    }
    f->err = save(f, 0);
    say(f);
    savefile_free(f);
}
