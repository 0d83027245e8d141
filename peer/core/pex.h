/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Peer exchange (BEP 11): the messages that tell a peer which other peers we are connected to, as
 * differences from the previous message, and the rules for messages that a peer sends us. This
 * module knows no peer list and no swarm: contacts go in and come out.
 *
 *  key               value, a string each
 *  added, added6     compact endpoints (codec/compact.h) of newly connected peers
 *  added.f, added6.f a byte of flags for each
 *  dropped, dropped6 compact endpoints of peers that are not connected any more
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
    PEX_ADDED_MAX = 50,    /* contacts added in one of our messages, and as many dropped */
    PEX_TOLD_MAX = 1000,   /* contacts that one peer knows from us */
    PEX_FIRST_MS = 2000,   /* delay of the first message after the handshake */
    PEX_PERIOD_MS = 60000, /* shortest time between two further messages */
    PEX_READ_MAX = 200,    /* contacts added, and dropped, in a message that we accept (BEP 11
                              does not limit the first message; libtorrent sends 100 in any
                              message) */
    PEX_SIZE_MAX = 16384,  /* longest message that we read, bytes */
    PEX_EARLY_MS = 45000,  /* a peer may send one message per this time on average; less than
                              PEX_PERIOD_MS, since its clock may differ from ours */
    PEX_BURST = 3,         /* messages that a peer may send at once */
    PEX_STRIKES_MAX = 8,   /* messages too many or too long before their sender is closed */
    PEX_PORT_MIN = 1024,   /* lower ports belong to services that a swarm could be made to
                              attack */
};

enum pex_flag {
    PEX_ENCRYPTION = 0x01, /* the contact prefers encryption */
    PEX_SEED = 0x02,       /* the contact is a seed, or upload-only (BEP 21) */
    PEX_UTP = 0x04,
    PEX_HOLEPUNCH = 0x08,
    PEX_REACHABLE = 0x10, /* the contact is reachable: the sender of the message made the
                             connection */
};

struct pex_contact {
    struct endpoint addr;
    uint8_t flags;
};

/* The contacts that one peer knows from us. Embedded; private except for |next|. */
struct pex_out {
    struct pex_contact *told; /* sorted by address */
    uint32_t count;
    struct mono next; /* when the next message is due */
};

void pex_out_init(struct pex_out *o);
void pex_out_fini(struct pex_out *o);

/* Sorts contacts by address, removes duplicates, and returns their number. */
uint32_t pex_sort(struct pex_contact *c, uint32_t n);

/* Writes the message that brings this peer up to date with |live|, the sorted contacts that are
 * connected now. If they are too many for one message, |rng| chooses the first ones. 1: |out| holds
 * the message, and the next call continues from there; 0: there is nothing to send; SPRAT_E_NOMEM,
 * SPRAT_E_TOOBIG from |out|: nothing changed. */
int pex_write(struct pex_out *o, const struct pex_contact *live, uint32_t n, struct rng *rng,
              struct buf *out);

struct pex_message {
    struct pex_contact added[PEX_READ_MAX];
    uint32_t added_count;
    uint32_t dropped_count;
};

/* Parses a message. SPRAT_E_PROTOCOL: not a dictionary, or too long; SPRAT_E_LIMIT: too many
 * contacts; SPRAT_E_NOMEM. Addresses are not checked, but those that no peer can have are left out
 * (compact_get_list). */
int pex_read(struct pex_message *m, const uint8_t *data, size_t len);

/* The rate of a peer's messages. Embedded; all zero at first. */
struct pex_in {
    struct mono spent; /* when the messages so far would have been due at one per PEX_EARLY_MS */
    unsigned strikes;
};

/* A message came: false if it is one too many, and must be ignored. */
bool pex_in_allow(struct pex_in *in, struct mono now);
/* Counts an ignored message: false once there were PEX_STRIKES_MAX. */
bool pex_in_strike(struct pex_in *in);

/* True if |teller| may name |addr| to us, and we may name |addr| to |teller|. False if the port
 * belongs to a service, or |addr| is in a network that the other end does not share with us. */
bool pex_plausible(const struct endpoint *addr, const struct endpoint *teller);

#endif
