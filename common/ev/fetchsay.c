/* SPDX-License-Identifier: BSD-2-Clause
 *
 * By the cause of an HTTP failure, or by error code.
 */
#include "common/ev/fetchsay.h"

#include <stdio.h>
#include <string.h>

#include "common/base/err.h"

void
fetchsay_err(char *out, size_t size, const struct fetchsay *about, const struct url *url, int err,
             unsigned waited_s)
{
    const char *udp = strcmp(url->scheme, "udp") == 0 ? "UDP " : "";

    switch (err) { /* network errors */
    case SPRAT_E_REFUSED:
        snprintf(out, size, "the %s refused the connection: nothing listens on %sport %u of %s",
                 about->who, udp, url->port, url->host);
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

void
fetchsay_cause(char *out, size_t size, const struct fetchsay *about, const struct url *url,
               const struct fetch_result *res)
{
    const char *host = url->host, *who = about->who;
    unsigned port = url->port;

    switch (res->cause) {
    case FETCH_NO_CAUSE: break;
    case FETCH_NOT_RESOLVED: fetchsay_err(out, size, about, url, SPRAT_E_RESOLVE, 0); break;
    case FETCH_REFUSED: fetchsay_err(out, size, about, url, SPRAT_E_REFUSED, 0); break;
    case FETCH_UNREACHABLE: fetchsay_err(out, size, about, url, SPRAT_E_UNREACHABLE, 0); break;
    case FETCH_NO_CONNECTION:
        fetchsay_err(out, size, about, url, SPRAT_E_TIMEOUT, FETCH_CONNECT_MS / 1000);
        break;
    case FETCH_NO_ANSWER:
        fetchsay_err(out, size, about, url, SPRAT_E_TIMEOUT, about->answer_s);
        break;
    case FETCH_TLS_SILENT:
        snprintf(out, size,
                 "no answer to HTTPS on port %u of %s: if the %s speaks plain HTTP there, use "
                 "http:// in its URL",
                 port, host, who);
        break;
    case FETCH_CLOSED:
        snprintf(out, size, "the %s closed the connection without an answer", who);
        break;
    case FETCH_TLS_TO_PLAIN:
        snprintf(out, size, "the %s answers plain HTTP on port %u: use http:// in its URL", who,
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
        snprintf(out, size, "the %s's certificate is for another name than %s: check the %s URL",
                 who, host, who);
        break;
    case FETCH_TLS: snprintf(out, size, "the TLS handshake failed"); break;
    case FETCH_NOT_HTTP:
        snprintf(out, size, "the server on port %u of %s does not speak HTTP: check the %s URL",
                 port, host, who);
        break;
    case FETCH_REDIRECTS:
        snprintf(out, size, "the %s redirects more than %d times", who, FETCH_REDIRECTS_MAX);
        break;
    case FETCH_OTHER: fetchsay_err(out, size, about, url, res->err, 0); break;
    }
}
