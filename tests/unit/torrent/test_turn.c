/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Many links, of which few dial at a time: who has a turn, when it ends, and who is next.
 */
#include "peer/torrent/torrent_turn.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "peer/torrent/torrent_feed.h"

enum { LINKS = 40 };

static struct torrent_env env;
static struct torrent links[LINKS];
static struct rng rng;
static struct rate_bucket up, down;
static unsigned dials[LINKS], closed[LINKS];
static slot_id dialled[LINKS]; /* the last connection */
static bool dirty[LINKS];

static void
mark_dirty(struct torrent *t)
{
    dirty[t - links] = true;
}

static const struct torrent_env_calls calls = {.mark_dirty = mark_dirty};

static void
carry_out(struct torrent *t, const struct swarm_effect *fx)
{
    if (fx->type == SWARM_FX_CONNECT) {
        dials[t - links]++;
        dialled[t - links] = fx->peer;
    }
    closed[t - links] += fx->type == SWARM_FX_CLOSE;
}

static void
feed(unsigned i, enum swarm_input_type type)
{
    struct swarm_input in = {.type = type};

    torrent_feed(&links[i], &in);
}

/* The steps of all torrents that have some to do. */
static void
run(void)
{
    for (unsigned round = 0; round < 3; round++)
        for (unsigned i = 0; i < LINKS; i++)
            if (dirty[i]) {
                dirty[i] = false;
                turn_update(&links[i]);
            }
}

static void
name_peer(unsigned i)
{
    struct endpoint addr = {.family = IP_V4, .port = 6881, .ip = {10, 0, (uint8_t)i, 1}};
    struct swarm_input in = {.type = SWARM_IN_ADDRS};

    in.u.addrs.source = PEER_FROM_TRACKER;
    in.u.addrs.addrs = &addr;
    in.u.addrs.count = 1;
    torrent_feed(&links[i], &in);
}

static void
make(unsigned i)
{
    const struct announce_urls none = {.extra_count = 0};
    struct metafetch_config cfg = {.id = {.has_v1 = true, .v1 = {(uint8_t)i}},
                                   .client = "x",
                                   .peers_max = 5,
                                   .takes_turns = true,
                                   .up = &up,
                                   .down = &down};
    struct torrent *t = &links[i];

    t->env = &env;
    list_init(&t->turn.waits);
    cfg.announcer = announcer_new(&cfg.id, &none, &rng);
    t->core.fetch = metafetch_new(&cfg, i, loop_now(env.loop));
    cr_assert_not_null(t->core.fetch);
    t->core.carry_out = carry_out;
    feed(i, SWARM_IN_START);
}

static void
begin(void)
{
    rng_init(&rng, 1);
    cr_assert_eq(loop_new(&env.loop, NULL), 0);
    env.calls = &calls;
    turns_init(&env.turns, 1);
    cr_assert_eq(env.turns.max, (unsigned)TORRENT_TURNS_MAX);
    rate_bucket_init(&up, 0, loop_now(env.loop));
    rate_bucket_init(&down, 0, loop_now(env.loop));
    for (unsigned i = 0; i < LINKS; i++)
        make(i);
}

static void
drop(unsigned i)
{
    metafetch_free(links[i].core.fetch);
    links[i].core.fetch = NULL;
    turn_leave(&links[i]);
}

static void
end(void)
{
    for (unsigned i = 0; i < LINKS; i++)
        drop(i);
    cr_assert_eq(env.turns.count, 0u);
    cr_assert(list_empty(&env.turns.waiting));
    loop_free(env.loop);
}

static unsigned
count_dialling(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < LINKS; i++)
        n += dials[i] > 0;
    return n;
}

/* The turns that have begun so far began so long ago. */
static void
wait_ms(int64_t ms)
{
    for (unsigned i = 0; i < LINKS; i++) {
        links[i].turn.since = mono_add_ms(links[i].turn.since, -ms);
        dirty[i] = true;
    }
}

TestSuite(turn, .init = begin, .fini = end);

Test(turn, few_links_dial_at_a_time)
{
    run();
    cr_expect_eq(env.turns.count, 0u, "without addresses nobody needs a turn");
    for (unsigned i = 0; i < LINKS; i++)
        name_peer(i);
    run();
    cr_expect_eq(env.turns.count, (unsigned)TORRENT_TURNS_MAX);
    cr_expect_eq(count_dialling(), (unsigned)TORRENT_TURNS_MAX);
    wait_ms(TORRENT_TURN_MS - 1000);
    run();
    cr_expect_eq(count_dialling(), (unsigned)TORRENT_TURNS_MAX);
}

Test(turn, all_have_their_turn)
{
    for (unsigned i = 0; i < LINKS; i++)
        name_peer(i);
    run();
    for (unsigned turns = 1; count_dialling() < LINKS; turns++) {
        cr_assert_leq(turns, (unsigned)LINKS / TORRENT_TURNS_MAX + 1);
        wait_ms(TORRENT_TURN_MS);
        run();
        cr_expect_leq(env.turns.count, (unsigned)TORRENT_TURNS_MAX);
    }
    cr_expect_eq(closed[0], 1u, "the first one's connection was closed at the end of its turn");
}

Test(turn, nobody_waits_so_a_turn_goes_on)
{
    name_peer(0);
    run();
    wait_ms(100 * TORRENT_TURN_MS);
    run();
    cr_expect_eq(dials[0], 1u);
    cr_expect_eq(closed[0], 0u);
    cr_expect(links[0].turn.has);
}

Test(turn, a_turn_ends_with_its_last_connection)
{
    struct swarm_input in = {.type = SWARM_IN_CLOSED};

    for (unsigned i = 0; i <= TORRENT_TURNS_MAX; i++)
        name_peer(i);
    run();
    cr_assert_eq(dials[TORRENT_TURNS_MAX], 0u);
    in.peer = dialled[3];
    in.u.closed.err = SPRAT_E_REFUSED;
    torrent_feed(&links[3], &in);
    run();
    cr_expect_eq(dials[TORRENT_TURNS_MAX], 1u, "the next one is called");
    cr_expect_not(links[3].turn.has);
}

Test(turn, a_link_that_is_gone_leaves_its_place)
{
    for (unsigned i = 0; i < LINKS; i++)
        name_peer(i);
    run();
    drop(0);                 /* it had a turn */
    drop(TORRENT_TURNS_MAX); /* the first of the queue */
    run();
    cr_expect_eq(dials[TORRENT_TURNS_MAX], 0u);
    cr_expect_eq(dials[TORRENT_TURNS_MAX + 1], 1u);
    cr_expect_eq(env.turns.count, (unsigned)TORRENT_TURNS_MAX);
    feed(1, SWARM_IN_PAUSE);
    run();
    cr_expect_eq(dials[TORRENT_TURNS_MAX + 2], 1u, "a paused one leaves its place too");
}
