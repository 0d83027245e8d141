/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The private header of the swarm: its structs, and the functions that its parts call on each
 * other. Only the swarm's own files include it.
 *
 *   swarm.c           inputs, the clock, start and stop, trackers
 *   swarm_fx.c        the effect queue
 *   swarm_peer.c      connections: dialling, handshakes, messages, closing
 *   swarm_room.c      which connections stay, and which make room for others
 *   swarm_talk.c      the allowance of messages that move no block
 *   swarm_pex.c       peer exchange (BEP 11)
 *   swarm_download.c  interest, requests, received blocks
 *   swarm_endgame.c   which block to request a second time
 *   swarm_upload.c    choking, and the requests of peers
 *   swarm_offer.c     initial seeding (BEP 16)
 *   swarm_piece.c     pieces from the last block to verified, and who sent bad blocks
 *   swarm_hash.c      hash requests in both directions (BEP 52)
 *   swarm_stats.c     numbers for people
 */
#ifndef PEER_CORE_SWARM_IMPL_H
#define PEER_CORE_SWARM_IMPL_H

#include "common/crypto/sha.h"
#include "common/ds/hashmap.h"
#include "common/ds/list.h"
#include "peer/core/allowance.h"
#include "peer/core/choker.h"
#include "peer/core/extmsg.h"
#include "peer/core/fastset.h"
#include "peer/core/geometry.h"
#include "peer/core/hashtree.h"
#include "peer/core/ownaddr.h"
#include "peer/core/pex.h"
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
    HASH_FORGIVE_MS = 30000,         /* … until so long after the last of them: the peer may have
                                        the hashes by then */
    HASH_TIMEOUT_MS = 20000,
    LEAF_READS_MAX = 16,             /* pieces whose leaves are being read from disk */
    LEAF_SERVES_MAX = 4,             /* of those, reads to answer hash requests of peers */
    HASH_UP_SHARE = 4,               /* answers to hash requests may use one fourth of the upload
                                        limit */
    SUSPECTS_MAX = 64,               /* failed pieces whose blocks we remember */
    REJECT_PAUSE_MS = 1000,          /* pause of requests to a peer, for each reject in a row */
    REJECT_PAUSES_MAX = 30,
    CHOKE_PAUSE_MS = 100,            /* shortest time between two choke rounds */
    ABORT_PAUSE_MS = 1000,           /* pause of requests to a peer whose requests were overdue */
    PEERS_FEW = 20,                  /* with fewer promising addresses, the tracker is asked
                                        sooner */
    NUMWANT_LEECHER = 100,
};

enum peer_state { PEER_CONNECTING, PEER_UP };

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
    struct mono asked;  /* when the peer last requested a block that we did not refuse */
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

struct peer_hash {
    struct hash_ask asks[HASH_ASKS_MAX];
    uint32_t ask_count;
    uint32_t refusals;
    struct mono refused; /* when the last refusal came */
    struct wire_hash_request waits[HASH_WAITS_MAX]; /* requests of the peer that wait until
                                                       leaves are read */
    uint32_t wait_count;
};

struct peer_pex {
    struct pex_out out;
    struct pex_in in;
};

