/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reads and checks the members of a params object, with an error message for each fault.
 */
#include <string.h>

#include "common/base/suggest.h"
#include "common/rpc/message.h"

/* The value of |key|, or NULL if it is absent or null. */
static const json_t *
get(const json_t *params, const char *key)
{
    const json_t *v = json_object_get(params, key);

    return json_is_null(v) ? NULL : v;
}

int
rpc_get_string(const json_t *params, const char *key, bool required, const char **out,
               struct errbuf *eb)
{
    const json_t *v = get(params, key);

    if (v == NULL && required)
        return errbuf_set(eb, SPRAT_E_INVAL, "'%s' is missing", key);
    if (v == NULL)
        return 0;
    if (!json_is_string(v))
        return errbuf_set(eb, SPRAT_E_INVAL, "'%s' must be a string", key);
    *out = json_string_value(v);
    return 0;
}

int
rpc_get_bool(const json_t *params, const char *key, bool *out, struct errbuf *eb)
{
    const json_t *v = get(params, key);

    if (v == NULL)
        return 0;
    if (!json_is_boolean(v))
        return errbuf_set(eb, SPRAT_E_INVAL, "'%s' must be true or false", key);
    *out = json_is_true(v);
    return 0;
}

int
rpc_get_u64(const json_t *params, const char *key, uint64_t *out, struct errbuf *eb)
{
    const json_t *v = get(params, key);

    if (v == NULL)
        return 0;
    if (!json_is_integer(v) || json_integer_value(v) < 0)
        return errbuf_set(eb, SPRAT_E_INVAL, "'%s' must be a whole number, 0 or more", key);
    *out = (uint64_t)json_integer_value(v);
    return 0;
}

int
rpc_check_keys(const json_t *params, const char *const known[], size_t count, struct errbuf *eb)
{
    const char *key;
    json_t *value;

    if (params != NULL && !json_is_object(params))
        return errbuf_set(eb, SPRAT_E_INVAL, "params must be an object");
    json_object_foreach((json_t *)(uintptr_t)params, key, value)
    {
        const char *near;
        size_t i = 0;

        while (i < count && strcmp(known[i], key) != 0)
            i++;
        if (i < count)
            continue;
        near = suggest_nearest(key, known, count);
        if (near != NULL)
            return errbuf_set(eb, SPRAT_E_INVAL, "unknown param '%s'; did you mean '%s'?", key,
                              near);
        return errbuf_set(eb, SPRAT_E_INVAL, "unknown param '%s'", key);
    }
    return 0;
}
