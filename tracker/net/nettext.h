/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Parses networks in settings: an address ("::1") or a network ("10.0.0.0/8").
 */
#ifndef TRACKER_NET_NETTEXT_H
#define TRACKER_NET_NETTEXT_H

#include "tracker/core/netset.h"

enum { NETTEXT_MAX = 64 }; /* characters of an address; a longer text is refused */

/* Adds the network |text| to |s|. SPRAT_E_SYNTAX, or SPRAT_E_LIMIT when |s| is full. */
int nettext_add(struct netset *s, const char *text);

#endif
