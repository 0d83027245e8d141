/* SPDX-License-Identifier: BSD-2-Clause
 *
 * All addresses of peers that a torrent knows, from trackers, the command line, incoming
 * connections and other peers; which one to dial next, when to try again, and which are banned. The
 * list is bounded: it forgets the least useful addresses first. Each peer has a small stable number
 * for as long as the list remembers it.
 *
 * An address that only other peers named (peer exchange) is hearsay until another source names it
 * too or a connection was up. So is one that announced itself in the local network, where anybody
 * can send in the name of others. Hearsay is limited in total, per peer that told it and per site
 * that it names, and is dialled rarely, so that no peer can fill the list or point the swarm at a
 * victim.
 */
#ifndef PEER_CORE_PEERLIST_H
#define PEER_CORE_PEERLIST_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/endpoint.h"
#include "common/base/mono.h"
#include "common/base/rng.h"
#include "peer/core/bans.h"

enum {
    PEERLIST_MAX = 4000,
    PEERLIST_RETRY_MIN_MS = 5000, /* delay after the first failure; doubles with each further one */
    PEERLIST_RETRY_MAX_MS = 600000,
    PEERLIST_FAILURES_MAX = 8, /* failures after which an address is forgotten, unless the user
                                  named it */
    PEERLIST_HEARSAY_MAX = 1000,
    PEERLIST_HEARSAY_TELLER_MAX = 100,  /* hearsay addresses told by one site */
    PEERLIST_HEARSAY_SITE_MAX = 2,      /* hearsay addresses of one site, if its addresses are
                                           global */
    PEERLIST_HEARSAY_LSD_MAX = 8,       /* hearsay addresses of one host in the local network */
    PEERLIST_HEARSAY_FAILURES = 3,      /* failures after which a hearsay address rests */
    PEERLIST_HEARSAY_REST_MS = 1800000, /* that rest; then the address is dialled once more, and
                                           forgotten if that fails */
};

#define PEERLIST_NONE UINT32_MAX

enum peer_source {
    PEER_FROM_TRACKER = 1,
    PEER_FROM_USER = 2,
    PEER_FROM_INCOMING = 4,
    PEER_FROM_STATE = 8, /* loaded from the state database */
    PEER_FROM_PEX = 16,  /* named by other peers */
    PEER_FROM_DHT = 32,  /* named by nodes of the DHT */
    PEER_FROM_LSD = 64,  /* announced by itself in the local network (BEP 14) */
};

/*  X(NAME, code, text): how the last try to connect to an address ended. After a number, singular
 *  or plural, the text makes a sentence: "2 refused the connection". */
#define PEER_TRY_TABLE(X)                                                                          \
    X(NONE, "not-tried", "were not tried yet")                                                     \
    X(UP, "connected", "connected")                                                                \
    X(LEFT, "left", "connected and closed again")                                                  \
    X(REFUSED, "refused", "refused the connection")                                                \
    X(TIMEOUT, "timeout", "did not answer")                                                        \
    X(UNREACHABLE, "unreachable", "could not be reached")                                          \
    X(CLOSED, "closed-in-handshake",                                                               \
      "closed during the handshake, perhaps it requires encryption (Sprat does not encrypt yet)")  \
    X(SILENT, "silent", "took the connection and did not answer the handshake")                    \
    X(FOREIGN, "no-handshake", "answered with something that is no BitTorrent handshake")          \
    X(HASH, "wrong-info-hash", "answered for another info-hash")                                   \
    X(SELF, "ourselves", "led back to this program")                                               \
    X(TWIN, "twin", "led to a peer that was connected already")                                    \
    X(LIMIT, "limit", "had to wait for a free connection")                                         \
    X(OTHER, "failed", "failed on this machine")

enum peer_try {
#define X(name, code, text) PEER_TRY_##name,
    PEER_TRY_TABLE(X)
#undef X
    PEER_TRY_COUNT
};

const char *peer_try_code(enum peer_try t);
const char *peer_try_text(enum peer_try t);
/* The outcome of a try that closed with |err| before a handshake; |reached|: the transport
 * connection was up. */
enum peer_try peer_try_from(int err, bool reached);

struct peerlist;

/* NULL when memory is out. |bans| is shared and must outlive the list; NULL: the list makes its
 * own. */
struct peerlist *peerlist_new(struct rng *rng, struct bans *bans);
void peerlist_free(struct peerlist *l);

/* Adds an address and returns its number, old or new. PEERLIST_NONE if the address is unusable
 * (port 0 unless incoming, link-local without a zone, multicast, unspecified, broadcast) or banned,
 * or the list is full of better ones. Two additions with port 0 are always two peers. */
uint32_t peerlist_add(struct peerlist *l, const struct endpoint *addr, enum peer_source source);

/* As peerlist_add(), for an address that |teller| named: a peer (|source| is PEX), or the host
 * itself (LSD). Does not change what is known of an old address; for a new one, |is_seed| is
 * believed. PEERLIST_NONE also if |teller| has used up its part. */
uint32_t peerlist_hear(struct peerlist *l, const struct endpoint *addr, bool is_seed,
                       const struct endpoint *teller, enum peer_source source);

/* Sets our own address of one family, with our listen port. From then on, BEP 40 orders addresses
 * that are otherwise equal; before, chance does. */
