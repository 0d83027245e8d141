/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Everyone we ever heard of in a torrent: addresses from trackers, the command line, incoming
 * connections, other peers; whom to connect to next, when to try again, and who is banned. Bounded:
 * the least useful are forgotten first. Each has a small stable number for as long as it is
 * remembered.
 *
 * What only another peer says (peer exchange) is hearsay, until somebody else says it too or a
 * connection was made. Of hearsay little is kept in all, per teller and per host that it is about,
 * and it is not tried often: so that no peer fills the list, or points the swarm at a victim.
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
    PEERLIST_RETRY_MIN_MS = 5000, /* after the first failure; doubles with each */
    PEERLIST_RETRY_MAX_MS = 600000,
    PEERLIST_FAILURES_MAX = 8, /* then it is forgotten, unless given by hand */
    PEERLIST_HEARSAY_MAX = 1000,
    PEERLIST_HEARSAY_TELLER_MAX = 100, /* from one site */
    PEERLIST_HEARSAY_SITE_MAX = 2,     /* about one site, if it is anywhere in the world */
    PEERLIST_HEARSAY_FAILURES = 3, /* then it rests for … */
    PEERLIST_HEARSAY_REST_MS = 1800000, /* … so long, is tried once more, and forgotten */
};

#define PEERLIST_NONE UINT32_MAX

enum peer_source {
    PEER_FROM_TRACKER = 1,
    PEER_FROM_USER = 2,
    PEER_FROM_INCOMING = 4,
    PEER_FROM_STATE = 8, /* remembered by the state database */
    PEER_FROM_PEX = 16,  /* other peers told */
};

/*  X(NAME, code, text): how the last try to connect to an address ended. Behind a number, the text
 *  makes a sentence, of one or of many: "2 refused the connection". */
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
/* How a try ended that is closed with |err| before a handshake; |reached|: the connection stood. */
enum peer_try peer_try_from(int err, bool reached);

struct peerlist;

/* NULL when memory is out. |bans| is shared with others and outlives it; NULL: it has its own. */
struct peerlist *peerlist_new(struct rng *rng, struct bans *bans);
void peerlist_free(struct peerlist *l);

/* Hears of an address; returns its number, old or new. PEERLIST_NONE if it is unusable (port 0
 * unless incoming, link-local without a zone, multicast, unspecified, broadcast), banned, or the
 * list is full of better ones. Two with port 0 are always two peers. */
uint32_t peerlist_add(struct peerlist *l, const struct endpoint *addr, enum peer_source source);

/* As peerlist_add, of an address that |teller|, a peer, told. What is known of it stays; of a new
 * one |is_seed| is believed. PEERLIST_NONE also if |teller| told enough. */
uint32_t peerlist_hear(struct peerlist *l, const struct endpoint *addr, bool is_seed,
                       const struct endpoint *teller);

/* Who we are to the others, of one family, with the port that we listen on: from then on the order
 * of equals is that of BEP 40, by chance before. */
void peerlist_set_own(struct peerlist *l, const struct endpoint *own);

/* Is it known from other peers' words only? */
bool peerlist_is_hearsay(const struct peerlist *l, uint32_t peer);

/* Where it is known from: enum peer_source bits, 0 for a number that is not in use. */
unsigned peerlist_sources(const struct peerlist *l, uint32_t peer);

/* Its address; NULL for a number that is not in use. An incoming one's port is that of its listener
 * once known (peerlist_set_port), else 0 and it can't be dialled. What was known of that address
 * before is merged into |peer|, whose number stays, unless it is connected too. A number that was
 * forgotten is given out again as late as possible. */
const struct endpoint *peerlist_addr(const struct peerlist *l, uint32_t peer);
void peerlist_set_port(struct peerlist *l, uint32_t peer, uint16_t port);

enum peerlist_without { PEERLIST_NO_SEEDS = 1, PEERLIST_NO_HEARSAY = 2 };

/* The best one to dial now: not connected, not banned, its retry time reached, and not left out by
 * the bits of |without|. Hearsay comes behind everything else that is due. New ones come before old
 * ones, given by hand before others, and equals by their canonical priority (BEP 40). PEERLIST_NONE
 * if there is none. It is chosen again until peerlist_on_connecting(). */
uint32_t peerlist_next(struct peerlist *l, unsigned without, struct mono now);

/* When peerlist_next() may have one, if nothing is added before; MONO_NEVER. */
struct mono peerlist_expiry(const struct peerlist *l, unsigned without);

/* What became of it. A connected one is never chosen nor forgotten. |useful|: data or requests came
 * of it, so a failure count starts over. */
void peerlist_on_connecting(struct peerlist *l, uint32_t peer);
/* A connection stands: it is no hearsay. */
void peerlist_on_up(struct peerlist *l, uint32_t peer);
void peerlist_on_failed(struct peerlist *l, uint32_t peer, enum peer_try how, struct mono now);
void peerlist_on_closed(struct peerlist *l, uint32_t peer, bool useful, struct mono now);
void peerlist_on_seed(struct peerlist *l, uint32_t peer, bool is_seed);

/* That address is ourselves: never dial it again. */
void peerlist_on_self(struct peerlist *l, uint32_t peer);

/* Bans its site (an IPv4 host, or 64 bits of IPv6), all ports: no more is heard of it, and those of
 * it that are connected are forgotten when they are closed. */
void peerlist_ban(struct peerlist *l, uint32_t peer, struct mono now);
/* It broke the protocol: its site is banned likewise, and true is returned,
 * once that happened too often (bans.h). */
bool peerlist_offend(struct peerlist *l, uint32_t peer, struct mono now);
bool peerlist_is_banned(const struct peerlist *l, const struct endpoint *addr);
/* Others that share the bans added some: forgets who is of those sites and not connected. */
void peerlist_forget_banned(struct peerlist *l);

/* How many are connected or can be dialled, now or later. */
uint32_t peerlist_count(const struct peerlist *l);
/* Of them, those whose last try did not fail. */
uint32_t peerlist_promising(const struct peerlist *l);

/* Whether all that could be dialled now or later, seeds left out, failed twice and more. Those
 * given by hand are never given up. */
bool peerlist_hopeless(const struct peerlist *l);

/* How the last tries of all addresses ended that are known with a port. */
void peerlist_tries(const struct peerlist *l, uint32_t counts[PEER_TRY_COUNT]);
/* Addresses that were forgotten after too many failures, and sites that were banned, ever. */
uint32_t peerlist_given_up(const struct peerlist *l);
uint32_t peerlist_banned(const struct peerlist *l);

struct peer_try_status {
    enum peer_try how; /* NONE while the first try is under way */
    unsigned failures; /* in a row */
    bool connected;    /* or being connected to */
    struct mono retry_at; /* MONO_NEVER: not dialled, or not known */
};

/* False for a number that is not in use, or an address without a port. */
bool peerlist_try_status(const struct peerlist *l, uint32_t peer, struct peer_try_status *st);

/* Walk in number order for saving: start with PEERLIST_NONE; gives the next in use, those with port
 * 0 included, or PEERLIST_NONE. */
uint32_t peerlist_walk(const struct peerlist *l, uint32_t peer);

#endif
