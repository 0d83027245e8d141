/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Error messages for failed announces, by the cause of an HTTP failure or by error code.
 */
#include "peer/net/tracker_say.h"

#include <stdio.h>
#include <string.h>

#include "common/base/err.h"
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

void
tracker_say_fetch(char *out, size_t size, const struct url *url, const struct fetch_result *res)
{
    const char *host = url->host;
    unsigned port = url->port;

    switch (res->cause) {
    case FETCH_NO_CAUSE: say_status(out, size, url, res->status); break;
    case FETCH_NOT_RESOLVED: tracker_say_err(out, size, url, SPRAT_E_RESOLVE, 0); break;
    case FETCH_REFUSED: tracker_say_err(out, size, url, SPRAT_E_REFUSED, 0); break;
    case FETCH_UNREACHABLE: tracker_say_err(out, size, url, SPRAT_E_UNREACHABLE, 0); break;
    case FETCH_NO_CONNECTION:
        tracker_say_err(out, size, url, SPRAT_E_TIMEOUT, FETCH_CONNECT_MS / 1000);
        break;
    case FETCH_NO_ANSWER:
        tracker_say_err(out, size, url, SPRAT_E_TIMEOUT, TRACKER_CLIENT_TIMEOUT_MS / 1000);
        break;
    case FETCH_TLS_SILENT:
        snprintf(out, size,
                 "no answer to HTTPS on port %u of %s: if the tracker speaks plain HTTP there, use "
                 "http:// in its URL",
                 port, host);
        break;
    case FETCH_CLOSED:
        snprintf(out, size, "the tracker closed the connection without an answer");
        break;
    case FETCH_TLS_TO_PLAIN:
        snprintf(out, size, "the tracker answers plain HTTP on port %u: use http:// in its URL",
                 port);
        break;
    case FETCH_UNTRUSTED:
        snprintf(out, size,
                 "the certificate of %s is not trusted: if you run your own certificate authority, "
                 "pass its file with --ca FILE",
                 host);
        break;
    case FETCH_EXPIRED:
        snprintf(out, size, "the certificate of %s has expired, or this machine's clock is wrong",
                 host);
        break;
    case FETCH_OTHER_NAME:
        snprintf(out, size,
                 "the tracker's certificate is for another name than %s: check the tracker URL",
                 host);
        break;
    case FETCH_TLS: snprintf(out, size, "the TLS handshake failed"); break;
    case FETCH_NOT_HTTP:
        snprintf(out, size,
                 "the server on port %u of %s does not speak HTTP: check the tracker URL", port,
                 host);
        break;
    case FETCH_REDIRECTS:
        snprintf(out, size, "the tracker redirects more than %d times", FETCH_REDIRECTS_MAX);
        break;
    case FETCH_OTHER: tracker_say_err(out, size, url, res->err, 0); break;
    }
}

void
tracker_say_err(char *out, size_t size, const struct url *url, int err, unsigned waited_s)
{
    const char *udp = strcmp(url->scheme, "udp") == 0 ? "UDP " : "";

    switch (err) { /* network errors */
    case SPRAT_E_REFUSED:
        snprintf(out, size,
                 "the tracker refused the connection: nothing listens on %sport %u of %s", udp,
                 url->port, url->host);
        break;
    case SPRAT_E_TIMEOUT:
        snprintf(out, size, "no answer from %s, %sport %u, within %u s", url->host, udp, url->port,
                 waited_s);
        break;
    case SPRAT_E_RESOLVE:
        snprintf(out, size,
                 "the name %s has no known address: check its spelling and this machine's DNS",
                 url->host);
        break;
    case SPRAT_E_UNREACHABLE:
        snprintf(out, size, "this machine has no route to %s: check its network connection",
                 url->host);
        break;
    default: snprintf(out, size, "%s", sprat_strerror(err)); break;
    }
}
