/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A slow job with a lane of its own.
 */
#include "peer/store/diskcall.h"

#include <stdlib.h>

#include "peer/store/diskjob.h"

struct call {
    struct disk_job job;
    struct disk_lane lane;
    struct doneq *doneq;
    struct doneq_item done_item;
    int (*fn)(void *user, struct errbuf *why);
    void (*done)(void *user, int err, const char *why);
    void *user;
    int err;
    struct errbuf why;
};

static void
on_done(struct doneq_item *item)
{
    struct call *c = LIST_ENTRY(item, struct call, done_item);

    c->done(c->user, c->err, c->err != 0 ? c->why.text : "");
    free(c);
}

static void
run_calls(struct disk_worker *w, struct disk_job *const *jobs, size_t n)
{
    (void)w;
    for (size_t i = 0; i < n; i++) {
        struct call *c = LIST_ENTRY(jobs[i], struct call, job);

        c->err = c->fn(c->user, &c->why);
        doneq_put(c->doneq, &c->done_item);
    }
}

static const struct disk_job_class call_class = {.run = run_calls};

int
disk_call(struct disk *d, const char *dir, struct doneq *q,
          int (*fn)(void *user, struct errbuf *why),
          void (*done)(void *user, int err, const char *why), void *user)
{
    struct call *c = calloc(1, sizeof(*c));
    int err;

    if (c == NULL)
        return SPRAT_E_NOMEM;
    disk_lane_init(d, &c->lane, dir);
    c->job.class = &call_class;
    c->job.lane = &c->lane;
    c->doneq = q;
    c->done_item.run = on_done;
    c->fn = fn;
    c->done = done;
    c->user = user;
    doneq_expect(q);
    err = disk_submit(d, &c->job, DISK_SLOW);
    if (err != 0) {
        doneq_unexpect(q);
        free(c);
    }
    return err;
}
