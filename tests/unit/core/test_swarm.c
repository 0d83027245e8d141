/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The swarm core in the rig: whole transfers in every format, and what it does about peers that
 * lie, are silent or leave, about disks that fail, and about limits. All times are virtual.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "peer/core/peerprio.h"
#include "tests/unit/core/rig.h"

#define KIB 1024u
#define MIB (1024u * 1024u)

static struct rig rig;

static void
fini(void)
{
    rig_fini(&rig);
}

TestSuite(swarm, .fini = fini, .timeout = 60);

static void
make_multi(enum metainfo_format format, bool without_layers)
{
    static const uint64_t lengths[] = {300 * KIB + 17, 0, 5, 64 * KIB, MIB + 1, 16 * KIB};
    struct content_spec torrent = {.format = format,
                                   .piece_length = 64 * KIB,
                                   .files = 6,
                                   .lengths = lengths,
                                   .no_layers = without_layers};

    rig_init(&rig, &torrent, 20000, 42);
}

static void
make_single(enum metainfo_format format, uint64_t size, uint32_t piece_length)
{
    struct content_spec torrent = {
        .format = format, .piece_length = piece_length, .size = size, .files = 1};

    rig_init(&rig, &torrent, 20000, 43);
}

static uint64_t
total_sent(void)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < rig.sim.count; i++)
        sum += rig.sim.nodes[i]->count.sent;
    return sum;
}

static struct swarm_stats
stats_of(struct node *n)
{
    struct swarm_stats st;

    swarm_get_stats(n->swarm, &st, rig.sim.engine.now);
    return st;
}

static void
run_one_to_one(void)
{
    struct node *seed = rig_add(&rig, true);
    struct node *leech = rig_add(&rig, false);

    cr_assert(rig_run(&rig, rig_all_complete, 120));
    cr_assert_eq(leech->count.notices[SWARM_NOTICE_COMPLETE], 1);
    cr_assert_eq(seed->count.notices[SWARM_NOTICE_COMPLETE], 0);
    cr_assert_eq(stats_of(leech).wasted, 0);
    cr_assert_eq(stats_of(leech).downloaded, seed->count.sent);
    cr_assert(stats_of(leech).seeding);
}

Test(swarm, v1_multi_file)
{
    make_multi(METAINFO_V1, false);
    run_one_to_one();
}

Test(swarm, v2_multi_file)
{
    make_multi(METAINFO_V2, false);
    run_one_to_one();
}

Test(swarm, hybrid_multi_file)
{
    make_multi(METAINFO_HYBRID, false);
    run_one_to_one();
    /* Pads are never requested. */
    cr_assert_eq(total_sent(), rig.content.mi->total_size);
}

Test(swarm, hybrid_over_a_v1_connection)
{
    struct node *seed, *leech;

    make_multi(METAINFO_HYBRID, false);
    seed = rig_add_quiet(&rig, true);
    leech = rig_add_quiet(&rig, false);
    seed->spec.tongue = leech->spec.tongue = SPEAKS_V1;
    node_join(seed);
    node_join(leech);
    cr_assert(rig_run(&rig, rig_all_complete, 120));
}

Test(swarm, v2_fetches_missing_piece_layers)
{
    struct node *seed;

    make_multi(METAINFO_V2, true);
    cr_assert(rig.content.mi->layers_missing);
    seed = rig_add_quiet(&rig, true);
    node_join(seed);
    rig_add(&rig, false);
    cr_assert(rig_run(&rig, rig_all_complete, 120));
    cr_assert_eq(rig.sim.nodes[1]->count.notices[SWARM_NOTICE_LAYERS], 1);
}

static void
run_flash_crowd(enum metainfo_format format)
{
    struct node *seed;

    make_single(format, 4 * MIB + 12345, 64 * KIB);
    seed = rig_add_quiet(&rig, true);
    seed->spec.line.up = MIB;
    node_join(seed);
    for (int i = 0; i < 8; i++) {
        struct node *n = rig_add_quiet(&rig, false);

        n->spec.line.up = MIB;
        node_join(n);
    }
    cr_assert(rig_run(&rig, rig_all_complete, 600));
    cr_assert_geq(total_sent(), 8 * rig.content.mi->total_size);
    /* The leechers upload to each other: the seed sends much less than four copies. */
    cr_assert_lt(seed->count.sent, 4 * rig.content.mi->total_size);
    cr_assert_lt(total_sent(), 9 * rig.content.mi->total_size, "%zu wasted",
                 (size_t)(total_sent() - 8 * rig.content.mi->total_size));
}

Test(swarm, flash_crowd_v1)
{
    run_flash_crowd(METAINFO_V1);
}

Test(swarm, flash_crowd_v2)
{
    run_flash_crowd(METAINFO_V2);
}

static bool
one_copy_is_out(struct rig *r)
{
    for (uint32_t p = 0; p < r->content.mi->piece_count; p++) {
        bool found = false;

        for (unsigned i = 1; i < r->sim.count && !found; i++)
            found = bitfield_get(&r->sim.nodes[i]->disk.done, p);
        if (!found)
            return false;
    }
    return true;
}

Test(swarm, lives_on_without_seed_and_tracker)
{
    struct node *seed;

    make_single(METAINFO_HYBRID, 2 * MIB, 32 * KIB);
    seed = rig_add_quiet(&rig, true);
    seed->spec.line.up = 512 * KIB;
    node_join(seed);
    for (int i = 0; i < 5; i++)
        rig_add(&rig, false);
    cr_assert(rig_run(&rig, one_copy_is_out, 300));
    rig.sim.tracker_down = true;
    node_crash(seed, false);
    cr_assert(rig_run(&rig, rig_all_complete, 300));
}

/* One liar and one honest seed: everything arrives, and the liar is banned. */
static void
run_liar(enum metainfo_format format, bool v1_only)
{
    struct node *liar, *leech, *seed;
    struct swarm_stats st;

    make_single(format, 2 * MIB, 128 * KIB);
    seed = rig_add_quiet(&rig, true);
    liar = rig_add_quiet(&rig, true);
    leech = rig_add_quiet(&rig, false);
    liar->spec.mischief = MISCHIEF_CORRUPT;
    liar->spec.line.up = seed->spec.line.up = 256 * KIB;
    seed->spec.tongue = liar->spec.tongue = leech->spec.tongue = v1_only ? SPEAKS_V1 : SPEAKS_BOTH;
    node_join(seed);
    node_join(liar);
    node_join(leech);
    cr_assert(rig_run(&rig, rig_all_complete, 600));
    cr_assert_geq(leech->count.notices[SWARM_NOTICE_BANNED], 1);
    st = stats_of(leech);
    cr_assert_gt(st.hash_failures, 0);
    cr_assert_gt(st.wasted, 0);
}

Test(swarm, liar_in_v1)
{
    run_liar(METAINFO_V1, false);
}

Test(swarm, liar_in_v2)
{
    run_liar(METAINFO_V2, false);
    /* Only what the liar sent is lost: the honest blocks of its pieces stay. */
    cr_assert_leq(stats_of(rig.sim.nodes[2]).wasted, rig.sim.nodes[1]->count.sent);
}

Test(swarm, liar_in_hybrid_over_v1)
{
    run_liar(METAINFO_HYBRID, true);
}

Test(swarm, a_lone_liar_is_banned_for_its_first_piece)
{
    struct node *liar, *leech;

    make_single(METAINFO_V1, MIB, 64 * KIB);
    liar = rig_add_quiet(&rig, true);
    liar->spec.mischief = MISCHIEF_CORRUPT;
    node_join(liar);
    leech = rig_add(&rig, false);
    cr_assert_not(rig_run(&rig, rig_all_complete, 30));
    cr_assert_eq(leech->count.notices[SWARM_NOTICE_BANNED], 1);
    cr_assert_eq(stats_of(leech).peers_connected, 0);
}

/* The true hashes are proven, so that even the liar may send them: one block is fetched again. */
Test(swarm, one_bad_block_in_v2_costs_one_block)
{
    struct node *liar, *leech;

    make_single(METAINFO_V2, MIB, 128 * KIB);
    liar = rig_add_quiet(&rig, true);
    liar->spec.mischief = MISCHIEF_SPOIL;
    node_join(liar);
    leech = rig_add(&rig, false);
    cr_assert_not(rig_run(&rig, rig_all_complete, 30));
    cr_assert_eq(leech->count.notices[SWARM_NOTICE_BANNED], 1);
    cr_assert_eq(stats_of(leech).wasted, BLOCK_LEN);
    cr_assert_eq(stats_of(leech).peers_connected, 0);
}

Test(swarm, mute_peer_holds_nobody_up)
{
    struct node *mute, *seed;

    make_single(METAINFO_V2, 2 * MIB, 64 * KIB);
    mute = rig_add_quiet(&rig, true);
    mute->spec.mischief = MISCHIEF_MUTE;
    node_join(mute);
    seed = rig_add_quiet(&rig, true);
    seed->spec.line.up = MIB;
    node_join(seed);
    rig_add(&rig, false);
    cr_assert(rig_run(&rig, rig_all_complete, 60));
}

