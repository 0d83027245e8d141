/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The announcer: tiers, events, intervals and failures, and a long random run in which every step
 * is checked.
 */
#include "peer/core/announce.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "common/base/err.h"

static struct rng rng;

static const struct announce_result ok = {.interval_s = 1800};
static const struct announce_result failed = {.err = SPRAT_E_TIMEOUT};

static struct mono
at_s(int64_t s)
{
    return (struct mono){s * 1000000};
}

static struct announcer *
announcer_of(const struct metainfo *mi, const char *const *extra, size_t extra_count)
{
    const struct announce_urls urls = {.extra = extra,
                                       .extra_count = extra_count,
                                       .tiers = mi->tiers,
                                       .tier_count = mi->tier_count};

    return announcer_new(&mi->id, &urls, &rng);
}

static struct announcer *
new_v1(const struct metainfo_tier *tiers, size_t count)
{
    struct metainfo mi = {.id.has_v1 = true, .tiers = tiers, .tier_count = count};

    rng_init(&rng, 5);
    return announcer_of(&mi, NULL, 0);
}

/* One tracker, or two in a tier each. */
static const char *const url_a[] = {"http://a/announce"};
static const char *const url_b[] = {"udp://b:80"};
static const struct metainfo_tier two_tiers[] = {{url_a, 1}, {url_b, 1}};

static struct announce_job
must_next(struct announcer *a, struct mono now)
{
    struct announce_job job;

    cr_assert(announcer_next(a, &job, now));
    return job;
}

static void
must_rest(struct announcer *a, struct mono now)
{
    struct announce_job job;

    cr_assert_not(announcer_next(a, &job, now));
    cr_assert(!mono_due(announcer_expiry(a), now), "nothing is due, so no timer may be");
}

/* The time of the next job, which must be due then and not before. */
static struct mono
when_next(struct announcer *a)
{
    struct mono at = announcer_expiry(a);

    cr_assert_neq(at.us, MONO_NEVER.us);
    must_rest(a, (struct mono){at.us - 1});
    return at;
}

Test(announce, no_trackers)
{
    struct announcer *a = new_v1(NULL, 0);

    cr_assert(announcer_idle(a));
    announcer_start(a, at_s(1));
    must_rest(a, at_s(1));
    cr_assert_eq(announcer_expiry(a).us, MONO_NEVER.us);
    cr_assert_eq(announcer_count(a), 0u);
    announcer_lack(a, ANNOUNCE_LACK_FEW, at_s(2));
    announcer_completed(a, at_s(2));
    announcer_stop(a, at_s(3));
    cr_assert(announcer_idle(a));
    announcer_free(a);
    announcer_free(NULL);
}

Test(announce, started_then_plain_then_stopped)
{
    struct announcer *a = new_v1(two_tiers, 1);
    struct announce_job job;

    must_rest(a, at_s(0));
    announcer_start(a, at_s(10));
    job = must_next(a, at_s(10));
    cr_assert_eq(job.event, ANNOUNCE_STARTED);
    cr_assert_str_eq(job.url, "http://a/announce");
    cr_assert_not(job.v2);
    must_rest(a, at_s(10));
    announcer_on_result(a, job.id, &ok, at_s(11));
    cr_assert_eq(when_next(a).us, at_s(1811).us);
    job = must_next(a, at_s(1811));
    cr_assert_eq(job.event, ANNOUNCE_NONE);
    announcer_on_result(a, job.id, &ok, at_s(1812));
    announcer_stop(a, at_s(1900));
    cr_assert_not(announcer_idle(a));
    job = must_next(a, at_s(1900));
    cr_assert_eq(job.event, ANNOUNCE_STOPPED);
    cr_assert_not(announcer_idle(a));
    announcer_on_result(a, job.id, &failed, at_s(1901));
    cr_assert(announcer_idle(a), "said once, not again");
    must_rest(a, at_s(1e6));
    announcer_free(a);
}

Test(announce, the_next_tier_only_when_all_before_failed)
{
    static const char *const first[] = {"http://a/1", "http://a/2", "http://a/3"};
    const struct metainfo_tier tiers[] = {{first, 3}, {url_b, 1}};
    struct announcer *a = new_v1(tiers, 2);
    struct announce_job job;

    announcer_start(a, at_s(0));
    for (int i = 0; i < 3; i++) {
        job = must_next(a, at_s(i));
        cr_assert_eq(strncmp(job.url, "http://a/", 9), 0);
        must_rest(a, at_s(i));
        announcer_on_result(a, job.id, &failed, at_s(i + 1));
    }
    job = must_next(a, at_s(3));
    cr_assert_str_eq(job.url, "udp://b:80");
    announcer_on_result(a, job.id, &ok, at_s(3));
    cr_assert_eq(when_next(a).us, at_s(1803).us, "no other tier while one works");
    job = must_next(a, at_s(1803));
    cr_assert_eq(strncmp(job.url, "http://a/", 9), 0, "from the first tier again");
    cr_assert_eq(job.event, ANNOUNCE_STARTED);
    announcer_on_result(a, job.id, &ok, at_s(1804));
    must_rest(a, at_s(1804));
    announcer_free(a);
}

