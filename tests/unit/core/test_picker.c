/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The picker: its policies one by one, and long random runs against a naive model that recounts
 * everything at each step.
 */
#include "peer/core/picker.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { PIECES_MAX = 600, BLOCKS_MAX = 4, PEERS = 9, FLIGHT_MAX = 4000 };

struct flight {
    uint32_t piece, block, peer;
};

/* The naive model of the picker's state. */
struct world {
    struct geometry g;
    struct rng rng, picker_rng;
    struct picker *p;
    uint32_t n;
    struct bitfield has[PEERS];
    bool here[PEERS];
    bool have[PIECES_MAX], held[PIECES_MAX];
    unsigned priority[PIECES_MAX];
    char state[PIECES_MAX][BLOCKS_MAX]; /* 'F', 'R', 'W', 'S' */
    uint32_t source[PIECES_MAX][BLOCKS_MAX];
    struct flight flights[FLIGHT_MAX];
    uint32_t flight_count;
};

static bool
in_flight(const struct world *w, uint32_t peer, uint32_t piece, uint32_t block)
{
    for (uint32_t i = 0; i < w->flight_count; i++)
        if (w->flights[i].peer == peer && w->flights[i].piece == piece &&
            w->flights[i].block == block)
            return true;
    return false;
}

static uint32_t
copies(const struct world *w, uint32_t piece, uint32_t block)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < w->flight_count; i++)
        n += w->flights[i].piece == piece && w->flights[i].block == block;
    return n;
}

static uint32_t
blocks(const struct world *w, uint32_t piece)
{
    return (w->g.data_len[piece] + BLOCK_LEN - 1) / BLOCK_LEN;
}

static uint32_t
block_len(const struct world *w, uint32_t piece, uint32_t block)
{
    uint32_t left = w->g.data_len[piece] - block * BLOCK_LEN;

    return left < BLOCK_LEN ? left : BLOCK_LEN;
}

static void
world_open(struct world *w, uint32_t n, uint64_t seed)
{
    memset(w, 0, sizeof(*w));
    w->n = n;
    rng_init(&w->rng, seed);
    rng_init(&w->picker_rng, seed + 1);
    w->g.piece_count = n;
    w->g.piece_length = BLOCKS_MAX * BLOCK_LEN;
    w->g.blocks_per_piece = BLOCKS_MAX;
    w->g.data_len = calloc(n, sizeof(uint32_t));
    for (uint32_t i = 0; i < n; i++) {
        w->g.data_len[i] = BLOCKS_MAX * BLOCK_LEN;
        w->priority[i] = PICKER_PRIORITY_NORMAL;
        memset(w->state[i], 'F', BLOCKS_MAX);
        memset(w->source[i], 0xff, sizeof(w->source[i]));
    }
    for (uint32_t i = 0; i < PEERS; i++)
        cr_assert_eq(bitfield_init(&w->has[i], n), 0);
}

static void
world_ready(struct world *w)
{
    w->p = picker_new(&w->g, &w->picker_rng);
    cr_assert_not_null(w->p);
}

static void
world_close(struct world *w)
{
    picker_free(w->p);
    for (uint32_t i = 0; i < PEERS; i++)
        bitfield_fini(&w->has[i]);
    free(w->g.data_len);
}

static void
join(struct world *w, uint32_t peer)
{
    w->here[peer] = true;
    picker_add_peer(w->p, &w->has[peer]);
}

static void
seed_joins(struct world *w, uint32_t peer)
{
    bitfield_set_all(&w->has[peer]);
    join(w, peer);
}

static uint32_t
avail(const struct world *w, uint32_t piece)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < PEERS; i++)
        n += w->here[i] && bitfield_get(&w->has[i], piece);
    return n;
}

static bool
wanted(const struct world *w, uint32_t piece)
{
    return !w->have[piece] && w->priority[piece] > 0 && blocks(w, piece) > 0;
}

static bool
is_open(const struct world *w, uint32_t piece)
{
    for (uint32_t b = 0; b < blocks(w, piece); b++)
        if (w->state[piece][b] != 'F')
            return true;
    return false;
}

static bool
has_free(const struct world *w, uint32_t piece)
{
    return memchr(w->state[piece], 'F', blocks(w, piece)) != NULL;
}

