/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Batches of datagrams, and answers that leave from the address that got the request.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "common/base/bytes.h"
#include "common/ev/dgram.h"
#include "common/sys/addr.h"

struct probe {
    struct loop *loop;
    struct dgram *server, *client;
    size_t asked, answered, until;
    struct endpoint from; /* of the last answer */
};

static void
srv_batch(void *ctx, const struct dgram_msg *msgs, size_t count)
{
    struct probe *p = ctx;

    p->asked += count;
    cr_expect_eq(dgram_send(p->server, msgs, count), count); /* an echo, by the same address */
}

static void
cli_batch(void *ctx, const struct dgram_msg *msgs, size_t count)
{
    struct probe *p = ctx;

    for (size_t i = 0; i < count; i++)
        cr_expect_eq(msgs[i].len, 4u);
    p->answered += count;
    p->from = msgs[count - 1].peer;
    if (p->answered >= p->until)
        loop_stop(p->loop);
}

static void
start(struct probe *p, const char *srv, const char *cli)
{
    struct errbuf eb;
    struct endpoint e;
    struct dgram_handler sh = {.ctx = p, .on_batch = srv_batch};
    struct dgram_handler ch = {.ctx = p, .on_batch = cli_batch};

    cr_assert_eq(loop_new(&p->loop, &eb), 0);
    cr_assert_eq(addr_parse(srv, &e), 0);
    cr_assert_eq(dgram_new(p->loop, &e, 16, 100, &sh, &p->server, &eb), 0, "%s", eb.text);
    cr_assert_eq(addr_parse(cli, &e), 0);
    cr_assert_eq(dgram_new(p->loop, &e, 4, 100, &ch, &p->client, &eb), 0, "%s", eb.text);
}

static void
ask(struct probe *p, const char *to_ip, size_t count)
{
    struct dgram_msg msgs[200];
    uint8_t big[200] = {0};
    struct endpoint to;

    cr_assert_eq(addr_parse_ip(to_ip, dgram_addr(p->server)->port, &to), 0);
    for (size_t i = 0; i < count; i++)
        msgs[i] = (struct dgram_msg){.peer = to, .data = (const uint8_t *)"ping", .len = 4};
    p->until = count;
    /* The first datagram is longer than the receiver's maximum, and is dropped. */
    cr_expect_eq(
        dgram_send(p->client, &(struct dgram_msg){.peer = to, .data = big, .len = sizeof(big)}, 1),
        1u);
    cr_expect_eq(dgram_send(p->client, msgs, count), count);
    cr_assert_eq(loop_run(p->loop), 0);
    cr_expect_eq(p->asked, count);
    cr_expect_eq(p->answered, count);
}

static void
stop(struct probe *p)
{
    dgram_free(p->server);
    dgram_free(p->client);
    loop_free(p->loop);
}

Test(dgram, sends_and_receives_more_than_a_batch)
{
    struct probe p = {0};

    start(&p, "127.0.0.1:0", "127.0.0.1:0");
    ask(&p, "127.0.0.1", 150);
    stop(&p);
}

Test(dgram, a_wildcard_socket_answers_from_the_address_asked)
{
    struct probe p = {0};
    char text[ADDR_TEXT_MAX];

    start(&p, "0.0.0.0:0", "127.0.0.1:0");
    ask(&p, "127.0.0.77", 3);
    cr_expect_str_eq(addr_format_ip(&p.from, text), "127.0.0.77");
    stop(&p);
}

Test(dgram, ipv6)
{
    struct probe p = {0};

    start(&p, "[::]:0", "[::1]:0");
    ask(&p, "::1", 5);
    stop(&p);
}

enum { GROUP = 3, STEERED = 60, SHORT = 30, LEN = 10 };

struct member {
    struct dgram *socket;
    struct group *group;
    unsigned index;
    size_t got, wrong;
};

struct group {
    struct loop *loop;
    struct member members[GROUP];
    size_t got;
};

static const struct port_steering steering = {
    .at = 2, .count = GROUP, .factors = {0x9e3779b1, 0x85ebca77}, .addend = 0xc2b2ae3d};

static unsigned
steered_to(const uint8_t *data)
{
    uint32_t x = get_u32be(data + 2) * steering.factors[0] +
                 get_u32be(data + 6) * steering.factors[1] + steering.addend;

    return (x >> 16) * GROUP >> 16;
}

/* Datagrams of ten bytes contain the number of their sender. */
static void
member_batch(void *ctx, const struct dgram_msg *msgs, size_t count)
{
    struct member *m = ctx;

    for (size_t i = 0; i < count; i++)
        if (msgs[i].len == LEN)
            m->wrong += steered_to(msgs[i].data) != m->index;
    m->got += count;
    m->group->got += count;
    if (m->group->got == STEERED + SHORT)
        loop_stop(m->group->loop);
}