Test(announce, a_tier_is_shuffled_and_who_works_comes_to_its_front)
{
    static const char *const urls[] = {"http://a/0", "http://a/1", "http://a/2", "http://a/3"};
    const struct metainfo_tier tiers[] = {{urls, 4}};
    struct metainfo mi = {.id.has_v1 = true, .tiers = tiers, .tier_count = 1};
    uint32_t first[4] = {0};

    for (uint64_t seed = 0; seed < 400; seed++) {
        struct announcer *a;
        struct announce_job job;
        const char *winner;

        rng_init(&rng, seed);
        a = announcer_of(&mi, NULL, 0);
        announcer_start(a, at_s(0));
        job = must_next(a, at_s(0));
        first[job.url[9] - '0']++;
        announcer_on_result(a, job.id, &failed, at_s(0));
        job = must_next(a, at_s(0));
        winner = job.url;
        announcer_on_result(a, job.id, &ok, at_s(0));
        job = must_next(a, at_s(1800));
        cr_assert_str_eq(job.url, winner);
        announcer_free(a);
    }
    for (int i = 0; i < 4; i++)
        cr_assert(first[i] > 60 && first[i] < 140, "%u", first[i]);
}

Test(announce, extra_trackers_come_first_and_double_ones_once)
{
    static const char *const extra[] = {"HTTPS://x/", "wss://no", "udp://b:80", "HTTPS://x/"};
    struct metainfo mi = {.id.has_v1 = true, .tiers = two_tiers, .tier_count = 2};
    static const char *const want[] = {"HTTPS://x/", "udp://b:80", "http://a/announce"};
    struct announcer *a;

    rng_init(&rng, 5);
    a = announcer_of(&mi, extra, 4);
    cr_assert_eq(announcer_count(a), 4u, "one that is never asked is listed too");
    announcer_start(a, at_s(0));
    for (int i = 0; i < 3; i++) {
        struct announce_job job = must_next(a, at_s(0));

        cr_assert_str_eq(job.url, want[i]);
        announcer_on_result(a, job.id, &failed, at_s(0));
    }
    must_rest(a, at_s(0));
    announcer_free(a);
}

static const struct announce_result nine_peers = {.interval_s = 1800, .peers = 9};

Test(announce, one_that_is_added_is_asked_at_once_unless_one_before_it_is_enough)
{
    static const char *const extra[] = {"http://x/"};
    struct metainfo mi = {.id.has_v1 = true, .tiers = two_tiers, .tier_count = 2};
    struct announcer *a;
    struct announce_job job;

    rng_init(&rng, 5);
    a = announcer_of(&mi, extra, 1);
    announcer_start(a, at_s(0));
    job = must_next(a, at_s(0));
    announcer_on_result(a, job.id, &failed, at_s(0));
    job = must_next(a, at_s(0));
    cr_assert_str_eq(job.url, "http://a/announce");
    announcer_on_result(a, job.id, &nine_peers, at_s(0));
    must_rest(a, at_s(100));
    cr_assert_eq(announcer_add(a, "http://a/announce", at_s(100)), 0);
    cr_assert_eq(announcer_add(a, "http://x/", at_s(100)), 0);
    must_rest(a, at_s(100));
    cr_assert_eq(announcer_add(a, "http://y/", at_s(100)), 1);
    cr_assert(mono_due(announcer_expiry(a), at_s(100)));
    job = must_next(a, at_s(100));
    cr_assert_str_eq(job.url, "http://y/");
    cr_assert_eq(job.event, ANNOUNCE_STARTED);
    announcer_on_result(a, job.id, &nine_peers, at_s(100));
    must_rest(a, at_s(100));
    cr_assert_eq(announcer_add(a, "http://z/", at_s(200)), 1);
    must_rest(a, at_s(200));
    announcer_stop(a, at_s(300));
    for (int i = 0; i < 2; i++) {
        job = must_next(a, at_s(300));
        cr_assert_eq(job.event, ANNOUNCE_STOPPED);
        announcer_on_result(a, job.id, &ok, at_s(300));
    }
    cr_assert(announcer_idle(a));
    announcer_free(a);
}

Test(announce, the_first_of_all_may_be_added_late)
{
    struct announcer *a = new_v1(NULL, 0);
    struct announce_job job;

    announcer_start(a, at_s(0));
    announcer_lack(a, ANNOUNCE_LACK_ALONE, at_s(0));
    must_rest(a, at_s(0));
    cr_assert_eq(announcer_add(a, "http://y/", at_s(50)), 1);
    job = must_next(a, at_s(50));
    cr_assert_str_eq(job.url, "http://y/");
    announcer_free(a);
}

Test(announce, those_that_are_added_have_tiers_before_those_of_the_torrent)
{
    static const char *const extra[] = {"http://x/"};
    struct metainfo mi = {.id.has_v1 = true, .tiers = two_tiers, .tier_count = 2};
    struct announce_status st;
    struct announcer *a;
    char url[32];

    rng_init(&rng, 5);
    a = announcer_of(&mi, extra, 1);
    for (int i = 0; i < 40; i++) { /* more than the first allocation holds */
        snprintf(url, sizeof(url), "http://new%d/", i);
        cr_assert_eq(announcer_add(a, url, at_s(0)), 1);
    }
    cr_assert_eq(announcer_count(a), 43u);
    announcer_start(a, at_s(0));
    for (uint32_t i = 0; i < 43; i++) {
        struct announce_job job = must_next(a, at_s(0));

        announcer_status(a, announcer_tracker_of(a, job.id), &st, at_s(0));
        cr_assert_str_eq(st.url, job.url);
        cr_assert_eq(st.tier, i, "%s is in tier %u", st.url, st.tier);
        snprintf(url, sizeof(url), "http://new%u/", i - 1);
        if (i > 0 && i < 41)
            cr_assert_str_eq(job.url, url);
        announcer_on_result(a, job.id, &failed, at_s(0));
    }
    must_rest(a, at_s(0));
    announcer_free(a);
}