/* --- the model's checks ---------------------------------------------------------------------- */

static bool
model_endgame(const struct world *w)
{
    bool open = false, missing = false;

    for (uint32_t i = 0; i < w->n; i++) {
        if (!w->have[i] && w->priority[i] > 0) {
            missing = true;
            if (w->held[i])
                return false;
        }
        if (wanted(w, i) && has_free(w, i) && avail(w, i) > 0)
            return false;
        open |= !w->have[i] && is_open(w, i);
    }
    return missing && open;
}

static void
check_piece(struct world *w, uint32_t i)
{
    uint32_t stored = 0;

    cr_assert_eq(picker_availability(w->p, i), avail(w, i));
    cr_assert_eq(picker_priority(w->p, i), w->priority[i]);
    cr_assert_eq(bitfield_get(picker_bitfield(w->p), i), w->have[i]);
    for (uint32_t b = 0; b < blocks(w, i); b++) {
        unsigned requests = w->have[i] || w->state[i][b] != 'R' ? 0 : copies(w, i, b);

        cr_assert_eq(picker_requests(w->p, i, b), requests);
        cr_assert_eq(picker_source(w->p, i, b), w->source[i][b]);
        stored += w->state[i][b] == 'S' ? block_len(w, i, b) : 0;
    }
    cr_assert_eq(picker_partial_bytes(w->p, i), w->have[i] ? 0 : stored);
}

static void
check_world(struct world *w)
{
    uint32_t missing = 0, least = UINT32_MAX, above = 0, next = 0;

    for (uint32_t i = 0; i < w->n; i++) {
        check_piece(w, i);
        missing += !w->have[i] && w->priority[i] > 0;
        if (avail(w, i) < least)
            least = avail(w, i);
        if (!w->have[i] && is_open(w, i)) {
            cr_assert(picker_next_partial(w->p, &next));
            cr_assert_eq(next, i);
            next++;
        }
    }
    cr_assert_not(picker_next_partial(w->p, &next));
    for (uint32_t i = 0; i < w->n; i++)
        above += avail(w, i) > least;
    cr_assert_eq(picker_missing(w->p), missing);
    cr_assert_eq(picker_copies_permille(w->p), least * 1000u + above * 1000u / w->n);
    cr_assert_eq(picker_endgame(w->p), model_endgame(w));
    for (uint32_t k = 0; k < PEERS; k++) {
        bool interested = false;

        for (uint32_t i = 0; i < w->n; i++)
            interested |= wanted(w, i) && bitfield_get(&w->has[k], i);
        cr_assert_eq(picker_interested(w->p, &w->has[k]), interested);
    }
}

/* --- random operations ----------------------------------------------------------------------- */

static bool
may_take(const struct world *w, uint32_t peer, const struct picker_options *opt, uint32_t piece)
{
    return bitfield_get(&w->has[peer], piece) && !w->held[piece] && wanted(w, piece) &&
           (opt->only == NULL || bitfield_get(opt->only, piece));
}

/* A piece was opened for |peer|: checks that no other piece was a better choice. */
static void
check_choice(const struct world *w, uint32_t peer, const struct picker_options *opt, uint32_t piece,
             uint32_t have_count)
{
    for (uint32_t i = 0; i < w->n; i++) {
        if (i == piece || is_open(w, i) || !may_take(w, peer, opt, i))
            continue;
        cr_assert_leq(w->priority[i], w->priority[piece]);
        if (w->priority[i] != w->priority[piece])
            continue;
        if (opt->sequential)
            cr_assert_gt(i, piece);
        else if (have_count >= PICKER_RANDOM_FIRST)
            cr_assert_geq(avail(w, i), avail(w, piece));
    }
}

static void
land_pick(struct world *w, uint32_t peer, const struct picker_options *opt,
          const struct picker_block *b)
{
    char *state = &w->state[b->piece][b->block];

    cr_assert(b->piece < w->n && b->block < blocks(w, b->piece));
    cr_assert(may_take(w, peer, opt, b->piece));
    cr_assert_eq(*state, 'F');
    if (!is_open(w, b->piece)) {
        for (uint32_t i = 0; i < w->n && !opt->exclusive; i++)
            cr_assert(!may_take(w, peer, opt, i) || !is_open(w, i) || !has_free(w, i),
                      "a piece under way comes before a new one");
        check_choice(w, peer, opt, b->piece, picker_bitfield(w->p)->count);
    }
    *state = 'R';
    w->flights[w->flight_count++] = (struct flight){b->piece, b->block, peer};
}

