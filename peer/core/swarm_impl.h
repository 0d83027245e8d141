/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the files of the swarm share among themselves: its structs, and the calls between its parts.
 * Nobody else includes this.
 *
 *   swarm.c           inputs, the clock, start and stop, trackers
 *   swarm_fx.c        the effect queue
 *   swarm_peer.c      peers come, talk and go
 *   swarm_room.c      who may stay, and who makes room
 *   swarm_talk.c      what messages without blocks may cost
 *   swarm_pex.c       peers tell each other of others (BEP 11)
 *   swarm_download.c  interest, requests, blocks
 *   swarm_endgame.c   which block to ask for twice
 *   swarm_upload.c    choking, requests of others
 *   swarm_offer.c     initial seeding
 *   swarm_piece.c     a piece from its last block to verified, or to who is to blame
 *   swarm_hash.c      hash requests, both ways (BEP 52)
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
    REQUEST_LEN_MAX = 8 * BLOCK_LEN, /* bytes; what others may ask for in one request */
    BAD_REQUESTS_MAX = 32,           /* beyond the end, or senseless, before a peer is closed */
    FAST_PIECES_MAX = 32,            /* allowed-fast pieces that we remember of a peer */
    HINTS_MAX = 16,                  /* suggested pieces that we remember of a peer */
    HASH_ASKS_MAX = 4,               /* hash requests out to one peer */
    HASH_WAITS_MAX = 8,              /* hash requests of one peer that wait for leaves */
    HASH_REFUSALS_MAX = 8,           /* rejects and silences before a peer is not asked any more */
    HASH_FORGIVE_MS = 30000,         /* after the last of them, then it may know what it did not */
    HASH_TIMEOUT_MS = 20000,
    LEAF_READS_MAX = 16,             /* pieces whose leaves are being read from disk */
    LEAF_SERVES_MAX = 4,             /* of them, to answer hash requests of peers */
    HASH_UP_SHARE = 4,               /* answers to hash requests may take this part of an upload
                                        limit: one fourth */
    SUSPECTS_MAX = 64,               /* failed pieces whose blocks we remember */
    REJECT_PAUSE_MS = 1000,          /* times the rejects in a row, how long a peer is left alone */
    REJECT_PAUSES_MAX = 30,
    CHOKE_PAUSE_MS = 100,            /* no choke round sooner after another */
    ABORT_PAUSE_MS = 1000,           /* a peer whose requests were overdue is left alone that
                                        long */
    PEERS_FEW = 20,                  /* fewer than that, those who can't be reached left out:
                                        ask the tracker sooner */
    NUMWANT_LEECHER = 100,
};

enum peer_state { PEER_CONNECTING, PEER_UP };

/* What we get from a peer. */
struct peer_down {
    struct reqlist requests;
    struct pipeline pipe;
    struct rate_meter meter;
    bool choked;     /* it chokes us */
    bool interested; /* we told it that we are */
    uint32_t cancelled;   /* requests taken back whose blocks may still come */
    uint32_t unrequested; /* blocks that nobody asked for */
    uint32_t rejects;     /* in a row */
    struct mono paused_until;
    uint32_t fast[FAST_PIECES_MAX]; /* it allows these while choking us */
    uint32_t fast_count;
    uint32_t hints[HINTS_MAX]; /* it suggests these (BEP 6): a ring */
    uint32_t hint_count;       /* ever */
};

/* What it gets from us. */
struct peer_up {
    struct reqlist queue;
    struct rate_meter meter;
    bool choked;     /* we choke it */
    bool interested; /* it told us that it is */
    uint32_t sending;      /* payload bytes handed out and not reported as sent */
    uint32_t unpaid;       /* of those, what the upload limit holds back yet */
    struct mono moved;     /* when what may leave last fell, or rose from 0 */
    uint32_t bad_requests;
    uint64_t given; /* since it was unchoked */
    struct mono unchoked_at;
    struct mono asked;  /* when it last asked for a block and was not refused */
    struct mono wasted; /* when a turn of it ended that it made no use of; 0: none did */
    uint32_t fast[FASTSET_SIZE]; /* we allow these while choking it */
    uint32_t fast_count;
    struct superseed_peer offers;
    bool veiled;           /* it does not know that we have everything; */
    struct bitfield shown; /* this is what it knows of */
};