Test(announce, a_hybrid_announces_both_hashes_to_the_same_tracker)
{
    struct metainfo mi = {
        .id.has_v1 = true, .id.has_v2 = true, .tiers = two_tiers, .tier_count = 2};
    struct announce_job one, two;
    struct announcer *a;

    rng_init(&rng, 5);
    a = announcer_of(&mi, NULL, 0);
    cr_assert_eq(announcer_count(a), 2u);
    announcer_start(a, at_s(0));
    one = must_next(a, at_s(0));
    two = must_next(a, at_s(0));
    cr_assert(!one.v2 && two.v2 && one.id != two.id);
    cr_assert_str_eq(one.url, two.url);
    announcer_on_result(a, one.id, &failed, at_s(1));
    must_rest(a, at_s(1));
    announcer_on_result(a, two.id, &ok, at_s(2));
    must_rest(a, at_s(2));
    /* The hash that failed is tried again at the tracker that works. */
    one = must_next(a, when_next(a));
    cr_assert(!one.v2 && one.event == ANNOUNCE_STARTED);
    cr_assert_str_eq(one.url, two.url);
    announcer_on_result(a, one.id, &ok, at_s(9));
    cr_assert_eq(when_next(a).us, at_s(1809).us);
    one = must_next(a, at_s(1809));
    two = must_next(a, at_s(1809));
    cr_assert(!one.v2 && two.v2);
    announcer_on_result(a, one.id, &failed, at_s(1810));
    announcer_on_result(a, two.id, &failed, at_s(1810));
    one = must_next(a, at_s(1810));
    cr_assert_str_eq(one.url, "udp://b:80");
    announcer_free(a);
}

Test(announce, completed_goes_once_to_those_that_know_us)
{
    struct announcer *a = new_v1(two_tiers, 2);
    struct announce_job job;

    announcer_start(a, at_s(0));
    job = must_next(a, at_s(0));
    announcer_on_result(a, job.id, &ok, at_s(0));
    announcer_completed(a, at_s(50));
    job = must_next(a, at_s(50));
    cr_assert_eq(job.event, ANNOUNCE_COMPLETED);
    cr_assert_str_eq(job.url, "http://a/announce");
    must_rest(a, at_s(50));
    announcer_on_result(a, job.id, &failed, at_s(51));
    job = must_next(a, when_next(a));
    cr_assert_eq(job.event, ANNOUNCE_COMPLETED, "tried again");
    announcer_on_result(a, job.id, &ok, at_s(60));
    job = must_next(a, when_next(a));
    cr_assert_eq(job.event, ANNOUNCE_NONE);
    announcer_free(a);
}

Test(announce, completed_while_started_is_under_way_comes_after_it)
{
    struct announcer *a = new_v1(two_tiers, 1);
    struct announce_job job;

    announcer_start(a, at_s(0));
    job = must_next(a, at_s(0));
    announcer_completed(a, at_s(1));
    must_rest(a, at_s(1));
    announcer_on_result(a, job.id, &ok, at_s(2));
    job = must_next(a, at_s(2));
    cr_assert_eq(job.event, ANNOUNCE_COMPLETED);
    announcer_on_result(a, job.id, &ok, at_s(3));
    must_rest(a, at_s(3));
    announcer_free(a);
}

Test(announce, completed_is_not_for_who_never_heard_started)
{
    struct announcer *a = new_v1(two_tiers, 1);
    struct announce_job job;

    announcer_start(a, at_s(0));
    job = must_next(a, at_s(0));
    announcer_completed(a, at_s(1));
    announcer_on_result(a, job.id, &failed, at_s(2));
    job = must_next(a, when_next(a));
    cr_assert_eq(job.event, ANNOUNCE_STARTED);
    announcer_on_result(a, job.id, &ok, at_s(20));
    must_rest(a, at_s(20));
    announcer_free(a);
}

Test(announce, stopped_waits_for_what_is_under_way)
{
    struct announcer *a = new_v1(two_tiers, 2);
    struct announce_job job, stop;

    announcer_start(a, at_s(0));
    job = must_next(a, at_s(0));
    announcer_stop(a, at_s(1));
    must_rest(a, at_s(1));
    cr_assert_not(announcer_idle(a));
    announcer_on_result(a, job.id, &ok, at_s(2));
    stop = must_next(a, at_s(2));
    cr_assert(stop.event == ANNOUNCE_STOPPED && stop.id == job.id);
    announcer_on_result(a, stop.id, &ok, at_s(3));
    cr_assert(announcer_idle(a));

    announcer_start(a, at_s(10));
    job = must_next(a, at_s(10));
    cr_assert_eq(job.event, ANNOUNCE_STARTED);
    announcer_stop(a, at_s(11));
    announcer_on_result(a, job.id, &failed, at_s(12));
    cr_assert(announcer_idle(a), "it never heard of us");
    announcer_free(a);
}

Test(announce, start_after_stop_says_started_again)
{
    struct announcer *a = new_v1(two_tiers, 1);
    struct announce_job job, stop;

    announcer_start(a, at_s(0));
    job = must_next(a, at_s(0));
    announcer_on_result(a, job.id, &ok, at_s(1));
    announcer_stop(a, at_s(2));
    stop = must_next(a, at_s(2));
    announcer_start(a, at_s(3));
    must_rest(a, at_s(3));
    announcer_on_result(a, stop.id, &ok, at_s(4));
    job = must_next(a, at_s(4));
    cr_assert_eq(job.event, ANNOUNCE_STARTED);
    announcer_free(a);
}

