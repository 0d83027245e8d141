/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The depth of one peer's request pipeline: slow start, windows, and measurements of the round trip
 * (probes).
 */
#include "peer/core/pipeline.h"

#include "common/codec/metainfo.h"

enum {
    US_PER_S = 1000000,
    US_PER_MS = 1000,
    FLAT_WINDOWS = 3,  /* windows in a row without growth after which slow start ends */
    WINDOW_BLOCKS = 4, /* fewest blocks of a window, unless it lasts WINDOW_LONG_MS */
    WINDOW_LONG_MS = 2000,
    PROBE_BLOCKS = 2,      /* blocks that measure the round trip in a probe */
    PROBE_AGAIN_MS = 2000, /* shortest time between two probes */
    PROBE_RTTS = 32,       /* fewest round trips between two probes: a probe costs a part of one */
};

void
pipeline_init(struct pipeline *p, struct mono now)
{
    *p = (struct pipeline){
        .depth = PIPELINE_DEPTH_START,
        .reqq = PIPELINE_REQQ_DEFAULT,
        .slow_start = true,
        .last_block = now,
        .rtt = {.min_at = now, .probe_at = MONO_NEVER},
    };
}

void
pipeline_set_reqq(struct pipeline *p, uint32_t reqq)
{
    p->reqq = reqq > 0 ? reqq : 1;
}

uint64_t
pipeline_rate(const struct pipeline *p)
{
    uint64_t best = 0;

    for (int i = 0; i < PIPELINE_WINDOWS; i++)
        if (p->flow.best[i] > best)
            best = p->flow.best[i];
    return best;
}

static int64_t
clamp(int64_t v, int64_t low, int64_t high)
{
    return v < low ? low : v > high ? high : v;
}

/* The round trip without a queue, and without the block's own time on the link. */
static int64_t
base_rtt_us(const struct pipeline *p, uint64_t rate)
{
    int64_t own_us = rate > 0 ? (int64_t)((uint64_t)BLOCK_LEN * US_PER_S / rate) : 0;

    return p->rtt.min_us > own_us ? p->rtt.min_us - own_us : 0;
}

static int64_t
queue_us(int64_t base_us)
{
    return clamp(base_us, PIPELINE_QUEUE_MIN_MS * US_PER_MS, PIPELINE_QUEUE_MAX_MS * US_PER_MS);
}

/* The number of blocks in |us| at |rate|, rounded up. */
static uint32_t
blocks_in(uint64_t rate, int64_t us)
{
    double blocks = (double)rate * (double)us / US_PER_S / BLOCK_LEN;

    return blocks < PIPELINE_DEPTH_MAX ? (uint32_t)blocks + 1 : PIPELINE_DEPTH_MAX;
}

static void
set_depth(struct pipeline *p, uint32_t depth)
{
    p->depth = (uint32_t)clamp(depth, PIPELINE_DEPTH_MIN, PIPELINE_DEPTH_MAX);
}

/* Outside slow start, the measurements determine the depth. */
static void
follow(struct pipeline *p)
{
    uint64_t rate = pipeline_rate(p);
    int64_t base = base_rtt_us(p, rate);

    if (!p->slow_start && p->rtt.min_us > 0 && rate > 0)
        set_depth(p, blocks_in(rate, base + queue_us(base)) + 1);
}

static void
slow_start_begin(struct pipeline *p, uint32_t depth)
{
    p->slow_start = true;
    p->flat = 0;
    p->flat_rate = 0;
    set_depth(p, depth);
}

static void
slow_start_on_window(struct pipeline *p, uint64_t rate)
{
    if (rate > p->flat_rate + p->flat_rate / 4) {
        p->flat_rate = rate;
        p->flat = 0;
    } else if (++p->flat >= FLAT_WINDOWS) {
        p->slow_start = false;
    }
}

/* One more block in flight for each received block doubles the depth per round trip. Slow start
 * ends early when blocks are so late that a queue must exist at the peer. */
static void
slow_start_on_block(struct pipeline *p, int64_t rtt_us)
{
    uint64_t rate = pipeline_rate(p);
    int64_t base = base_rtt_us(p, rate);

    if (rate > 0 && rtt_us > p->rtt.min_us + base + 2 * queue_us(base))
        p->slow_start = false;
    else
        set_depth(p, p->depth + 1);
}

static void
flow_window_open(struct pipeline_flow *f, struct mono now)
{
    f->open = true;
    f->window_at = now;
    f->window_bytes = 0;
    f->window_blocks = 0;
}

static bool
flow_window_full(const struct pipeline *p, int64_t elapsed_us)
{
    int64_t rtt_us = clamp(p->rtt.us, PIPELINE_WINDOW_MS * US_PER_MS, WINDOW_LONG_MS * US_PER_MS);

    if (elapsed_us >= WINDOW_LONG_MS * US_PER_MS)
        return true;
    return elapsed_us >= rtt_us && p->flow.window_blocks >= WINDOW_BLOCKS;
}

/* A window opens and closes with a block, so that it contains the whole time of each block. */
static void
flow_on_block(struct pipeline *p, uint32_t len, struct mono now)
{
    struct pipeline_flow *f = &p->flow;
    int64_t elapsed_us = mono_diff_us(now, f->window_at);
    uint64_t rate;

    if (!f->open) {
        flow_window_open(f, now);
        return;
    }
    f->window_bytes += len;
    f->window_blocks++;
    if (!flow_window_full(p, elapsed_us))
        return;
    rate = f->window_bytes * US_PER_S / (uint64_t)elapsed_us;
    f->best[f->windows++ % PIPELINE_WINDOWS] = rate;
    if (p->slow_start)
        slow_start_on_window(p, rate);
    flow_window_open(f, now);
}

