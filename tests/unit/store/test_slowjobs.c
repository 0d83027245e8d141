/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Slow jobs of several devices: a job that hangs delays only jobs of its own device.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "tests/unit/store/fixture.h"
#include "tests/unit/store/heldsync.h"

struct place {
    struct storage *storage;
    struct outcome synced;
    bool closed;
};

static void
set_closed(void *user)
{
    *(bool *)user = true;
}

/* Opens the torrent in |dir|, and writes its first block. */
static void
open_place(struct fixture *f, struct place *p, const char *dir)
{
    struct storage_options opt = {
        .disk = f->disk, .done = f->q, .mi = f->mi, .dir = dir, .writable = true};
    uint8_t *bytes = malloc(f->mi->piece_length);
    struct outcome o = {0};
    struct errbuf eb = {0};

    *p = (struct place){.closed = false};
    fixture_piece(f, 0, bytes);
    cr_assert_eq(storage_new(&opt, &p->storage, &eb), 0, "%s", eb.text);
    cr_assert_eq(storage_write(p->storage, 0, 0, bytes, 16384, NULL, outcome_set, &o), 0);
    fixture_wait(f, &o.done);
    cr_assert_eq(o.err, 0, "%s", o.why);
    free(bytes);
}

static void
begin_sync(struct place *p)
{
    cr_assert_eq(storage_sync(p->storage, outcome_set, &p->synced), 0);
}

static void
close_place(struct fixture *f, struct place *p)
{
    storage_close(p->storage, set_closed, &p->closed);
    fixture_wait(f, &p->closed);
}

Test(slowjobs, a_device_that_hangs_holds_up_no_other, .timeout = 60)
{
    char other[] = "/dev/shm/sprat-slowjobs-XXXXXX", cmd[128];
    struct place hung, beside, elsewhere;
    struct stat here, there;
    struct fixture f;
    char *neighbour;

    fixture_init(&f);
    if (mkdtemp(other) == NULL || stat(other, &there) != 0 || stat(f.dir, &here) != 0 ||
        here.st_dev == there.st_dev)
        cr_skip("there is no second device");
    fixture_standard(&f, METAINFO_HYBRID);
    fixture_open(&f);
    neighbour = fixture_path(f.dir, "neighbour");
    open_place(&f, &hung, f.target);
    open_place(&f, &beside, neighbour);
    open_place(&f, &elsewhere, other);
    heldsync_hold(f.dir);
    begin_sync(&hung);
    heldsync_await(1);
    begin_sync(&beside);
    begin_sync(&elsewhere);
    fixture_wait(&f, &elsewhere.synced.done);
    cr_expect_eq(elsewhere.synced.err, 0);
    cr_expect_not(hung.synced.done || beside.synced.done);
    cr_expect_eq(heldsync_waiting(), 1u, "one thread a device");
    heldsync_let_go();
    fixture_wait(&f, &beside.synced.done);
    cr_expect(hung.synced.done, "in the order of submission");
    close_place(&f, &hung);
    close_place(&f, &beside);
    close_place(&f, &elsewhere);
    free(neighbour);
    fixture_fini(&f);
    snprintf(cmd, sizeof(cmd), "rm -rf %s", other);
    cr_expect_eq(system(cmd), 0);
}

/* The calls below are a loop's: none of them waits for the look of the disk thread. */
Test(slowjobs, a_look_that_hangs_holds_up_no_loop, .timeout = 60)
{
    struct outcome read = {0}, looked = {0};
    struct storage_loan loan;
    struct fixture f;
    uint8_t *bytes;

    fixture_init(&f);
    fixture_standard(&f, METAINFO_HYBRID);
    fixture_open(&f);
    bytes = malloc(f.mi->piece_length);
    fixture_piece(&f, 0, bytes);
    cr_assert_eq(storage_write(f.storage, 0, 0, bytes, 16384, NULL, outcome_set, &read), 0);
    fixture_wait(&f, &read.done);
    cr_assert_eq(storage_sync(f.storage, outcome_set, &looked), 0);
    fixture_wait(&f, &looked.done);
    cr_expect(storage_file_stamp(f.storage, 0).known);
    read = (struct outcome){0};
    heldsync_hold_looks(f.target);
    cr_assert_eq(storage_read(f.storage, 0, 0, 16384, bytes, outcome_set, &read), 0);
    heldsync_await_looks(1);
    cr_expect(storage_file_stamp(f.storage, 0).known);
    cr_expect(storage_is_there(f.storage, 0));
    if (storage_lend(f.storage, 0, 0, 16384, true, &loan))
        storage_give_back(f.storage, &loan);
    cr_expect_not(read.done);
    heldsync_let_looks_go();
    fixture_wait(&f, &read.done);
    cr_expect_eq(read.err, 0, "%s", read.why);
    free(bytes);
    fixture_fini(&f);
}
