/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The crowd, used by the smallest core that there can be: a fetcher that has connections, knows of
 * each whether it is of any use, and knows no pieces.
 */
#include "peer/core/crowd.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"

enum { MAX = 4 };

/* A connection of the fetcher. */
struct link {
    struct crowd_peer at;
    struct crowd_view view;
};

static struct crowd *crowd;
static struct mono now = {1000000};

static struct link *
link_of(const struct crowd_peer *at)
{
    return LIST_ENTRY(at, struct link, at);
}

static void
view(const void *ctx, const struct crowd_peer *p, struct crowd_view *v)
{
    cr_assert_eq(ctx, &now);
    *v = link_of(p)->view;
}

static bool trackers_only; /* of the user that begin() makes */

static void
begin(void)
{
    struct crowd_user user = {.view = view,
                              .ctx = &now,
                              .peer_id = "the fetcher itself",
                              .client = "Fetcher 1",
                              .listen_port = 7000,
                              .peers_max = MAX,
                              .reqq = 1,
                              .pex = true,
                              .trackers_only = trackers_only,
                              .dht_port = 7001};

    crowd_begin(crowd, &user);
}

static void
end(void)
{
    uint32_t iter = 0;
    struct crowd_peer *p;

    while ((p = crowd_next_any(crowd, &iter)) != NULL) {
        crowd_drop(crowd, p, now);
        free(link_of(p));
    }
    crowd_end(crowd);
}

static void
init(void)
{
    crowd = crowd_new(NULL, 1);
    cr_assert_not_null(crowd);
    begin();
}

static void
fini(void)
{
    end();
    crowd_free(crowd);
}

TestSuite(crowd, .init = init, .fini = fini);

static struct endpoint
at(uint8_t net, uint8_t host, uint16_t port)
{
    return (struct endpoint){.ip = {net, 1, 1, host}, .port = port, .family = IP_V4};
}

static void
name(uint8_t host, enum peer_source source)
{
    struct endpoint addr = at(20, host, 6881);

    crowd_add(crowd, &addr, 1, source);
}

static void
wait_ms(int64_t ms)
{
    now = mono_add_ms(now, ms);
}

/* Dials the next address; NULL if there is none. */
static struct link *
dial(void)
{
    uint32_t number = crowd_next_dial(crowd, 0, now);
    struct link *l;

    if (number == PEERLIST_NONE)
        return NULL;
    l = calloc(1, sizeof(*l));
    cr_assert_not_null(l);
    cr_assert(crowd_join_dialled(crowd, &l->at, number, now));
    return l;
}

static int
shake(struct link *l, const char *id)
{
    struct handshake h = {.extended = true, .fast = true};

    memset(h.peer_id, 0, PEER_ID_LEN);
    memcpy(h.peer_id, id, strlen(id));
    return crowd_on_handshake(crowd, &l->at, &h, now);
}

/* A connection from |addr| that is up; NULL if it is refused. */
static struct link *
come(struct endpoint addr, const char *id)
{
    struct link *l;

    if (crowd_admit(crowd, &addr, now) != 0)
        return NULL;
    l = calloc(1, sizeof(*l));
    cr_assert_not_null(l);
    cr_assert(crowd_join_accepted(crowd, &l->at, &addr, now));
    cr_assert_eq(shake(l, id), 0);
    return l;
}

/* Takes the doomed connections away; how many there were. */
static unsigned
reap(struct crowd_parting *last)
{
    struct crowd_peer *p;
    unsigned n = 0;

    for (; (p = crowd_next_doomed(crowd)) != NULL; n++) {
        struct crowd_parting parting = crowd_part(crowd, p, now);

        if (last != NULL)
            *last = parting;
        free(link_of(p));
    }
    return n;
}

static int
hello(struct link *l, const char *text)
{
    return crowd_on_ext_handshake(crowd, &l->at, (const uint8_t *)text, strlen(text), now);
}

