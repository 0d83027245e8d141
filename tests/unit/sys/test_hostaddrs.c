/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which addresses of this machine others can reach.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/sys/addr.h"
#include "common/sys/hostaddrs.h"

enum { MAX = 4 };

static struct hostaddr
host(const char *ip, bool running)
{
    struct hostaddr h = {.running = running};

    cr_assert_eq(addr_parse_ip(ip, 0, &h.addr), 0, "%s", ip);
    return h;
}

/* The addresses as text, separated by blanks. */
static const char *
reachable(const struct hostaddr *all, size_t count, const char *listen1, const char *listen2)
{
    static char text[MAX * (ADDR_TEXT_MAX + 1)];
    struct endpoint listen[2], out[MAX];
    char one[ADDR_TEXT_MAX];
    size_t n;

    cr_assert_eq(addr_parse(listen1, &listen[0]), 0);
    if (listen2 != NULL)
        cr_assert_eq(addr_parse(listen2, &listen[1]), 0);
    n = hostaddrs_reachable(listen, listen2 != NULL ? 2 : 1, all, count, out, MAX);
    text[0] = '\0';
    for (size_t i = 0; i < n; i++)
        sprintf(text + strlen(text), "%s%s", i > 0 ? " " : "", addr_format(&out[i], one));
    return text;
}

Test(hostaddrs, global_addresses_come_first_and_loopback_last)
{
    const struct hostaddr all[] = {
        host("127.0.0.1", true),   host("::1", true),         host("192.168.1.2", true),
        host("169.254.1.1", true), host("fe80::1", true),     host("45.33.1.1", true),
        host("2001:db8::1", true), host("172.17.0.1", false), host("192.168.1.2", true),
    };

    cr_expect_str_eq(reachable(all, 9, "0.0.0.0:1", "[::]:2"),
                     "45.33.1.1:1 [2001:db8::1]:2 192.168.1.2:1");
    cr_expect_str_eq(reachable(all, 9, "0.0.0.0:1", NULL), "45.33.1.1:1 192.168.1.2:1");
    cr_expect_str_eq(reachable(all, 2, "0.0.0.0:1", "[::]:2"), "127.0.0.1:1 [::1]:2");
    cr_expect_str_eq(reachable(all, 0, "0.0.0.0:1", "[::]:2"), "");
}

Test(hostaddrs, an_address_that_the_user_named_is_the_only_one)
{
    const struct hostaddr all[] = {host("192.168.1.2", true), host("45.33.1.1", true)};

    cr_expect_str_eq(reachable(all, 2, "192.168.1.2:7", NULL), "192.168.1.2:7");
    cr_expect_str_eq(reachable(all, 2, "127.0.0.1:7", NULL), "127.0.0.1:7");
    cr_expect_str_eq(reachable(all, 2, "127.0.0.1:7", "10.0.0.1:8"), "10.0.0.1:8");
}

Test(hostaddrs, there_is_a_maximum)
{
    struct hostaddr all[2 * MAX];
    char ip[ADDR_TEXT_MAX];

    for (unsigned i = 0; i < 2 * MAX; i++) {
        sprintf(ip, "10.0.0.%u", i + 1);
        all[i] = host(ip, true);
    }
    cr_expect_str_eq(reachable(all, 2 * MAX, "0.0.0.0:1", NULL),
                     "10.0.0.1:1 10.0.0.2:1 10.0.0.3:1 10.0.0.4:1");
}

Test(hostaddrs, this_machine_has_loopback)
{
    struct hostaddr *all;
    size_t count;
    bool found = false;

    cr_assert_eq(hostaddrs_read(&all, &count), 0);
    for (size_t i = 0; i < count; i++)
        found = found || addr_is_loopback(&all[i].addr);
    cr_expect(found);
    free(all);
}