static void
op_pick(struct world *w)
{
    uint32_t peer = rng_below(&w->rng, PEERS), max = rng_below(&w->rng, 12), n, left = 0;
    struct bitfield only;
    struct picker_options opt = {
        .sequential = rng_below(&w->rng, 3) == 0,
        .exclusive = rng_below(&w->rng, 3) == 0,
        .peer = peer,
    };
    struct picker_block out[12];

    if (!w->here[peer] || w->flight_count + max > FLIGHT_MAX)
        return;
    cr_assert_eq(bitfield_init(&only, w->n), 0);
    if (rng_below(&w->rng, 4) == 0) {
        for (int i = 0; i < 10; i++)
            bitfield_set(&only, rng_below(&w->rng, w->n));
        opt.only = &only;
    }
    n = picker_pick(w->p, &w->has[peer], &opt, out, max);
    cr_assert_leq(n, max);
    for (uint32_t i = 0; i < n; i++)
        land_pick(w, peer, &opt, &out[i]);
    for (uint32_t i = 0; i < w->n; i++)
        for (uint32_t b = 0; b < blocks(w, i); b++)
            left += may_take(w, peer, &opt, i) && w->state[i][b] == 'F';
    cr_assert(n == max || left == 0, "stopped early");
    bitfield_fini(&only);
}

/* Requests a block from one more peer. */
static void
op_pick_again(struct world *w)
{
    uint32_t peer = rng_below(&w->rng, PEERS), piece = rng_below(&w->rng, w->n);
    uint32_t block = rng_below(&w->rng, BLOCKS_MAX);
    uint32_t n = block < blocks(w, piece) ? copies(w, piece, block) : 0;
    bool can = n > 0 && n < PICKER_ENDGAME_COPIES && w->state[piece][block] == 'R';

    if (!w->here[peer] || w->flight_count == FLIGHT_MAX || in_flight(w, peer, piece, block))
        return;
    cr_assert_eq(picker_pick_again(w->p, piece, block, peer), can);
    if (can)
        w->flights[w->flight_count++] = (struct flight){piece, block, peer};
}

static void
drop_flights(struct world *w, uint32_t piece, uint32_t block)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < w->flight_count; i++)
        if (w->flights[i].piece != piece || w->flights[i].block != block)
            w->flights[kept++] = w->flights[i];
    w->flight_count = kept;
}

static void
op_abort(struct world *w)
{
    struct flight f;
    uint32_t i;

    if (w->flight_count == 0)
        return;
    i = rng_below(&w->rng, w->flight_count);
    f = w->flights[i];
    w->flights[i] = w->flights[--w->flight_count];
    picker_abort(w->p, f.piece, f.block);
    if (w->state[f.piece][f.block] == 'R' && copies(w, f.piece, f.block) == 0)
        w->state[f.piece][f.block] = 'F';
}

static void
arrive(struct world *w, uint32_t piece, uint32_t block)
{
    bool open = is_open(w, piece), ok;
    char *state = &w->state[piece][block];
    bool expect =
        !w->have[piece] && (open || w->priority[piece] > 0) && (*state == 'F' || *state == 'R');

    ok = picker_writing(w->p, piece, block, piece + 1000);
    cr_assert_eq(ok, expect);
    if (!ok)
        return;
    *state = 'W';
    w->source[piece][block] = piece + 1000;
    drop_flights(w, piece, block);
}

static void
op_arrive(struct world *w)
{
    uint32_t piece = rng_below(&w->rng, w->n);

    if (w->flight_count > 0 && rng_below(&w->rng, 10) > 0) {
        struct flight f = w->flights[rng_below(&w->rng, w->flight_count)];

        arrive(w, f.piece, f.block);
    } else if (blocks(w, piece) > 0) {
        arrive(w, piece, rng_below(&w->rng, blocks(w, piece)));
    }
    cr_assert_not(picker_writing(w->p, piece, blocks(w, piece), 1), "a block beyond the end");
    cr_assert_not(picker_writing(w->p, w->n, 0, 1), "a piece beyond the end");
}

