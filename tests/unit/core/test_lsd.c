/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Local service discovery: the message, the schedule of each link, and what becomes of the
 * announces of others.
 */
#include "peer/core/lsd.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "common/base/err.h"
#include "peer/core/lsd_limits.h"

#define HASH "0123456789abcdef0123456789abcdef01234567"

static const uint64_t key[2] = {1, 2};

/* --- the message --- */

static int
read_text(struct lsd_msg *m, const char *text)
{
    return lsd_msg_read(m, (const uint8_t *)text, strlen(text));
}

Test(lsd_msg, the_message_in_bytes)
{
    struct lsd_msg m = {.port = 6881, .cookie = "abc", .cookie_len = 3, .count = 1};
    uint8_t out[LSD_SENT_MAX];
    size_t len;

    memset(m.hashes[0], 0xab, LSD_HASH_LEN);
    len = lsd_msg_write(out, IP_V4, &m);
    out[len] = '\0';
    cr_assert_str_eq(
        (const char *)out,
        "BT-SEARCH * HTTP/1.1\r\nHost: 239.192.152.143:6771\r\nPort: 6881\r\n"
        "Infohash: abababababababababababababababababababab\r\ncookie: abc\r\n\r\n\r\n");
    len = lsd_msg_write(out, IP_V6, &m);
    out[len] = '\0';
    cr_assert(strstr((const char *)out, "Host: [ff15::efc0:988f]:6771\r\n") != NULL);
}

Test(lsd_msg, the_longest_announce_fits)
{
    static const char cookie[LSD_COOKIE_MAX + 1] = "0123456701234567";
    struct lsd_msg m = {
        .port = 65535, .cookie = cookie, .cookie_len = LSD_COOKIE_MAX, .count = LSD_HASHES_SENT};
    struct lsd_msg back;
    uint8_t out[LSD_SENT_MAX];
    size_t len;

    for (unsigned i = 0; i < LSD_HASHES_SENT; i++)
        memset(m.hashes[i], (int)i + 1, LSD_HASH_LEN);
    len = lsd_msg_write(out, IP_V6, &m);
    cr_assert_leq(len, 1400);
    cr_assert_eq(lsd_msg_read(&back, out, len), 0);
    cr_assert_eq(back.count, LSD_HASHES_SENT);
    cr_assert_arr_eq(back.hashes, m.hashes, LSD_HASHES_SENT * LSD_HASH_LEN);
    cr_assert_eq(back.port, 65535);
    cr_assert_eq(back.cookie_len, LSD_COOKIE_MAX);
}

Test(lsd_msg, what_others_send_is_read)
{
    static const struct {
        const char *what, *text;
        int err;
        unsigned count;
    } rows[] = {
        {"libtorrent",
         "BT-SEARCH * HTTP/1.1\r\nHost: 239.192.152.143:6771\r\nPort: 6881\r\n"
         "Infohash: " HASH "\r\ncookie: 5f\r\n\r\n\r\n",
         0, 1},
        {"several hashes, headers in any order and case, LF, no empty line at the end",
         "BT-SEARCH * HTTP/1.0\nINFOHASH:" HASH "\ninfohash:\t " HASH " \nport: 1\nX-New: y", 0, 2},
        {"a hash of another length is passed over",
         "BT-SEARCH * HTTP/1.1\r\nPort: 2\r\nInfohash: " HASH "00\r\nInfohash: " HASH "\r\n\r\n", 0,
         1},
        {"what follows the empty line is ignored",
         "BT-SEARCH * HTTP/1.1\r\nPort: 2\r\n\r\nInfohash: " HASH "\r\n", 0, 0},
        {"no port", "BT-SEARCH * HTTP/1.1\r\nInfohash: " HASH "\r\n\r\n", SPRAT_E_PROTOCOL, 0},
        {"two ports", "BT-SEARCH * HTTP/1.1\r\nPort: 1\r\nPort: 2\r\n\r\n", SPRAT_E_PROTOCOL, 0},
        {"a large port", "BT-SEARCH * HTTP/1.1\r\nPort: 65536\r\n\r\n", SPRAT_E_PROTOCOL, 0},
        {"a long port", "BT-SEARCH * HTTP/1.1\r\nPort: 000001\r\n\r\n", SPRAT_E_PROTOCOL, 0},
        {"no number", "BT-SEARCH * HTTP/1.1\r\nPort: -1\r\n\r\n", SPRAT_E_PROTOCOL, 0},
        {"no header", "BT-SEARCH * HTTP/1.1\r\nPort: 1\r\nhello\r\n\r\n", SPRAT_E_PROTOCOL, 0},
        {"another method", "M-SEARCH * HTTP/1.1\r\nPort: 1\r\n\r\n", SPRAT_E_PROTOCOL, 0},
        {"nothing", "", SPRAT_E_PROTOCOL, 0},
        {"the first line alone", "BT-SEARCH * HTTP/1.1", SPRAT_E_PROTOCOL, 0},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct lsd_msg m;

        cr_expect_eq(read_text(&m, rows[i].text), rows[i].err, "%s", rows[i].what);
        if (rows[i].err == 0)
            cr_expect_eq(m.count, rows[i].count, "%s", rows[i].what);
    }
}

