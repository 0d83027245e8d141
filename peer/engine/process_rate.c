/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Divides the limits of all loops together. Each loop has buckets of its own, so that no use of
 * them needs a lock; several times a second it publishes how much it transferred and how many users
 * wait, and the first loop divides the limits anew (ratesplit.h). A loop with a lowered share
 * confirms when it uses the new share: only then may another share rise, so that the shares never
 * add up to more than the limit.
 */
#include "peer/engine/engine_impl.h"

#include "common/base/minmax.h"
#include "peer/engine/ratesplit.h"

_Static_assert((int)ENGINE_LOOPS_MAX <= (int)RATESPLIT_MAX, "every loop has a part");

static struct mono
next_look(const struct loop *l)
{
    return mono_add_ms(loop_now(l), PROCESS_RATE_MS);
}

/* --- each loop's side --- */

static struct rate_bucket *
bucket_of(struct engine *s, int way)
{
    return way == TORRENT_UP ? &s->env.up : &s->env.down;
}

/* Users that waited a moment ago still count, by half. */
static void
report(struct engine *s, int way)
{
    struct process_share *share = &s->process->rates.shares[way][s->env.index];
    uint32_t n = 0;

    LIST_EACH(it, &bucket_of(s, way)->line)
        n++;
    if (n < s->share.waiting[way] / 2)
        n = s->share.waiting[way] / 2;
    s->share.waiting[way] = n;
    atomic_store(&share->waiting, n);
    atomic_store(&share->moved, s->env.moved[way]);
}

/* True if it is more than before. */
static bool
take_part(struct engine *s, int way)
{
    struct process_share *share = &s->process->rates.shares[way][s->env.index];
    uint64_t granted = atomic_load(&share->granted), before = bucket_of(s, way)->limit;

    if (granted == before)
        return false;
    rate_bucket_set(bucket_of(s, way), granted, loop_now(s->env.loop));
    atomic_store(&share->applied, granted);
    return granted == 0 || (before > 0 && granted > before);
}

/* The waiting torrents compute their times again, because the bucket fills sooner. */
static void
wake_all(struct engine *s)
{
    LIST_EACH(it, &s->torrents) {
        struct torrent *t = LIST_ENTRY(it, struct torrent, link);

        if (t->net.conns > 0)
            torrent_mark_dirty(t);
    }
}

void
process_on_share(void *engine)
{
    struct engine *s = engine;
    bool more = false;

    for (int way = 0; way < TORRENT_WAYS; way++) {
        report(s, way);
        more = take_part(s, way) || more;
    }
    if (more)
        wake_all(s);
    loop_timer_set(s->share.timer, next_look(s->env.loop));
}

void
process_begin_share(struct engine *s)
{
    bool limited = false;

    for (int way = 0; way < TORRENT_WAYS; way++) {
        (void)take_part(s, way);
        limited = limited || bucket_of(s, way)->limit > 0;
    }
    wake_all(s);
    loop_timer_set(s->share.timer, limited ? next_look(s->env.loop) : MONO_NEVER);
}

/* --- the first loop's side --- */

/* What one loop used since the last look, |us| ago, and what it holds. */
static struct rate_claim
claim_of(struct process_share *share, int64_t us)
{
    uint64_t moved = atomic_load(&share->moved);
    uint64_t rate = (moved - share->moved_before) * 1000000 / (uint64_t)us;

    share->moved_before = moved;
    share->used = (3 * share->used + rate) / 4;
    return (struct rate_claim){
        .used = max_u64(share->used, rate),
        .waiting = atomic_load(&share->waiting),
        .held = max_u64(atomic_load(&share->granted), atomic_load(&share->applied)),
    };
}

static void
divide(struct process *h, int way, int64_t us)
{
    struct rate_claim claims[ENGINE_LOOPS_MAX];
    uint64_t parts[ENGINE_LOOPS_MAX];

    for (uint32_t i = 0; i < h->shared.loops; i++)
        claims[i] = claim_of(&h->rates.shares[way][i], us);
    if (h->rates.limits[way] == 0)
        return;
    ratesplit(h->rates.limits[way], claims, parts, h->shared.loops);
    for (uint32_t i = 0; i < h->shared.loops; i++)
        atomic_store(&h->rates.shares[way][i].granted, parts[i]);
}

static void
on_look(void *ctx)
{
    struct process *h = ctx;
    const struct loop *l = h->engines[0]->env.loop;
    int64_t us = mono_diff_us(loop_now(l), h->rates.looked_at);

    h->rates.looked_at = loop_now(l);
    for (int way = 0; way < TORRENT_WAYS; way++)
        divide(h, way, us > 0 ? us : 1);
    loop_timer_set(h->rates.timer, next_look(l));
}

int
process_rates_init(struct process *h, struct loop *loop)
{
    h->rates.timer = loop_timer_new(loop, on_look, h);
    return h->rates.timer != NULL ? 0 : SPRAT_E_NOMEM;
}

void
process_rates_fini(struct process *h)
{
    loop_timer_free(h->rates.timer);
    h->rates.timer = NULL;
}

/* Even shares at first, because the demand is not known yet. */
void
process_set_limits(struct process *h, uint64_t up_limit, uint64_t down_limit)
{
    const struct loop *l = h->engines[0]->env.loop;
    const uint64_t limits[TORRENT_WAYS] = {[TORRENT_UP] = up_limit, [TORRENT_DOWN] = down_limit};

    for (int way = 0; way < TORRENT_WAYS; way++) {
        uint64_t limit = limits[way] < RATE_LIMIT_MAX ? limits[way] : RATE_LIMIT_MAX;
        uint64_t even = limit == 0 ? 0 : max_u64(limit / h->shared.loops, 1);

        h->rates.limits[way] = limit;
        for (uint32_t i = 0; i < h->shared.loops; i++)
            atomic_store(&h->rates.shares[way][i].granted, even);
    }
    h->rates.looked_at = loop_now(l);
    loop_timer_set(h->rates.timer, up_limit > 0 || down_limit > 0 ? next_look(l) : MONO_NEVER);
}
