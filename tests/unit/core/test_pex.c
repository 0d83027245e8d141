/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The contacts that we send to a peer, message by message, and those that we accept from it.
 */
#include "peer/core/pex.h"

#include <criterion/criterion.h>
#include <string.h>

#include "common/base/err.h"

static struct pex_contact
v4(uint8_t third, uint8_t last, uint8_t flags)
{
    return (struct pex_contact){
        .addr = {.family = IP_V4, .ip = {8, 8, third, last}, .port = 6881}, .flags = flags};
}

static struct pex_contact
v6(uint8_t last, uint8_t flags)
{
    return (struct pex_contact){
        .addr = {.family = IP_V6, .ip = {0x20, 1, [15] = last}, .port = 6881}, .flags = flags};
}

/* One message, read back. The return value is pex_write()'s. */
static int
say(struct pex_out *o, struct pex_contact *live, uint32_t n, struct pex_message *m)
{
    struct rng rng;
    struct buf out;
    int rc;

    rng_init(&rng, 7);
    buf_init(&out, PEX_SIZE_MAX);
    n = pex_sort(live, n);
    rc = pex_write(o, live, n, &rng, &out);
    if (rc == 1)
        cr_assert_eq(pex_read(m, buf_data(&out), buf_len(&out)), 0);
    buf_fini(&out);
    return rc;
}

static int
read_bytes(struct pex_message *m, const char *text, size_t len)
{
    return pex_read(m, (const uint8_t *)text, len);
}

#define READ(m, text) read_bytes(m, text, sizeof(text) - 1)

Test(pex, the_message_in_bytes)
{
    struct pex_contact live[] = {v6(3, PEX_REACHABLE), v4(8, 8, PEX_SEED), v4(8, 4, 0)};
    struct pex_out o;
    struct rng rng;
    struct buf out;
    static const char want[] = "d5:added12:\x08\x08\x08\x04\x1a\xe1\x08\x08\x08\x08\x1a\xe1"
                               "7:added.f2:\x00\x02"
                               "6:added618:\x20\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\x03\x1a\xe1"
                               "8:added6.f1:\x10"
                               "e";

    pex_out_init(&o);
    rng_init(&rng, 1);
    buf_init(&out, PEX_SIZE_MAX);
    cr_assert_eq(pex_sort(live, 3), 3u);
    cr_assert_eq(pex_write(&o, live, 3, &rng, &out), 1);
    cr_assert_eq(buf_len(&out), sizeof(want) - 1);
    cr_assert_arr_eq(buf_data(&out), want, sizeof(want) - 1);
    buf_reset(&out);
    cr_assert_eq(pex_write(&o, live, 3, &rng, &out), 0, "nothing new");
    cr_assert_eq(buf_len(&out), 0u);
    cr_assert_eq(pex_write(&o, live + 1, 1, &rng, &out), 1);
    cr_assert_eq(buf_len(&out), sizeof("d7:dropped6:123456"
                                       "8:dropped618:123456789012345678e") -
                                    1);
    buf_fini(&out);
    pex_out_fini(&o);
}

Test(pex, what_goes_is_dropped_once_and_may_come_again)
{
    struct pex_contact live[] = {v4(1, 1, 0), v4(1, 2, 0), v4(1, 1, 0)};
    struct pex_message m;
    struct pex_out o;

    pex_out_init(&o);
    cr_assert_eq(say(&o, live, 3, &m), 1);
    cr_assert_eq(m.added_count, 2u, "no duplicates");
    cr_assert_eq(say(&o, live, 1, &m), 1);
    cr_assert_eq(m.added_count, 0u);
    cr_assert_eq(m.dropped_count, 1u);
    cr_assert_eq(say(&o, live, 1, &m), 0);
    live[1] = v4(1, 2, PEX_SEED);
    cr_assert_eq(say(&o, live, 2, &m), 1);
    cr_assert_eq(m.added_count, 1u);
    cr_assert_eq(m.added[0].addr.ip[3], 2);
    cr_assert_eq(m.added[0].flags, PEX_SEED);
    pex_out_fini(&o);
}

Test(pex, no_more_than_fifty_of_each_in_a_message)
{
    struct pex_contact live[120];
    struct pex_message m;
    struct pex_out o;
    uint32_t told = 0, dropped = 0;

    pex_out_init(&o);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 120; i++)
            live[i] = v4(2, (uint8_t)i, 0);
        cr_assert_eq(say(&o, live, 120, &m), 1);
        cr_assert_eq(m.added_count, round < 2 ? 50u : 20u);
        told += m.added_count;
    }
    cr_assert_eq(told, 120u);
    cr_assert_eq(say(&o, live, 120, &m), 0);
    while (say(&o, live, 0, &m) == 1) {
        cr_assert_leq(m.dropped_count, 50u);
        dropped += m.dropped_count;
    }
    cr_assert_eq(dropped, 120u, "nobody is forgotten");
    pex_out_fini(&o);
}

Test(pex, a_peer_is_told_so_much_and_no_more)
{
    static struct pex_contact live[PEX_TOLD_MAX + 100];
    struct pex_message m;
    struct pex_out o;
    uint32_t told = 0;

    pex_out_init(&o);
    for (unsigned i = 0; i < PEX_TOLD_MAX + 100; i++)
        live[i] = v4((uint8_t)(i >> 8), (uint8_t)i, 0);
    while (say(&o, live, PEX_TOLD_MAX + 100, &m) == 1)
        told += m.added_count;
    cr_assert_eq(told, (uint32_t)PEX_TOLD_MAX);
    pex_out_fini(&o);
}