struct swarm_peer {
    slot_id id;
    enum peer_state state;
    uint32_t number; /* in the peer list: the peer's identity beyond this connection */
    struct endpoint addr;
    uint8_t peer_id[PEER_ID_LEN];
    bool incoming, v2, fast, extended;
    bool hearsay; /* dialled although only another peer named the address */
    bool reached; /* the transport connection was up before it closed without a handshake */
    bool useful; /* at least one block went in or out */
    struct mono used; /* when the last block did */
    struct bitfield has;
    struct ext_handshake ext;
    struct mono since, last_sent, last_received;
    struct allowance talk; /* allowance of messages that move no block */
    struct peer_down down;
    struct peer_up up;
    struct peer_hash hash;
    struct peer_pex pex;
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

struct fx_item {
    struct swarm_effect fx;
    uint8_t *owned; /* memory that fx points to, or NULL */
};

struct fx_queue {
    struct fx_item *items;
    uint32_t head, count, cap; /* a ring; cap is a power of two */
    uint8_t *lent;             /* owned memory of the effect that swarm_next() returned last */
    bool overflow;             /* memory ran out: an effect was lost */
    struct fx_item scratch;
};

struct swarm {
    const struct metainfo *mi;
    struct swarm_config cfg;
    struct geometry geo;
    enum swarm_state state;
    struct rng rng;
    struct picker *picker;
    struct hashtree *tree; /* NULL without a v2 side */
    struct peerlist *list;
    struct announcer *announcer;
    struct ownaddr own;
    struct choker choker;
    struct superseed super;
    bool copy_is_out; /* super-seeding is over: a full copy is out, or another seed was seen */
    struct slotmap peers;
    struct fx_queue fx;
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
        uint32_t serving; /* of those reads, the ones with |serves| */
    } pieces;
    struct swarm_clock {
        struct mono now;   /* time of the present input */
        struct mono tick;  /* when the next housekeeping is due */
        struct mono turnover; /* when the next turnover of connections is due; 0: none was
                                 planned yet */
        struct mono choke; /* when the next choke round is due */
        struct mono choked; /* when the last choke round was */
    } clock;
    struct swarm_load {
        uint32_t writes;   /* WRITE effects under way */
        uint32_t verifies; /* VERIFY effects under way */
        uint32_t half_open;
        uint32_t hearsay_dials; /* of those, connections with |hearsay| */
        uint32_t unchoked;
        uint32_t seeds;
        uint32_t down_turn; /* the slot where a round over all peers begins, for fairness */
        uint32_t up_turn;
        bool down_waits;   /* the download bucket was in debt, or another torrent was next in
                              line */
        bool up_waits;
        struct rate_tap down, up;
        struct allowance hashes_up; /* the part of the upload limit that answers to hash requests
                                       used */
        struct sitebudget *sites;
        struct sitebudget *own_sites; /* NULL: |sites| is shared */
        struct swarm_begun { /* the last SEND_PIECE while the upload limit does not allow all of
                                it yet */
            slot_id peer;
            uint32_t piece, begin;
        } begun;
        bool disk_failed;  /* no requests until START */
    } load;
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

/* swarm_fx.c: appends an effect that is zeroed except for its type. Never NULL. */
struct swarm_effect *fx_push(struct swarm *s, enum swarm_effect_type type, slot_id peer);
/* A SEND of |type| without payload; the caller fills in the rest. */
struct wire_msg *fx_send(struct swarm *s, struct swarm_peer *p, enum wire_type type);
/* A SEND whose payload is |buf|'s content; takes that content. */
void fx_send_buf(struct swarm *s, struct swarm_peer *p, struct wire_msg *msg, struct buf *payload);
struct swarm_effect *fx_notice(struct swarm *s, enum swarm_notice what, uint32_t piece, int err);
void fx_fini(struct fx_queue *q);

/* swarm.c */
bool swarm_is_seed(const struct swarm *s);
void swarm_pause(struct swarm *s);

/* swarm_peer.c */
void peers_connect(struct swarm *s);
/* When the next address can be dialled; MONO_NEVER while there is none or no free connection. */
struct mono peers_expiry(const struct swarm *s);
/* As peers_expiry(), whether or not a connection is free. */
struct mono peers_candidate_expiry(const struct swarm *s);
void peer_on_accepted(struct swarm *s, const struct swarm_input *in);
void peer_on_connected(struct swarm *s, struct swarm_peer *p, const struct swarm_input *in);
/* Closes the connection from our side: pushes CLOSE and frees |p|. */
void peer_close(struct swarm *s, struct swarm_peer *p, int err);
/* The connection was closed from outside: frees |p|. */
void peer_on_closed(struct swarm *s, struct swarm_peer *p, int err);
void peer_on_message(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg);
void peer_tick(struct swarm *s, struct swarm_peer *p);
void peers_close_all(struct swarm *s, int err);
/* Bans the site of the peer with this number in the peer list, and closes its connections. */
void peer_ban(struct swarm *s, uint32_t number, int err);
/* Another torrent that shares the bans banned a site. */
void peers_on_banned(struct swarm *s);
bool peer_is_seed(const struct swarm_peer *p);

/* swarm_talk.c: charges a message that moves no block to |p|'s allowance. False if the allowance is
 * used up. */
bool talk_allows(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg);
/* Charges a refused request, or a useless message (unrequested hashes, or an unknown id), to |p|'s
 * allowance. If the allowance is used up, closes |p| and counts an offence. */
void talk_refused(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg);
void talk_junk(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg);

/* swarm_room.c */
/* Makes sure that a connection from |addr| has room. False if the table is full of connections that
 * are useful and of higher priority (BEP 40); otherwise room_make() may close one. */
bool room_make(struct swarm *s, const struct endpoint *addr);
/* Closes a connection that moves no data, if there is one, to make room for another torrent. */
void room_give_up(struct swarm *s);
/* Closes the least useful connections from time to time while other addresses wait. */
void room_turnover(struct swarm *s);
/* Has |p| owed us blocks for long, while the table is full and another address waits to be
 * dialled? */
bool room_is_owed(const struct swarm *s, const struct swarm_peer *p);
/* Does the site of |addr| have SWARM_SITE_PEERS_MAX connections already? */
bool room_site_full(struct swarm *s, const struct endpoint *addr);
/* Closes |p| and returns false if neither side can want data of the other. Must be called after
 * each change that can make this so. */
bool room_keep(struct swarm *s, struct swarm_peer *p);

/* swarm_pex.c */
bool pex_enabled(const struct swarm *s);
/* |p| sent an extended handshake, the first or a later one. */
void pex_on_handshake(struct swarm *s, struct swarm_peer *p);
void pex_on_message(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg);
void pex_tick(struct swarm *s, struct swarm_peer *p);

/* swarm_download.c */
void download_update_interest(struct swarm *s, struct swarm_peer *p);
void download_fill(struct swarm *s, struct swarm_peer *p);
void download_fill_all(struct swarm *s);
void download_on_block(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg);
void download_on_reject(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg);
void download_on_choke(struct swarm *s, struct swarm_peer *p);
void download_on_allowed_fast(struct swarm *s, struct swarm_peer *p, uint32_t piece);
void download_on_suggest(struct swarm *s, struct swarm_peer *p, uint32_t piece);
/* Withdraws all requests to |p|; with |tell|, sends CANCELs. */
void download_abort(struct swarm *s, struct swarm_peer *p, bool tell);
/* |p| does not have |piece| any more (BEP 54): withdraws the requests for it. */
void download_drop_piece(struct swarm *s, struct swarm_peer *p, uint32_t piece);
void download_tick(struct swarm *s, struct swarm_peer *p);

/* swarm_endgame.c: chooses a block to request from |p| although other peers were asked for it,
 * because they would take much longer. |only| restricts the pieces (NULL: all). False if there is
 * none. */
bool endgame_choose(struct swarm *s, const struct swarm_peer *p, const struct bitfield *only,
                    struct picker_block *out);

/* swarm_upload.c */
void upload_init(struct swarm *s, struct swarm_peer *p);
void upload_on_interest(struct swarm *s, struct swarm_peer *p, bool interested);
void upload_on_request(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg);
void upload_on_cancel(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg);
void upload_on_sent(struct swarm *s, struct swarm_peer *p, uint32_t payload);
void upload_on_read_failed(struct swarm *s, struct swarm_peer *p, uint32_t piece, uint32_t begin,
                           uint32_t length);
void upload_pump(struct swarm *s, struct swarm_peer *p);
void upload_pump_all(struct swarm *s);
/* Payload bytes that the upload limit allows to leave and that are not sent yet. */
uint32_t upload_stuck(const struct swarm_peer *p);
/* |p| makes no use of its upload slot, or made none of its last slot a short while ago. */
bool upload_is_wasted_on(const struct swarm *s, const struct swarm_peer *p);
void upload_choke_round(struct swarm *s);
void upload_on_peer_gone(struct swarm *s, struct swarm_peer *p);

/* swarm_offer.c: initial seeding. offer_begin(): at a START and when the last piece is verified;
 * offer_veil(): before we send |p| our first BITFIELD or HAVE_ALL; offer_fill(): when |p| may want
 * more offers; the others: on the messages and actions of |p|. */
void offer_begin(struct swarm *s);
void offer_veil(struct swarm *s, struct swarm_peer *p);
void offer_fill(struct swarm *s, struct swarm_peer *p);
void offer_on_has(struct swarm *s, struct swarm_peer *p);
void offer_on_have(struct swarm *s, struct swarm_peer *p, uint32_t piece);
void offer_on_request(struct swarm *s, struct swarm_peer *p, uint32_t piece);
void offer_on_choke(struct swarm *s, struct swarm_peer *p);
void offer_on_peer_gone(struct swarm *s, struct swarm_peer *p);
/* A block was sent: the upload queues may be empty. */
void offer_on_idle(struct swarm *s);
/* Once a tick, before offer_peer_tick(). */
void offer_tick(struct swarm *s);
void offer_peer_tick(struct swarm *s, struct swarm_peer *p);

/* swarm_piece.c */
void piece_on_written(struct swarm *s, const struct swarm_input *in);
void piece_on_verified(struct swarm *s, uint32_t piece, int err);
void piece_on_leaves(struct swarm *s, uint32_t piece, const uint8_t *leaves, uint32_t n, int err);
void piece_on_true_leaves(struct swarm *s, uint32_t piece);
/* The wanted or verified pieces have changed: sends upload_only (BEP 21) to peers if it changed. */
void piece_wishes_changed(struct swarm *s);
/* Starts a read of |piece|'s leaves from disk unless one is under way. False if LEAF_READS_MAX
 * reads are under way. */
bool piece_read_leaves(struct swarm *s, uint32_t piece);
/* As piece_read_leaves(), to answer a hash request of |p|: false also if its site has no budget
 * left. */
bool piece_read_leaves_for(struct swarm *s, uint32_t piece, const struct swarm_peer *p);
/* START: continues with the pieces that a disk error left behind. */
void piece_retry(struct swarm *s);
void piece_tick(struct swarm *s);
void pieces_init(struct swarm *s);
void pieces_fini(struct swarm *s);
/* Verifies pieces that consist of pads only: they have no block to fetch. */
void piece_check_empty(struct swarm *s);

/* swarm_hash.c */
void hash_hold_unknown(struct swarm *s);
void hash_pump(struct swarm *s);
/* Sends a request for the leaves of a failed piece. False if no peer can be asked, or no leaf is
 * left to ask for. */
bool hash_ask_leaves(struct swarm *s, uint32_t piece);
void hash_on_request(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg);
void hash_on_hashes(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg);
void hash_on_reject(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg);
/* The leaves of |piece| are in the tree's cache now, or could not be read (|err|). */
void hash_on_leaves(struct swarm *s, uint32_t piece, int err);
void hash_on_peer_gone(struct swarm *s, struct swarm_peer *p);
void hash_tick(struct swarm *s, struct swarm_peer *p);

#endif
