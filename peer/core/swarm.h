/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The BitTorrent engine of one torrent: its peers, requests, uploads, piece checks and announces.
 * The swarm makes every decision and does no I/O: events arrive as inputs, actions leave as
 * effects, and the time is an argument. The same code runs in the daemon and under the simulator.
 *
 * The contract:
 * - After each swarm_handle(), the caller pulls effects with swarm_next() until it returns 0, and
 *   carries them out in that order. The caller never calls swarm_handle() while it carries out an
 *   effect (no re-entrancy): it queues results and feeds them afterwards.
 * - swarm_expiry() says when the next SWARM_IN_TICK is due; the caller asks again after the
 *   effects.
 * - Each CONNECT ends in CONNECTED or CLOSED; each ACCEPTED in an ACCEPT or REFUSE effect; each
 *   WRITE in WRITTEN; VERIFY in VERIFIED; LEAVES in LEAVES; ANNOUNCE in ANNOUNCED. After a CLOSE
 *   effect neither side mentions that peer again, except for writes that are under way.
 * - Peer ids detect reuse; the swarm ignores inputs about a peer that is gone.
 */
#ifndef PEER_CORE_SWARM_H
#define PEER_CORE_SWARM_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/endpoint.h"
#include "common/base/mono.h"
#include "common/codec/metainfo.h"
#include "common/ds/bitfield.h"
#include "common/ds/slotmap.h"
#include "peer/core/announce.h"
#include "peer/core/crowd.h"
#include "peer/core/handshake.h"
#include "peer/core/peerlist.h"
#include "peer/core/rate.h"
#include "peer/core/receivers.h"
#include "peer/core/wire.h"

enum {
    SWARM_PEERS_MAX = 200,           /* default of swarm_config.peers_max */
    SWARM_WRITES_MAX = 1024,         /* blocks on their way to disk at which requests pause */
    SWARM_UPLOADS_QUEUED_MAX = 2048, /* requests that one peer may queue with us: the reqq that
                                        we announce */
    SWARM_SEND_AHEAD = 512 * 1024,   /* most payload bytes that are handed to one connection and
                                        not yet sent */
    SWARM_KEEPALIVE_MS = 110000,     /* longest time between two messages to a peer */
    SWARM_IDLE_MS = 240000,          /* a peer that is silent for longer is closed */
    SWARM_STUCK_MS = 120000,         /* a peer that accepts none of our bytes for this long is
                                        closed */
    SWARM_NUMWANT_SEEDER = 50,       /* numwant of a seed's announces */
    SWARM_UNREQUESTED_MAX = 64,      /* unrequested blocks before the peer is banned */
    SWARM_TALK_RATE = 32 * 1024,     /* allowance of one peer for messages that move no block,
                                        bytes/s; sending more is an offence */
    SWARM_TALK_MOST = 1024 * 1024, /* the part of this allowance that may be used at once, bytes */
    SWARM_TALK_PIECE = 32,         /* bytes more at once for each piece of the torrent */
    SWARM_TALK_MESSAGE = 16,       /* bytes that each message costs beside its own length */
    SWARM_TALK_WHOLE = 4,          /* BITFIELD, HAVE_ALL and HAVE_NONE cost as much as this many
                                      BITFIELDs */
    SWARM_TALK_JUNK = 8,           /* a useless message costs as much as this many */
};

