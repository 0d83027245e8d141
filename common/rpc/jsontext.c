/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Replaces bytes that are no UTF-8, which jansson refuses; changes nothing else.
 */
#include "common/rpc/jsontext.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/utf8.h"

json_t *
json_text(const char *s)
{
    size_t len;
    char *valid;
    json_t *o;

    if (s == NULL)
        return json_null();
    o = json_string(s);
    if (o != NULL)
        return o;
    len = strlen(s);
    valid = malloc(3 * len + 1);
    if (valid == NULL)
        return NULL;
    o = json_stringn(valid, utf8_valid((const uint8_t *)s, len, valid));
    free(valid);
    return o;
}
