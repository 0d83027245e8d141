/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Names to addresses, and URLs taken apart.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "common/ev/resolve.h"
#include "common/ev/url.h"
#include "common/sys/addr.h"

struct got {
    struct loop *loop;
    int calls, until, err;
    size_t count;
    struct endpoint addrs[RESOLVE_ADDRS_MAX];
};

static void
on_resolved(void *ctx, int err, const struct endpoint *addrs, size_t count)
{
    struct got *g = ctx;

    g->err = err;
    g->count = count;
    memcpy(g->addrs, addrs, count * sizeof(*addrs));
    if (++g->calls == g->until)
        loop_stop(g->loop);
}

static struct resolver *
start(struct got *g)
{
    struct errbuf eb;
    struct resolver *r;

    *g = (struct got){.until = 1};
    cr_assert_eq(loop_new(&g->loop, &eb), 0);
    r = resolver_new(g->loop);
    cr_assert_not_null(r);
    return r;
}

Test(resolve, numeric_addresses)
{
    struct got g;
    struct resolver *r = start(&g);
    char text[ADDR_TEXT_MAX];

    cr_assert_not_null(resolve_start(r, "127.0.0.7", 80, on_resolved, &g));
    cr_expect_eq(g.calls, 0);
    loop_run(g.loop);
    cr_expect_eq(g.err, 0);
    cr_expect_eq(g.count, 1u);
    cr_expect_str_eq(addr_format(&g.addrs[0], text), "127.0.0.7:80");
    g.until = 2;
    cr_assert_not_null(resolve_start(r, "::1", 81, on_resolved, &g));
    loop_run(g.loop);
    cr_expect_str_eq(addr_format(&g.addrs[0], text), "[::1]:81");
    resolver_free(r);
    loop_free(g.loop);
}

Test(resolve, localhost_and_a_name_that_can_not_be)
{
    struct got g;
    struct resolver *r = start(&g);

    cr_assert_not_null(resolve_start(r, "localhost", 6881, on_resolved, &g));
    loop_run(g.loop);
    cr_expect_eq(g.err, 0);
    cr_assert_geq(g.count, 1u);
    cr_expect(addr_is_loopback(&g.addrs[0]));
    cr_expect_eq(g.addrs[0].port, 6881);
    g.until = 2;
    cr_assert_not_null(resolve_start(r, "no such name.", 1, on_resolved, &g));
    loop_run(g.loop);
    cr_expect_eq(g.err, SPRAT_E_RESOLVE);
    cr_expect_eq(g.count, 0u);
    resolver_free(r);
    loop_free(g.loop);
}

Test(resolve, is_bounded_and_can_be_cancelled)
{
    struct got g;
    struct resolver *r = start(&g);
    struct resolve *jobs[RESOLVE_PENDING_MAX];
    char host[RESOLVE_HOST_MAX + 2];

    memset(host, 'a', sizeof(host) - 1);
    host[sizeof(host) - 1] = '\0';
    cr_expect_null(resolve_start(r, host, 1, on_resolved, &g));
    for (int i = 0; i < RESOLVE_PENDING_MAX; i++) {
        snprintf(host, sizeof(host), "127.0.%d.%d", i / 256, i % 256);
        jobs[i] = resolve_start(r, host, 1, on_resolved, &g);
        cr_assert_not_null(jobs[i]);
    }
    cr_expect_null(resolve_start(r, "127.1.0.1", 1, on_resolved, &g));
    for (int i = 0; i < RESOLVE_PENDING_MAX - 3; i++)
        resolve_cancel(jobs[i]);
    g.until = 3;
    loop_run(g.loop);
    cr_expect_eq(g.calls, 3);
    cr_assert_not_null(resolve_start(r, "localhost", 1, on_resolved, &g));
    resolver_free(r);
    loop_free(g.loop);
    cr_expect_eq(g.calls, 3);
}

Test(resolve, one_look_up_serves_all_that_wait_for_the_name)
{
    struct got g, other = {.until = 0};
    struct resolver *r = start(&g);
    struct resolve *jobs[RESOLVE_PENDING_MAX + 3];

    for (int i = 0; i < RESOLVE_PENDING_MAX + 3; i++) {
        jobs[i] = resolve_start(r, "localhost", (uint16_t)(1 + i), on_resolved, &g);
        cr_assert_not_null(jobs[i], "%d: a name that is looked up already takes no room", i);
    }
    resolve_cancel(jobs[0]);
    cr_assert_not_null(resolve_start(r, "127.0.0.9", 7, on_resolved, &other));
    g.until = RESOLVE_PENDING_MAX + 2;
    loop_run(g.loop);
    cr_expect_eq(g.calls, RESOLVE_PENDING_MAX + 2);
    cr_expect_eq(g.addrs[0].port, RESOLVE_PENDING_MAX + 3, "each has its own port");
    cr_expect_eq(other.calls, 1);
    resolver_free(r);
    loop_free(g.loop);
}

Test(url, parts)
{
    struct url u;

    cr_assert_eq(url_parse("udp://tracker.example:6969/announce?a=1&b=%20", &u), 0);
    cr_expect_str_eq(u.scheme, "udp");
    cr_expect_str_eq(u.host, "tracker.example");
    cr_expect_eq(u.port, 6969);
    cr_expect_str_eq(u.rest, "/announce?a=1&b=%20");
    cr_assert_eq(url_parse("HTTP://[::1]/x", &u), 0);
    cr_expect_str_eq(u.scheme, "http");
    cr_expect_str_eq(u.host, "::1");
    cr_expect_eq(u.port, 80);
    cr_assert_eq(url_parse("udp://1.2.3.4", &u), 0);
    cr_expect_eq(u.port, 0);
    cr_expect_str_eq(u.rest, "/");
    cr_assert_eq(url_parse("https://h", &u), 0);
    cr_expect_eq(u.port, 443);
}

Test(url, bad)
{
    struct url u;
    char big[4096];

    cr_expect_neq(url_parse("", &u), 0);
    cr_expect_neq(url_parse("http://", &u), 0);
    cr_expect_neq(url_parse("http://h:99999/", &u), 0);
    cr_expect_neq(url_parse("http://a b/", &u), 0);
    memset(big, 'a', sizeof(big));
    memcpy(big, "udp://h:1/", 10);
    big[sizeof(big) - 1] = '\0';
    cr_expect_eq(url_parse(big, &u), SPRAT_E_TOOBIG);
}
