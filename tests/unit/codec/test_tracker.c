/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What both forms of the tracker protocol share.
 */
#include "common/codec/tracker.h"

#include <criterion/criterion.h>

Test(tracker, a_fresh_reply_says_nothing)
{
    struct endpoint peers[3];
    struct tracker_reply r;

    tracker_reply_init(&r, peers, 3);
    cr_assert_str_empty(r.failure);
    cr_assert_eq(r.complete, TRACKER_UNKNOWN);
    cr_assert_eq(r.external.family, IP_NONE);
    cr_assert_eq(r.peers_max, 3);
    cr_assert_eq(r.npeers, 0);
}

Test(tracker, foreign_text_is_cut_and_made_harmless)
{
    char text[6];

    tracker_text_copy(text, 5, (const uint8_t *)"a\x1b[\0\x7f long", 11);
    cr_assert_str_eq(text, "a?[??");
    tracker_text_copy(text, 5, (const uint8_t *)"", 0);
    cr_assert_str_empty(text);
}
