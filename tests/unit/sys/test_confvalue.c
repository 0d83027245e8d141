/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Values of settings: good ones, and the sentences for wrong ones.
 */
#include "common/sys/confvalue.h"

#include <criterion/criterion.h>
#include <string.h>

static struct errbuf eb;

static void
expect_words(int err, const char *words)
{
    cr_assert_eq(err, SPRAT_E_INVAL);
    cr_assert_not_null(strstr(eb.text, words), "%s", eb.text);
}

Test(confvalue, words_and_numbers)
{
    enum log_level level;
    bool yes = false;
    uint64_t n;

    cr_assert(confvalue_bool(&yes, "pex", "yes", &eb) == 0 && yes);
    cr_assert(confvalue_bool(&yes, "pex", "no", &eb) == 0 && !yes);
    expect_words(confvalue_bool(&yes, "pex", "perhaps", &eb),
                 "pex: 'perhaps' is neither yes nor no");
    cr_assert(confvalue_u64(&n, 1, 9, "loops", "9", &eb) == 0 && n == 9);
    expect_words(confvalue_u64(&n, 1, 9, "loops", "10", &eb),
                 "loops: '10' is not a number from 1 to 9");
    expect_words(confvalue_u64(&n, 0, UINT64_MAX, "loops", "-1", &eb), "to 18446744073709551615");
    cr_assert(confvalue_log_level(&level, "debug", &eb) == 0 && level == LOG_DEBUG);
    expect_words(confvalue_log_level(&level, "loud", &eb), "log-level: 'loud'");
}

Test(confvalue, addresses)
{
    struct endpoint at[2];
    size_t count = 0;

    cr_assert_eq(confvalue_add_listen(at, &count, 2, "listen", "127.0.0.1:1", &eb), 0);
    expect_words(confvalue_add_listen(at, &count, 2, "listen", "127.0.0.1", &eb),
                 "listen: '127.0.0.1' is not an address and port");
    cr_assert_eq(confvalue_add_listen(at, &count, 2, "listen", "[::1]:2", &eb), 0);
    cr_assert(count == 2 && at[0].port == 1 && at[1].family == IP_V6);
    expect_words(confvalue_add_listen(at, &count, 2, "listen", "127.0.0.1:3", &eb),
                 "listen is given more than 2 times");
}
