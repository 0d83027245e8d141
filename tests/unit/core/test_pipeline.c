/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The request pipeline against a small queueing model: a peer that serves requests in order through
 * a link of some bandwidth and delay. Depth must fill the link and must not build a long queue.
 */
#include "peer/core/pipeline.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "common/base/rng.h"
#include "common/codec/metainfo.h"

enum { FLIGHT_MAX = 8192 };

struct request {
    int64_t asked_us, comes_us;
};

struct model {
    struct pipeline pipe;
    double bytes_per_s;
    int64_t rtt_us;
    int64_t jitter_us; /* maximum of the random delay that is added to a block; the order stays */
    int64_t tick_us;   /* the peer limits its upload: at each tick it may send |allowance| bytes */
    double allowance, allowed;
    int64_t ticks;    /* that were served */
    int64_t batch_us; /* time between two reads of the socket */
    struct rng rng;
    int64_t now_us, free_us; /* when the link is free */
    int64_t last_comes_us;
    int64_t queue_max_us; /* longest wait before service, since it was last cleared */
    uint64_t got;
    struct request flight[FLIGHT_MAX]; /* a ring, in order of arrival */
    uint32_t head, count;
    int64_t ticked_us;
};

static struct model *
model_new(double bytes_per_s, int64_t rtt_us)
{
    struct model *m = calloc(1, sizeof(*m));

    m->bytes_per_s = bytes_per_s;
    m->rtt_us = rtt_us;
    rng_init(&m->rng, 1);
    m->now_us = 1000000;
    pipeline_init(&m->pipe, (struct mono){m->now_us});
    pipeline_set_reqq(&m->pipe, PIPELINE_DEPTH_MAX);
    return m;
}

/* When the peer's own limit lets it begin a block that it could begin at |start|. */
static int64_t
limited(struct model *m, int64_t start)
{
    if (m->tick_us == 0)
        return start;
    if (start / m->tick_us > m->ticks) {
        m->ticks = start / m->tick_us;
        m->allowed = m->allowed < 0 ? m->allowed + m->allowance : m->allowance;
    }
    while (m->allowed <= 0) {
        m->ticks++;
        m->allowed += m->allowance;
    }
    m->allowed -= BLOCK_LEN;
    return start > m->ticks * m->tick_us ? start : m->ticks * m->tick_us;
}

static void
model_ask(struct model *m)
{
    int64_t at = m->now_us + m->rtt_us / 2;
    int64_t start = limited(m, at > m->free_us ? at : m->free_us);
    int64_t comes;

    if (start - at > m->queue_max_us)
        m->queue_max_us = start - at;
    m->free_us = start + (int64_t)(BLOCK_LEN * 1e6 / m->bytes_per_s);
    comes = m->free_us + m->rtt_us / 2;
    if (m->jitter_us > 0)
        comes += rng_below(&m->rng, (uint32_t)m->jitter_us);
    if (comes < m->last_comes_us)
        comes = m->last_comes_us;
    if (m->batch_us > 0)
        comes = (comes + m->batch_us - 1) / m->batch_us * m->batch_us;
    m->last_comes_us = comes;
    m->flight[(m->head + m->count++) % FLIGHT_MAX] = (struct request){m->now_us, comes};
}

static void
model_fill(struct model *m)
{
    if (m->count == 0)
        pipeline_on_busy(&m->pipe, (struct mono){m->now_us});
    while (m->count < pipeline_depth(&m->pipe))
        model_ask(m);
}

/* Runs for |us|; returns the received bytes. */
static uint64_t
model_run(struct model *m, int64_t us)
{
    int64_t end = m->now_us + us;
    uint64_t before = m->got;

    model_fill(m);
    while (m->count > 0 && m->flight[m->head].comes_us <= end) {
        struct request r = m->flight[m->head];

        m->head = (m->head + 1) % FLIGHT_MAX;
        m->count--;
        m->now_us = r.comes_us;
        if (m->now_us - m->ticked_us >= 1000000) {
            m->ticked_us = m->now_us;
            cr_assert_not(pipeline_tick(&m->pipe, (struct mono){m->now_us}));
        }
        m->got += BLOCK_LEN;
        pipeline_on_block(&m->pipe, BLOCK_LEN, (struct mono){r.asked_us}, (struct mono){m->now_us});
        model_fill(m);
    }
    m->now_us = end;
    return m->got - before;
}

