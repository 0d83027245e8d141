/* SPDX-License-Identifier: BSD-2-Clause
 *
 * UDP packets to the tracker: whole conversations in both families, packets of every length, forged
 * and expired ids, and never more bytes out than in before the address is proven.
 */
#include "tracker/core/udp_service.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "common/base/bytes.h"
#include "common/base/rng.h"
#include "tests/unit/tracker/purse.h"

struct rig {
    struct tracker *t;
    struct udp_service u;
    struct endpoint from;
    struct mono now;
    uint8_t in[UDP_SERVICE_REQUEST_MAX], out[UDP_SERVICE_REPLY_MAX];
    size_t len; /* of the last answer */
};

static struct rig *
rig_new(uint8_t family)
{
    static struct rig r;
    static const struct tracker_seed seed = {{1, 2}, 3};
    struct tracker_config config;
    struct tracker_doors doors;

    tracker_config_init(&config);
    config.address_peers = 0; /* all peers here have one address */
    r = (struct rig){.t = tracker_new(&config, &seed), .now = {1000000000}};
    doors = tracker_doors_to(r.t);
    r.from = (struct endpoint){.ip = {10, 0, 0, 1}, .port = 4000, .family = family};
    udp_service_init(&r.u, &doors, (const uint8_t *)"secretsecretsecr");
    return &r;
}

static void
ask(struct rig *r, size_t len)
{
    r->len = udp_service_answer(&r->u, r->in, len, &r->from, TURN_FIRST, r->out, r->now);
}

static uint64_t
connect_to(struct rig *r)
{
    uint64_t id;

    ask(r, tracker_udp_put_connect(r->in, 1));
    cr_assert_eq(r->len, 16);
    cr_assert_eq(tracker_udp_parse_connect(&id, r->out, r->len), 0);
    return id;
}

static size_t
put_announce(struct rig *r, uint64_t id, int n)
{
    struct tracker_announce a = {.left = 1, .numwant = -1, .port = (uint16_t)(1000 + n)};

    put_u32be(a.peer_id, (uint32_t)n);
    return tracker_udp_put_announce(r->in, id, 77, &a, NULL);
}

/* The last answer is an error to transaction |transaction|. */
static void
expect_error(const struct rig *r, uint32_t transaction, const char *text)
{
    struct tracker_udp_head h;

    cr_assert_eq(tracker_udp_parse_head(&h, r->out, r->len), 0);
    cr_assert_eq(h.action, TRACKER_UDP_ERROR);
    cr_assert_eq(h.transaction, transaction);
    cr_assert_not_null(memmem(r->out + 8, r->len - 8, text, strlen(text)), "%.*s", (int)r->len - 8,
                       (const char *)r->out + 8);
}

Test(udp_service, conversation_v4)
{
    struct rig *r = rig_new(IP_V4);
    struct endpoint peers[8];
    struct tracker_reply reply;
    struct tracker_scrape s;

    for (int n = 0; n < 3; n++)
        ask(r, put_announce(r, connect_to(r), n));
    cr_assert_eq(r->len, 20 + 2 * 6);
    tracker_reply_init(&reply, peers, 8);
    cr_assert_eq(tracker_udp_parse_announce(&reply, r->out, r->len, IP_V4), 0);
    cr_assert_eq(reply.npeers, 2);
    cr_assert_eq(reply.incomplete, 3);
    cr_assert_eq(reply.peers[0].ip[0], 10);
    cr_assert_geq(reply.interval_s, 1800);
    ask(r, tracker_udp_put_scrape(r->in, connect_to(r), 5, (const uint8_t[1][20]){{0}}, 1));
    cr_assert_eq(r->len, 20);
    cr_assert_eq(tracker_udp_parse_scrape(&s, 1, r->out, r->len), 0);
    cr_assert_eq(s.incomplete, 3);
    tracker_free(r->t);
}

Test(udp_service, full_answers_stay_within_a_packet)
{
    for (int family = IP_V4; family <= IP_V6; family += IP_V6 - IP_V4) {
        struct rig *r = rig_new((uint8_t)family);
        struct tracker_announce a = {.left = 1, .numwant = 1000, .port = 1};
        uint64_t id = connect_to(r);

        for (int n = 0; n < 300; n++)
            ask(r, put_announce(r, id, n));
        ask(r, tracker_udp_put_announce(r->in, id, 1, &a, "/announce"));
        cr_assert_eq(r->len, family == IP_V4 ? 20 + 200 * 6 : 20 + 67 * 18);
        cr_assert_leq(r->len, family == IP_V4 ? 1472 : 1232);
        tracker_free(r->t);
    }
}

