/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Watches the addresses of this machine and reports removed ones: a connection from a removed
 * address is dead, and without the report only a timeout of minutes would show it. Linux only
 * reports that something changed (rtnetlink); the current addresses are then read anew, so that
 * lost messages do not matter.
 */
#ifndef COMMON_EV_NETWATCH_H
#define COMMON_EV_NETWATCH_H

#include <stddef.h>

#include "common/base/endpoint.h"
#include "common/ev/loop.h"

enum {
    NETWATCH_ADDRS_MAX = 1024, /* most addresses that are watched; further ones are ignored */
    NETWATCH_CALM_MS = 250,    /* from a change to the next look: an address that moves to
                                  another interface or is set again does not count as removed */
};

struct netwatch;

/* |on_gone| is called from the loop with the removed addresses (port 0); the array is valid during
 * the call. Loopback addresses are not watched. NULL when memory is out. Without netlink, the watch
 * never calls |on_gone|. */
struct netwatch *
netwatch_new(struct loop *l, void (*on_gone)(void *ctx, const struct endpoint *addrs, size_t count),
             void *ctx);
/* NULL is legal. */
void netwatch_free(struct netwatch *w);

#endif
