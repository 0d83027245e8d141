/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A private torrent announces to one tracker at a time (BEP 27): which one, when another one takes
 * over, and what is said to the one that is left.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "common/base/err.h"
#include "peer/core/announce.h"

static struct rng rng;

static const struct announce_result ok = {.interval_s = 1800, .peers = 5, .seeders = 5};
static const struct announce_result nobody = {.interval_s = 1800};
static const struct announce_result failed = {.err = SPRAT_E_TIMEOUT};

static const char *const url_a[] = {"http://a.example/announce"};
static const char *const url_b[] = {"udp://b.example:80"};
static const struct metainfo_tier two_tiers[] = {{url_a, 1}, {url_b, 1}};

static struct mono
at_s(int64_t s)
{
    return (struct mono){s * 1000000};
}

static struct announcer *
new_of(const struct metainfo_tier *tiers, size_t count, bool one)
{
    const struct identity id = {.has_v1 = true};
    const struct announce_urls urls = {.tiers = tiers, .tier_count = count, .one = one};

    rng_init(&rng, 5);
    return announcer_new(&id, &urls, &rng);
}

static struct announce_job
must_next(struct announcer *a, const char *url, enum announce_event event, struct mono now)
{
    struct announce_job job;

    cr_assert(announcer_next(a, &job, now));
    cr_assert_str_eq(job.url, url);
    cr_assert_eq(job.event, event);
    return job;
}

static void
must_rest(struct announcer *a, struct mono now)
{
    struct announce_job job;

    cr_assert_not(announcer_next(a, &job, now));
    cr_assert(!mono_due(announcer_expiry(a), now), "nothing is due, so no timer may be");
}

/* The time of the next job. */
static struct mono
when_next(struct announcer *a)
{
    struct mono at = announcer_expiry(a);

    cr_assert_neq(at.us, MONO_NEVER.us);
    must_rest(a, (struct mono){at.us - 1});
    return at;
}

/* |job| ends with |res|. */
static void
end(struct announcer *a, struct announce_job job, const struct announce_result *res,
    struct mono now)
{
    announcer_on_result(a, job.id, res, now);
}

/* An announcer whose first tracker has answered at second 1. */
static struct announcer *
at_the_first(void)
{
    struct announcer *a = new_of(two_tiers, 2, true);

    announcer_start(a, at_s(0));
    end(a, must_next(a, url_a[0], ANNOUNCE_STARTED, at_s(0)), &ok, at_s(1));
    return a;
}

/* Fails the announces at the first tracker until it is given up; the time of the last failure. */
static struct mono
give_up_first(struct announcer *a)
{
    struct mono now;

    for (int i = 0; i < 3; i++) {
        now = when_next(a);
        end(a, must_next(a, url_a[0], ANNOUNCE_NONE, now), &failed, now);
    }
    return now;
}

Test(announce_one, the_first_that_answers_is_the_only_one)
{
    struct announcer *a = new_of(two_tiers, 2, true);
    struct mono now = at_s(0);
    struct announce_job job;

    cr_assert(announcer_may_switch(a));
    announcer_start(a, now);
    announcer_lack(a, ANNOUNCE_LACK_ALONE, now);
    job = must_next(a, url_a[0], ANNOUNCE_STARTED, now);
    must_rest(a, at_s(29)); /* the second is not asked beside a slow one */
    cr_assert_eq(announcer_origin(a), 0);
    end(a, job, &nobody, at_s(29)); /* nor for more peers */
    cr_assert_neq(announcer_origin(a), 0);
    cr_assert(announcer_uses(a, job.id));
    for (int i = 0; i < 50; i++) {
        now = when_next(a);
        end(a, must_next(a, url_a[0], ANNOUNCE_NONE, now), &nobody, now);
    }
    announcer_stop(a, now);
    end(a, must_next(a, url_a[0], ANNOUNCE_STOPPED, now), &ok, now);
    cr_assert(announcer_idle(a));
    announcer_free(a);
}

