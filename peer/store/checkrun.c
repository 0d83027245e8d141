/* SPDX-License-Identifier: BSD-2-Clause
 *
 * check_run(), the blocking form of a check, with workers, a doneq and a waiting loop of its own.
 */
#include "peer/store/check.h"

enum { WAIT_MS = 100 };

struct run {
    struct check *check; /* NULL when the check has ended */
    struct check_report *report;
    bool (*progress)(void *user, uint32_t done, uint32_t total);
    void *user;
    bool closed;
};

static void
on_progress(void *user, uint32_t done, uint32_t total)
{
    struct run *r = user;

    if (r->progress != NULL && !r->progress(r->user, done, total) && r->check != NULL)
        check_cancel(r->check);
}

static void
on_done(void *user, struct check_report *report)
{
    struct run *r = user;

    *r->report = *report;
    *report = (struct check_report){0}; /* ownership has moved to the caller's report */
    r->check = NULL;
}

static void
on_closed(void *user)
{
    struct run *r = user;

    r->closed = true;
}

static int
run_in(struct disk *disk, struct doneq *q, const struct metainfo *mi, const char *dir,
       struct run *r, struct errbuf *eb)
{
    struct storage_options so = {.disk = disk, .done = q, .mi = mi, .dir = dir, .verifies = true};
    struct check_options co = {.progress = on_progress, .done = on_done, .user = r};
    int err = storage_new(&so, &co.storage, eb);

    if (err != 0)
        return err;
    r->check = check_start(&co);
    if (r->check == NULL)
        err = errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    while (r->check != NULL)
        doneq_wait(q, WAIT_MS);
    storage_close(co.storage, on_closed, r);
    while (!r->closed)
        doneq_wait(q, WAIT_MS);
    if (err == 0 && r->report->err != 0)
        err = errbuf_set(eb, r->report->err, "%s", r->report->why);
    return err;
}

int
check_run(const struct metainfo *mi, const char *dir, unsigned threads,
          bool (*progress)(void *user, uint32_t done, uint32_t total), void *user,
          struct check_report *report, struct errbuf *eb)
{
    struct disk_options opt = {.threads = threads};
    struct run r = {.report = report, .progress = progress, .user = user};
    struct doneq *q = doneq_new(NULL, NULL);
    struct disk *disk = NULL;
    int err;

    *report = (struct check_report){0};
    if (q == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    err = disk_new(&opt, &disk, eb);
    if (err == 0)
        err = run_in(disk, q, mi, dir, &r, eb);
    disk_free(disk);
    doneq_free(q);
    return err;
}
