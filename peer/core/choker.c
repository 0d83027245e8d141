/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Each mode is an order of the candidates, by which the slots are assigned one after another. A
 * hash of the id that changes with each run orders equal candidates, so that no peer is preferred
 * for ever.
 */
#include "peer/core/choker.h"

/* A candidate's rank: the smaller |turn| first, then the higher rate, then chance. */
struct place {
    unsigned turn;
    uint64_t rate;
    uint64_t chance;
};

enum turn { TURN_HAS, TURN_WAITS, TURN_WAITS_BEHIND, TURN_IS_OVER, TURN_IS_WASTED };

void
choker_init(struct choker *c)
{
    *c = (struct choker){0};
}

static uint64_t
chance_of(uint64_t id, uint64_t salt)
{
    uint64_t h = (id ^ salt) * UINT64_C(0x9e3779b97f4a7c15);

    h = (h ^ (h >> 32)) * UINT64_C(0xd6e8feb86659fd93);
    return h ^ (h >> 32);
}

static bool
comes_before(const struct place *a, const struct place *b)
{
    if (a->turn != b->turn)
        return a->turn < b->turn;
    if (a->rate != b->rate)
        return a->rate > b->rate;
    return a->chance < b->chance;
}

static bool
wants(const struct choker_candidate *c)
{
    return c->interested && !c->upload_only;
}

/* Interest costs a peer five bytes. A peer that is unchoked and requests nothing must not keep out
 * peers that would use its slot. */
static enum turn
turn_of(const struct choker_candidate *c, bool over)
{
    if (c->idle || (c->wasted && !c->unchoked))
        return TURN_IS_WASTED;
    if (!c->unchoked)
        return c->was_slow ? TURN_WAITS_BEHIND : TURN_WAITS;
    return over ? TURN_IS_OVER : TURN_HAS;
}

static bool
longer_than(struct mono since, int64_t ms, struct mono now)
{
    return mono_diff_ms(now, since) >= ms;
}

/* Leeching: the peers with the best rates to us come first. Peers that send nothing come last, and
 * take turns. */
static struct place
place_leeching(const struct choker_candidate *c, uint64_t salt, struct mono now)
{
    struct place p = {.rate = c->down_rate, .chance = chance_of(c->id, salt)};

    if (c->down_rate == 0)
        p.turn = 1 + turn_of(c, longer_than(c->unchoked_at, CHOKER_OPTIMISTIC_MS, now));
    return p;
}

/* Seeding: every peer gets a turn, which ends with a quota or after a time, and sooner if the peer
 * uses little of its slot. */
static struct place
place_seeding(const struct choker_candidate *c, uint64_t salt, struct mono now)
{
    bool over = c->given >= CHOKER_QUOTA_BYTES || c->slow ||
                longer_than(c->unchoked_at, CHOKER_TURN_MS, now);

    return (struct place){
        .turn = turn_of(c, over),
        .rate = c->up_rate,
        .chance = chance_of(c->id, salt),
    };
}

/* Does the candidate compete for a regular slot? The optimistic unchoke has its own slot as long as
 * the peer sends us nothing. */
static bool
may_stand(const struct choker *c, const struct choker_candidate *cand, bool seeding)
{
    if (cand->unchoke || !wants(cand))
        return false;
    return seeding || (!cand->snubbed && (cand->id != c->optimistic || cand->down_rate > 0));
}

/* Gives one slot to the first candidate; false if there is none. */
static bool
give_slot(const struct choker *c, struct choker_candidate *cands, uint32_t n, bool seeding,
          uint64_t salt, struct mono now)
{
    struct choker_candidate *best = NULL;
    struct place best_place = {0}, p;

    for (uint32_t i = 0; i < n; i++) {
        if (!may_stand(c, &cands[i], seeding))
            continue;
        p = seeding ? place_seeding(&cands[i], salt, now) : place_leeching(&cands[i], salt, now);
        if (best == NULL || comes_before(&p, &best_place)) {
            best = &cands[i];
            best_place = p;
        }
    }
    if (best != NULL)
        best->unchoke = true;
    return best != NULL;
}

/* The optimistic unchoke keeps its slot until its time is over, unless the peer earned a regular
 * slot meanwhile, or does not use it. */
static bool
keep_optimistic(const struct choker *c, struct choker_candidate *cands, uint32_t n, struct mono now)
{
    if (c->optimistic == 0 || mono_due(c->optimistic_until, now))
        return false;
    for (uint32_t i = 0; i < n; i++)
        if (cands[i].id == c->optimistic && wants(&cands[i]) && !cands[i].unchoke &&
            !cands[i].idle) {
            cands[i].unchoke = true;
            return true;
        }
    return false;
}

/* The chances of a candidate: three; nine for a new peer; one for a peer that did not use its last
 * turn; none for the last optimistic unchoke. */
static uint32_t
tickets(const struct choker *c, const struct choker_candidate *cand, struct mono now)
{
    if (!wants(cand) || cand->unchoke || cand->id == c->optimistic)
        return 0;
    if (cand->idle || cand->wasted)
        return 1;
    return longer_than(cand->connected_at, CHOKER_NEW_PEER_MS, now) ? 3 : 9;
}

/* Draws a new optimistic unchoke; the last one stays only if there is no other candidate. */
static void
draw_optimistic(struct choker *c, struct choker_candidate *cands, uint32_t n, struct mono now,
                struct rng *rng)
{
    uint32_t sum = 0, drawn;

    for (uint32_t i = 0; i < n; i++)
        sum += tickets(c, &cands[i], now);
    c->optimistic_until = mono_add_ms(now, CHOKER_OPTIMISTIC_MS);
    if (sum == 0) {
        if (!keep_optimistic(c, cands, n, now))
            c->optimistic = 0;
        return;
    }
    drawn = rng_below(rng, sum);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t own = tickets(c, &cands[i], now);

        if (drawn < own) {
            cands[i].unchoke = true;
            c->optimistic = cands[i].id;
            return;
        }
        drawn -= own;
    }
}

void
choker_run(struct choker *c, struct choker_candidate *cands, uint32_t n, uint32_t slots,
           bool seeding, struct mono now, struct rng *rng)
{
    bool optimistic = !seeding && slots >= 2;
    uint64_t salt = rng_u64(rng);

    if (!optimistic)
        c->optimistic = 0;
    for (uint32_t i = 0; i < n; i++)
        cands[i].unchoke = false;
    for (uint32_t i = optimistic ? 1 : 0; i < slots; i++)
        if (!give_slot(c, cands, n, seeding, salt, now))
            break;
    if (optimistic && !keep_optimistic(c, cands, n, now))
        draw_optimistic(c, cands, n, now, rng);
}

uint32_t
choker_slots(uint64_t up_limit)
{
    uint32_t slots = CHOKER_SLOTS_MIN;

    if (up_limit == 0)
        return CHOKER_SLOTS_MAX;
    /* The square root of the rate in units of 2 KiB/s: more bandwidth serves both more peers and
     * each peer faster. */
    while (slots < CHOKER_SLOTS_MAX && (uint64_t)slots * slots < up_limit / 2048)
        slots++;
    return slots;
}
