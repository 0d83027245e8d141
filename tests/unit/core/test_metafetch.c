/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Metafetch among peers that are honest, slow or hostile, in virtual time. A peer of the test
 * answers each request after its delay, as its row of PEER_TABLE says.
 */
#include "peer/core/metafetch.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/crypto/sha.h"
#include "peer/core/extmsg.h"
#include "tests/sim/content.h"

enum {
    MS = 1000,
    DELAY_MS = 50, /* to a peer, one way */
    THEIR_ID = 7,  /* the peers' id of ut_metadata */
    OUR_ID = 4,    /* ours, as extmsg.h has it */
    PEERS_MAX = 40,
    QUEUE_MAX = 4096,
};

/*  X(NAME): what a peer of the test does */
#define PEER_TABLE(X)                                                                              \
    X(HONEST)                                                                                      \
    X(PLAIN)    /* does not know the extension protocol */                                         \
    X(POOR)     /* has no metadata itself */                                                       \
    X(SPOILS)   /* one of its blocks is wrong */                                                   \
    X(FORGES)   /* all of its blocks are wrong */                                                  \
    X(SHORT)    /* its blocks lack a byte */                                                       \
    X(LONG)     /* its blocks have a byte more */                                                  \
    X(RENAMES)  /* its blocks name another size than its handshake */                              \
    X(SWELLS)   /* claims the longest size, and sends blocks of it */                              \
    X(TRICKLES) /* the same, one block in nine seconds */                                          \
    X(REJECTS)                                                                                     \
    X(MUTE)                                                                                        \
    X(WAVERS) /* names another size after the first request */                                     \
    X(PUSHES) /* sends blocks that nobody requested */                                             \
    X(LEAVES) /* closes the connection at the first request */

enum conduct {
#define X(name) name,
    PEER_TABLE(X)
#undef X
};

struct answer {
    struct mono at;
    unsigned peer;
    uint32_t block;
    bool shakes; /* the connection comes up, in place of an answer */
    slot_id id;  /* of the connection */
};

struct peer {
    enum conduct conduct;
    struct endpoint addr;
    slot_id id; /* SLOT_NONE: not connected */
    unsigned dials, requests, out, out_most, closes;
    struct mono busy; /* TRICKLES: when the next block may leave */
};

static struct world {
    struct metafetch *m;
    struct content content;
    struct identity id;
    uint8_t *info;
    uint32_t size;
    struct mono now;
    struct rate_bucket up, down;
    struct rng rng;
    struct peer peers[PEERS_MAX];
    unsigned count;
    struct answer queue[QUEUE_MAX];
    unsigned queued;
    int delay_ms;
    struct metainfo *got;
    bool over;
    int err; /* of the notice METADATA */
    unsigned banned, announces;
    uint64_t left; /* of the last announce */
    bool stopped;
} w;

/* --- the world --- */

static void
make_info(enum metainfo_format format, uint64_t pieces, bool is_private)
{
    struct content_spec spec = {.format = format,
                                .piece_length = BLOCK_LEN,
                                .size = pieces * BLOCK_LEN,
                                .files = 1,
                                .is_private = is_private};
    struct errbuf eb;

    cr_assert_eq(content_init(&w.content, &spec, &eb), 0, "%s", eb.text);
    w.id = w.content.mi->id;
    w.size = (uint32_t)w.content.mi->info_len;
    w.info = malloc(w.size);
    cr_assert_not_null(w.info);
    memcpy(w.info, w.content.mi->info, w.size);
}

static void
make_fetch(struct metafetch_config cfg)
{
    const struct announce_urls urls = {.extra = (const char *const[]){"http://t.example/a"},
                                       .extra_count = 1};
    struct swarm_input in = {.type = SWARM_IN_START};

    rng_init(&w.rng, 5);
    rate_bucket_init(&w.up, 0, w.now);
    rate_bucket_init(&w.down, 0, w.now);
    cfg.id = w.id;
    cfg.client = "Fetcher 1";
    cfg.up = &w.up;
    cfg.down = &w.down;
    memset(cfg.peer_id, 'f', PEER_ID_LEN);
    cfg.announcer = announcer_new(&w.id, &urls, &w.rng);
    cr_assert_not_null(cfg.announcer);
    w.m = metafetch_new(&cfg, 9, w.now);
    cr_assert_not_null(w.m);
    cr_assert_eq(metafetch_handle(w.m, &in, w.now), 0);
}

