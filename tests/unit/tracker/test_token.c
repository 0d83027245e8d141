/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Files with words in them and without, and what is shown for them.
 */
#include "tracker/daemon/token.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORD "0123456789abcdef"

static int
read_text(struct token *t, const char *text)
{
    char path[] = "/tmp/sprat-test-XXXXXX";
    int fd = mkstemp(path), err;
    struct errbuf eb = {""};

    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    err = token_read(t, path, &eb);
    cr_assert(err == 0 || strstr(eb.text, path) != NULL, "%s", eb.text);
    unlink(path);
    return err;
}

static bool
shown(const struct token *t, const char *text)
{
    return token_is_shown(t, text, strlen(text));
}

Test(token, files)
{
    struct token t = {.set = false};
    char longest[TOKEN_LEN_MAX + 2];
    struct errbuf eb;

    cr_assert_eq(read_text(&t, WORD), 0);
    cr_assert(t.set);
    cr_assert_eq(read_text(&t, " \t" WORD "\r\n\n"), 0);
    cr_assert(shown(&t, "Bearer " WORD));
    cr_assert_eq(read_text(&t, "too short"), SPRAT_E_SYNTAX);
    cr_assert(t.set && shown(&t, "Bearer " WORD), "the old one stays");
    cr_assert_eq(read_text(&t, ""), SPRAT_E_SYNTAX);
    cr_assert_eq(read_text(&t, "\n"), SPRAT_E_SYNTAX);
    cr_assert_eq(read_text(&t, "two words 0123456789"), SPRAT_E_SYNTAX);
    cr_assert_eq(read_text(&t, "0123456789\xc3\xa4wxyz"), SPRAT_E_SYNTAX);
    memset(longest, 'a', sizeof(longest));
    longest[TOKEN_LEN_MAX + 1] = '\0';
    cr_assert_eq(read_text(&t, longest), SPRAT_E_SYNTAX);
    longest[TOKEN_LEN_MAX] = '\0';
    cr_assert_eq(read_text(&t, longest), 0);
    cr_assert_eq(token_read(&t, "/no/such/file", &eb), SPRAT_E_NOENT);
    cr_assert_eq(token_read(&t, "", &eb), 0);
    cr_assert_not(t.set);
}

Test(token, what_is_shown)
{
    struct token t = {.set = false};

    cr_assert_not(shown(&t, "Bearer "), "none is set, nothing is it");
    cr_assert_eq(read_text(&t, WORD), 0);
    cr_assert(shown(&t, "Bearer " WORD));
    cr_assert(shown(&t, "bearer   " WORD));
    cr_assert_not(shown(&t, "Bearer " WORD "0"));
    cr_assert_not(shown(&t, "Bearer 0123456789abcde"));
    cr_assert_not(shown(&t, "Bearer 0123456789ABCDEF"));
    cr_assert_not(shown(&t, "Bearer"));
    cr_assert_not(shown(&t, "Bearer " WORD " "));
    cr_assert_not(shown(&t, "Basic " WORD));
    cr_assert_not(shown(&t, WORD));
    cr_assert_not(shown(&t, ""));
}