Test(announce_one, the_next_one_takes_over_after_three_failures)
{
    struct announcer *a = at_the_first();
    uint64_t first = announcer_origin(a);
    struct announce_job job, left;
    struct mono now = give_up_first(a);

    cr_assert_eq(announcer_origin(a), first);
    job = must_next(a, url_b[0], ANNOUNCE_STARTED, now);
    must_rest(a, now);
    cr_assert_eq(announcer_origin(a), first, "it has not answered yet");
    end(a, job, &ok, now);
    cr_assert(announcer_uses(a, job.id));
    cr_assert_neq(announcer_origin(a), first);
    left = must_next(a, url_a[0], ANNOUNCE_STOPPED, now);
    must_rest(a, now);
    end(a, left, &ok, now);
    cr_assert_not(announcer_uses(a, left.id));
    now = when_next(a);
    end(a, must_next(a, url_b[0], ANNOUNCE_NONE, now), &ok, now);
    must_rest(a, now);
    announcer_stop(a, now);
    (void)must_next(a, url_b[0], ANNOUNCE_STOPPED, now);
    must_rest(a, now);
    announcer_free(a);
}

Test(announce_one, fewer_failures_lose_no_peers)
{
    struct announcer *a = at_the_first();
    uint64_t first = announcer_origin(a);
    struct mono now;

    for (int i = 0; i < 10; i++) {
        for (int k = 0; k < 2; k++) {
            now = when_next(a);
            end(a, must_next(a, url_a[0], ANNOUNCE_NONE, now), &failed, now);
        }
        now = when_next(a);
        end(a, must_next(a, url_a[0], ANNOUNCE_NONE, now), &ok, now);
    }
    cr_assert_eq(announcer_origin(a), first);
    announcer_free(a);
}

Test(announce_one, one_that_does_not_take_the_first_announce_is_given_up_at_once)
{
    struct announcer *a = new_of(two_tiers, 2, true);
    struct announce_job job;

    announcer_start(a, at_s(0));
    job = must_next(a, url_a[0], ANNOUNCE_STARTED, at_s(0));
    must_rest(a, at_s(10));
    end(a, job, &failed, at_s(30));
    end(a, must_next(a, url_b[0], ANNOUNCE_STARTED, at_s(30)), &ok, at_s(31));
    cr_assert_eq(when_next(a).us, at_s(1831).us, "the first is not asked again");
    announcer_free(a);
}

Test(announce_one, one_that_comes_back_before_another_answers_keeps_its_peers)
{
    struct announcer *a = at_the_first();
    uint64_t first = announcer_origin(a);
    struct mono now = give_up_first(a);

    end(a, must_next(a, url_b[0], ANNOUNCE_STARTED, now), &failed, now);
    for (int i = 0; i < 20; i++) {
        struct announce_job job;

        now = when_next(a);
        cr_assert(announcer_next(a, &job, now));
        must_rest(a, now);
        end(a, job, strcmp(job.url, url_a[0]) == 0 && i > 10 ? &ok : &failed, now);
        if (i > 10 && strcmp(job.url, url_a[0]) == 0)
            break;
    }
    cr_assert_eq(announcer_origin(a), first);
    cr_assert_eq(when_next(a).us, mono_add_ms(now, 1800 * 1000).us);
    announcer_free(a);
}

Test(announce_one, a_pause_does_not_change_the_tracker)
{
    struct announcer *a = at_the_first();
    struct mono now = give_up_first(a);

    end(a, must_next(a, url_b[0], ANNOUNCE_STARTED, now), &ok, now);
    announcer_stop(a, now);
    end(a, must_next(a, url_a[0], ANNOUNCE_STOPPED, now), &ok, now);
    end(a, must_next(a, url_b[0], ANNOUNCE_STOPPED, now), &ok, now);
    cr_assert(announcer_idle(a));
    announcer_start(a, now);
    end(a, must_next(a, url_b[0], ANNOUNCE_STARTED, now), &failed, now);
    end(a, must_next(a, url_a[0], ANNOUNCE_STARTED, now), &ok, now);
    announcer_free(a);
}

