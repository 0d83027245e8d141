/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A save copies a portion of a shard in each round of the loop, until all shards are copied. Then a
 * thread seals, writes and syncs the file, and wakes the loop when it has finished. The next save
 * begins one period after the last one began.
 */
#include "tracker/daemon/savefile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/magic.h"
#include "common/sys/clock.h"
#include "common/sys/file.h"
#include "common/sys/thread.h"

#define SAVEFILE_MAGIC 0x53415645u

enum { PAUSE_MS = 5 }; /* between two portions, for other work of the loop */

/* ---- reading ---- */

static void
set_aside(const char *path, const struct log *log)
{
    size_t len = strlen(path) + sizeof(".bad");
    char *bad = malloc(len);

    if (bad == NULL)
        return;
    snprintf(bad, len, "%s.bad", path);
    if (rename(path, bad) == 0)
        log_event(log, LOG_WARN, "the damaged state file is renamed", log_text("file", bad));
    free(bad);
}

void
saved_read(struct saved *s, const char *path, const struct log *log)
{
    struct errbuf eb = {""};
    int err = file_read(path, SAVEFILE_MAX, &s->data, &s->len, &eb);

    if (err != 0) {
        s->data = NULL;
        if (err != SPRAT_E_NOENT)
            log_event(log, LOG_ERROR, "no saved peers are loaded", log_reason(eb.text));
        return;
    }
    err = snapshot_open(&s->head, s->data, s->len);
    if (err != 0) {
        log_event(log, LOG_ERROR, "no saved peers are loaded", log_text("file", path),
                  log_reason(sprat_strerror(err)));
        set_aside(path, log);
        saved_fini(s);
    }
}

void
saved_load(const struct saved *s, struct shards *shards, const struct log *log)
{
    struct shard shard = {.rule = *shards_rule(shards)};
    int64_t passed_s = clock_unix() - s->head.begun_unix_s;
    struct tracker_stats stats;
    int err = 0;

    if (s->data == NULL)
        return;
    /* If the clock was set back meanwhile, the time since the save is unknown and taken as 0. */
    if (passed_s < 0)
        passed_s = 0;
    if (passed_s > UINT32_MAX)
        passed_s = UINT32_MAX;
    for (; shard.index < shard.rule.count && err == 0; shard.index++) {
        err = tracker_load(shards_lock(shards, shard.index), &s->head, s->data, s->len, shard,
                           (uint32_t)passed_s, clock_mono());
        shards_unlock(shards, shard.index);
    }
    shards_stats(shards, &stats);
    if (err != 0)
        log_event(log, LOG_ERROR, "not all saved peers are loaded",
                  log_reason(sprat_strerror(err)));
    log_event(log, LOG_INFO, "the saved peers are loaded",
              log_number("peers", stats.peers4 + stats.peers6),
              log_number("torrents", stats.torrents),
              log_number("seconds_ago", (uint64_t)passed_s));
}

void
saved_fini(struct saved *s)
{
    free(s->data);
    *s = (struct saved){.data = NULL};
}

/* ---- writing ---- */

struct savefile {
    uint32_t magic;
    struct loop *loop;
    struct shards *shards;
    unsigned shard; /* the shard to copy next */
    const char *path;
    const struct log *log;
    int64_t period_ms;
    struct mono next_at;
    struct loop_timer *timer;
    struct loop_waker *written;
    struct buf bytes;
    struct thread thread;
    bool collecting, writing;
    struct errbuf trouble; /* the error of the thread; "" for none */
};

static void
write_file(struct savefile *f)
{
    f->trouble.text[0] = '\0';
    if (snapshot_seal(&f->bytes) != 0)
        errbuf_set(&f->trouble, SPRAT_E_NOMEM, "out of memory");
    else
        (void)file_write(f->path, buf_data(&f->bytes), buf_len(&f->bytes), 0600, FILE_REPLACE,
                         &f->trouble);
}

