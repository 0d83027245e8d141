/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The endgame: every block is requested, and a peer has no block to send that is not requested from
 * other peers already. Such a peer is asked too for the blocks that would come last, and only if it
 * can send them much sooner. The blocks of a peer that delivers steadily are not requested twice,
 * since both copies of a block cost bandwidth.
 */
#include "peer/core/swarm_endgame.h"

#include "peer/core/swarm_conns.h"

enum {
    LOOKS_MAX = 32,           /* requests of one peer that are considered, the last ones first */
    MARGIN_US = 100 * 1000,   /* a smaller gain is not worth a second copy */
    STALLED_US = 1000 * 1000, /* a peer that is silent for longer, and for several blocks' time,
                                 has stalled */
    STALLED_BLOCKS = 4,
    UNKNOWN_US = 1000 * 1000,  /* time of a block where no rate was measured */
    NEVER_US = 1000 * 1000000, /* longer than any wait */
};

static int64_t
block_us(const struct swarm_peer *p)
{
    uint64_t rate = pipeline_rate(&p->down.pipe);

    return rate > 0 ? (int64_t)((uint64_t)BLOCK_LEN * 1000000 / rate) : UNKNOWN_US;
}

/* The time until |p| has sent |n| more blocks. */
static int64_t
wait_us(const struct swarm_peer *p, uint32_t n)
{
    int64_t us = p->down.pipe.rtt.min_us + n * block_us(p);

    return us < NEVER_US ? us : NEVER_US;
}

/* Are requests to |p| open, and no block comes? */
static bool
is_stalled(const struct swarm *s, const struct swarm_peer *p)
{
    struct mono since = reqlist_at(&p->down.requests, 0)->at;
    int64_t silent;

    if (mono_before(since, p->down.pipe.last_block))
        since = p->down.pipe.last_block;
    silent = mono_diff_us(s->clock.now, since);
    return silent > STALLED_US && silent > STALLED_BLOCKS * block_us(p);
}

/* The time until |q| has sent its |n|-th open request. */
static int64_t
due_us(const struct swarm *s, const struct swarm_peer *q, uint32_t n)
{
    return is_stalled(s, q) ? NEVER_US : wait_us(q, n);
}

/* A request of another peer that |p| could serve too, and when its block is due from there. */
struct find {
    const struct request *r;
    int64_t due;
};

static bool
may_take(const struct swarm *s, const struct swarm_peer *p, const struct bitfield *only,
         const struct request *r)
{
    return bitfield_get(&p->has, r->piece) && (only == NULL || bitfield_get(only, r->piece)) &&
           picker_requests(s->picker, r->piece, r->begin / BLOCK_LEN) < PICKER_ENDGAME_COPIES &&
           reqlist_find(&p->down.requests, r->piece, r->begin) == REQLIST_NONE;
}

/* Sets |*best| to the block that we expect last from |q| and could request from |p| too, if |q|
 * will send it later than the present best. */
static void
look_at(const struct swarm *s, const struct swarm_peer *p, const struct bitfield *only,
        const struct swarm_peer *q, struct find *best)
{
    const struct reqlist *l = &q->down.requests;

    for (uint32_t n = l->count, looks = LOOKS_MAX; n > 0 && looks > 0; n--, looks--) {
        const struct request *r = reqlist_at(l, n - 1);
        int64_t due = due_us(s, q, n);

        if (due <= best->due)
            return;
        if (!may_take(s, p, only, r))
            continue;
        *best = (struct find){r, due};
        return;
    }
}

bool
endgame_choose(struct swarm *s, const struct swarm_peer *p, const struct bitfield *only,
               struct picker_block *out)
{
    struct find best = {NULL, 2 * wait_us(p, p->down.requests.count + 1) + MARGIN_US};
    uint32_t iter = 0;
    const struct swarm_peer *q;

    if (p->down.requests.count > 0 && is_stalled(s, p))
        return false;
    while ((q = peers_next(s, &iter)) != NULL)
        if (q != p && q->down.requests.count > 0)
            look_at(s, p, only, q, &best);
    if (best.r == NULL)
        return false;
    *out = (struct picker_block){best.r->piece, best.r->begin / BLOCK_LEN};
    return true;
}