struct swarm_config {
    uint8_t peer_id[PEER_ID_LEN];
    const char *client;    /* name and version for the extended handshake */
    uint16_t listen_port;  /* announced to trackers and peers; 0: none */
    uint32_t announce_key; /* "key" parameter of our announces */
    uint32_t peers_max;
    uint32_t upload_slots; /* 0: computed from the upload limit */
    bool sequential;
    bool super_seed; /* Initial seeding (BEP 16): offer each peer different pieces until one full
                        copy is out. */
    bool no_pex;           /* no peer exchange (BEP 11); a private torrent never uses it (BEP 27) */
    uint16_t dht_port;     /* of our node of the DHT (BEP 5); 0: none; peers of a private torrent
                              do not learn it */
    struct rate_bucket *up; /* torrents may share it; never NULL */
    struct rate_bucket *down;
    struct sitebudget *sites; /* the torrents of a loop may share it; NULL: the swarm makes its
                                 own */
    struct crowd *crowd;      /* The torrent's crowd (crowd.h), with all that former swarms learned
                                 of peers; swarm_new() takes ownership if it succeeds. NULL:
                                 swarm_new() makes one, with |bans|. */
    struct bans *bans;        /* may be shared likewise; NULL: the swarm makes its own */
    struct receivers *receivers; /* gets what peers have; must outlive the swarm. NULL: nobody asks
                                    for it */
    uint64_t up_limit, down_limit; /* of this torrent alone, in bytes/s, as in LIMITS */
    struct announcer *announcer; /* The torrent's announcer in its present state; swarm_new()
                                    takes ownership if it succeeds. NULL: swarm_new() makes one
                                    from the trackers. */
    const char *const *trackers; /* beside those of the metainfo; read during swarm_new() only */
    size_t tracker_count;
};

enum swarm_state {
    SWARM_PAUSED,   /* no peers, no announces; the initial state */
    SWARM_ACTIVE,
    SWARM_STOPPING, /* the announces of "stopped" and the last writes are under way */
    SWARM_STOPPED,
};

/*  X(NAME): the inputs */
#define SWARM_INPUT_TABLE(X)                                                                       \
    X(START)                                                                                       \
    X(PAUSE)                                                                                       \
    X(STOP)                                                                                        \
    X(TICK)                                                                                        \
    X(ADDRS)                                                                                       \
    X(ACCEPTED)                                                                                    \
    X(CONNECTED)                                                                                   \
    X(CLOSED)                                                                                      \
    X(MESSAGE)                                                                                     \
    X(SENT)                                                                                        \
    X(READ_FAILED)                                                                                 \
    X(WRITTEN)                                                                                     \
    X(VERIFIED)                                                                                    \
    X(LEAVES)                                                                                      \
    X(ANNOUNCED)                                                                                   \
    X(PRIORITY)                                                                                    \
    X(LIMITS)                                                                                      \
    X(TRACKER)                                                                                     \
    X(BANNED)                                                                                      \
    X(MAKE_ROOM)                                                                                   \
    X(ANNOUNCING)

enum swarm_input_type {
#define X(name) SWARM_IN_##name,
    SWARM_INPUT_TABLE(X)
#undef X
};