Test(announce_one, addresses_and_ports_of_one_host_are_one_tracker)
{
    static const char *const same[] = {"http://Tracker.example:6969/announce",
                                       "udp://tracker.example:80", "https://me@TRACKER.EXAMPLE?x"};
    static const char *const other[] = {"http://[2001:db8::1]:80/a", "http://[2001:db8::2]:80/a",
                                        "wss://elsewhere.example/"};
    const struct metainfo_tier one = {same, 3}, three = {other, 3}, first = {other, 1};
    const struct metainfo_tier with_unsupported[] = {{other, 1}, {&other[2], 1}};
    struct announcer *a = new_of(&one, 1, true);

    cr_assert_not(announcer_may_switch(a));
    announcer_free(a);
    a = new_of(&three, 1, true);
    cr_assert(announcer_may_switch(a));
    announcer_free(a);
    a = new_of(&three, 1, false);
    cr_assert_not(announcer_may_switch(a), "all are used at the same time");
    announcer_free(a);
    a = new_of(&first, 1, true);
    cr_assert_not(announcer_may_switch(a));
    announcer_free(a);
    a = new_of(with_unsupported, 2, true);
    cr_assert_not(announcer_may_switch(a), "nobody asks the second");
    announcer_free(a);
}

/* A torrent whose link does not say that it is private: both trackers have named peers. */
Test(announce_one, a_torrent_that_turns_out_to_be_private_leaves_the_others)
{
    struct announcer *a = new_of(two_tiers, 2, false);
    struct announce_job job, late;

    announcer_start(a, at_s(0));
    announcer_lack(a, ANNOUNCE_LACK_ALONE, at_s(0));
    end(a, must_next(a, url_a[0], ANNOUNCE_STARTED, at_s(0)), &nobody, at_s(1));
    end(a, must_next(a, url_b[0], ANNOUNCE_STARTED, at_s(1)), &ok, at_s(2));
    cr_assert_eq(announcer_origin(a), 0);
    cr_assert(announcer_uses(a, 0) && announcer_uses(a, 1));
    cr_assert_not(announcer_limit(a, at_s(3)), "the peers are of both");
    cr_assert_neq(announcer_origin(a), 0);
    end(a, must_next(a, url_b[0], ANNOUNCE_STOPPED, at_s(3)), &ok, at_s(3));
    job = must_next(a, url_a[0], ANNOUNCE_NONE, when_next(a));
    (void)job;
    cr_assert(announcer_limit(a, at_s(4)), "the second call changes nothing");
    announcer_free(a);
    /* The answer of the second comes after the torrent has become private. */
    a = new_of(two_tiers, 2, false);
    announcer_start(a, at_s(0));
    announcer_lack(a, ANNOUNCE_LACK_ALONE, at_s(0));
    end(a, must_next(a, url_a[0], ANNOUNCE_STARTED, at_s(0)), &nobody, at_s(1));
    late = must_next(a, url_b[0], ANNOUNCE_STARTED, at_s(1));
    cr_assert(announcer_limit(a, at_s(2)));
    end(a, late, &ok, at_s(3));
    cr_assert_not(announcer_uses(a, late.id));
    end(a, must_next(a, url_b[0], ANNOUNCE_STOPPED, at_s(3)), &failed, at_s(9));
    must_rest(a, at_s(9));
    announcer_free(a);
}

/* Random trackers that fail or answer late, and random starts, stops and additions. Checked: beside
 * "stopped", only one tracker is asked at a time, and another than the current one only after that
 * one has failed; timers never spin; an announce is planned whenever none is under way; and the
 * announcer stops in the end. */