Test(lsd_msg, a_datagram_has_a_maximum)
{
    char text[LSD_READ_MAX + 2] = "BT-SEARCH * HTTP/1.1\r\nPort: 2\r\nX: ";
    struct lsd_msg m;

    memset(text + strlen(text), 'x', sizeof(text) - 1 - strlen(text));
    cr_assert_eq(lsd_msg_read(&m, (const uint8_t *)text, LSD_READ_MAX), 0);
    cr_assert_eq(lsd_msg_read(&m, (const uint8_t *)text, LSD_READ_MAX + 1), SPRAT_E_PROTOCOL);
}

/* --- the schedule --- */

static struct mono
at(int64_t ms)
{
    return (struct mono){(1000000 + ms) * 1000};
}

static const uint8_t *
hash_of(unsigned n)
{
    static uint8_t hash[LSD_HASH_LEN];

    memset(hash, 0, sizeof(hash));
    memcpy(hash, &n, sizeof(n));
    return hash;
}

static struct lsd_link
link_of(uint8_t third)
{
    return (struct lsd_link){
        .family = IP_V4,
        .port = 6881,
        .network_count = 1,
        .networks = {{.addr = {.family = IP_V4, .ip = {10, 0, third, 1}}, .bits = 24}}};
}

static struct lsd *
with_links(unsigned count)
{
    struct lsd *l = lsd_new(key, 7);

    for (unsigned i = 0; i < count; i++) {
        struct lsd_link link = link_of((uint8_t)i);

        lsd_link_up(l, i, &link, at(0));
    }
    return l;
}

/* Sends what is due, and counts hashes and packets of each link. */
struct sent {
    unsigned packets[LSD_LINKS_MAX], hashes[LSD_LINKS_MAX];
};

static struct sent
send_all(struct lsd *l, int64_t ms)
{
    struct sent sent = {.packets = {0}};
    struct lsd_packet p;

    while (lsd_next(l, &p, at(ms))) {
        struct lsd_msg m;

        cr_assert_eq(lsd_msg_read(&m, p.data, p.len), 0);
        cr_assert_gt(m.count, 0);
        cr_assert_eq(m.port, 6881);
        sent.packets[p.link]++;
        sent.hashes[p.link] += m.count;
    }
    cr_assert(lsd_expiry(l).us > at(ms).us, "what is due was sent");
    return sent;
}

static void
expect_sent(struct lsd *l, int64_t ms, unsigned link, unsigned packets, unsigned hashes)
{
    struct sent s = send_all(l, ms);

    cr_expect_eq(s.packets[link], packets, "%u packets at %lld", s.packets[link], (long long)ms);
    cr_expect_eq(s.hashes[link], hashes, "%u hashes at %lld", s.hashes[link], (long long)ms);
}