struct swarm_input {
    enum swarm_input_type type;
    slot_id peer; /* CONNECTED, CLOSED, MESSAGE, SENT, READ_FAILED */
    uint32_t total; /* MESSAGE: the bytes that came over the connection for it, with all headers */
    union {
        /* START: starts, resumes, or continues after a disk error. |have| names pieces that are on
         * disk and verified; the swarm adds them to those that it knows. */
        struct {
            const struct bitfield *have; /* NULL: adds none */
        } start;
        /* ADDRS: addresses of peers, and the source that named them. */
        struct {
            enum peer_source source;
            const struct endpoint *addrs;
            size_t count;
        } addrs;
        /* ACCEPTED: a peer connected to us and sent its handshake; |token| comes back in the
         * effect. CONNECTED: the connection that a CONNECT asked for is up, and |handshake| is the
         * peer's answer. */
        struct {
            uint64_t token;
            struct endpoint addr;
            struct handshake handshake;
            bool v2; /* the connection speaks v2 */
        } conn;
        /* CLOSED: the connection ended, or could not be made. |reached|: the transport connection
         * was up. Before a handshake, |err| is NOTFOUND if the peer answered with another
         * info-hash. */
        struct {
            int err;
            bool reached;
        } closed;
        /* MESSAGE: a message of the peer. The swarm takes ownership of its block, if it has one. */
        struct wire_msg msg;
        /* SENT: bytes that were written to the socket. */
        struct {
            uint32_t payload; /* bytes of blocks; may be 0 */
            uint32_t total;   /* bytes with all headers, messages and handshakes */
        } sent;
        /* READ_FAILED: the read for a SEND_PIECE failed. */
        struct {
            uint32_t piece, begin, length;
            int err;
        } read_failed;
        /* WRITTEN: |leaf| is the block's SHA-256 where the torrent has a v2 side. SPRAT_E_HASH: the
         * block does not match the expected leaf, and nothing was written. */
        struct {
            uint32_t piece, begin;
            struct block *block; /* the block of the effect; its reference comes back */
            uint8_t leaf[32];
            int err;
        } written;
        /* VERIFIED: 0 if the piece's SHA-1 is right, SPRAT_E_HASH if it is wrong, or a local
         * error. */
        struct {
            uint32_t piece;
            int err;
        } verified;
        /* LEAVES: the SHA-256 of each data block of the piece, read from disk. */
        struct {
            uint32_t piece;
            const uint8_t *leaves;
            uint32_t count;
            int err;
        } leaves;
        struct {
            uint32_t job;
            struct announce_result result;
            const struct endpoint *addrs;
            size_t count;
        } announced;
        /* ANNOUNCING: an announce stands in a queue of ours, or has left it: announcer_on_line() */
        struct {
            uint32_t job;
            bool waits;
        } announcing;
        /* PRIORITY: sets the priority (picker.h) of |count| pieces from |first| on. */
        struct {
            uint32_t first, count;
            unsigned priority;
        } priority;
        /* BANNED: another torrent that shares the bans added some: the swarm closes and forgets the
         * peers of banned sites. MAKE_ROOM: the process has too many connections: the swarm closes
         * its least useful connection if that moves no data. */
        /* LIMITS: the limits of this torrent alone, in bytes/s, beside the shared ones; 0: none.
         * Legal at any time. */
        struct {
            uint64_t up, down;
        } limits;
        /* TRACKER: adds a tracker (announcer_add()); ignored when memory is out. Legal at any
         * time. */
        struct {
            const char *url;
        } tracker;
    } u;
};

/*  X(NAME): the effects */
#define SWARM_EFFECT_TABLE(X)                                                                      \
    X(CONNECT)                                                                                     \
    X(ACCEPT)                                                                                      \
    X(REFUSE)                                                                                      \
    X(CLOSE)                                                                                       \
    X(SEND)                                                                                        \
    X(SEND_PIECE)                                                                                  \
    X(ALLOW)                                                                                       \
    X(WRITE)                                                                                       \
    X(VERIFY)                                                                                      \
    X(LEAVES)                                                                                      \
    X(PIECE_DONE)                                                                                  \
    X(ANNOUNCE)                                                                                    \
    X(NODE)                                                                                        \
    X(NOTICE)

enum swarm_effect_type {
#define X(name) SWARM_FX_##name,
    SWARM_EFFECT_TABLE(X)
#undef X
};

/* NOTICE: events that users want to know about. */
enum swarm_notice {
    SWARM_NOTICE_COMPLETE,    /* all wanted pieces are verified */
    SWARM_NOTICE_STOPPED,     /* the answer to STOP: nothing is under way any more */
    SWARM_NOTICE_BANNED,      /* |peer_addr| sent data that fails its hash */
    SWARM_NOTICE_UNREACHED,   /* No connection to |peer_addr|, which the user named, could be
                                 made. The notice comes once, and again only after a connection
                                 was up. */
    SWARM_NOTICE_PIECE_FAILED, /* |piece| failed its hash */
    SWARM_NOTICE_DISK_ERROR,  /* A write or check failed with |err|: the swarm requests nothing
                                 until the next START, and continues to serve the pieces that it
                                 has. */
    SWARM_NOTICE_MISMATCH,    /* |piece| passes SHA-256 and fails SHA-1: the torrent is forged or
                                 broken; the swarm has paused itself. */
    SWARM_NOTICE_LAYERS,      /* the missing piece layers are complete now: store them */
    SWARM_NOTICE_METADATA,    /* of metafetch.h only: the metadata is here, or, with |err|, is no
                                 valid torrent */
};

