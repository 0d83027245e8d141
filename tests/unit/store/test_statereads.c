/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Readers of the state database and the syncs of its commits. SQLite's syncs come to the functions
 * below, since the program's symbols go before those of the C library.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "peer/store/state.h"
#include "peer/store/statewish.h"
#include "tests/unit/store/fixture.h"

static struct {
    atomic_uint syncs;
    atomic_bool held; /* a sync does not end before this is false */
    atomic_uint waiting;
} disk;

static int
sync_by(long call, int fd)
{
    atomic_fetch_add(&disk.syncs, 1);
    atomic_fetch_add(&disk.waiting, 1);
    while (atomic_load(&disk.held))
        sched_yield();
    atomic_fetch_sub(&disk.waiting, 1);
    return (int)syscall(call, fd);
}

int
fsync(int fd)
{
    return sync_by(SYS_fsync, fd);
}

int
fdatasync(int fd)
{
    return sync_by(SYS_fdatasync, fd);
}

static void
set_up(struct fixture *f, struct state **st, int64_t *id)
{
    struct errbuf eb = {0};

    fixture_init(f);
    fixture_standard(f, METAINFO_HYBRID);
    cr_assert_eq(state_open(f->state_dir, "sprat test", st, &eb), 0, "%s", eb.text);
    cr_assert_eq(state_add(*st, f->mi, f->target, true, id, &eb), 0, "%s", eb.text);
}

static void
note_done(void *user, int err, const char *why)
{
    (void)why;
    *(int *)user = err;
}

static void
no_layer(void *user, const struct state_layer *l)
{
    (void)user;
    (void)l;
}

/* Everything that a torrent reads when it is loaded. */
static void
read_all(struct state *st, const struct fixture *f, int64_t id)
{
    struct state_file *files = calloc(f->mi->file_count, sizeof(*files));
    uint8_t *priorities = calloc(f->mi->file_count, 1);
    struct state_sharer sharers[STATE_SHARERS_MAX];
    struct endpoint peers[1];
    struct state_wish wish;
    struct state_torrent t;
    struct bitfield have;

    cr_assert_eq(bitfield_init(&have, f->mi->piece_count), 0);
    cr_expect_eq(state_get(st, id, &t, NULL), 0);
    cr_expect_eq(t.uploaded, 0u, "what is not committed yet is not seen");
    state_torrent_fini(&t);
    cr_expect(state_has(st, f->mi, f->target));
    cr_expect_eq(state_load_have(st, id, &have, NULL), 0);
    cr_expect_eq(state_load_files(st, id, files, f->mi->file_count, NULL), 0);
    cr_expect_eq(state_load_priorities(st, id, priorities, f->mi->file_count, NULL), 0);
    cr_expect_eq(state_load_peers(st, id, peers, 1, NULL), 0);
    cr_expect_eq(state_find_inode(st, id, 1, sharers, NULL), 0);
    cr_expect_eq(state_each_layer(st, id, no_layer, NULL, NULL), 0);
    cr_expect_eq(state_load_wish(st, id, &wish, NULL), SPRAT_E_NOTFOUND);
    bitfield_fini(&have);
    free(files);
    free(priorities);
}

Test(state, reads_do_not_wait_for_a_sync, .timeout = 60)
{
    struct state_update u = {.set_totals = true, .uploaded = 7};
    struct fixture f;
    struct state_torrent t;
    struct doneq *q = doneq_new(NULL, NULL);
    struct state *st;
    int64_t id;
    int err = -1;

    set_up(&f, &st, &id);
    atomic_store(&disk.held, true);
    cr_assert_eq(state_apply_async(st, id, &u, q, note_done, &err), 0);
    while (atomic_load(&disk.waiting) == 0)
        sched_yield();
    read_all(st, &f, id);
    cr_expect_eq(atomic_load(&disk.waiting), 1u, "the sync is still under way");
    atomic_store(&disk.held, false);
    doneq_wait(q, -1);
    cr_expect_eq(err, 0);
    cr_assert_eq(state_get(st, id, &t, NULL), 0);
    cr_expect_eq(t.uploaded, 7u, "and seen when it is over");
    state_torrent_fini(&t);
    state_close(st);
    doneq_free(q);
    fixture_fini(&f);
}

Test(state, an_end_of_nothing_costs_no_sync)
{
    struct state_update begin = {.set_clean = true, .active = 5};
    struct state_update end = {.set_clean = true, .clean = true, .active = 9};
    struct fixture f;
    struct state *st;
    int64_t id;
    unsigned before;

    set_up(&f, &st, &id);
    before = atomic_load(&disk.syncs);
    cr_assert_eq(state_apply(st, id, &end, NULL), 0);
    cr_expect_eq(atomic_load(&disk.syncs), before);
    cr_assert_eq(state_apply(st, id, &begin, NULL), 0);
    cr_assert_eq(state_apply(st, id, &end, NULL), 0);
    cr_expect_eq(atomic_load(&disk.syncs), before + 2);
    state_close(st);
    fixture_fini(&f);
}