static void
begin_with(enum metainfo_format format, uint64_t pieces, struct metafetch_config cfg)
{
    memset(&w, 0, sizeof(w));
    w.now = (struct mono){1000 * MS};
    w.delay_ms = DELAY_MS;
    make_info(format, pieces, false);
    make_fetch(cfg);
}

static void
begin(uint64_t pieces)
{
    begin_with(METAINFO_V1, pieces, (struct metafetch_config){.no_pex = true});
}

static void
end(void)
{
    metafetch_free(w.m);
    metainfo_free(w.got);
    content_fini(&w.content);
    free(w.info);
    memset(&w, 0, sizeof(w));
}

static void carry_out(void);

static void
feed(const struct swarm_input *in)
{
    cr_assert_eq(metafetch_handle(w.m, in, w.now), 0);
    carry_out();
}

/* The peer is at 10.0.0.|n| and has the number |n|. */
static unsigned
add(enum conduct conduct)
{
    unsigned n = w.count++;
    struct peer *p = &w.peers[n];
    struct swarm_input in = {.type = SWARM_IN_ADDRS};

    cr_assert_lt(n, PEERS_MAX);
    *p = (struct peer){.conduct = conduct,
                       .addr = {.ip = {10, 0, 0, (uint8_t)(n + 1)}, .port = 6881, .family = IP_V4}};
    in.u.addrs.source = PEER_FROM_TRACKER;
    in.u.addrs.addrs = &p->addr;
    in.u.addrs.count = 1;
    feed(&in);
    return n;
}

static void
enqueue(struct answer a)
{
    cr_assert_lt(w.queued, QUEUE_MAX);
    w.queue[w.queued++] = a;
}

/* --- what peers say --- */

static void
say(unsigned n, uint8_t ext_id, const void *data, size_t len)
{
    struct swarm_input in = {.type = SWARM_IN_MESSAGE, .peer = w.peers[n].id};

    in.u.msg = (struct wire_msg){.type = WIRE_EXTENDED, .ext_id = ext_id, .data = data, .len = len};
    in.total = wire_size(&in.u.msg);
    feed(&in);
}

static void
say_plain(unsigned n, struct wire_msg msg)
{
    struct swarm_input in = {.type = SWARM_IN_MESSAGE, .peer = w.peers[n].id, .u.msg = msg};

    in.total = wire_size(&msg);
    feed(&in);
}

static void
say_hello(unsigned n, int64_t size)
{
    char text[128];

    snprintf(text, sizeof(text), "d1:md11:ut_metadatai%dee13:metadata_sizei%llde4:reqqi9ee",
             THEIR_ID, (long long)size);
    say(n, 0, text, strlen(text));
}

static uint32_t
claim_of(const struct peer *p)
{
    if (p->conduct == SWELLS || p->conduct == TRICKLES)
        return METAMSG_INFO_MAX - (uint32_t)(p - w.peers);
    return p->conduct == POOR ? 0 : w.size;
}

static void
say_block(unsigned n, uint32_t block)
{
    const struct peer *p = &w.peers[n];
    uint32_t size = claim_of(p), len = metamsg_block_len(size, block);
    uint8_t *data = calloc(1, METAMSG_SIZE_MAX + 1);
    int head;

    cr_assert_not_null(data);
    head = snprintf((char *)data, 128, "d8:msg_typei1e5:piecei%ue10:total_sizei%uee", block,
                    p->conduct == RENAMES ? size + 1 : size);
    if (size == w.size)
        memcpy(data + head, w.info + (size_t)block * METAMSG_BLOCK_LEN, len);
    if (p->conduct == FORGES || (p->conduct == SPOILS && block == 1))
        data[head] ^= 1;
    if (p->conduct == SHORT)
        len--;
    if (p->conduct == LONG)
        len++;
    say(n, OUR_ID, data, (size_t)head + len);
    free(data);
}