struct hash_ask {
    struct wire_hash_request req;
    struct mono at;
    bool leaves; /* to convict a piece, not for a piece layer */
};

struct peer_hash {
    struct hash_ask asks[HASH_ASKS_MAX];
    uint32_t ask_count;
    uint32_t refusals;
    struct mono refused; /* when the last one was */
    struct wire_hash_request waits[HASH_WAITS_MAX]; /* theirs, until leaves are read */
    uint32_t wait_count;
};

struct peer_pex {
    struct pex_out out;
    struct pex_in in;
};

struct swarm_peer {
    slot_id id;
    enum peer_state state;
    uint32_t number; /* in the peer list: who it is beyond this connection */
    struct endpoint addr;
    uint8_t peer_id[PEER_ID_LEN];
    bool incoming, v2, fast, extended;
    bool hearsay; /* dialled on another peer's word */
    bool reached; /* the connection stood, before it was closed without a handshake */
    bool useful; /* data went either way */
    struct mono used; /* when it last did */
    struct bitfield has;
    struct ext_handshake ext;
    struct mono since, last_sent, last_received;
    struct allowance talk; /* messages that move no block */
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
    uint8_t *leaves; /* with a v2 side: 32 bytes a block as computed on arrival; else NULL */
    struct mono since; /* of the state */
};

/* The blocks of a piece that failed, and who sent them, until the piece is good and tells who
 * lied. */
struct suspect {
    struct list link;
    uint32_t piece;
    uint32_t blocks;
    uint32_t *sources; /* peer list numbers */
    uint8_t *leaves;   /* 32 bytes a block */
};

struct fx_item {
    struct swarm_effect fx;
    uint8_t *owned; /* memory that fx points to, or NULL */
};

struct fx_queue {
    struct fx_item *items;
    uint32_t head, count, cap; /* a ring; cap is a power of two */
    uint8_t *lent;             /* owned memory of the effect that was given out last */
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
    bool copy_is_out; /* or another seed was seen: super-seeding is over */
    struct slotmap peers;
    struct fx_queue fx;
    struct swarm_pieces {
        struct hashmap map;
        struct list list;
        struct list suspects;
        uint32_t suspect_count;
        struct leaf_read { /* LEAVES effects under way */
            uint32_t piece;
            bool serves; /* begun for a peer's hash request */
        } reading[LEAF_READS_MAX];
        uint32_t reading_count;
        uint32_t serving; /* of them */
    } pieces;
    struct swarm_clock {
        struct mono now;   /* of the input at hand */
        struct mono tick;  /* the next housekeeping */
        struct mono turnover; /* the next one; 0: none was yet */
        struct mono choke; /* the next choke round */
        struct mono choked; /* the last one */
    } clock;
    struct swarm_load {
        uint32_t writes;   /* WRITE effects under way */
        uint32_t verifies; /* VERIFY effects under way */
        uint32_t half_open;
        uint32_t hearsay_dials; /* of them */
        uint32_t unchoked;
        uint32_t seeds;
        uint32_t down_turn; /* slot where a round over all peers begins, for fairness */
        uint32_t up_turn;
        bool down_waits;   /* the download bucket was in debt, or it was another torrent's turn */
        bool up_waits;
        struct rate_tap down, up;
        struct allowance hashes_up; /* of the upload limit, by answers to hash requests */
        struct sitebudget *sites;
        struct sitebudget *own_sites; /* NULL: |sites| is shared */
        struct swarm_begun { /* the one piece on its way that is not wholly paid for */
            slot_id peer;
            uint32_t piece, begin;
        } begun;
        bool disk_failed;  /* nothing is requested until START */
    } load;
    struct swarm_totals {
        uint64_t up, down, wasted, have;
        uint64_t up_overhead, down_overhead;
        struct rate_meter up_meter, down_meter;
        struct mono moved; /* when a block came or left last; 0: none did */
        uint32_t hash_failures;
        bool told_complete;
        bool upload_only; /* as peers were told */
    } totals;
};