Test(lsd, a_new_torrent_is_announced_on_each_link_and_repeated)
{
    struct lsd *l = with_links(2);
    struct sent s;

    cr_assert_eq(lsd_expiry(l).us, MONO_NEVER.us);
    cr_assert_eq(lsd_announce(l, hash_of(1), 1, true, at(0)), 0);
    cr_assert_eq(lsd_announce(l, hash_of(2), 2, false, at(50)), 0);
    cr_assert_eq(lsd_expiry(l).us, at(LSD_GATHER_MS).us);
    expect_sent(l, LSD_GATHER_MS - 1, 0, 0, 0);
    s = send_all(l, LSD_GATHER_MS + 50);
    cr_expect(s.packets[0] == 1 && s.packets[1] == 1, "one packet on each link");
    cr_expect(s.hashes[0] == 2 && s.hashes[1] == 2, "both torrents share it");
    expect_sent(l, LSD_REPEAT_MS, 0, 0, 0);
    expect_sent(l, LSD_REPEAT_MS + 200, 1, 1, 1);
    lsd_announce(l, hash_of(1), 1, false, at(LSD_REPEAT_MS + 300));
    cr_assert_eq(lsd_expiry(l).us, MONO_NEVER.us, "a torrent at rest is not repeated");
    lsd_announce(l, hash_of(1), 1, true, at(LSD_REPEAT_MS + 400));
    lsd_announce(l, hash_of(1), 1, true, at(LSD_REPEAT_MS + 500));
    cr_assert_eq(lsd_expiry(l).us, at(2 * LSD_REPEAT_MS + 400).us, "only a change begins anew");
    lsd_free(l);
}

Test(lsd, many_torrents_take_turns_with_one_announce_per_minute)
{
    struct lsd *l = with_links(1);
    unsigned hashes = 0;

    for (unsigned i = 0; i < 1000; i++)
        lsd_announce(l, hash_of(i), i, true, at(0));
    expect_sent(l, 200, 0, LSD_LINK_BURST, LSD_LINK_BURST * LSD_HASHES_SENT);
    for (int minute = 1; minute <= 35; minute++) {
        struct sent s = send_all(l, 200 + minute * INT64_C(60000));

        cr_assert_eq(s.packets[0], 1);
        hashes += s.hashes[0];
    }
    cr_assert_eq(hashes, 1000 - LSD_LINK_BURST * LSD_HASHES_SENT, "each torrent once");
    lsd_announce(l, hash_of(5000), 5000, true, at(36 * 60000));
    for (unsigned i = 0; i < 1; i++) {
        struct lsd_packet p;
        struct lsd_msg m;

        cr_assert(lsd_next(l, &p, at(INT64_C(37) * 60000)));
        cr_assert_eq(lsd_msg_read(&m, p.data, p.len), 0);
        cr_assert_arr_eq(m.hashes[0], hash_of(5000), LSD_HASH_LEN, "a new torrent goes first");
    }
    lsd_free(l);
}

Test(lsd, on_a_new_link_all_torrents_are_announced)
{
    struct lsd *l = with_links(0);
    struct lsd_link link = link_of(9);
    struct lsd_stats st;

    lsd_announce(l, hash_of(1), 1, true, at(0));
    lsd_announce(l, hash_of(2), 2, false, at(0));
    expect_sent(l, 1000, 0, 0, 0);
    cr_assert_eq(lsd_expiry(l).us, MONO_NEVER.us, "without a link nothing is due");
    lsd_link_up(l, 3, &link, at(5000));
    expect_sent(l, 5000, 3, 1, 2);
    lsd_link_up(l, 3, &link, at(6000));
    expect_sent(l, 6000, 3, 0, 0);
    lsd_link_up(l, 4, &link, at(7000));
    expect_sent(l, 7000, 4, 1, 2);
    lsd_get_stats(l, &st);
    cr_expect_eq(st.links, 2);
    cr_expect_eq(st.torrents, 2);
    lsd_link_down(l, 3, at(8000));
    lsd_link_down(l, 4, at(8000));
    expect_sent(l, 8000 + LSD_REPEAT_MS, 3, 0, 0);
    lsd_free(l);
}

Test(lsd, a_link_that_goes_owes_nothing)
{
    struct lsd *l = with_links(2);
    struct sent s;

    lsd_announce(l, hash_of(1), 1, true, at(0));
    lsd_link_down(l, 0, at(50));
    s = send_all(l, 200);
    cr_expect(s.packets[0] == 0 && s.packets[1] == 1);
    for (unsigned i = 0; i < 200; i++)
        lsd_announce(l, hash_of(10 + i), 10 + i, true, at(1000));
    send_all(l, 2000);
    lsd_link_down(l, 1, at(3000));
    cr_assert_gt(lsd_expiry(l).us, at(4000).us, "the queue is owed to nobody");
    lsd_free(l);
}