Test(pex, reads_what_others_write)
{
    struct pex_message m;

    /* libtorrent writes all keys, empty or not. */
    cr_assert_eq(READ(&m, "d5:added6:\x01\x02\x03\x04\x1a\xe1"
                          "7:added.f1:\x13"
                          "6:added60:8:added6.f0:7:dropped0:8:dropped60:e"),
                 0);
    cr_assert_eq(m.added_count, 1u);
    cr_assert_eq(m.added[0].addr.port, 6881);
    cr_assert_eq(m.added[0].flags, PEX_ENCRYPTION | PEX_SEED | PEX_REACHABLE);
    cr_assert_eq(READ(&m, "d5:added12:\x01\x02\x03\x04\x1a\xe1\x01\x02\x03\x05\x1a\xe1"
                          "7:added.f1:\x02"
                          "e"),
                 0, "too few flags");
    cr_assert_eq(m.added_count, 2u);
    cr_assert_eq(m.added[1].flags, 0);
    cr_assert_eq(READ(&m, "d7:dropped12:123456789012e"), 0);
    cr_assert_eq(m.dropped_count, 2u);
}

Test(pex, what_is_senseless_is_passed_over)
{
    struct pex_message m;

    cr_assert_eq(READ(&m, "de"), 0);
    cr_assert_eq(READ(&m, "d5:addedi5e7:droppedlee"), 0);
    cr_assert_eq(m.added_count + m.dropped_count, 0u);
    cr_assert_eq(READ(&m, "d5:added9:\x01\x02\x03\x04\x1a\xe1zzze"), 0, "a rest");
    cr_assert_eq(m.added_count, 1u);
    cr_assert_eq(READ(&m, "d5:added12:\x01\x02\x03\x04\0\0\0\0\0\0\x1a\xe1"
                          "e"),
                 0, "port 0, and nobody's address");
    cr_assert_eq(m.added_count, 0u);
    cr_assert_eq(READ(&m, ""), SPRAT_E_PROTOCOL);
    cr_assert_eq(READ(&m, "le"), SPRAT_E_PROTOCOL);
    cr_assert_eq(READ(&m, "d5:added99:e"), SPRAT_E_PROTOCOL);
}

static int
read_many(unsigned v4s, unsigned v6s, const char *key4, const char *key6)
{
    struct pex_message m;
    struct buf b;
    int err;

    buf_init(&b, 100000);
    buf_printf(&b, "d%zu:%s%u:", strlen(key4), key4, v4s * 6);
    for (unsigned i = 0; i < v4s * 6; i++)
        buf_put_u8(&b, 1);
    buf_printf(&b, "%zu:%s%u:", strlen(key6), key6, v6s * 18);
    for (unsigned i = 0; i < v6s * 18; i++)
        buf_put_u8(&b, 1);
    buf_puts(&b, "e");
    err = pex_read(&m, buf_data(&b), buf_len(&b));
    buf_fini(&b);
    return err;
}

Test(pex, too_many_contacts_are_no_message)
{
    cr_assert_eq(read_many(PEX_READ_MAX, 0, "added", "added6"), 0);
    cr_assert_eq(read_many(PEX_READ_MAX - 1, 1, "added", "added6"), 0);
    cr_assert_eq(read_many(PEX_READ_MAX, 1, "added", "added6"), SPRAT_E_LIMIT);
    cr_assert_eq(read_many(0, PEX_READ_MAX + 1, "added", "added6"), SPRAT_E_LIMIT);
    cr_assert_eq(read_many(PEX_READ_MAX, 0, "dropped", "dropped6"), 0);
    cr_assert_eq(read_many(PEX_READ_MAX, 1, "dropped", "dropped6"), SPRAT_E_LIMIT);
    cr_assert_eq(read_many(0, 5000, "added", "added6"), SPRAT_E_PROTOCOL, "beyond all measure");
}

Test(pex, one_a_minute_is_heard_and_a_flood_is_not)
{
    struct mono now = {5000000};
    struct pex_in in = {0};
    unsigned heard = 0;

    for (unsigned i = 0; i < 100; i++, now = mono_add_ms(now, PEX_PERIOD_MS))
        cr_assert(pex_in_allow(&in, now), "%u", i);
    in = (struct pex_in){0};
    for (unsigned i = 0; i < 600; i++, now = mono_add_ms(now, 1000))
        heard += pex_in_allow(&in, now);
    cr_assert_eq(heard, PEX_BURST + 600u * 1000 / PEX_EARLY_MS);
    for (unsigned i = 0; i < PEX_STRIKES_MAX; i++)
        cr_assert(pex_in_strike(&in));
    cr_assert_not(pex_in_strike(&in));
}

static bool
plausible(const char *ip, uint16_t port, const char *teller)
{
    struct endpoint a = {.family = IP_V4, .port = port}, t = {.family = IP_V4, .port = 1};

    memcpy(a.ip, ip, 4);
    memcpy(t.ip, teller, 4);
    return pex_plausible(&a, &t);
}

Test(pex, strangers_do_not_know_our_network)
{
    cr_assert(plausible("\x08\x08\x08\x08", 6881, "\x09\x09\x09\x09"));
    cr_assert(plausible("\x08\x08\x08\x08", PEX_PORT_MIN, "\x7f\0\0\x01"));
    cr_assert_not(plausible("\x08\x08\x08\x08", 443, "\x09\x09\x09\x09"));
    cr_assert_not(plausible("\x0a\0\0\x01", 6881, "\x09\x09\x09\x09"));
    cr_assert_not(plausible("\x7f\0\0\x01", 6881, "\x09\x09\x09\x09"));
    cr_assert(plausible("\x0a\0\0\x01", 6881, "\x0a\0\0\x02"));
    cr_assert_not(plausible("\x7f\0\0\x01", 6881, "\x0a\0\0\x02"));
    cr_assert(plausible("\x7f\0\0\x01", 6881, "\x7f\0\0\x02"));
}
