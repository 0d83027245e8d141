/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Readers of the state database and the syncs of its commits.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "peer/store/state.h"
#include "peer/store/statewish.h"
#include "tests/unit/store/fixture.h"
#include "tests/unit/store/heldsync.h"

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
    int64_t found;
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
    cr_expect_eq(state_find(st, &f->mi->id, f->target, &found, NULL), 0);
    cr_expect_eq(found, id);
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

    st = fixture_init_state(&f, true, &id);
    heldsync_hold("/");
    cr_assert_eq(state_apply_async(st, id, &u, q, note_done, &err), 0);
    heldsync_await(1);
    read_all(st, &f, id);
    cr_expect_eq(heldsync_waiting(), 1u, "the sync is still under way");
    heldsync_let_go();
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

    st = fixture_init_state(&f, true, &id);
    before = heldsync_count();
    cr_assert_eq(state_apply(st, id, &end, NULL), 0);
    cr_expect_eq(heldsync_count(), before);
    cr_assert_eq(state_apply(st, id, &begin, NULL), 0);
    cr_assert_eq(state_apply(st, id, &end, NULL), 0);
    cr_expect_eq(heldsync_count(), before + 2);
    state_close(st);
    fixture_fini(&f);
}
