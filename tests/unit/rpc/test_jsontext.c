/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Any bytes become a JSON string.
 */
#include "common/rpc/jsontext.h"

#include <criterion/criterion.h>

static void
expect(const char *text, const char *want)
{
    json_t *o = json_text(text);

    cr_assert(json_is_string(o));
    cr_expect_str_eq(json_string_value(o), want);
    json_decref(o);
}

Test(jsontext, any_bytes)
{
    expect("", "");
    expect("a\x1b\n\xc2\x85\xe2\x80\xae", "a\x1b\n\xc2\x85\xe2\x80\xae");
    expect("caf\xe9 \xff", "caf\xef\xbf\xbd \xef\xbf\xbd");
    cr_expect(json_is_null(json_text(NULL)));
}
