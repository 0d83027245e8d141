/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Request heads whole, cut at every byte, pipelined, at their limits, and broken in every way.
 */
#include "common/codec/http_request.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/err.h"

static int
parse_n(struct http_request *r, const char *text, size_t len)
{
    struct http_scan scan = {0};

    return http_request_parse(r, &scan, (const uint8_t *)text, len);
}

/* As a server that takes more than GETs. */
static const struct http_accepts more = {.more_methods = 1u << HTTP_POST | 1u << HTTP_DELETE,
                                         .body_max = 10};

static int
parse_more(struct http_request *r, const char *text)
{
    struct http_scan scan = {.accepts = &more};

    return http_request_parse(r, &scan, (const uint8_t *)text, strlen(text));
}

static int
parse(struct http_request *r, const char *text)
{
    return parse_n(r, text, strlen(text));
}

static void
expect_status(const char *text, int status)
{
    struct http_request r;

    cr_expect_eq(parse(&r, text), SPRAT_E_PROTOCOL, "%s", text);
    cr_expect_eq(r.status, status, "%s: %d", text, r.status);
}

static bool
slice_is(const char *at, size_t len, const char *want)
{
    return len == strlen(want) && memcmp(at, want, len) == 0;
}

#define GOOD "GET /announce?info_hash=%01&x=y HTTP/1.1\r\nHost: t\r\nUser-Agent: a b\r\n\r\n"

Test(http_request, parts)
{
    struct http_request r;

    cr_assert_eq(parse(&r, GOOD), 0);
    cr_assert(slice_is(r.path, r.path_len, "/announce"));
    cr_assert(slice_is(r.query, r.query_len, "info_hash=%01&x=y"));
    cr_assert(r.keep_alive);
    cr_assert_eq(r.len, strlen(GOOD));
    cr_assert_eq(parse(&r, "GET / HTTP/1.1\r\n\r\n"), 0);
    cr_assert_eq(r.query_len, 0);
    cr_assert_eq(parse(&r, "GET /a?b?c HTTP/1.1\r\n\r\n"), 0);
    cr_assert(slice_is(r.query, r.query_len, "b?c"));
}

Test(http_request, cut_at_every_byte)
{
    struct http_request r;
    struct http_scan scan = {0};

    for (size_t len = 0; len < strlen(GOOD); len++) {
        cr_assert_eq(parse_n(&r, GOOD, len), SPRAT_E_AGAIN, "at once, %zu", len);
        cr_assert_eq(http_request_parse(&r, &scan, (const uint8_t *)GOOD, len), SPRAT_E_AGAIN);
    }
    cr_assert_eq(http_request_parse(&r, &scan, (const uint8_t *)GOOD, strlen(GOOD)), 0);
    cr_assert_eq(r.len, strlen(GOOD));
}

Test(http_request, a_line_of_returns_is_the_same_bytewise)
{
    static const char text[] = "\n\r\r\n\n";
    struct http_request r;
    struct http_scan scan = {0};

    cr_assert_eq(parse(&r, text), SPRAT_E_PROTOCOL);
    for (size_t len = 1; len < strlen(text); len++)
        cr_assert_eq(http_request_parse(&r, &scan, (const uint8_t *)text, len), SPRAT_E_AGAIN);
    cr_assert_eq(http_request_parse(&r, &scan, (const uint8_t *)text, strlen(text)),
                 SPRAT_E_PROTOCOL);
}

/* A client that speaks TLS sends no line end, and waits. */
Test(http_request, what_is_no_text_is_refused_at_its_first_byte)
{
    struct http_request r;

    cr_expect_eq(parse_n(&r, "\x16", 1), SPRAT_E_PROTOCOL);
    cr_expect_eq(r.status, 400);
    cr_expect_eq(parse_n(&r, "\r\n\x16\x03\x01", 5), SPRAT_E_PROTOCOL, "behind an empty line");
    cr_expect_eq(parse_n(&r, "\x16\x03\n\x0a", 4), SPRAT_E_PROTOCOL, "with line ends behind it");
    cr_expect_eq(parse_n(&r, "\xff", 1), SPRAT_E_PROTOCOL);
    cr_expect_eq(parse_n(&r, "\r", 1), SPRAT_E_AGAIN);
    cr_expect_eq(parse_n(&r, "GET / HTTP/1.1\r\n\x16", 17), SPRAT_E_AGAIN, "headers come whole");
}

Test(http_request, pipelined_ones_are_taken_one_by_one)
{
    struct http_request r;
    const char *two = "GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n";

    cr_assert_eq(parse(&r, two), 0);
    cr_assert(slice_is(r.path, r.path_len, "/1"));
    cr_assert_eq(parse(&r, two + r.len), 0);
    cr_assert(slice_is(r.path, r.path_len, "/2"));
}