/* |l| reports our address as 1.2.3.4. */
static void
vote(struct link *l)
{
    cr_assert_eq(hello(l, "d1:md6:ut_pexi1ee6:yourip4:\1\2\3\4e"), 0);
}

static bool
is_doomed(const struct link *l)
{
    return l->at.state == PEER_DOOMED;
}

Test(crowd, dials_what_it_knows_within_the_limits)
{
    for (uint8_t host = 1; host <= 10; host++)
        name(host, PEER_FROM_TRACKER);
    for (unsigned i = 0; i < MAX; i++)
        cr_assert_not_null(dial());
    cr_assert_null(dial(), "there are %d connections at most", MAX);
    cr_assert_eq(crowd_expiry(crowd, 0).us, INT64_MAX);
    cr_assert_leq(crowd_candidate_expiry(crowd, 0).us, now.us, "other addresses wait");
    cr_assert_eq(crowd_half_open(crowd), MAX);
    cr_assert_eq(crowd_up(crowd), 0);
}

Test(crowd, a_named_peer_that_is_not_reached_is_told_once)
{
    struct crowd_parting parting;

    name(1, PEER_FROM_USER);
    crowd_doom(crowd, &dial()->at, SPRAT_E_REFUSED, false);
    cr_assert_eq(reap(&parting), 1);
    cr_assert(parting.unreached && parting.how == PEER_TRY_REFUSED && !parting.banned);
    cr_assert_null(dial(), "not at once");
    wait_ms(60000);
    crowd_doom(crowd, &dial()->at, SPRAT_E_REFUSED, false);
    cr_assert_eq(reap(&parting), 1);
    cr_assert_not(parting.unreached);
}

/* What a core learned is there for the next one: addresses, failures, bans. */
Test(crowd, the_next_core_knows_what_the_last_one_learned)
{
    struct peer_try_status before, after;
    struct link *l;
    uint32_t number;
    slot_id id;

    name(1, PEER_FROM_TRACKER);
    l = dial();
    number = l->at.number;
    crowd_doom(crowd, &l->at, SPRAT_E_TIMEOUT, false);
    reap(NULL);
    name(2, PEER_FROM_TRACKER);
    l = dial();
    cr_assert_eq(shake(l, "two"), 0);
    id = l->at.id;
    cr_assert(crowd_ban(crowd, come(at(30, 1, 5000), "bad")->at.number, SPRAT_E_HASH, now));
    cr_assert_eq(reap(NULL), 1);
    cr_assert(peerlist_try_status(crowd_list(crowd), number, &before));
    end();
    begin();
    cr_assert_null(crowd_get(crowd, id), "ids of the last core's connections find nothing");
    cr_assert_eq(crowd_up(crowd) + crowd_half_open(crowd), 0);
    cr_assert_eq(peerlist_count(crowd_list(crowd)), 2);
    cr_assert(peerlist_try_status(crowd_list(crowd), number, &after));
    cr_assert(after.failures == 1 && after.how == PEER_TRY_TIMEOUT);
    cr_assert_eq(after.retry_at.us, before.retry_at.us);
    cr_assert_null(come(at(30, 1, 5001), "bad"), "banned");
    wait_ms(10000);
    l = dial();
    cr_assert_not_null(l);
    cr_assert_neq(l->at.id, id);
}

Test(crowd, a_core_that_ends_blames_nobody)
{
    struct peer_try_status st;
    struct link *l;
    uint32_t number;

    name(1, PEER_FROM_TRACKER);
    l = dial();
    number = l->at.number;
    end();
    begin();
    cr_assert(peerlist_try_status(crowd_list(crowd), number, &st));
    cr_assert(st.failures == 0 && !st.connected);
    wait_ms(10000);
    cr_assert_eq(dial()->at.number, number);
}

