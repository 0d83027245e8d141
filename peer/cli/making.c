/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Checks that look at the text of URLs only, and fixed texts.
 */
#include "peer/cli/making.h"

#include <string.h>
#include <strings.h>

bool
making_url_lacks_path(const char *url)
{
    const char *host;

    if (strncasecmp(url, "http://", 7) == 0)
        host = url + 7;
    else if (strncasecmp(url, "https://", 8) == 0)
        host = url + 8;
    else
        return false;
    host += strcspn(host, "/?#");
    return host[0] == '\0' || (host[0] == '/' && host[1] == '\0');
}

void
making_warn_trackers(struct screen *s, const struct cli_list *trackers)
{
    for (size_t i = 0; i < trackers->count; i++) {
        const char *url = trackers->items[i];

        if (making_url_lacks_path(url))
            screen_warn(s,
                        "the tracker URL %s has no path; most end in /announce, as in %s%sannounce",
                        url, url, url[strlen(url) - 1] == '/' ? "" : "/");
    }
}

#define OLD_PROGRAMS                                                                               \
    "Transmission 3.00, aria2 1.36 and ctorrent can't load a hybrid, rTorrent 0.9.8 not every "    \
    "one; "

const char *
making_format_note(const struct metainfo *mi, bool by_create)
{
    if (!mi->id.has_v1 || !mi->id.has_v2)
        return NULL;
    return by_create ? OLD_PROGRAMS "for them use --format v1"
                     : OLD_PROGRAMS "for them make the torrent by 'sprat create --format v1'";
}