static void
free_bytes(struct world *w, uint32_t piece, uint32_t block)
{
    if (w->state[piece][block] != 'W' && w->state[piece][block] != 'S')
        return;
    w->state[piece][block] = 'F';
    w->source[piece][block] = UINT32_MAX;
}

static void
op_have(struct world *w, uint32_t piece)
{
    picker_have(w->p, piece);
    w->have[piece] = true;
    for (uint32_t b = 0; b < blocks(w, piece); b++) {
        drop_flights(w, piece, b);
        w->state[piece][b] = 'F';
        w->source[piece][b] = UINT32_MAX;
    }
}

static bool
all_stored(const struct world *w, uint32_t piece)
{
    for (uint32_t b = 0; b < blocks(w, piece); b++)
        if (w->state[piece][b] != 'S')
            return false;
    return true;
}

static void
op_store(struct world *w)
{
    uint32_t piece = rng_below(&w->rng, w->n);
    bool full;

    for (uint32_t b = 0; b < blocks(w, piece); b++) {
        char *state = &w->state[piece][b];
        bool was_writing = *state == 'W';

        full = picker_stored(w->p, piece, b);
        if (was_writing)
            *state = 'S';
        cr_assert_eq(full, was_writing && all_stored(w, piece));
        if (!full)
            continue;
        if (rng_below(&w->rng, 4) > 0) {
            op_have(w, piece);
        } else {
            picker_piece_bad(w->p, piece);
            for (uint32_t i = 0; i < blocks(w, piece); i++)
                free_bytes(w, piece, i);
        }
        return;
    }
}

static void
op_bad(struct world *w)
{
    uint32_t piece = rng_below(&w->rng, w->n), block = rng_below(&w->rng, BLOCKS_MAX);

    if (w->have[piece])
        return;
    if (rng_below(&w->rng, 2) == 0) {
        picker_piece_bad(w->p, piece);
        for (uint32_t b = 0; b < blocks(w, piece); b++)
            free_bytes(w, piece, b);
    } else {
        picker_block_bad(w->p, piece, block);
        free_bytes(w, piece, block);
    }
}

static void
op_peer(struct world *w)
{
    uint32_t peer = rng_below(&w->rng, PEERS), percent = rng_below(&w->rng, 120);

    if (w->here[peer]) {
        w->here[peer] = false;
        picker_remove_peer(w->p, &w->has[peer]);
        return;
    }
    bitfield_clear_all(&w->has[peer]);
    for (uint32_t i = 0; i < w->n; i++)
        if (rng_below(&w->rng, 100) < percent)
            bitfield_set(&w->has[peer], i);
    join(w, peer);
}

static void
op_peer_have(struct world *w)
{
    uint32_t peer = rng_below(&w->rng, PEERS), piece = rng_below(&w->rng, w->n);

    if (!w->here[peer])
        return;
    if (rng_below(&w->rng, 5) > 0 && bitfield_set(&w->has[peer], piece))
        picker_add_have(w->p, piece);
    else if (bitfield_clear(&w->has[peer], piece))
        picker_remove_have(w->p, piece);
}

static void
op_setting(struct world *w)
{
    uint32_t piece = rng_below(&w->rng, w->n);

    switch (rng_below(&w->rng, 4)) {
    case 0:
        w->priority[piece] = rng_below(&w->rng, PICKER_PRIORITY_MAX + 1);
        picker_set_priority(w->p, piece, w->priority[piece]);
        break;
    case 1:
        w->held[piece] = !w->held[piece] && rng_below(&w->rng, 4) == 0;
        picker_hold(w->p, piece, w->held[piece]);
        break;
    case 2:
        op_have(w, piece);
        break;
    default:
        if (rng_below(&w->rng, 4) == 0)
            op_have(w, piece);
        break;
    }
}