static void
check_link(double bytes_per_s, int64_t rtt_us, int64_t jitter_us)
{
    struct model *m = model_new(bytes_per_s, rtt_us);
    double share, block_us = BLOCK_LEN * 1e6 / bytes_per_s;
    uint64_t got;

    m->jitter_us = jitter_us;
    got = model_run(m, 5000000);
    m->queue_max_us = 0;
    got = model_run(m, 60000000);
    share = (double)got / (bytes_per_s * 60);
    cr_assert(share >= 0.95, "%.0f B/s, %ld us: %.3f", bytes_per_s, (long)rtt_us, share);
    cr_assert(m->queue_max_us <= 2 * (rtt_us + jitter_us) + 200000 + 2 * block_us,
              "%.0f B/s, %ld us: queue %ld us", bytes_per_s, (long)rtt_us, (long)m->queue_max_us);
    free(m);
}

Test(pipeline, fills_links_without_a_long_queue)
{
    static const double rates[] = {10e3, 50e3, 300e3, 1.25e6, 12.5e6, 125e6};
    static const int64_t rtts[] = {200, 1000, 10000, 50000, 100000, 300000};

    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++)
        for (size_t j = 0; j < sizeof(rtts) / sizeof(rtts[0]); j++) {
            if (rates[i] * (double)rtts[j] / 1e6 / BLOCK_LEN > PIPELINE_DEPTH_MAX / 2)
                continue;
            check_link(rates[i], rtts[j], 0);
            check_link(rates[i], rtts[j], rtts[j] / 2);
        }
}

Test(pipeline, fills_what_a_peer_gives_in_bursts)
{
    static const int64_t ticks[] = {50000, 250000, 1000000};
    static const double rates[] = {50e3, 300e3, 3e6};

    for (size_t i = 0; i < sizeof(ticks) / sizeof(ticks[0]); i++)
        for (size_t j = 0; j < sizeof(rates) / sizeof(rates[0]); j++) {
            struct model *m = model_new(125e6, 40000);
            double share;

            m->tick_us = ticks[i];
            m->allowance = rates[j] * (double)ticks[i] / 1e6;
            model_run(m, 5000000);
            share = (double)model_run(m, 60000000) / (rates[j] * 60);
            cr_assert(share >= 0.95, "%.0f B/s each %ld us: %.3f", rates[j], (long)ticks[i], share);
            free(m);
        }
}

Test(pipeline, fills_links_when_we_look_rarely)
{
    static const int64_t batches[] = {1000, 10000, 50000};

    for (size_t i = 0; i < sizeof(batches) / sizeof(batches[0]); i++)
        for (double rate = 1e6; rate <= 1e9; rate *= 10) {
            struct model *m = model_new(rate, 500);
            double share;

            m->batch_us = batches[i];
            model_run(m, 5000000);
            share = (double)model_run(m, 20000000) / (rate * 20);
            cr_assert(share >= 0.95, "%.0f B/s each %ld us: %.3f depth %u", rate, (long)batches[i],
                      share, pipeline_depth(&m->pipe));
            free(m);
        }
}

Test(pipeline, fills_a_gigabit_at_100_ms_quickly)
{
    struct model *m = model_new(125e6, 100000);

    model_run(m, 1500000);
    cr_assert_geq(pipeline_depth(&m->pipe), 764u);
    cr_assert_geq(model_run(m, 1000000), (uint64_t)(125e6 * 0.95));
    free(m);
}

Test(pipeline, loopback_has_hundreds_in_flight_at_once)
{
    struct model *m = model_new(2e9, 60);

    model_run(m, 100000);
    cr_assert_geq(pipeline_depth(&m->pipe), 300u);
    cr_assert_geq(model_run(m, 5000000), (uint64_t)(2e9 * 5 * 0.95));
    free(m);
}

Test(pipeline, first_seconds_of_a_slow_peer_queue_no_minutes)
{
    struct model *m = model_new(50e3, 100000);

    model_run(m, 20000000);
    cr_assert_leq(m->queue_max_us, 4000000);
    cr_assert_leq(pipeline_depth(&m->pipe), 3u);
    free(m);
}

Test(pipeline, follows_a_link_that_becomes_faster_and_slower)
{
    struct model *m = model_new(1e6, 50000);

    model_run(m, 10000000);
    m->bytes_per_s = 100e6;
    model_run(m, 3000000);
    cr_assert_geq(model_run(m, 5000000), (uint64_t)(100e6 * 5 * 0.95));
    m->bytes_per_s = 1e6;
    model_run(m, 20000000);
    m->queue_max_us = 0;
    cr_assert_geq(model_run(m, 10000000), (uint64_t)(1e6 * 10 * 0.95));
    cr_assert_leq(m->queue_max_us, 250000);
    free(m);
}

