/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Compares host names without regard to case, and without a port or a final dot.
 */
#include "tracker/operator/adminhost.h"

#include <string.h>
#include <strings.h>

#include "common/base/err.h"
#include "common/sys/addr.h"

static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

int
adminhost_add(struct adminhost *a, const char *name)
{
    size_t len = strlen(name);

    if (len == 0 || len > ADMINHOST_NAME_MAX || strspn(name, letters) != len)
        return SPRAT_E_INVAL;
    if (a->count == ADMINHOST_MAX)
        return SPRAT_E_LIMIT;
    memcpy(a->names[a->count++], name, len + 1);
    return 0;
}

static bool
is_address(const char *text)
{
    struct endpoint e;

    return addr_parse_ip(text, 0, &e) == 0;
}

bool
adminhost_serves(const struct adminhost *a, const char *host, size_t len)
{
    char text[ADMINHOST_NAME_MAX + 1];
    const char *end;

    if (len == 0)
        return true;
    end = host[0] == '[' ? memchr(host, ']', len) : memchr(host, ':', len);
    if (end != NULL)
        len = (size_t)(end - host) + (host[0] == '[');
    if (len > 0 && host[len - 1] == '.')
        len--;
    if (len > ADMINHOST_NAME_MAX)
        return false;
    memcpy(text, host, len);
    text[len] = '\0';
    if (is_address(text) || strcasecmp(text, "localhost") == 0)
        return true;
    for (size_t i = 0; i < a->count; i++)
        if (strcasecmp(text, a->names[i]) == 0)
            return true;
    return false;
}
