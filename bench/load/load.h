/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A load on a tracker, as numbers: the tracker, the peers that ask it, the number of requests at a
 * time, and the results.
 * The peers are made from a seed: peer i is always in the same torrent, at the same address and
 * port, so that two runs ask the same and a filled tracker knows who asks again.
 */
#ifndef BENCH_LOAD_LOAD_H
#define BENCH_LOAD_LOAD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "bench/load/latency.h"
#include "common/base/endpoint.h"
#include "common/base/err.h"
#include "common/base/rng.h"
#include "common/codec/tracker.h"

enum {
    LOAD_SOURCES_MAX = 256,
    LOAD_WINDOW_MAX = 65536,
    LOAD_LOST_MS = 2000, /* a UDP packet without an answer after this time counts as lost */
    LOAD_PATH_MAX = 256,
    LOAD_PASSKEY_LEN = 32,
};

struct load_config {
    struct endpoint target;
    bool http;         /* else UDP */
    bool keep_alive;   /* HTTP */
    uint32_t pipeline; /* HTTP with keep-alive: requests at once on a connection */
    uint64_t torrents, peers;
    uint64_t count;  /* announces to send; 0: no bound */
    double seconds;  /* duration; 0: no bound */
    uint32_t window; /* announces in flight (HTTP: connections) */
    uint32_t
        sources; /* addresses that they come from: 127.1.0.1 and up, for a target on loopback */
    int32_t numwant;
    uint32_t stop_percent; /* share of announces with "stopped" */
    bool fill; /* each peer sends "started" once, in order, instead of random announces */
    uint64_t seed;
    uint64_t first;   /* number of the first peer, so that several loads have different peers */
    const char *path; /* HTTP: "/announce"; UDP: URL data (BEP 41), "" for none */
    /* A private tracker's users, who share the peers: LOAD_PASSKEY_LEN digits each;
     * NULL for none. */
    const char *passkeys;
    uint64_t npasskeys;
};

struct load_result {
    uint64_t sent, answered, failed, lost; /* failed: answered by an error */
    uint64_t bytes_in, peers_in;
    double seconds;
    struct latency latency;
};

void load_info_hash(const struct load_config *c, uint64_t torrent, uint8_t hash[TRACKER_HASH_LEN]);

/* Fills in the announce of peer |i|, without its event. Its torrent is random, so swarms differ in
 * size. */
void load_announce(const struct load_config *c, uint64_t i, struct tracker_announce *a);

/* Returns the path of the announce |a|, with the passkey of its user in front; in |out| or static.
 */
const char *load_path(const struct load_config *c, const struct tracker_announce *a,
                      char out[LOAD_PATH_MAX + LOAD_PASSKEY_LEN + 2]);

/* The order of announces: decides which peer announces next, and with which event. */
struct load_order {
    const struct load_config *config;
    struct rng rng;
    uint64_t sent;
    uint64_t filled[LOAD_SOURCES_MAX]; /* peers of each source that a filling run has sent */
    int64_t begin_us, end_us;
};
void load_order_init(struct load_order *o, const struct load_config *c);
/* False when the count or the time is used up, or a filling run has sent all peers of |source|. */
bool load_next(struct load_order *o, int64_t now_us, uint32_t source, struct tracker_announce *a);
bool load_over(const struct load_order *o, int64_t now_us);

/* A socket to the target, not blocking, bound to source |source| where the target is on loopback.
 */
int load_socket(const struct load_config *c, int type, uint32_t source, struct errbuf *eb);

int64_t load_now_us(void);

int load_udp(const struct load_config *c, struct load_result *r, struct errbuf *eb);
int load_http(const struct load_config *c, struct load_result *r, struct errbuf *eb);

/* Answers each packet with |reply_len| bytes, in batches, until a signal ends it: what the sockets
 * alone cost. Prints its address. */
int load_echo(const struct endpoint *at, uint32_t reply_len, struct errbuf *eb);

#endif
