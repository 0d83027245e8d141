/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A copy of a torrent that is kept up to date by the changes of others: when they are enough, what
 * each does to the copy and to own peers, and what makes a tracker fetch all anew.
 */
#include <criterion/criterion.h>

#include "common/base/bytes.h"
#include "tests/unit/tracker/cluster_rig.h"

static const struct stored none = {0};

/* A tracker that has fetched a torrent of |leeches| peers and no changes but "anything". */
static struct rig *
rig_fetched(uint32_t leeches)
{
    struct rig *r = rig_ready();

    rig_change(r, CLUSTER_CHANGE_ANY, 0, false, 0);
    cr_assert(rig_must_wait(r));
    rig_play_all(r, (struct stored){leeches, 10, 4});
    cr_assert_not(rig_must_wait(r));
    rig_pass_ms(r, CLUSTER_FEW_FRESH_MS);
    cr_assert(rig_must_wait(r));
    return r;
}

/* Asks what has changed, which takes a command; now and then another. */
static void
ask(struct rig *r)
{
    size_t commands = rig_play_all(r, none);

    cr_assert_eq(commands, 1 + r->seen.kept);
    cr_assert_eq(r->seen.asked, 1);
    cr_assert_not(rig_must_wait(r));
}

/* The same with news, of which others have told before. */
static void
ask_and_tell(struct rig *r)
{
    rig_play_all(r, none);
    cr_assert(r->seen.still + r->seen.added > 0 && r->seen.asked == 1 && r->seen.drawn == 0);
    cr_assert_not(rig_must_wait(r));
}

static void
expect_counts(struct rig *r, uint32_t seeds, uint32_t leeches)
{
    struct tracker_scrape s = {.complete = 0};

    memcpy(s.info_hash, rig_hash, sizeof(rig_hash));
    tracker_on_scrape(r->t, &s, r->now);
    cr_assert_eq(s.complete, seeds, "%d seeders", (int)s.complete);
    cr_assert_eq(s.incomplete, leeches, "%d leechers", (int)s.incomplete);
}

Test(cluster_changes, a_whole_copy_is_not_fetched_again)
{
    struct rig *r = rig_fetched(3);
    size_t kept = 0;

    ask(r);
    kept += r->seen.kept;
    expect_counts(r, 0, 3);
    for (int i = 0; i < 10; i++) {
        rig_pass_ms(r, 60000);
        cr_assert(rig_must_wait(r));
        ask(r);
        kept += r->seen.kept;
    }
    cr_assert_eq(kept, 1, "a quarter of its life is longer");
    expect_counts(r, 0, 3);
    tracker_free(r->t);
}

Test(cluster_changes, others_come_change_sides_and_go)
{
    struct rig *r = rig_fetched(3);

    rig_change(r, CLUSTER_CHANGE_CAME, 1, false, 0);
    rig_change(r, CLUSTER_CHANGE_CAME, 2, true, 0);
    rig_change(r, CLUSTER_CHANGE_CAME, 3, false, 0);
    ask(r);
    expect_counts(r, 1, 5);
    rig_change(r, CLUSTER_CHANGE_CAME, 1, true, 0);
    rig_change(r, CLUSTER_CHANGE_GONE, 3, true, 0); /* on whichever side it was */
    rig_pass_ms(r, CLUSTER_FEW_FRESH_MS);
    cr_assert(rig_must_wait(r));
    ask(r);
    expect_counts(r, 2, 3);
    rig_announce(r, 9, 0, TRACKER_EVENT_STARTED);
    cr_assert_eq(r->ans.n4, 3, "seeders want leechers");
    tracker_free(r->t);
}

Test(cluster_changes, a_goodbye_is_for_the_peer_that_said_it)
{
    struct rig *r = rig_fetched(1);

    rig_change(r, CLUSTER_CHANGE_GONE, 1000, false,
               0); /* another's id, at the address of the one */
    ask(r);
    expect_counts(r, 0, 1);
    tracker_free(r->t);
}