static void
random_run(uint32_t n, uint64_t seed, int steps, int check_every)
{
    struct world *w = malloc(sizeof(*w));

    world_open(w, n, seed);
    for (uint32_t i = 0; i < n; i++)
        if (rng_below(&w->rng, 5) == 0)
            w->g.data_len[i] = rng_below(&w->rng, BLOCKS_MAX * BLOCK_LEN + 1);
    w->g.data_len[0] = 0;
    world_ready(w);
    for (int i = 0; i < steps; i++) {
        uint32_t what = rng_below(&w->rng, 100);

        if (what < 30)
            op_pick(w);
        else if (what < 35)
            op_pick_again(w);
        else if (what < 65)
            op_arrive(w);
        else if (what < 80)
            op_store(w);
        else if (what < 84)
            op_abort(w);
        else if (what < 90)
            op_peer_have(w);
        else if (what < 93)
            op_peer(w);
        else if (what < 95)
            op_bad(w);
        else
            op_setting(w);
        if (i % check_every == 0)
            check_world(w);
    }
    world_close(w);
    free(w);
}

Test(picker, agrees_with_a_model_on_few_pieces)
{
    for (uint64_t seed = 0; seed < 8; seed++)
        random_run(7, seed, 3000, 1);
}

Test(picker, agrees_with_a_model_on_some_pieces)
{
    random_run(60, 100, 5000, 3);
    random_run(60, 101, 5000, 3);
}

Test(picker, agrees_with_a_model_on_many_pieces)
{
    random_run(600, 200, 2500, 25);
}

/* --- policies -------------------------------------------------------------------------------- */

static uint32_t
pick(struct world *w, uint32_t peer, struct picker_options opt, struct picker_block *out,
     uint32_t max)
{
    uint32_t n;

    opt.peer = peer;
    n = picker_pick(w->p, &w->has[peer], &opt, out, max);
    for (uint32_t i = 0; i < n; i++)
        w->flights[w->flight_count++] = (struct flight){out[i].piece, out[i].block, peer};
    return n;
}

static void
fetch(struct world *w, uint32_t piece)
{
    for (uint32_t b = 0; b < blocks(w, piece); b++) {
        cr_assert(picker_writing(w->p, piece, b, 1));
        cr_assert_eq(picker_stored(w->p, piece, b), b + 1 == blocks(w, piece));
    }
    picker_have(w->p, piece);
}

Test(picker, first_pieces_are_random_and_the_rest_rarest)
{
    static struct world w;
    struct picker_block out[BLOCKS_MAX];
    uint32_t odd = 0;

    for (uint64_t seed = 0; seed < 40; seed++) {
        world_open(&w, 100, seed);
        world_ready(&w);
        seed_joins(&w, 0);
        for (uint32_t i = 50; i < 100; i++)
            bitfield_set(&w.has[1], i);
        join(&w, 1);
        for (int i = 0; i < PICKER_RANDOM_FIRST; i++) {
            cr_assert_eq(pick(&w, 0, (struct picker_options){0}, out, BLOCKS_MAX), 4u);
            odd += out[0].piece >= 50;
            fetch(&w, out[0].piece);
        }
        cr_assert_eq(pick(&w, 0, (struct picker_options){0}, out, BLOCKS_MAX), 4u);
        cr_assert_lt(out[0].piece, 50u, "the rarest");
        world_close(&w);
    }
    cr_assert(odd > 50 && odd < 110, "%u of 160", odd);
}

Test(picker, equals_are_chosen_evenly)
{
    static struct world w;
    struct picker_block out[BLOCKS_MAX];
    uint32_t hits[10] = {0};

    for (uint64_t seed = 0; seed < 3000; seed++) {
        world_open(&w, 14, seed);
        world_ready(&w);
        seed_joins(&w, 0);
        for (uint32_t i = 10; i < 14; i++)
            picker_have(w.p, i);
        pick(&w, 0, (struct picker_options){0}, out, 1);
        hits[out[0].piece]++;
        world_close(&w);
    }
    for (int i = 0; i < 10; i++)
        cr_assert(hits[i] > 220 && hits[i] < 380, "%d: %u", i, hits[i]);
}

Test(picker, goes_on_with_a_piece_before_it_opens_another)
{
    static struct world w;
    struct picker_block out[8];

    world_open(&w, 50, 5);
    world_ready(&w);
    seed_joins(&w, 0);
    seed_joins(&w, 1);
    cr_assert_eq(pick(&w, 0, (struct picker_options){0}, out, 1), 1u);
    cr_assert_eq(pick(&w, 1, (struct picker_options){0}, out + 1, 4), 4u);
    for (uint32_t i = 0; i < 4; i++)
        cr_assert(out[i].piece == out[0].piece && out[i].block == i);
    cr_assert_neq(out[4].piece, out[0].piece);
    world_close(&w);
}