Test(announce, start_while_stopped_is_under_way_comes_after_it)
{
    struct announcer *a = new_v1(two_tiers, 1);
    struct announce_job job;

    announcer_start(a, at_s(0));
    announcer_on_result(a, must_next(a, at_s(0)).id, &ok, at_s(0));
    announcer_stop(a, at_s(50));
    job = must_next(a, at_s(50));
    announcer_start(a, at_s(51));
    announcer_lack(a, ANNOUNCE_LACK_ALONE, at_s(51));
    must_rest(a, at_s(51));
    announcer_on_result(a, job.id, &ok, at_s(52));
    job = must_next(a, at_s(52));
    cr_assert_eq(job.event, ANNOUNCE_STARTED);
    announcer_free(a);
}

Test(announce, a_dead_tracker_is_left_alone_for_longer_each_time)
{
    struct announcer *a = new_v1(two_tiers, 1);
    struct mono now = at_s(0), next;
    int64_t mean_ms = ANNOUNCE_RETRY_MIN_S * 1000;

    announcer_start(a, now);
    for (int i = 0; i < 15; i++) {
        struct announce_job job = must_next(a, now);

        cr_assert_eq(job.event, ANNOUNCE_STARTED);
        announcer_on_result(a, job.id, &failed, now);
        next = when_next(a);
        cr_assert(mono_diff_ms(next, now) >= mean_ms * 3 / 4 &&
                  mono_diff_ms(next, now) <= mean_ms * 5 / 4);
        now = next;
        mean_ms =
            mean_ms * 2 < ANNOUNCE_RETRY_MAX_S * 1000 ? mean_ms * 2 : ANNOUNCE_RETRY_MAX_S * 1000;
    }
    announcer_free(a);
}

Test(announce, retry_in_and_never_are_obeyed)
{
    struct announcer *a = new_v1(two_tiers, 2);
    struct announce_result later = {
        .err = SPRAT_E_REMOTE, .retry_in_s = 300, .message = "bu\x1bsy"};
    struct announce_result never = {.err = SPRAT_E_REMOTE, .retry_in_s = -1, .message = "go away"};
    struct announce_status st;
    struct announce_job job;

    announcer_start(a, at_s(0));
    job = must_next(a, at_s(0));
    announcer_on_result(a, job.id, &never, at_s(0));
    announcer_status(a, job.id, &st, at_s(1));
    cr_assert(!st.working && st.err == SPRAT_E_REMOTE && st.next.us == MONO_NEVER.us);
    cr_assert_str_eq(st.message, "go away");
    job = must_next(a, at_s(0));
    announcer_on_result(a, job.id, &later, at_s(0));
    announcer_status(a, job.id, &st, at_s(1));
    cr_assert_str_eq(st.message, "bu?sy");
    cr_assert_eq(when_next(a).us, at_s(300).us);
    job = must_next(a, at_s(300));
    cr_assert_str_eq(job.url, "udp://b:80");
    announcer_on_result(a, job.id, &never, at_s(300));
    must_rest(a, at_s(300));
    cr_assert_eq(announcer_expiry(a).us, MONO_NEVER.us);
    announcer_free(a);
}

Test(announce, intervals_are_kept_within_bounds)
{
    static const uint32_t told[][3] = {
        /* interval, min interval, expected */
        {0, 0, ANNOUNCE_INTERVAL_DEFAULT_S},
        {1, 0, ANNOUNCE_INTERVAL_MIN_S},
        {UINT32_MAX, 0, ANNOUNCE_INTERVAL_MAX_S},
        {100, 200, 200},
        {300, 200, 300},
        {300, UINT32_MAX, ANNOUNCE_INTERVAL_MAX_S},
    };

    for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
        struct announcer *a = new_v1(two_tiers, 1);
        struct announce_result res = {.interval_s = told[i][0], .min_interval_s = told[i][1]};
        struct announce_job job;

        announcer_start(a, at_s(0));
        job = must_next(a, at_s(0));
        announcer_on_result(a, job.id, &res, at_s(0));
        cr_assert_eq(when_next(a).us, at_s(told[i][2]).us);
        announcer_free(a);
    }
}

Test(announce, wanting_peers_pulls_the_next_one_forward_politely)
{
    struct announcer *a = new_v1(two_tiers, 1);
    struct announce_result res = {.interval_s = 1800};
    struct mono now = at_s(0);
    struct announce_job job;

    announcer_start(a, now);
    announcer_lack(a, ANNOUNCE_LACK_FEW, now);
    job = must_next(a, now);
    for (int64_t wait = ANNOUNCE_WANT_MORE_S; wait < 1800; wait *= 2) {
        announcer_on_result(a, job.id, &res, now);
        cr_assert_eq(mono_diff_us(when_next(a), now), wait * 1000000);
        now = announcer_expiry(a);
        job = must_next(a, now);
    }
    announcer_on_result(a, job.id, &res, now);
    cr_assert_eq(mono_diff_us(when_next(a), now), 1800 * 1000000ll);
    announcer_lack(a, ANNOUNCE_LACK_NONE, now);
    announcer_lack(a, ANNOUNCE_LACK_FEW, now);
    cr_assert_eq(mono_diff_us(when_next(a), now), 1800 * 1000000ll, "a moment does not count");
    announcer_lack(a, ANNOUNCE_LACK_NONE, now);
    announcer_lack(a, ANNOUNCE_LACK_FEW, mono_add_ms(now, ANNOUNCE_CALM_S * 1000));
    cr_assert_eq(mono_diff_us(announcer_expiry(a), now), ANNOUNCE_WANT_MORE_S * 1000000ll);
    announcer_lack(a, ANNOUNCE_LACK_NONE, now);
    cr_assert_eq(mono_diff_us(when_next(a), now), 1800 * 1000000ll);
    announcer_free(a);
}

