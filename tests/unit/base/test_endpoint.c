/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The scopes of addresses, and their sites.
 */
#include "common/base/endpoint.h"

#include <criterion/criterion.h>

static enum ip_scope
scope4(uint8_t a, uint8_t b)
{
    struct endpoint e = {.family = IP_V4, .ip = {a, b, 1, 2}, .port = 9};

    return endpoint_scope(&e);
}

static enum ip_scope
scope6(uint8_t first, uint8_t second, uint8_t last)
{
    struct endpoint e = {.family = IP_V6, .ip = {first, second, [15] = last}, .port = 9};

    return endpoint_scope(&e);
}

Test(endpoint, a_mapped_address_becomes_v4_and_leaves_zeros)
{
    static const uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 7};
    static const uint8_t near[16] = {[9] = 1, [10] = 0xff, [11] = 0xff, [12] = 10, [15] = 7};
    struct endpoint e = {.port = 80}, v4 = {.family = IP_V4, .ip = {10, 0, 0, 7}, .port = 80};

    memset(e.ip, 0xee, sizeof(e.ip));
    endpoint_set_ipv6(&e, mapped);
    cr_assert(endpoint_equal(&e, &v4));
    endpoint_set_ipv6(&e, near);
    cr_assert_eq(e.family, IP_V6);
    cr_assert_arr_eq(e.ip, near, 16);
}

Test(endpoint, scopes)
{
    cr_assert_eq(scope4(127, 9), SCOPE_LOOPBACK);
    cr_assert_eq(scope4(10, 9), SCOPE_LOCAL);
    cr_assert_eq(scope4(172, 16), SCOPE_LOCAL);
    cr_assert_eq(scope4(172, 31), SCOPE_LOCAL);
    cr_assert_eq(scope4(172, 32), SCOPE_GLOBAL);
    cr_assert_eq(scope4(192, 168), SCOPE_LOCAL);
    cr_assert_eq(scope4(192, 169), SCOPE_GLOBAL);
    cr_assert_eq(scope4(169, 254), SCOPE_LOCAL);
    cr_assert_eq(scope4(100, 64), SCOPE_LOCAL);
    cr_assert_eq(scope4(100, 128), SCOPE_GLOBAL);
    cr_assert_eq(scope4(8, 8), SCOPE_GLOBAL);
    cr_assert_eq(scope6(0, 0, 1), SCOPE_LOOPBACK);
    cr_assert_eq(scope6(0, 0, 2), SCOPE_GLOBAL);
    cr_assert_eq(scope6(0xfd, 0, 1), SCOPE_LOCAL);
    cr_assert_eq(scope6(0xfe, 0x80, 1), SCOPE_LOCAL);
    cr_assert_eq(scope6(0x20, 1, 1), SCOPE_GLOBAL);
}

Test(endpoint, a_site_is_a_host_or_a_network_of_64_bits)
{
    struct endpoint v4 = {.family = IP_V4, .ip = {1, 2, 3, 4}, .port = 9}, site;
    struct endpoint v6 = {.family = IP_V6, .ip = {0x20, 1, [7] = 7, [8] = 8, [15] = 15}};

    site = endpoint_site(&v4);
    cr_assert(endpoint_same_host(&site, &v4));
    cr_assert_eq(site.port, 0);
    site = endpoint_site(&v6);
    cr_assert_eq(site.ip[7], 7);
    cr_assert_eq(site.ip[8], 0);
    cr_assert_eq(site.ip[15], 0);
    v6.ip[0] = 0xfd;
    site = endpoint_site(&v6);
    cr_assert_eq(site.ip[15], 15, "a local network is many parties'");
}