Test(swarm, full_disk_pauses_and_resumes)
{
    struct node *leech;

    make_single(METAINFO_V1, MIB, 64 * KIB);
    rig_add(&rig, true);
    leech = rig_add_quiet(&rig, false);
    leech->disk.spec.room = 1;
    node_join(leech);
    cr_assert_not(rig_run(&rig, rig_all_complete, 20));
    cr_assert_eq(leech->count.notices[SWARM_NOTICE_DISK_ERROR], 1);
    node_free_disk(leech);
    cr_assert(rig_run(&rig, rig_all_complete, 60));
    cr_assert_eq(stats_of(leech).hash_failures, 0);
}

Test(swarm, hybrid_whose_sides_disagree_stops)
{
    struct node *leech;

    make_single(METAINFO_HYBRID, MIB, 64 * KIB);
    rig_add(&rig, true);
    leech = rig_add_quiet(&rig, false);
    leech->disk.spec.rots = true;
    node_join(leech);
    cr_assert_not(rig_run(&rig, rig_all_complete, 20));
    cr_assert_eq(leech->count.notices[SWARM_NOTICE_MISMATCH], 1);
    cr_assert_eq(stats_of(leech).state, SWARM_PAUSED);
    cr_assert_eq(leech->count.notices[SWARM_NOTICE_BANNED], 0);
}

static void
check_rate(uint64_t size, uint64_t rate, struct mono began)
{
    double took = (double)mono_diff_us(rig.sim.engine.now, began) / 1e6;
    double ideal = (double)size / (double)rate;

    cr_assert_gt(took, ideal * 0.95, "%.2f s instead of %.2f", took, ideal);
    cr_assert_lt(took, ideal * 1.10 + 1, "%.2f s instead of %.2f", took, ideal);
}

Test(swarm, upload_limit_holds)
{
    struct node *seed;
    struct mono began;

    make_single(METAINFO_V1, 8 * MIB, 256 * KIB);
    began = rig.sim.engine.now;
    seed = rig_add_quiet(&rig, true);
    seed->spec.up_limit = 512 * KIB;
    node_join(seed);
    rig_add(&rig, false);
    cr_assert(rig_run(&rig, rig_all_complete, 60));
    check_rate(8 * MIB, 512 * KIB, began);
}

Test(swarm, download_limit_holds)
{
    struct node *leech;
    struct mono began;

    make_single(METAINFO_V1, 8 * MIB, 256 * KIB);
    began = rig.sim.engine.now;
    rig_add(&rig, true);
    leech = rig_add_quiet(&rig, false);
    leech->spec.down_limit = 512 * KIB;
    node_join(leech);
    cr_assert(rig_run(&rig, rig_all_complete, 60));
    check_rate(8 * MIB, 512 * KIB, began);
}

static bool
half_is_out(struct rig *r)
{
    return r->sim.nodes[0]->count.sent > 2 * MIB;
}

/* Peers whose numbers are far apart get the same share as peers with adjacent numbers. */
Test(swarm, a_limited_upload_is_shared_evenly)
{
    struct node *seed;

    make_single(METAINFO_V1, 4 * MIB, 64 * KIB);
    seed = rig_add_quiet(&rig, true);
    seed->spec.up_limit = 128 * KIB;
    node_join(seed);
    for (unsigned i = 0; i < 3; i++) {
        struct node *leech = rig_add_quiet(&rig, false);

        /* They can't give anything to each other. */
        leech->spec.up_limit = 1;
        node_join(leech);
    }
    cr_assert(rig_run(&rig, half_is_out, 60));
    for (unsigned i = 1; i <= 3; i++)
        cr_expect_float_eq((double)stats_of(rig.sim.nodes[i]).downloaded, 2.0 * MIB / 3, 80.0 * KIB,
                           "%u got %zu", i, (size_t)stats_of(rig.sim.nodes[i]).downloaded);
}

static bool
first_is_stopped(struct rig *r)
{
    return r->sim.nodes[0]->count.notices[SWARM_NOTICE_STOPPED] > 0;
}

Test(swarm, stop_tells_the_tracker_and_everybody)
{
    struct node *seed;

    make_single(METAINFO_V1, MIB, 64 * KIB);
    seed = rig_add(&rig, true);
    rig_add(&rig, false);
    cr_assert(rig_run(&rig, rig_all_complete, 60));
    node_leave(seed);
    cr_assert(rig_run(&rig, first_is_stopped, 60));
    cr_assert_eq(sim_tracker_listed(rig.sim.tracker), 1);
    /* Its core is freed; the simulator checked that it had no peer and no work left. */
    cr_assert_eq(seed->state, NODE_AWAY);
    cr_assert_not(node_running(seed));
}

static bool
first_is_answered(struct rig *r)
{
    struct announce_status st;

    announcer_status(swarm_announcer(r->sim.nodes[0]->swarm), 0, &st, r->sim.engine.now);
    return st.working;
}

/* The first announce of a swarm that has the first |had| pieces and wants the first |wanted|. */
static struct swarm_effect
first_announce(uint32_t had, uint32_t wanted)
{
    static const char *const urls[] = {"http://tracker.example/announce"};
    struct swarm_input skip = {.type = SWARM_IN_PRIORITY}, start = {.type = SWARM_IN_START};
    struct swarm_config cfg = {.client = "Test 1", .trackers = urls, .tracker_count = 1};
    struct swarm_effect fx, announce = {0};
    const struct metainfo *mi = rig.sim.content->mi;
    struct mono now = rig.sim.engine.now;
    struct rate_bucket up, down;
    struct swarm *swarm;
    struct bitfield have;

    rate_bucket_init(&up, 0, now);
    rate_bucket_init(&down, 0, now);
    cfg.up = &up;
    cfg.down = &down;
    swarm = swarm_new(mi, &cfg, 3, now);
    cr_assert_not_null(swarm);
    skip.u.priority.first = wanted;
    skip.u.priority.count = mi->piece_count - wanted;
    if (skip.u.priority.count > 0)
        cr_assert_eq(swarm_handle(swarm, &skip, now), 0);
    cr_assert_eq(bitfield_init(&have, mi->piece_count), 0);
    for (uint32_t i = 0; i < had; i++)
        bitfield_set(&have, i);
    start.u.start.have = &have;
    cr_assert_eq(swarm_handle(swarm, &start, now), 0);
    while (swarm_next(swarm, &fx))
        if (fx.type == SWARM_FX_ANNOUNCE)
            announce = fx;
    cr_assert_eq(announce.type, SWARM_FX_ANNOUNCE);
    bitfield_fini(&have);
    swarm_free(swarm);
    return announce;
}

/* BEP 21. */
Test(swarm, a_partial_seed_announces_what_it_is_and_what_is_left)
{
    struct swarm_effect fx;

    make_single(METAINFO_V1, MIB, 64 * KIB);
    fx = first_announce(4, 4);
    cr_expect(fx.u.announce.partial_seed);
    cr_expect_eq(fx.u.announce.left, MIB - 256 * KIB, "it is no seed");
    cr_expect_eq(fx.u.announce.numwant, SWARM_NUMWANT_SEEDER);
    fx = first_announce(3, 4);
    cr_expect_not(fx.u.announce.partial_seed, "it downloads");
    cr_expect_eq(fx.u.announce.left, MIB - 192 * KIB);
    fx = first_announce(16, 4);
    cr_expect_not(fx.u.announce.partial_seed, "it is a seed");
    cr_expect_eq(fx.u.announce.left, 0u);
    fx = first_announce(0, 0);
    cr_expect(fx.u.announce.partial_seed, "nothing is wanted");
}

/* The next swarm of the torrent is given the crowd: what was learned of addresses is not forgotten,
 * and connections of the last one are not counted. */