/* swarm_fx.c: a new effect at the end of the queue, zeroed but for its type. Never NULL. */
struct swarm_effect *fx_push(struct swarm *s, enum swarm_effect_type type, slot_id peer);
/* A SEND of |type| without payload, to be filled further. */
struct wire_msg *fx_send(struct swarm *s, struct swarm_peer *p, enum wire_type type);
/* A SEND whose payload is |buf|'s content, which is taken. */
void fx_send_buf(struct swarm *s, struct swarm_peer *p, struct wire_msg *msg, struct buf *payload);
struct swarm_effect *fx_notice(struct swarm *s, enum swarm_notice what, uint32_t piece, int err);
void fx_fini(struct fx_queue *q);

/* swarm.c */
bool swarm_is_seed(const struct swarm *s);
void swarm_pause(struct swarm *s);

/* swarm_peer.c */
void peers_connect(struct swarm *s);
/* When somebody can be dialled next; MONO_NEVER. */
struct mono peers_expiry(const struct swarm *s);
/* As peers_expiry(), whether there is a connection free or not. */
struct mono peers_candidate_expiry(const struct swarm *s);
void peer_on_accepted(struct swarm *s, const struct swarm_input *in);
void peer_on_connected(struct swarm *s, struct swarm_peer *p, const struct swarm_input *in);
/* Closes from our side: a CLOSE effect, and |p| is gone. */
void peer_close(struct swarm *s, struct swarm_peer *p, int err);
/* Closed from outside: |p| is gone. */
void peer_on_closed(struct swarm *s, struct swarm_peer *p, int err);
void peer_on_message(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg);
void peer_tick(struct swarm *s, struct swarm_peer *p);
void peers_close_all(struct swarm *s, int err);
/* Bans whoever has this number in the peer list, and closes its connections. */
void peer_ban(struct swarm *s, uint32_t number, int err);
/* Another torrent banned a site. */
void peers_on_banned(struct swarm *s);
bool peer_is_seed(const struct swarm_peer *p);

/* swarm_talk.c: counts a message of |p| that moves no block. False if |p| has said more than it
 * may. */
bool talk_allows(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg);
/* Counts a request that was refused, or a message that nobody can use: |p| was not asked for it,
 * or its id is unknown. Closes |p|, for an offence, if that is more than it may say. */
void talk_refused(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg);
void talk_junk(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg);

/* swarm_room.c */
/* Is there a connection free for somebody who came from |addr|? One that is of no use may be closed
 * for it, or one that comes behind it in the order of BEP 40. */
bool room_make(struct swarm *s, const struct endpoint *addr);
/* Closes a connection that gives and takes nothing, if there is one, for another torrent. */
void room_give_up(struct swarm *s);
/* Closes the least useful from time to time, while others wait. */
void room_turnover(struct swarm *s);
/* Does it owe us blocks for long, while the table is full and another address waits to be
 * dialled? */
bool room_is_owed(const struct swarm *s, const struct swarm_peer *p);
/* Are there enough connections to that address already, of those that one host can make? */
bool room_site_full(struct swarm *s, const struct endpoint *addr);
/* Closes |p| if neither side can want anything of the other; false if so. To be asked whenever that
 * may have become so. */
bool room_keep(struct swarm *s, struct swarm_peer *p);

