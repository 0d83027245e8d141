/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Whom a torrent wants nothing to do with any more, by site (endpoint.h): an IPv4 address, or 64
 * bits of a global IPv6 one. A site is banned at once for what can't be a mistake, and for breaking
 * the protocol once it did so several times: a client with a bug, or an address that many share, is
 * given another chance. Bounded: the oldest ban, and the oldest offender, are forgotten first.
 */
#ifndef PEER_CORE_BANS_H
#define PEER_CORE_BANS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/endpoint.h"
#include "common/base/mono.h"
#include "common/ds/hashmap.h"

enum {
    BANS_MAX = 4096,     /* banned sites, and as many that offended */
    BANS_OFFENCES = 4,   /* so many offences ban a site */
    BANS_MS = 86400000,  /* a ban lasts for a day: addresses change hands */
    BANS_OFFENCE_MS = 3600000, /* an offence is forgotten when none followed for so long */
    BANS_SITE_LEN = 17,  /* of a site as a key: address and family */
};

/* A site that did something, in a ring of those that did likewise. */
struct ban {
    struct hashmap_node node;
    uint8_t site[BANS_SITE_LEN];
    uint8_t offences;
    bool used;         /* it is in the index */
    struct mono until; /* then it is forgotten */
};

/* Embedded; private. */
struct ban_ring {
    struct ban *all; /* BANS_MAX; NULL before the first */
    uint32_t turn;   /* the next place: the oldest once all are taken */
    struct hashmap map;
};

/* Embedded; private. */
struct bans {
    struct ban_ring banned, offenders;
};

void bans_init(struct bans *b, const uint64_t seed[2]);
void bans_fini(struct bans *b);

/* Whether the site of |addr| is banned. A ban that is over counts until bans_expire(). */
bool bans_has(const struct bans *b, const struct endpoint *addr);

/* Bans a site, or bans it for longer. Nothing happens when memory is out. */
void bans_add(struct bans *b, const struct endpoint *addr, struct mono until);

/* The site of |addr| broke the protocol. True if it is banned now for that, and was not before. */
bool bans_offend(struct bans *b, const struct endpoint *addr, struct mono now);

/* Forgets bans and offences whose time is over. To be called from time to time. */
void bans_expire(struct bans *b, struct mono now);

#endif