Test(swarm, its_crowd_goes_on_without_it)
{
    struct swarm_config cfg = {.client = "Second 1"};
    struct swarm_input start = {.type = SWARM_IN_START}, in = {.type = SWARM_IN_ADDRS};
    struct endpoint addrs[] = {{.ip = {10, 8, 8, 1}, .port = 7001, .family = IP_V4},
                               {.ip = {10, 8, 8, 2}, .port = 7002, .family = IP_V4}};
    struct swarm_input closed = {.type = SWARM_IN_CLOSED, .u.closed.err = SPRAT_E_REFUSED};
    struct node *n;
    struct swarm_kept kept;
    struct swarm_effect fx;
    unsigned dials = 0;
    slot_id peer = SLOT_NONE;

    make_single(METAINFO_V1, MIB, 64 * KIB);
    n = rig_add(&rig, false);
    in.u.addrs.source = PEER_FROM_TRACKER;
    in.u.addrs.addrs = addrs;
    in.u.addrs.count = 2;
    cr_assert_eq(swarm_handle(n->swarm, &in, rig.sim.engine.now), 0);
    while (swarm_next(n->swarm, &fx) == 1)
        if (fx.type == SWARM_FX_CONNECT && fx.u.connect.addr.port == 7001)
            closed.peer = fx.peer;
        else if (fx.type == SWARM_FX_CONNECT)
            peer = fx.peer;
    cr_assert(closed.peer != SLOT_NONE && peer != SLOT_NONE);
    cr_assert_eq(swarm_handle(n->swarm, &closed, rig.sim.engine.now), 0);
    cr_assert_eq(stats_of(n).standing.tries[PEER_TRY_REFUSED], 1);
    swarm_free_but(n->swarm, &kept);
    announcer_free(kept.announcer);
    cfg.crowd = kept.crowd;
    cfg.up = &n->up;
    cfg.down = &n->down;
    n->swarm = swarm_new(rig.sim.content->mi, &cfg, 2, rig.sim.engine.now);
    cr_assert_not_null(n->swarm);
    cr_assert_eq(stats_of(n).standing.tries[PEER_TRY_REFUSED], 1);
    cr_assert_eq(stats_of(n).peers_known, 2);
    cr_assert_eq(stats_of(n).peers_half_open, 0);
    closed.peer = peer;
    cr_assert_eq(swarm_handle(n->swarm, &closed, rig.sim.engine.now), 0, "of the last swarm");
    cr_assert_eq(swarm_handle(n->swarm, &start, rig.sim.engine.now), 0);
    while (swarm_next(n->swarm, &fx) == 1)
        dials += fx.type == SWARM_FX_CONNECT;
    cr_assert_eq(dials, 0, "both were dialled a moment ago");
    rig.sim.engine.now = mono_add_ms(rig.sim.engine.now, 10000);
    in.type = SWARM_IN_TICK;
    cr_assert_eq(swarm_handle(n->swarm, &in, rig.sim.engine.now), 0);
    while (swarm_next(n->swarm, &fx) == 1)
        dials += fx.type == SWARM_FX_CONNECT;
    cr_assert_eq(dials, 2);
}

Test(swarm, its_announcer_goes_on_without_it)
{
    struct node *seed;
    struct swarm_config cfg = {.client = "Second 1"};
    struct swarm_input start = {.type = SWARM_IN_START};
    struct swarm_kept kept;
    struct announce_status before, after;
    struct swarm_effect fx;
    struct bitfield all;
    struct rng own;

    make_single(METAINFO_V1, MIB, 64 * KIB);
    seed = rig_add(&rig, true);
    cr_assert(rig_run(&rig, first_is_answered, 60));
    cr_assert(swarm_is_at_rest(seed->swarm), "nobody is there");
    announcer_status(swarm_announcer(seed->swarm), 0, &before, rig.sim.engine.now);
    cr_assert(before.working && before.next.us < INT64_MAX);
    rng_init(&own, 1);
    swarm_free_but(seed->swarm, &kept);
    cfg.announcer = kept.announcer;
    crowd_free(kept.crowd);
    announcer_use(cfg.announcer, &own);
    cfg.up = &seed->up;
    cfg.down = &seed->down;
    seed->swarm = swarm_new(rig.sim.content->mi, &cfg, 2, rig.sim.engine.now);
    cr_assert_not_null(seed->swarm);
    cr_assert_eq(bitfield_init(&all, rig.sim.content->mi->piece_count), 0);
    cr_assert_not(swarm_is_at_rest(seed->swarm), "it has not begun");
    bitfield_set_all(&all);
    start.u.start.have = &all;
    cr_assert_eq(swarm_handle(seed->swarm, &start, rig.sim.engine.now), 0);
    while (swarm_next(seed->swarm, &fx))
        cr_assert_neq(fx.type, SWARM_FX_ANNOUNCE, "the tracker knows us");
    announcer_status(swarm_announcer(seed->swarm), 0, &after, rig.sim.engine.now);
    cr_assert(after.working && after.next.us == before.next.us);
    cr_assert(swarm_is_at_rest(seed->swarm));
    bitfield_fini(&all);
}

Test(swarm, pause_keeps_what_is_there)
{
    struct swarm_input pause = {.type = SWARM_IN_PAUSE}, start = {.type = SWARM_IN_START};
    struct node *seed, *leech;
    uint64_t before;

    make_single(METAINFO_V2, 2 * MIB, 64 * KIB);
    seed = rig_add_quiet(&rig, true);
    seed->spec.line.up = 256 * KIB;
    node_join(seed);
    leech = rig_add(&rig, false);
    cr_assert_not(rig_run(&rig, rig_all_complete, 4));
    node_feed(leech, &pause);
    before = stats_of(leech).bytes_have;
    cr_assert_gt(before, 0);
    cr_assert_eq(stats_of(leech).peers_connected, 0);
    cr_assert_not(rig_run(&rig, rig_all_complete, 30));
    cr_assert_lt(stats_of(leech).bytes_have, before + 256 * KIB);
    node_feed(leech, &start);
    cr_assert(rig_run(&rig, rig_all_complete, 120));
}

/* --- hostile messages, fed by hand to a swarm with one connected peer --- */

/* Returns the id of the new peer, or SLOT_NONE if it was refused. |*closed|, unless NULL, is the
 * peer that was closed for it. */
static slot_id
try_to_connect(struct node *n, bool fast, uint8_t number, slot_id *closed)
{
    struct swarm_input in = {.type = SWARM_IN_ACCEPTED};
    struct swarm_effect fx;
    slot_id id = SLOT_NONE;

    in.u.conn.token = 99;
    in.u.conn.addr = (struct endpoint){.ip = {10, 9, 9, number}, .port = 5000, .family = IP_V4};
    memset(in.u.conn.handshake.peer_id, 'z' - number, PEER_ID_LEN);
    in.u.conn.handshake.fast = fast;
    in.u.conn.handshake.extended = true;
    in.u.conn.v2 = rig.content.mi->id.has_v2;
    cr_assert_eq(swarm_handle(n->swarm, &in, rig.sim.engine.now), 0);
    while (swarm_next(n->swarm, &fx) == 1)
        if (fx.type == SWARM_FX_ACCEPT)
            id = fx.peer;
        else if (fx.type == SWARM_FX_CLOSE && closed != NULL)
            *closed = fx.peer;
    return id;
}

static slot_id
connect_numbered(struct node *n, bool fast, uint8_t number)
{
    slot_id id = try_to_connect(n, fast, number, NULL);

    cr_assert_neq(id, SLOT_NONE);
    return id;
}

static slot_id
connect_stranger(struct node *n, bool fast)
{
    return connect_numbered(n, fast, 0);
}

/* Feeds one message and returns how many effects of |type| it caused. */
static unsigned
feed_msg(struct node *n, slot_id peer, const struct wire_msg *msg, enum swarm_effect_type type,
         struct wire_msg *sent)
{
    struct swarm_input in = {.type = SWARM_IN_MESSAGE, .peer = peer};
    struct swarm_effect fx;
    unsigned count = 0;

    rig_message(&in, msg);
    cr_assert_eq(swarm_handle(n->swarm, &in, rig.sim.engine.now), 0);
    while (swarm_next(n->swarm, &fx) == 1) {
        if (fx.type != type)
            continue;
        count++;
        if (sent != NULL)
            *sent = fx.u.msg;
    }
    return count;
}

static unsigned
closes(struct node *n, uint8_t number, const struct wire_msg *msg)
{
    slot_id peer = connect_numbered(n, true, number);
    unsigned closed = feed_msg(n, peer, msg, SWARM_FX_CLOSE, NULL);
    struct swarm_input in = {.type = SWARM_IN_CLOSED, .peer = peer};
    struct swarm_effect fx;

    swarm_handle(n->swarm, &in, rig.sim.engine.now);
    while (swarm_next(n->swarm, &fx) == 1)
        ;
    return closed;
}

Test(swarm, violations_close_the_connection)
{
    static const uint8_t ones[512] = {0xff, 0xff, 0xff, 0xff, 0xff};
    struct node *n;

    make_single(METAINFO_V1, MIB, 64 * KIB);
    n = rig_add(&rig, false);
    cr_assert_eq(closes(n, 1, &(struct wire_msg){.type = WIRE_HAVE, .piece = 16}), 1);
    cr_assert_eq(closes(n, 2, &(struct wire_msg){.type = WIRE_HAVE, .piece = UINT32_MAX}), 1);
    cr_assert_eq(closes(n, 3, &(struct wire_msg){.type = WIRE_BITFIELD, .data = ones, .len = 3}),
                 1);
    cr_assert_eq(closes(n, 4, &(struct wire_msg){.type = WIRE_BITFIELD, .data = ones, .len = 1}),
                 1);
    cr_assert_eq(closes(n, 5, &(struct wire_msg){.type = WIRE_ALLOWED_FAST, .piece = 16}), 1);
    cr_assert_eq(closes(n, 6, &(struct wire_msg){.type = WIRE_HASH_REQUEST}), 1, "v1 has no trees");
    cr_assert_eq(closes(n, 7, &(struct wire_msg){.type = WIRE_EXTENDED, .data = ones, .len = 5}),
                 1);
    cr_assert_eq(closes(n, 8, &(struct wire_msg){.type = WIRE_HAVE, .piece = 15}), 0);
    cr_assert_eq(closes(n, 9, &(struct wire_msg){.type = WIRE_UNKNOWN}), 0);
    cr_assert_eq(closes(n, 10, &(struct wire_msg){.type = WIRE_SUGGEST, .piece = 99}), 0);
}

