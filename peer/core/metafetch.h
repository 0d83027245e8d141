/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The core of a torrent that has only a link: it finds peers, fetches the info dictionary from them
 * (ut_metadata, BEP 9), and checks it against the info-hashes of the link. It has the inputs, the
 * effects and the contract of swarm.h, and uses those that need no pieces:
 *
 *   inputs: START, PAUSE, STOP, TICK, ADDRS, ACCEPTED, CONNECTED, CLOSED, MESSAGE, SENT,
 *     ANNOUNCED, LIMITS, TRACKER, BANNED, MAKE_ROOM, ANNOUNCING
 *   effects: CONNECT, ACCEPT, REFUSE, CLOSE, SEND, ANNOUNCE, and NOTICE with STOPPED, BANNED,
 *     UNREACHED or METADATA
 *
 * It does not exchange pieces: what peers say about pieces is ignored, and counts against what they
 * may say. Peers that do not offer the metadata stay connected, because the torrent's next core, a
 * swarm, will need them: it takes over the crowd and the announcer.
 *
 * Missing blocks are requested from all peers that offer the metadata, many at a time. The size
 * is a claim of those peers, so peers that claim different sizes contribute to different copies
 * (metacopy.h). Only the hash of a whole copy tells whether its blocks are right. If one peer sent
 * all blocks of a wrong copy, its site is banned. If several did, every further copy comes from one
 * peer alone, so that the next wrong copy names its sender.
 */
#ifndef PEER_CORE_METAFETCH_H
#define PEER_CORE_METAFETCH_H

#include "peer/core/metamsg.h"
#include "peer/core/swarm.h"

enum {
    METAFETCH_FLIGHT_MAX = 10,    /* requests that are out at one peer: libtorrent answers as many
                                     at once, and further ones a second later */
    METAFETCH_COPIES_MAX = 8,    /* copies that are being fetched at a time */
    METAFETCH_ALONE_MAX = 4,     /* the same, when each copy comes from one peer */
    METAFETCH_BYTES_MAX = METAMSG_INFO_MAX, /* bytes of all copies, with the blocks that are
                                               requested */
    METAFETCH_LATE_MS = 1000,   /* a block that has not come for this long is requested from another
                                   peer too */
    METAFETCH_STALL_MS = 10000, /* requests at a peer that sends no block for this long are
                                   withdrawn */
    METAFETCH_TURN_MS = 10000,  /* a copy that is older than this makes room, if it grew least */
    METAFETCH_REJECT_MS = 1000, /* pause of requests to a peer after a reject or a stall; doubles
                                   with each further one in a row */
    METAFETCH_REJECT_MAX_MS = 64000,
    METAFETCH_LEFT = 16384, /* bytes that our announces say are left: trackers name no seeds
                               to a peer with nothing left */
};

struct metafetch_config {
    struct identity id; /* of the link */
    uint8_t peer_id[PEER_ID_LEN];
    const char *client; /* as in swarm_config, with the following ones */
    uint16_t listen_port;
    uint32_t peers_max;
    bool no_pex;
    uint16_t dht_port;  /* not used with |trackers_only| */
    bool trackers_only; /* The torrent may be private: no addresses but those of trackers are used,
                           and no PEX (BEP 27). */
    bool takes_turns;   /* dials only in its turns: metafetch_set_turn() */
    struct rate_bucket *up, *down; /* never NULL */
    uint64_t up_limit, down_limit;
    struct crowd *crowd;
    struct bans *bans;
    struct announcer *announcer; /* never NULL; taken if metafetch_new() succeeds */
};

struct metafetch_stats {
    uint32_t offering; /* connected peers that offer the metadata */
    uint32_t blocks;   /* of the copy that has the most blocks; 0: no size is known */
    uint32_t have;     /* blocks of it that came */
};

struct metafetch;

/* NULL when memory is out. */
struct metafetch *metafetch_new(const struct metafetch_config *cfg, uint64_t seed, struct mono now);
/* Sends nothing to peers or trackers. NULL is legal. */
void metafetch_free(struct metafetch *m);
/* As metafetch_free(), but returns what the torrent's next core takes over. The addresses of
 * connected peers can be dialled again at once. */
void metafetch_free_but(struct metafetch *m, struct swarm_kept *kept);

/* As swarm_handle(), swarm_next() and swarm_expiry(). */
int metafetch_handle(struct metafetch *m, const struct swarm_input *in, struct mono now);
int metafetch_next(struct metafetch *m, struct swarm_effect *fx);
struct mono metafetch_expiry(const struct metafetch *m);

/* For a core that takes turns with others, because all together would dial too many addresses.
 * metafetch_wants_turn(): it has addresses to dial, or connections that it dialled.
 * metafetch_set_turn(): its turn begins or ends; at the end such connections are doomed. Takes
 * effect with the next input. */
bool metafetch_wants_turn(const struct metafetch *m, struct mono now);
void metafetch_set_turn(struct metafetch *m, bool turn);
/* Bytes of metadata that have come, right or wrong. */
uint64_t metafetch_bytes(const struct metafetch *m);

/* After the notice METADATA with err 0: the metainfo, once; the caller frees it. */
struct metainfo *metafetch_take(struct metafetch *m);
/* After the notice METADATA with an error: why the info dictionary, whose hash is right, is no
 * valid torrent. The core has paused itself. */
const char *metafetch_error(const struct metafetch *m);

/* Fills in what |st| and |ms| can say of a core without pieces. */
void metafetch_get_stats(const struct metafetch *m, struct swarm_stats *st,
                         struct metafetch_stats *ms, struct mono now);
/* As swarm_peers_up(). */
uint32_t metafetch_peers_up(const struct metafetch *m);
/* As swarm_next_peer_stats(). */
bool metafetch_next_peer_stats(const struct metafetch *m, uint32_t *iter,
                               struct swarm_peer_stats *st);
const struct peerlist *metafetch_peerlist(const struct metafetch *m);
const struct announcer *metafetch_announcer(const struct metafetch *m);

#endif