Test(picker, a_fast_peer_works_alone)
{
    static struct world w;
    struct picker_block out[8];
    struct picker_options fast = {.exclusive = true};

    world_open(&w, 50, 5);
    world_ready(&w);
    seed_joins(&w, 0);
    seed_joins(&w, 1);
    cr_assert_eq(pick(&w, 0, (struct picker_options){0}, out, 1), 1u);
    cr_assert_eq(pick(&w, 1, fast, out + 1, 2), 2u);
    cr_assert_neq(out[1].piece, out[0].piece);
    cr_assert_eq(pick(&w, 1, fast, out + 3, 2), 2u);
    cr_assert_eq(out[3].piece, out[1].piece, "it goes on with its own");
    world_close(&w);
}

Test(picker, a_fast_peer_helps_when_nothing_else_is_left)
{
    static struct world w;
    struct picker_block out[8];
    struct picker_options fast = {.exclusive = true};

    world_open(&w, 1, 5);
    world_ready(&w);
    seed_joins(&w, 0);
    seed_joins(&w, 1);
    cr_assert_eq(pick(&w, 0, (struct picker_options){0}, out, 1), 1u);
    cr_assert_eq(pick(&w, 1, fast, out + 1, 2), 2u);
    world_close(&w);
}

Test(picker, sequential_goes_in_order_and_obeys_priorities)
{
    static struct world w;
    struct picker_block out[40];
    struct picker_options opt = {.sequential = true};

    world_open(&w, 10, 5);
    world_ready(&w);
    seed_joins(&w, 0);
    picker_set_priority(w.p, 7, PICKER_PRIORITY_MAX);
    picker_set_priority(w.p, 2, PICKER_PRIORITY_SKIP);
    cr_assert_eq(pick(&w, 0, opt, out, 40), 36u);
    cr_assert_eq(out[0].piece, 7u);
    for (uint32_t i = 4; i < 12; i++)
        cr_assert_eq(out[i].piece, (i - 4) / 4);
    for (uint32_t i = 12; i < 36; i++)
        cr_assert_neq(out[i].piece, 2u);
    world_close(&w);
}

Test(picker, higher_priorities_come_first_even_if_common)
{
    static struct world w;
    struct picker_block out[4];

    for (uint32_t had = 0; had <= PICKER_RANDOM_FIRST; had++) {
        world_open(&w, 40, had);
        world_ready(&w);
        for (uint32_t i = 0; i < PEERS; i++)
            bitfield_set(&w.has[i], 33);
        for (uint32_t i = 0; i < 40; i++)
            bitfield_set(&w.has[0], i);
        for (uint32_t i = 0; i < PEERS; i++)
            join(&w, i);
        picker_set_priority(w.p, 33, 5);
        for (uint32_t i = 0; i < had; i++)
            picker_have(w.p, i);
        cr_assert_eq(pick(&w, 0, (struct picker_options){0}, out, 4), 4u);
        cr_assert_eq(out[0].piece, 33u);
        world_close(&w);
    }
}

Test(picker, in_the_endgame_a_block_is_asked_of_few)
{
    static struct world w;
    struct picker_block out[64];

    world_open(&w, 2, 5);
    world_ready(&w);
    for (uint32_t i = 0; i < 4; i++)
        seed_joins(&w, i);
    cr_assert_eq(pick(&w, 0, (struct picker_options){0}, out, 7), 7u);
    cr_assert_not(picker_endgame(w.p));
    cr_assert_eq(pick(&w, 1, (struct picker_options){0}, out, 7), 1u);
    cr_assert(picker_endgame(w.p));
    cr_assert_eq(pick(&w, 1, (struct picker_options){0}, out, 64), 0u, "nothing is free");
    for (uint32_t i = 1; i < PICKER_ENDGAME_COPIES; i++)
        cr_assert(picker_pick_again(w.p, 0, 0, i));
    cr_assert_eq(picker_requests(w.p, 0, 0), (unsigned)PICKER_ENDGAME_COPIES);
    cr_assert_not(picker_pick_again(w.p, 0, 0, 3), "enough copies");
    cr_assert_not(picker_pick_again(w.p, 0, BLOCKS_MAX, 3), "no such block");
    cr_assert_not(picker_pick_again(w.p, 1, BLOCKS_MAX, 3));
    cr_assert(picker_writing(w.p, 0, 0, 2));
    cr_assert_not(picker_writing(w.p, 0, 0, 1), "a second copy is dropped");
    cr_assert_eq(picker_requests(w.p, 0, 0), 0u);
    picker_abort(w.p, 0, 0);
    cr_assert_eq(picker_source(w.p, 0, 0), 2u, "a late abort changes nothing");
    cr_assert_not(picker_pick_again(w.p, 0, 0, 3), "it is here");
    world_close(&w);
}

