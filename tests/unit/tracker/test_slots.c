/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Torrents leeched at once.
 */
#include <criterion/criterion.h>

#include "tracker/core/slots.h"

static const uint64_t seed[2] = {1, 2};

enum { TIMEOUT_S = 100 };

Test(slots, are_bounded_and_left)
{
    struct slots s;

    slots_init(&s, seed, TIMEOUT_S);
    cr_assert(slots_take(&s, 1, 10, 2, 0));
    cr_assert(slots_take(&s, 1, 11, 2, 0));
    cr_assert_not(slots_take(&s, 1, 12, 2, 1));
    cr_assert(slots_take(&s, 1, 10, 2, 1), "it has this one already");
    cr_assert(slots_take(&s, 2, 12, 2, 1), "another user");
    slots_leave(&s, 1, 10, 1);
    slots_leave(&s, 1, 10, 1);
    slots_leave(&s, 3, 10, 1);
    cr_assert(slots_take(&s, 1, 12, 2, 1));
    cr_assert_not(slots_take(&s, 1, 10, 2, 1));
    slots_fini(&s);
}

Test(slots, silence_frees_them)
{
    struct slots s;

    slots_init(&s, seed, TIMEOUT_S);
    cr_assert(slots_take(&s, 1, 10, 1, 0));
    cr_assert_not(slots_take(&s, 1, 11, 1, TIMEOUT_S));
    cr_assert(slots_take(&s, 1, 11, 1, TIMEOUT_S + 1));
    slots_fini(&s);
}

Test(slots, silent_users_are_forgotten)
{
    struct slots s;

    slots_init(&s, seed, TIMEOUT_S);
    for (uint32_t user = 1; user <= 50; user++)
        cr_assert(slots_take(&s, user, 10, 1, 0));
    for (uint32_t user = 101; user <= 150; user++)
        cr_assert(slots_take(&s, user, 10, 1, 2 * TIMEOUT_S));
    cr_assert_eq(s.users.count, 50);
    for (uint32_t user = 101; user <= 150; user++)
        slots_leave(&s, user, 10, 1);
    cr_assert_eq(s.users.count, 0);
    slots_fini(&s);
}

Test(slots, many_of_one_user)
{
    struct slots s;

    slots_init(&s, seed, TIMEOUT_S);
    for (uint32_t t = 1; t <= 1000; t++)
        cr_assert(slots_take(&s, 1, t, 1000, 0));
    cr_assert_not(slots_take(&s, 1, 1001, 1000, 0));
    slots_fini(&s);
}

static bool
hear(struct slots *s, uint32_t user, uint32_t torrent, uint32_t unix_s, bool leeches)
{
    slots_hear(s, &(struct slots_news){user, torrent, unix_s, leeches});
    return slots_take(s, user, 99, 2, unix_s);
}

Test(slots, other_trackers_count_too)
{
    struct slots s;

    slots_init(&s, seed, TIMEOUT_S);
    cr_assert(hear(&s, 1, 10, 5, true), "one and this make two");
    slots_leave(&s, 1, 99, 5);
    slots_hear(&s, &(struct slots_news){1, 10, 6, true});
    cr_assert_not(hear(&s, 1, 11, 6, true), "it is heard of two");
    cr_assert(slots_take(&s, 1, 11, 2, 6), "this is one of them");
    cr_assert_not(hear(&s, 1, 11, 5, false), "old news: it was taken again since");
    cr_assert(hear(&s, 1, 11, 6, false));
    slots_hear(&s, &(struct slots_news){2, 1, 1, false});
    cr_assert_not(slots_take(&s, 1, 12, 2, TIMEOUT_S));
    cr_assert(slots_take(&s, 1, 12, 2, TIMEOUT_S + 7), "what others are silent about is free too");
    slots_fini(&s);
}

Test(slots, news_are_kept_for_others)
{
    static struct slots_news got[SLOTS_NEWS_MAX];
    struct slots s;

    slots_init(&s, seed, TIMEOUT_S);
    cr_assert(slots_take(&s, 1, 10, 1, 5));
    cr_assert_eq(slots_take_news(&s, got, 10), 0, "nobody wants to know");
    cr_assert_eq(slots_keep_news(&s), 0);
    cr_assert(slots_take(&s, 1, 10, 1, 6));
    cr_assert_not(slots_take(&s, 1, 11, 1, 6), "and a refusal is no news");
    slots_leave(&s, 1, 10, 7);
    slots_hear(&s, &(struct slots_news){2, 1, 8, true});
    cr_assert_eq(slots_take_news(&s, got, 1), 1);
    cr_assert(got[0].user == 1 && got[0].torrent == 10 && got[0].unix_s == 6 && got[0].leeches);
    cr_assert_eq(slots_take_news(&s, got, 10), 1, "what was heard is not told again");
    cr_assert(got[0].unix_s == 7 && !got[0].leeches);
    for (uint32_t t = 1; t <= 5000; t++)
        slots_leave(&s, 3, t, 9);
    cr_assert_eq(slots_take_news(&s, got, SLOTS_NEWS_MAX), SLOTS_NEWS_MAX, "it is bounded");
    cr_assert_eq(slots_take_news(&s, got, SLOTS_NEWS_MAX), 0);
    slots_fini(&s);
}
