/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The methods of the control protocol (listed in spratd(8)): each checks its params, calls the
 * engine and makes a JSON result. Their context is a struct daemon.
 */
#ifndef PEER_DAEMON_METHODS_H
#define PEER_DAEMON_METHODS_H

#include "common/rpc/message.h"

enum {
    METHODS_URLS_MAX = 256, /* trackers, or peers, of one torrent.add */
};

/* The table of methods; |*count| rows. */
const struct rpc_method *methods_table(size_t *count);

#endif
