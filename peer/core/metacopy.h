/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A copy of an info dictionary (BEP 9) that is being fetched block by block. Its size is a claim of
 * the peers that offer it, so memory grows with the blocks that came, except for a table of 24
 * bytes a block. Each block has the number of the peer that sent it (peerlist.h), because only the
 * hash of the whole dictionary can tell whether a block is right.
 */
#ifndef PEER_CORE_METACOPY_H
#define PEER_CORE_METACOPY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/mono.h"
#include "common/codec/metainfo.h"
#include "common/ds/slotmap.h"
#include "peer/core/metamsg.h"

struct metacopy_block {
    uint8_t *data;        /* NULL: missing */
    uint32_t source;      /* the sender's number in the peer list */
    uint32_t asked;       /* requests for the block that are out */
    struct mono asked_at; /* when the last request left */
};

struct metacopy {
    uint32_t size; /* bytes; 0: the copy is not in use */
    slot_id owner; /* SLOT_NONE: every peer that offers |size| contributes; else this one alone */
    uint32_t blocks, have;
    struct metacopy_block *all;
    struct mono begun;
};

/* SPRAT_E_NOMEM. */
int metacopy_init(struct metacopy *c, uint32_t size, slot_id owner, struct mono now);
/* Frees the blocks; the copy is not in use afterwards. */
void metacopy_fini(struct metacopy *c);

static inline bool
metacopy_in_use(const struct metacopy *c)
{
    return c->size != 0;
}

static inline bool
metacopy_is_whole(const struct metacopy *c)
{
    return c->have == c->blocks;
}

/* Bytes of blocks that came. */
uint64_t metacopy_bytes(const struct metacopy *c);

/* Stores |data|, of the block's length; a block that is there already stays. SPRAT_E_NOMEM. */
int metacopy_put(struct metacopy *c, uint32_t block, const uint8_t *data, uint32_t source);

/* Did one peer send all blocks? Then |*source| is its number. */
bool metacopy_has_one_source(const struct metacopy *c, uint32_t *source);

/* Checks a whole copy against the info-hashes that are known, and parses it. 0 and |*out|, for
 * metainfo_free(). SPRAT_E_HASH: the copy is not the info dictionary. Any other error but NOMEM:
 * the info dictionary is right and no valid torrent, and |eb| has a sentence. A v1 info-hash also
 * matches an info dictionary whose SHA-256 begins with it, since links name v2 torrents so. */
int metacopy_check(const struct metacopy *c, const struct identity *id, struct metainfo **out,
                   struct errbuf *eb);

#endif
