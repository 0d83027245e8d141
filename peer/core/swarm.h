/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One torrent's swarm: the engine. It decides everything and does nothing: what happens outside
 * comes in as an input, what shall happen comes out as effects, and the time is an argument. The
 * same code runs in the daemon and under the simulator.
 *
 * The contract:
 *  - After each swarm_handle(), effects are pulled with swarm_next() until it returns 0, and
 *    carried out in that order. swarm_handle() is never called while carrying one out (no
 *    re-entrancy): results are queued and fed afterwards.
 *  - swarm_expiry() says when the next SWARM_IN_TICK is due; it is asked again after the effects.
 *  - Each CONNECT ends in CONNECTED or CLOSED; each ACCEPTED in an ACCEPT or REFUSE effect; each
 *    WRITE in WRITTEN; VERIFY in VERIFIED; LEAVES in LEAVES; ANNOUNCE in ANNOUNCED. After a CLOSE
 *    effect nothing more is said of that peer from either side, but for writes under way.
 *  - Peers are ids that notice reuse; inputs about a peer that is gone are ignored.
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
#include "peer/core/handshake.h"
#include "peer/core/peerlist.h"
#include "peer/core/rate.h"
#include "peer/core/wire.h"

enum {
    SWARM_PEERS_MAX = 200,          /* default of swarm_config.peers_max */
    SWARM_HALF_OPEN_MAX = 16,       /* connections being made at a time */
    SWARM_HEARSAY_DIALS_MAX = 8,    /* of them, to whom only other peers know of */
    SWARM_WRITES_MAX = 1024,        /* blocks on their way to disk before requests pause */
    SWARM_UPLOADS_QUEUED_MAX = 2048, /* requests that one peer may have queued with us: our reqq */
    SWARM_SEND_AHEAD = 512 * 1024,  /* payload bytes handed to one connection and not yet sent,
                                       at most */
    SWARM_KEEPALIVE_MS = 110000,    /* we say something at least that often */
    SWARM_IDLE_MS = 240000,         /* a peer that is silent for longer is closed */
    SWARM_STUCK_MS = 120000,        /* a peer that takes nothing of what we send for so long is
                                       closed */
    SWARM_USELESS_MS = 60000,       /* who gave and took nothing for so long makes room for a
                                       newcomer */
    SWARM_OWES_MS = 60000,          /* who owes us blocks and says nothing for so long makes room
                                       for anybody */
    SWARM_SITE_PEERS_MAX = 16,      /* connections to one address or IPv6 network,
                                       but on this machine */
    SWARM_TWIN_SILENT_MS = 30000,   /* a connection that was silent for so long gives way to a new
                                       one of the same peer id and address */
    SWARM_SETTLE_MS = 5000,         /* a new connection is not closed for another one before */
    SWARM_TURNOVER_MS = 60000,      /* so often, while others wait, the least useful connections,
                                       … */
    SWARM_TURNOVER_PERMILLE = 40,   /* … so many of those that there may be, are closed for them */
    SWARM_NUMWANT_SEEDER = 50,      /* addresses that a seed asks a tracker for */
    SWARM_UNREQUESTED_MAX = 64,     /* blocks nobody asked for, before the peer is banned */
    SWARM_TALK_RATE = 32 * 1024,    /* bytes a second of messages that move no block, of one peer */
    SWARM_TALK_MOST = 1024 * 1024,  /* of them at once; and as many again as its pieces need, … */
    SWARM_TALK_PIECE = 32,          /* … so many a piece. More is an offence. */
    SWARM_TALK_MESSAGE = 16,        /* bytes that each message counts beside its own */
    SWARM_TALK_WHOLE = 4,           /* BITFIELDs that one counts for, and HAVE_ALL and HAVE_NONE */
    SWARM_TALK_JUNK = 8,            /* messages that nobody can use count so many times */
};