Test(cluster_changes, an_own_peer_that_goes_elsewhere)
{
    struct rig *r = rig_fetched(0);
    struct tracker_stats s;

    ask(r);
    for (int n = 1; n <= 3; n++)
        rig_announce(r, n, 1, TRACKER_EVENT_STARTED);
    rig_pass_ms(r, CLUSTER_ROUND_MS);
    rig_play_all(r, none);
    rig_pass_ms(r, 10000);
    rig_change(r, CLUSTER_CHANGE_CAME, 1, true, 0);
    rig_change(r, CLUSTER_CHANGE_GONE, 2, false, 0);
    rig_change(r, CLUSTER_CHANGE_GONE, 3, false, 20); /* before it came here */
    cr_assert(rig_must_wait(r));
    ask(r);
    tracker_stats(r->t, &s);
    cr_assert_eq(s.peers4, 1);
    expect_counts(r, 1, 1);
    tracker_free(r->t);
}

Test(cluster_changes, a_peer_at_two_trackers_is_where_it_was_last)
{
    struct rig *r = rig_fetched(0);
    struct tracker_stats s;

    ask(r);
    rig_announce(r, 1, 1, TRACKER_EVENT_STARTED);
    rig_announce(r, 2, 1, TRACKER_EVENT_STARTED);
    rig_change(r, CLUSTER_CHANGE_CAME, 1, true, 0);
    rig_pass_ms(r, CLUSTER_FEW_FRESH_MS);
    cr_assert(rig_must_wait(r));
    ask_and_tell(r);
    expect_counts(r, 0, 2);
    rig_change(r, CLUSTER_CHANGE_CAME, 2, true, 0);
    rig_pass_ms(r, CLUSTER_FEW_FRESH_MS);
    cr_assert(rig_must_wait(r));
    ask(r);
    expect_counts(r, 1, 1);
    tracker_stats(r->t, &s);
    cr_assert_eq(s.peers4, 1);
    rig_announce(r, 2, 1, TRACKER_EVENT_NONE);
    rig_change(r, CLUSTER_CHANGE_GONE, 2, true, 0);
    rig_pass_ms(r, CLUSTER_FEW_FRESH_MS);
    cr_assert(rig_must_wait(r));
    ask_and_tell(r);
    expect_counts(r, 0, 2);
    tracker_free(r->t);
}

Test(cluster_changes, completions_are_counted_by_redis)
{
    struct rig *r = rig_fetched(1);

    rig_change(r, CLUSTER_CHANGE_COMPLETED, 5, true, 0);
    cr_assert_eq(rig_play_all(r, (struct stored){1, 10, 6}), 4, "what changed, and the number");
    cr_assert_not(rig_must_wait(r));
    rig_announce(r, 1, 1, TRACKER_EVENT_STARTED);
    cr_assert_eq(r->ans.downloaded, 6);
    tracker_free(r->t);
}

/* What happens here leaves the copy good, as long as nobody else comes between. */
Test(cluster_changes, own_changes_leave_the_copy_good)
{
    struct rig *r = rig_fetched(2);

    ask(r);
    rig_announce(r, 1, 1, TRACKER_EVENT_STARTED);
    rig_pass_ms(r, CLUSTER_FEW_FRESH_MS);
    cr_assert_eq(rig_play_all(r, none), 3, "the peer, for how long that is kept, and the change");
    cr_assert_eq(r->seen.removed, 0, "it was on no side");
    cr_assert_not(rig_must_wait(r), "Redis told how many changes there are");
    rig_announce(r, 2, 1, TRACKER_EVENT_STARTED);
    rig_change(r, CLUSTER_CHANGE_CAME, 8, false, 0);
    rig_pass_ms(r, CLUSTER_FEW_FRESH_MS);
    rig_play_all(r, none);
    cr_assert(rig_must_wait(r), "another was first");
    ask(r);
    expect_counts(r, 0, 5);
    tracker_free(r->t);
}

Test(cluster_changes, who_leaves_is_not_brought_back_by_what_was_on_its_way)
{
    struct rig *r = rig_fetched(2);

    rig_change(r, CLUSTER_CHANGE_CAME, 1, false, 0);
    rig_change(r, CLUSTER_CHANGE_CAME, 2, false, 0);
    do
        cr_assert(rig_next(r) && (rig_arg_is(r, 0, "GETRANGE") || rig_play(r, &none) == 0));
    while (!rig_arg_is(r, 0, "GETRANGE"));
    rig_announce(r, 1, 1, TRACKER_EVENT_STOPPED);
    cr_assert_eq(rig_play(r, &none), 0);
    expect_counts(r, 0, 3);
    tracker_free(r->t);
}

