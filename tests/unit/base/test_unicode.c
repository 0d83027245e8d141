/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Composed and decomposed forms of one text.
 */
#include "common/base/unicode.h"

#include <criterion/criterion.h>

Test(unicode, one_text_in_two_forms)
{
    static const char *const same[][2] = {
        {"", ""},
        {"plain.txt", "plain.txt"},
        {"caf\xc3\xa9", "cafe\xcc\x81"},
        {"\xe1\xbb\x87", "e\xcc\xa3\xcc\x82"}, /* two steps */
        {"\xe2\x84\xab", "A\xcc\x8a"},         /* the Angstrom sign */
        {"\xed\x95\x9c\xea\xb8\x80",
         "\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab\xe1\x84\x80\xe1\x85\xb3\xe1\x86\xaf"},
        {"\xe3\x81\x8c", "\xe3\x81\x8b\xe3\x82\x99"}, /* kana with its mark */
    };

    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
        cr_expect(unicode_same(same[i][0], same[i][1]), "row %zu", i);
        cr_expect(unicode_same(same[i][1], same[i][0]), "row %zu", i);
    }
}

Test(unicode, other_texts)
{
    static const char *const other[][2] = {
        {"a", "b"}, {"a", ""},        {"caf\xc3\xa9", "cafe"}, {"a", "a\xcc\x81"},
        {"A", "a"}, {"\xff", "\xff"}, {"a\xff", "a\xfe"},
    };

    for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++)
        cr_expect_not(unicode_same(other[i][0], other[i][1]), "row %zu", i);
}
