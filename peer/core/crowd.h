/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The peers of a torrent: which addresses are known, which of them are dialled and connected, and
 * which connections make room for others. The crowd also has what two peers say to each other about
 * peers: extended handshakes (BEP 10), peer exchange (BEP 11), and the reports of our own address.
 *
 * A crowd outlives its user, the core that has the connections: the next core of the same torrent
 * gets the crowd with all that was learned (addresses, failures, our own address), but without
 * connections. The crowd knows no piece and no metainfo, so that a core that only fetches metadata
 * can use it too. What it must know of a connection to judge it, it asks of its user (struct
 * crowd_view).
 *
 * The crowd has no effects: its user dials, sends and closes. Closing is deferred: crowd functions
 * and the user doom a connection, and the user takes the doomed ones with crowd_next_doomed() and
 * frees them when no function holds them any more.
 */
#ifndef PEER_CORE_CROWD_H
#define PEER_CORE_CROWD_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/endpoint.h"
#include "common/base/mono.h"
#include "common/ds/buf.h"
#include "common/ds/list.h"
#include "common/ds/slotmap.h"
#include "peer/core/extmsg.h"
#include "peer/core/handshake.h"
#include "peer/core/peerlist.h"
#include "peer/core/pex.h"

enum {
    CROWD_HALF_OPEN_MAX = 16,    /* connections that are being made at a time */
    CROWD_SPARE_SLOTS = 1,       /* a connection that takes the place of another one needs a slot
                                    before that one is closed: ids of peers have slots below
                                    peers_max + CROWD_HALF_OPEN_MAX + this */
    CROWD_HEARSAY_DIALS_MAX = 8, /* of the connections that are being made, those to addresses that
                                    only other peers named (PEX) */
    CROWD_USELESS_MS = 60000,    /* a peer that moved no data for this long may be closed to make
                                    room for a new connection */
    CROWD_OWES_MS = 60000,       /* a peer that owes us data and sends nothing for this long may be
                                    closed to make room for any other connection */
    CROWD_SITE_PEERS_MAX = 16,   /* connections to one IPv4 address or IPv6 network; loopback has no
                                    limit */
    CROWD_TWIN_SILENT_MS = 30000, /* a connection that was silent for this long is replaced by a new
                                     one of the same peer id and address */
    CROWD_SETTLE_MS = 5000,       /* a connection younger than this is not closed to make room */
    CROWD_TURNOVER_MS = 60000,    /* while other addresses wait, the least useful connections are
                                     closed this often, … */
    CROWD_TURNOVER_PERMILLE = 40, /* … this many per mille of peers_max each time */
    CROWD_REST_MAX = 64,          /* with more addresses, a crowd is too large to keep while its
                                     torrent rests */
};

/* A doomed peer counts as gone: no message is sent to it or read from it, and no loop over the
 * peers meets it. Its memory stays until the user frees it. */
enum peer_state { PEER_CONNECTING, PEER_UP, PEER_DOOMED };

/* A connection. Embedded in the user's own record of it. The user reads the members, and writes
 * only the last ones. */
struct crowd_peer {
    slot_id id;
    enum peer_state state;
    struct peer_doom {
        struct list link;
        int err;
        bool was_up; /* else it was PEER_CONNECTING */
        bool tell;   /* the connection must be closed; else it is gone already, or was refused */
    } doom;
    uint32_t number; /* in the peer list: the peer's identity beyond this connection */
    struct endpoint addr;
    uint8_t peer_id[PEER_ID_LEN];
    bool incoming, fast, extended;
    bool dht;        /* the peer has a node of the DHT (BEP 5) */
    bool dht_named;  /* it has named the port of its node; further PORT messages are ignored */
    bool hearsay; /* dialled although only another peer named the address */
    struct mono since;
    struct ext_handshake ext;
    struct pex_out pex_out;
    struct pex_in pex_in;
    /* The user's: */
    bool reached;     /* the transport connection was up before it closed without a handshake */
    bool useful;      /* data went in or out */
    struct mono used; /* when data last did */
    struct mono last_sent, last_received;
};

