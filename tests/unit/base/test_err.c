/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The error table and the error sentence.
 */
#include "common/base/err.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

Test(err, every_code_has_its_own_value_and_text)
{
    static const int codes[] = {
#define X(name, value, family, text) SPRAT_E_##name,
        SPRAT_ERR_TABLE(X)
#undef X
    };
    size_t n = sizeof(codes) / sizeof(codes[0]);

    for (size_t i = 0; i < n; i++) {
        cr_assert_leq(codes[i], 0);
        cr_assert_str_neq(sprat_strerror(codes[i]), "unknown error");
        for (size_t k = 0; k < i; k++) {
            cr_assert_neq(codes[i], codes[k]);
            cr_assert_str_neq(sprat_strerror(codes[i]), sprat_strerror(codes[k]));
        }
    }
}

Test(err, families)
{
    cr_assert_eq(sprat_err_family(0), ERR_FAMILY_NONE);
    cr_assert_eq(sprat_err_family(SPRAT_E_NOMEM), ERR_FAMILY_MEMORY);
    cr_assert_eq(sprat_err_family(SPRAT_E_PROTOCOL), ERR_FAMILY_REMOTE);
    cr_assert_eq(sprat_err_family(SPRAT_E_NOSPACE), ERR_FAMILY_LOCAL);
    cr_assert_eq(sprat_err_family(SPRAT_E_INVAL), ERR_FAMILY_USAGE);
    cr_assert_eq(sprat_err_family(SPRAT_E_SYNTAX), ERR_FAMILY_CORRUPT);
}

Test(err, a_number_that_is_no_code)
{
    cr_assert_str_eq(sprat_strerror(7), "unknown error");
    cr_assert_str_eq(sprat_strerror(-9999), "unknown error");
    cr_assert_eq(sprat_err_family(-9999), ERR_FAMILY_LOCAL);
}

Test(err, from_errno)
{
    cr_assert_eq(sprat_err_from_errno(0), 0);
    cr_assert_eq(sprat_err_from_errno(ENOMEM), SPRAT_E_NOMEM);
    cr_assert_eq(sprat_err_from_errno(ENOSPC), SPRAT_E_NOSPACE);
    cr_assert_eq(sprat_err_from_errno(EROFS), SPRAT_E_READONLY);
    cr_assert_eq(sprat_err_from_errno(EACCES), SPRAT_E_ACCESS);
    cr_assert_eq(sprat_err_from_errno(ENOENT), SPRAT_E_NOENT);
    cr_assert_eq(sprat_err_from_errno(EADDRINUSE), SPRAT_E_BUSY);
    cr_assert_eq(sprat_err_from_errno(ECONNREFUSED), SPRAT_E_REFUSED);
    cr_assert_eq(sprat_err_from_errno(EWOULDBLOCK), SPRAT_E_AGAIN);
    cr_assert_eq(sprat_err_from_errno(EIO), SPRAT_E_IO);
    cr_assert_eq(sprat_err_from_errno(123456), SPRAT_E_IO);
}

Test(err, the_sentence_returns_the_code)
{
    struct errbuf eb;

    cr_assert_eq(errbuf_set(&eb, SPRAT_E_NOENT, "%s: %d", "file", 5), SPRAT_E_NOENT);
    cr_assert_str_eq(eb.text, "file: 5");
    cr_assert_eq(errbuf_set(NULL, SPRAT_E_IO, "unseen"), SPRAT_E_IO);
}

Test(err, the_sentence_is_one_line_and_bounded)
{
    char large[2 * ERRBUF_SIZE];
    struct errbuf eb;

    errbuf_set(&eb, -1, "a\nb\x1b[1mc\x7f%s", "\xc3\xa9");
    cr_assert_str_eq(eb.text, "a\\nb\\x1b[1mc\\x7f\xc3\xa9");
    memset(large, 'x', sizeof(large));
    large[sizeof(large) - 1] = '\0';
    errbuf_set(&eb, -1, "%s", large);
    cr_assert_eq(strlen(eb.text), ERRBUF_SIZE - 1);
    /* Neither a character nor an escape is cut. */
    memcpy(large + ERRBUF_SIZE - 2, "\xe2\x82\xac", 3);
    errbuf_set(&eb, -1, "%s", large);
    cr_assert_eq(strlen(eb.text), ERRBUF_SIZE - 2);
    large[ERRBUF_SIZE - 2] = '\x1b';
    errbuf_set(&eb, -1, "%s", large);
    cr_assert_eq(strlen(eb.text), ERRBUF_SIZE - 2);
}