static void
random_run(uint64_t seed, bool v1, bool v2)
{
    static const char *const t0[] = {"http://c/0", "http://d/1", "http://e/2"};
    const struct metainfo_tier tiers[] = {{url_a, 1}, {t0, 3}, {url_b, 1}};
    const struct identity id = {.has_v1 = v1, .has_v2 = v2};
    const struct announce_urls urls = {.tiers = tiers, .tier_count = 3, .one = true};
    enum { TRACKERS = 5, JOBS = 2 * TRACKERS };
    const uint32_t hashes = v1 + v2;
    bool flying[JOBS] = {false}, running = false, current_failed = true;
    bool paused[JOBS] = {false}; /* the job was under way in a pause: it may come too late */
    enum announce_event event[JOBS] = {ANNOUNCE_NONE};
    uint32_t current = UINT32_MAX, switches = 0;
    struct mono now = at_s(1);
    struct announce_job job;
    struct announcer *a;
    struct rng own;

    rng_init(&own, seed);
    rng_init(&rng, seed + 1);
    a = announcer_new(&id, &urls, &rng);
    for (int i = 0; i < 5000; i++) {
        uint32_t n = rng_below(&own, TRACKERS * hashes), jobs = 0, asked = UINT32_MAX, out = 0;

        while (announcer_next(a, &job, now)) {
            cr_assert_lt(++jobs, 20u);
            cr_assert_not(flying[job.id]);
            cr_assert(running || job.event == ANNOUNCE_STOPPED);
            if (job.event != ANNOUNCE_STOPPED && job.id / hashes != current)
                cr_assert(current_failed, "seed %llu, step %d", (unsigned long long)seed, i);
            flying[job.id] = true;
            paused[job.id] = false;
            event[job.id] = job.event;
        }
        for (uint32_t k = 0; k < TRACKERS * hashes; k++) {
            out += flying[k];
            paused[k] |= !running;
            if (!flying[k] || event[k] == ANNOUNCE_STOPPED)
                continue;
            cr_assert(asked == UINT32_MAX || asked == k / hashes);
            asked = k / hashes;
        }
        cr_assert(!mono_due(announcer_expiry(a), now));
        if (running && out == 0)
            cr_assert_neq(announcer_expiry(a).us, MONO_NEVER.us);
        if (flying[n]) {
            struct announce_result res = {.err = rng_below(&own, 3) ? SPRAT_E_TIMEOUT : 0,
                                          .interval_s = rng_below(&own, 2000),
                                          .peers = rng_below(&own, 2)};
            uint64_t origin = announcer_origin(a);

            flying[n] = false;
            announcer_on_result(a, n, &res, now);
            current_failed |= event[n] != ANNOUNCE_STOPPED && n / hashes == current && res.err != 0;
            if (event[n] != ANNOUNCE_STOPPED && res.err == 0 && announcer_uses(a, n)) {
                switches += announcer_origin(a) != origin;
                current = n / hashes;
                current_failed = false;
            } else {
                cr_assert(event[n] == ANNOUNCE_STOPPED || res.err != 0 || paused[n]);
            }
            cr_assert_eq(announcer_uses(a, n), n / hashes == current);
        }
        switch (rng_below(&own, 40)) {
        case 0:
            running = true;
            announcer_start(a, now);
            break;
        case 1:
            running = rng_below(&own, 4) > 0 && running;
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
    cr_assert_gt(switches, 3u, "seed %llu: %u", (unsigned long long)seed, switches);
    announcer_stop(a, now);
    for (int i = 0; i < 100 && !announcer_idle(a); i++) {
        while (announcer_next(a, &job, now))
            flying[job.id] = true;
        for (uint32_t k = 0; k < TRACKERS * hashes; k++)
            if (flying[k])
                announcer_on_result(a, k, &ok, now);
    }
    cr_assert(announcer_idle(a));
    announcer_free(a);
}

Test(announce_one, random_runs_keep_the_promises)
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        random_run(seed, true, false);
        random_run(seed, true, true);
    }
}