static void
say_reject(unsigned n, uint32_t block)
{
    char text[64];

    snprintf(text, sizeof(text), "d8:msg_typei2e5:piecei%uee", block);
    say(n, OUR_ID, text, strlen(text));
}

static void
shake(unsigned n, slot_id id)
{
    struct peer *p = &w.peers[n];
    struct swarm_input in = {.type = SWARM_IN_CONNECTED, .peer = id};

    p->id = id;
    in.u.conn.addr = p->addr;
    in.u.conn.handshake.extended = p->conduct != PLAIN;
    in.u.conn.handshake.fast = true;
    memset(in.u.conn.handshake.peer_id, (int)n + 1, PEER_ID_LEN);
    feed(&in);
    /* What peers say before we can judge it. */
    say_plain(n, (struct wire_msg){.type = WIRE_HAVE_ALL});
    say_plain(n, (struct wire_msg){.type = WIRE_UNCHOKE});
    if (p->id == SLOT_NONE || p->conduct == PLAIN)
        return;
    if (p->conduct == POOR)
        say(n, 0, "d1:md11:ut_metadatai7eee", 24);
    else
        say_hello(n, claim_of(p));
}

/* The answer to a request leaves. */
static void
answer(const struct answer *a)
{
    struct peer *p = &w.peers[a->peer];
    struct swarm_input in = {.type = SWARM_IN_CLOSED, .peer = a->id};

    if (p->id != a->id)
        return;
    p->out--;
    switch (p->conduct) {
    case REJECTS: say_reject(a->peer, a->block); break;
    case MUTE: p->out++; break;
    case WAVERS: say_hello(a->peer, w.size + 1); break;
    case LEAVES:
        p->id = SLOT_NONE;
        in.u.closed.err = SPRAT_E_CLOSED;
        in.u.closed.reached = true;
        feed(&in);
        break;
    default: say_block(a->peer, a->block); break;
    }
}

/* --- what metafetch does --- */

static int
peer_at(const struct endpoint *addr)
{
    return addr->ip[3] - 1;
}

static int
peer_with(slot_id id)
{
    for (unsigned i = 0; i < w.count; i++)
        if (w.peers[i].id == id)
            return (int)i;
    return -1;
}

static void
on_request(unsigned n, uint32_t block)
{
    struct peer *p = &w.peers[n];
    struct mono at = mono_add_ms(w.now, 2 * w.delay_ms);

    p->requests++;
    p->out++;
    if (p->out > p->out_most)
        p->out_most = p->out;
    if (p->conduct == TRICKLES) {
        if (mono_before(p->busy, w.now))
            p->busy = w.now;
        at = p->busy = mono_add_ms(p->busy, 9000);
    }
    enqueue((struct answer){.at = at, .peer = n, .block = block, .id = p->id});
}

static void
on_send(const struct swarm_effect *fx)
{
    int n = peer_with(fx->peer);
    struct metamsg msg;

    if (n < 0 || fx->u.msg.type != WIRE_EXTENDED || fx->u.msg.ext_id != THEIR_ID)
        return;
    cr_assert_eq(metamsg_read(&msg, fx->u.msg.data, fx->u.msg.len), 0);
    if (msg.kind == METAMSG_REQUEST)
        on_request((unsigned)n, msg.block);
}

static void
on_notice(const struct swarm_effect *fx)
{
    w.banned += fx->u.notice.what == SWARM_NOTICE_BANNED;
    w.stopped = w.stopped || fx->u.notice.what == SWARM_NOTICE_STOPPED;
    if (fx->u.notice.what != SWARM_NOTICE_METADATA)
        return;
    cr_assert_not(w.over);
    w.over = true;
    w.err = fx->u.notice.err;
    w.got = metafetch_take(w.m);
}