Test(udp_service, ids_expire_and_belong_to_an_address)
{
    struct rig *r = rig_new(IP_V4);
    uint64_t id = connect_to(r);

    r->now = mono_add_ms(r->now, 120000);
    ask(r, put_announce(r, id, 1));
    cr_assert_eq(get_u32be(r->out), TRACKER_UDP_ANNOUNCE);
    r->now = mono_add_ms(r->now, 1000);
    ask(r, put_announce(r, id, 2));
    expect_error(r, 77, "connection id");
    id = connect_to(r);
    r->from.ip[3]++;
    ask(r, put_announce(r, id, 2));
    expect_error(r, 77, "connection id");
    ask(r, put_announce(r, 0, 2));
    expect_error(r, 77, "connection id");
    tracker_free(r->t);
}

Test(udp_service, malformed_requests_with_a_good_id)
{
    struct rig *r = rig_new(IP_V4);
    uint64_t id = connect_to(r);
    size_t len = put_announce(r, id, 1);

    ask(r, len - 1);
    expect_error(r, 77, "too short");
    put_u16be(r->in + 96, 0);
    ask(r, len);
    expect_error(r, 77, "port");
    put_u16be(r->in + 96, 1);
    memcpy(r->in + len, "\x02\x09/", 3);
    ask(r, len + 3);
    expect_error(r, 77, "malformed");
    for (int i = 0; i < 5; i++) {
        memset(r->in + len + 257 * i, 'u', 257);
        memcpy(r->in + len + 257 * i, "\x02\xff", 2);
    }
    ask(r, len + 257 * 5);
    expect_error(r, 77, "URL data");
    tracker_udp_put_scrape(r->in, id, 9, (const uint8_t[1][20]){{0}}, 1);
    ask(r, 35);
    expect_error(r, 9, "too short");
    tracker_free(r->t);
}

Test(udp_service, what_is_no_request_meets_silence)
{
    struct rig *r = rig_new(IP_V4);

    for (size_t len = 0; len < 16; len++) {
        tracker_udp_put_connect(r->in, 1);
        ask(r, len);
        cr_assert_eq(r->len, 0);
    }
    put_u64be(r->in, 12345);
    ask(r, 16);
    cr_assert_eq(r->len, 0, "a connect without the protocol's number");
    put_u32be(r->in + 8, 3);
    ask(r, 200);
    cr_assert_eq(r->len, 0, "an action that is no request");
    cr_assert_gt(tally_get(&r->u.ignored), 0);
    tracker_free(r->t);
}

Test(udp_service, never_more_out_than_in_before_the_address_is_proven)
{
    struct rig *r = rig_new(IP_V6);
    struct rng rng;

    rng_init(&rng, 9);
    for (size_t len = 0; len <= UDP_SERVICE_REQUEST_MAX; len++) {
        for (uint32_t action = 0; action < 5; action++) {
            rng_fill(&rng, r->in, sizeof(r->in));
            put_u32be(r->in + 8, action);
            if (action == 0)
                tracker_udp_put_connect(r->in, 3);
            ask(r, len);
            cr_assert_leq(r->len, len);
        }
    }
    tracker_free(r->t);
}

/* ---- batches ---- */

enum { BATCH = 40, BATCHES = 6, TORRENTS = 7 };

struct packet {
    uint8_t data[TRACKER_UDP_REQUEST_MAX];
    size_t len;
    struct endpoint from;
};

/* Mostly announces of few torrents; some are connect requests or scrapes, or cut off. */
static void
make_packet(struct packet *p, uint64_t id, const struct endpoint *from, struct rng *rng)
{
    uint32_t kind = rng_below(rng, 15), peer = rng_below(rng, 60);
    struct tracker_announce a = {.left = peer % 3, .numwant = -1, .port = (uint16_t)(1000 + peer)};
    uint8_t hashes[5][TRACKER_HASH_LEN] = {{1}};

    p->from = *from;
    a.info_hash[0] = (uint8_t)rng_below(rng, TORRENTS);
    put_u32be(a.peer_id, peer);
    if (kind == 0)
        p->len = tracker_udp_put_connect(p->data, 5);
    else if (kind == 1)
        p->len = tracker_udp_put_scrape(p->data, id, 6, hashes, 5);
    else
        p->len = tracker_udp_put_announce(p->data, id, 7, &a, "/announce");
    if (kind == 2)
        p->len = rng_below(rng, (uint32_t)p->len);
}

