/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The programs of the field by their peer ids (BEP 20, and what has come up since): not to let
 * anybody in or keep anybody out, but to notice ids that nobody has.
 */
#ifndef TRACKER_CORE_KNOWNCLIENTS_H
#define TRACKER_CORE_KNOWNCLIENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/codec/tracker.h"

/* Is the peer id that of a known program (the two letters of an Azureus-style id, or an older
 * form)?
 */
bool knownclients_has(const uint8_t peer_id[TRACKER_PEER_ID_LEN]);

#endif