Test(picker, a_piece_that_was_bad_is_asked_of_one_peer_at_a_time)
{
    static struct world w;
    struct picker_block out[64];

    world_open(&w, 1, 5);
    world_ready(&w);
    seed_joins(&w, 0);
    seed_joins(&w, 1);
    picker_solo(w.p, 0);
    cr_assert_eq(pick(&w, 0, (struct picker_options){0}, out, 3), 3u);
    cr_assert_eq(pick(&w, 1, (struct picker_options){.peer = 1}, out, 64), 0u,
                 "it is the first one's");
    cr_assert_not(picker_pick_again(w.p, 0, 0, 1), "not in the endgame either");
    cr_assert_not(picker_writing(w.p, 0, 4, 1), "nor unasked");
    for (uint32_t b = 0; b < 3; b++)
        cr_assert(picker_writing(w.p, 0, b, 0));
    cr_assert_eq(pick(&w, 1, (struct picker_options){.peer = 1}, out, 1), 0u,
                 "also between two requests");
    cr_assert_not(picker_writing(w.p, 0, 4, 1));
    picker_leave(w.p, 1);
    cr_assert_eq(pick(&w, 1, (struct picker_options){.peer = 1}, out, 1), 0u,
                 "it is not that one's to leave");
    picker_leave(w.p, 0);
    cr_assert_eq(pick(&w, 1, (struct picker_options){.peer = 1}, out, 1), 1u,
                 "who does not go on loses it");
    world_close(&w);
}

Test(picker, no_endgame_while_something_is_left_for_others)
{
    static struct world w;
    struct picker_block out[64];

    world_open(&w, 3, 5);
    world_ready(&w);
    bitfield_set(&w.has[0], 0);
    bitfield_set(&w.has[1], 0);
    bitfield_set(&w.has[2], 1);
    for (uint32_t i = 0; i < 3; i++)
        join(&w, i);
    cr_assert_eq(pick(&w, 0, (struct picker_options){0}, out, 64), 4u);
    cr_assert_eq(pick(&w, 1, (struct picker_options){0}, out, 64), 0u);
    cr_assert_not(picker_endgame(w.p), "piece 1 is free elsewhere");
    cr_assert_eq(pick(&w, 2, (struct picker_options){0}, out, 64), 4u);
    cr_assert(picker_endgame(w.p), "nobody has piece 2");
    picker_hold(w.p, 2, true);
    cr_assert_not(picker_endgame(w.p), "a piece on hold is still to come");
    world_close(&w);
}

Test(picker, a_hint_decides_among_equals_only)
{
    static struct world w;
    struct picker_block out[64];
    uint32_t hints[3] = {99, 7, 3};
    struct picker_options opt = {.hints = hints, .hint_count = 3};

    world_open(&w, 40, 5);
    world_ready(&w);
    seed_joins(&w, 0);
    bitfield_set(&w.has[1], 7);
    join(&w, 1);
    for (uint32_t i = 20; i < 20 + PICKER_RANDOM_FIRST; i++)
        fetch(&w, i);
    cr_assert_eq(pick(&w, 0, opt, out, 4), 4u);
    cr_assert_eq(out[0].piece, 3u, "7 is not as rare, and 99 does not exist");
    picker_set_priority(w.p, 11, PICKER_PRIORITY_MAX);
    hints[2] = 5;
    cr_assert_eq(pick(&w, 0, opt, out, 4), 4u);
    cr_assert_eq(out[0].piece, 11u, "advice is not above priorities");
    opt.sequential = true;
    cr_assert_eq(pick(&w, 0, opt, out, 4), 4u);
    cr_assert_eq(out[0].piece, 0u, "nor above the order that was asked for");
    world_close(&w);
}

