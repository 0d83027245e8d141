/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which endpoints that one DHT node names are worth asking or dialling. A stranger may name an
 * address in our own network, or the port of another service, to make us send there.
 */
#ifndef PEER_CORE_DHT_HEARSAY_H
#define PEER_CORE_DHT_HEARSAY_H

#include <stdbool.h>

#include "common/base/endpoint.h"

enum { DHT_PORT_MIN = 1024 }; /* lower ports belong to other services */

/* True if the endpoint |named| can be that of a node or peer which |by| may know: a host's address
 * with a port that is not reserved, and no nearer to us than |by| itself. */
bool dht_hearsay_ok(const struct endpoint *named, const struct endpoint *by);

#endif
