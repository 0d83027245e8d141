/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Values of settings, with the sentences for wrong ones.
 */
#include "common/sys/confvalue.h"

#include <inttypes.h>

#include "common/base/parse.h"
#include "common/sys/addr.h"

int
confvalue_bool(bool *out, const char *name, const char *value, struct errbuf *eb)
{
    if (parse_bool(value, out) == 0)
        return 0;
    return errbuf_set(eb, SPRAT_E_INVAL, "%s: '%s' is neither yes nor no", name, value);
}

int
confvalue_u64(uint64_t *out, uint64_t least, uint64_t most, const char *name, const char *value,
              struct errbuf *eb)
{
    if (parse_u64(value, least, most, out) == 0)
        return 0;
    return errbuf_set(eb, SPRAT_E_INVAL, "%s: '%s' is not a number from %" PRIu64 " to %" PRIu64,
                      name, value, least, most);
}

int
confvalue_add_listen(struct endpoint *at, size_t *count, size_t max, const char *name,
                     const char *value, struct errbuf *eb)
{
    if (*count == max)
        return errbuf_set(eb, SPRAT_E_INVAL, "%s is given more than %zu times", name, max);
    if (addr_parse(value, &at[*count]) != 0)
        return errbuf_set(
            eb, SPRAT_E_INVAL,
            "%s: '%s' is not an address and port, such as 127.0.0.1:6969 or [::]:6969", name,
            value);
    ++*count;
    return 0;
}

int
confvalue_log_level(enum log_level *out, const char *value, struct errbuf *eb)
{
    if (log_level_parse(value, out))
        return 0;
    return errbuf_set(eb, SPRAT_E_INVAL,
                      "log-level: '%s' is not one of error, warning, info and debug", value);
}