/* What carries a connection's bytes. */
enum swarm_via { SWARM_VIA_TCP };
/* Whether a connection is encrypted. */
enum swarm_protection { SWARM_PROTECTION_NO };

struct swarm_effect {
    enum swarm_effect_type type;
    slot_id peer; /* CONNECT, ACCEPT, CLOSE, SEND, SEND_PIECE, ALLOW */
    union {
        /* CONNECT: make a connection and send the handshake (handshake_offer). */
        struct {
            struct endpoint addr;
            enum swarm_via via;
            enum swarm_protection protection;
        } connect;
        /* ACCEPT: the accepted connection belongs to |peer| from now on. REFUSE: close it. */
        struct {
            uint64_t token;
            int err;
        } accept;
        struct {
            int err;
        } close;
        /* NODE: a peer has named its DHT node, which may be alive. */
        struct endpoint node;
        /* SEND: any message except PIECE; |data| is valid until the next call on the swarm. */
        struct wire_msg msg;
        /* SEND_PIECE: read the bytes (pad files read as zeros) and send them; SENT or READ_FAILED
         * reports the outcome. Only |allowed| bytes (at least 1) of the payload may leave before an
         * ALLOW permits more; an ALLOW always concerns the last SEND_PIECE to that peer. VERIFY,
         * LEAVES and PIECE_DONE use |piece| only. PIECE_DONE: sync the piece and commit its
         * have-bit. */
        struct {
            uint32_t piece, begin, length, allowed;
        } range;
        /* WRITE: the effect carries |block|'s reference, and WRITTEN returns it. With |judge|, hash
         * the block first, and write nothing if the hash is not |expected|. */
        struct {
            uint32_t piece, begin;
            struct block *block;
            bool judge;
            uint8_t expected[32];
        } write;
        struct {
            struct announce_job job;
            const uint8_t *info_hash; /* 20 bytes */
            uint64_t uploaded, downloaded, left;
            uint32_t numwant;
            bool partial_seed; /* pieces are missing, and none of them is wanted (BEP 21) */
        } announce;
        struct {
            enum swarm_notice what;
            uint32_t piece;
            int err;
            struct endpoint peer_addr;
            enum peer_try how; /* with UNREACHED: how the try ended */
        } notice;
    } u;
};

struct swarm_stats {
    enum swarm_state state;
    bool complete;             /* all wanted pieces are verified */
    bool seeding;              /* all pieces are verified */
    uint32_t pieces_have, pieces_total;
    uint64_t bytes_have;       /* verified payload bytes, without pads */
    uint64_t bytes_wanted;     /* payload bytes of wanted pieces */
    uint64_t bytes_partial;    /* stored, in pieces that are not yet verified */
    uint64_t uploaded, downloaded; /* payload bytes since swarm_new() */
    uint64_t wasted;           /* payload bytes that were duplicates or failed their hash */
    uint64_t up_overhead;      /* all other bytes that were sent: messages, headers of blocks, … */
    uint64_t down_overhead;    /* … and those that were received */
    uint64_t up_rate, down_rate; /* of blocks, and up_rate of answers to hash requests too */
    uint32_t peers_connected, peers_half_open, peers_known, seeds_connected;
    uint32_t hash_failures;
    uint64_t copies_permille;  /* Distributed copies of the content among the connected peers,
                                  times 1000. */
    struct swarm_standing {    /* facts that explain the transfer, or its lack (why.h) */
        uint32_t useful;       /* connected peers that have a piece that we miss */
        uint32_t unchoking;    /* of those, peers that unchoke us */
        uint32_t wanting;      /* connected peers that are interested in us */
        uint32_t requests;     /* our requests that are out */
        int64_t idle_ms;       /* since a block came or left; -1: no block ever did */
        bool down_limited, up_limited; /* a rate limit delays blocks */
        bool disk_behind;      /* requests pause until more blocks are written */
        uint32_t tries[PEER_TRY_COUNT]; /* known addresses, counted by how the last try ended */
        uint32_t given_up;     /* addresses forgotten after too many failures */
        uint32_t banned;       /* banned sites */
        struct mono next_dial; /* MONO_NEVER: no connection attempt is planned */
    } standing;
};