/* What only the user knows of a connection that is up. */
struct crowd_view {
    bool seed;      /* the peer wants nothing (it is a seed, or upload-only) */
    bool wants;     /* the peer wants something of us */
    bool owes;      /* we wait for data of the peer, and it has stalled */
    bool wasted;    /* the peer wants something, but does not take what we offer */
    uint64_t worth; /* bytes/s: how much the connection is worth to us */
};

/* The core that uses the crowd. */
struct crowd_user {
    void (*view)(const void *ctx, const struct crowd_peer *p, struct crowd_view *v);
    const void *ctx;
    uint8_t peer_id[PEER_ID_LEN];
    const char *client; /* for the extended handshake */
    uint16_t listen_port;
    uint32_t peers_max;
    uint32_t reqq; /* requests that we queue for a peer */
    uint32_t metadata_size; /* bytes of the info dictionary that we have (BEP 9); 0: none */
    bool pex;      /* exchange addresses with peers */
    bool trackers_only; /* the torrent is, or may be, private (BEP 27): the address of an incoming
                           peer is not dialled unless another source named it too */
    uint16_t dht_port; /* of our node of the DHT (BEP 5); 0: none */
};

struct crowd;

/* |bans| is shared and must outlive the crowd; NULL: the crowd makes its own. |seed| seeds all its
 * random choices. NULL when memory is out. */
struct crowd *crowd_new(struct bans *bans, uint64_t seed);
/* No connection may be left. NULL is legal. */
void crowd_free(struct crowd *c);
/* A core begins to use the crowd; |user| is copied, but for what |ctx| and |client| point to. */
void crowd_begin(struct crowd *c, const struct crowd_user *user);
/* The core ends; it has dropped all its connections (crowd_next_any(), crowd_drop()). */
void crowd_end(struct crowd *c);
/* Has the crowd learned anything, and little enough to keep it while no core needs it? */
bool crowd_is_worth_keeping(const struct crowd *c);

const struct peerlist *crowd_list(const struct crowd *c);
void crowd_add(struct crowd *c, const struct endpoint *addrs, size_t count,
               enum peer_source source);

/* --- connections --- */

/* The next address to dial within the limits, a number in the peer list, or PEERLIST_NONE.
 * |without|: enum peerlist_without bits of addresses that are not wanted. */
uint32_t crowd_next_dial(struct crowd *c, unsigned without, struct mono now);
/* When crowd_next_dial() may return an address; MONO_NEVER while there is none or no free
 * connection. crowd_candidate_expiry(): whether or not a connection is free. */
struct mono crowd_expiry(const struct crowd *c, unsigned without);
struct mono crowd_candidate_expiry(const struct crowd *c, unsigned without);

/* |p|, zeroed, becomes a connection in PEER_CONNECTING: to the address of crowd_next_dial(), or
 * from |addr|. False when memory or slots are out; then |p| is not in the crowd. */
bool crowd_join_dialled(struct crowd *c, struct crowd_peer *p, uint32_t number, struct mono now);
bool crowd_join_accepted(struct crowd *c, struct crowd_peer *p, const struct endpoint *addr,
                         struct mono now);
/* May a connection from |addr| come in? 0, SPRAT_E_REFUSED (banned), or SPRAT_E_LIMIT if the table
 * is full of connections that are useful and of higher priority (BEP 40), or of this site. May doom
 * a connection that makes room. */
int crowd_admit(struct crowd *c, const struct endpoint *addr, struct mono now);
/* The peer's handshake is here. 0: the connection is PEER_UP now. Else the reason against it: it is
 * a connection to ourselves, or to a peer that is connected already (then one of both stays), or
 * banned, or one too many. */
int crowd_on_handshake(struct crowd *c, struct crowd_peer *p, const struct handshake *h,
                       struct mono now);

/* The next connection in slot order that is not doomed: start with *iter = 0; NULL at the end.
 * crowd_next_any() returns doomed ones too. crowd_get(): by id; NULL if it is gone or doomed. */
struct crowd_peer *crowd_next(const struct crowd *c, uint32_t *iter);
struct crowd_peer *crowd_next_any(const struct crowd *c, uint32_t *iter);
struct crowd_peer *crowd_get(const struct crowd *c, slot_id id);
/* Connections that are up, and that are being made. */
uint32_t crowd_up(const struct crowd *c);
uint32_t crowd_half_open(const struct crowd *c);

