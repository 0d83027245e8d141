/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Why an announce failed, as a sentence that says what happened and what a person can do. It stands
 * behind the tracker's URL in warnings, and in lists of trackers.
 */
#ifndef PEER_NET_TRACKER_SAY_H
#define PEER_NET_TRACKER_SAY_H

#include <stddef.h>

#include "common/ev/fetch.h"
#include "common/ev/url.h"

/* An HTTP announce at |url| that got no answer of a tracker, or a status other than 200. */
void tracker_say_fetch(char *out, size_t size, const struct url *url,
                       const struct fetch_result *res);

/* Another failure |err| at |url|: of a UDP announce, or of looking up the host. |waited_s|: how
 * long an answer was waited for. */
void tracker_say_err(char *out, size_t size, const struct url *url, int err, unsigned waited_s);

#endif
