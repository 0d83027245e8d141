/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Whom an HTTP request comes from when reverse proxies stand before the tracker. Anybody can write
 * an X-Forwarded-For header, so it is believed only as far as those who passed it on are trusted:
 * read from the right, the first address that is not a configured proxy's is the client.
 */
#ifndef TRACKER_NET_PROXIES_H
#define TRACKER_NET_PROXIES_H

#include "common/codec/http_request.h"
#include "tracker/core/netset.h"

/* Sets |*client| to the client that |req| from |from| speaks for. The proxies in |p| are trusted.
 * PROTOCOL if a trusted proxy says something that is no address. */
int proxies_client(const struct netset *p, const struct http_request *req,
                   const struct endpoint *from, struct endpoint *client);

#endif