Test(picker, allowed_fast_pieces_only)
{
    static struct world w;
    struct picker_block out[64];
    struct bitfield only;

    world_open(&w, 20, 5);
    world_ready(&w);
    seed_joins(&w, 0);
    cr_assert_eq(bitfield_init(&only, 20), 0);
    bitfield_set(&only, 13);
    cr_assert_eq(pick(&w, 0, (struct picker_options){.only = &only}, out, 64), 4u);
    for (int i = 0; i < 4; i++)
        cr_assert_eq(out[i].piece, 13u);
    bitfield_fini(&only);
    world_close(&w);
}

Test(picker, pieces_of_pads_only_are_missing_but_never_picked)
{
    static struct world w;
    struct picker_block out[64];

    world_open(&w, 3, 5);
    w.g.data_len[1] = 0;
    w.g.data_len[2] = 100;
    world_ready(&w);
    seed_joins(&w, 0);
    cr_assert_eq(picker_missing(w.p), 3u);
    cr_assert_eq(pick(&w, 0, (struct picker_options){0}, out, 64), 5u);
    for (int i = 0; i < 5; i++)
        cr_assert_neq(out[i].piece, 1u);
    fetch(&w, 0);
    fetch(&w, 2);
    cr_assert_eq(picker_missing(w.p), 1u);
    cr_assert_not(picker_interested(w.p, &w.has[0]));
    cr_assert_not(picker_endgame(w.p));
    picker_have(w.p, 1);
    cr_assert_eq(picker_missing(w.p), 0u);
    world_close(&w);
}

Test(picker, partial_bytes_know_the_short_last_block)
{
    static struct world w;

    world_open(&w, 1, 5);
    w.g.data_len[0] = BLOCK_LEN * 2 + 100;
    world_ready(&w);
    cr_assert(picker_writing(w.p, 0, 2, 9));
    cr_assert_eq(picker_partial_bytes(w.p, 0), 0u);
    cr_assert_not(picker_stored(w.p, 0, 2));
    cr_assert_eq(picker_partial_bytes(w.p, 0), 100u);
    cr_assert(picker_writing(w.p, 0, 0, 9));
    cr_assert_not(picker_stored(w.p, 0, 0));
    cr_assert_eq(picker_partial_bytes(w.p, 0), 100u + BLOCK_LEN);
    world_close(&w);
}

Test(picker, a_seed_that_grew_piece_by_piece_can_leave)
{
    static struct world w;

    world_open(&w, 10, 5);
    world_ready(&w);
    join(&w, 0);
    for (uint32_t i = 0; i < 10; i++) {
        bitfield_set(&w.has[0], i);
        picker_add_have(w.p, i);
    }
    picker_remove_peer(w.p, &w.has[0]);
    cr_assert_eq(picker_copies_permille(w.p), 0u);
    seed_joins(&w, 1);
    bitfield_clear(&w.has[1], 4);
    picker_remove_have(w.p, 4);
    cr_assert_eq(picker_availability(w.p, 4), 0u);
    cr_assert_eq(picker_availability(w.p, 5), 1u);
    cr_assert_eq(picker_copies_permille(w.p), 900u);
    picker_remove_peer(w.p, &w.has[1]);
    cr_assert_eq(picker_copies_permille(w.p), 0u);
    world_close(&w);
}

Test(picker, no_pieces_at_all)
{
    static struct world w;
    struct picker_block out[1];
    uint32_t piece = 0;

    world_open(&w, 0, 5);
    world_ready(&w);
    picker_add_peer(w.p, &w.has[0]);
    cr_assert_eq(pick(&w, 0, (struct picker_options){0}, out, 1), 0u);
    cr_assert_eq(picker_missing(w.p), 0u);
    cr_assert_eq(picker_copies_permille(w.p), 0u);
    cr_assert_not(picker_next_partial(w.p, &piece));
    picker_free(NULL);
    world_close(&w);
}
