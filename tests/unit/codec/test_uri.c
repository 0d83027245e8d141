/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Percent-encoding both ways, and the cleaning of URLs.
 */
#include "common/codec/uri.h"

#include <criterion/criterion.h>
#include <string.h>

#include "common/base/err.h"

static void
expect_clean(const char *in, const char *expected)
{
    char out[URI_MAX + 1];
    size_t len = uri_clean((const uint8_t *)in, strlen(in), out);

    cr_assert_str_eq(out, expected, "\"%s\"", in);
    cr_assert_eq(len, strlen(expected));
}

static void
expect_unescape(const char *in, const char *expected)
{
    uint8_t out[100];
    size_t len = uri_unescape(in, strlen(in), out);

    cr_assert_eq(len, strlen(expected), "\"%s\"", in);
    cr_assert_arr_eq(out, expected, len, "\"%s\"", in);
}

Test(uri, escape_keeps_only_the_unreserved)
{
    struct buf out;

    buf_init(&out, 100);
    cr_assert_eq(uri_escape(&out, "aZ09-._~ /:%+&=\x00\xff", 17), 0);
    cr_assert_str_eq(buf_str(&out), "aZ09-._~%20%2F%3A%25%2B%26%3D%00%FF");
    buf_fini(&out);
}

Test(uri, escape_tells_when_it_does_not_fit)
{
    struct buf out;

    buf_init(&out, 4);
    cr_assert_eq(uri_escape(&out, "a b", 3), SPRAT_E_TOOBIG);
    buf_fini(&out);
}

Test(uri, unescape)
{
    expect_unescape("", "");
    expect_unescape("abc", "abc");
    expect_unescape("%41%6a%6A", "Ajj");
    expect_unescape("%2", "%2");
    expect_unescape("%", "%");
    expect_unescape("%zz%4", "%zz%4");
    expect_unescape("%%41", "%A");
    expect_unescape("a+b", "a+b");
}

Test(uri, unescape_in_place)
{
    char text[] = "%41%42c";

    cr_assert_eq(uri_unescape(text, strlen(text), (uint8_t *)text), 3);
    cr_assert_arr_eq(text, "ABc", 3);
}

Test(uri, clean)
{
    expect_clean("http://a/b?c=d", "http://a/b?c=d");
    expect_clean(" \t\r\nudp://a:1\n ", "udp://a:1");
    expect_clean("http://a/x y\x01\xc3\xa9", "http://a/x%20y%01%C3%A9");
    expect_clean("http://a/%20", "http://a/%20");
    expect_clean("no url", "");
    expect_clean("http:/", "");
    expect_clean("", "");
    expect_clean("   ", "");
}

Test(uri, clean_refuses_what_is_too_long)
{
    char in[URI_MAX + 2], out[URI_MAX + 1];

    memset(in, 'a', sizeof(in));
    memcpy(in, "http://", 7);
    cr_assert_eq(uri_clean((uint8_t *)in, URI_MAX, out), URI_MAX);
    cr_assert_eq(uri_clean((uint8_t *)in, URI_MAX + 1, out), 0);
    in[URI_MAX - 1] = '\x01';
    cr_assert_eq(uri_clean((uint8_t *)in, URI_MAX, out), 0);
    cr_assert_str_empty(out);
}
