/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Endpoints to and from text and sockaddr.
 */
#include <criterion/criterion.h>
#include <netinet/in.h>

#include "common/base/err.h"
#include "common/sys/addr.h"

Test(addr, round_trips)
{
    static const char *const texts[] = {"1.2.3.4:80",  "0.0.0.0:0", "255.255.255.255:65535",
                                        "[::1]:6881",  "[::]:0",              "[2001:db8::5]:1"};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct endpoint e, f;
        struct sockaddr_storage ss;
        char text[ADDR_TEXT_MAX];

        cr_assert_eq(addr_parse(texts[i], &e), 0, "%s", texts[i]);
        cr_expect_str_eq(addr_format(&e, text), texts[i]);
        socklen_t len = addr_to_sockaddr(&e, &ss);
        cr_expect_gt(len, 0);
        cr_expect_eq(addr_from_sockaddr((const struct sockaddr *)&ss, len, &f), 0);
        cr_expect(endpoint_equal(&e, &f));
    }
}

Test(addr, longest_text_fits)
{
    struct endpoint e;
    char text[ADDR_TEXT_MAX];
    const char *longest = "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535";

    cr_assert_eq(addr_parse(longest, &e), 0);
    cr_expect_str_eq(addr_format(&e, text), longest);
}

Test(addr, mapped_is_v4)
{
    struct endpoint e, f;
    char text[ADDR_TEXT_MAX];

    cr_assert_eq(addr_parse("[::ffff:10.0.0.1]:5", &e), 0);
    cr_assert_eq(addr_parse("10.0.0.1:5", &f), 0);
    cr_expect(endpoint_equal(&e, &f));
    cr_expect_str_eq(addr_format_ip(&e, text), "10.0.0.1");
}

Test(addr, refuses)
{
    static const char *const texts[] = {
        "",        ":",          "1.2.3.4",      "1.2.3.4:",   "1.2.3.4:65536", "1.2.3.4:-1",
        "::1:80",  "[::1]",      "[::1]80",      "[::1]:",     "[1.2.3.4]:80",  "1.2.3.4:80 ",
        "1.2.3:4", "host:80",    "[::1%lo]:80",  "[fe80::1%]:80", "[fe80::1%no-such-one]:80",
        "[]:80",   "1.2.3.4:+8", "1.2.3.4:0000080",
        "[::1:80", "1.2.3.4:8x", "999.1.1.1:80",
    };
    struct endpoint e = {.port = 7};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        cr_expect_eq(addr_parse(texts[i], &e), SPRAT_E_SYNTAX, "%s", texts[i]);
    cr_expect_eq(e.port, 7);
}

Test(addr, host_and_port_are_split)
{
    static const struct {
        const char *text, *host; /* host: NULL if the text is refused */
        uint16_t port;
    } rows[] = {
        {"name.example:6881", "name.example", 6881},
        {"1.2.3.4:1", "1.2.3.4", 1},
        {"[::1]:65535", "::1", 65535},
        {"::1:6881", "::1", 6881},
        {"fe80::1%eth0:6881", "fe80::1%eth0", 6881},
        {"", NULL, 0},
        {":80", NULL, 0},
        {"name", NULL, 0},
        {"name:", NULL, 0},
        {"name:0", NULL, 0},
        {"name:65536", NULL, 0},
        {"name:8x", NULL, 0},
        {"[]:80", NULL, 0},
        {"[::1]80", NULL, 0},
        {"[::1:80", NULL, 0},
        {"longer-than-the-sixteen:80", NULL, 0},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char host[16] = "";
        uint16_t port = 0;
        bool split = addr_split(rows[i].text, host, sizeof(host), &port);

        cr_assert_eq(split, rows[i].host != NULL, "%s", rows[i].text);
        if (split) {
            cr_expect_str_eq(host, rows[i].host);
            cr_expect_eq(port, rows[i].port, "%s", rows[i].text);
        }
    }
}

Test(addr, a_link_local_address_has_a_zone)
{
    struct endpoint e, f, none;
    struct sockaddr_storage ss;
    char text[ADDR_TEXT_MAX];
    socklen_t len;

    cr_assert_eq(addr_parse("[fe80::1%lo]:80", &e), 0);
    cr_assert_eq(e.zone, 1, "the loopback interface is the first");
    cr_expect_str_eq(addr_format(&e, text), "[fe80::1%lo]:80");
    cr_expect_str_eq(addr_format_ip(&e, text), "fe80::1%lo");
    len = addr_to_sockaddr(&e, &ss);
    cr_assert_eq(addr_from_sockaddr((const struct sockaddr *)&ss, len, &f), 0);
    cr_expect(endpoint_equal(&e, &f));
    cr_assert_eq(addr_parse("[fe80::1]:80", &none), 0);
    cr_expect_not(endpoint_equal(&e, &none));
    cr_expect_not(endpoint_same_host(&e, &none));
    cr_assert_eq(addr_parse("[fe80::1%4711]:80", &f), 0, "a number");
    cr_expect_str_eq(addr_format(&f, text), "[fe80::1%4711]:80");
}

Test(addr, ip_alone)
{
    struct endpoint e;

    cr_expect_eq(addr_parse_ip("::1", 9, &e), 0);
    cr_expect(addr_is_loopback(&e));
    cr_expect_eq(e.port, 9);
    cr_expect_eq(addr_parse_ip("[::1]", 9, &e), 0);
    cr_expect_eq(addr_parse_ip("127.3.2.1", 9, &e), 0);
    cr_expect(addr_is_loopback(&e));
    cr_expect_eq(addr_parse_ip("0.0.0.0", 9, &e), 0);
    cr_expect(addr_is_any(&e));
    cr_expect_eq(addr_parse_ip("[1.2.3.4]", 9, &e), SPRAT_E_SYNTAX);
    cr_expect_eq(addr_parse_ip("", 9, &e), SPRAT_E_SYNTAX);
}

Test(addr, none_and_strange_families)
{
    struct endpoint e = {0};
    struct sockaddr_storage ss;
    char text[ADDR_TEXT_MAX];

    cr_expect_str_eq(addr_format(&e, text), "-");
    cr_expect_eq(addr_to_sockaddr(&e, &ss), 0);
    cr_expect_not(addr_is_any(&e));
    ss.ss_family = AF_UNIX;
    cr_expect_eq(addr_from_sockaddr((const struct sockaddr *)&ss, sizeof(ss), &e), SPRAT_E_INVAL);
    ss.ss_family = AF_INET6;
    cr_expect_eq(addr_from_sockaddr((const struct sockaddr *)&ss, 8, &e), SPRAT_E_INVAL);
}
