/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The state of the swarm: the structs that its parts share. Only the swarm's own files include it.
 * The functions of each part are in the part's own header. The parts have an order, which .order
 * lists from the bottom to the top: a part calls only parts below it.
 *
 *   swarm_fx.c        effects
 *   swarm_overhead.c  bytes that are no payload of blocks, for limits and totals
 *   swarm_conns.c     records of connections, whose crowd (crowd.h) counts, judges and closes them
 *   swarm_talk.c      the allowance of messages that move no block
 *   swarm_dial.c      dials the addresses that the crowd chooses
 *   swarm_endgame.c   which block to request a second time
 *   swarm_download.c  interest, requests, received blocks
 *   swarm_offer.c     initial seeding (BEP 16)
 *   swarm_metadata.c  sends blocks of the info dictionary (BEP 9)
 *   swarm_upload.c    choking, and the requests of peers
 *   swarm_room.c      what the crowd must know of a connection, and which ones are pointless
 *   swarm_leaves.c    leaves (SHA-256 of blocks) that are being read from disk
 *   swarm_hash.c      hash requests in both directions (BEP 52)
 *   swarm_pieces.c    the table of pieces of which a block is stored
 *   swarm_suspect.c   blocks of failed pieces, and the peers that sent them
 *   swarm_convict.c   what happens to a piece that failed its check
 *   swarm_piece.c     pieces from the last block to verified
 *   swarm_peer.c      a connection from its handshake to its end, and its messages
 *   swarm_stats.c     numbers for people
 *   swarm.c           inputs, the clock, start and stop, trackers
 */
#ifndef PEER_CORE_SWARM_IMPL_H
#define PEER_CORE_SWARM_IMPL_H

#include "common/crypto/sha.h"
#include "common/ds/hashmap.h"
#include "common/ds/list.h"
#include "peer/core/allowance.h"
#include "peer/core/choker.h"
#include "peer/core/crowd.h"
#include "peer/core/extmsg.h"
#include "peer/core/fastset.h"
#include "peer/core/fxqueue.h"
#include "peer/core/geometry.h"
#include "peer/core/hashtree.h"
#include "peer/core/picker.h"
#include "peer/core/pipeline.h"
#include "peer/core/ratetap.h"
#include "peer/core/reqlist.h"
#include "peer/core/sitebudget.h"
#include "peer/core/superseed.h"
#include "peer/core/swarm.h"

enum {
    TICK_MS = 1000,
    REQUEST_LEN_MAX = 8 * BLOCK_LEN, /* bytes; the longest request that we serve */
    BAD_REQUESTS_MAX = 32,           /* invalid requests before a peer is closed */
    FAST_PIECES_MAX = 32,            /* allowed-fast pieces that we remember per peer */
    HINTS_MAX = 16,                  /* suggested pieces that we remember per peer */
    HASH_ASKS_MAX = 4,               /* our hash requests to one peer at a time */
    HASH_WAITS_MAX = 8,              /* hash requests of one peer that wait for leaves */
    HASH_REFUSALS_MAX = 8,           /* rejects and timeouts before we send a peer no more hash
                                        requests */
    HASH_FORGIVE_MS = 30000,         /* time after the last of these until we send the peer hash
                                        requests again: it may have the hashes by then */
    HASH_TIMEOUT_MS = 20000,
    METADATA_COPIES = 3,    /* copies of the info dictionary that one connection gets */
    LEAF_READS_MAX = 16,    /* pieces whose leaves are being read from disk */
    LEAF_SERVES_MAX = 4,    /* of those, reads to answer hash requests of peers */
    HASH_UP_SHARE = 4,      /* answers to hash requests may use one fourth of the upload
                               limit */
    SUSPECTS_MAX = 64,      /* failed pieces whose blocks we remember */
    REJECT_PAUSE_MS = 1000, /* pause of requests to a peer, for each reject in a row */
    REJECT_PAUSES_MAX = 30,
    CHOKE_PAUSE_MS = 100,  /* shortest time between two choke rounds */
    ABORT_PAUSE_MS = 1000, /* pause of requests to a peer whose requests were overdue */
    PEERS_FEW = 20,        /* with fewer promising addresses, the tracker is asked
                              sooner */
    NUMWANT_LEECHER = 100,
};

/* The download side of a peer. */
struct peer_down {
    struct reqlist requests;
    struct pipeline pipe;
    struct rate_meter meter;
    bool choked;     /* the peer chokes us */
    bool interested; /* we sent INTERESTED */
    uint32_t cancelled;   /* withdrawn requests whose blocks may still come */
    uint32_t unrequested; /* blocks that we did not request */
    uint32_t rejects;     /* in a row */
    struct mono paused_until;
    uint32_t fast[FAST_PIECES_MAX]; /* allowed-fast pieces (BEP 6): the peer serves them while it
                                       chokes us */
    uint32_t fast_count;
    uint32_t hints[HINTS_MAX]; /* suggested pieces (BEP 6): a ring */
    uint32_t hint_count;       /* suggestions ever received */
};

/* The upload side of a peer. */
struct peer_up {
    struct reqlist queue;
    struct rate_meter meter;
    bool choked;     /* we choke the peer */
    bool interested; /* the peer sent INTERESTED */
    uint32_t sending;      /* payload bytes handed to the connection and not reported as sent */
    uint32_t unpaid;       /* of those, bytes that the upload limit does not allow to leave yet */
    struct mono moved;     /* when the number of allowed unsent bytes last fell, or rose from 0 */
    uint32_t bad_requests;
    uint64_t given; /* bytes since it was unchoked */
    struct mono unchoked_at;
    uint32_t looks;     /* ticks since it was unchoked, … */
    uint32_t busy;      /* … and those at which bytes for it waited here */
    struct mono asked;  /* when the peer last requested a block that we did not refuse */
    struct mono slow;   /* when an unchoke ended of which the peer used little; 0: never */
    struct mono wasted; /* when an unchoke ended that the peer did not use; 0: never */
    uint32_t fast[FASTSET_SIZE]; /* allowed-fast pieces (BEP 6): we serve them while we choke the
                                    peer */
    uint32_t fast_count;
    struct superseed_peer offers;
    bool veiled;           /* the peer does not know that we have all pieces (super-seeding); */
    struct bitfield shown; /* |shown| are those that it knows of */
};

