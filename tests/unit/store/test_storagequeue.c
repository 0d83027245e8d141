/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Jobs on their way to the disk: held, refused, cancelled by the end of the storage.
 */
#include <criterion/criterion.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "peer/store/diskjob.h"
#include "tests/unit/store/fixture.h"

Test(storagequeue, close_cancels_waiting_jobs_and_reports_all)
{
    struct fixture f;
    uint8_t *bytes = calloc(1, BLOCK_LEN);
    struct outcome o[200] = {{0}};

    fixture_init(&f);
    fixture_standard(&f, METAINFO_HYBRID);
    fixture_open(&f);
    for (size_t i = 0; i < 200; i++)
        cr_assert_eq(storage_write(f.storage, (uint32_t)i % 4, 0, bytes, BLOCK_LEN, NULL,
                                   outcome_set, &o[i]),
                     0);
    fixture_close(&f);
    for (size_t i = 0; i < 200; i++) {
        cr_expect(o[i].done);
        cr_expect(o[i].err == 0 || o[i].err == SPRAT_E_CANCELLED);
    }
    fixture_fini(&f);
    free(bytes);
}

/* Held jobs are submitted by storage_let_go(), when they fill a batch, and when the storage closes;
 * a verify stays behind the writes of its piece. */
Test(storagequeue, held_jobs_are_submitted_together)
{
    enum { BLOCKS = 20 };
    struct fixture f;
    struct outcome *o = calloc(BLOCKS, sizeof(*o)), verified = {0}, late = {0};
    uint8_t *bytes = malloc(BLOCKS * BLOCK_LEN);

    fixture_init(&f);
    fixture_file(&f, "one", 3, BLOCKS * BLOCK_LEN);
    fixture_torrent(&f, METAINFO_V1, 32 * BLOCK_LEN);
    fixture_open(&f);
    fixture_piece(&f, 0, bytes);
    storage_hold(f.storage);
    for (uint32_t i = 0; i < BLOCKS; i++)
        cr_assert_eq(storage_write(f.storage, 0, i * BLOCK_LEN, bytes + (size_t)i * BLOCK_LEN,
                                   BLOCK_LEN, NULL, outcome_set, &o[i]),
                     0);
    cr_assert_eq(storage_verify(f.storage, 0, outcome_set, &verified), 0);
    fixture_wait(&f, &o[0].done);
    cr_expect_not(o[BLOCKS - 1].done, "it is in no full batch");
    storage_let_go(f.storage);
    fixture_wait(&f, &verified.done);
    cr_expect(o[BLOCKS - 1].done);
    cr_expect(verified.has_sha1);
    cr_expect_arr_eq(verified.sha1, f.mi->pieces, 20);
    storage_hold(f.storage);
    cr_assert_eq(storage_forget(f.storage, 0, outcome_set, &late), 0);
    fixture_close(&f);
    cr_expect(late.done);
    free(bytes);
    free(o);
    fixture_fini(&f);
}

static atomic_uint idle_runs;

static void
run_idle(struct disk_worker *w, struct disk_job *const *jobs, size_t n)
{
    (void)w;
    (void)jobs;
    atomic_fetch_add(&idle_runs, (unsigned)n);
}

/* A job that the full queue refuses is never reported, neither later nor when the storage closes;
 * the same job is accepted once the queue has room. */
Test(storagequeue, a_full_queue_refuses_jobs_without_a_result)
{
    static const struct disk_job_class class = {.run = run_idle};
    static struct disk_job idle[DISK_QUEUE_MAX];
    struct fixture f;
    struct disk_lane lane;
    struct outcome refused = {0}, held = {0}, read = {0};
    uint8_t bytes[16];
    struct list jobs;
    struct stat st;
    unsigned n = 0;

    fixture_init(&f);
    fixture_standard(&f, METAINFO_V1);
    fixture_open(&f);
    /* The lane of the storage's device, so that both use one queue. */
    disk_lane_init(f.disk, &lane, f.target);
    cr_assert_eq(stat(f.target, &st), 0);
    atomic_store(&lane.device, st.st_dev);
    list_init(&jobs);
    while (n < DISK_QUEUE_MAX && disk_take_room(f.disk, &lane) == 0) {
        idle[n] = (struct disk_job){.class = &class, .lane = &lane};
        list_init(&idle[n].link);
        list_push_back(&jobs, &idle[n++].link);
    }
    cr_assert_eq(n, DISK_QUEUE_MAX);
    cr_expect_eq(storage_read(f.storage, 0, 0, sizeof(bytes), bytes, outcome_set, &refused),
                 SPRAT_E_AGAIN);
    storage_hold(f.storage);
    cr_expect_eq(storage_forget(f.storage, 0, outcome_set, &held), SPRAT_E_AGAIN);
    storage_let_go(f.storage);
    disk_submit_all(f.disk, &lane, &jobs);
    while (atomic_load(&idle_runs) < n)
        sched_yield();
    while (storage_read(f.storage, 0, 0, sizeof(bytes), bytes, outcome_set, &read) != 0)
        sched_yield();
    fixture_wait(&f, &read.done);
    fixture_close(&f);
    cr_expect_not(refused.done);
    cr_expect_not(held.done);
    fixture_fini(&f);
}
