/* SPDX-License-Identifier: BSD-2-Clause
 *
 * White space goes at both ends and stays in between.
 */
#include "common/base/trim.h"

#include <criterion/criterion.h>
#include <string.h>

Test(trim, white_space_goes_at_both_ends)
{
    static const struct {
        const char *text, *left;
    } rows[] = {
        {"", ""},       {" \t\n\v\f\r", ""}, {"a", "a"},       {" a b\r\n", "a b"},
        {"\n\na", "a"}, {"a  ", "a"},        {"\x1f", "\x1f"}, {"\xa0", "\xa0"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        size_t len = strlen(rows[i].text);
        const uint8_t *s = trim((const uint8_t *)rows[i].text, &len);

        cr_expect_eq(len, strlen(rows[i].left), "row %zu", i);
        cr_expect(memcmp(s, rows[i].left, len) == 0, "row %zu", i);
    }
}
