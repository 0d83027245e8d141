/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Local service discovery (BEP 14): when which torrents are announced to the local networks, and
 * which peers the announces of others name. No I/O: datagrams and the torrents of the process go
 * in, datagrams and peers come out.
 *
 * A *link* is one family of one network interface, and has a schedule of its own: a new torrent is
 * announced on each link at once, and every five minutes after that; on a new link all torrents
 * are. Each announce names as many torrents as fit, and a link sends at most one per minute in the
 * long run, so with very many torrents the round takes longer.
 *
 * An announce names only its sender. Anybody in the local network can forge it, so its sender must
 * have an address of the link's networks, its datagrams and peers have limits (lsd_limits.h), and
 * the peer is hearsay (peerlist.h).
 */
#ifndef PEER_CORE_LSD_H
#define PEER_CORE_LSD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/endpoint.h"
#include "common/base/mono.h"
#include "peer/core/lsd_msg.h"

enum {
    LSD_LINKS_MAX = 64,
    LSD_NETWORKS_MAX = 8,   /* networks of a link; senders of further ones are ignored */
    LSD_REPEAT_MS = 300000, /* time between two announces of a torrent on a link (BEP 14) */
    LSD_AGAIN_MS = 60000,   /* the same for a torrent that was withdrawn and comes again */
    LSD_GATHER_MS = 100,    /* a new torrent waits so long for others, to share an announce */
    LSD_LINK_MS = 60000,    /* a link sends one announce per this time in the long run … */
    LSD_LINK_BURST = 5,     /* … and so many at once */
};

/*  X(NAME, key, text) */
#define LSD_COUNTER_TABLE(X)                                                                       \
    X(SENT, "sent", "announces sent")                                                              \
    X(UNSENT, "unsent", "announces that the network refused")                                      \
    X(RECEIVED, "received", "announces received")                                                  \
    X(OWN, "own", "announces of this process that came back")                                      \
    X(FOREIGN, "foreign", "announces whose sender is in no network of the interface")              \
    X(LIMITED, "limited", "announces and peers beyond the limits")                                 \
    X(MALFORMED, "malformed", "announces that can't be read")                                      \
    X(BAD_PORT, "bad_port", "announces with a port that no peer has")                              \
    X(UNKNOWN, "unknown", "info-hashes received of torrents that are not here")                    \
    X(PEERS, "peers", "peers received for torrents that are here")

enum lsd_counter {
#define X(name, key, text) LSD_COUNT_##name,
    LSD_COUNTER_TABLE(X)
#undef X
        LSD_COUNTERS
};

struct lsd_network {
    struct endpoint addr; /* an address of this machine in the network */
    uint8_t bits;         /* length of the network's prefix, 1 to 128 */
};

struct lsd_link {
    enum ip_family family;
    uint16_t port; /* at which we listen there */
    unsigned network_count;
    struct lsd_network networks[LSD_NETWORKS_MAX];
};

/* An announce to be sent to the group of the link's family. */
struct lsd_packet {
    unsigned link;
    enum ip_family family;
    size_t len;
    uint8_t data[LSD_SENT_MAX];
};

struct lsd_stats {
    unsigned links;
    size_t torrents; /* info-hashes that are announced or listened for */
    uint64_t counters[LSD_COUNTERS];
};

struct lsd;

/* |key| is secret; |cookie|, a random number, marks our announces. NULL when memory is out. */
struct lsd *lsd_new(const uint64_t key[2], uint64_t cookie);
/* NULL is legal. */
void lsd_free(struct lsd *l);

/* The link with this number (below LSD_LINKS_MAX) exists, or its port or networks are others now.
 * lsd_link_down(): it is gone; no effect if there is none. */
void lsd_link_up(struct lsd *l, unsigned number, const struct lsd_link *link, struct mono now);
void lsd_link_down(struct lsd *l, unsigned number, struct mono now);

/* The torrent |number| has this hash, and is announced; |repeat|: every LSD_REPEAT_MS. A later call
 * changes |repeat|, or gives the hash to another torrent. SPRAT_E_NOMEM: nothing changed. */
int lsd_announce(struct lsd *l, const uint8_t hash[LSD_HASH_LEN], uint64_t number, bool repeat,
                 struct mono now);
/* The torrent is neither announced nor listened for any more. No effect if the hash has been given
 * to another torrent. */
void lsd_withdraw(struct lsd *l, const uint8_t hash[LSD_HASH_LEN], uint64_t number,
                  struct mono now);

/* Returns true, and the next announce that is due. */
bool lsd_next(struct lsd *l, struct lsd_packet *out, struct mono now);
/* The announce that lsd_next() returned last did not leave; it is not sent again. */
void lsd_on_unsent(struct lsd *l);
/* When lsd_next() may have an announce; MONO_NEVER. */
struct mono lsd_expiry(const struct lsd *l);

/* A datagram came from |from| over the link. Writes the numbers of the torrents that its sender
 * has, and returns their count; |*peer| is the sender's address with the port of its listener. */
unsigned lsd_receive(struct lsd *l, unsigned link, const struct endpoint *from, const uint8_t *data,
                     size_t len, struct mono now, uint64_t numbers[LSD_HASHES_READ],
                     struct endpoint *peer);

void lsd_get_stats(const struct lsd *l, struct lsd_stats *out);

#endif
