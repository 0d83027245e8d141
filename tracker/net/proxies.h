/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Whom an HTTP request comes from when reverse proxies stand before the tracker. Anybody can write
 * an X-Forwarded-For header, so it is believed only as far as those who passed it on are trusted:
 * read from the right, the first address that is not a configured proxy's is the client.
 */
#ifndef TRACKER_NET_PROXIES_H
#define TRACKER_NET_PROXIES_H

#include "common/base/endpoint.h"
#include "common/codec/http_request.h"

enum { PROXIES_MAX = 32 };

/* Embedded; starts as all zero: nobody is trusted. */
struct proxies {
    struct {
        struct endpoint base;
        uint8_t bits; /* of the address that count */
    } nets[PROXIES_MAX];
    size_t count;
};

/* Trusts an address ("::1") or a net ("10.0.0.0/8"). SYNTAX, or LIMIT. */
int proxies_add(struct proxies *p, const char *text);

/* Sets |*client| to whom |req| from |from| speaks for. PROTOCOL if a trusted proxy says something
 * that is no address. */
int proxies_client(const struct proxies *p, const struct http_request *req,
                   const struct endpoint *from, struct endpoint *client);

#endif