Test(swarm, who_breaks_the_protocol_again_and_again_is_banned)
{
    static const struct wire_msg bad = {.type = WIRE_HAVE, .piece = 16};
    struct node *n;

    make_single(METAINFO_V1, MIB, 64 * KIB);
    n = rig_add(&rig, false);
    for (int i = 0; i < BANS_OFFENCES; i++)
        cr_assert_eq(closes(n, 1, &bad), 1);
    cr_assert_eq(try_to_connect(n, true, 1, NULL), SLOT_NONE);
    cr_assert_eq(closes(n, 2, &bad), 1, "others come in");
}

Test(swarm, fast_messages_need_the_fast_extension)
{
    struct node *n;
    slot_id peer;

    make_single(METAINFO_V1, MIB, 64 * KIB);
    n = rig_add(&rig, false);
    peer = connect_stranger(n, false);
    cr_assert_eq(feed_msg(n, peer, &(struct wire_msg){.type = WIRE_HAVE_ALL}, SWARM_FX_CLOSE, NULL),
                 1);
}

Test(swarm, requests_beyond_the_end_are_rejected_then_closed)
{
    struct wire_msg req = {
        .type = WIRE_REQUEST, .piece = 15, .begin = 60 * KIB, .length = 16 * KIB};
    struct wire_msg sent;
    struct node *n;
    slot_id peer;
    unsigned closed = 0;

    make_single(METAINFO_V1, MIB, 64 * KIB);
    n = rig_add(&rig, true);
    peer = connect_stranger(n, true);
    cr_assert_eq(feed_msg(n, peer, &req, SWARM_FX_SEND, &sent), 1);
    cr_assert_eq(sent.type, WIRE_REJECT);
    cr_assert_eq(sent.begin, 60 * KIB);
    req.length = UINT32_MAX;
    for (int i = 0; i < 100 && closed == 0; i++)
        closed += feed_msg(n, peer, &req, SWARM_FX_CLOSE, NULL);
    cr_assert_eq(closed, 1);
}

Test(swarm, a_choked_peer_gets_rejects_and_a_flood_is_bounded)
{
    struct wire_msg req = {.type = WIRE_REQUEST, .length = 16 * KIB}, sent;
    struct node *n;
    unsigned pieces = 0, rejects = 0;
    slot_id peer;

    make_single(METAINFO_V1, MIB, 64 * KIB);
    n = rig_add(&rig, true);
    peer = connect_stranger(n, true);
    cr_assert_eq(feed_msg(n, peer, &req, SWARM_FX_SEND_PIECE, NULL), 0);
    cr_assert_gt(
        feed_msg(n, peer, &(struct wire_msg){.type = WIRE_INTERESTED}, SWARM_FX_SEND, &sent), 0);
    cr_assert_eq(sent.type, WIRE_UNCHOKE);
    for (int i = 0; i < 5000; i++) {
        struct swarm_input in = {.type = SWARM_IN_MESSAGE, .peer = peer};
        struct swarm_effect fx;

        rig_message(&in, &req);
        swarm_handle(n->swarm, &in, rig.sim.engine.now);
        while (swarm_next(n->swarm, &fx) == 1) {
            pieces += fx.type == SWARM_FX_SEND_PIECE;
            rejects += fx.type == SWARM_FX_SEND && fx.u.msg.type == WIRE_REJECT;
        }
    }
    /* The peer never reads: a part of its requests is sent, a part is queued, and the rest is
     * refused. */
    cr_assert_gt(pieces, 0);
    cr_assert_leq(pieces, SWARM_SEND_AHEAD / (16 * KIB));
    cr_assert_eq(rejects, 5000 - pieces - SWARM_UPLOADS_QUEUED_MAX);
}

Test(swarm, unrequested_blocks_are_dropped_then_the_peer)
{
    struct node *n;
    slot_id peer;
    unsigned closed = 0, i;

    make_single(METAINFO_V1, MIB, 64 * KIB);
    n = rig_add(&rig, false);
    peer = connect_stranger(n, true);
    for (i = 0; i < 1000 && closed == 0; i++) {
        struct wire_msg msg = {.type = WIRE_PIECE, .piece = i % 16, .length = BLOCK_LEN};

        msg.block = block_take(rig.sim.pool);
        msg.block->len = BLOCK_LEN;
        closed = feed_msg(n, peer, &msg, SWARM_FX_CLOSE, NULL);
    }
    cr_assert_eq(closed, 1);
    cr_assert_leq(i, SWARM_UNREQUESTED_MAX + 1);
    cr_assert_eq(block_pool_used(rig.sim.pool), 0);
    cr_assert_eq(stats_of(n).pieces_have, 0);
}

static struct wire_msg
block_of(const struct wire_msg *req)
{
    struct wire_msg msg = {.type = WIRE_PIECE,
                           .piece = req->piece,
                           .begin = req->begin,
                           .length = req->length,
                           .block = block_take(rig.sim.pool)};

    msg.block->len = req->length;
    return msg;
}

/* A block that arrives late, after it was requested from another peer. */
Test(swarm, a_late_block_is_cancelled_at_who_was_asked_meanwhile)
{
    struct wire_msg all = {.type = WIRE_HAVE_ALL}, unchoke = {.type = WIRE_UNCHOKE}, sent;
    struct swarm_input tick = {.type = SWARM_IN_TICK};
    struct swarm_effect fx;
    struct node *n;
    struct block *late;
    slot_id slow, quick;
    unsigned cancels = 0, requests = 0;

    make_single(METAINFO_V1, BLOCK_LEN, BLOCK_LEN);
    n = rig_add(&rig, false);
    slow = connect_numbered(n, true, 1);
    quick = connect_numbered(n, true, 2);
    feed_msg(n, slow, &all, SWARM_FX_SEND, NULL);
    cr_assert_eq(feed_msg(n, slow, &unchoke, SWARM_FX_SEND, &sent), 1);
    cr_assert_eq(sent.type, WIRE_REQUEST);
    feed_msg(n, quick, &all, SWARM_FX_SEND, NULL);
    rig.sim.engine.now = mono_add_ms(rig.sim.engine.now, 31000);
    swarm_handle(n->swarm, &tick, rig.sim.engine.now);
    while (swarm_next(n->swarm, &fx) == 1) {
        cancels += fx.type == SWARM_FX_SEND && fx.u.msg.type == WIRE_CANCEL && fx.peer == slow;
        requests += fx.type == SWARM_FX_SEND && fx.u.msg.type == WIRE_REQUEST;
    }
    cr_assert_eq(cancels, 1);
    cr_assert_eq(requests, 0, "the slow one is left alone");
    cr_assert_eq(feed_msg(n, quick, &unchoke, SWARM_FX_SEND, &sent), 1);
    cr_assert_eq(sent.type, WIRE_REQUEST);
    sent = block_of(&sent);
    late = sent.block;
    cr_assert_eq(feed_msg(n, slow, &sent, SWARM_FX_SEND, &sent), 1);
    cr_assert_eq(sent.type, WIRE_CANCEL);
    block_drop(late); /* the WRITE effect is not carried out */
}

static void
tick_after(struct node *n, int64_t ms)
{
    struct swarm_input tick = {.type = SWARM_IN_TICK};
    struct swarm_effect fx;

    rig.sim.engine.now = mono_add_ms(rig.sim.engine.now, ms);
    swarm_handle(n->swarm, &tick, rig.sim.engine.now);
    while (swarm_next(n->swarm, &fx) == 1)
        ;
}

/* Feeds |in|; closes each connection that is asked for with |err|,
 * and returns how many they were. */
static unsigned
refuse_connects(struct node *n, const struct swarm_input *in, int err)
{
    slot_id asked[CROWD_HALF_OPEN_MAX];
    struct swarm_input closed = {.type = SWARM_IN_CLOSED};
    struct swarm_effect fx;
    unsigned count = 0;

    swarm_handle(n->swarm, in, rig.sim.engine.now);
    while (swarm_next(n->swarm, &fx) == 1)
        if (fx.type == SWARM_FX_CONNECT)
            asked[count++] = fx.peer;
    closed.u.closed.err = err;
    for (unsigned i = 0; i < count; i++) {
        closed.peer = asked[i];
        swarm_handle(n->swarm, &closed, rig.sim.engine.now);
        while (swarm_next(n->swarm, &fx) == 1)
            ;
    }
    return count;
}