static void
rtt_smooth(struct pipeline_rtt *r, int64_t us)
{
    int64_t off;

    if (r->us == 0) {
        r->us = us;
        r->var_us = us / 2;
        return;
    }
    off = us > r->us ? us - r->us : r->us - us;
    r->var_us += (off - r->var_us) / 4;
    r->us += (us - r->us) / 8;
}

static void
probe_begin(struct pipeline_rtt *r, struct mono now)
{
    r->probe_at = now;
    r->probe_blocks = 0;
}

/* A probe with a much lower result than before still measured our own queue: probe with still fewer
 * requests, until the result no longer falls. */
static void
probe_end(struct pipeline_rtt *r, struct mono now)
{
    bool again = r->probe_blocks > 0 && r->probe_min_us < r->min_us - r->min_us / 8;

    if (r->probe_blocks > 0)
        r->min_us = r->probe_min_us;
    r->min_at = now;
    r->probe_at = MONO_NEVER;
    if (again)
        probe_begin(r, now);
}

/* True if the round trip is old, or if blocks come much later than our open requests explain, so
 * that the round trip probably grew. */
static bool
probe_wanted(const struct pipeline *p, struct mono now)
{
    int64_t age_us = mono_diff_us(now, p->rtt.min_at);
    int64_t base = base_rtt_us(p, pipeline_rate(p));

    if (p->slow_start || age_us < PROBE_AGAIN_MS * US_PER_MS || age_us < PROBE_RTTS * p->rtt.us)
        return false;
    return age_us > PIPELINE_PROBE_MS * US_PER_MS ||
           p->rtt.us > 2 * (p->rtt.min_us + queue_us(base));
}

/* Only requests sent after the probe's begin count; a probe without such a block is abandoned. */
static void
probe_on_block(struct pipeline_rtt *r, int64_t us, struct mono asked, struct mono now)
{
    if (mono_before(r->probe_at, asked)) {
        if (r->probe_blocks == 0 || us < r->probe_min_us)
            r->probe_min_us = us;
        if (++r->probe_blocks >= PROBE_BLOCKS)
            probe_end(r, now);
    } else if (mono_diff_us(now, r->probe_at) > PIPELINE_PROBE_MS * US_PER_MS) {
        probe_end(r, now);
    }
}

static void
rtt_on_block(struct pipeline *p, int64_t us, struct mono asked, struct mono now)
{
    struct pipeline_rtt *r = &p->rtt;

    rtt_smooth(r, us);
    if (r->probe_at.us != MONO_NEVER.us) {
        probe_on_block(r, us, asked, now);
    } else if (r->min_us == 0 || us <= r->min_us) {
        r->min_us = us;
        r->min_at = now;
    } else if (probe_wanted(p, now)) {
        probe_begin(r, now);
    }
}

void
pipeline_on_block(struct pipeline *p, uint32_t len, struct mono asked, struct mono now)
{
    int64_t us = mono_diff_us(now, asked);

    if (us < 1)
        us = 1;
    if (p->snubbed) {
        p->snubbed = false;
        slow_start_begin(p, PIPELINE_DEPTH_MIN);
    }
    p->last_block = now;
    rtt_on_block(p, us, asked, now);
    flow_on_block(p, len, now);
    if (p->slow_start)
        slow_start_on_block(p, us);
    follow(p);
}

void
pipeline_on_busy(struct pipeline *p, struct mono now)
{
    /* With depth 1 the pipe is empty after each block and is filled at once: that is no pause. */
    if (p->last_block.us == now.us)
        return;
    p->flow.open = false;
    p->rtt.probe_at = MONO_NEVER;
    if (mono_diff_us(now, p->last_block) > PIPELINE_IDLE_MS * US_PER_MS && p->flow.windows > 0)
        slow_start_begin(p, p->depth < PIPELINE_DEPTH_START ? p->depth : PIPELINE_DEPTH_START);
    p->last_block = now;
}

bool
pipeline_tick(struct pipeline *p, struct mono now)
{
    if (p->snubbed || mono_diff_us(now, p->last_block) < PIPELINE_SNUB_MS * US_PER_MS)
        return false;
    p->snubbed = true;
    return true;
}

uint32_t
pipeline_depth(const struct pipeline *p)
{
    uint64_t rate;
    uint32_t depth = p->depth, probe;

    if (p->snubbed)
        return 1;
    if (p->rtt.probe_at.us != MONO_NEVER.us) {
        rate = pipeline_rate(p);
        probe = blocks_in(rate, base_rtt_us(p, rate) * 3 / 4);
        depth = probe < depth ? probe : depth;
    }
    return depth < p->reqq ? depth : p->reqq;
}

int64_t
pipeline_timeout_us(const struct pipeline *p)
{
    if (p->rtt.us == 0)
        return (int64_t)PIPELINE_SNUB_MS * US_PER_MS;
    return clamp(p->rtt.us + 4 * p->rtt.var_us, (int64_t)PIPELINE_TIMEOUT_MIN_MS * US_PER_MS,
                 (int64_t)PIPELINE_TIMEOUT_MAX_MS * US_PER_MS);
}
