/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The link emulator's lane in made-up time: chances by count and seed, delays and rates to the
 * microsecond.
 */
#include "tests/net/lane.h"

#include <criterion/criterion.h>
#include <stdbool.h>
#include <string.h>

enum { COUNT = 20000 };

static const struct mono start = {1000000};

static struct mono
at(int64_t us)
{
    return mono_add_us(start, us);
}

/* Sends COUNT numbered packets, |gap_us| apart, and marks those that came. */
static struct lane_stats
play(const struct lane_config *c, uint64_t seed, int64_t gap_us, bool came[COUNT])
{
    struct lane *l = lane_new(c, seed);
    struct lane_stats stats;
    uint8_t out[LANE_PACKET_MAX];

    memset(came, 0, COUNT * sizeof(came[0]));
    for (uint32_t i = 0; i < COUNT; i++) {
        uint32_t got;
        lane_put(l, &i, sizeof(i), at(i * gap_us));
        while (lane_take(l, at(i * gap_us), out) > 0) {
            memcpy(&got, out, sizeof(got));
            came[got] = true;
        }
    }
    while (lane_take(l, at((int64_t)COUNT * gap_us + 60000000), out) > 0) {
        uint32_t got;
        memcpy(&got, out, sizeof(got));
        came[got] = true;
    }
    stats = *lane_stats(l);
    lane_free(l);
    return stats;
}

Test(lane, loss_is_the_share_that_was_asked_and_follows_the_seed)
{
    static bool one[COUNT], again[COUNT], other[COUNT];
    struct lane_config c = {.delay_us = 50000, .loss = 0.1};
    struct lane_stats s = play(&c, 5, 100, one);

    cr_expect_eq(s.taken, COUNT);
    cr_expect_eq(s.given + s.lost, COUNT);
    cr_expect(s.lost > COUNT * 0.09 && s.lost < COUNT * 0.11, "%llu lost",
              (unsigned long long)s.lost);
    play(&c, 5, 333, again);
    cr_expect_arr_eq(one, again, sizeof(one), "the same packets whenever they are sent");
    c.reorder = 0.2;
    play(&c, 5, 100, again);
    cr_expect_arr_eq(one, again, sizeof(one), "the same packets whatever is reordered");
    play(&c, 6, 100, other);
    cr_expect(memcmp(one, other, sizeof(one)) != 0);
}

Test(lane, all_and_nothing)
{
    static bool came[COUNT];
    struct lane_config c = {.loss = 1};

    cr_expect_eq(play(&c, 1, 1, came).lost, COUNT);
    c.loss = 0;
    cr_expect_eq(play(&c, 1, 1, came).given, COUNT);
}

Test(lane, delay_is_kept_to_the_microsecond)
{
    struct lane *l = lane_new(&(struct lane_config){.delay_us = 50000}, 1);
    uint8_t out[LANE_PACKET_MAX];

    cr_expect_eq(lane_next(l).us, INT64_MAX);
    lane_put(l, "a", 1, start);
    lane_put(l, "b", 1, start);
    cr_expect_eq(lane_next(l).us, at(50000).us);
    cr_expect_eq(lane_take(l, at(49999), out), 0);
    cr_expect_eq(lane_take(l, at(50000), out), 1);
    cr_expect_eq(out[0], 'a', "what is due together comes in order");
    cr_expect_eq(lane_take(l, at(50000), out), 1);
    cr_expect_eq(out[0], 'b');
    cr_expect_eq(lane_take(l, at(60000), out), 0);
    lane_free(l);
}

Test(lane, rate_spreads_packets_and_the_queue_has_an_end)
{
    /* 1,000,000 bytes a second: 1000 bytes take 1 ms; 10 wait. */
    struct lane_config c = {.delay_us = 5000, .rate = 1000000, .queue_len = 10000};
    struct lane *l = lane_new(&c, 1);
    uint8_t packet[1000] = {0}, out[LANE_PACKET_MAX];
    const struct lane_stats *s = lane_stats(l);

    for (int i = 0; i < 20; i++)
        lane_put(l, packet, sizeof(packet), start);
    cr_expect_eq(s->full, 9, "11 of 20 fit: one on the line and 10 behind it, not %d",
                 20 - (int)s->full);
    for (int i = 1; i <= 11; i++) {
        cr_expect_eq(lane_next(l).us, at(i * 1000 + 5000).us, "packet %d", i);
        cr_expect_eq(lane_take(l, lane_next(l), out), 1000);
    }
    lane_put(l, packet, sizeof(packet), at(30000));
    cr_expect_eq(lane_next(l).us, at(36000).us, "an idle line begins at once");
    lane_free(l);
}

Test(lane, held_packets_are_overtaken)
{
    struct lane_config c = {.delay_us = 10000, .hold_us = 2500, .reorder = 0.05};
    struct lane *l = lane_new(&c, 3);
    uint8_t out[LANE_PACKET_MAX];
    uint32_t highest = 0, late = 0, got;

    for (uint32_t i = 0; i < COUNT; i++)
        lane_put(l, &i, sizeof(i), at((int64_t)i * 100));
    while (lane_take(l, at(INT32_MAX), out) > 0) {
        memcpy(&got, out, sizeof(got));
        late += got < highest;
        highest = got > highest ? got : highest;
    }
    cr_expect_eq(lane_stats(l)->given, COUNT);
    cr_expect(late > COUNT * 0.04 && late < COUNT * 0.06, "%u came late", late);
    lane_free(l);
}

Test(lane, what_is_on_its_way_goes_with_the_lane)
{
    struct lane *l = lane_new(&(struct lane_config){.delay_us = 1000}, 1);

    lane_put(l, "x", 1, start);
    lane_free(l);
    lane_free(NULL);
}