Test(swarm, a_peer_is_not_forgotten_for_want_of_our_own_descriptors)
{
    struct endpoint addr = {.ip = {10, 9, 9, 9}, .port = 5000, .family = IP_V4};
    struct swarm_input in = {.type = SWARM_IN_ADDRS};
    struct swarm_input tick = {.type = SWARM_IN_TICK};
    struct node *n;

    make_single(METAINFO_V1, MIB, 64 * KIB);
    n = rig_add(&rig, false);
    in.u.addrs.source = PEER_FROM_TRACKER;
    in.u.addrs.addrs = &addr;
    in.u.addrs.count = 1;
    cr_assert_eq(refuse_connects(n, &in, SPRAT_E_LIMIT), 1);
    for (int i = 0; i < 3 * PEERLIST_FAILURES_MAX; i++) {
        rig.sim.engine.now = mono_add_ms(rig.sim.engine.now, 2 * PEERLIST_RETRY_MIN_MS);
        cr_assert_eq(refuse_connects(n, &tick, SPRAT_E_LIMIT), 1, "try %d", i);
    }
    for (int i = 0; i < PEERLIST_FAILURES_MAX; i++) {
        rig.sim.engine.now = mono_add_ms(rig.sim.engine.now, 2 * PEERLIST_RETRY_MAX_MS);
        cr_assert_eq(refuse_connects(n, &tick, SPRAT_E_REFUSED), 1);
    }
    rig.sim.engine.now = mono_add_ms(rig.sim.engine.now, 2 * PEERLIST_RETRY_MAX_MS);
    cr_assert_eq(refuse_connects(n, &tick, SPRAT_E_REFUSED), 0, "it is gone");
}

/* Without a limit, each INTERESTED and NOT_INTERESTED would cause a round over all peers. */
Test(swarm, who_changes_its_mind_all_the_time_keeps_nobody_busy)
{
    struct wire_msg msg = {0};
    struct node *n;
    slot_id peer;
    unsigned sent = 0;

    make_single(METAINFO_V1, MIB, 64 * KIB);
    n = rig_add(&rig, true);
    tick_after(n, 1000);
    peer = connect_stranger(n, false); /* it gets no suggestions */
    for (int i = 0; i < 1000; i++) {
        msg.type = i % 2 == 0 ? WIRE_INTERESTED : WIRE_NOT_INTERESTED;
        sent += feed_msg(n, peer, &msg, SWARM_FX_SEND, NULL);
        cr_assert(i > 0 || sent == 1, "the first one is served at once");
    }
    cr_assert_eq(sent, 1);
    msg.type = WIRE_INTERESTED;
    feed_msg(n, peer, &msg, SWARM_FX_SEND, NULL);
    tick_after(n, 150);
    msg.type = WIRE_NOT_INTERESTED;
    cr_assert_eq(feed_msg(n, peer, &msg, SWARM_FX_SEND, &msg), 0);
    tick_after(n, 150); /* it is choked */
    tick_after(n, 150);
    msg.type = WIRE_INTERESTED;
    cr_assert_eq(feed_msg(n, peer, &msg, SWARM_FX_SEND, &msg), 1, "unchoked anew");
    cr_assert_eq(msg.type, WIRE_UNCHOKE);
}

/* The types, as bits, of the effects about |peer| that its message causes. */
static unsigned
effects_about(struct node *n, slot_id peer, const struct wire_msg *msg)
{
    struct swarm_input in = {.type = SWARM_IN_MESSAGE, .peer = peer};
    struct swarm_effect fx;
    unsigned types = 0;

    rig_message(&in, msg);
    cr_assert_eq(swarm_handle(n->swarm, &in, rig.sim.engine.now), 0);
    while (swarm_next(n->swarm, &fx) == 1)
        types |= fx.peer == peer ? 1u << fx.type : 0;
    return types;
}

Test(swarm, nothing_is_sent_to_a_peer_that_is_to_be_closed)
{
    struct wire_msg have_all = {.type = WIRE_HAVE_ALL}, unchoke = {.type = WIRE_UNCHOKE};
    struct wire_msg bad = {.type = WIRE_HAVE, .piece = 16};
    struct node *n;
    slot_id bad_one, other;

    make_single(METAINFO_V1, MIB, 64 * KIB);
    n = rig_add(&rig, false);
    bad_one = connect_numbered(n, true, 1);
    other = connect_numbered(n, true, 2);
    feed_msg(n, bad_one, &have_all, SWARM_FX_SEND, NULL);
    cr_assert_gt(feed_msg(n, bad_one, &unchoke, SWARM_FX_SEND, NULL), 0, "it is asked for blocks");
    feed_msg(n, other, &have_all, SWARM_FX_SEND, NULL);
    feed_msg(n, other, &unchoke, SWARM_FX_SEND, NULL);
    cr_assert_eq(effects_about(n, bad_one, &bad), 1u << SWARM_FX_CLOSE);
    cr_assert_eq(stats_of(n).peers_connected, 1);
    cr_assert_eq(effects_about(n, bad_one, &bad), 0, "it is gone");
}

/* Both sides are seeds: the review of the connection dooms the peer, and the same function then
 * sends it no NOT_INTERESTED. */
Test(swarm, a_peer_doomed_in_the_middle_of_a_message_hears_only_the_close)
{
    struct wire_msg have = {.type = WIRE_HAVE_ALL};
    struct node *n;
    slot_id peer;

    make_single(METAINFO_V1, MIB, 64 * KIB);
    n = rig_add(&rig, true);
    peer = connect_numbered(n, true, 1);
    cr_assert_eq(effects_about(n, peer, &have), 1u << SWARM_FX_CLOSE);
    cr_assert_eq(stats_of(n).seeds_connected, 0);
}

Test(swarm, who_is_of_no_use_makes_room)
{
    struct wire_msg interested = {.type = WIRE_INTERESTED};
    struct node *n;
    slot_id peers[50], closed = SLOT_NONE;

    make_single(METAINFO_V1, MIB, 64 * KIB);
    n = rig_add(&rig, true);
    for (unsigned i = 0; i < 50; i++)
        peers[i] = connect_numbered(n, true, (uint8_t)(i + 1));
    cr_assert_eq(try_to_connect(n, true, 60, &closed), SLOT_NONE, "it is full");
    cr_assert_eq(closed, SLOT_NONE);
    feed_msg(n, peers[0], &interested, SWARM_FX_SEND, NULL);
    tick_after(n, CROWD_USELESS_MS + 1);
    cr_assert_neq(try_to_connect(n, true, 60, &closed), SLOT_NONE);
    cr_assert_neq(closed, SLOT_NONE);
    cr_assert_neq(closed, peers[0], "it waits for blocks");
    cr_assert_eq(stats_of(n).peers_connected, 50);
}

Test(swarm, who_owes_blocks_for_long_makes_room)
{
    struct wire_msg have_all = {.type = WIRE_HAVE_ALL}, unchoke = {.type = WIRE_UNCHOKE};
    struct wire_msg interested = {.type = WIRE_INTERESTED}, alive = {.type = WIRE_KEEPALIVE};
    struct node *n;
    slot_id peers[50], closed = SLOT_NONE;

    make_single(METAINFO_V1, MIB, 64 * KIB);
    n = rig_add(&rig, false);
    for (unsigned i = 0; i < 50; i++) {
        peers[i] = connect_numbered(n, true, (uint8_t)(i + 1));
        if (i == 7)
            feed_msg(n, peers[i], &have_all, SWARM_FX_SEND, NULL);
        feed_msg(n, peers[i], &interested, SWARM_FX_SEND, NULL);
    }
    cr_assert_gt(feed_msg(n, peers[7], &unchoke, SWARM_FX_SEND, NULL), 0);
    for (int s = 0; s < CROWD_OWES_MS / 1000; s++)
        tick_after(n, 1000);
    cr_assert_eq(try_to_connect(n, true, 60, &closed), SLOT_NONE, "it may be slow");
    for (unsigned i = 0; i < 50; i++)
        if (i != 7)
            feed_msg(n, peers[i], &alive, SWARM_FX_SEND, NULL);
    tick_after(n, 1000);
    cr_assert_neq(try_to_connect(n, true, 60, &closed), SLOT_NONE);
    cr_assert_eq(closed, peers[7]);
}

Test(swarm, a_peer_that_never_reads_is_closed)
{
    struct wire_msg interested = {.type = WIRE_INTERESTED}, keepalive = {.type = WIRE_KEEPALIVE};
    struct wire_msg req = {.type = WIRE_REQUEST, .length = BLOCK_LEN};
    struct swarm_input sent = {.type = SWARM_IN_SENT};
    struct node *n;

    make_single(METAINFO_V1, MIB, 64 * KIB);
    n = rig_add(&rig, true);
    sent.peer = connect_stranger(n, true);
    feed_msg(n, sent.peer, &interested, SWARM_FX_SEND, NULL);
    cr_assert_geq(feed_msg(n, sent.peer, &req, SWARM_FX_SEND_PIECE, NULL), 1);
    for (int i = 0; i < 3; i++) { /* a byte at a time is slow, but no reason */
        tick_after(n, SWARM_STUCK_MS - 1000);
        feed_msg(n, sent.peer, &keepalive, SWARM_FX_SEND, NULL);
        sent.u.sent.payload = sent.u.sent.total = 1;
        swarm_handle(n->swarm, &sent, rig.sim.engine.now);
    }
    cr_assert_eq(stats_of(n).peers_connected, 1);
    tick_after(n, SWARM_STUCK_MS - 1000);
    feed_msg(n, sent.peer, &keepalive, SWARM_FX_SEND, NULL);
    tick_after(n, 2001);
    cr_assert_eq(stats_of(n).peers_connected, 0);
}