Test(lsd, a_link_that_flaps_sends_no_more_than_others)
{
    struct lsd *l = with_links(0);
    struct lsd_link link = link_of(0);
    unsigned packets = 0;

    lsd_announce(l, hash_of(1), 1, true, at(0));
    send_all(l, 200);
    for (int i = 0; i < 20; i++) {
        lsd_link_up(l, 0, &link, at(1000 + i));
        packets += send_all(l, 1000 + i).packets[0];
        lsd_link_down(l, 0, at(1000 + i));
    }
    cr_assert_eq(packets, LSD_LINK_BURST);
    lsd_free(l);
}

Test(lsd, a_torrent_that_comes_and_goes_is_announced_once_a_minute)
{
    struct lsd *l = with_links(1);
    struct lsd_stats st;

    lsd_announce(l, hash_of(1), 1, true, at(0));
    expect_sent(l, 200, 0, 1, 1);
    lsd_withdraw(l, hash_of(1), 1, at(1000));
    lsd_announce(l, hash_of(1), 2, true, at(2000));
    expect_sent(l, 60000, 0, 0, 0);
    expect_sent(l, 62000, 0, 1, 1);
    lsd_withdraw(l, hash_of(1), 1, at(63000));
    lsd_get_stats(l, &st);
    cr_expect_eq(st.torrents, 1, "number 1 does not have the hash any more");
    lsd_withdraw(l, hash_of(1), 2, at(63000));
    expect_sent(l, 63000 + LSD_AGAIN_MS, 0, 0, 0);
    lsd_get_stats(l, &st);
    cr_expect_eq(st.torrents, 0, "it is forgotten");
    lsd_free(l);
}

/* --- the announces of others --- */

static const struct endpoint neighbour = {.family = IP_V4, .ip = {10, 0, 0, 2}, .port = 6771};

/* An announce of |hash_of(n)|. */
static unsigned
hear(struct lsd *l, unsigned link, const struct endpoint *from, unsigned n, uint16_t port,
     int64_t ms, struct endpoint *peer)
{
    struct lsd_msg m = {.port = port, .cookie = "other", .cookie_len = 5, .count = 1};
    uint64_t numbers[LSD_HASHES_READ];
    uint8_t out[LSD_SENT_MAX];
    unsigned count;

    memcpy(m.hashes[0], hash_of(n), LSD_HASH_LEN);
    count = lsd_receive(l, link, from, out, lsd_msg_write(out, IP_V4, &m), at(ms), numbers, peer);
    if (count > 0)
        cr_assert_eq(numbers[0], n);
    return count;
}

static uint64_t
counted(const struct lsd *l, enum lsd_counter which)
{
    struct lsd_stats st;

    lsd_get_stats(l, &st);
    return st.counters[which];
}

Test(lsd, a_neighbour_with_our_torrent_is_a_peer)
{
    struct lsd *l = with_links(1);
    struct endpoint peer;

    lsd_announce(l, hash_of(1), 1, false, at(0));
    cr_assert_eq(hear(l, 0, &neighbour, 1, 7000, 10, &peer), 1);
    cr_assert(endpoint_same_host(&peer, &neighbour) && peer.port == 7000);
    cr_assert_eq(hear(l, 0, &neighbour, 2, 7000, 10, &peer), 0);
    cr_assert_eq(counted(l, LSD_COUNT_UNKNOWN), 1);
    cr_assert_eq(counted(l, LSD_COUNT_PEERS), 1);
    send_all(l, 200);
    lsd_withdraw(l, hash_of(1), 1, at(300));
    cr_assert_eq(hear(l, 0, &neighbour, 1, 7000, 400, &peer), 0, "it was withdrawn");
    lsd_free(l);
}

Test(lsd, ports_that_no_peer_has_are_dropped)
{
    static const uint16_t ports[] = {0, 1, 22, 1023};
    struct lsd *l = with_links(1);
    struct endpoint peer;

    lsd_announce(l, hash_of(1), 1, false, at(0));
    for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
        cr_expect_eq(hear(l, 0, &neighbour, 1, ports[i], 10, &peer), 0);
    cr_assert_eq(counted(l, LSD_COUNT_BAD_PORT), 4);
    lsd_free(l);
}

