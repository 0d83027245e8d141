/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Watches the interfaces of this machine and their addresses, and reports changes and removed
 * addresses: a connection from a removed address is dead, and without the report only a timeout of
 * minutes would show it. Linux only reports that something changed (rtnetlink); the current
 * addresses are then read anew, so that lost messages do not matter.
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

/* Called from the loop. */
struct netwatch_handler {
    void *ctx;
    /* The removed addresses (port 0); the array is valid during the call. Loopback addresses are
     * not watched. */
    void (*on_gone)(void *ctx, const struct endpoint *addrs, size_t count);
    /* An interface or an address came, went or changed. May be NULL. */
    void (*on_changed)(void *ctx);
};

/* The handler is copied. NULL when memory is out. Without netlink, the watch never calls it. */
struct netwatch *netwatch_new(struct loop *l, const struct netwatch_handler *handler);
/* NULL is legal. */
void netwatch_free(struct netwatch *w);

#endif