static void
carry_out(void)
{
    struct swarm_effect fx;
    int n;

    while (metafetch_next(w.m, &fx) == 1) {
        switch (fx.type) {
        case SWARM_FX_CONNECT:
            n = peer_at(&fx.u.connect.addr);
            w.peers[n].dials++;
            enqueue((struct answer){.at = mono_add_ms(w.now, 4 * w.delay_ms),
                                    .peer = (unsigned)n,
                                    .shakes = true,
                                    .id = fx.peer});
            break;
        case SWARM_FX_CLOSE:
            n = peer_with(fx.peer);
            if (n >= 0) {
                w.peers[n].id = SLOT_NONE;
                w.peers[n].out = 0;
                w.peers[n].closes++;
            }
            break;
        case SWARM_FX_SEND: on_send(&fx); break;
        case SWARM_FX_NOTICE: on_notice(&fx); break;
        case SWARM_FX_ANNOUNCE:
            w.announces++;
            w.left = fx.u.announce.left;
            break;
        default: break;
        }
    }
}

/* Runs until the metadata is here, or for |limit_s|. Returns the milliseconds that it took. */
static int64_t
run(int64_t limit_s)
{
    struct mono start = w.now, stop = mono_add_ms(w.now, limit_s * 1000);
    struct swarm_input tick = {.type = SWARM_IN_TICK};

    while (!w.over) {
        struct mono next = metafetch_expiry(w.m);
        unsigned first = w.queued;
        struct answer a;

        for (unsigned i = 0; i < w.queued; i++)
            if (first == w.queued || mono_before(w.queue[i].at, w.queue[first].at))
                first = i;
        if (first < w.queued && mono_before(w.queue[first].at, next))
            next = w.queue[first].at;
        if (!mono_before(next, stop)) {
            w.now = stop;
            break;
        }
        if (mono_before(w.now, next))
            w.now = next;
        if (first == w.queued || mono_before(next, w.queue[first].at)) {
            feed(&tick);
            continue;
        }
        a = w.queue[first];
        memmove(&w.queue[first], &w.queue[first + 1], (w.queued - first - 1) * sizeof(a));
        w.queued--;
        if (a.shakes)
            shake(a.peer, a.id);
        else
            answer(&a);
    }
    return mono_diff_ms(w.now, start);
}

static void
expect_fetched(void)
{
    cr_assert(w.over);
    cr_assert_eq(w.err, 0, "%s", metafetch_error(w.m));
    cr_assert_not_null(w.got);
    cr_assert_eq(w.got->info_len, w.size);
    cr_assert_eq(memcmp(w.got->info, w.info, w.size), 0);
}

TestSuite(metafetch, .timeout = 60);

/* --- honest peers --- */

/* Two round trips to connect and to shake hands, and one for as many blocks as may be requested at
 * a time. */
Test(metafetch, blocks_are_requested_many_at_a_time)
{
    static const uint64_t pieces[] = {500, 8000, 60000};

    for (int i = 0; i < 3; i++) {
        int64_t ms;

        begin(pieces[i]);
        add(HONEST);
        ms = run(60);
        expect_fetched();
        cr_expect_leq(ms, (3 + (metamsg_blocks(w.size) - 1) / METAFETCH_FLIGHT_MAX) * 2 * DELAY_MS,
                      "%u bytes in %ld ms", w.size, (long)ms);
        cr_expect_leq(w.peers[0].out_most, METAFETCH_FLIGHT_MAX);
        cr_expect_eq(w.peers[0].requests, metamsg_blocks(w.size));
        end();
    }
}

Test(metafetch, the_work_is_spread_over_all_peers)
{
    begin(60000);
    for (int i = 0; i < 4; i++)
        add(HONEST);
    run(60);
    expect_fetched();
    for (int i = 1; i < 4; i++)
        cr_expect_gt(w.peers[i].requests, 0u, "peer %d", i);
    end();
}