Test(announce, wanting_peers_respects_the_min_interval)
{
    struct announcer *a = new_v1(two_tiers, 1);
    struct announce_result res = {.interval_s = 1800, .min_interval_s = 900};
    struct announce_job job;

    announcer_start(a, at_s(0));
    job = must_next(a, at_s(0));
    announcer_on_result(a, job.id, &res, at_s(0));
    announcer_lack(a, ANNOUNCE_LACK_FEW, at_s(100));
    cr_assert_eq(when_next(a).us, at_s(900).us);
    announcer_free(a);
}

Test(announce, status_tells_of_each)
{
    struct announcer *a = new_v1(two_tiers, 2);
    struct announce_result res = {.interval_s = 60, .seeders = 3, .leechers = 4, .message = "hi"};
    struct announce_status st;
    struct announce_job job;

    announcer_start(a, at_s(0));
    job = must_next(a, at_s(0));
    announcer_on_result(a, job.id, &failed, at_s(0));
    job = must_next(a, at_s(0));
    announcer_on_result(a, job.id, &res, at_s(0));
    announcer_status(a, job.id, &st, at_s(1));
    cr_assert(st.working && st.err == 0 && st.tier == 1 && st.seeders == 3 && st.leechers == 4);
    cr_assert_str_eq(st.message, "hi");
    cr_assert_str_eq(st.url, "udp://b:80");
    cr_assert_eq(st.next.us, at_s(60).us);
    announcer_status(a, 0, &st, at_s(1));
    cr_assert(!st.working && st.err == SPRAT_E_TIMEOUT && st.tier == 0);
    cr_assert_neq(st.next.us, MONO_NEVER.us);
    announcer_free(a);
}

/* --- more than one tracker in a round --- */

static const struct announce_result two_peers = {.interval_s = 1800, .peers = 2};

Test(announce, a_slow_tracker_has_the_next_one_asked_beside_it)
{
    struct announcer *a = new_v1(two_tiers, 2);
    struct announce_job slow, job;
    struct announce_status st;

    announcer_start(a, at_s(0));
    slow = must_next(a, at_s(0));
    must_rest(a, at_s(0));
    cr_assert_eq(when_next(a).us, at_s(ANNOUNCE_SLOW_S).us);
    announcer_status(a, 0, &st, at_s(ANNOUNCE_SLOW_S - 1));
    cr_assert(st.asked && st.asking && !st.slow && st.err == 0 && st.message[0] == '\0');
    announcer_status(a, 1, &st, at_s(ANNOUNCE_SLOW_S - 1));
    cr_assert(!st.asked && !st.asking && st.next.us == MONO_NEVER.us);
    job = must_next(a, at_s(ANNOUNCE_SLOW_S));
    cr_assert_str_eq(slow.url, "http://a/announce");
    cr_assert_str_eq(job.url, "udp://b:80");
    announcer_status(a, 0, &st, at_s(ANNOUNCE_SLOW_S));
    cr_assert(st.slow && st.asking && st.err == SPRAT_E_TIMEOUT);
    cr_assert_str_eq(st.message, "no answer within 5 s; still waiting");
    announcer_on_result(a, job.id, &two_peers, at_s(6));
    must_rest(a, at_s(6));
    /* The late failure is that tracker's alone; the next round begins with it again (BEP 12). */
    announcer_on_result(a, slow.id, &failed, at_s(35));
    cr_assert_eq(when_next(a).us, at_s(1806).us);
    job = must_next(a, at_s(1806));
    cr_assert_eq(job.id, slow.id);
    announcer_free(a);
}

Test(announce, time_in_a_line_of_ours_is_not_the_trackers)
{
    struct announcer *a = new_v1(two_tiers, 2);
    struct announce_job first, job;
    struct announce_status st;

    announcer_start(a, at_s(0));
    first = must_next(a, at_s(0));
    announcer_on_line(a, first.id, true, at_s(0));
    must_rest(a, at_s(100));
    announcer_status(a, 0, &st, at_s(100));
    cr_assert(st.asking && !st.slow && st.message[0] == '\0');
    announcer_on_line(a, first.id, false, at_s(100));
    must_rest(a, at_s(100));
    cr_assert_eq(when_next(a).us, at_s(100 + ANNOUNCE_SLOW_S).us);
    job = must_next(a, at_s(100 + ANNOUNCE_SLOW_S));
    cr_assert_str_eq(job.url, "udp://b:80");
    announcer_on_result(a, first.id, &failed, at_s(130));
    announcer_on_line(a, first.id, true, at_s(131)); /* the request has ended */
    announcer_status(a, 0, &st, at_s(131));
    cr_assert_not(st.asking);
    announcer_free(a);
}

