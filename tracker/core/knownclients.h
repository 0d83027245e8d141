/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Recognizes peer ids of known BitTorrent programs (BEP 20, and newer ones). No client is refused
 * by this list; it finds made-up peer ids.
 */
#ifndef TRACKER_CORE_KNOWNCLIENTS_H
#define TRACKER_CORE_KNOWNCLIENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/codec/tracker.h"

/* Whether the peer id is that of a known program, by the two letters of an Azureus-style id or by
 * an older form.
 */
bool knownclients_has(const uint8_t peer_id[TRACKER_PEER_ID_LEN]);

#endif