struct swarm_config {
    uint8_t peer_id[PEER_ID_LEN];
    const char *client;    /* name and version for the extended handshake */
    uint16_t listen_port;  /* told to trackers and peers; 0: none */
    uint32_t announce_key; /* "key" of our announces */
    uint32_t peers_max;
    uint32_t upload_slots; /* 0: chosen by the upload limit */
    bool sequential;
    bool super_seed; /* a seed shows each peer only what it shall fetch,
                        until a copy is out (BEP 16) */
    bool no_pex;           /* no peer exchange; a private torrent never has it (BEP 27) */
    struct rate_bucket *up; /* may be shared by torrents; never NULL */
    struct rate_bucket *down;
    struct sitebudget *sites; /* may be shared by the torrents of a loop; NULL: it has its own */
    struct bans *bans;        /* likewise */
    uint64_t up_limit, down_limit; /* its own, as LIMITS */
    struct announcer *announcer; /* of this torrent, as it stands: taken if swarm_new() succeeds;
                                    NULL: one is made of the trackers */
    const char *const *trackers; /* beside the metainfo's; read during swarm_new() only */
    size_t tracker_count;
};

enum swarm_state {
    SWARM_PAUSED,   /* no peers, no announces; the state at first */
    SWARM_ACTIVE,
    SWARM_STOPPING, /* "stopped" is being said to trackers, writes are being finished */
    SWARM_STOPPED,
};

/*  X(NAME): what comes in */
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
    X(MAKE_ROOM)

enum swarm_input_type {
#define X(name) SWARM_IN_##name,
    SWARM_INPUT_TABLE(X)
#undef X
};

struct swarm_input {
    enum swarm_input_type type;
    slot_id peer; /* CONNECTED, CLOSED, MESSAGE, SENT, READ_FAILED */
    union {
        /* START: begins, resumes, or goes on after a disk error. |have|: the pieces that are on
         * disk and verified; they are added to what is known. */
        struct {
            const struct bitfield *have; /* NULL: as it was */
        } start;
        /* ADDRS: addresses heard of. */
        struct {
            enum peer_source source;
            const struct endpoint *addrs;
            size_t count;
        } addrs;
        /* ACCEPTED: somebody connected to us and handshook; |token| comes back in the effect.
         * CONNECTED: the connection asked for stands, and |handshake| is their answer. */
        struct {
            uint64_t token;
            struct endpoint addr;
            struct handshake handshake;
            bool v2; /* the connection speaks v2 */
        } conn;
        /* CLOSED: or could not be made. |reached|: the connection stood. Before a handshake, |err|
         * is NOTFOUND for one of another info-hash. */
        struct {
            int err;
            bool reached;
        } closed;
        /* MESSAGE: its block, if it has one, is the swarm's from now on. */
        struct wire_msg msg;
        /* SENT: bytes that left for the socket. */
        struct {
            uint32_t payload; /* of pieces */
            uint32_t total;   /* with headers and all */
        } sent;
        /* READ_FAILED: a SEND_PIECE could not be read. */
        struct {
            uint32_t piece, begin, length;
            int err;
        } read_failed;
        /* WRITTEN: |leaf| is the block's SHA-256 where the torrent has a v2 side. SPRAT_E_HASH: it
         * is not the expected leaf, and nothing was written. */
        struct {
            uint32_t piece, begin;
            struct block *block; /* as in the effect; the reference comes back */
            uint8_t leaf[32];
            int err;
        } written;
        /* VERIFIED: 0 if the piece's SHA-1 is right, SPRAT_E_HASH if not, or a local error. */
        struct {
            uint32_t piece;
            int err;
        } verified;
        /* LEAVES: SHA-256 of each data block of the piece, read from disk. */
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
        /* PRIORITY: of a stretch of pieces (picker.h). */
        struct {
            uint32_t first, count;
            unsigned priority;
        } priority;
        /* BANNED: others that share the bans added some: whoever is of those sites is closed and
         * forgotten. MAKE_ROOM: the process has too many connections: the least useful one is
         * closed, if there is one that gives and takes nothing. */
        /* LIMITS: of this torrent, in bytes/s, beside those that it shares; 0: none.
         * At any time. */
        struct {
            uint64_t up, down;
        } limits;
        /* TRACKER: one more, as announcer_add(). Without memory for it, it is left out. At any
         * time. */
        struct {
            const char *url;
        } tracker;
    } u;
};