static void
send_to_group(struct dgram *from, const struct endpoint *to, uint32_t number, size_t len)
{
    uint8_t data[LEN] = {0};
    struct dgram_msg m = {.peer = *to, .data = data, .len = len};

    put_u32be(data + 2, number);
    put_u32be(data + 6, number * number);
    cr_assert_eq(dgram_send(from, &m, 1), 1u);
}

Test(dgram, a_group_has_its_datagrams_steered)
{
    struct probe p = {0};
    struct group g;
    struct endpoint at;
    struct errbuf eb;

    start(&p, "127.0.0.1:0", "127.0.0.1:0");
    g = (struct group){.loop = p.loop};
    cr_assert_eq(addr_parse("127.0.0.1:0", &at), 0);
    for (unsigned i = 0; i < GROUP; i++) {
        struct dgram_handler h = {.ctx = &g.members[i], .on_batch = member_batch};

        g.members[i] = (struct member){.group = &g, .index = i};
        cr_assert_eq(dgram_new_sharing(p.loop, &at, i == 0 ? PORT_FIRST : PORT_NEXT, 16, 100, &h,
                                       &g.members[i].socket, &eb),
                     0, "%s", eb.text);
        at = *dgram_addr(g.members[0].socket);
        cr_assert_eq(dgram_addr(g.members[i].socket)->port, at.port);
    }
    cr_assert(dgram_steer(g.members[1].socket, &steering));
    for (uint32_t n = 0; n < STEERED; n++)
        send_to_group(p.client, &at, 0xfffffff0u + n, LEN);
    for (uint32_t n = 0; n < SHORT; n++)
        send_to_group(p.client, &at, n, n % LEN);
    cr_assert_eq(loop_run(p.loop), 0);
    for (unsigned i = 0; i < GROUP; i++) {
        cr_expect_eq(g.members[i].wrong, 0u);
        cr_expect_gt(g.members[i].got, STEERED / GROUP / 2);
    }
    for (unsigned i = 0; i < GROUP; i++)
        dgram_free(g.members[i].socket);
    stop(&p);
}

Test(dgram, a_shared_port_is_not_taken_from_others)
{
    struct probe p = {0};
    struct dgram_handler h = {.ctx = &p, .on_batch = srv_batch};
    struct dgram *second;
    struct errbuf eb;

    start(&p, "127.0.0.1:0", "127.0.0.1:0");
    cr_expect_eq(
        dgram_new_sharing(p.loop, dgram_addr(p.server), PORT_FIRST, 1, 10, &h, &second, &eb),
        SPRAT_E_BUSY);
    cr_expect_eq(
        dgram_new_sharing(p.loop, dgram_addr(p.server), PORT_NEXT, 1, 10, &h, &second, &eb),
        SPRAT_E_BUSY);
    dgram_free(p.server);
    cr_assert_eq(
        dgram_new_sharing(p.loop, dgram_addr(p.client), PORT_FIRST, 1, 10, &h, &p.server, &eb),
        SPRAT_E_BUSY);
    p.server = NULL;
    stop(&p);
}

static void
on_batch_free(void *ctx, const struct dgram_msg *msgs, size_t count)
{
    struct probe *p = ctx;

    (void)msgs;
    (void)count;
    p->asked++;
    dgram_free(p->server);
    p->server = NULL;
    loop_stop(p->loop);
}

Test(dgram, may_be_freed_in_its_callback)
{
    struct probe p = {0};
    struct dgram_handler h = {.ctx = &p, .on_batch = on_batch_free};
    struct endpoint to;
    struct errbuf eb;
    struct dgram_msg m[2];

    start(&p, "127.0.0.1:0", "127.0.0.1:0");
    dgram_free(p.server);
    cr_assert_eq(addr_parse("127.0.0.1:0", &to), 0);
    cr_assert_eq(dgram_new(p.loop, &to, 1, 100, &h, &p.server, &eb), 0);
    m[0] = m[1] =
        (struct dgram_msg){.peer = *dgram_addr(p.server), .data = (const uint8_t *)"x", .len = 1};
    cr_expect_eq(dgram_send(p.client, m, 2), 2u);
    cr_assert_eq(loop_run(p.loop), 0);
    cr_expect_eq(p.asked, 1u);
    stop(&p);
}

Test(dgram, a_port_in_use_is_named)
{
    struct probe p = {0};
    struct dgram_handler h = {.ctx = &p, .on_batch = srv_batch};
    struct dgram *second;
    struct errbuf eb;

    start(&p, "127.0.0.1:0", "127.0.0.1:0");
    cr_expect_eq(dgram_new(p.loop, dgram_addr(p.server), 1, 10, &h, &second, &eb), SPRAT_E_BUSY);
    cr_expect_not_null(strstr(eb.text, "UDP 127.0.0.1:"));
    stop(&p);
}
