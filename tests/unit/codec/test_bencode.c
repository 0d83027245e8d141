/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The bencode decoder: the examples of BEP 3, canonical form, limits, hostile input; then the
 * look-ups and walks over a decoded tree.
 */
#include "common/codec/bencode.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"

static const struct bencode_limits limits = {.depth_max = 8, .size_max = 1000, .items_max = 100};

static int
decode(struct bencode *b, const char *text, enum bencode_mode mode)
{
    return bencode_decode(b, (const uint8_t *)text, strlen(text), mode, &limits);
}

static void
expect(const char *text, enum bencode_mode mode, int expected)
{
    struct bencode b;
    int err = decode(&b, text, mode);

    cr_assert_eq(err, expected, "\"%s\": %s", text, sprat_strerror(err));
    if (err == 0)
        bencode_fini(&b);
}

static void
expect_int(const char *text, int64_t expected)
{
    struct bencode b;
    int64_t value = 0;

    cr_assert_eq(decode(&b, text, BENCODE_LENIENT), 0, "%s", text);
    cr_assert(bencode_int(bencode_root(&b), &value));
    cr_assert_eq(value, expected, "%s", text);
    bencode_fini(&b);
}

Test(bencode, integers)
{
    expect_int("i3e", 3);
    expect_int("i-3e", -3);
    expect_int("i0e", 0);
    expect_int("i9223372036854775807e", INT64_MAX);
    expect_int("i-9223372036854775808e", INT64_MIN);
    expect_int("i007e", 7);
    expect_int("i-0e", 0);
}

Test(bencode, malformed_integers)
{
    expect("ie", BENCODE_LENIENT, SPRAT_E_SYNTAX);
    expect("i-e", BENCODE_LENIENT, SPRAT_E_SYNTAX);
    expect("i--1e", BENCODE_LENIENT, SPRAT_E_SYNTAX);
    expect("i+1e", BENCODE_LENIENT, SPRAT_E_SYNTAX);
    expect("i1.5e", BENCODE_LENIENT, SPRAT_E_SYNTAX);
    expect("i 1e", BENCODE_LENIENT, SPRAT_E_SYNTAX);
    expect("i0x1e", BENCODE_LENIENT, SPRAT_E_SYNTAX);
    expect("i9223372036854775808e", BENCODE_LENIENT, SPRAT_E_RANGE);
    expect("i-9223372036854775809e", BENCODE_LENIENT, SPRAT_E_RANGE);
    expect("i99999999999999999999999e", BENCODE_LENIENT, SPRAT_E_RANGE);
    expect("i12", BENCODE_LENIENT, SPRAT_E_TRUNCATED);
    expect("i", BENCODE_LENIENT, SPRAT_E_TRUNCATED);
    expect("i-", BENCODE_LENIENT, SPRAT_E_TRUNCATED);
}

Test(bencode, strings)
{
    struct bencode b;
    const uint8_t *s;
    size_t len;

    cr_assert_eq(decode(&b, "4:spam", BENCODE_STRICT), 0);
    cr_assert(bencode_string(bencode_root(&b), &s, &len));
    cr_assert_eq(len, 4);
    cr_assert_eq(s, b.src + 2, "a slice of the input, not a copy");
    cr_assert(bencode_string_equal(bencode_root(&b), "spam"));
    cr_assert_not(bencode_string_equal(bencode_root(&b), "spa"));
    cr_assert_not(bencode_string_equal(bencode_root(&b), "spams"));
    bencode_fini(&b);
    expect("0:", BENCODE_STRICT, 0);
}

Test(bencode, malformed_strings)
{
    expect("5:spam", BENCODE_LENIENT, SPRAT_E_TRUNCATED);
    expect("4", BENCODE_LENIENT, SPRAT_E_TRUNCATED);
    expect("4:", BENCODE_LENIENT, SPRAT_E_TRUNCATED);
    expect("4;spam", BENCODE_LENIENT, SPRAT_E_SYNTAX);
    expect("-1:a", BENCODE_LENIENT, SPRAT_E_SYNTAX);
    expect("18446744073709551615:a", BENCODE_LENIENT, SPRAT_E_TRUNCATED);
    expect("18446744073709551616:a", BENCODE_LENIENT, SPRAT_E_RANGE);
    expect(":a", BENCODE_LENIENT, SPRAT_E_SYNTAX);
}

