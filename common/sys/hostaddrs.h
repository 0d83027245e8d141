/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The addresses of this machine's interfaces, and which of them others may reach.
 */
#ifndef COMMON_SYS_HOSTADDRS_H
#define COMMON_SYS_HOSTADDRS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/endpoint.h"

struct hostaddr {
    struct endpoint addr; /* port 0 */
    bool running;         /* the interface is up and has a carrier */
};

/* Reads the addresses of all interfaces. The caller frees |*out|. NOMEM, or a LOCAL error. */
int hostaddrs_read(struct hostaddr **out, size_t *count);

/* Fills |out| with at most |max| addresses at which others may reach sockets that listen at
 * |listen|: where those are 0.0.0.0 or [::], all addresses of that family in |all| whose interface
 * runs. Global addresses come first. Link-local addresses are left out, since their zone has no
 * meaning elsewhere, and loopback addresses unless there are no others. Returns the number. */
size_t hostaddrs_reachable(const struct endpoint *listen, size_t listen_count,
                           const struct hostaddr *all, size_t count, struct endpoint *out,
                           size_t max);

#endif