void peerlist_set_own(struct peerlist *l, const struct endpoint *own);

/* Is the address hearsay? */
bool peerlist_is_hearsay(const struct peerlist *l, uint32_t peer);

/* The sources that named the address: enum peer_source bits; 0 for a number that is not in use. */
unsigned peerlist_sources(const struct peerlist *l, uint32_t peer);

/* peerlist_addr(): the peer's address; NULL for a number that is not in use. The port of an
 * incoming peer is that of its listener once peerlist_set_port() was called, else 0, and the peer
 * can't be dialled. peerlist_set_port() merges what was known of that address into |peer|, whose
 * number stays, unless the old entry is connected too. The list reuses a forgotten number as late
 * as possible. */
const struct endpoint *peerlist_addr(const struct peerlist *l, uint32_t peer);
void peerlist_set_port(struct peerlist *l, uint32_t peer, uint16_t port);

enum peerlist_without { PEERLIST_NO_SEEDS = 1, PEERLIST_NO_HEARSAY = 2 };

/* The best address to dial now: not connected, not banned, due, and not excluded by the bits of
 * |without|. Hearsay comes after all other due addresses. New addresses come before old ones, those
 * that the user named before others, and equals by canonical priority (BEP 40). PEERLIST_NONE if
 * there is none. The same address is returned until peerlist_on_connecting(). */
uint32_t peerlist_next(struct peerlist *l, unsigned without, struct mono now);

/* When peerlist_next() may return an address, if none is added before; MONO_NEVER. */
struct mono peerlist_expiry(const struct peerlist *l, unsigned without);

/* The progress of a connection. A connected peer is never returned by peerlist_next() nor
 * forgotten. |useful|: blocks or requests came over the connection, which resets the failure
 * count. PEER_TRY_LIMIT is no failure: the address waits for a moment. */
void peerlist_on_connecting(struct peerlist *l, uint32_t peer);
/* A connection is up: the address is not hearsay any more. */
void peerlist_on_up(struct peerlist *l, uint32_t peer);
void peerlist_on_failed(struct peerlist *l, uint32_t peer, enum peer_try how, struct mono now);
void peerlist_on_closed(struct peerlist *l, uint32_t peer, bool useful, struct mono now);
/* Our core ended with the connection: what is known of the peer stays. */
void peerlist_on_dropped(struct peerlist *l, uint32_t peer, struct mono now);
/* The address of a peer that is not connected is dialled before its time, if it is known. */
void peerlist_dial_soon(struct peerlist *l, uint32_t peer, struct mono now);
/* Forgets all addresses that none of |sources| (enum peer_source bits) named. The address of a
 * connected peer is forgotten when its connection closes, unless it is added again before that.
 * peerlist_keep_only_one() does so for one peer. */
void peerlist_keep_only(struct peerlist *l, unsigned sources);
void peerlist_keep_only_one(struct peerlist *l, uint32_t peer, unsigned sources);
void peerlist_on_seed(struct peerlist *l, uint32_t peer, bool is_seed);

/* The address is our own: never dial it again. */
void peerlist_on_self(struct peerlist *l, uint32_t peer);

/* Bans the peer's site (an IPv4 host, or 64 bits of IPv6) with all ports: the list takes no more
 * addresses of it, and forgets its connected peers when their connections close. */
void peerlist_ban(struct peerlist *l, uint32_t peer, struct mono now);
/* Counts an offence: the peer broke the protocol. Bans its site and returns true if it did so too
 * often (bans.h). */
bool peerlist_offend(struct peerlist *l, uint32_t peer, struct mono now);
bool peerlist_is_banned(const struct peerlist *l, const struct endpoint *addr);
/* Another torrent that shares the bans added some: forgets unconnected peers of banned sites. */
void peerlist_forget_banned(struct peerlist *l);

/* The number of peers that are connected or can be dialled, now or later. */
uint32_t peerlist_count(const struct peerlist *l);
/* Of those, peers whose last try did not fail. */
uint32_t peerlist_promising(const struct peerlist *l);

/* True if every address that can be dialled now or later, seeds left out, has failed at least
 * twice. Addresses that the user named never count as hopeless. */
bool peerlist_hopeless(const struct peerlist *l);

/* Counts the addresses with a known port by how their last try ended. */
void peerlist_tries(const struct peerlist *l, uint32_t counts[PEER_TRY_COUNT]);
/* The number of addresses that were forgotten after too many failures, and of sites that were
 * banned, ever. */
uint32_t peerlist_given_up(const struct peerlist *l);
uint32_t peerlist_banned(const struct peerlist *l);

struct peer_try_status {
    enum peer_try how; /* NONE while the first try is under way */
    unsigned failures; /* in a row */
    bool connected;    /* connected, or a connection attempt is under way */
    struct mono retry_at; /* MONO_NEVER: the address is not dialled, or the time is not known */
};

/* False for a number that is not in use, or an address without a port. */
bool peerlist_try_status(const struct peerlist *l, uint32_t peer, struct peer_try_status *st);

/* Walks in number order, for saving: start with PEERLIST_NONE. Returns the next number in use,
 * those with port 0 included, or PEERLIST_NONE at the end. */
uint32_t peerlist_walk(const struct peerlist *l, uint32_t peer);

#endif
