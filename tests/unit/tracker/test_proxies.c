/* SPDX-License-Identifier: BSD-2-Clause
 *
 * X-Forwarded-For: believed from trusted proxies, as far as the first that is none, and never from
 * anybody else.
 */
#include "tracker/net/proxies.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "common/base/err.h"
#include "common/sys/addr.h"
#include "tracker/net/nettext.h"

static struct endpoint
ip(const char *text)
{
    struct endpoint e;

    cr_assert_eq(addr_parse_ip(text, 0, &e), 0, "%s", text);
    return e;
}

/* What comes of a request from |from| with these headers, as text; "refused" or the address. */
static const char *
client(const struct netset *p, const char *from, const char *headers)
{
    static char text[ADDR_TEXT_MAX];
    struct endpoint e, peer = ip(from);
    struct http_scan scan = {0};
    struct http_request req;
    char head[1024];

    snprintf(head, sizeof(head), "GET /announce HTTP/1.1\r\n%s\r\n", headers);
    cr_assert_eq(http_request_parse(&req, &scan, (const uint8_t *)head, strlen(head)), 0);
    if (proxies_client(p, &req, &peer, &e) != 0)
        return "refused";
    return addr_format_ip(&e, text);
}

static struct netset
trust(void)
{
    struct netset p = {.count = 0};

    cr_assert_eq(nettext_add(&p, "10.1.0.0/16"), 0);
    cr_assert_eq(nettext_add(&p, "fd00::/8"), 0);
    cr_assert_eq(nettext_add(&p, "127.0.0.1"), 0);
    return p;
}

Test(proxies, nobody_else_is_believed)
{
    struct netset none = {.count = 0}, p = trust();

    cr_assert_str_eq(client(&none, "10.1.2.3", "X-Forwarded-For: 1.2.3.4\r\n"), "10.1.2.3");
    cr_assert_str_eq(client(&p, "10.2.2.3", "X-Forwarded-For: 1.2.3.4\r\n"), "10.2.2.3");
    cr_assert_str_eq(client(&p, "127.0.0.2", "X-Forwarded-For: 1.2.3.4\r\n"), "127.0.0.2");
    cr_assert_str_eq(client(&p, "10.2.2.3", "X-Forwarded-For: nonsense\r\n"), "10.2.2.3");
}

Test(proxies, the_rightmost_that_is_no_proxy)
{
    struct netset p = trust();

    cr_assert_str_eq(client(&p, "10.1.2.3", "X-Forwarded-For: 6.6.6.6, 1.2.3.4\r\n"), "1.2.3.4");
    cr_assert_str_eq(client(&p, "10.1.2.3", "x-forwarded-for: 6.6.6.6,1.2.3.4 ,\t10.1.0.9\r\n"),
                     "1.2.3.4");
    cr_assert_str_eq(
        client(&p, "127.0.0.1", "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-For: fd01::1\r\n"),
        "1.2.3.4");
    cr_assert_str_eq(client(&p, "fd00::5", "X-Forwarded-For: 2001:db8::7\r\n"), "2001:db8::7");
    cr_assert_str_eq(client(&p, "127.0.0.1", "X-Forwarded-For: [2001:db8::7]:99\r\n"),
                     "2001:db8::7");
    cr_assert_str_eq(client(&p, "127.0.0.1", "X-Forwarded-For: 1.2.3.4:99\r\n"), "1.2.3.4");
    cr_assert_str_eq(client(&p, "127.0.0.1", "X-Forwarded-For: ::ffff:1.2.3.4\r\n"), "1.2.3.4");
}

Test(proxies, a_proxy_may_speak_for_itself)
{
    struct netset p = trust();

    cr_assert_str_eq(client(&p, "10.1.2.3", ""), "10.1.2.3");
    cr_assert_str_eq(client(&p, "10.1.2.3", "X-Forwarded-For: 10.1.0.1, 127.0.0.1\r\n"),
                     "10.1.0.1");
}

Test(proxies, what_is_no_address_is_refused)
{
    static const char *const bad[] = {
        "",
        "unknown",
        "1.2.3.4,",
        ",",
        "1.2.3",
        "1.2.3.4 5.6.7.8",
        "fe80::1%eth0",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    struct netset p = trust();
    char header[256];

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(header, sizeof(header), "X-Forwarded-For: %s\r\n", bad[i]);
        cr_assert_str_eq(client(&p, "10.1.2.3", header), "refused", "'%s'", bad[i]);
    }
    /* What stands left of the client is nobody's business. */
    cr_assert_str_eq(client(&p, "10.1.2.3", "X-Forwarded-For: nonsense, 1.2.3.4\r\n"), "1.2.3.4");
}

Test(proxies, many_lines_are_read_from_the_last)
{
    struct netset p = trust();
    char headers[900] = "";

    for (int i = 0; i < 20; i++)
        strcat(headers, "X-Forwarded-For: 6.6.6.6\r\n");
    strcat(headers, "X-Forwarded-For: 1.2.3.4\r\n");
    cr_assert_str_eq(client(&p, "127.0.0.1", headers), "1.2.3.4");
}

Test(proxies, what_can_be_trusted)
{
    static const char *const bad[] = {"",       "10.0.0.0/33", "10.0.0.0/",   "10.0.0.0/x",
                                      "::/129", "host",        "10.0.0.0:80", "/8"};
    struct netset p = {.count = 0};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_assert_eq(nettext_add(&p, bad[i]), SPRAT_E_SYNTAX, "'%s'", bad[i]);
    cr_assert_eq(nettext_add(&p, "0.0.0.0/0"), 0);
    cr_assert_str_eq(client(&p, "9.9.9.9", "X-Forwarded-For: fd00::1\r\n"), "fd00::1");
    cr_assert_eq(nettext_add(&p, "172.16.0.0/12"), 0);
    for (int i = 2; i < NETSET_MAX; i++)
        cr_assert_eq(nettext_add(&p, "::1"), 0);
    cr_assert_eq(nettext_add(&p, "::1"), SPRAT_E_LIMIT);
}

Test(proxies, nets_end_within_a_byte)
{
    struct netset p = {.count = 0};

    cr_assert_eq(nettext_add(&p, "172.16.0.0/12"), 0);
    cr_assert_str_eq(client(&p, "172.31.255.255", "X-Forwarded-For: 1.2.3.4\r\n"), "1.2.3.4");
    cr_assert_str_eq(client(&p, "172.32.0.0", "X-Forwarded-For: 1.2.3.4\r\n"), "172.32.0.0");
}