Test(http_request, tolerated_forms)
{
    struct http_request r;

    cr_assert_eq(parse(&r, "\r\n\n\r\nGET / HTTP/1.1\r\n\r\n"), 0, "empty lines before");
    cr_assert_eq(r.len, strlen("\r\n\n\r\nGET / HTTP/1.1\r\n\r\n"));
    cr_assert_eq(parse(&r, "GET / HTTP/1.1\nA: b\n\n"), 0, "line feeds alone");
    cr_assert_eq(parse(&r, "GET http://host:80/x?y HTTP/1.1\r\n\r\n"), 0);
    cr_assert(slice_is(r.path, r.path_len, "/x"));
    cr_assert_eq(parse(&r, "GET / HTTP/1.1\r\nContent-Length: 0\r\nempty:\r\n\r\n"), 0);
    cr_assert_eq(parse(&r, "GET /\xff\x80 HTTP/1.1\r\nname: \xff\r\n\r\n"), 0,
                 "bytes that should be escaped");
}

static void
expect_status_of_more(const char *text, int status)
{
    struct http_request r;

    cr_expect_eq(parse_more(&r, text), SPRAT_E_PROTOCOL, "%s", text);
    cr_expect_eq(r.status, status, "%s: %d", text, r.status);
}

Test(http_request, methods)
{
    struct http_request r;

    cr_assert_eq(parse_more(&r, "GET / HTTP/1.1\r\n\r\n"), 0);
    cr_assert_eq(r.method, HTTP_GET);
    cr_assert_eq(parse_more(&r, "DELETE /x HTTP/1.1\r\n\r\n"), 0);
    cr_assert_eq(r.method, HTTP_DELETE);
    cr_assert_str_eq(http_method_name(r.method), "DELETE");
    cr_assert_eq(parse_more(&r, "HEAD /x HTTP/1.1\r\n\r\n"), 0);
    cr_assert_eq(r.method, HTTP_HEAD);
    expect_status_of_more("PUT / HTTP/1.1\r\n\r\n", 405);
    expect_status_of_more("post / HTTP/1.1\r\n\r\n", 405);
    expect_status_of_more("POSTS / HTTP/1.1\r\n\r\n", 405);
    expect_status_of_more("CONNECT host:80 HTTP/1.1\r\n\r\n", 405);
    expect_status_of_more("POST x HTTP/1.1\r\n\r\n", 400);
}

Test(http_request, bodies)
{
    static const char text[] = "POST /p HTTP/1.1\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.1";
    size_t whole = strlen("POST /p HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello");
    struct http_scan scan = {.accepts = &more};
    struct http_request r;

    cr_assert_eq(parse_more(&r, text), 0);
    cr_assert_eq(r.len, whole);
    cr_assert(slice_is(r.body, r.body_len, "hello"));
    for (size_t len = 0; len < whole; len++)
        cr_assert_eq(http_request_parse(&r, &scan, (const uint8_t *)text, len), SPRAT_E_AGAIN);
    cr_assert_eq(http_request_parse(&r, &scan, (const uint8_t *)text, whole), 0, "bytewise");
    cr_assert(slice_is(r.body, r.body_len, "hello"));
    cr_assert_eq(parse_more(&r, "POST / HTTP/1.1\r\nContent-Length: 010\r\n\r\n0123456789"), 0);
    cr_assert_eq(r.body_len, 10);
    cr_assert_eq(parse_more(&r, "POST / HTTP/1.1\r\n\r\n"), 0, "none is none");
    cr_assert_eq(r.body_len, 0);
    expect_status_of_more("POST / HTTP/1.1\r\nContent-Length: 11\r\n\r\n", 413);
    expect_status_of_more("POST / HTTP/1.1\r\nContent-Length: 18446744073709551617\r\n\r\n", 413);
    expect_status_of_more("POST / HTTP/1.1\r\nContent-Length: 5, 5\r\n\r\n", 400);
    expect_status_of_more("POST / HTTP/1.1\r\nContent-Length: +5\r\n\r\n", 400);
    expect_status_of_more("POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", 400);
    expect_status_of_more("POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: x\r\n\r\n",
                          501);
    expect_status_of_more("POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
                          417);
    cr_assert_eq(parse(&r, "GET / HTTP/1.1\r\nExpect: 100-continue\r\n\r\n"), 0);
}

