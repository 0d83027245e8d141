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

struct fetch_result {
    int err;             /* 0: HTTP answered, whatever its status; TOOBIG: more than body_max */
    unsigned status;     /* of HTTP; 0 if none came */
    const uint8_t *body; /* valid during the callback */
    size_t len;
    const char *message; /* what went wrong, in curl's words; "" */
};

/* NULL when memory is out. |user_agent| is copied. */
struct fetcher *fetcher_new(struct loop *l, const char *user_agent);

/* Cancels all. Not from inside a callback. NULL is legal. */
void fetcher_free(struct fetcher *f);

/* |fn| is called once, from the loop and never from inside this call, unless it is cancelled
 * before. Copies the request. NULL, and nothing comes, when memory is out. */
struct fetch *fetch_start(struct fetcher *f, const struct fetch_request *req,
                          void (*fn)(void *ctx, const struct fetch_result *res), void *ctx);

/* |x| must not have called back yet. NULL is legal. */
void fetch_cancel(struct fetch *x);

#endif
