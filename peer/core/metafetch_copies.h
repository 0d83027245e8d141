/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which copies of the info dictionary are being fetched, and which peers contribute to which.
 */
#ifndef PEER_CORE_METAFETCH_COPIES_H
#define PEER_CORE_METAFETCH_COPIES_H

#include "peer/core/metafetch_impl.h"

/* Gives |p|, which offers the metadata, a copy to contribute to, if there is one or room for one.
 */
void copies_assign(struct metafetch *m, struct metafetch_peer *p);
/* The same for all peers that have none; the longest waiting one first. */
void copies_assign_all(struct metafetch *m);
/* |p| contributes to its copy no more: it left, or offers the metadata no more. */
void copies_leave(struct metafetch *m, struct metafetch_peer *p);
/* Ends a copy: its blocks are freed, and its peers have none. */
void copies_drop(struct metafetch *m, struct metacopy *c);
void copies_drop_all(struct metafetch *m);
/* Ends the copy that grew least in METAFETCH_TURN_MS or more, except |but|. False if there is none.
 */
bool copies_make_room(struct metafetch *m, const struct metacopy *but);
/* Whether a request for another block keeps to METAFETCH_BYTES_MAX. */
bool copies_have_memory(const struct metafetch *m);

#endif