Test(announce, a_late_answer_counts)
{
    struct announcer *a = new_v1(two_tiers, 2);
    struct announce_job slow, job;

    announcer_start(a, at_s(0));
    slow = must_next(a, at_s(0));
    job = must_next(a, at_s(ANNOUNCE_SLOW_S));
    announcer_on_result(a, job.id, &failed, at_s(6));
    cr_assert(mono_before(at_s(9), when_next(a)), "the second tracker's retry");
    announcer_on_result(a, slow.id, &two_peers, at_s(8));
    cr_assert_eq(when_next(a).us, at_s(1808).us, "and now that is not needed");
    announcer_free(a);
}

/* Takes the next job of the only tracker when it is due, and answers it |delay_s| later. */
static void
answer_next(struct announcer *a, const struct announce_result *res, int64_t delay_s)
{
    struct mono at = when_next(a);
    struct announce_job job = must_next(a, at);
    struct mono answered = mono_add_ms(at, delay_s * 1000);

    must_rest(a, answered);
    announcer_on_result(a, job.id, res, answered);
}

Test(announce, a_tracker_that_becomes_slow_and_fails_is_asked_again)
{
    struct announcer *a = new_v1(two_tiers, 1);

    announcer_start(a, at_s(0));
    announcer_on_result(a, must_next(a, at_s(0)).id, &two_peers, at_s(0));
    answer_next(a, &failed, ANNOUNCE_SLOW_S + 3);
    answer_next(a, &failed, 0);
    answer_next(a, &two_peers, ANNOUNCE_SLOW_S + 3);
    answer_next(a, &two_peers, 0);
    announcer_free(a);
}

Test(announce, a_slow_tracker_that_answered_before_has_the_next_one_asked_beside_it)
{
    struct announcer *a = new_v1(two_tiers, 2);
    struct announce_job slow, job;

    announcer_start(a, at_s(0));
    announcer_on_result(a, must_next(a, at_s(0)).id, &two_peers, at_s(0));
    slow = must_next(a, at_s(1800));
    must_rest(a, at_s(1800));
    job = must_next(a, at_s(1800 + ANNOUNCE_SLOW_S));
    cr_assert_str_eq(slow.url, "http://a/announce");
    cr_assert_str_eq(job.url, "udp://b:80");
    announcer_free(a);
}

Test(announce, a_tracker_that_takes_no_completed_is_asked_again)
{
    struct announcer *a = new_v1(two_tiers, 1);
    struct announce_job job;

    announcer_start(a, at_s(0));
    announcer_on_result(a, must_next(a, at_s(0)).id, &two_peers, at_s(0));
    announcer_completed(a, at_s(50));
    job = must_next(a, at_s(50));
    announcer_on_result(a, job.id, &failed, at_s(50));
    for (int i = 0; i < 10; i++)
        answer_next(a, &failed, 0);
    answer_next(a, &two_peers, 0);
    job = must_next(a, when_next(a));
    cr_assert_eq(job.event, ANNOUNCE_NONE);
    announcer_free(a);
}

Test(announce, one_that_knows_nobody_does_not_keep_us_from_the_next)
{
    static const struct announce_result nobody = {.interval_s = 600};
    /* Some trackers name the asker. */
    static const struct announce_result ourselves = {.interval_s = 600, .peers = 1, .leechers = 1};
    static const struct announce_result *const answers[] = {&nobody, &ourselves};

    for (int i = 0; i < 2; i++) {
        struct announcer *a = new_v1(two_tiers, 2);
        struct announce_job first, second, job;
        struct announce_status st;

        announcer_start(a, at_s(0));
        announcer_lack(a, ANNOUNCE_LACK_FEW, at_s(0));
        first = must_next(a, at_s(0));
        announcer_on_result(a, first.id, answers[i], at_s(0));
        second = must_next(a, at_s(0));
        cr_assert_neq(first.id, second.id);
        announcer_on_result(a, second.id, &two_peers, at_s(1));
        must_rest(a, at_s(1));
        announcer_lack(a, ANNOUNCE_LACK_NONE, at_s(2));
        announcer_status(a, 0, &st, at_s(2));
        cr_assert(st.working && st.next.us == at_s(600).us);
        /* Each is asked at its own interval, the second too although nothing is missing now. */
        job = must_next(a, when_next(a));
        cr_assert_eq(job.id, first.id);
        announcer_on_result(a, job.id, &(struct announce_result){.interval_s = 3600}, at_s(600));
        cr_assert_eq(when_next(a).us, at_s(1801).us);
        job = must_next(a, at_s(1801));
        cr_assert_eq(job.id, second.id);
        /* Once the first tracker names peers, it is enough (BEP 12). */
        announcer_on_result(a, job.id, &two_peers, at_s(1801));
        job = must_next(a, at_s(4200));
        cr_assert_eq(job.id, first.id);
        announcer_on_result(a, job.id, &two_peers, at_s(4200));
        cr_assert_eq(when_next(a).us, at_s(6000).us);
        job = must_next(a, at_s(6000));
        cr_assert_eq(job.id, first.id);
        announcer_on_result(a, job.id, &two_peers, at_s(6000));
        must_rest(a, at_s(6000));
        announcer_free(a);
    }
}

Test(announce, a_first_tier_that_knows_nobody_is_enough_for_one_who_lacks_nothing)
{
    struct announcer *a = new_v1(two_tiers, 2);
    struct announce_job job;

    announcer_start(a, at_s(0));
    job = must_next(a, at_s(0));
    announcer_on_result(a, job.id, &ok, at_s(0));
    must_rest(a, at_s(0));
    announcer_free(a);
}

/* --- alone --- */