Test(swarm, every_hash_request_is_answered)
{
    struct wire_msg req = {.type = WIRE_HASH_REQUEST};
    struct wire_msg sent = {0};
    struct node *n;
    slot_id peer;

    make_single(METAINFO_V2, MIB, 64 * KIB);
    n = rig_add(&rig, true);
    peer = connect_stranger(n, true);
    req.hashes = (struct wire_hash_request){.base_layer = 2, .index = 0, .length = 16};
    cr_assert_eq(feed_msg(n, peer, &req, SWARM_FX_SEND, &sent), 1);
    cr_assert_eq(sent.type, WIRE_HASH_REJECT, "an unknown root");
    memcpy(req.hashes.root, rig.content.mi->files[0].root, 32);
    cr_assert_eq(feed_msg(n, peer, &req, SWARM_FX_SEND, &sent), 1);
    cr_assert_eq(sent.type, WIRE_HASHES);
    cr_assert_eq(sent.len, 16 * 32);
    req.hashes.length = 32;
    cr_assert_eq(feed_msg(n, peer, &req, SWARM_FX_SEND, &sent), 1);
    cr_assert_eq(sent.type, WIRE_HASH_REJECT, "more than the tree has");
}

Test(swarm, leaves_are_read_from_disk_for_a_hash_request)
{
    struct wire_msg req = {.type = WIRE_HASH_REQUEST};
    struct wire_msg sent = {0};
    struct swarm_input in = {.type = SWARM_IN_LEAVES};
    struct swarm_effect fx;
    struct node *n;
    uint8_t leaves[4 * 32];
    slot_id peer;

    make_single(METAINFO_V2, MIB, 64 * KIB);
    n = rig_add(&rig, true);
    peer = connect_stranger(n, true);
    memcpy(req.hashes.root, rig.content.mi->files[0].root, 32);
    req.hashes.index = 8;
    req.hashes.length = 4;
    req.hashes.proof_layers = 5;
    cr_assert_eq(feed_msg(n, peer, &req, SWARM_FX_LEAVES, NULL), 1);
    for (uint32_t b = 0; b < 4; b++)
        content_leaf(2, b, BLOCK_GOOD, leaves + (size_t)b * 32);
    in.u.leaves.piece = 2;
    in.u.leaves.leaves = leaves;
    in.u.leaves.count = 4;
    cr_assert_eq(swarm_handle(n->swarm, &in, rig.sim.engine.now), 0);
    while (swarm_next(n->swarm, &fx) == 1)
        if (fx.type == SWARM_FX_SEND)
            sent = fx.u.msg;
    cr_assert_eq(sent.type, WIRE_HASHES);
    cr_assert_geq(sent.len, 4 * 32);
}

static unsigned
feed_leaves(struct node *n, uint32_t piece, int err, enum wire_type answers)
{
    struct swarm_input in = {.type = SWARM_IN_LEAVES};
    struct swarm_effect fx;
    uint8_t leaves[4 * 32];
    unsigned count = 0;

    for (uint32_t b = 0; b < 4; b++)
        content_leaf(piece, b, BLOCK_GOOD, leaves + (size_t)b * 32);
    in.u.leaves.piece = piece;
    in.u.leaves.err = err;
    in.u.leaves.leaves = leaves;
    in.u.leaves.count = 4;
    swarm_handle(n->swarm, &in, rig.sim.engine.now);
    while (swarm_next(n->swarm, &fx) == 1)
        count += fx.type == SWARM_FX_SEND && fx.u.msg.type == answers;
    return count;
}

static struct wire_msg
leaf_request(uint32_t piece)
{
    struct wire_msg req = {.type = WIRE_HASH_REQUEST};

    memcpy(req.hashes.root, rig.content.mi->files[0].root, 32);
    req.hashes.index = 4 * piece;
    req.hashes.length = 4;
    return req;
}

Test(swarm, leaves_that_cannot_be_read_are_rejected_once_and_alone)
{
    struct wire_msg req;
    struct node *n;
    slot_id peer;

    make_single(METAINFO_V2, MIB, 64 * KIB);
    n = rig_add(&rig, true);
    peer = connect_stranger(n, true);
    for (uint32_t piece = 2; piece <= 3; piece++) {
        req = leaf_request(piece);
        cr_assert_eq(feed_msg(n, peer, &req, SWARM_FX_LEAVES, NULL), 1);
    }
    cr_expect_eq(feed_leaves(n, 2, SPRAT_E_IO, WIRE_HASH_REJECT), 1);
    cr_expect_eq(feed_leaves(n, 3, 0, WIRE_HASHES), 1);
}

/* The peer requests more pieces' leaves than are read at a time: each request has one answer. */
Test(swarm, a_rejected_hash_request_is_not_answered_again)
{
    struct node *n;
    slot_id peers[3];
    unsigned reads = 0, rejects = 0, hashes = 0;

    make_single(METAINFO_V2, 2 * MIB, 64 * KIB);
    n = rig_add(&rig, true);
    for (uint32_t i = 0; i < 3; i++)
        peers[i] = connect_numbered(n, true, (uint8_t)(i + 1));
    for (uint32_t piece = 0; piece < 6; piece++) {
        struct swarm_input in = {.type = SWARM_IN_MESSAGE, .peer = peers[piece / 2]};
        struct swarm_effect fx;
        struct wire_msg msg;

        msg = leaf_request(piece);
        rig_message(&in, &msg);
        swarm_handle(n->swarm, &in, rig.sim.engine.now);
        while (swarm_next(n->swarm, &fx) == 1) {
            reads += fx.type == SWARM_FX_LEAVES;
            rejects += fx.type == SWARM_FX_SEND && fx.u.msg.type == WIRE_HASH_REJECT;
        }
    }
    cr_assert_eq(reads, 4);
    cr_assert_eq(rejects, 2);
    for (uint32_t piece = 0; piece < 4; piece++)
        hashes += feed_leaves(n, piece, 0, WIRE_HASHES);
    cr_expect_eq(hashes, 4);
    for (uint32_t piece = 4; piece < 6; piece++)
        cr_expect_eq(feed_leaves(n, piece, 0, WIRE_HASHES), 0, "%u was rejected", piece);
}

/* The same seed gives the same run. */
Test(swarm, is_deterministic)
{
    struct mono ends[2];

    for (int i = 0; i < 2; i++) {
        if (i > 0)
            fini();
        make_single(METAINFO_HYBRID, 2 * MIB, 32 * KIB);
        rig_add(&rig, true)->spec.line.up = MIB;
        for (int k = 0; k < 6; k++)
            rig_add(&rig, false)->spec.line.up = MIB;
        cr_assert(rig_run(&rig, rig_all_complete, 300));
        ends[i] = rig.sim.engine.now;
    }
    cr_assert_eq(ends[0].us, ends[1].us);
}

Test(swarm, inputs_about_peers_that_are_gone_are_ignored)
{
    struct node *n;
    slot_id peer;
    struct swarm_input closed = {.type = SWARM_IN_CLOSED};
    struct swarm_input sent = {.type = SWARM_IN_SENT};
    struct swarm_input msg = {.type = SWARM_IN_MESSAGE};
    struct swarm_effect fx;

    make_single(METAINFO_V1, MIB, 64 * KIB);
    n = rig_add(&rig, false);
    peer = connect_stranger(n, true);
    closed.peer = sent.peer = msg.peer = peer;
    msg.u.msg =
        (struct wire_msg){.type = WIRE_PIECE, .length = 5, .block = block_take(rig.sim.pool)};
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(swarm_handle(n->swarm, &closed, rig.sim.engine.now), 0);
        cr_assert_eq(swarm_handle(n->swarm, &sent, rig.sim.engine.now), 0);
    }
    cr_assert_eq(swarm_handle(n->swarm, &msg, rig.sim.engine.now), 0);
    while (swarm_next(n->swarm, &fx) == 1)
        ;
    cr_assert_eq(block_pool_used(rig.sim.pool), 0);
}

/* --- which connections stay --- */

static slot_id
knock(struct node *n, uint8_t net, uint8_t host, uint8_t id, slot_id *closed)
{
    struct swarm_input in = {.type = SWARM_IN_ACCEPTED};
    struct swarm_effect fx;
    slot_id accepted = SLOT_NONE;

    in.u.conn.addr = (struct endpoint){.ip = {net, 9, 9, host}, .port = 5000, .family = IP_V4};
    memset(in.u.conn.handshake.peer_id, id, PEER_ID_LEN);
    in.u.conn.handshake.extended = in.u.conn.handshake.fast = true;
    cr_assert_eq(swarm_handle(n->swarm, &in, rig.sim.engine.now), 0);
    *closed = SLOT_NONE;
    while (swarm_next(n->swarm, &fx) == 1)
        if (fx.type == SWARM_FX_ACCEPT)
            accepted = fx.peer;
        else if (fx.type == SWARM_FX_CLOSE)
            *closed = fx.peer;
    return accepted;
}

/* Returns the number of messages of |type| that an input causes, and the last byte of the last
 * one's payload. */
