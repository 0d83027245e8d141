/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The state of metafetch, for its own files, from the bottom to the top:
 *
 *   metafetch_request.c  the requests that are out at a peer
 *   metafetch_copies.c   which copies are being fetched, and from whom
 *   metafetch_ask.c      which block is requested from which peer, and what comes of it
 *   metafetch_peer.c     connections and messages
 *   metafetch_stats.c    numbers for people
 *   metafetch.c          inputs, the clock, start and stop, trackers
 */
#ifndef PEER_CORE_METAFETCH_IMPL_H
#define PEER_CORE_METAFETCH_IMPL_H

#include "peer/core/allowance.h"
#include "peer/core/fxqueue.h"
#include "peer/core/metacopy.h"
#include "peer/core/metafetch.h"
#include "peer/core/ratetap.h"

enum { METAFETCH_TICK_MS = 500 };

struct metafetch_request {
    uint32_t block;
    struct mono at;
};

struct metafetch_peer {
    struct crowd_peer at;
    struct allowance talk; /* allowance of all messages except requested blocks */
    uint32_t size;         /* bytes of the metadata that the peer offers; 0: it offers none */
    struct metacopy *copy; /* what the peer contributes to; NULL: nothing now */
    struct mono waits;     /* without a copy: since when */
    struct metafetch_request *out; /* METAFETCH_FLIGHT_MAX entries, made with the first request */
    uint32_t out_count;
    uint32_t window;   /* requests that may be out */
    uint32_t failures; /* rejects and stalls in a row */
    struct mono paused_until;
    struct mono answered; /* when the last block came */
};

struct metafetch {
    struct metafetch_config cfg;
    enum swarm_state state;
    struct rng rng;
    struct crowd *crowd;
    struct announcer *announcer;
    struct fx_queue fx;
    struct mono now, tick;
    struct rate_tap up, down;
    bool turn;  /* addresses may be dialled */
    bool waits; /* the download limit delays requests */
    struct metacopy copies[METAFETCH_COPIES_MAX];
    bool alone;          /* a copy of several peers was wrong: copies come from one peer each */
    uint32_t in_flight;  /* requests that are out at all peers */
    struct metainfo *mi; /* fetched, and not taken yet */
    bool done;           /* the metadata is here, or is no valid torrent */
    uint64_t up_bytes, down_bytes; /* on the wire */
    uint64_t metadata;             /* bytes of blocks that came */
    struct rate_meter meter;       /* of these */
    struct errbuf error;
};

static inline struct metafetch_peer *
fetch_peer_of(const struct crowd_peer *at)
{
    return LIST_ENTRY(at, struct metafetch_peer, at);
}

/* The next peer that is not doomed; start with *iter = 0, NULL at the end. */
static inline struct metafetch_peer *
fetch_next_peer(const struct metafetch *m, uint32_t *iter)
{
    const struct crowd_peer *at = crowd_next(m->crowd, iter);

    return at != NULL ? fetch_peer_of(at) : NULL;
}

#endif