Test(crowd, a_small_crowd_is_worth_keeping_while_no_core_needs_it)
{
    cr_assert_not(crowd_is_worth_keeping(crowd), "it knows nobody");
    name(1, PEER_FROM_TRACKER);
    cr_assert(crowd_is_worth_keeping(crowd));
    for (uint8_t host = 2; host <= CROWD_REST_MAX + 1; host++)
        name(host, PEER_FROM_TRACKER);
    cr_assert_not(crowd_is_worth_keeping(crowd), "it would take much memory");
}

/* --- room --- */

/* Fills the table with peers that want something, each in a network of its own. */
static void
fill(struct link *links[MAX])
{
    for (uint8_t i = 0; i < MAX; i++) {
        char id[2] = {(char)('a' + i)};

        links[i] = come(at((uint8_t)(40 + i), 1, 5000), id);
        links[i]->view.wants = true;
    }
}

Test(crowd, what_the_user_says_of_a_connection_decides_who_makes_room)
{
    struct link *links[MAX];

    fill(links);
    wait_ms(CROWD_USELESS_MS + 1000);
    for (unsigned i = 0; i < MAX; i++)
        links[i]->at.last_received = now;
    cr_assert_null(come(at(50, 1, 5000), "new"), "everybody wants something");
    cr_assert_eq(reap(NULL), 0);
    links[3]->view.wasted = true;
    links[1]->view.wants = false;
    cr_assert_not_null(come(at(50, 1, 5000), "new"));
    cr_assert(is_doomed(links[1]), "it wants nothing");
    cr_assert_eq(reap(NULL), 1);
    cr_assert_not_null(come(at(51, 1, 5000), "newer"));
    cr_assert(is_doomed(links[3]), "it takes nothing");
    cr_assert_eq(reap(NULL), 1);
    links[0]->at.used = now;
    links[0]->view.owes = true;
    cr_assert_null(come(at(52, 1, 5000), "newest"), "it has just sent something");
    links[0]->at.last_received = (struct mono){0};
    cr_assert_not_null(come(at(52, 1, 5000), "newest"));
    cr_assert(is_doomed(links[0]), "it owes for long");
    reap(NULL);
    cr_assert_eq(crowd_up(crowd), MAX);
}

Test(crowd, the_least_worth_leaves_when_others_wait)
{
    struct link *links[MAX];

    fill(links);
    for (unsigned i = 0; i < MAX; i++)
        links[i]->view.worth = i == 2 ? 10 : 1000;
    crowd_turnover(crowd, 0, now);
    wait_ms(CROWD_TURNOVER_MS);
    crowd_turnover(crowd, 0, now);
    cr_assert_eq(reap(NULL), 0, "no other address waits");
    name(1, PEER_FROM_TRACKER);
    wait_ms(CROWD_TURNOVER_MS);
    crowd_turnover(crowd, 0, now);
    cr_assert(is_doomed(links[2]));
    cr_assert_eq(reap(NULL), 1);
    cr_assert_not_null(dial());
}

/* Our own address orders peers that are otherwise equal (BEP 40), and is not asked for again by the
 * next core. */
Test(crowd, the_next_core_knows_our_own_address)
{
    struct link *links[MAX];
    unsigned came = 0;

    fill(links);
    for (unsigned i = 0; i < MAX; i++)
        vote(links[i]);
    end();
    begin();
    fill(links);
    wait_ms(CROWD_SETTLE_MS + 1000);
    for (uint8_t host = 1; host <= 20; host++) {
        char id[2] = {(char)host};

        came += come(at((uint8_t)(60 + host), 1, 5000), id) != NULL;
        wait_ms(CROWD_SETTLE_MS + 1000);
        reap(NULL);
    }
    cr_assert(came > 0 && came < 20, "%u of 20 have a higher priority", came);
    cr_assert_eq(crowd_up(crowd), MAX);
}

/* --- who is who --- */

