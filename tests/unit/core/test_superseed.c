/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Initial seeding: each piece is offered once, and again only if the peer that got the offer left
 * without the piece.
 */
#include "peer/core/superseed.h"

#include <criterion/criterion.h>
#include <stdlib.h>

enum { PIECES = 40 };

static struct geometry geo;
static struct rng rng;
static struct picker *picker;
static struct superseed super;
static struct bitfield has;

static void
init(void)
{
    rng_init(&rng, 3);
    geo =
        (struct geometry){.piece_count = PIECES, .piece_length = BLOCK_LEN, .blocks_per_piece = 1};
    geo.data_len = calloc(PIECES, sizeof(uint32_t));
    for (uint32_t i = 0; i < PIECES; i++)
        geo.data_len[i] = BLOCK_LEN;
    picker = picker_new(&geo, &rng);
    cr_assert_not_null(picker);
    for (uint32_t i = 0; i < PIECES; i++)
        picker_have(picker, i);
    cr_assert_eq(superseed_init(&super, picker, &rng, PIECES), 0);
    cr_assert_eq(bitfield_init(&has, PIECES), 0);
}

static void
fini(void)
{
    bitfield_fini(&has);
    superseed_fini(&super);
    picker_free(picker);
    free(geo.data_len);
}

TestSuite(superseed, .init = init, .fini = fini);

/* A peer got the piece. */
static void
arrives(struct superseed_peer *p, uint32_t piece)
{
    picker_add_have(picker, piece);
    superseed_on_have(&super, piece);
    superseed_on_taken(p, piece, false);
}

Test(superseed, nothing_is_fresh_before_the_beginning)
{
    struct superseed_peer p = {0};

    cr_assert_not(superseed_active(&super));
    cr_assert_eq(superseed_offer(&super, &p), SUPERSEED_NONE);
}

Test(superseed, every_piece_is_offered_once)
{
    static struct superseed_peer p[3];
    bool seen[PIECES] = {false};

    superseed_begin(&super);
    for (uint32_t i = 0; i < PIECES; i++) {
        uint32_t piece = superseed_offer(&super, &p[i % 3]);

        cr_assert_lt(piece, (uint32_t)PIECES);
        cr_assert_not(seen[piece]);
        seen[piece] = true;
    }
    cr_assert_eq(superseed_offer(&super, &p[0]), SUPERSEED_NONE);
    cr_assert_not(superseed_active(&super));
}

Test(superseed, what_somebody_has_is_not_fresh)
{
    struct superseed_peer p = {0};

    bitfield_set(&has, 7);
    picker_add_peer(picker, &has);
    superseed_begin(&super);
    cr_assert_eq(super.fresh.count, PIECES - 1u);
    arrives(&p, 8);
    cr_assert_eq(super.fresh.count, PIECES - 2u);
    bitfield_set(&has, 9);
    superseed_on_bitfield(&super, &has);
    cr_assert_eq(super.fresh.count, PIECES - 3u);
    bitfield_set_all(&has);
    superseed_on_bitfield(&super, &has);
    cr_assert_not(superseed_active(&super), "another seed is there");
}

Test(superseed, who_takes_no_advice_is_reckoned_with)
{
    struct superseed_peer a = {0}, b = {0};
    uint32_t piece;

    superseed_begin(&super);
    superseed_on_request(&super, &a, 5);
    superseed_on_request(&super, &a, 5);
    cr_assert_eq(super.fresh.count, PIECES - 1u);
    cr_assert_eq(a.count, 1u);
    cr_assert_eq(a.waiting, 0u);
    while ((piece = superseed_offer(&super, &b)) != SUPERSEED_NONE)
        cr_assert_neq(piece, 5u);
}

Test(superseed, a_choke_takes_back_what_was_not_begun)
{
    struct superseed_peer a = {0};
    uint32_t begun, taken;

    superseed_begin(&super);
    begun = superseed_offer(&super, &a);
    superseed_offer(&super, &a);
    taken = superseed_offer(&super, &a);
    cr_assert_eq(a.waiting, 3u);
    superseed_on_request(&super, &a, begun);
    arrives(&a, taken);
    cr_assert_eq(a.waiting, 1u);
    superseed_on_choke(&super, &a);
    cr_assert_eq(a.count, 1u);
    cr_assert_eq(a.waiting, 0u);
    cr_assert_eq(super.fresh.count, PIECES - 2u);
    cr_assert_not(bitfield_get(&super.fresh, begun));
    superseed_on_gone(&super, &a);
    cr_assert(bitfield_get(&super.fresh, begun), "it went without it");
    cr_assert_not(bitfield_get(&super.fresh, taken), "it is gone, but it had it when it went");
}

Test(superseed, a_piece_is_held_until_it_is_passed_on)
{
    struct superseed_peer a = {0};
    uint32_t first, second;

    superseed_begin(&super);
    cr_assert_not(superseed_release(&a));
    first = superseed_offer(&super, &a);
    second = superseed_offer(&super, &a);
    superseed_on_taken(&a, first, true);
    superseed_on_taken(&a, second, true);
    cr_assert_eq(a.count, 2u);
    cr_assert_eq(a.waiting, 0u);
    cr_assert(superseed_on_seen(&a, second));
    cr_assert_not(superseed_on_seen(&a, second));
    cr_assert_eq(a.offers[0].piece, first);
    cr_assert(superseed_release(&a));
    cr_assert_eq(a.count, 0u);
}

Test(superseed, without_fresh_pieces_the_rarest_is_offered)
{
    struct superseed_peer a = {0};
    struct bitfield shown;

    cr_assert_eq(bitfield_init(&shown, PIECES), 0);
    bitfield_set_all(&has);
    bitfield_clear(&has, 4);
    bitfield_clear(&has, 5);
    picker_add_peer(picker, &has);
    bitfield_clear_all(&has);
    bitfield_set(&shown, 4);
    cr_assert_eq(superseed_offer_any(&super, &a, &has, &shown), 5u);
    bitfield_set(&shown, 5);
    cr_assert_neq(superseed_offer_any(&super, &a, &has, &shown), SUPERSEED_NONE);
    bitfield_set_all(&has);
    cr_assert_eq(superseed_offer_any(&super, &a, &has, &shown), SUPERSEED_NONE);
    bitfield_fini(&shown);
}

Test(superseed, a_peer_with_many_offers_is_remembered_in_part)
{
    struct superseed_peer a = {0};

    superseed_begin(&super);
    for (uint32_t i = 0; i < PIECES; i++)
        superseed_on_request(&super, &a, i);
    cr_assert_eq(a.count, (uint32_t)SUPERSEED_OFFERS_MAX);
    superseed_on_gone(&super, &a);
    cr_assert_eq(super.fresh.count, (uint32_t)SUPERSEED_OFFERS_MAX);
}