Test(lsd, a_sender_outside_of_the_networks_is_not_believed)
{
    struct endpoint far = {.family = IP_V4, .ip = {10, 0, 1, 2}, .port = 6771}, peer;
    struct lsd *l = with_links(1);

    lsd_announce(l, hash_of(1), 1, false, at(0));
    cr_expect_eq(hear(l, 0, &far, 1, 7000, 10, &peer), 0);
    cr_expect_eq(hear(l, 1, &neighbour, 1, 7000, 10, &peer), 0, "that link is not up");
    cr_expect_eq(counted(l, LSD_COUNT_FOREIGN), 2);
    lsd_free(l);
}

Test(lsd, a_link_local_neighbour_keeps_its_zone)
{
    struct lsd_link link = {
        .family = IP_V6,
        .port = 6881,
        .network_count = 1,
        .networks = {
            {.addr = {.family = IP_V6, .ip = {0xfe, 0x80, [15] = 1}, .zone = 3}, .bits = 10}}};
    struct endpoint from = {.family = IP_V6, .ip = {0xfe, 0xbf, [15] = 2}, .port = 6771, .zone = 3};
    struct endpoint peer;
    struct lsd *l = lsd_new(key, 7);

    lsd_link_up(l, 0, &link, at(0));
    lsd_announce(l, hash_of(1), 1, false, at(0));
    cr_expect_eq(hear(l, 0, &from, 1, 7000, 10, &peer), 1);
    cr_expect_eq(peer.zone, 3);
    from.ip[1] = 0xc0;
    cr_expect_eq(hear(l, 0, &from, 1, 7000, 10, &peer), 0, "outside of fe80::/10");
    from.ip[1] = 0x80;
    from.zone = 4;
    cr_expect_eq(hear(l, 0, &from, 1, 7000, 10, &peer), 0, "another zone");
    lsd_free(l);
}

Test(lsd, what_we_sent_is_recognised)
{
    struct lsd *l = with_links(1), *other = lsd_new(key, 8);
    struct lsd_link link = link_of(0);
    uint64_t numbers[LSD_HASHES_READ];
    struct endpoint peer;
    struct lsd_packet p;

    lsd_announce(l, hash_of(1), 1, true, at(0));
    cr_assert(lsd_next(l, &p, at(200)));
    cr_expect_eq(lsd_receive(l, 0, &neighbour, p.data, p.len, at(201), numbers, &peer), 0);
    cr_expect_eq(counted(l, LSD_COUNT_OWN), 1);
    lsd_link_up(other, 0, &link, at(0));
    lsd_announce(other, hash_of(1), 9, true, at(0));
    cr_expect_eq(lsd_receive(other, 0, &neighbour, p.data, p.len, at(201), numbers, &peer), 1);
    cr_expect_eq(numbers[0], 9);
    lsd_on_unsent(l);
    cr_expect_eq(counted(l, LSD_COUNT_SENT), 0);
    cr_expect_eq(counted(l, LSD_COUNT_UNSENT), 1);
    lsd_free(other);
    lsd_free(l);
}

Test(lsd, a_flood_has_maximums)
{
    struct lsd *l = with_links(1);
    struct endpoint other = neighbour, peer;
    unsigned peers = 0;

    lsd_announce(l, hash_of(1), 1, false, at(0));
    for (int i = 0; i < 10000; i++)
        peers += hear(l, 0, &neighbour, 1, 7000, 10, &peer);
    cr_expect_eq(peers, LSD_SENDER_PEERS);
    cr_expect_eq(counted(l, LSD_COUNT_LIMITED), 10000 - LSD_SENDER_PEERS);
    other.ip[3] = 3;
    cr_expect_eq(hear(l, 0, &other, 1, 7000, 10, &peer), 1, "others are still read");
    for (unsigned i = 0; i < 100000; i++) {
        other.ip[3] = (uint8_t)i;
        peers += hear(l, 0, &other, 1, 7000, 10, &peer);
    }
    cr_expect_leq(peers, LSD_PEERS);
    cr_expect_eq(hear(l, 0, &neighbour, 1, 7000, 60010, &peer), 1, "a minute later");
    lsd_free(l);
}