static unsigned
answers(struct node *n, const struct swarm_input *in, enum wire_type type, uint8_t *last)
{
    struct swarm_effect fx;
    unsigned count = 0;

    cr_assert_eq(swarm_handle(n->swarm, in, rig.sim.engine.now), 0);
    while (swarm_next(n->swarm, &fx) == 1) {
        if (fx.type != SWARM_FX_SEND || fx.u.msg.type != type)
            continue;
        count++;
        if (last != NULL && fx.u.msg.len > 0)
            *last = fx.u.msg.data[fx.u.msg.len - 1];
    }
    return count;
}

static struct wire_msg
extended(uint8_t id, const char *text, size_t len)
{
    return (struct wire_msg){
        .type = WIRE_EXTENDED, .ext_id = id, .data = (const uint8_t *)text, .len = len};
}

#define EXTENDED(id, text) extended(id, text, sizeof(text) - 1)

Test(swarm, who_comes_back_takes_the_place_of_its_dead_self)
{
    struct node *n;
    slot_id first, closed;

    make_single(METAINFO_V1, MIB, 64 * KIB);
    n = rig_add(&rig, true);
    first = knock(n, 10, 1, 'a', &closed);
    cr_assert_neq(first, SLOT_NONE);
    cr_assert_eq(knock(n, 10, 1, 'a', &closed), SLOT_NONE, "it is alive");
    tick_after(n, CROWD_TWIN_SILENT_MS + 1000);
    cr_assert_neq(knock(n, 10, 1, 'a', &closed), SLOT_NONE);
    cr_assert_eq(closed, first);
}

/* A peer id is public: a peer that copies one closes no connection, and keeps no other peer out. */
Test(swarm, the_same_peer_id_from_another_address_is_another_peer)
{
    struct wire_msg have_all = {.type = WIRE_HAVE_ALL}, unchoke = {.type = WIRE_UNCHOKE};
    struct node *n;
    slot_id first, closed;

    make_single(METAINFO_V1, MIB, 64 * KIB);
    n = rig_add(&rig, false);
    first = knock(n, 10, 1, 'a', &closed);
    feed_msg(n, first, &have_all, SWARM_FX_SEND, NULL);
    cr_assert_gt(feed_msg(n, first, &unchoke, SWARM_FX_SEND, NULL), 0, "blocks are asked of it");
    cr_assert_neq(knock(n, 10, 2, 'a', &closed), SLOT_NONE);
    cr_assert_eq(closed, SLOT_NONE);
    tick_after(n, CROWD_TWIN_SILENT_MS + 1000);
    cr_assert_neq(knock(n, 10, 3, 'a', &closed), SLOT_NONE);
    cr_assert_eq(closed, SLOT_NONE, "a copied id says nothing of the first connection");
}

static unsigned
notices_after(struct node *n, const struct swarm_input *in, enum swarm_notice what)
{
    struct swarm_effect fx;
    unsigned count = 0;

    cr_assert_eq(swarm_handle(n->swarm, in, rig.sim.engine.now), 0);
    while (swarm_next(n->swarm, &fx) == 1)
        count += fx.type == SWARM_FX_NOTICE && fx.u.notice.what == what;
    return count;
}

static slot_id
dialled_after(struct node *n, const struct swarm_input *in)
{
    struct swarm_effect fx;
    slot_id id = SLOT_NONE;

    cr_assert_eq(swarm_handle(n->swarm, in, rig.sim.engine.now), 0);
    while (swarm_next(n->swarm, &fx) == 1)
        if (fx.type == SWARM_FX_CONNECT)
            id = fx.peer;
    return id;
}

Test(swarm, a_peer_given_by_hand_that_refuses_is_told_once)
{
    struct endpoint addr = {.ip = {10, 9, 9, 9}, .port = 5000, .family = IP_V4};
    struct swarm_input in = {.type = SWARM_IN_ADDRS}, tick = {.type = SWARM_IN_TICK};
    struct swarm_input closed = {.type = SWARM_IN_CLOSED, .u.closed.err = SPRAT_E_REFUSED};
    struct node *n;

    make_single(METAINFO_V1, MIB, 64 * KIB);
    n = rig_add(&rig, false);
    in.u.addrs.source = PEER_FROM_TRACKER;
    in.u.addrs.addrs = &addr;
    in.u.addrs.count = 1;
    closed.peer = dialled_after(n, &in);
    cr_assert_neq(closed.peer, SLOT_NONE);
    cr_assert_eq(notices_after(n, &closed, SWARM_NOTICE_UNREACHED), 0, "nobody waits for it");
    addr.port++;
    in.u.addrs.source = PEER_FROM_USER;
    closed.peer = dialled_after(n, &in);
    cr_assert_eq(notices_after(n, &closed, SWARM_NOTICE_UNREACHED), 1);
    for (int i = 0; i < 3; i++) {
        rig.sim.engine.now = mono_add_ms(rig.sim.engine.now, PEERLIST_RETRY_MAX_MS);
        while ((closed.peer = dialled_after(n, &tick)) != SLOT_NONE)
            cr_assert_eq(notices_after(n, &closed, SWARM_NOTICE_UNREACHED), 0, "it was said");
    }
}

Test(swarm, one_host_has_so_many_connections_and_no_more)
{
    struct node *n;
    slot_id closed;

    make_single(METAINFO_V1, MIB, 64 * KIB);
    n = rig_add(&rig, true);
    for (unsigned i = 0; i < CROWD_SITE_PEERS_MAX; i++)
        cr_assert_neq(knock(n, 10, 1, (uint8_t)(1 + i), &closed), SLOT_NONE);
    cr_assert_eq(knock(n, 10, 1, 99, &closed), SLOT_NONE);
    cr_assert_neq(knock(n, 10, 2, 100, &closed), SLOT_NONE);
    for (unsigned i = 0; i < 2 * CROWD_SITE_PEERS_MAX && i < 30; i++)
        cr_assert_neq(knock(n, 127, 1, (uint8_t)(120 + i), &closed), SLOT_NONE, "this machine");
}

Test(swarm, what_a_peer_lost_is_not_waited_for)
{
    struct wire_msg all = {.type = WIRE_HAVE_ALL}, unchoke = {.type = WIRE_UNCHOKE};
    struct swarm_input in = {.type = SWARM_IN_MESSAGE};
    struct swarm_peer_stats ps;
    struct swarm_effect fx;
    uint32_t iter = 0, asked[16] = {0}, piece = 0;
    struct wire_msg no_more;
    char lost[4] = {0};
    struct node *n;

    make_single(METAINFO_V1, MIB, 64 * KIB);
    n = rig_add(&rig, false);
    in.peer = connect_stranger(n, true);
    feed_msg(n, in.peer, &all, SWARM_FX_SEND, NULL);
    rig_message(&in, &unchoke);
    cr_assert_eq(swarm_handle(n->swarm, &in, rig.sim.engine.now), 0);
    while (swarm_next(n->swarm, &fx) == 1)
        if (fx.type == SWARM_FX_SEND && fx.u.msg.type == WIRE_REQUEST)
            asked[piece = fx.u.msg.piece]++;
    cr_assert_gt(asked[piece], 0u);
    lost[3] = (char)piece;
    no_more = extended(1, lost, 4);
    rig_message(&in, &no_more);
    cr_assert_eq(answers(n, &in, WIRE_CANCEL, NULL), asked[piece]);
    cr_assert(swarm_next_peer_stats(n->swarm, &iter, &ps, rig.sim.engine.now));
    cr_assert_eq(ps.pieces_have, 15u);
    cr_assert_gt(ps.requests_out, 0u, "something else is asked of it instead");
}

Test(swarm, two_who_only_give_have_nothing_to_say)
{
    struct wire_msg some = {.type = WIRE_HAVE, .piece = 3};
    struct wire_msg gives = EXTENDED(0, "d11:upload_onlyi1ee"), wants = EXTENDED(2, "\0"),
                    gives_now = EXTENDED(2, "\1");
    struct wire_msg interested = {.type = WIRE_INTERESTED}, content = {.type = WIRE_NOT_INTERESTED};
    struct swarm_input in = {.type = SWARM_IN_PRIORITY};
    struct node *n;
    slot_id peer;

    make_single(METAINFO_V1, MIB, 64 * KIB);
    n = rig_add(&rig, false);
    peer = connect_stranger(n, true);
    cr_assert_eq(feed_msg(n, peer, &some, SWARM_FX_CLOSE, NULL), 0);
    cr_assert_eq(feed_msg(n, peer, &gives, SWARM_FX_CLOSE, NULL), 0, "we want something");
    feed_msg(n, peer, &wants, SWARM_FX_CLOSE, NULL);
    in.u.priority.count = 16; /* nothing is wanted */
    swarm_handle(n->swarm, &in, rig.sim.engine.now);
    cr_assert_eq(feed_msg(n, peer, &interested, SWARM_FX_CLOSE, NULL), 0);
    cr_assert_eq(feed_msg(n, peer, &gives_now, SWARM_FX_CLOSE, NULL), 0, "it asks for something");
    cr_assert_eq(feed_msg(n, peer, &content, SWARM_FX_CLOSE, NULL), 1);
}

/* A peer that connects when all connections are in use replaces one with a lower priority (BEP 40).
 */