Test(pipeline, follows_a_route_that_becomes_longer)
{
    struct model *m = model_new(10e6, 5000);

    model_run(m, 10000000);
    m->rtt_us = 250000;
    model_run(m, 15000000);
    cr_assert_geq(model_run(m, 10000000), (uint64_t)(10e6 * 10 * 0.95));
    m->rtt_us = 5000;
    model_run(m, 20000000);
    m->queue_max_us = 0;
    cr_assert_geq(model_run(m, 10000000), (uint64_t)(10e6 * 10 * 0.95));
    cr_assert_leq(m->queue_max_us, 100000);
    free(m);
}

Test(pipeline, depth_never_passes_reqq_nor_the_maximum)
{
    struct model *m = model_new(10e9, 300000);

    model_run(m, 20000000);
    cr_assert_leq(pipeline_depth(&m->pipe), (uint32_t)PIPELINE_DEPTH_MAX);
    pipeline_set_reqq(&m->pipe, 100);
    cr_assert_eq(pipeline_depth(&m->pipe), 100u);
    pipeline_set_reqq(&m->pipe, 0);
    cr_assert_eq(pipeline_depth(&m->pipe), 1u);
    free(m);
}

Test(pipeline, starts_with_eight)
{
    struct pipeline p;

    pipeline_init(&p, (struct mono){0});
    cr_assert_eq(pipeline_depth(&p), (uint32_t)PIPELINE_DEPTH_START);
    cr_assert_eq(pipeline_rate(&p), 0u);
    cr_assert_eq(pipeline_timeout_us(&p), (int64_t)PIPELINE_SNUB_MS * 1000);
}

Test(pipeline, silence_snubs_once_and_a_block_ends_it)
{
    struct pipeline p;
    struct mono t = {0};

    pipeline_init(&p, t);
    t = mono_add_ms(t, 100000);
    pipeline_on_busy(&p, t);
    cr_assert_not(pipeline_tick(&p, mono_add_ms(t, PIPELINE_SNUB_MS - 1)),
                  "the break before counts not");
    t = mono_add_ms(t, PIPELINE_SNUB_MS);
    cr_assert(pipeline_tick(&p, t));
    cr_assert_not(pipeline_tick(&p, mono_add_ms(t, 1000)), "told once");
    cr_assert_eq(pipeline_depth(&p), 1u);
    pipeline_on_block(&p, BLOCK_LEN, (struct mono){0}, mono_add_ms(t, 2000));
    cr_assert_geq(pipeline_depth(&p), (uint32_t)PIPELINE_DEPTH_MIN);
    cr_assert_not(pipeline_tick(&p, mono_add_ms(t, 3000)));
}

Test(pipeline, timeout_follows_the_round_trip_within_bounds)
{
    struct pipeline p;
    struct mono t = {0};

    pipeline_init(&p, t);
    for (int i = 0; i < 50; i++) {
        pipeline_on_block(&p, BLOCK_LEN, t, mono_add_ms(t, 10));
        t = mono_add_ms(t, 20);
    }
    cr_assert_eq(pipeline_timeout_us(&p), (int64_t)PIPELINE_TIMEOUT_MIN_MS * 1000);
    for (int i = 0; i < 50; i++) {
        pipeline_on_block(&p, BLOCK_LEN, t, mono_add_ms(t, 20000));
        t = mono_add_ms(t, 20000);
    }
    cr_assert_geq(pipeline_timeout_us(&p), 20000000);
    cr_assert_leq(pipeline_timeout_us(&p), 40000000);
    for (int i = 0; i < 50; i++) {
        pipeline_on_block(&p, BLOCK_LEN, t, mono_add_ms(t, 10000000));
        t = mono_add_ms(t, 10000000);
    }
    cr_assert_eq(pipeline_timeout_us(&p), (int64_t)PIPELINE_TIMEOUT_MAX_MS * 1000);
}

Test(pipeline, many_blocks_at_one_instant_are_harmless)
{
    struct pipeline p;
    struct mono t = {5};

    pipeline_init(&p, t);
    for (int i = 0; i < 10000; i++)
        pipeline_on_block(&p, BLOCK_LEN, t, t);
    cr_assert_leq(pipeline_depth(&p), (uint32_t)PIPELINE_DEPTH_MAX);
    pipeline_on_block(&p, BLOCK_LEN, t, (struct mono){4});
    cr_assert_geq(pipeline_depth(&p), 1u);
}