Test(metafetch, an_announce_says_that_something_is_left)
{
    begin(500);
    run(1);
    cr_expect_eq(w.announces, 1u);
    cr_expect_eq(w.left, (uint64_t)METAFETCH_LEFT);
    end();
}

/* What a link may have: one hash of a hybrid, both, or the truncated v2 hash in place of v1. */
Test(metafetch, any_known_hash_is_enough)
{
    for (int i = 0; i < 6; i++) {
        struct identity id;

        begin_with(i == 3 || i == 4 ? METAINFO_V2 : METAINFO_HYBRID, 500,
                   (struct metafetch_config){.no_pex = true});
        id = w.id;
        if (i == 0)
            id.has_v2 = false;
        if (i == 1)
            id.has_v1 = false;
        if (i == 4) {
            id.has_v1 = true;
            id.has_v2 = false;
            memcpy(id.v1, w.id.v2, sizeof(id.v1));
        }
        if (i == 5)
            id.v1[0] ^= 1; /* both are known, and one is wrong */
        metafetch_free(w.m);
        w.id = id;
        make_fetch((struct metafetch_config){.no_pex = true});
        add(HONEST);
        run(20);
        if (i == 5) {
            cr_expect_not(w.over);
            cr_expect_eq(w.banned, 1u);
        } else {
            expect_fetched();
            cr_expect(identity_equal(&w.got->id, &w.content.mi->id));
        }
        end();
    }
}

Test(metafetch, a_peer_may_offer_the_metadata_later)
{
    unsigned n;

    begin(500);
    n = add(POOR);
    run(5);
    cr_assert_not(w.over);
    cr_expect_eq(w.peers[n].requests, 0u);
    cr_expect_neq(w.peers[n].id, SLOT_NONE, "it stays connected");
    w.peers[n].conduct = HONEST;
    say_hello(n, w.size);
    run(5);
    expect_fetched();
    end();
}

Test(metafetch, a_request_of_us_is_rejected)
{
    unsigned n;

    begin(500);
    n = add(POOR);
    run(1);
    for (int i = 0; i < 5000 && w.peers[n].id != SLOT_NONE; i++)
        say(n, OUR_ID, "d8:msg_typei0e5:piecei0ee", 25);
    cr_expect_eq(w.peers[n].closes, 1u, "requests without end are an offence");
    end();
}

/* A limit of 100 KiB/s delays the requests. */
Test(metafetch, the_download_limit_holds)
{
    int64_t ms;

    begin_with(METAINFO_V1, 20000,
               (struct metafetch_config){.no_pex = true, .down_limit = 100 * 1024});
    add(HONEST);
    ms = run(60);
    expect_fetched();
    cr_expect_geq(ms, (int64_t)w.size * 9 / 10 * 1000 / (100 * 1024));
    cr_expect_leq(ms, (int64_t)w.size * 13 / 10 * 1000 / (100 * 1024) + 1000);
    end();
}

/* --- what goes wrong --- */

/* Each kind of hostile peer comes first; then an honest one. */
Test(metafetch, an_honest_peer_is_enough)
{
    static const struct {
        enum conduct conduct;
        unsigned peers;
        int64_t within_s;
        bool banned;
    } rows[] = {
        {PLAIN, 10, 2, false},     {POOR, 10, 2, false},    {FORGES, 10, 5, true},
        {SPOILS, 10, 10, true},    {SHORT, 10, 5, false},   {LONG, 10, 5, false},
        {RENAMES, 10, 5, false},   {REJECTS, 10, 5, false}, {MUTE, 10, 30, false},
        {WAVERS, 10, 5, false},    {LEAVES, 10, 5, false},  {SWELLS, 7, 30, false},
        {TRICKLES, 10, 40, false},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        int64_t ms;

        begin(20000);
        for (unsigned k = 0; k < rows[i].peers; k++)
            add(rows[i].conduct);
        run(3);
        add(HONEST);
        ms = run(120);
        cr_expect(w.over, "row %zu", i);
        cr_expect_leq(ms, rows[i].within_s * 1000, "row %zu: %ld ms", i, (long)ms);
        cr_expect(!rows[i].banned || w.banned > 0, "row %zu: nobody is banned", i);
        if (w.over)
            expect_fetched();
        end();
    }
}

