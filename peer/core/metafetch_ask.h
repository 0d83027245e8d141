/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which block is requested from which peer, and what comes of it.
 */
#ifndef PEER_CORE_METAFETCH_ASK_H
#define PEER_CORE_METAFETCH_ASK_H

#include "peer/core/metafetch_impl.h"

/* Requests all blocks that are missing, as far as peers, limit and memory allow. */
void ask_all(struct metafetch *m);
/* |p| sent a message of ut_metadata. Dooms |p| if it breaks a rule of BEP 9; false if the message
 * is useless. A copy that is whole is checked: the metadata is here, or peers are banned. */
bool ask_on_message(struct metafetch *m, struct metafetch_peer *p, const uint8_t *data, size_t len);
/* Withdraws the requests at a peer that stalls. */
void ask_tick(struct metafetch *m, struct metafetch_peer *p);
/* Does |p| owe us blocks, and has it stalled? */
bool ask_is_owed(const struct metafetch *m, const struct metafetch_peer *p);
/* When the download limit allows the next request; MONO_NEVER if no request waits for it. */
struct mono ask_expiry(const struct metafetch *m);

#endif
