/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The host names that requests to the admin address may have in their Host header. A foreign web
 * page can let its own name resolve to this machine's address (DNS rebinding), so that its scripts
 * could read the statistics through the operator's browser. Their requests carry the foreign name
 * and are refused.
 */
#ifndef TRACKER_OPERATOR_ADMINHOST_H
#define TRACKER_OPERATOR_ADMINHOST_H

#include <stdbool.h>
#include <stddef.h>

enum { ADMINHOST_MAX = 16, ADMINHOST_NAME_MAX = 253 };

/* Embedded; all zero: no names. */
struct adminhost {
    char names[ADMINHOST_MAX][ADMINHOST_NAME_MAX + 1];
    size_t count;
};

/* Adds a name. LIMIT: there are ADMINHOST_MAX; INVAL: it is no host name. */
int adminhost_add(struct adminhost *a, const char *name);

/* True if a request with this Host header is for this tracker: an IP address, "localhost" or one of
 * the names, with or without a port; or no header, which no browser sends. */
bool adminhost_serves(const struct adminhost *a, const char *host, size_t len);

#endif
