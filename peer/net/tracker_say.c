/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The messages for HTTP statuses; fetchsay.h has the others.
 */
#include "peer/net/tracker_say.h"

#include <stdio.h>
#include <string.h>

#include "common/ev/fetchsay.h"
#include "peer/net/tracker_client.h"

static void
say_status(char *out, size_t size, const struct url *url, unsigned status)
{
    bool announce = strstr(url->rest, "announce") != NULL;

    switch (status) { /* statuses that tell the user what to do */
    case 404:
        snprintf(out, size, "HTTP status 404, not found%s",
                 announce ? "" : ": tracker URLs usually end in /announce");
        break;
    case 401:
    case 403:
        snprintf(out, size,
                 "HTTP status %u: the tracker refuses access: check its URL and passkey",
                 status);
        break;
    case 429:
        snprintf(out, size,
                 "HTTP status 429: the tracker gets too many requests from this address");
        break;
    case 500:
    case 502:
    case 503:
    case 504:
        snprintf(out, size, "HTTP status %u: the tracker's server has a problem", status);
        break;
    default: snprintf(out, size, "HTTP status %u", status); break;
    }
}

static const struct fetchsay tracker = {.who = "tracker",
                                        .answer_s = TRACKER_CLIENT_TIMEOUT_MS / 1000};

void
tracker_say_fetch(char *out, size_t size, const struct url *url, const struct fetch_result *res)
{
    if (res->cause == FETCH_NO_CAUSE)
        say_status(out, size, url, res->status);
    else
        fetchsay_cause(out, size, &tracker, url, res);
}

void
tracker_say_err(char *out, size_t size, const struct url *url, int err, unsigned waited_s)
{
    fetchsay_err(out, size, &tracker, url, err, waited_s);
}
