/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Watches the addresses of this machine, and tells which of them have gone: a connection from such
 * an address is dead, and nothing but a time-out of minutes would say so. Linux only tells that
 * something changed (rtnetlink); what there is now is read anew, so that no lost message matters.
 */
#ifndef COMMON_EV_NETWATCH_H
#define COMMON_EV_NETWATCH_H

#include <stddef.h>

#include "common/base/endpoint.h"
#include "common/ev/loop.h"

enum {
    NETWATCH_ADDRS_MAX = 1024, /* looked at; what a machine has beyond is not told of */
    NETWATCH_CALM_MS = 250,    /* from a change to the look: an address that is only moved to
                                  another interface, or set anew, has not gone */
};

struct netwatch;

/* |on_gone| is called with the addresses that have gone (port 0), from the loop; the array is valid
 * during the call. Loopback addresses are not watched. NULL when memory is out; where the kernel
 * tells nothing (no netlink), a watch is made that never calls. */
struct netwatch *
netwatch_new(struct loop *l, void (*on_gone)(void *ctx, const struct endpoint *addrs, size_t count),
             void *ctx);
/* NULL is legal. */
void netwatch_free(struct netwatch *w);

#endif
