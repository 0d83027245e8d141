/* SPDX-License-Identifier: BSD-2-Clause
 *
 * HTTP and HTTPS GET on a loop, by libcurl, which handles redirects, compression, proxies and TLS.
 * Bodies are held in memory and bounded.
 */
#ifndef COMMON_EV_FETCH_H
#define COMMON_EV_FETCH_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/endpoint.h"
#include "common/ev/loop.h"

enum {
    FETCH_CONNS_MAX = 64,       /* connections of one fetcher; more requests wait */
    FETCH_REDIRECTS_MAX = 5,    /* to http and https only */
    FETCH_CONNECT_MS = 15000,   /* default of fetch_request.connect_ms */
    FETCH_TIMEOUT_MS = 60000,   /* default of fetch_request.timeout_ms */
    FETCH_MESSAGE_MAX = 256,
};

struct fetcher;
struct fetch;

struct fetch_request {
    const char *url;
    enum ip_family family;        /* IP_NONE: either */
    const struct endpoint *from;  /* the local address to use, whatever its port; NULL: any */
    size_t body_max;              /* bytes, after decompression */
    uint32_t connect_ms, timeout_ms; /* 0: the defaults; |timeout_ms| is for the whole request */
};

/* The cause of a request without an HTTP answer, as far as the advice for the user depends on it.
 */
enum fetch_cause {
    FETCH_NO_CAUSE,      /* an HTTP answer arrived */
    FETCH_NOT_RESOLVED,  /* the host name has no address */
    FETCH_REFUSED,       /* nothing listens on the port */
    FETCH_UNREACHABLE,
    FETCH_NO_CONNECTION, /* the connection was not established in time */
    FETCH_NO_ANSWER,     /* the connection was established, but no answer came in time */
    FETCH_TLS_SILENT,    /* the connection was established, but the TLS handshake got no answer */
    FETCH_CLOSED,        /* the server closed the connection before the answer */
    FETCH_TLS_TO_PLAIN,  /* HTTPS was used on a port that does not speak TLS */
    FETCH_UNTRUSTED,     /* the certificate's authority is not known */
    FETCH_EXPIRED,       /* the certificate has expired, or is not valid yet */
    FETCH_OTHER_NAME,    /* the certificate is for another name */
    FETCH_TLS,           /* TLS failed in another way */
    FETCH_NOT_HTTP,      /* the server speaks another protocol */
    FETCH_REDIRECTS,     /* too many redirects */
    FETCH_OTHER,
};

struct fetch_result {
    enum fetch_cause cause;
    int err;             /* 0: an HTTP answer of any status; TOOBIG: more than body_max bytes */
    unsigned status;     /* HTTP status; 0 without an answer */
    const uint8_t *body; /* valid during the callback */
    size_t len;
    const char *message; /* curl's error message, or "" */
};

/* Creates a fetcher. NULL when memory is out. The strings are copied. |ca_file|: a PEM file of
 * certificate authorities that are trusted besides those of the system; NULL: only the system's. */
struct fetcher *fetcher_new(struct loop *l, const char *user_agent, const char *ca_file);

/* Cancels all requests and frees the fetcher. Must not be called from a callback. NULL is legal. */
void fetcher_free(struct fetcher *f);

/* Starts a request, which is copied. |fn| is called once, from the loop and never from within this
 * call, unless the request is cancelled before. NULL when memory is out; then |fn| is not called.
 */
struct fetch *fetch_start(struct fetcher *f, const struct fetch_request *req,
                          void (*fn)(void *ctx, const struct fetch_result *res), void *ctx);

/* Cancels a request whose callback has not run yet. NULL is legal. */
void fetch_cancel(struct fetch *x);

#endif