/* The waits between announces that all name |peers| peers, into |waits|. */
static void
measure(enum announce_lack lack, uint32_t min_interval_s, int64_t *waits, int count)
{
    struct announcer *a = new_v1(two_tiers, 1);
    struct announce_result res = {.interval_s = 1800, .min_interval_s = min_interval_s, .peers = 1};
    struct mono now = at_s(0);
    struct announce_job job;

    announcer_start(a, now);
    announcer_lack(a, lack, now);
    job = must_next(a, now);
    for (int i = 0; i < count; i++) {
        struct mono next;

        announcer_on_result(a, job.id, &res, now);
        next = when_next(a);
        waits[i] = mono_diff_ms(next, now) / 1000;
        now = next;
        job = must_next(a, now);
    }
    announcer_free(a);
}

Test(announce, who_is_alone_asks_again_soon_and_does_not_flood)
{
    static const int64_t seed[] = {30, 60, 120, 240, 480, 960, 1800, 1800};
    static const int64_t leech[] = {30, 60, 120, 120, 120};
    static const int64_t slow[] = {100, 100, 120, 120};
    int64_t waits[64], sum = 0;

    measure(ANNOUNCE_LACK_SEED_ALONE, 0, waits, 8);
    cr_assert_arr_eq(waits, seed, sizeof(seed));
    measure(ANNOUNCE_LACK_ALONE, 100, waits, 4);
    cr_assert_arr_eq(waits, slow, sizeof(slow), "the tracker's minimum");
    measure(ANNOUNCE_LACK_ALONE, 0, waits, 64);
    cr_assert_arr_eq(waits, leech, sizeof(leech));
    for (int i = 0; sum < ANNOUNCE_ALONE_LONG_S; i++) {
        cr_assert_leq(waits[i], ANNOUNCE_ALONE_MAX_S);
        sum += waits[i];
    }
    cr_assert_eq(waits[63], 1800, "after an hour, as often as the tracker likes");
}

Test(announce, coming_and_going_does_not_flood)
{
    struct announcer *a = new_v1(two_tiers, 1);
    uint32_t asked = 0;
    struct announce_job job;

    announcer_start(a, at_s(0));
    for (int64_t s = 0; s < 3600; s++) {
        enum announce_lack lack = s % 20 < 10 ? ANNOUNCE_LACK_SEED_ALONE : ANNOUNCE_LACK_NONE;

        announcer_lack(a, lack, at_s(s));
        while (announcer_next(a, &job, at_s(s))) {
            asked++;
            announcer_on_result(a, job.id, &two_peers, at_s(s));
        }
    }
    cr_assert_leq(asked, 10u, "%u", asked);
    announcer_free(a);
}

Test(announce, who_is_alone_with_the_named_peers_asks_all_tiers)
{
    struct announcer *a = new_v1(two_tiers, 2);
    struct announce_job first, second;

    announcer_start(a, at_s(0));
    announcer_lack(a, ANNOUNCE_LACK_ALONE, at_s(0));
    first = must_next(a, at_s(0));
    announcer_on_result(a, first.id, &two_peers, at_s(0));
    must_rest(a, at_s(0));
    cr_assert_eq(must_next(a, when_next(a)).id, first.id);
    announcer_on_result(a, first.id, &two_peers, at_s(30));
    second = must_next(a, at_s(30));
    cr_assert_neq(first.id, second.id);
    announcer_free(a);
}

/* --- messages for users --- */

Test(announce, schemes_that_sprat_cannot_speak_are_told)
{
    static const char *const urls[] = {"wss://a/", "WS://a", "ftp://a/x", "tracker.example:80"};
    static const char *const want[] = {
        "Sprat cannot speak WebTorrent trackers",
        "Sprat cannot speak WebTorrent trackers",
        "Sprat speaks http, https and udp to trackers, and not \"ftp\"",
        "this is not a URL: a tracker's begins with http://, https:// or udp://",
    };
    const struct metainfo_tier tiers[] = {{urls, 4}};
    struct announcer *a = new_v1(tiers, 1);

    announcer_start(a, at_s(0));
    must_rest(a, at_s(0));
    must_rest(a, at_s(100000));
    cr_assert_eq(announcer_expiry(a).us, MONO_NEVER.us);
    for (uint32_t i = 0; i < 4; i++) {
        struct announce_status st;

        announcer_status(a, i, &st, at_s(1));
        cr_assert(st.unsupported && !st.asked && !st.working && st.next.us == MONO_NEVER.us);
        cr_assert_str_eq(st.url, urls[i]);
        cr_assert_str_eq(st.message, want[i]);
    }
    announcer_stop(a, at_s(100001));
    cr_assert(announcer_idle(a));
    announcer_free(a);
}

