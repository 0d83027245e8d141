/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Moves of complete files to another directory, on the same file system and on another one; and the
 * reservation of disk space.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/sys/file.h"
#include "tests/unit/store/fixture.h"

static void
run(struct fixture *f, int (*submit)(struct storage *, storage_done_fn, void *), struct outcome *o)
{
    *o = (struct outcome){0};
    cr_assert_eq(submit(f->storage, outcome_set, o), 0);
    fixture_wait(f, &o->done);
}

/* All steps of a move to a directory, which is made first; the result of the last one. */
static void
move(struct fixture *f, const char *to, struct outcome *o)
{
    cr_assert_eq(file_make_dirs(to, 0777, NULL), 0);
    do {
        *o = (struct outcome){0};
        cr_assert_eq(storage_move(f->storage, to, outcome_set, o), 0);
        fixture_wait(f, &o->done);
    } while (o->err == SPRAT_E_AGAIN);
}

static void
clean(struct fixture *f, const char *from, struct outcome *o)
{
    *o = (struct outcome){0};
    cr_assert_eq(storage_clean(f->storage, from, outcome_set, o), 0);
    fixture_wait(f, &o->done);
}

/* The torrent is whole in |target|. */
static void
set_up(struct fixture *f)
{
    struct outcome o;

    fixture_init(f);
    fixture_standard(f, METAINFO_HYBRID);
    fixture_open(f);
    for (uint32_t p = 0; p < f->mi->piece_count; p++)
        cr_assert_eq(fixture_write_piece(f, p), 0);
    run(f, storage_finish, &o);
    run(f, storage_sync, &o);
    cr_assert_eq(o.err, 0);
}

static bool
exists(const char *dir, const char *rel)
{
    char *path = fixture_path(dir, rel);
    bool there = access(path, F_OK) == 0;

    free(path);
    return there;
}

/* Reads a block of every piece through the storage. */
static void
expect_readable(struct fixture *f)
{
    for (uint32_t p = 0; p < f->mi->piece_count; p++) {
        uint32_t len = metainfo_piece_len(f->mi, p) < 100 ? metainfo_piece_len(f->mi, p) : 100;
        uint8_t *piece = malloc(f->mi->piece_length), got[100];
        struct outcome o = {0};

        fixture_piece(f, p, piece);
        cr_assert_eq(storage_read(f->storage, p, 0, len, got, outcome_set, &o), 0);
        fixture_wait(f, &o.done);
        cr_expect_eq(o.err, 0, "%s", o.why);
        cr_expect_eq(memcmp(got, piece, len), 0, "piece %u", p);
        free(piece);
    }
}

static void
expect_moved(struct fixture *f, const char *to)
{
    struct outcome o;
    char *from = strdup(f->target);

    expect_readable(f);
    move(f, to, &o);
    cr_assert_eq(o.err, 0, "%s", o.why);
    cr_expect(exists(from, "data/big") && exists(to, "data/big"), "all is in both places");
    expect_readable(f);
    storage_move_in(f->storage);
    cr_expect_str_eq(storage_dir(f->storage), to);
    expect_readable(f);
    clean(f, from, &o);
    cr_expect_eq(o.err, 0, "%s", o.why);
    cr_expect_not(exists(from, "data"));
    cr_expect(exists(from, "."), "the directory itself is not ours");
    run(f, storage_look, &o);
    cr_expect_eq(o.err, 0, "%s", o.why);
    expect_readable(f);
    free(f->target);
    f->target = strdup(to);
    cr_expect(fixture_same(f, "data/big"));
    cr_expect(fixture_same(f, "data/sub/tiny"));
    cr_expect(fixture_same(f, "data/empty"));
    free(from);
}

/* A move never makes its destination: if that is missing, its disk is perhaps not mounted. */
Test(move, a_missing_destination_is_not_made)
{
    struct fixture f;
    struct outcome o = {0};
    char *to;

    set_up(&f);
    to = fixture_path(f.dir, "disk/done");
    cr_assert_eq(storage_move(f.storage, to, outcome_set, &o), 0);
    fixture_wait(&f, &o.done);
    cr_expect_eq(o.err, SPRAT_E_GONE);
    cr_expect(strstr(o.why, to) != NULL, "%s", o.why);
    cr_expect_not(exists(f.dir, "disk"));
    free(to);
    fixture_fini(&f);
}

Test(move, within_a_file_system)
{
    struct fixture f;
    struct storage_stamp before, after;
    char *to;

    set_up(&f);
    to = fixture_path(f.dir, "a/new/place");
    before = storage_file_stamp(f.storage, 0);
    expect_moved(&f, to);
    after = storage_file_stamp(f.storage, 0);
    cr_expect(before.inode == after.inode && before.mtime_ns == after.mtime_ns,
              "nothing was copied");
    free(to);
    fixture_fini(&f);
}

Test(move, to_another_file_system)
{
    struct fixture f;
    struct stat here, there;
    struct storage_stamp before, after;
    char to[] = "/dev/shm/sprat-test-XXXXXX", command[64];

    set_up(&f);
    if (mkdtemp(to) == NULL || stat(to, &there) != 0 || stat(f.dir, &here) != 0 ||
        here.st_dev == there.st_dev) {
        rmdir(to);
        fixture_fini(&f);
        cr_skip_test("there is no other file system");
    }
    before = storage_file_stamp(f.storage, 0);
    expect_moved(&f, to);
    after = storage_file_stamp(f.storage, 0);
    cr_expect_eq(before.mtime_ns, after.mtime_ns);
    cr_expect_eq(before.size, after.size);
    fixture_close(&f);
    snprintf(command, sizeof(command), "rm -r %s", to);
    cr_assert_eq(system(command), 0);
    fixture_fini(&f);
}