Test(crowd, one_connection_to_a_peer_and_none_to_ourselves)
{
    struct link *first, *twin, *self;

    first = come(at(20, 1, 5000), "one");
    name(1, PEER_FROM_TRACKER);
    twin = dial();
    name(2, PEER_FROM_TRACKER);
    self = dial();
    cr_assert_eq(hello(first, "d1:md6:ut_pexi1ee1:pi6881ee"), 0, "its port is that of twin");
    cr_assert_eq(shake(self, "the fetcher itself"), SPRAT_E_EXISTS);
    if (shake(twin, "one") != 0)
        crowd_doom(crowd, &twin->at, SPRAT_E_EXISTS, true);
    cr_assert_neq(is_doomed(first), is_doomed(twin), "one of both stays");
    crowd_doom(crowd, &self->at, SPRAT_E_EXISTS, true);
    cr_assert_eq(reap(NULL), 2);
    wait_ms(PEERLIST_RETRY_MAX_MS * 2);
    cr_assert_null(dial(), "neither is dialled again");
}

Test(crowd, offences_ban_the_site)
{
    struct crowd_parting parting = {.banned = false};
    struct link *other;
    unsigned times = 0;

    for (; !parting.banned && times < 10; times++) {
        struct link *l = come(at(20, 1, 5000), "bad");

        cr_assert_not_null(l);
        crowd_doom(crowd, &l->at, SPRAT_E_PROTOCOL, true);
        other = times == BANS_OFFENCES - 1 ? come(at(20, 1, 5001), "as bad") : NULL;
        cr_assert_eq(reap(&parting), other != NULL ? 2 : 1);
        if (other != NULL)
            parting.banned = come(at(20, 1, 5002), "again") == NULL;
    }
    cr_assert_eq(times, BANS_OFFENCES);
}

/* A torrent at rest has a crowd and no core, and hears of no ban meanwhile. */
Test(crowd, the_next_core_dials_no_site_that_was_banned_between)
{
    struct bans bans;
    struct endpoint bad = at(20, 1, 5000), good = at(21, 1, 5000);
    struct link *l;

    fini();
    bans_init(&bans, (const uint64_t[2]){1, 2});
    crowd = crowd_new(&bans, 1);
    cr_assert_not_null(crowd);
    begin();
    crowd_add(crowd, &bad, 1, PEER_FROM_TRACKER);
    crowd_add(crowd, &good, 1, PEER_FROM_TRACKER);
    end();
    bans_add(&bans, &bad, mono_add_ms(now, 3600000));
    begin();
    l = dial();
    cr_assert_not_null(l);
    cr_expect(endpoint_same_host(&l->at.addr, &good));
    cr_expect_null(dial());
    fini();
    bans_fini(&bans);
    init();
}

/* --- what peers say about peers --- */

Test(crowd, passes_addresses_on)
{
    struct link *a = come(at(20, 1, 5000), "a"), *b = come(at(21, 1, 5000), "b"), *c;
    struct buf out;

    cr_assert_eq(hello(a, "d1:md6:ut_pexi1ee1:pi6001ee"), 0);
    cr_assert_eq(hello(b, "d1:md6:ut_pexi1ee1:pi6002ee"), 0);
    cr_assert_eq(hello(b, "d1:m"), SPRAT_E_PROTOCOL);
    buf_init(&out, PEX_SIZE_MAX);
    cr_assert_not(crowd_put_pex(crowd, &a->at, &out, now), "not yet");
    wait_ms(PEX_FIRST_MS);
    cr_assert(crowd_put_pex(crowd, &a->at, &out, now), "b is news to a");
    cr_assert_not_null(memmem(buf_data(&out), buf_len(&out), "\x15\1\1\1\x17\x72", 6),
                       "21.1.1.1:6002");
    cr_assert_not(crowd_put_pex(crowd, &a->at, &out, now), "a knows it now");
    buf_fini(&out);
    cr_assert_eq(crowd_on_pex(crowd, &a->at,
                              (const uint8_t *)"d5:added6:\x16\1\1\1\x17\x73"
                                               "e",
                              17, now),
                 0);
    c = dial();
    cr_assert_not_null(c, "a named 22.1.1.1:6003");
    cr_assert(c->at.hearsay);
}

