/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Real full and read-only file systems: a small tmpfs, mounted in a namespace of the test's own.
 * Where that is not allowed, these tests are skipped.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "common/sys/clock.h"
#include "common/sys/file.h"
#include "peer/store/commit.h"
#include "tests/unit/store/fixture.h"

/* Mounts |kib| of memory on |dir|; false if this is not allowed here. */
static bool
mount_small(const char *dir, int kib)
{
    char opt[32];

    snprintf(opt, sizeof(opt), "size=%dk", kib);
    if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
        return false;
    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return false;
    return mount("none", dir, "tmpfs", 0, opt) == 0;
}

/* Fills what room there is with a file. */
static void
fill(const char *path)
{
    char block[4096] = {1};
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    cr_assert_geq(fd, 0);
    while (write(fd, block, sizeof(block)) > 0)
        continue;
    close(fd);
}

Test(fulldisk, writes_fail_and_go_on_when_there_is_room)
{
    struct fixture f;
    struct outcome o = {0};
    char *filler;

    fixture_init(&f);
    fixture_file(&f, "one", 5, 8 * 65536);
    fixture_torrent(&f, METAINFO_HYBRID, 65536);
    if (!mount_small(f.target, 1024)) {
        fixture_fini(&f);
        cr_skip_test("no small file system can be mounted here");
    }
    fixture_open(&f);
    cr_assert_eq(fixture_write_piece(&f, 0), 0);
    filler = fixture_path(f.target, "filler");
    fill(filler);
    cr_expect_eq(fixture_write_piece(&f, 1), SPRAT_E_NOSPACE);
    cr_expect(fixture_verify_piece(&f, 0), "what was written stays");
    cr_assert_eq(unlink(filler), 0);
    cr_expect_eq(fixture_write_piece(&f, 1), 0);
    cr_expect(fixture_verify_piece(&f, 1));
    cr_assert_eq(storage_sync(f.storage, outcome_set, &o), 0);
    fixture_wait(&f, &o.done);
    cr_expect_eq(o.err, 0, "%s", o.why);
    free(filler);
    fixture_close(&f);
    cr_assert_eq(umount2(f.target, MNT_DETACH), 0);
    fixture_fini(&f);
}

Test(fulldisk, read_only_is_told)
{
    struct fixture f;

    fixture_init(&f);
    fixture_standard(&f, METAINFO_V1);
    if (!mount_small(f.target, 1024)) {
        fixture_fini(&f);
        cr_skip_test("no small file system can be mounted here");
    }
    cr_assert_eq(mount("none", f.target, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
    fixture_open(&f);
    cr_expect_eq(fixture_write_piece(&f, 0), SPRAT_E_READONLY);
    cr_assert_eq(mount("none", f.target, NULL, MS_REMOUNT, NULL), 0);
    cr_expect_eq(fixture_write_piece(&f, 0), 0);
    fixture_close(&f);
    cr_assert_eq(umount2(f.target, MNT_DETACH), 0);
    fixture_fini(&f);
}

struct group {
    bool flushed;
    int err;
    char why[ERRBUF_SIZE];
    size_t committed;
};

static void
on_committed(void *user, int err, const char *why, const uint32_t *pieces, size_t count)
{
    struct group *g = user;

    (void)why;
    (void)pieces;
    if (err == 0)
        g->committed += count;
}

static void
on_flushed(void *user, int err, const char *why)
{
    struct group *g = user;

    g->flushed = true;
    g->err = err;
    snprintf(g->why, sizeof(g->why), "%s", why);
}

static int
flush(struct fixture *f, struct commit *c, struct group *g)
{
    g->flushed = false;
    cr_assert_eq(commit_flush(c, clock_mono(), false, false, on_flushed, g), 0);
    fixture_wait(f, &g->flushed);
    return g->err;
}

/* The state directory is full: the database stays whole, the pieces wait, and are stored later. */
Test(fulldisk, database_without_room)
{
    struct fixture f;
    struct state *st, *again;
    struct commit_options co = {.done = on_committed};
    struct group g = {false};
    struct bitfield have;
    struct commit *c;
    char *filler;
    int err;

    fixture_init(&f);
    fixture_standard(&f, METAINFO_V1);
    cr_assert_eq(file_make_dirs(f.state_dir, 0700, NULL), 0);
    if (!mount_small(f.state_dir, 400)) {
        fixture_fini(&f);
        cr_skip_test("no small file system can be mounted here");
    }
    fixture_open(&f);
    cr_assert_eq(state_open(f.state_dir, "test", &st, NULL), 0);
    cr_assert_eq(state_add(st, &(struct state_addition){.mi = f.mi, .dir = f.target}, &co.id, NULL),
                 0);
    co.storage = f.storage;
    co.state = st;
    co.user = &g;
    c = commit_new(&co);
    filler = fixture_path(f.state_dir, "filler");
    fill(filler);
    cr_assert_eq(fixture_write_piece(&f, 0), 0);
    cr_assert_eq(commit_add(c, 0, clock_mono()), 0);
    for (int i = 0; i < 100 && (err = flush(&f, c, &g)) == 0; i++) /* the log may have had room */
        cr_assert_eq(commit_add(c, 0, clock_mono()), 0);
    cr_expect_eq(err, SPRAT_E_NOSPACE, "%s", g.why);
    cr_expect_not_null(strstr(g.why, "sprat.db"), "%s", g.why);
    cr_assert_eq(unlink(filler), 0);
    cr_expect_eq(flush(&f, c, &g), 0, "%s", g.why);
    cr_expect_gt(g.committed, 0);
    cr_assert_eq(state_open(f.state_dir, "other", &again, NULL), 0);
    cr_assert_eq(bitfield_init(&have, f.mi->piece_count), 0);
    cr_assert_eq(state_load_have(again, co.id, &have, NULL), 0);
    cr_expect(bitfield_get(&have, 0));
    bitfield_fini(&have);
    state_close(again);
    commit_free(c);
    state_close(st);
    free(filler);
    fixture_close(&f);
    cr_assert_eq(umount2(f.state_dir, MNT_DETACH), 0);
    fixture_fini(&f);
}