struct hash_ask {
    struct wire_hash_request req;
    struct mono at;
    bool leaves; /* leaves to find bad blocks of a piece, not a piece layer */
};

/* Most peers exchange no hashes, so both lists are made when they are needed. */
struct peer_hash {
    struct hash_ask *asks; /* NULL, or of HASH_ASKS_MAX */
    uint32_t ask_count;
    uint32_t refusals;
    struct mono refused; /* when the last refusal came */
    struct mono asked;   /* when our last hash request left; 0: never */
    struct wire_hash_request *waits; /* requests of the peer that wait until leaves are read; NULL,
                                        or of HASH_WAITS_MAX */
    uint32_t wait_count;
};

struct swarm_peer {
    struct crowd_peer at;
    bool v2;
    struct bitfield has;
    struct allowance talk;   /* allowance of messages that move no block */
    uint64_t metadata_given; /* bytes of the info dictionary that were sent */
    uint32_t receiver;       /* its entry in |cfg.receivers| */
    struct peer_down down;
    struct peer_up up;
    struct peer_hash hash;
};

/*  OPEN → (last block stored) → VERIFYING → had
 *                 |               |
 *                 +-- failed -----+→ SNAPSHOT (v1: read its leaves) ─┐
 *                 +→ CONVICTING (v2: ask for the true leaves) ───────┴→ OPEN again, bad
 *                                                                         blocks free */
enum piece_state { PIECE_OPEN, PIECE_VERIFYING, PIECE_CONVICTING, PIECE_SNAPSHOT, PIECE_STUCK };

/* A piece of which at least one block is stored. */
struct swarm_piece {
    struct hashmap_node node;
    struct list link;
    uint32_t piece;
    enum piece_state state;
    uint32_t blocks;
    uint8_t *leaves; /* With a v2 side: the SHA-256 of each block (32 bytes) as it arrived; else
                        NULL. */
    struct mono since; /* when the piece entered |state| */
};

/* The blocks of a failed piece and the peers that sent them. When a good copy is verified, the
 * blocks that differ from it name the peers that sent bad data. */
struct suspect {
    struct list link;
    uint32_t piece;
    uint32_t blocks;
    uint32_t *sources; /* per block: the sender's number in the peer list */
    uint8_t *leaves;   /* 32 bytes a block */
};

struct swarm {
    const struct metainfo *mi;
    struct swarm_config cfg;
    struct geometry geo;
    enum swarm_state state;
    struct rng rng;
    struct picker *picker;
    struct hashtree *tree; /* NULL without a v2 side */
    struct crowd *crowd;
    struct announcer *announcer;
    struct choker choker;
    struct superseed super;
    bool copy_is_out; /* super-seeding is over: a full copy is out, or another seed was seen */
    struct fx_queue fx;
    struct swarm_effect unsent; /* takes what is written for a doomed peer */
    struct swarm_pieces {
        struct hashmap map;
        struct list list;
        struct list suspects;
        uint32_t suspect_count;
        struct leaf_read { /* LEAVES effects under way */
            uint32_t piece;
            bool serves; /* the read answers a peer's hash request */
        } reading[LEAF_READS_MAX];
        uint32_t reading_count;
        uint32_t serving;  /* of those reads, the ones with |serves| */
        uint32_t writes;   /* WRITE effects under way */
        uint32_t verifies; /* VERIFY effects under way */
        bool disk_failed;  /* no requests until START */
    } pieces;
    struct swarm_clock {
        struct mono now;   /* time of the present input */
        struct mono tick;  /* when the next housekeeping is due */
        struct mono choke; /* when the next choke round is due */
        struct mono choked; /* when the last choke round was */
    } clock;
    struct swarm_download {
        struct rate_tap tap;
        uint32_t turn; /* the slot where a round over all peers begins, for fairness */
        bool waits;    /* the bucket was in debt, or another torrent was next in line */
    } download;
    struct swarm_upload {
        struct rate_tap tap;
        uint32_t turn;
        bool waits;
        uint32_t unchoked;       /* peers */
        struct allowance hashes; /* the part of the limit that answers to hash requests used */
        struct allowance metadata; /* the part that blocks of the info dictionary used */
        struct swarm_begun { /* the last SEND_PIECE while the limit does not allow all of it yet */
            slot_id peer;
            uint32_t piece, begin;
        } begun;
    } upload;
    struct sitebudget *sites;
    struct sitebudget *own_sites; /* NULL: |sites| is shared */
    struct swarm_totals {
        uint64_t up, down, wasted, have;
        uint64_t up_overhead, down_overhead;
        struct rate_meter up_meter, down_meter;
        struct mono moved; /* when a block last came or left; 0: never */
        uint32_t hash_failures;
        bool told_complete;
        bool upload_only; /* the last upload_only that we announced to peers (BEP 21) */
    } totals;
};

static inline bool
swarm_is_seed(const struct swarm *s)
{
    return bitfield_full(picker_bitfield(s->picker));
}

static inline bool
peer_is_seed(const struct swarm_peer *p)
{
    return bitfield_full(&p->has);
}

#endif
