/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A machine with one peer: the real swarm core, a disk and a line. The node joins, leaves, crashes
 * and returns, and it carries out its core's effects.
 */
#ifndef TESTS_SIM_NODE_H
#define TESTS_SIM_NODE_H

#include "common/ds/list.h"
#include "peer/core/swarm.h"
#include "tests/sim/engine.h"
#include "tests/sim/lan.h"
#include "tests/sim/vdisk.h"

struct sim;
struct link;
struct nodedht;

enum node_state {
    NODE_AWAY, /* not joined, or gone for good */
    NODE_UP,
    NODE_LEAVING, /* saying goodbye */
    NODE_DOWN,    /* its process died: connections are refused */
    NODE_DARK,    /* the machine is off: nothing answers */
};

/*  X(NAME, word, text): what a hostile peer does */
#define MISCHIEF_TABLE(X)                                                                          \
    X(CORRUPT, "corrupt", "every block it sends is wrong")                                         \
    X(SPOIL, "spoil", "the second block of the third piece that it sends is wrong")                \
    X(LIE, "lie", "says that it has everything")                                                   \
    X(MUTE, "mute", "never answers a request")                                                     \
    X(DEAF, "deaf", "reads nothing more once a block comes")                                       \
    X(FLOOD, "flood", "sends senseless messages without end")                                      \
    X(FORGE, "forge", "answers hash requests with made-up hashes")                                 \
    X(FLAP, "flap", "breaks every connection after a moment")                                      \
    X(SELFISH, "selfish", "never unchokes anybody")                                                \
    X(GOSSIP, "gossip", "tells of peers that are not there, without end")                          \
    X(IDLE, "idle", "says that it is interested, and asks for nothing")                            \
    X(SIP, "sip", "asks for one block every three seconds")

enum mischief_bit {
#define X(name, word, text) MISCHIEF_BIT_##name,
    MISCHIEF_TABLE(X)
#undef X
};

enum mischief {
#define X(name, word, text) MISCHIEF_##name = 1 << MISCHIEF_BIT_##name,
    MISCHIEF_TABLE(X)
#undef X
};

/* The formats of a hybrid torrent that a node supports. */
enum node_tongue { SPEAKS_BOTH, SPEAKS_V1, SPEAKS_V2 };

struct node_line {
    uint64_t up, down; /* bytes/s; 0: no limit */
    int64_t delay_us;  /* from the node to the middle of the network */
    bool nat;          /* can't be dialled */
};

/* A rate limit that several nodes share, as the torrents of one process do. */
struct node_share {
    struct rate_bucket up, down;
};

struct node_spec {
    const char *group; /* for people; outlives the node */
    struct node_line line;
    struct vdisk_spec disk;
    unsigned mischief; /* enum mischief bits */
    enum node_tongue tongue;
    uint32_t have_permille; /* of the pieces that it begins with, chosen at random */
    bool lacks_last;        /* of those, not the last piece */
    uint32_t peers_max;
    uint32_t upload_slots;
    uint64_t up_limit, down_limit; /* of this node alone, bytes/s; 0: none */
    struct node_share *share;      /* NULL: none; outlives the node */
    bool sequential;
    bool super_seed;
    bool no_pex;
    uint32_t lan; /* its local network; 0: none */
};

/* The sending side of a line: one segment at a time, connections in turn. */
struct uplink {
    struct event timer;
    struct list ring;        /* pipes that have something to send and may */
    struct segment *current; /* on the line until |timer| fires */
};

struct node_count {
    uint64_t sent, got;          /* payload bytes, all lives */
    uint64_t over_sent, over_got; /* … and all other bytes */
    uint64_t core_up, core_down; /* as reported to the core in this life */
    uint64_t over_up, over_down; /* the other bytes: messages, headers, handshakes */
    uint64_t wasted;             /* as the cores of ended lives reported */
    uint32_t writes;             /* WRITE effects under way */
    uint32_t half_open;          /* CONNECT effects that are not answered yet */
    uint32_t astray;             /* CONNECT effects to addresses without a node */
    uint32_t notices[SWARM_NOTICE_METADATA + 1];
    uint32_t idle_ticks; /* ticks in a row that did not move the clock */
    uint32_t lives, crashes;
};

struct node {
    struct sim *sim;
    unsigned index;
    struct node_spec spec;
    enum node_state state;
    struct swarm *swarm;
    struct rate_bucket up, down;
    struct endpoint addr;
    uint8_t peer_id[PEER_ID_LEN];
    struct event tick;
    struct event commit;
    struct event prank;
    struct uplink uplink;
    struct lan_host lan;
    struct mono line_free; /* when its downlink is free */
    struct link **by_slot; /* by slot_index() of the core's peer */
    struct list jobs;
    struct vdisk disk;
    struct nodedht *dht; /* NULL: the world has no DHT */
    unsigned side; /* nodes on different sides of a partition can't reach each other */
    bool syncing;  /* |commit| ends a sync, else it begins one */
    bool stopped;  /* the core has reported STOPPED */
    bool paused;   /* by node_pause() */
    bool knows_layers;
    bool began_whole;
    bool lost_some; /* pieces disappeared from its disk */
    unsigned *seeds_met; /* nodes that it dialled in this life, and that had everything */
    unsigned seeds_met_count, seeds_met_cap;
    bool disk_stuck;         /* the core paused because of its disk */
    struct mono dark_since;  /* NODE_DARK */
    struct mono complete_at; /* MONO_NEVER before */
    struct mono joined_at;
    struct mono met_at; /* when its first connection was up; MONO_NEVER before */
    struct node_count count;
};

/* The address of the node with that number: in 10.0.0.0/8, or, if nodes have a DHT, one in
 * DHTNET_RESERVED.0.0.0/8, where each of the first 65,536 nodes is in a /24 network of its own. */
struct endpoint node_addr(unsigned index, bool dht);
/* The number of the node with that address, if there is one. */
unsigned node_number(const struct endpoint *addr);

struct node *node_new(struct sim *s, unsigned index, const struct node_spec *spec);
void node_free(struct node *n);

static inline bool
node_running(const struct node *n)
{
    return n->swarm != NULL;
}

/* The number of upload slots of its core. */
static inline uint32_t
node_slots(const struct node *n)
{
    return n->spec.peers_max + CROWD_HALF_OPEN_MAX + CROWD_SPARE_SLOTS;
}

/* True if it had all pieces when it first joined. */
static inline bool
node_began_whole(const struct node *n)
{
    return n->began_whole;
}

static inline bool
node_honest(const struct node *n)
{
    return (n->spec.mischief & ~(unsigned)MISCHIEF_SELFISH) == 0;
}

/* The node joins, or returns, with the pieces that its disk has committed. */
void node_join(struct node *n);
/* Stops the node's core; NODE_AWAY after the core's STOPPED. */
void node_leave(struct node *n);
/* Kills the node's process; with |dark| the machine goes off too. */
void node_crash(struct node *n, bool dark);
void node_pause(struct node *n, bool pause);
/* Puts the node on a side of a partition. */
void node_set_side(struct node *n, unsigned side);
/* The limits hold at once, and in later lives. */
void node_set_limits(struct node *n, uint64_t up, uint64_t down);
/* Removes the limit of the disk's size, and starts the core again. */
void node_free_disk(struct node *n);

void node_meet_seed(struct node *n, unsigned index);

/* Gives its core an input and carries out the effects. The core must be running. */
void node_feed(struct node *n, const struct swarm_input *in);

#endif