Test(announce, a_hybrid_has_one_status_per_tracker)
{
    struct metainfo mi = {
        .id.has_v1 = true, .id.has_v2 = true, .tiers = two_tiers, .tier_count = 1};
    struct announce_result refused = {.err = SPRAT_E_REFUSED, .message = "refused"};
    struct announce_result good = {.interval_s = 600, .seeders = 2, .leechers = 1, .peers = 3};
    struct announce_job one, two;
    struct announce_status st;
    struct announcer *a;

    rng_init(&rng, 5);
    a = announcer_of(&mi, NULL, 0);
    announcer_start(a, at_s(0));
    one = must_next(a, at_s(0));
    two = must_next(a, at_s(0));
    cr_assert(announcer_tracker_of(a, one.id) == 0 && announcer_tracker_of(a, two.id) == 0);
    announcer_on_result(a, one.id, &refused, at_s(0));
    announcer_status(a, 0, &st, at_s(0));
    cr_assert(!st.working && st.asking && st.err == SPRAT_E_REFUSED);
    cr_assert_str_eq(st.message, "refused");
    announcer_on_result(a, two.id, &refused, at_s(0));
    announcer_status(a, 0, &st, at_s(0));
    cr_assert(!st.working && !st.asking && st.err == SPRAT_E_REFUSED && st.failures == 1);
    cr_assert_str_eq(st.message, "refused");
    one = must_next(a, when_next(a));
    announcer_on_result(a, one.id, &good, at_s(7));
    announcer_status(a, 0, &st, at_s(7));
    cr_assert(st.working && st.err == 0 && st.seeders == 2 && st.leechers == 1 && st.peers == 3);
    cr_assert_str_eq(st.message, one.v2 ? "for the v1 hash: refused" : "for the v2 hash: refused");
    cr_assert_eq(st.hash_count, 2u);
    cr_assert_neq(st.hashes[0].v2, st.hashes[1].v2);
    cr_assert_neq(st.hashes[0].working, st.hashes[1].working);
    announcer_free(a);
}

Test(announce, a_result_that_nobody_waits_for_is_ignored)
{
    struct announcer *a = new_v1(two_tiers, 1);

    announcer_on_result(a, 0, &ok, at_s(0));
    cr_assert(announcer_idle(a));
    announcer_free(a);
}

static uint32_t
count_true(const bool *flags, uint32_t n)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < n; i++)
        count += flags[i];
    return count;
}

/* Random trackers that fail, answer late or answer nonsense, and random starts and stops. Checked:
 * each job has one request at a time, events come in a legal order, timers never spin, an announce
 * is planned whenever none is under way, and the announcer stops in the end. */
static void
random_run(uint64_t seed, size_t tier_count, bool v1, bool v2)
{
    static const char *const t0[] = {"http://a/0", "http://a/1", "http://a/2"};
    static const char *const t1[] = {"udp://b/0", "udp://b/1"};
    const struct metainfo_tier tiers[] = {{url_a, 1}, {t0, 3}, {t1, 2}};
    struct metainfo mi = {
        .id.has_v1 = v1, .id.has_v2 = v2, .tiers = tiers, .tier_count = tier_count};
    bool flying[12] = {0}, heard[12] = {0}, running = false;
    enum announce_event event[12] = {0};
    struct mono now = at_s(1);
    struct announce_job job;
    struct announcer *a;
    struct rng own;

    rng_init(&own, seed);
    rng_init(&rng, seed + 1);
    a = announcer_of(&mi, NULL, 0);
    for (int i = 0; i < 5000; i++) {
        uint32_t ids = announcer_count(a) * (v1 + v2), id = rng_below(&own, ids), jobs = 0;

        while (announcer_next(a, &job, now)) {
            cr_assert_lt(++jobs, 20u);
            cr_assert_not(flying[job.id]);
            cr_assert_eq(job.event == ANNOUNCE_STOPPED, !running);
            if (running)
                cr_assert_eq(job.event == ANNOUNCE_STARTED, !heard[job.id]);
            flying[job.id] = true;
            event[job.id] = job.event;
        }
        cr_assert(!mono_due(announcer_expiry(a), now));
        if (running && count_true(flying, ids) == 0)
            cr_assert_neq(announcer_expiry(a).us, MONO_NEVER.us, "seed %llu, step %d",
                          (unsigned long long)seed, i);
        if (flying[id]) {
            struct announce_result res = {
                .err = rng_below(&own, 2) ? SPRAT_E_TIMEOUT : 0,
                .interval_s = rng_below(&own, 2000),
                .min_interval_s = rng_below(&own, 3) == 0 ? rng_below(&own, 3000) : 0,
                .retry_in_s = rng_below(&own, 9) == 0 ? (int64_t)rng_below(&own, 600) : 0,
            };

            flying[id] = false;
            if (event[id] == ANNOUNCE_STOPPED)
                heard[id] = false;
            else if (res.err == 0)
                heard[id] = true;
            announcer_on_result(a, id, &res, now);
        }
        switch (rng_below(&own, 20)) {
        case 0:
            running = true;
            announcer_start(a, now);
            announcer_lack(a, (enum announce_lack)rng_below(&own, 4), now);
            break;
        case 1:
            running = rng_below(&own, 3) > 0 && running;
            if (!running)
                announcer_stop(a, now);
            break;
        case 2: announcer_completed(a, now); break;
        case 3: announcer_lack(a, (enum announce_lack)rng_below(&own, 4), now); break;
        case 4:
        case 5:
        case 6:
            if (announcer_expiry(a).us != MONO_NEVER.us && mono_before(now, announcer_expiry(a)))
                now = announcer_expiry(a);
            break;
        default: now = mono_add_ms(now, rng_below(&own, 5000)); break;
        }
    }
    announcer_stop(a, now);
    for (int i = 0; i < 100 && !announcer_idle(a); i++) {
        while (announcer_next(a, &job, now))
            flying[job.id] = true;
        for (uint32_t id = 0; id < announcer_count(a) * (v1 + v2); id++)
            if (flying[id])
                announcer_on_result(a, id, &ok, now);
    }
    cr_assert(announcer_idle(a));
    announcer_free(a);
}

Test(announce, random_runs_keep_the_promises)
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        random_run(seed, 3, true, false);
        random_run(seed, 3, false, true);
        random_run(seed, 3, true, true);
        random_run(seed, 1, true, false);
        random_run(seed, 1, true, true);
    }
}