Test(move, what_stands_there_is_left_alone_and_an_earlier_try_is_taken_up)
{
    struct fixture f;
    struct outcome o;
    char *to, *path, *from;

    set_up(&f);
    from = strdup(f.target);
    to = fixture_path(f.dir, "to");
    path = fixture_path(to, "data/sub/tiny");
    move(&f, to, &o);
    cr_assert_eq(o.err, 0, "%s", o.why);
    cr_assert_eq(unlink(path), 0);
    fixture_write(path, "mine", 4);
    fixture_close(&f); /* the end before it counted: all begins anew */
    fixture_open(&f);
    run(&f, storage_look, &o); /* as every session begins */
    move(&f, to, &o);
    cr_expect_eq(o.err, SPRAT_E_EXISTS);
    cr_expect(strstr(o.why, path) != NULL, "%s", o.why);
    expect_readable(&f);
    cr_assert_eq(unlink(path), 0);
    move(&f, to, &o);
    cr_assert_eq(o.err, 0, "%s", o.why);
    storage_move_in(f.storage);
    free(path);
    path = fixture_path(from, "data/sub/tiny");
    cr_assert_eq(unlink(path), 0);
    fixture_write(path, "changed", 7);
    clean(&f, from, &o);
    cr_expect_eq(o.err, SPRAT_E_EXISTS);
    cr_expect(strstr(o.why, path) != NULL, "%s", o.why);
    cr_expect(exists(from, "data/sub/tiny"));
    cr_expect_not(exists(from, "data/big"));
    expect_readable(&f);
    free(path);
    free(to);
    free(from);
    fixture_fini(&f);
}

static void
poke(const char *path, off_t at)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    cr_assert_eq(pwrite(fd, "x", 1, at), 1);
    close(fd);
}

static void
set_mtime(const char *path, const struct timespec *mtime)
{
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, *mtime};

    cr_assert_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void
copy_with_time(const char *from, const char *to)
{
    char command[1024];

    snprintf(command, sizeof(command), "mkdir -p $(dirname %s) && cp -p %s %s", to, from, to);
    cr_assert_eq(system(command), 0);
}

/* Another program changes a byte of a file after it was vouched for. */
Test(move, what_was_changed_by_others_is_not_passed_on)
{
    struct fixture f;
    struct outcome o;
    char *to, *path;

    set_up(&f);
    to = fixture_path(f.dir, "to");
    path = fixture_path(f.target, "data/big");
    poke(path, 10);
    move(&f, to, &o);
    cr_expect_eq(o.err, SPRAT_E_CHANGED, "%s", o.why);
    cr_expect(strstr(o.why, path) != NULL, "%s", o.why);
    cr_expect_not(exists(to, "data/big"));
    free(path);
    free(to);
    fixture_fini(&f);
}

/* A file of the same size and time stands at the destination: only its content tells that it is not
 * what an earlier try made. */
Test(move, a_twin_with_other_content_is_refused)
{
    struct fixture f;
    struct outcome o;
    struct stat st;
    char *to, *from, *path;

    set_up(&f);
    to = fixture_path(f.dir, "to");
    from = fixture_path(f.target, "data/big");
    path = fixture_path(to, "data/big");
    copy_with_time(from, path);
    cr_assert_eq(stat(from, &st), 0);
    poke(path, 10);
    set_mtime(path, &st.st_mtim);
    move(&f, to, &o);
    cr_expect_eq(o.err, SPRAT_E_EXISTS, "%s", o.why);
    cr_expect(strstr(o.why, path) != NULL, "%s", o.why);
    copy_with_time(from, path);
    move(&f, to, &o);
    cr_expect_eq(o.err, 0, "the same content is taken for an earlier try: %s", o.why);
    free(path);
    free(from);
    free(to);
    fixture_fini(&f);
}

/* Room for all files, of which nothing is there yet. */
static int
reserve(struct storage *s, storage_done_fn done, void *user)
{
    struct bitfield none;
    int err = bitfield_init(&none, storage_metainfo(s)->piece_count);

    if (err == 0)
        err = storage_prepare(s, &none, true, done, user);
    bitfield_fini(&none);
    return err;
}

Test(move, room_is_taken_before_the_bytes_come)
{
    struct fixture f;
    struct outcome o;
    struct stat st;
    char *path;

    fixture_init(&f);
    fixture_standard(&f, METAINFO_V1);
    fixture_open(&f);
    run(&f, reserve, &o);
    cr_assert_eq(o.err, 0, "%s", o.why);
    path = fixture_path(f.target, "data/big");
    cr_assert_eq(stat(path, &st), 0);
    cr_expect_eq(st.st_size, 0, "it does not look as if it were there");
    for (uint32_t p = 0; p < f.mi->piece_count; p++)
        cr_assert_eq(fixture_write_piece(&f, p), 0);
    cr_expect(fixture_same(&f, "data/big"));
    run(&f, reserve, &o);
    cr_expect_eq(o.err, 0, "%s", o.why);
    cr_expect(fixture_same(&f, "data/big"));
    free(path);
    fixture_fini(&f);
}

Test(move, a_disk_that_is_too_small_is_told_before)
{
    struct fixture f;
    struct outcome o;

    fixture_init(&f);
    fixture_standard(&f, METAINFO_V1);
    ((struct metainfo_file *)(uintptr_t)f.mi->files)[0].length = UINT64_C(1) << 60;
    fixture_open(&f);
    run(&f, reserve, &o);
    cr_expect_eq(o.err, SPRAT_E_NOSPACE);
    cr_expect(strstr(o.why, "MiB more are needed") != NULL, "%s", o.why);
    cr_expect_not(exists(f.target, "data"), "nothing was begun");
    fixture_fini(&f);
}
