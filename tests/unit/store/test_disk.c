/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The pools of disk workers, with jobs that hang until a test lets them go.
 */
#include <criterion/criterion.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

#include "peer/store/diskjob.h"

enum { THREADS = 4, HUNG_JOBS = 4 * THREADS };

static atomic_bool held;
static atomic_uint hung, done;

struct fake {
    struct disk_job job;
    bool hangs;
};

static void
run_fake(struct disk_worker *w, struct disk_job *const *jobs, size_t n)
{
    (void)w;
    cr_assert_eq(n, 1u);
    if (LIST_ENTRY(jobs[0], struct fake, job)->hangs) {
        atomic_fetch_add(&hung, 1);
        while (atomic_load(&held))
            sched_yield();
    }
    atomic_fetch_add(&done, 1);
}

static const struct disk_job_class fake_class = {.run = run_fake};

static struct disk *
new_disk(void)
{
    struct disk_options opt = {.threads = THREADS};
    struct disk *d = NULL;

    cr_assert_eq(disk_new(&opt, &d, NULL), 0);
    return d;
}

static void
submit(struct disk *d, struct fake *f, struct disk_lane *lane, enum disk_class class, unsigned key)
{
    f->job.class = &fake_class;
    f->job.lane = lane;
    f->job.key = key;
    cr_assert_eq(disk_submit(d, &f->job, class), 0);
}

static void
await(atomic_uint *count, unsigned n)
{
    while (atomic_load(count) < n)
        sched_yield();
}

static void
lane_of(struct disk *d, struct disk_lane *lane, const char *dir, unsigned long long device)
{
    disk_lane_init(d, lane, dir);
    cr_expect(disk_lane_is_guess(lane));
    if (device != 0)
        atomic_store(&lane->device, device);
}

/* Every worker of one device hangs, and more of its jobs wait. */
Test(disk, a_device_that_hangs_takes_no_worker_of_another, .timeout = 60)
{
    static const enum disk_class classes[] = {DISK_ORDERED, DISK_READ, DISK_BACKGROUND};
    struct fake stuck[HUNG_JOBS] = {0}, free_jobs[3 * THREADS] = {0};
    struct disk_lane a, b, a_too;
    struct disk *d = new_disk();

    for (int first = 0; first < 2; first++) { /* whichever device comes first */
        atomic_store(&held, true);
        atomic_store(&hung, 0);
        atomic_store(&done, 0);
        lane_of(d, &a, "/a", first == 0 ? 7 : 8);
        lane_of(d, &b, "/b", first == 0 ? 8 : 7);
        lane_of(d, &a_too, "/a/too", first == 0 ? 7 : 8);
        for (unsigned i = 0; i < HUNG_JOBS; i++) {
            stuck[i].hangs = true;
            submit(d, &stuck[i], i % 2 == 0 ? &a : &a_too, classes[i % 3], i);
        }
        await(&hung, THREADS);
        for (unsigned i = 0; i < 3 * THREADS; i++)
            submit(d, &free_jobs[i], &b, classes[i % 3], i);
        await(&done, 3 * THREADS);
        cr_expect_eq(atomic_load(&hung), THREADS, "one device has as many workers as ever");
        atomic_store(&held, false);
        await(&done, 3 * THREADS + HUNG_JOBS);
    }
    disk_free(d);
}

/* Nothing is lost when there are more devices than pools. */
Test(disk, more_devices_than_pools_share, .timeout = 60)
{
    enum { DEVICES = 3 * DISK_POOLS_MAX };
    struct fake jobs[DEVICES] = {0};
    struct disk_lane lanes[DEVICES];
    struct disk *d = new_disk();

    atomic_store(&done, 0);
    for (unsigned i = 0; i < DEVICES; i++) {
        lane_of(d, &lanes[i], "/x", i + 1);
        submit(d, &jobs[i], &lanes[i], DISK_ORDERED, i);
    }
    await(&done, DEVICES);
    disk_free(d);
}

/* A full queue of one device is no full queue of another. */
Test(disk, the_queue_of_a_device_that_hangs_is_its_own, .timeout = 60)
{
    struct fake stuck[THREADS] = {0}, one = {.hangs = false};
    struct disk_lane a, b;
    struct disk *d = new_disk();

    atomic_store(&held, true);
    atomic_store(&hung, 0);
    atomic_store(&done, 0);
    lane_of(d, &a, "/a", 1);
    lane_of(d, &b, "/b", 2);
    for (unsigned i = 0; i < THREADS; i++) {
        stuck[i].hangs = true;
        submit(d, &stuck[i], &a, DISK_ORDERED, i);
    }
    for (unsigned i = THREADS; i < DISK_QUEUE_MAX; i++)
        cr_assert_eq(disk_take_room(d, &a), 0);
    cr_expect_eq(disk_take_room(d, &a), SPRAT_E_AGAIN);
    submit(d, &one, &b, DISK_ORDERED, 0);
    await(&done, 1);
    atomic_store(&held, false);
    await(&done, 1 + THREADS);
    disk_free(d);
}