/*  X(NAME): what shall happen */
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
    X(NOTICE)

enum swarm_effect_type {
#define X(name) SWARM_FX_##name,
    SWARM_EFFECT_TABLE(X)
#undef X
};

/* NOTICE: things that people want to know of. */
enum swarm_notice {
    SWARM_NOTICE_COMPLETE,    /* all wanted pieces are verified */
    SWARM_NOTICE_STOPPED,     /* the answer to STOP: nothing is under way any more */
    SWARM_NOTICE_BANNED,      /* |peer_addr| sent data that fails its hash */
    SWARM_NOTICE_UNREACHED,   /* |peer_addr|, given by the user, could not be connected to: said
                                 once, until a connection stood */
    SWARM_NOTICE_PIECE_FAILED, /* |piece| failed its hash */
    SWARM_NOTICE_DISK_ERROR,  /* a write or check failed with |err|: nothing more is requested until
                                 the next START; what is had goes on being served */
    SWARM_NOTICE_MISMATCH,    /* |piece| passes SHA-256 and fails SHA-1: the torrent is forged or
                                 broken; the swarm paused itself */
    SWARM_NOTICE_LAYERS,      /* missing piece layers are complete now: store them */
};

struct swarm_effect {
    enum swarm_effect_type type;
    slot_id peer; /* CONNECT, ACCEPT, CLOSE, SEND, SEND_PIECE, ALLOW */
    union {
        /* CONNECT: make a connection and shake hands (handshake_offer). */
        struct {
            struct endpoint addr;
        } connect;
        /* ACCEPT: the accepted connection is |peer| now. REFUSE: close it. */
        struct {
            uint64_t token;
            int err;
        } accept;
        struct {
            int err;
        } close;
        /* SEND: any message but PIECE; |data| is valid until the next call on the swarm. */
        struct wire_msg msg;
        /* SEND_PIECE: read and send, pads as zeros; reported by SENT or READ_FAILED. Only |allowed|
         * bytes of its payload (1 at least) may leave before ALLOW says how many more; it is always
         * about the last piece that was sent to that peer.
         * VERIFY, LEAVES, PIECE_DONE use |piece|. PIECE_DONE: sync it and commit its have-bit. */
        struct {
            uint32_t piece, begin, length, allowed;
        } range;
        /* WRITE: |block|'s reference goes along and comes back with WRITTEN. With |judge|, hash it
         * first, and write nothing if it is not |expected|. */
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
        } announce;
        struct {
            enum swarm_notice what;
            uint32_t piece;
            int err;
            struct endpoint peer_addr;
            enum peer_try how; /* UNREACHED */
        } notice;
    } u;
};

