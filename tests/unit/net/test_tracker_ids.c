/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Tracker ids are remembered for their torrent and URL, and the oldest give way to new ones.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "peer/net/tracker_ids.h"

static const uint8_t hash_a[TRACKER_HASH_LEN] = "aaaaaaaaaaaaaaaaaaaa";
static const uint8_t hash_b[TRACKER_HASH_LEN] = "bbbbbbbbbbbbbbbbbbbb";

Test(tracker_ids, belong_to_a_url_and_a_torrent)
{
    struct tracker_ids ids;

    tracker_ids_init(&ids);
    cr_expect_null(tracker_ids_find(&ids, "http://t/announce", hash_a));
    tracker_ids_remember(&ids, "http://t/announce", hash_a, "one");
    cr_expect_str_eq(tracker_ids_find(&ids, "http://t/announce", hash_a), "one");
    cr_expect_null(tracker_ids_find(&ids, "http://t/announce", hash_b));
    cr_expect_null(tracker_ids_find(&ids, "http://u/announce", hash_a));
    tracker_ids_remember(&ids, "http://t/announce", hash_a, "");
    cr_expect_str_eq(tracker_ids_find(&ids, "http://t/announce", hash_a), "one",
                     "an answer without an id keeps the last");
    tracker_ids_remember(&ids, "http://t/announce", hash_a, "two");
    cr_expect_str_eq(tracker_ids_find(&ids, "http://t/announce", hash_a), "two");
    cr_expect_eq(ids.count, 1);
    tracker_ids_fini(&ids);
}

Test(tracker_ids, beyond_the_maximum_the_oldest_is_forgotten)
{
    struct tracker_ids ids;
    char url[32];

    tracker_ids_init(&ids);
    for (int i = 0; i < TRACKER_IDS_MAX; i++) {
        snprintf(url, sizeof(url), "http://t%d/", i);
        tracker_ids_remember(&ids, url, hash_a, "id");
    }
    tracker_ids_remember(&ids, "http://t0/", hash_a, "received again");
    tracker_ids_remember(&ids, "http://new/", hash_a, "id");
    cr_expect_eq(ids.count, TRACKER_IDS_MAX);
    cr_expect_not_null(tracker_ids_find(&ids, "http://t0/", hash_a));
    cr_expect_null(tracker_ids_find(&ids, "http://t1/", hash_a));
    cr_expect_not_null(tracker_ids_find(&ids, "http://new/", hash_a));
    tracker_ids_fini(&ids);
}
