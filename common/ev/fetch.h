/* SPDX-License-Identifier: BSD-2-Clause
 *
 * HTTP and HTTPS GET on a loop, by libcurl: redirects, compression, proxies and TLS are curl's.
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
    uint32_t connect_ms, timeout_ms; /* 0: the defaults; the second is for all of it */
};

/* Why no answer of HTTP came, as far as that changes what a person does about it. */
enum fetch_cause {
    FETCH_NO_CAUSE,      /* HTTP answered */
    FETCH_NOT_RESOLVED,  /* the host's name */
    FETCH_REFUSED,       /* nothing listens there */
    FETCH_UNREACHABLE,
    FETCH_NO_CONNECTION, /* the connection was not made in time */
    FETCH_NO_ANSWER,     /* the connection was made, and no answer came in time */
    FETCH_TLS_SILENT,    /* the connection was made, and the handshake of TLS got no answer */
    FETCH_CLOSED,        /* it was closed before the answer */
    FETCH_TLS_TO_PLAIN,  /* HTTPS was spoken to a port that does not speak TLS */
    FETCH_UNTRUSTED,     /* the certificate's authority is not known */
    FETCH_EXPIRED,       /* the certificate has expired, or is not valid yet */
    FETCH_OTHER_NAME,    /* the certificate is for another name */
    FETCH_TLS,           /* TLS failed in another way */
    FETCH_NOT_HTTP,      /* what answers speaks another protocol */
    FETCH_REDIRECTS,     /* too many of them */
    FETCH_OTHER,
};

struct fetch_result {
    enum fetch_cause cause;
    int err;             /* 0: HTTP answered, whatever its status; TOOBIG: more than body_max */
    unsigned status;     /* of HTTP; 0 if none came */
    const uint8_t *body; /* valid during the callback */
    size_t len;
    const char *message; /* what went wrong, in curl's words; "" */
};

/* NULL when memory is out. The texts are copied. |ca_file|: a PEM file of authorities that HTTPS
 * servers are trusted by, beside those of the system; NULL: the system's alone. */
struct fetcher *fetcher_new(struct loop *l, const char *user_agent, const char *ca_file);

/* Cancels all. Not from inside a callback. NULL is legal. */
void fetcher_free(struct fetcher *f);

/* |fn| is called once, from the loop and never from inside this call, unless it is cancelled
 * before. Copies the request. NULL, and nothing comes, when memory is out. */
struct fetch *fetch_start(struct fetcher *f, const struct fetch_request *req,
                          void (*fn)(void *ctx, const struct fetch_result *res), void *ctx);

/* |x| must not have called back yet. NULL is legal. */
void fetch_cancel(struct fetch *x);

#endif