struct swarm_stats {
    enum swarm_state state;
    bool complete;             /* all wanted pieces are had */
    bool seeding;              /* all pieces are had */
    uint32_t pieces_have, pieces_total;
    uint64_t bytes_have;       /* verified payload bytes, pads left out */
    uint64_t bytes_wanted;     /* payload bytes of wanted pieces */
    uint64_t bytes_partial;    /* stored and not verified */
    uint64_t uploaded, downloaded; /* payload bytes, this session */
    uint64_t wasted;           /* payload bytes that came for nothing: double or bad */
    uint64_t up_overhead;      /* bytes of answers to hash requests; part of up_rate too */
    uint64_t down_overhead;    /* bytes of messages that moved no block */
    uint64_t up_rate, down_rate;
    uint32_t peers_connected, peers_half_open, peers_known, seeds_connected;
    uint32_t hash_failures;
    uint64_t copies_permille;  /* of the whole content, in the part of the swarm that we see */
    struct swarm_standing {    /* why things move, or don't (why.h) */
        uint32_t useful;       /* connected peers that have something that we miss */
        uint32_t unchoking;    /* of those, that let us have it */
        uint32_t wanting;      /* connected peers that want something of us */
        uint32_t requests;     /* that we have out */
        int64_t idle_ms;       /* since a block came or left; -1: none did */
        bool down_limited, up_limited; /* a limit holds back what could move */
        bool disk_behind;      /* nothing is requested before more is written */
        uint32_t tries[PEER_TRY_COUNT]; /* known addresses by how the last try ended */
        uint32_t given_up;     /* addresses forgotten after too many failures */
        uint32_t banned;       /* sites */
        struct mono next_dial; /* MONO_NEVER: none is planned */
    } standing;
};

struct swarm_peer_stats {
    slot_id peer;
    struct endpoint addr;
    char client[64];
    uint8_t peer_id[PEER_ID_LEN];
    unsigned sources; /* where it is known from: enum peer_source bits */
    bool incoming, v2, am_choking, am_interested, peer_choking, peer_interested, is_seed, snubbed;
    uint64_t up, down, up_rate, down_rate; /* payload */
    uint32_t pieces_have;
    uint32_t requests_out, requests_in;
};

struct swarm;

/* |mi| and |cfg|'s buckets must outlive it. |seed| makes all its choices.
 * NULL when memory is out. */
struct swarm *swarm_new(const struct metainfo *mi, const struct swarm_config *cfg, uint64_t seed,
                        struct mono now);

/* Drops what it holds, without a word to anybody. NULL is legal. */
void swarm_free(struct swarm *s);

/* The same, but for the announcer, which is the caller's then; announcer_use() has to follow. */
struct announcer *swarm_free_but_announcer(struct swarm *s);

/* A seed with nobody to serve, and nobody left to dial who was not tried twice in vain: until
 * somebody comes or is heard of, it has nothing to do but to announce. */
bool swarm_is_at_rest(const struct swarm *s);

/* 0, or SPRAT_E_NOMEM: the input was not taken (a message's block is dropped all the same). */
int swarm_handle(struct swarm *s, const struct swarm_input *in, struct mono now);

/* 1 and the next effect, or 0. What it points to is valid until the next call on the swarm. */
int swarm_next(struct swarm *s, struct swarm_effect *fx);

struct mono swarm_expiry(const struct swarm *s);

/* Payload bytes sent, this session: of the stats, what costs nothing to know. */
uint64_t swarm_uploaded(const struct swarm *s);

void swarm_get_stats(const struct swarm *s, struct swarm_stats *st, struct mono now);

/* Connected peers in slot order: start with *iter = 0; false at the end. */
bool swarm_next_peer_stats(const struct swarm *s, uint32_t *iter, struct swarm_peer_stats *st,
                           struct mono now);

/* Wanted pieces that are missing; |nowhere|: those that no connected peer has either. And those
 * that |peer| has; 0 for one that is gone. They look at every piece. */
uint32_t swarm_missing(const struct swarm *s, bool nowhere);
uint32_t swarm_peer_useful(const struct swarm *s, slot_id peer);

const struct bitfield *swarm_have(const struct swarm *s);

/* For saving and showing: the peer list, the trackers, a fetched piece layer (hashtree.h; NULL). */
const struct peerlist *swarm_peerlist(const struct swarm *s);
const struct announcer *swarm_announcer(const struct swarm *s);
const uint8_t *swarm_layer(const struct swarm *s, size_t file);

/* Puts back a layer that was stored; before the first START. SPRAT_E_HASH if it is wrong. */
int swarm_put_layer(struct swarm *s, size_t file, const uint8_t *layer, size_t len);

#endif