Test(http_request, headers_that_are_kept)
{
    struct http_request r;

    cr_assert_eq(parse(&r, "GET / HTTP/1.1\r\nhost:  a:80 \r\nAUTHORIZATION: Bearer x y\r\n\r\n"),
                 0);
    cr_assert(slice_is(r.host, r.host_len, "a:80"));
    cr_assert(slice_is(r.authorization, r.authorization_len, "Bearer x y"));
    cr_assert_eq(parse(&r, "GET / HTTP/1.1\r\n\r\n"), 0);
    cr_assert(r.host_len == 0 && r.authorization_len == 0);
    expect_status("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400);
    expect_status("GET / HTTP/1.1\r\nAuthorization:\r\nAuthorization: x\r\n\r\n", 400);
}

Test(http_request, keep_alive)
{
    struct http_request r;

    cr_assert_eq(parse(&r, "GET / HTTP/1.0\r\n\r\n"), 0);
    cr_assert_not(r.keep_alive);
    cr_assert_eq(parse(&r, "GET / HTTP/1.0\r\nconnection: x , Keep-Alive\r\n\r\n"), 0);
    cr_assert(r.keep_alive);
    cr_assert_eq(parse(&r, "GET / HTTP/1.1\r\nConnection:close\r\n\r\n"), 0);
    cr_assert_not(r.keep_alive);
    cr_assert_eq(parse(&r, "GET / HTTP/1.9\r\nConnection: ,,\r\n\r\n"), 0);
    cr_assert(r.keep_alive);
}

Test(http_request, broken)
{
    expect_status("\x16\x03\x01\x02\n\r\n", 400);
    expect_status("GET\r\n\r\n", 400);
    expect_status("GET /\r\n\r\n", 400);
    expect_status("GET / HTTP/1.1 \r\n\r\n", 400);
    expect_status("GET  / HTTP/1.1\r\n\r\n", 400);
    expect_status("GET /a b HTTP/1.1\r\n\r\n", 400);
    expect_status("GET /\x01 HTTP/1.1\r\n\r\n", 400);
    expect_status("GET * HTTP/1.1\r\n\r\n", 400);
    expect_status("GET x HTTP/1.1\r\n\r\n", 400);
    expect_status("GET http://host HTTP/1.1\r\n\r\n", 400);
    expect_status("GET / HTTX/1.1\r\n\r\n", 400);
    expect_status("GET / HTTP/1x1\r\n\r\n", 400);
    expect_status("GET / HTTP/1.x\r\n\r\n", 400);
    expect_status("GET / HTTP/2.0\r\n\r\n", 505);
    expect_status("POST / HTTP/1.1\r\n\r\n", 405);
    expect_status("get / HTTP/1.1\r\n\r\n", 405);
    expect_status("GET / HTTP/1.1\r\nno colon\r\n\r\n", 400);
    expect_status("GET / HTTP/1.1\r\n: nameless\r\n\r\n", 400);
    expect_status("GET / HTTP/1.1\r\nname : v\r\n\r\n", 400);
    expect_status("GET / HTTP/1.1\r\nA: b\r\n folded\r\n\r\n", 400);
    expect_status("GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\n", 413);
    expect_status("GET / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", 413);
    expect_status("GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400);
    expect_status("GET / HTTP/1.1\r\nContent-Length:\r\n\r\n", 400);
    expect_status("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 501);
}

Test(http_request, a_nul_is_refused)
{
    static const char text[] = "GET / HTTP/1.1\r\nA: \0\r\n\r\n";
    struct http_request r;

    cr_assert_eq(parse_n(&r, text, sizeof(text) - 1), SPRAT_E_PROTOCOL);
    cr_assert_eq(r.status, 400);
}

Test(http_request, limits)
{
    char *text = malloc(2 * HTTP_HEAD_MAX);
    struct http_request r;
    int n;

    memset(text, 'a', 2 * HTTP_HEAD_MAX);
    cr_assert_eq(parse_n(&r, text, HTTP_HEAD_MAX - 1), SPRAT_E_AGAIN);
    cr_assert_eq(parse_n(&r, text, HTTP_HEAD_MAX), SPRAT_E_PROTOCOL);
    cr_assert_eq(r.status, 414);
    memcpy(text, "GET / HTTP/1.1\r\n", 16);
    cr_assert_eq(parse_n(&r, text, 2 * HTTP_HEAD_MAX), SPRAT_E_PROTOCOL);
    cr_assert_eq(r.status, 431);
    memcpy(text, "GET /", 5);
    memset(text + 5, 'a', HTTP_HEAD_MAX);
    memcpy(text + HTTP_HEAD_MAX - 13, " HTTP/1.1\r\n\r\n", 13);
    cr_assert_eq(parse_n(&r, text, HTTP_HEAD_MAX), 0, "exactly the most");
    for (int headers = HTTP_HEADERS_MAX; headers <= HTTP_HEADERS_MAX + 1; headers++) {
        n = sprintf(text, "GET / HTTP/1.1\r\n");
        for (int i = 0; i < headers; i++)
            n += sprintf(text + n, "h: v\r\n");
        sprintf(text + n, "\r\n");
        cr_assert_eq(parse(&r, text), headers <= HTTP_HEADERS_MAX ? 0 : SPRAT_E_PROTOCOL);
    }
    cr_assert_eq(r.status, 431);
    free(text);
}
