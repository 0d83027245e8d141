/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The banned sites (endpoint.h): IPv4 addresses, and 64-bit networks of global IPv6 addresses, from
 * which a torrent takes no connection. A site is banned at once for what cannot be a mistake, and
 * for protocol errors only after several of them, since a client may have a bug and an address may
 * have many users. Both lists are bounded: the oldest ban and the oldest offender are forgotten
 * first.
 */
#ifndef PEER_CORE_BANS_H
#define PEER_CORE_BANS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/endpoint.h"
#include "common/base/mono.h"
#include "common/ds/hashmap.h"

enum {
    BANS_MAX = 4096,           /* banned sites, and as many offenders */
    BANS_OFFENCES = 4,         /* offences that ban a site */
    BANS_MS = 86400000,        /* duration of a ban, one day: addresses change their users */
    BANS_OFFENCE_MS = 3600000, /* offences are forgotten after this time without another */
    BANS_SITE_LEN = 17,        /* bytes of a site as a key: address and family */
};

/* A banned site, or an offender, in a ring. */
struct ban {
    struct hashmap_node node;
    uint8_t site[BANS_SITE_LEN];
    uint8_t offences;
    bool used;         /* the entry is in the index */
    struct mono until; /* when the entry is forgotten */
};

/* Embedded; private. */
struct ban_ring {
    struct ban *all; /* BANS_MAX entries; NULL before the first ban */
    uint32_t turn;   /* index of the next entry to write: the oldest once all are used */
    struct hashmap map;
};

/* Embedded; private. */
struct bans {
    struct ban_ring banned, offenders;
};

void bans_init(struct bans *b, const uint64_t seed[2]);
void bans_fini(struct bans *b);

/* Whether the site of |addr| is banned. A ban that has expired counts until bans_expire(). */
bool bans_has(const struct bans *b, const struct endpoint *addr);

/* Bans a site, or prolongs its ban. Does nothing when memory is out. */
void bans_add(struct bans *b, const struct endpoint *addr, struct mono until);

/* Counts a protocol error of the site of |addr|. True if this error bans the site. */
bool bans_offend(struct bans *b, const struct endpoint *addr, struct mono now);

/* Forgets bans and offences that have expired. To be called from time to time. */
void bans_expire(struct bans *b, struct mono now);

#endif