/* An incoming peer that has named its listen port can be dialled after its connection has ended. In
 * a private torrent it can't, unless the tracker has named it too. */
Test(crowd, a_private_torrent_dials_no_incoming_peer)
{
    for (int i = 0; i < 2; i++) {
        struct link *a, *b;

        end();
        trackers_only = i == 1;
        begin();
        a = come(at(20, 1, 5000), "a");
        b = come(at(21, 1, 5000), "b");
        cr_assert_eq(hello(a, "d1:mde1:pi6881ee"), 0);
        cr_assert_eq(hello(b, "d1:mde1:pi6881ee"), 0);
        name(1, PEER_FROM_TRACKER);
        crowd_doom(crowd, &a->at, SPRAT_E_CLOSED, false);
        crowd_doom(crowd, &b->at, SPRAT_E_CLOSED, false);
        cr_assert_eq(reap(NULL), 2);
        cr_expect_eq(peerlist_count(crowd_list(crowd)), i == 0 ? 2 : 1);
        wait_ms(60000);
        a = dial();
        b = dial();
        cr_assert_not_null(a);
        cr_expect_eq(b == NULL, trackers_only);
        if (trackers_only)
            cr_expect_eq(a->at.addr.ip[0], 20, "the one that the tracker has named");
    }
}

/* The port of a DHT node travels in a PORT message, to peers whose handshake has the DHT bit. */
Test(crowd, names_nodes_of_the_dht)
{
    struct endpoint addr = at(20, 1, 5000), node;
    struct handshake h = {.dht = true, .peer_id = "a"};
    struct link *a = calloc(1, sizeof(*a)), *b = come(at(21, 1, 5000), "b");

    cr_assert_not_null(a);
    cr_assert_eq(crowd_admit(crowd, &addr, now), 0);
    cr_assert(crowd_join_accepted(crowd, &a->at, &addr, now));
    cr_assert_eq(crowd_on_handshake(crowd, &a->at, &h, now), 0);
    cr_expect_eq(crowd_port_to_say(crowd, &a->at), 7001);
    cr_expect_eq(crowd_port_to_say(crowd, &b->at), 0, "its handshake has no DHT bit");

    cr_expect_not(crowd_on_port(crowd, &a->at, 0, &node));
    cr_assert(crowd_on_port(crowd, &a->at, 6000, &node));
    cr_expect_eq(node.port, 6000);
    cr_expect(endpoint_same_host(&node, &addr));
    cr_expect_not(crowd_on_port(crowd, &a->at, 6001, &node), "one node of each connection");
}

/* A private torrent changes to another tracker (BEP 27). */
Test(crowd, all_peers_are_left_with_their_tracker)
{
    struct link *up, *half;

    crowd_set_origin(crowd, 0);
    name(1, PEER_FROM_TRACKER);
    name(2, PEER_FROM_TRACKER);
    crowd_set_origin(crowd, 7); /* the first tracker that is known */
    up = dial();
    half = dial();
    cr_assert(up != NULL && half != NULL);
    cr_assert_eq(shake(up, "a peer of the first"), 0);
    name(3, PEER_FROM_TRACKER);
    name(4, PEER_FROM_USER);
    crowd_set_origin(crowd, 7);
    crowd_set_origin(crowd, 0);
    cr_assert_null(crowd_next_doomed(crowd));
    crowd_set_origin(crowd, 8);
    name(2, PEER_FROM_TRACKER); /* the new tracker names one of them too */
    name(5, PEER_FROM_TRACKER);
    cr_assert(is_doomed(up) && is_doomed(half));
    cr_assert_eq(reap(NULL), 2);
    cr_assert_eq(peerlist_count(crowd_list(crowd)), 3u);
    for (uint32_t n = PEERLIST_NONE; (n = peerlist_walk(crowd_list(crowd), n)) != PEERLIST_NONE;) {
        uint8_t host = peerlist_addr(crowd_list(crowd), n)->ip[3];

        cr_expect(host == 2 || host == 4 || host == 5, "host %u", host);
    }
}