/* Lanes of directories whose device is not known, |each| for every mount from |mount| on. */
static void
guess_lanes(struct disk *d, struct disk_lane *lanes, unsigned count, unsigned each, uint64_t mount)
{
    char name[32];

    for (unsigned i = 0; i < count; i++) {
        snprintf(name, sizeof(name), "/mnt/%u/%u", (unsigned)mount, i);
        lane_of(d, &lanes[i], name, 0);
        lanes[i].mount = mount + i / each;
    }
}

/* A mount that hangs takes few slow threads, however many of its directories are asked for. */
Test(disk, looks_at_a_mount_that_hangs_hold_up_no_other_mount, .timeout = 60)
{
    static const enum disk_class classes[] = {DISK_SLOW, DISK_LOOK};
    enum { UNKNOWN = 2 * DISK_SLOW_THREADS, HEALTHY = 3 };
    struct fake stuck[UNKNOWN], same, jobs[HEALTHY], one;
    struct disk_lane unknown[UNKNOWN], again, healthy[HEALTHY], known;
    struct disk *d = new_disk();

    for (int c = 0; c < 2; c++) {
        atomic_store(&held, true);
        atomic_store(&hung, 0);
        atomic_store(&done, 0);
        guess_lanes(d, unknown, UNKNOWN, UNKNOWN, 70);
        guess_lanes(d, healthy, HEALTHY, HEALTHY, 80);
        guess_lanes(d, &again, 1, 1, 70); /* the same directory */
        lane_of(d, &known, "/known", 3);
        same = (struct fake){.hangs = true};
        submit(d, &same, &again, classes[c], 0);
        for (unsigned i = 0; i < UNKNOWN; i++) {
            stuck[i] = (struct fake){.hangs = true};
            submit(d, &stuck[i], &unknown[i], classes[c], 0);
        }
        await(&hung, DISK_MOUNT_GUESSES);
        for (unsigned i = 0; i < HEALTHY; i++) {
            jobs[i] = (struct fake){.hangs = false};
            submit(d, &jobs[i], &healthy[i], classes[c], 0);
        }
        one = (struct fake){.hangs = false};
        submit(d, &one, &known, classes[c], 0);
        await(&done, HEALTHY + 1);
        cr_expect_eq(atomic_load(&hung), DISK_MOUNT_GUESSES);
        atomic_store(&held, false);
        await(&done, HEALTHY + 1 + UNKNOWN + 1);
    }
    disk_free(d);
}

/* More mounts hang than the disk has threads for: devices that are known still have theirs. */
Test(disk, looks_at_unknown_directories_do_not_take_all_slow_threads, .timeout = 60)
{
    enum { UNKNOWN = 2 * DISK_SLOW_THREADS };
    struct fake stuck[UNKNOWN] = {0}, one = {.hangs = false};
    struct disk_lane unknown[UNKNOWN], known;
    struct disk *d = new_disk();

    atomic_store(&held, true);
    atomic_store(&hung, 0);
    atomic_store(&done, 0);
    lane_of(d, &known, "/known", 3);
    guess_lanes(d, unknown, UNKNOWN, 1, 70);
    for (unsigned i = 0; i < UNKNOWN; i++) {
        stuck[i].hangs = true;
        submit(d, &stuck[i], &unknown[i], DISK_SLOW, 0);
    }
    submit(d, &one, &known, DISK_SLOW, 0);
    await(&done, 1);
    await(&hung, DISK_SLOW_GUESSES);
    cr_expect_eq(atomic_load(&hung), DISK_SLOW_GUESSES);
    atomic_store(&held, false);
    await(&done, 1 + UNKNOWN);
    disk_free(d);
}

/* The kernel's table of mounts tells which directories a mount that hangs holds up. */
Test(disk, directories_of_one_mount_are_told_by_name)
{
    struct disk *d = new_disk();

    cr_expect_eq(disk_mount_of(d, "/proc/a"), disk_mount_of(d, "/proc/b"));
    cr_expect_neq(disk_mount_of(d, "/proc/a"), disk_mount_of(d, "/a"));
    cr_expect_neq(disk_mount_of(d, "a"), disk_mount_of(d, "b"), "relative names");
    disk_free(d);
}