/* swarm_pex.c */
bool pex_enabled(const struct swarm *s);
/* |p| shook hands, or did so again. */
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
/* Takes back every request to |p|; with |tell|, CANCELs are sent. */
void download_abort(struct swarm *s, struct swarm_peer *p, bool tell);
/* |p| has lost |piece|: what was asked of it is taken back. */
void download_drop_piece(struct swarm *s, struct swarm_peer *p, uint32_t piece);
void download_tick(struct swarm *s, struct swarm_peer *p);

/* swarm_endgame.c: a block to ask |p| for that others were asked for and would bring much later, of
 * the pieces in |only| (NULL: of all). False if there is none. */
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
/* Payload bytes that could have left, and have not. */
uint32_t upload_stuck(const struct swarm_peer *p);
/* |p| makes no use of its upload slot, or made none of its last one a short while ago. */
bool upload_is_wasted_on(const struct swarm *s, const struct swarm_peer *p);
void upload_choke_round(struct swarm *s);
void upload_on_peer_gone(struct swarm *s, struct swarm_peer *p);

/* swarm_offer.c: called at a START and when the last piece is had; before |p| is told what we have;
 * when |p| may want more offers; and at what |p| says and does. */
void offer_begin(struct swarm *s);
void offer_veil(struct swarm *s, struct swarm_peer *p);
void offer_fill(struct swarm *s, struct swarm_peer *p);
void offer_on_has(struct swarm *s, struct swarm_peer *p);
void offer_on_have(struct swarm *s, struct swarm_peer *p, uint32_t piece);
void offer_on_request(struct swarm *s, struct swarm_peer *p, uint32_t piece);
void offer_on_choke(struct swarm *s, struct swarm_peer *p);
void offer_on_peer_gone(struct swarm *s, struct swarm_peer *p);
/* Something was sent: there may be nothing left to send. */
void offer_on_idle(struct swarm *s);
/* Once a tick, before the peers'. */
void offer_tick(struct swarm *s);
void offer_peer_tick(struct swarm *s, struct swarm_peer *p);

/* swarm_piece.c */
void piece_on_written(struct swarm *s, const struct swarm_input *in);
void piece_on_verified(struct swarm *s, uint32_t piece, int err);
void piece_on_leaves(struct swarm *s, uint32_t piece, const uint8_t *leaves, uint32_t n, int err);
void piece_on_true_leaves(struct swarm *s, uint32_t piece);
/* What is wanted or had has changed: peers hear if we want nothing more,
 * or something again (BEP 21). */
void piece_wishes_changed(struct swarm *s);
/* Has |piece|'s leaves read from disk, unless that is under way. False if too many are. */
bool piece_read_leaves(struct swarm *s, uint32_t piece);
/* The same to answer a hash request of |p|: false also if its site has no budget left for that. */
bool piece_read_leaves_for(struct swarm *s, uint32_t piece, const struct swarm_peer *p);
/* START: goes on with pieces that a disk error left behind. */
void piece_retry(struct swarm *s);
void piece_tick(struct swarm *s);
void pieces_init(struct swarm *s);
void pieces_fini(struct swarm *s);
/* A piece without bytes to fetch (all pad) needs no more than its check. */
void piece_check_empty(struct swarm *s);

/* swarm_hash.c */
void hash_hold_unknown(struct swarm *s);
void hash_pump(struct swarm *s);
/* Asks somebody for the leaves of a failed piece. False if there is nobody to ask,
 * or nothing left to ask for. */
bool hash_ask_leaves(struct swarm *s, uint32_t piece);
void hash_on_request(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg);
void hash_on_hashes(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg);
void hash_on_reject(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg);
/* Leaves of |piece| are in the tree's cache now, or can't be read (|err|). */
void hash_on_leaves(struct swarm *s, uint32_t piece, int err);
void hash_on_peer_gone(struct swarm *s, struct swarm_peer *p);
void hash_tick(struct swarm *s, struct swarm_peer *p);

#endif