Test(bencode, malformed_containers)
{
    expect("", BENCODE_LENIENT, SPRAT_E_TRUNCATED);
    expect("l", BENCODE_LENIENT, SPRAT_E_TRUNCATED);
    expect("d", BENCODE_LENIENT, SPRAT_E_TRUNCATED);
    expect("e", BENCODE_LENIENT, SPRAT_E_SYNTAX);
    expect("d1:ae", BENCODE_LENIENT, SPRAT_E_SYNTAX);
    expect("di1ei2ee", BENCODE_LENIENT, SPRAT_E_SYNTAX);
    expect("dle1:ae", BENCODE_LENIENT, SPRAT_E_SYNTAX);
    expect("d1:a1:b1:ce", BENCODE_LENIENT, SPRAT_E_SYNTAX);
    expect("lxe", BENCODE_LENIENT, SPRAT_E_SYNTAX);
    expect("l1:a", BENCODE_LENIENT, SPRAT_E_TRUNCATED);
}

Test(bencode, strict_mode_takes_canonical_form_only)
{
    expect("d3:cow3:moo4:spaml1:a1:bee", BENCODE_STRICT, 0);
    expect("d1:ai1e2:aai1ee", BENCODE_STRICT, 0);
    expect("d0:i1e1:ai1ee", BENCODE_STRICT, 0);
    expect("d4:spam1:a3:cow3:mooe", BENCODE_STRICT, SPRAT_E_NOTCANONICAL);
    expect("d1:a1:b1:a1:ce", BENCODE_STRICT, SPRAT_E_NOTCANONICAL);
    expect("d2:aa1:b1:a1:ce", BENCODE_STRICT, SPRAT_E_NOTCANONICAL);
    expect("i03e", BENCODE_STRICT, SPRAT_E_NOTCANONICAL);
    expect("i-0e", BENCODE_STRICT, SPRAT_E_NOTCANONICAL);
    expect("i-03e", BENCODE_STRICT, SPRAT_E_NOTCANONICAL);
    expect("04:spam", BENCODE_STRICT, SPRAT_E_NOTCANONICAL);
    expect("i1ei2e", BENCODE_STRICT, SPRAT_E_NOTCANONICAL);
    expect("de\n", BENCODE_STRICT, SPRAT_E_NOTCANONICAL);
}

Test(bencode, key_order_is_kept_apart_by_dictionary)
{
    /* "b" after the nested "z", and the nested "a" after the outer "m", are both in order. */
    expect("d1:ad1:zi1ee1:bi1e1:md1:ai1ee1:ni1ee", BENCODE_STRICT, 0);
    /* After a nested dictionary the outer's last key still counts. */
    expect("d1:md1:ai1ee1:bi1ee", BENCODE_STRICT, SPRAT_E_NOTCANONICAL);
    expect("d1:mld1:ai1eee1:bi1ee", BENCODE_STRICT, SPRAT_E_NOTCANONICAL);
}

Test(bencode, lenient_mode_tells_what_it_took)
{
    struct bencode b;

    cr_assert_eq(decode(&b, "d1:b1:x1:a1:y1:b1:ze--", BENCODE_LENIENT), 0);
    cr_assert_not(b.canonical);
    cr_assert_eq(b.used, 20);
    cr_assert(bencode_string_equal(bencode_get(bencode_root(&b), "b"), "x"), "the first counts");
    cr_assert(bencode_string_equal(bencode_get(bencode_root(&b), "a"), "y"));
    bencode_fini(&b);
    cr_assert_eq(decode(&b, "d1:a1:ye", BENCODE_LENIENT), 0);
    cr_assert(b.canonical);
    bencode_fini(&b);
}

Test(bencode, the_depth_is_limited)
{
    expect("llllllll" "eeeeeeee", BENCODE_LENIENT, 0);
    expect("lllllllll" "eeeeeeeee", BENCODE_LENIENT, SPRAT_E_DEPTH);
    expect("d1:ad1:ad1:ad1:ad1:ad1:ad1:ad1:ad", BENCODE_LENIENT, SPRAT_E_DEPTH);
}

Test(bencode, a_million_lists_need_no_stack)
{
    enum { N = 1000000 };
    struct bencode_limits deep = {.depth_max = N, .size_max = 2 * N, .items_max = N};
    uint8_t *text = malloc(2 * N);
    struct bencode b;

    cr_assert_not_null(text);
    memset(text, 'l', N);
    memset(text + N, 'e', N);
    cr_assert_eq(bencode_decode(&b, text, 2 * N, BENCODE_STRICT, &deep), 0);
    cr_assert_eq(b.count, N);
    bencode_fini(&b);
    deep.depth_max = 100;
    cr_assert_eq(bencode_decode(&b, text, 2 * N, BENCODE_STRICT, &deep), SPRAT_E_DEPTH);
    free(text);
}

