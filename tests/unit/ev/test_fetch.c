/* SPDX-License-Identifier: BSD-2-Clause
 *
 * HTTP fetches against a server that answers well, badly, or not at all.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "common/ev/fetch.h"
#include "common/sys/addr.h"
#include "common/sys/clock.h"
#include "tests/unit/ev/http_fake.h"

/* "hello, hello, hello" compressed with gzip. */
static const unsigned char gzipped[] = {
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xcb, 0x48, 0xcd, 0xc9,
    0xc9, 0xd7, 0x51, 0xc8, 0x40, 0xa2, 0x00, 0x9f, 0xa1, 0xca, 0x09, 0x13, 0x00, 0x00,
    0x00};

static uint16_t fake_port; /* where redirects go */

static size_t
answer(const char *request, const char *peer_ip, char *out, size_t size)
{
    char path[64] = "";

    sscanf(request, "GET %63s", path);
    if (strcmp(path, "/ok") == 0)
        return (size_t)snprintf(out, size, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"
                                           "Connection: close\r\n\r\nhello");
    if (strcmp(path, "/who") == 0)
        return (size_t)snprintf(out, size, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n%s %d",
                                peer_ip, strstr(request, "User-Agent: sprat-test/1") != NULL);
    if (strcmp(path, "/gzip") == 0) {
        int n = snprintf(out, size, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
                                    "Connection: close\r\n\r\n");

        memcpy(out + n, gzipped, sizeof(gzipped));
        return (size_t)n + sizeof(gzipped);
    }
    if (strcmp(path, "/moved") == 0)
        return (size_t)snprintf(out, size, "HTTP/1.1 302 Found\r\nConnection: close\r\n"
                                           "Location: http://127.0.0.1:%u/ok\r\n\r\n", fake_port);
    if (strcmp(path, "/round") == 0)
        return (size_t)snprintf(out, size, "HTTP/1.1 302 Found\r\nConnection: close\r\n"
                                           "Location: /round\r\n\r\n");
    if (strcmp(path, "/file") == 0)
        return (size_t)snprintf(out, size, "HTTP/1.1 302 Found\r\nConnection: close\r\n"
                                           "Location: file:///etc/passwd\r\n\r\n");
    if (strcmp(path, "/404") == 0)
        return (size_t)snprintf(out, size, "HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\nno");
    if (strcmp(path, "/big") == 0) {
        int n = snprintf(out, size, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");

        memset(out + n, 'x', 100000);
        return (size_t)n + 100000;
    }
    if (strcmp(path, "/garbage") == 0)
        return (size_t)snprintf(out, size, "\x01\x02\x03 no protocol of ours\r\n\r\n");
    if (strcmp(path, "/cut") == 0)
        return (size_t)snprintf(out, size, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello");
    return 0;
}

struct got {
    struct loop *loop;
    int err, calls;
    enum fetch_cause cause;
    unsigned status;
    char body[256], message[256];
};

static void
on_fetched(void *ctx, const struct fetch_result *res)
{
    struct got *g = ctx;

    g->calls++;
    g->err = res->err;
    g->cause = res->cause;
    g->status = res->status;
    snprintf(g->body, sizeof(g->body), "%.*s", (int)(res->len < 200 ? res->len : 200),
             res->body != NULL ? (const char *)res->body : "");
    snprintf(g->message, sizeof(g->message), "%s", res->message);
    loop_stop(g->loop);
}

struct fixture {
    struct http_fake fake;
    struct fetcher *fetcher;
    struct got got;
};

static void
start(struct fixture *x)
{
    struct errbuf eb;

    memset(x, 0, sizeof(*x));
    cr_assert_eq(loop_new(&x->got.loop, &eb), 0);
    http_fake_start(&x->fake, "127.0.0.1", answer);
    fake_port = x->fake.port;
    x->fetcher = fetcher_new(x->got.loop, "sprat-test/1", NULL);
    cr_assert_not_null(x->fetcher);
}

static void
stop(struct fixture *x)
{
    fetcher_free(x->fetcher);
    loop_free(x->got.loop);
    http_fake_stop(&x->fake);
}

static void
get(struct fixture *x, const char *path, struct fetch_request req)
{
    char url[256];

    snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", x->fake.port, path);
    req.url = url;
    if (req.body_max == 0)
        req.body_max = 1000;
    cr_assert_not_null(fetch_start(x->fetcher, &req, on_fetched, &x->got));
    cr_expect_eq(x->got.calls, 0, "never from inside the call");
    cr_assert_eq(loop_run(x->got.loop), 0);
    cr_expect_eq(x->got.calls, 1);
    x->got.calls = 0;
}

Test(fetch, gets_bodies_plain_redirected_and_compressed)
{
    struct fixture x;

    start(&x);
    get(&x, "/ok", (struct fetch_request){0});
    cr_expect_eq(x.got.err, 0);
    cr_expect_eq(x.got.status, 200u);
    cr_expect_str_eq(x.got.body, "hello");
    get(&x, "/moved", (struct fetch_request){0});
    cr_expect_eq(x.got.err, 0);
    cr_expect_str_eq(x.got.body, "hello");
    get(&x, "/gzip", (struct fetch_request){0});
    cr_expect_eq(x.got.err, 0, "%s", x.got.message);
    cr_expect_str_eq(x.got.body, "hello, hello, hello");
    get(&x, "/404", (struct fetch_request){0});
    cr_expect_eq(x.got.err, 0);
    cr_expect_eq(x.got.status, 404u);
    cr_expect_str_eq(x.got.body, "no");
    stop(&x);
}

Test(fetch, leaves_from_the_address_asked_for)
{
    struct fixture x;
    struct endpoint from;

    start(&x);
    cr_assert_eq(addr_parse("127.0.0.9:6881", &from), 0);
    get(&x, "/who", (struct fetch_request){.from = &from, .family = IP_V4});
    cr_expect_eq(x.got.err, 0);
    cr_expect_str_eq(x.got.body, "127.0.0.9 1");
    stop(&x);
}

Test(fetch, fails_clearly)
{
    struct fixture x;
    struct mono before;

    start(&x);
    get(&x, "/round", (struct fetch_request){0});
    cr_expect_eq(x.got.err, SPRAT_E_REMOTE);
    cr_expect_str_neq(x.got.message, "");
    get(&x, "/file", (struct fetch_request){0});
    cr_expect_eq(x.got.err, SPRAT_E_REMOTE);
    cr_expect_str_eq(x.got.body, "");
    get(&x, "/big", (struct fetch_request){.body_max = 99999});
    cr_expect_eq(x.got.err, SPRAT_E_TOOBIG);
    get(&x, "/big", (struct fetch_request){.body_max = 100000});
    cr_expect_eq(x.got.err, 0);
    get(&x, "/garbage", (struct fetch_request){0});
    cr_expect_eq(x.got.err, SPRAT_E_REMOTE);
    get(&x, "/cut", (struct fetch_request){0});
    cr_expect_eq(x.got.err, SPRAT_E_REMOTE);
    before = clock_mono();
    get(&x, "/silent", (struct fetch_request){.timeout_ms = 200});
    cr_expect_eq(x.got.err, SPRAT_E_TIMEOUT);
    cr_expect_lt(mono_diff_ms(clock_mono(), before), 2000);
    stop(&x);
}

Test(fetch, tls_that_is_not_answered_is_told_from_no_connection)
{
    struct fixture x;
    char url[64];

    start(&x);
    snprintf(url, sizeof(url), "https://127.0.0.1:%u/", x.fake.port);
    struct fetch_request req = {.url = url, .body_max = 100, .connect_ms = 200};
    cr_assert_not_null(fetch_start(x.fetcher, &req, on_fetched, &x.got));
    cr_assert_eq(loop_run(x.got.loop), 0);
    cr_expect_eq(x.got.err, SPRAT_E_TIMEOUT);
    cr_expect_eq(x.got.cause, FETCH_TLS_SILENT);
    stop(&x);
}

Test(fetch, a_closed_port_is_refused)
{
    struct fixture x;

    start(&x);
    http_fake_stop(&x.fake);
    get(&x, "/ok", (struct fetch_request){0});
    cr_expect_eq(x.got.err, SPRAT_E_REFUSED);
    http_fake_start(&x.fake, "127.0.0.1", answer);
    stop(&x);
}

Test(fetch, is_silent_when_cancelled_or_freed)
{
    struct fixture x;
    char url[64];

    start(&x);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/ok", x.fake.port);
    struct fetch_request req = {.url = url, .body_max = 100};
    struct fetch *a = fetch_start(x.fetcher, &req, on_fetched, &x.got);

    cr_assert_not_null(fetch_start(x.fetcher, &req, on_fetched, &x.got));
    fetch_cancel(a);
    cr_assert_eq(loop_run(x.got.loop), 0);
    cr_expect_eq(x.got.calls, 1);
    cr_assert_not_null(fetch_start(x.fetcher, &req, on_fetched, &x.got));
    stop(&x);
    cr_expect_eq(x.got.calls, 1);
}
