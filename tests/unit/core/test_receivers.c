/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The table of receivers.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "peer/core/receivers.h"

enum { TOTAL = 10 };

static const struct endpoint addr = {.ip = {10, 0, 0, 1}, .port = 6881, .family = IP_V4};

static uint32_t
enter(struct receivers *r, uint32_t peer)
{
    uint8_t id[PEER_ID_LEN] = {0};

    memcpy(id, &peer, sizeof(peer));
    return receivers_enter(r, id, &addr);
}

static uint32_t
count(const struct receivers *r)
{
    uint32_t iter = 0, n = 0;

    while (receivers_next(r, &iter) != NULL)
        n++;
    return n;
}

Test(receivers, a_peer_that_fetches_becomes_a_copy_once)
{
    struct receivers *r = receivers_new();
    uint32_t e = enter(r, 1);

    receivers_note(r, e, 0, TOTAL, false);
    cr_expect_eq(count(r), 0, "it wants nothing yet");
    receivers_note(r, e, 0, TOTAL, true);
    receivers_note(r, e, 9, TOTAL, true);
    cr_expect_eq(count(r), 1);
    cr_expect_eq(receivers_copies(r), 0);
    receivers_note(r, e, TOTAL, TOTAL, true);
    receivers_note(r, e, TOTAL - 1, TOTAL, true); /* DONTHAVE */
    receivers_note(r, e, TOTAL, TOTAL, true);
    cr_expect_eq(receivers_copies(r), 1);
    receivers_free(r);
}

Test(receivers, a_peer_that_comes_complete_is_none)
{
    struct receivers *r = receivers_new();
    uint32_t e = enter(r, 1);

    receivers_note(r, e, TOTAL, TOTAL, false);
    receivers_note(r, e, TOTAL, TOTAL, true);
    cr_expect_eq(receivers_copies(r), 0);
    cr_expect_eq(count(r), 0);
    receivers_free(r);
}

Test(receivers, one_that_comes_back_complete_counts)
{
    struct receivers *r = receivers_new();
    uint32_t e = enter(r, 1), iter = 0;

    receivers_note(r, e, 3, TOTAL, true);
    receivers_leave(r, e);
    cr_expect_eq(receivers_next(r, &iter)->connections, 0);
    e = enter(r, 1);
    receivers_note(r, e, TOTAL, TOTAL, false);
    cr_expect_eq(receivers_copies(r), 1);
    receivers_leave(r, e);
    receivers_note(r, enter(r, 1), TOTAL, TOTAL, false);
    cr_expect_eq(receivers_copies(r), 1, "it is known");
    receivers_free(r);
}

Test(receivers, a_second_connection_of_a_peer_is_the_same_receiver)
{
    struct receivers *r = receivers_new();
    uint32_t first = enter(r, 1), second = enter(r, 1), iter = 0;

    cr_expect_eq(first, second);
    receivers_note(r, first, 1, TOTAL, true);
    receivers_leave(r, first);
    cr_expect_eq(receivers_next(r, &iter)->connections, 1);
    receivers_free(r);
}

/* Of those that left, the ones that were no receivers go first, then the one that left first. */
Test(receivers, a_full_table_forgets_who_left)
{
    struct receivers *r = receivers_new();
    uint32_t all[RECEIVERS_MAX];

    for (uint32_t i = 0; i < RECEIVERS_MAX; i++) {
        all[i] = enter(r, i);
        cr_assert_neq(all[i], RECEIVERS_NONE);
        if (i != 5)
            receivers_note(r, all[i], i == 7 ? TOTAL - 1 : 1, TOTAL, true);
    }
    cr_expect_eq(enter(r, RECEIVERS_MAX), RECEIVERS_NONE, "all are connected");
    receivers_note(r, RECEIVERS_NONE, 1, TOTAL, true);
    receivers_leave(r, RECEIVERS_NONE);
    receivers_note(r, all[7], TOTAL, TOTAL, true);
    receivers_leave(r, all[7]);
    receivers_leave(r, all[3]);
    receivers_leave(r, all[5]);
    cr_expect_eq(enter(r, RECEIVERS_MAX), all[5]);
    cr_expect_eq(enter(r, RECEIVERS_MAX + 1), all[7]);
    cr_expect_eq(enter(r, RECEIVERS_MAX + 2), all[3]);
    cr_expect_eq(enter(r, RECEIVERS_MAX + 3), RECEIVERS_NONE);
    cr_expect_eq(receivers_copies(r), 1, "the forgotten one still counts");
    receivers_free(r);
}