/* The sender of a wrong copy is banned, and no honest peer is. */
Test(metafetch, who_lies_is_found)
{
    begin(20000);
    for (int i = 0; i < 3; i++) {
        add(HONEST);
        add(SPOILS);
    }
    run(60);
    expect_fetched();
    for (unsigned i = 0; i < 6; i += 2)
        cr_expect_eq(w.peers[i].closes, 0u, "honest peer %u", i);
    end();
}

/* All peers lie, and send all that is requested: every one of them is banned, quickly. */
Test(metafetch, liars_alone_are_banned)
{
    begin(20000);
    for (int i = 0; i < 8; i++)
        add(FORGES);
    run(30);
    cr_assert_not(w.over);
    cr_expect_eq(w.banned, 8u);
    for (unsigned i = 0; i < 8; i++)
        cr_expect_eq(w.peers[i].id, SLOT_NONE);
    end();
}

/* Sizes that are no sizes: nothing is requested, and nobody is closed. */
Test(metafetch, impossible_sizes_offer_nothing)
{
    static const int64_t sizes[] = {0, -1, 33554433, INT64_C(1) << 40};
    unsigned n;

    begin(500);
    n = add(POOR);
    run(1);
    for (int i = 0; i < 4; i++)
        say_hello(n, sizes[i]);
    run(2);
    cr_expect_eq(w.peers[n].requests, 0u);
    cr_expect_neq(w.peers[n].id, SLOT_NONE);
    end();
}

/* Memory is bounded by what came and was requested, not by what is claimed. */
Test(metafetch, what_is_claimed_takes_no_memory)
{
    uint64_t blocks = 0;

    begin(500);
    for (int i = 0; i < 30; i++)
        add(MUTE);
    run(2);
    for (unsigned i = 0; i < 30; i++)
        blocks += w.peers[i].requests;
    cr_expect_leq(blocks, 2 * (uint64_t)metamsg_blocks(w.size), "late blocks are requested twice");
    end();
    begin(500);
    for (int i = 0; i < 30; i++)
        add(SWELLS);
    for (int s = 0; s < 20; s++) {
        uint64_t out = 0;

        run(1);
        for (unsigned i = 0; i < 30; i++)
            out += w.peers[i].out;
        cr_expect_leq(out * METAMSG_BLOCK_LEN, (uint64_t)METAFETCH_BYTES_MAX + METAMSG_BLOCK_LEN);
    }
    end();
}

Test(metafetch, messages_without_use_are_an_offence)
{
    unsigned n;

    begin(500);
    n = add(POOR);
    run(1);
    w.peers[n].conduct = PUSHES;
    for (int i = 0; i < 100 && w.peers[n].id != SLOT_NONE; i++)
        say_block(n, 0);
    cr_expect_eq(w.peers[n].closes, 1u, "blocks that nobody requested");
    n = add(POOR);
    run(1);
    for (int i = 0; i < 60000 && w.peers[n].id != SLOT_NONE; i++)
        say_plain(n, (struct wire_msg){.type = WIRE_HAVE, .piece = 1});
    cr_expect_eq(w.peers[n].closes, 1u, "HAVE without end");
    n = add(POOR);
    run(1);
    say(n, OUR_ID, "d8:msg_typei0ee", 15);
    cr_expect_eq(w.peers[n].closes, 1u, "no message of BEP 9");
    end();
}