static void
say_and_forget(struct savefile *f)
{
    if (f->trouble.text[0] != '\0')
        log_event(f->log, LOG_ERROR, "the peers are not saved", log_reason(f->trouble.text));
    else
        log_event(f->log, LOG_DEBUG, "the peers are saved",
                  log_number("bytes", buf_len(&f->bytes)));
    buf_fini(&f->bytes);
    buf_init(&f->bytes, SAVEFILE_MAX);
}

static void *
thread_main(void *arg)
{
    struct savefile *f = arg;

    write_file(f);
    loop_waker_wake(f->written);
    return NULL;
}

static void
on_written(void *ctx)
{
    struct savefile *f = ctx;

    MAGIC_CHECK(f, SAVEFILE_MAGIC);
    thread_join(&f->thread);
    f->writing = false;
    say_and_forget(f);
    loop_timer_set(f->timer, f->next_at);
}

static size_t
whole_size(struct savefile *f)
{
    size_t size = 0;

    for (unsigned i = 0; i < shards_count(f->shards); i++) {
        size += tracker_save_size(shards_lock(f->shards, i));
        shards_unlock(f->shards, i);
    }
    return size;
}

static void
begin(struct savefile *f)
{
    struct tracker *t;

    f->next_at = mono_add_ms(loop_now(f->loop), f->period_ms);
    f->collecting = true;
    f->shard = 0;
    buf_reset(&f->bytes);
    /* Reserves memory for the whole snapshot if possible, since a growing buffer would be copied
     * repeatedly. */
    (void)buf_room(&f->bytes, whole_size(f));
    t = shards_lock(f->shards, 0);
    tracker_save_head(t, &f->bytes, clock_unix());
    tracker_save_begin(t);
    shards_unlock(f->shards, 0);
}

/* Like tracker_save_some(), for all shards in turn. */
static int
collect(struct savefile *f)
{
    int more = tracker_save_some(shards_lock(f->shards, f->shard), &f->bytes, loop_now(f->loop));

    shards_unlock(f->shards, f->shard);
    if (more != 0 || f->shard + 1 == shards_count(f->shards))
        return more;
    f->shard++;
    tracker_save_begin(shards_lock(f->shards, f->shard));
    shards_unlock(f->shards, f->shard);
    return 1;
}

/* After a failure the next save begins one period later. */
static void
give_up(struct savefile *f, const char *why)
{
    errbuf_set(&f->trouble, SPRAT_E_NOMEM, "%s", why);
    say_and_forget(f);
    loop_timer_set(f->timer, f->next_at);
}

static void
on_timer(void *ctx)
{
    struct savefile *f = ctx;
    int more;

    MAGIC_CHECK(f, SAVEFILE_MAGIC);
    if (!f->collecting)
        begin(f);
    more = collect(f);
    if (more == 1) {
        loop_timer_set(f->timer, mono_add_ms(loop_now(f->loop), PAUSE_MS));
        return;
    }
    f->collecting = false;
    if (more < 0)
        give_up(f, "out of memory");
    else if (thread_start(&f->thread, thread_main, f) != 0)
        give_up(f, "no thread can be started");
    else
        f->writing = true;
}

static void
savefile_free(struct savefile *f)
{
    if (f->timer != NULL)
        loop_timer_free(f->timer);
    if (f->written != NULL)
        loop_waker_free(f->written);
    buf_fini(&f->bytes);
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
    buf_init(&f->bytes, SAVEFILE_MAX);
    f->timer = loop_timer_new(l, on_timer, f);
    f->written = loop_waker_new(l, on_written, f);
    if (f->timer == NULL || f->written == NULL) {
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
    if (f->writing)
        thread_join(&f->thread);
    if (f->collecting) {
        tracker_save_cancel(shards_lock(f->shards, f->shard));
        shards_unlock(f->shards, f->shard);
    }
    begin(f);
    while (collect(f) == 1)
        ;
    write_file(f);
    say_and_forget(f);
    savefile_free(f);
}
