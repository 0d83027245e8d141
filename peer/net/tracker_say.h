/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Error messages for failed announces: what happened, and what the user can do. A message follows
 * the tracker's URL in warnings and in lists of trackers.
 */
#ifndef PEER_NET_TRACKER_SAY_H
#define PEER_NET_TRACKER_SAY_H

#include <stddef.h>

#include "common/ev/fetch.h"
#include "common/ev/url.h"

/* Writes the message for an HTTP announce to |url| that got no tracker's answer, or a status other
 * than 200. */
void tracker_say_fetch(char *out, size_t size, const struct url *url,
                       const struct fetch_result *res);

/* Writes the message for another failure |err| at |url|: of a UDP announce, or of resolving the
 * host. |waited_s|: seconds waited for an answer. */
void tracker_say_err(char *out, size_t size, const struct url *url, int err, unsigned waited_s);

#endif
