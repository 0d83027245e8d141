/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The simulated world: virtual time, a network, a tracker, and nodes that run the real cores. The
 * seed determines a run completely. A broken invariant is stored as the run's failure and ends the
 * run.
 */
#ifndef TESTS_SIM_SIM_H
#define TESTS_SIM_SIM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "common/base/rng.h"
#include "common/ds/list.h"
#include "common/ds/slotmap.h"
#include "peer/core/block.h"
#include "tests/sim/content.h"
#include "tests/sim/engine.h"
#include "tests/sim/node.h"
#include "tests/sim/swarmdht.h"
#include "tests/sim/trace.h"
#include "tests/sim/tracker.h"

enum {
    SIM_NODES_MAX = 20000,
    SIM_LINKS_MAX = 1 << 22,
    SIM_FAILURE_LEN = 400,
};

struct sim_net {
    int64_t jitter_us; /* added at random to each segment's delay, up to this */
    uint32_t loss;     /* packets in a million that are lost and sent again */
    uint32_t window;   /* bytes that a connection has in flight at most */
    int64_t dial_timeout_us;
    bool codec; /* messages but blocks pass the real codec on their way */
};

struct sim_tracking {
    bool none;          /* the torrent has no tracker */
    int64_t latency_us; /* one way */
    int64_t timeout_us; /* time until an unanswered announce fails */
    int64_t interval_us;
};

/* Payload bytes of all nodes: |left| is always |came| + |lost| + |flying|. */
struct sim_ledger {
    uint64_t left, came, lost, flying;
};

struct sim {
    struct engine engine;
    struct trace trace;
    struct rng rng;
    const struct content *content;
    struct sim_net net;
    struct sim_tracking tracking;
    struct sim_ledger ledger;
    struct sim_tracker *tracker;
    bool tracker_down;
    struct swarmdht *dht;  /* NULL: peers have no DHT */
    struct mono healed_at; /* when the last partition ended */
    uint64_t inputs;       /* to all cores */
    struct block_pool *pool;
    struct node **nodes;
    unsigned count;
    struct slotmap links;
    struct list packets, segments; /* spare ones, the last used first: they are warm */
    bool feeding;                  /* an input is being handled: no other input may be given */
    char failure[SIM_FAILURE_LEN]; /* "": none */
};

void sim_init(struct sim *s, const struct content *c, const struct sim_net *net,
              const struct sim_tracking *tracking, uint64_t seed, FILE *trace);

/* Gives a DHT to the |nodes| nodes that will be added. */
void sim_add_dht(struct sim *s, const struct swarmdht_spec *spec, uint32_t nodes);

/* Frees everything, at any time. */
void sim_fini(struct sim *s);

/* Adds a node, which has not joined yet (node_join()). NULL beyond SIM_NODES_MAX. */
struct node *sim_add(struct sim *s, const struct node_spec *spec);

/* Keeps the first failure. */
void sim_fail(struct sim *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static inline bool
sim_failed(const struct sim *s)
{
    return s->failure[0] != '\0';
}

#endif