Test(bencode, size_and_items_are_limited)
{
    struct bencode_limits small = {.depth_max = 8, .size_max = 12, .items_max = 4};
    struct bencode b;

    cr_assert_eq(bencode_decode(&b, (const uint8_t *)"li1ei2ei3ee", 11, BENCODE_STRICT, &small), 0);
    bencode_fini(&b);
    cr_assert_eq(bencode_decode(&b, (const uint8_t *)"l0:0:0:0:e", 10, BENCODE_STRICT, &small),
                 SPRAT_E_TOOBIG);
    cr_assert_eq(bencode_decode(&b, (const uint8_t *)"10:0123456789", 13, BENCODE_STRICT, &small),
                 SPRAT_E_TOOBIG);
}

Test(bencode, every_truncation_is_an_error)
{
    static const char text[] = "d4:infod5:filesld6:lengthi12e4:pathl1:a2:bcee1:xlee4:name3:abceee";
    size_t whole = strlen(text);
    struct bencode b;

    for (size_t len = 0; len < whole - 1; len++) {
        /* An exact-size copy, so that a sanitizer sees a read behind the end. */
        uint8_t *cut = malloc(len > 0 ? len : 1);

        memcpy(cut, text, len);
        cr_assert_eq(bencode_decode(&b, cut, len, BENCODE_LENIENT, &limits), SPRAT_E_TRUNCATED,
                     "%zu bytes", len);
        free(cut);
    }
}

Test(bencode, lookups_chain_without_checks)
{
    struct bencode b;
    struct bencode_item root;
    int64_t value = 42;

    cr_assert_eq(decode(&b, "d1:ad1:bi7ee1:cl1:x1:yee", BENCODE_STRICT), 0);
    root = bencode_root(&b);
    cr_assert(bencode_int(bencode_get(bencode_get(root, "a"), "b"), &value));
    cr_assert_eq(value, 7);
    cr_assert_not(bencode_exists(bencode_get(bencode_get(root, "no"), "b")));
    cr_assert_not(bencode_exists(bencode_get(bencode_get(root, "c"), "b")));
    cr_assert_not(bencode_int(bencode_get(root, "c"), &value));
    cr_assert(bencode_exists(bencode_get_type(root, "c", BENCODE_LIST)));
    cr_assert_not(bencode_exists(bencode_get_type(root, "c", BENCODE_DICT)));
    cr_assert_not(bencode_is((struct bencode_item){0}, BENCODE_INT));
    cr_assert_not(bencode_exists(bencode_value((struct bencode_item){0})));
    bencode_fini(&b);
}

Test(bencode, raw_is_the_item_as_it_stands)
{
    struct bencode b;
    const uint8_t *raw;
    size_t len;

    cr_assert_eq(decode(&b, "d1:ad1:bi07ee1:c3:xyze", BENCODE_LENIENT), 0);
    raw = bencode_raw(bencode_get(bencode_root(&b), "a"), &len);
    cr_assert_eq(len, 9);
    cr_assert_arr_eq(raw, "d1:bi07ee", 9);
    raw = bencode_raw(bencode_get(bencode_root(&b), "c"), &len);
    cr_assert_eq(len, 5);
    cr_assert_arr_eq(raw, "3:xyz", 5);
    cr_assert_null(bencode_raw((struct bencode_item){0}, &len));
    cr_assert_eq(len, 0);
    bencode_fini(&b);
}

Test(bencode, walks)
{
    struct bencode b;
    struct bencode_item list, dict;
    char seen[16] = "";

    cr_assert_eq(decode(&b, "d1:dd1:k1:v1:llee1:ll1:ali1ee1:bdeee", BENCODE_LENIENT), 0);
    list = bencode_get(bencode_root(&b), "l");
    for (struct bencode_item it = bencode_first(list); bencode_exists(it);
         it = bencode_next(list, it))
        strcat(seen, bencode_is(it, BENCODE_STRING) ? "s"
                     : bencode_is(it, BENCODE_LIST) ? "l"
                                                    : "d");
    cr_assert_str_eq(seen, "slsd");
    dict = bencode_get(bencode_root(&b), "d");
    seen[0] = '\0';
    for (struct bencode_item k = bencode_first(dict); bencode_exists(k);
         k = bencode_next(dict, k)) {
        cr_assert(bencode_is(k, BENCODE_STRING));
        strcat(seen, bencode_is(bencode_value(k), BENCODE_LIST) ? "L" : "S");
    }
    cr_assert_str_eq(seen, "SL");
    cr_assert_not(bencode_exists(bencode_first(bencode_value(bencode_first(dict)))));
    bencode_fini(&b);
}

Test(bencode, walks_of_nothing_end_at_once)
{
    struct bencode b;
    struct bencode_item nothing = {0};

    cr_assert_eq(decode(&b, "ldelee", BENCODE_STRICT), 0);
    cr_assert_not(bencode_exists(bencode_first(bencode_first(bencode_root(&b)))));
    cr_assert_not(bencode_exists(bencode_first(nothing)));
    cr_assert_not(bencode_exists(bencode_next(nothing, nothing)));
    bencode_fini(&b);
}
