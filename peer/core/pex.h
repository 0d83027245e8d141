/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Peer exchange (BEP 11): what one peer is told of the others, as differences from what it was told
 * before, and what it may tell us. Knows no peer list and no swarm: contacts go in and come out.
 *
 *  key               value, a string each
 *  added, added6     compact endpoints (codec/compact.h) of those that we are connected to now
 *  added.f, added6.f a byte of flags for each
 *  dropped, dropped6 compact endpoints of those that we are not connected to any more
 */
#ifndef PEER_CORE_PEX_H
#define PEER_CORE_PEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/endpoint.h"
#include "common/base/mono.h"
#include "common/base/rng.h"
#include "common/ds/buf.h"

enum {
    PEX_ADDED_MAX = 50,     /* contacts added in a message of ours, and as many dropped */
    PEX_TOLD_MAX = 1000,    /* contacts that one peer knows of us */
    PEX_FIRST_MS = 2000,    /* the first message comes so long after the handshake, … */
    PEX_PERIOD_MS = 60000,  /* … and then no more than one in that time */
    PEX_READ_MAX = 200,     /* contacts added, and dropped, in a message that we take (BEP 11 leaves
                               the first one open; libtorrent sends 100 in any) */
    PEX_SIZE_MAX = 16384,   /* bytes of a message that we read */
    PEX_EARLY_MS = 45000,   /* others' clocks: one message in that time in the long run, … */
    PEX_BURST = 3,          /* … and so many at once */
    PEX_STRIKES_MAX = 8,    /* messages too many or too long, before the sender is closed */
    PEX_PORT_MIN = 1024,    /* below live services that a swarm could be pointed at */
};

enum pex_flag {
    PEX_ENCRYPTION = 0x01, /* prefers encryption */
    PEX_SEED = 0x02,       /* a seed, or wants nothing more (BEP 21) */
    PEX_UTP = 0x04,
    PEX_HOLEPUNCH = 0x08,
    PEX_REACHABLE = 0x10, /* the sender made the connection */
};

struct pex_contact {
    struct endpoint addr;
    uint8_t flags;
};

/* What one peer was told. Embedded; private but for |next|. */
struct pex_out {
    struct pex_contact *told; /* sorted by address */
    uint32_t count;
    struct mono next; /* when to tell more */
};

void pex_out_init(struct pex_out *o);
void pex_out_fini(struct pex_out *o);

/* Sorts contacts by address and leaves one of each; returns how many there are. */
uint32_t pex_sort(struct pex_contact *c, uint32_t n);

/* Writes the message that tells this peer of |live|, the sorted contacts that it should know now.
 * Which are told first if they are too many is up to |rng|. 1: |out| has it, and next time begins
 * there; 0: there is nothing to tell; or SPRAT_E_NOMEM, SPRAT_E_TOOBIG from |out|, and nothing
 * changed. */
int pex_write(struct pex_out *o, const struct pex_contact *live, uint32_t n, struct rng *rng,
              struct buf *out);

struct pex_message {
    struct pex_contact added[PEX_READ_MAX];
    uint32_t added_count;
    uint32_t dropped_count;
};

/* Reads a message. SPRAT_E_PROTOCOL: it is not a dictionary, or too big; SPRAT_E_LIMIT: it names
 * more contacts than it may; SPRAT_E_NOMEM. Addresses are as they were sent, whatever they are, but
 * for such that nobody can have (compact_get_list). */
int pex_read(struct pex_message *m, const uint8_t *data, size_t len);

/* How much somebody talks. Embedded; all zero at first. */
struct pex_in {
    struct mono spent; /* when what it has sent would have been due */
    unsigned strikes;
};

/* A message came: may it be heard? */
bool pex_in_allow(struct pex_in *in, struct mono now);
/* One that is not heard: false once there were too many. */
bool pex_in_strike(struct pex_in *in);

/* Is the word of |teller| for |addr| to be taken, or |addr| to be told to it? Not where it names a
 * service's port, or somebody in a network that the one at the other end does not share with us. */
bool pex_plausible(const struct endpoint *addr, const struct endpoint *teller);

#endif