struct swarm_peer_stats {
    slot_id peer;
    struct endpoint addr;
    char client[64];
    uint8_t peer_id[PEER_ID_LEN];
    unsigned sources; /* sources that named the address: enum peer_source bits */
    bool incoming, v2, am_choking, am_interested, peer_choking, peer_interested, is_seed, snubbed;
    uint64_t up, down, up_rate, down_rate; /* payload bytes, and bytes/s */
    uint32_t pieces_have;
    uint32_t requests_out, requests_in;
};

struct swarm;

/* |mi| and |cfg|'s buckets must outlive the swarm. |seed| seeds all its random choices. NULL when
 * memory is out. */
struct swarm *swarm_new(const struct metainfo *mi, const struct swarm_config *cfg, uint64_t seed,
                        struct mono now);

/* Frees the swarm and all that it holds; sends nothing to peers or trackers. NULL is legal. */
void swarm_free(struct swarm *s);

/* What a torrent's next swarm takes over (swarm_config). */
struct swarm_kept {
    struct announcer *announcer; /* the caller has to call announcer_use() next */
    struct crowd *crowd;
};

/* As swarm_free(), but returns what the torrent's next swarm can take over. */
void swarm_free_but(struct swarm *s, struct swarm_kept *kept);

/* True if the swarm has all wanted pieces, no peer and no pending work, has uploaded one copy if it
 * super-seeds, and every dialable address has failed twice (peerlist_hopeless()). The swarm then
 * only announces, until a peer connects or a new address becomes known. */
bool swarm_is_at_rest(const struct swarm *s);

/* 0, or SPRAT_E_NOMEM: the swarm ignored the input (and dropped the message's block, if any). */
int swarm_handle(struct swarm *s, const struct swarm_input *in, struct mono now);

/* 1 and the next effect, or 0. The effect's pointers are valid until the next call on the swarm. */
int swarm_next(struct swarm *s, struct swarm_effect *fx);

struct mono swarm_expiry(const struct swarm *s);

/* Payload bytes sent since swarm_new(): the one number of the stats that is free to read. */
uint64_t swarm_uploaded(const struct swarm *s);

void swarm_get_stats(const struct swarm *s, struct swarm_stats *st, struct mono now);

/* The number of connections that have completed their handshakes. */
uint32_t swarm_peers_up(const struct swarm *s);

/* The stats of connected peers in slot order: start with *iter = 0; false at the end. */
bool swarm_next_peer_stats(const struct swarm *s, uint32_t *iter, struct swarm_peer_stats *st,
                           struct mono now);

/* The number of wanted pieces that are missing; with |nowhere|, only those that no connected peer
 * has.
 * swarm_peer_useful(): those that |peer| has; 0 for a peer that is gone. Both are O(pieces). */
uint32_t swarm_missing(const struct swarm *s, bool nowhere);
uint32_t swarm_peer_useful(const struct swarm *s, slot_id peer);

const struct bitfield *swarm_have(const struct swarm *s);

/* For saving and showing: the peer list, the trackers, a fetched piece layer (hashtree.h) or
 * NULL. */
const struct peerlist *swarm_peerlist(const struct swarm *s);
const struct announcer *swarm_announcer(const struct swarm *s);
const uint8_t *swarm_layer(const struct swarm *s, size_t file);

/* Restores a stored piece layer; before the first START. SPRAT_E_HASH if the layer is wrong. */
int swarm_put_layer(struct swarm *s, size_t file, const uint8_t *layer, size_t len);

#endif
