/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The names are those that answered in 2026. router.bittorrent.com and router.utorrent.com, which
 * older programs have, do not answer any more.
 */
#include "peer/engine/searchdefault.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/ev/resolve.h"
#include "common/sys/addr.h"

static const char *const names[] = {
    "dht.libtorrent.org:25401",
    "dht.transmissionbt.com:6881",
};

static bool
is_not_no(const char *text)
{
    return text == NULL || strcmp(text, "no") != 0;
}

bool
searchdefault_dht(void)
{
    return is_not_no(getenv("SPRAT_DHT"));
}

bool
searchdefault_lsd(void)
{
    return is_not_no(getenv("SPRAT_LSD"));
}

const char *const *
searchdefault_dht_names(size_t *count)
{
    *count = sizeof(names) / sizeof(names[0]);
    return names;
}

int
searchdefault_check_dht_name(const char *option, const char *text, struct errbuf *eb)
{
    char host[RESOLVE_HOST_MAX + 1];
    uint16_t port;

    if (addr_split(text, host, sizeof(host), &port))
        return 0;
    return errbuf_set(
        eb, SPRAT_E_INVAL,
        "%s: '%s' is not HOST:PORT, such as dht.example.org:6881 or [2001:db8::1]:6881", option,
        text);
}