/* The hash is right, and the content is no torrent: nobody lied. */
Test(metafetch, what_is_no_torrent_ends_it)
{
    static const char *const infos[] = {"d4:name1:xe", "i5e", "de", "de3:fooi1e", "nonsense"};

    for (size_t i = 0; i < sizeof(infos) / sizeof(*infos); i++) {
        begin(500);
        w.size = (uint32_t)strlen(infos[i]);
        memcpy(w.info, infos[i], w.size);
        metafetch_free(w.m);
        sha1(w.info, w.size, w.id.v1);
        make_fetch((struct metafetch_config){.no_pex = true});
        add(HONEST);
        run(20);
        cr_expect(w.over, "%s", infos[i]);
        cr_expect_neq(w.err, 0, "%s", infos[i]);
        cr_expect_null(w.got);
        cr_expect_neq(metafetch_error(w.m)[0], '\0');
        cr_expect_eq(w.banned, 0u);
        cr_expect_eq(w.peers[0].id, SLOT_NONE, "it is closed");
        end();
    }
}

/* --- start and stop --- */

Test(metafetch, pause_and_stop)
{
    struct swarm_input pause = {.type = SWARM_IN_PAUSE}, start = {.type = SWARM_IN_START},
                       stop = {.type = SWARM_IN_STOP}, said = {.type = SWARM_IN_ANNOUNCED};

    begin(20000);
    said.u.announced.job = 0;
    add(MUTE);
    run(1);
    feed(&said);
    feed(&pause);
    cr_expect_eq(w.peers[0].id, SLOT_NONE);
    run(20);
    cr_expect_eq(w.peers[0].dials, 1u, "a paused core dials nobody");
    w.peers[0].conduct = HONEST;
    feed(&start);
    run(20);
    expect_fetched();
    feed(&stop);
    feed(&said);
    cr_expect(w.stopped);
    end();
}

/* The next core dials the connected peers at once, and knows nobody but those whom trackers named
 * if the torrent is private. */
Test(metafetch, the_crowd_is_handed_over)
{
    struct swarm_input in = {.type = SWARM_IN_ADDRS};
    struct endpoint other = {.ip = {20, 1, 1, 1}, .port = 6881, .family = IP_V4};
    struct swarm_kept kept;
    uint32_t number;

    begin(500);
    add(HONEST);
    run(20);
    expect_fetched();
    in.u.addrs.source = PEER_FROM_USER;
    in.u.addrs.addrs = &other;
    in.u.addrs.count = 1;
    feed(&in);
    metafetch_free_but(w.m, &kept);
    w.m = NULL;
    number = PEERLIST_NONE;
    cr_expect_eq(peerlist_count(crowd_list(kept.crowd)), 2u);
    crowd_keep_only(kept.crowd, PEER_FROM_TRACKER);
    cr_expect_eq(peerlist_count(crowd_list(kept.crowd)), 1u);
    number = peerlist_walk(crowd_list(kept.crowd), PEERLIST_NONE);
    cr_assert_neq(number, PEERLIST_NONE);
    cr_expect(endpoint_same_host(peerlist_addr(crowd_list(kept.crowd), number), &w.peers[0].addr));
    cr_expect(mono_due(peerlist_expiry(crowd_list(kept.crowd), 0), w.now));
    announcer_free(kept.announcer);
    crowd_free(kept.crowd);
    end();
}

/* A link of a torrent that may be private: only trackers name peers. */
Test(metafetch, only_trackers_name_peers)
{
    struct swarm_input in = {.type = SWARM_IN_ADDRS};
    static const enum peer_source sources[] = {PEER_FROM_USER, PEER_FROM_STATE};

    begin_with(METAINFO_V1, 500, (struct metafetch_config){.trackers_only = true});
    for (int i = 0; i < 2; i++) {
        struct endpoint addr = {.ip = {20, 1, 1, (uint8_t)i}, .port = 6881, .family = IP_V4};

        in.u.addrs.source = sources[i];
        in.u.addrs.addrs = &addr;
        in.u.addrs.count = 1;
        feed(&in);
    }
    cr_expect_eq(peerlist_count(metafetch_peerlist(w.m)), 0u);
    add(HONEST);
    run(5);
    expect_fetched();
    end();
}
