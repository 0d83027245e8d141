/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which packets get a uTP reset, the content of the reset, and the maximum of resets.
 */
#include "peer/core/utpreset.h"

#include <criterion/criterion.h>
#include <string.h>

static struct utpreset u;
static struct mono now = {1000000000};

static void
setup(void)
{
    static const uint64_t key[2] = {1, 2};

    utpreset_init(&u, key, now);
}

static struct endpoint
v4(uint8_t a, uint8_t b)
{
    return (struct endpoint){.family = IP_V4, .ip = {80, 81, a, b}, .port = 6881};
}

static size_t
answer(struct endpoint from, const uint8_t *data, size_t len, uint8_t reply[UTPRESET_LEN])
{
    return utpreset_answer(&u, &from, data, len, reply, now);
}

/* As libtorrent 2.0.8 sends it, but for its random numbers. */
static const uint8_t syn[20] = {0x41, 0, 0xab, 0xcd, 1, 2, 3,    4,    0, 0,
                                0,    0, 0,    1,    0, 0, 0x12, 0x34, 0, 0};

static size_t
answer_syn(struct endpoint from)
{
    uint8_t reply[UTPRESET_LEN];

    return answer(from, syn, sizeof(syn), reply);
}

TestSuite(utpreset, .init = setup);

Test(utpreset, a_syn_is_refused_in_its_own_terms)
{
    static const uint8_t reset[20] = {0x31, 0, 0xab, 0xcd, [18] = 0x12, [19] = 0x34};
    uint8_t reply[UTPRESET_LEN];

    cr_assert_eq(answer(v4(1, 1), syn, sizeof(syn), reply), sizeof(reset));
    cr_assert_arr_eq(reply, reset, sizeof(reset));
    cr_assert_eq(u.answered, 1);
}

Test(utpreset, extensions_are_walked_to_the_end)
{
    /* µTorrent's extension bits: kind 2, 8 bytes; and a second one behind it. */
    uint8_t packet[64] = {0}, reply[UTPRESET_LEN];

    memcpy(packet, syn, sizeof(syn));
    packet[1] = 2;
    packet[21] = 8;
    cr_assert_eq(answer(v4(1, 1), packet, 30, reply), UTPRESET_LEN);
    cr_assert_eq(answer(v4(1, 1), packet, 29, reply), 0, "the extension is cut off");
    cr_assert_eq(answer(v4(1, 1), packet, 31, reply), 0, "a SYN has no payload");
    packet[20] = 1;
    packet[30] = 0;
    packet[31] = 4;
    cr_assert_eq(answer(v4(1, 1), packet, 36, reply), UTPRESET_LEN);
    packet[30] = 2;
    cr_assert_eq(answer(v4(1, 1), packet, 36, reply), 0, "the next extension is not there");
    cr_assert_eq(u.ignored, 3);
}

Test(utpreset, what_is_no_syn_gets_nothing)
{
    uint8_t packet[UTPRESET_SYN_MAX + 1] = {0}, reply[UTPRESET_LEN];
    struct endpoint nowhere = v4(1, 1);

    memcpy(packet, syn, sizeof(syn));
    for (size_t len = 0; len < sizeof(syn); len++)
        cr_assert_eq(answer(v4(1, 1), packet, len, reply), 0);
    for (unsigned first = 0; first < 256; first++) {
        packet[0] = (uint8_t)first;
        cr_assert_eq(answer(v4(1, 1), packet, sizeof(syn), reply) > 0, first == 0x41, "%02x",
                     first);
    }
    cr_assert_eq(answer(v4(1, 1), (const uint8_t *)"d1:ad2:id20:abcdefghij", 22, reply), 0,
                 "a DHT query");
    packet[0] = 0x41;
    packet[1] = 1;
    packet[21] = 255;
    cr_assert_eq(answer(v4(1, 1), packet, sizeof(packet), reply), 0);
    nowhere.port = 0;
    cr_assert_eq(answer_syn(nowhere), 0);
    cr_assert_eq(u.answered, 1);
    cr_assert_eq(u.limited, 0);
}

Test(utpreset, each_site_has_its_limit)
{
    for (int i = 0; i < UTPRESET_SITE_BURST; i++)
        cr_assert_eq(answer_syn(v4(1, 1)), UTPRESET_LEN);
    cr_assert_eq(answer_syn(v4(1, 1)), 0);
    cr_assert_eq(u.limited, 1);
    cr_assert_eq(answer_syn(v4(1, 2)), UTPRESET_LEN, "another site has its own");
    now = mono_add_ms(now, 1000);
    for (int i = 0; i < UTPRESET_SITE_PER_S; i++)
        cr_assert_eq(answer_syn(v4(1, 1)), UTPRESET_LEN);
    cr_assert_eq(answer_syn(v4(1, 1)), 0);
    now = mono_add_ms(now, 3600 * 1000);
    for (int i = 0; i < UTPRESET_SITE_BURST; i++)
        cr_assert_eq(answer_syn(v4(1, 1)), UTPRESET_LEN);
    cr_assert_eq(answer_syn(v4(1, 1)), 0, "a long silence saves up no more than a burst");
}

Test(utpreset, hosts_of_one_ipv6_network_are_one_site)
{
    struct endpoint from = {.family = IP_V6, .ip = {0x20, 1, 0xd, 0xb8, [15] = 1}, .port = 1};
    unsigned answered = 0;

    for (int i = 0; i < 3 * UTPRESET_SITE_BURST; i++) {
        from.ip[15]++;
        answered += answer_syn(from) > 0;
    }
    cr_assert_eq(answered, UTPRESET_SITE_BURST);
}

Test(utpreset, all_sites_together_have_a_limit)
{
    unsigned answered = 0;

    for (unsigned i = 0; i < 4 * UTPRESET_BURST; i++)
        answered += answer_syn(v4((uint8_t)(i >> 8), (uint8_t)i)) > 0;
    cr_assert_eq(answered, UTPRESET_BURST);
    now = mono_add_ms(now, 500);
    for (unsigned i = 0; i < UTPRESET_BURST; i++)
        answered += answer_syn(v4(100, (uint8_t)i)) > 0;
    cr_assert_eq(answered, UTPRESET_BURST + UTPRESET_PER_S / 2);
    cr_assert_eq(u.answered, answered);
}
