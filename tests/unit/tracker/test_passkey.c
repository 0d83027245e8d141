/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Passkeys in paths and queries.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "tracker/core/passkey.h"

#define KEY   "00112233445566778899aabbccddeeff"
#define OTHER "ff112233445566778899aabbccddeeff"

static struct passkey_request
http(const char *path, const char *query)
{
    struct passkey_request r;

    passkey_parse_request(&r, path, strlen(path), query, strlen(query));
    return r;
}

static struct passkey_request
udp(const char *url)
{
    struct passkey_request r;

    passkey_parse_url(&r, url, strlen(url));
    return r;
}

static void
is(struct passkey_request r, enum request_target target, enum passkey_form form)
{
    char text[PASSKEY_TEXT_SIZE];

    cr_assert_eq(r.target, target, "target %d", r.target);
    cr_assert_eq(r.form, form, "form %d", r.form);
    if (form == PASSKEY_GIVEN)
        cr_assert_str_eq(passkey_format(r.key, text), KEY);
}

Test(passkey, in_the_path)
{
    is(http("/" KEY "/announce", ""), TARGET_ANNOUNCE, PASSKEY_GIVEN);
    is(http("/announce/", "passkey=" KEY), TARGET_ANNOUNCE, PASSKEY_GIVEN);
    is(http("/" KEY "/announce/", ""), TARGET_ANNOUNCE, PASSKEY_GIVEN);
    is(http("/" KEY "/scrape//", ""), TARGET_SCRAPE, PASSKEY_GIVEN);
    is(http("/" KEY "/scrape", "passkey=" OTHER), TARGET_SCRAPE, PASSKEY_GIVEN);
    is(http("/00112233445566778899AABBCCDDEEFF/announce", ""), TARGET_ANNOUNCE, PASSKEY_GIVEN);
    is(http("/" KEY "0/announce", ""), TARGET_ANNOUNCE, PASSKEY_BAD);
    is(http("/x/" KEY "/announce", ""), TARGET_ANNOUNCE, PASSKEY_BAD);
    is(http("//announce", ""), TARGET_ANNOUNCE, PASSKEY_BAD);
    is(http("/0011223344556677889 aabbccddeeff/announce", ""), TARGET_ANNOUNCE, PASSKEY_BAD);
    is(http("/" KEY "/announced", ""), TARGET_OTHER, PASSKEY_NONE);
    is(http("/" KEY, ""), TARGET_OTHER, PASSKEY_NONE);
    is(http("/", "passkey=" KEY), TARGET_OTHER, PASSKEY_NONE);
}

Test(passkey, in_the_query)
{
    is(http("/announce", ""), TARGET_ANNOUNCE, PASSKEY_NONE);
    is(http("/announce", "passkey=" KEY), TARGET_ANNOUNCE, PASSKEY_GIVEN);
    is(http("/scrape", "a=b&passkey=" KEY "&c"), TARGET_SCRAPE, PASSKEY_GIVEN);
    is(http("/announce", "passkey=" KEY "&passkey=" KEY), TARGET_ANNOUNCE, PASSKEY_GIVEN);
    is(http("/announce", "passkey=" KEY "&passkey=" OTHER), TARGET_ANNOUNCE, PASSKEY_BAD);
    is(http("/announce", "passkey=x&passkey=" KEY), TARGET_ANNOUNCE, PASSKEY_BAD);
    is(http("/announce", "passkey="), TARGET_ANNOUNCE, PASSKEY_BAD);
    is(http("/announce", "xpasskey=" KEY "&passkey"), TARGET_ANNOUNCE, PASSKEY_NONE);
    is(http("/announce", "&&&"), TARGET_ANNOUNCE, PASSKEY_NONE);
}

Test(passkey, in_url_data)
{
    is(udp(""), TARGET_ANNOUNCE, PASSKEY_NONE);
    is(udp("/"), TARGET_ANNOUNCE, PASSKEY_NONE);
    is(udp("/announce"), TARGET_ANNOUNCE, PASSKEY_NONE);
    is(udp("/" KEY "/announce"), TARGET_ANNOUNCE, PASSKEY_GIVEN);
    is(udp("/" KEY "/announce/"), TARGET_ANNOUNCE, PASSKEY_GIVEN);
    is(udp("/" KEY), TARGET_ANNOUNCE, PASSKEY_GIVEN);
    is(udp("/" KEY "/"), TARGET_ANNOUNCE, PASSKEY_GIVEN);
    is(udp("/" KEY "/?x=y"), TARGET_ANNOUNCE, PASSKEY_GIVEN);
    is(udp("/?passkey=" KEY), TARGET_ANNOUNCE, PASSKEY_GIVEN);
    is(udp("/announce?a=b&passkey=" KEY), TARGET_ANNOUNCE, PASSKEY_GIVEN);
    is(udp("?passkey=" KEY), TARGET_ANNOUNCE, PASSKEY_GIVEN);
    is(udp("/nothing"), TARGET_ANNOUNCE, PASSKEY_BAD);
    is(udp("x"), TARGET_ANNOUNCE, PASSKEY_BAD);
}

Test(passkey, every_digit_counts)
{
    uint8_t key[ACCESS_PASSKEY_LEN];
    char text[] = KEY;

    for (size_t i = 0; i < PASSKEY_DIGITS; i++) {
        for (int c = 1; c < 256; c++) {
            bool is_digit =
                (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');

            text[i] = (char)c;
            cr_assert_eq(passkey_parse(key, text, PASSKEY_DIGITS), is_digit);
        }
        text[i] = '0';
    }
    cr_assert_not(passkey_parse(key, KEY, PASSKEY_DIGITS - 1));
}
