/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Finds the address of the client of an HTTP request that passed through reverse proxies. Any
 * client can send an X-Forwarded-For header, so only addresses that trusted proxies have added
 * count: read from the right, the first address that is not a configured proxy is the client.
 */
#ifndef TRACKER_NET_PROXIES_H
#define TRACKER_NET_PROXIES_H

#include "common/codec/http_request.h"
#include "tracker/core/netset.h"

/* Sets |*client| to the address of the client of |req|, which came from |from|. |p| has the trusted
 * proxies. PROTOCOL if an entry that a trusted proxy has added is not an address. */
int proxies_client(const struct netset *p, const struct http_request *req,
                   const struct endpoint *from, struct endpoint *client);

#endif