/* Dooms |p|, if it is not doomed yet: its connection is to be closed for the reason |err|, or, with
 * |tell| false, is closed already. */
void crowd_doom(struct crowd *c, struct crowd_peer *p, int err, bool tell);
/* Takes the first doomed connection off the list of the doomed; NULL if there is none. */
struct crowd_peer *crowd_next_doomed(struct crowd *c);

struct crowd_parting {
    bool banned;       /* the site is banned for its offences from now on */
    bool unreached;    /* the user named the address, and the first try failed; … */
    enum peer_try how; /* … this way */
};

/* Removes a connection that crowd_next_doomed() returned, and plans the next try of its address.
 * The user frees it afterwards. */
struct crowd_parting crowd_part(struct crowd *c, struct crowd_peer *p, struct mono now);

/* Removes a connection of a core that ends, without judgement on the peer. The user frees it
 * afterwards. */
void crowd_drop(struct crowd *c, struct crowd_peer *p, struct mono now);

/* As crowd_drop(), for a core that ends because another core of the torrent begins: the address of
 * a connection that was up can be dialled again at once. */
void crowd_hand_over(struct crowd *c, struct crowd_peer *p, struct mono now);

/* Between two cores: forgets all addresses that none of |sources| (enum peer_source bits) named. */
void crowd_keep_only(struct crowd *c, unsigned sources);

/* From now on a private torrent has its peers from the tracker |origin| (announcer_origin()). If
 * that is another one than before, all peers are left (BEP 27): connections are doomed, and
 * addresses are forgotten, but for those that the user named. */
void crowd_set_origin(struct crowd *c, uint64_t origin);

/* Bans the site of the peer with this number in the peer list, and dooms its connections. False if
 * the number is not in use. */
bool crowd_ban(struct crowd *c, uint32_t number, int err, struct mono now);
/* Another torrent that shares the bans banned a site. */
void crowd_on_banned(struct crowd *c);

/* --- room --- */

/* Dooms a connection that moves no data, if there is one. */
void crowd_give_up(struct crowd *c, struct mono now);
/* Dooms the least useful connections from time to time while other addresses wait. To be called
 * about once a second. */
void crowd_turnover(struct crowd *c, unsigned without, struct mono now);
/* Has |p| owed us data for long, while the table is full and another address waits to be
 * dialled? */
bool crowd_is_owed(const struct crowd *c, const struct crowd_peer *p, unsigned without,
                   struct mono now);

/* --- what peers say about peers --- */

/* Appends the payload of our extended handshake for |p|; 0 or an error of extmsg_put_handshake().
 * |upload_only| as in BEP 21. */
int crowd_put_ext_handshake(const struct crowd *c, const struct crowd_peer *p, bool upload_only,
                            struct buf *out);
/* The port of our DHT node that |p| is to be told by a PORT message; 0: no message (BEP 5). */
uint16_t crowd_port_to_say(const struct crowd *c, const struct crowd_peer *p);
/* |p| sent a PORT message. True and |*node|: the address of its DHT node, which may be alive. */
bool crowd_on_port(const struct crowd *c, struct crowd_peer *p, uint16_t port,
                   struct endpoint *node);
/* |p| sent an extended handshake, the first or a later one. SPRAT_E_PROTOCOL or SPRAT_E_NOMEM. */
int crowd_on_ext_handshake(struct crowd *c, struct crowd_peer *p, const uint8_t *data, size_t len,
                           struct mono now);
/* |p| sent a PEX message. SPRAT_E_PROTOCOL: the peer broke the rules and must be closed. */
int crowd_on_pex(struct crowd *c, struct crowd_peer *p, const uint8_t *data, size_t len,
                 struct mono now);
/* If a PEX message to |p| is due, appends its payload and returns true. To be called about once a
 * second. */
bool crowd_put_pex(struct crowd *c, struct crowd_peer *p, struct buf *out, struct mono now);
/* |p| wants nothing of us, or does again: seeds do not dial seeds. */
void crowd_on_seed(struct crowd *c, struct crowd_peer *p, bool is_seed);

#endif
