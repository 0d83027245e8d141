/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Batches of datagrams, and answers that leave from where the question came to.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

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
    /* One that is longer than the receiver takes goes first, and is left out. */
    cr_expect_eq(dgram_send(p->client,
                            &(struct dgram_msg){.peer = to, .data = big, .len = sizeof(big)}, 1),
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
    m[0] = m[1] = (struct dgram_msg){
        .peer = *dgram_addr(p.server), .data = (const uint8_t *)"x", .len = 1};
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