Test(swarm, a_full_table_goes_by_canonical_priority)
{
    struct wire_msg hello = EXTENDED(0, "d6:yourip4:\x0a\x01\x01\x01"
                                        "e");
    struct wire_msg interested = {.type = WIRE_INTERESTED};
    struct endpoint own = {.family = IP_V4, .ip = {10, 1, 1, 1}, .port = 6881}, least = own,
                    best = own;
    slot_id peers[50], closed;
    struct node *n;
    uint32_t lowest = UINT32_MAX, highest = 0, low = 0;

    make_single(METAINFO_V1, MIB, 64 * KIB);
    n = rig_add(&rig, true);
    for (uint8_t i = 0; i < 50; i++) {
        struct endpoint addr = {.family = IP_V4, .ip = {10, 9, 9, (uint8_t)(i + 1)}, .port = 5000};

        peers[i] = knock(n, 10, (uint8_t)(i + 1), (uint8_t)(i + 1), &closed);
        cr_assert_neq(peers[i], SLOT_NONE);
        feed_msg(n, peers[i], &hello, SWARM_FX_SEND, NULL);
        feed_msg(n, peers[i], &interested, SWARM_FX_SEND, NULL);
        if (peerprio(&own, &addr) < lowest) {
            lowest = peerprio(&own, &addr);
            low = i;
        }
    }
    for (unsigned i = 51; i < 256; i++) {
        struct endpoint addr = {.family = IP_V4, .ip = {10, 9, 9, (uint8_t)i}, .port = 5000};

        if (peerprio(&own, &addr) > highest) {
            highest = peerprio(&own, &addr);
            best = addr;
        }
        if (peerprio(&own, &addr) < lowest)
            least = addr;
    }
    cr_assert_eq(knock(n, 10, best.ip[3], 200, &closed), SLOT_NONE, "all came just now");
    tick_after(n, CROWD_SETTLE_MS + 1000);
    if (least.ip[1] == 9)
        cr_assert_eq(knock(n, 10, least.ip[3], 201, &closed), SLOT_NONE, "behind everybody");
    cr_assert_neq(knock(n, 10, best.ip[3], 202, &closed), SLOT_NONE);
    cr_assert_eq(closed, peers[low]);
}

/* What a swarm of |n|'s content, with a node of the DHT, does about a peer that has one too: the
 * PORT messages that it sends, and the NODE effects when the peer names its port twice. */
static void
meet_dht_peer(bool is_private, unsigned *ports, unsigned *nodes)
{
    struct rate_bucket up, down;
    struct swarm_config cfg = {
        .client = "x", .dht_port = 7001, .peers_max = 10, .up = &up, .down = &down};
    struct swarm_input in = {.type = SWARM_IN_START};
    struct wire_msg port = {.type = WIRE_PORT, .port = 6000};
    struct mono now = rig.sim.engine.now;
    struct swarm_effect fx;
    struct swarm *s;
    slot_id id = SLOT_NONE;

    rate_bucket_init(&up, 0, now);
    rate_bucket_init(&down, 0, now);
    *ports = *nodes = 0;
    rig.content.mi->is_private = is_private;
    s = swarm_new(rig.content.mi, &cfg, 1, now);
    cr_assert_not_null(s);
    cr_assert_eq(swarm_handle(s, &in, now), 0);
    in = (struct swarm_input){.type = SWARM_IN_ACCEPTED};
    in.u.conn.addr = (struct endpoint){.ip = {10, 9, 9, 9}, .port = 5000, .family = IP_V4};
    in.u.conn.handshake.dht = true;
    in.u.conn.handshake.peer_id[0] = 'z';
    cr_assert_eq(swarm_handle(s, &in, now), 0);
    while (swarm_next(s, &fx) == 1) {
        id = fx.type == SWARM_FX_ACCEPT ? fx.peer : id;
        *ports += fx.type == SWARM_FX_SEND && fx.u.msg.type == WIRE_PORT && fx.u.msg.port == 7001;
    }
    for (int i = 0; i < 2; i++) {
        in = (struct swarm_input){.type = SWARM_IN_MESSAGE, .peer = id};
        rig_message(&in, &port);
        cr_assert_eq(swarm_handle(s, &in, now), 0);
        while (swarm_next(s, &fx) == 1)
            *nodes += fx.type == SWARM_FX_NODE && fx.u.node.port == 6000;
    }
    swarm_free(s);
}

Test(swarm, peers_exchange_the_ports_of_their_dht_nodes)
{
    unsigned ports, nodes;

    make_single(METAINFO_V1, MIB, 64 * KIB);
    meet_dht_peer(false, &ports, &nodes);
    cr_expect_eq(ports, 1u);
    cr_expect_eq(nodes, 1u);
    meet_dht_peer(true, &ports, &nodes);
    cr_expect_eq(ports, 0u, "a private torrent keeps to its trackers (BEP 27)");
    cr_expect_eq(nodes, 0u);
}

/* Takes all effects. |*job| becomes the last announce's, |*peer| the last connection's; returns the
 * number of connections that are closed. */
static unsigned
take_all(struct swarm *s, struct announce_job *job, slot_id *peer)
{
    unsigned closed = 0;
    struct swarm_effect fx;

    while (swarm_next(s, &fx) == 1) {
        if (fx.type == SWARM_FX_ANNOUNCE && fx.u.announce.job.event != ANNOUNCE_STOPPED)
            *job = fx.u.announce.job;
        else if (fx.type == SWARM_FX_CONNECT)
            *peer = fx.peer;
        closed += fx.type == SWARM_FX_CLOSE;
    }
    return closed;
}

/* The announce |job| ends: with one peer, or with an error. */
static void
answer(struct swarm *s, struct announce_job job, const struct endpoint *peer, struct mono now)
{
    struct swarm_input in = {.type = SWARM_IN_ANNOUNCED};

    in.u.announced.job = job.id;
    in.u.announced.result.err = peer == NULL ? SPRAT_E_TIMEOUT : 0;
    in.u.announced.addrs = peer;
    in.u.announced.count = peer != NULL;
    cr_assert_eq(swarm_handle(s, &in, now), 0);
}

Test(swarm, a_private_torrent_leaves_all_peers_with_its_tracker)
{
    static const char *const urls[] = {"http://one.example/", "http://two.example/"};
    const struct endpoint first = {.ip = {10, 9, 9, 1}, .port = 5000, .family = IP_V4};
    const struct endpoint second = {.ip = {10, 9, 9, 2}, .port = 5000, .family = IP_V4};
    struct rate_bucket up, down;
    struct swarm_config cfg = {.client = "x",
                               .peers_max = 10,
                               .up = &up,
                               .down = &down,
                               .trackers = urls,
                               .tracker_count = 2};
    struct swarm_input in = {.type = SWARM_IN_START}, tick = {.type = SWARM_IN_TICK};
    struct announce_job job = {.url = ""};
    struct mono now;
    slot_id peer = SLOT_NONE, other = SLOT_NONE;
    unsigned closed = 0;
    struct swarm *s;

    make_single(METAINFO_V1, MIB, 64 * KIB);
    now = rig.sim.engine.now;
    rate_bucket_init(&up, 0, now);
    rate_bucket_init(&down, 0, now);
    rig.content.mi->is_private = true;
    s = swarm_new(rig.content.mi, &cfg, 1, now);
    cr_assert_not_null(s);
    cr_assert_eq(swarm_handle(s, &in, now), 0);
    (void)take_all(s, &job, &peer);
    cr_assert_str_eq(job.url, urls[0]);
    answer(s, job, &first, now);
    (void)take_all(s, &job, &peer);
    cr_assert_neq(peer, SLOT_NONE);
    /* The peer connects, and stays while its tracker fails. */
    in = (struct swarm_input){.type = SWARM_IN_CONNECTED, .peer = peer};
    in.u.conn.handshake.peer_id[0] = 'z';
    cr_assert_eq(swarm_handle(s, &in, now), 0);
    for (int i = 0; i < 1000 && strcmp(job.url, urls[1]) != 0; i++) {
        struct announce_job next = {.url = NULL};

        now = mono_max(now, swarm_expiry(s));
        in = (struct swarm_input){.type = SWARM_IN_MESSAGE, .peer = peer};
        rig_message(&in, &(struct wire_msg){.type = WIRE_KEEPALIVE});
        cr_assert_eq(swarm_handle(s, &in, now), 0);
        cr_assert_eq(swarm_handle(s, &tick, now), 0);
        cr_assert_eq(take_all(s, &next, &other), 0, "step %d", i);
        if (next.url == NULL)
            continue;
        job = next;
        if (strcmp(job.url, urls[0]) == 0)
            answer(s, job, NULL, now);
    }
    cr_assert_str_eq(job.url, urls[1]);
    cr_assert_eq(swarm_peers_up(s), 1u, "the other one has not answered yet");
    answer(s, job, &second, now);
    closed = take_all(s, &job, &other);
    cr_assert_eq(closed, 1u);
    cr_assert_neq(other, SLOT_NONE);
    cr_assert_eq(swarm_peers_up(s), 0u);
    cr_assert_eq(peerlist_count(swarm_peerlist(s)), 1u, "the first peer is forgotten");
    swarm_free(s);
}