struct reply {
    uint8_t data[UDP_SERVICE_REPLY_MAX];
    size_t len;
};

static int
by_bytes(const void *a, const void *b)
{
    return memcmp(a, b, 6);
}

/* Answers the packets of a batch. Peers are put in order: which comes first is a matter of chance,
 * and these swarms are so small that all are given. */
static void
answer_all(struct rig *r, const struct packet *packets, bool prefetch, struct reply *out)
{
    struct udp_service_packet batch[BATCH];

    for (size_t i = 0; i < BATCH; i++)
        batch[i] = (struct udp_service_packet){packets[i].data, packets[i].len, &packets[i].from};
    if (prefetch)
        udp_service_prefetch(&r->u, batch, BATCH);
    for (size_t i = 0; i < BATCH; i++) {
        out[i].len = udp_service_answer(&r->u, packets[i].data, packets[i].len, &packets[i].from,
                                        TURN_FIRST, out[i].data, r->now);
        if (out[i].len > TRACKER_UDP_ANNOUNCE_HEAD && out[i].data[3] == TRACKER_UDP_ANNOUNCE)
            qsort(out[i].data + TRACKER_UDP_ANNOUNCE_HEAD,
                  (out[i].len - TRACKER_UDP_ANNOUNCE_HEAD) / 6, 6, by_bytes);
    }
    udp_service_leave(&r->u);
}

static void
answer_batches(bool prefetch, struct reply *out)
{
    static struct packet packets[BATCH];
    struct rig *r = rig_new(IP_V4);
    uint64_t id = connect_to(r);
    struct rng rng;

    rng_init(&rng, 9);
    for (int batch = 0; batch < BATCHES; batch++) {
        for (int i = 0; i < BATCH; i++)
            make_packet(&packets[i], id, &r->from, &rng);
        answer_all(r, packets, prefetch, out + (size_t)batch * BATCH);
    }
    tracker_free(r->t);
}

/* Where the interval of an announce's answer stands, which has jitter. */
enum { INTERVAL_AT = 8, INTERVAL_LEN = 4 };

Test(udp_service, a_batch_that_was_looked_into_has_the_same_answers)
{
    static struct reply plain[BATCHES * BATCH], ahead[BATCHES * BATCH];
    size_t bytes = 0;

    answer_batches(false, plain);
    answer_batches(true, ahead);
    for (size_t i = 0; i < BATCHES * BATCH; i++) {
        cr_assert_eq(plain[i].len, ahead[i].len, "%zu", i);
        bytes += plain[i].len;
        if (plain[i].len < TRACKER_UDP_ANNOUNCE_HEAD)
            continue;
        memcpy(ahead[i].data + INTERVAL_AT, plain[i].data + INTERVAL_AT, INTERVAL_LEN);
        cr_assert_eq(memcmp(plain[i].data, ahead[i].data, plain[i].len), 0, "%zu", i);
    }
    cr_assert_gt(bytes, BATCHES * BATCH * 40, "most are answers with peers");
}

/* ---- the rate limit ---- */

Test(udp_service, a_scrape_is_charged_by_its_torrents)
{
    static const struct {
        size_t torrents;
        uint32_t cost;
    } rows[] = {{1, 1}, {8, 1}, {9, 2}, {74, 10}};
    static const uint8_t hashes[TRACKER_UDP_SCRAPE_MAX][20];
    struct rig *r = rig_new(IP_V4);
    uint64_t id = connect_to(r);

    r->u.doors.may_ask = pay;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        paid = 0;
        budget = rows[i].cost;
        ask(r, tracker_udp_put_scrape(r->in, id, 5, hashes, rows[i].torrents));
        cr_assert_eq(r->len, 8 + 12 * rows[i].torrents);
        cr_assert_eq(paid, rows[i].cost);
        paid = 0;
        budget = rows[i].cost - 1;
        ask(r, tracker_udp_put_scrape(r->in, id, 5, hashes, rows[i].torrents));
        expect_error(r, 5, TRACKER_TOO_OFTEN);
    }
    paid = 0;
    budget = 1;
    ask(r, put_announce(r, id, 1));
    cr_assert(r->len == 20 && paid == 1);
    tracker_free(r->t);
}