/* Each makes the tracker fetch all. */
static void
expect_fetch(struct rig *r)
{
    rig_play_all(r, (struct stored){7, 10, 0});
    cr_assert_eq(r->seen.drawn, 4);
    cr_assert_not(rig_must_wait(r));
    expect_counts(r, 0, 7);
    tracker_free(r->t);
}

Test(cluster_changes, anything_may_have_changed)
{
    struct rig *r = rig_fetched(2);

    rig_change(r, CLUSTER_CHANGE_CAME, 1, false, 0);
    rig_change(r, CLUSTER_CHANGE_ANY, 0, false, 0);
    expect_fetch(r);
}

Test(cluster_changes, changes_were_begun_anew)
{
    struct rig *r = rig_fetched(2);

    r->changes_len = 0;
    rig_change(r, CLUSTER_CHANGE_CAME, 1, false, 0);
    expect_fetch(r);
}

Test(cluster_changes, changes_got_lost)
{
    struct rig *r = rig_fetched(2);

    r->changes_len = 0;
    cr_assert_eq(rig_play_all(r, (struct stored){7, 10, 0}), 2 + 7);
    cr_assert_not(rig_must_wait(r));
    rig_pass_ms(r, CLUSTER_LAZY_MS);
    cr_assert_eq(rig_play_all(r, none), 1);
    cr_assert_eq(r->seen.begun, 1, "so that there are some again");
    cr_assert(rig_must_wait(r));
    expect_fetch(r);
}

Test(cluster_changes, too_many_for_one_reply)
{
    struct rig *r = rig_fetched(2);

    for (int n = 0; n < 30; n++)
        rig_change(r, CLUSTER_CHANGE_CAME, n, false, 0);
    expect_fetch(r);
}

Test(cluster_changes, what_is_no_change)
{
    for (int i = 0; i < 3; i++) {
        struct rig *r = rig_fetched(2);
        uint8_t *at = r->changes + r->changes_len;

        rig_change(r, CLUSTER_CHANGE_CAME, 1, false, 0);
        if (i == 0)
            at[0] = 'x';
        else if (i == 1)
            at[1] = CLUSTER_SIDES;
        else
            r->changes_len--;
        expect_fetch(r);
    }
}

Test(cluster_changes, peers_of_the_copy_may_be_silent)
{
    struct rig *r = rig_fetched(2);

    ask(r);
    rig_pass_ms(r,
                (tracker_peer_timeout_s(&(struct tracker_config){.interval = 1800}) - 10) * 1000);
    cr_assert(rig_must_wait(r));
    expect_fetch(r);
}

Test(cluster_changes, many_at_once_are_told_as_one)
{
    struct rig *r = rig_fetched(2);
    struct cluster_change_entry change;

    ask(r);
    for (int n = 1; n <= 17; n++)
        rig_announce(r, n, 1, TRACKER_EVENT_STARTED);
    rig_pass_ms(r, CLUSTER_ROUND_MS);
    rig_play_all(r, none);
    cr_assert_eq(r->seen.begun, 1);
    cr_assert_eq(cluster_change_read(&change, r->changes, r->changes_len), r->changes_len);
    cr_assert_eq(change.what, CLUSTER_CHANGE_ANY);
    tracker_free(r->t);
}

Test(cluster_changes, long_ones_are_begun_anew)
{
    struct rig *r = rig_ready();
    size_t longest = 0, begun = 0;

    for (int n = 0; n < 200; n++) {
        rig_announce(r, n, 1, TRACKER_EVENT_STARTED);
        rig_pass_ms(r, CLUSTER_ROUND_MS);
        rig_play_all(r, none);
        longest = r->changes_len > longest ? r->changes_len : longest;
        begun += r->seen.begun;
    }
    cr_assert(begun >= 1 && longest > CLUSTER_CHANGES_LEN_MAX &&
              longest < 2 * CLUSTER_CHANGES_LEN_MAX);
    tracker_free(r->t);
}
