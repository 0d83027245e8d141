/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A simulated DHT: datagrams that are delayed, lost and overtaken, and hosts. Honest hosts run the
 * real node (peer/core/dht.h); hostile ones do what their word says (dhtrogue.c). The seed
 * determines a run completely. Two simulators use it: sprat-dht-sim (dhtplay.h), and sprat-sim for
 * swarms whose peers have a DHT (swarmdht.h).
 */
#ifndef TESTS_SIM_DHTNET_H
#define TESTS_SIM_DHTNET_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/endpoint.h"
#include "common/base/rng.h"
#include "common/ds/hashmap.h"
#include "common/ds/list.h"
#include "peer/core/dht.h"
#include "tests/sim/engine.h"

/*  X(NAME, word, text): what a hostile host does. All of them answer pings, but for the echo. */
#define DHTROGUE_TABLE(X)                                                                          \
    X(MUTE, "mute", "answers nothing but pings")                                                   \
    X(JUNK, "junk", "names nodes close to the target that do not exist")                           \
    X(ECHO, "echo", "sends back what it gets")                                                     \
    X(CHANGELING, "changeling", "answers each query with an id close to the target")               \
    X(STINGY, "stingy", "gives no token, and no peers")                                            \
    X(REFUSER, "refuser", "gives tokens, and takes no announce")                                   \
    X(POISON, "poison", "names peers that do not exist")                                           \
    X(FLOOD, "flood", "sends queries in the name of others, without end")                          \
    X(ECLIPSE, "eclipse", "has an id beside the target, names only its accomplices, keeps no peers")

enum dhtrogue {
    DHTROGUE_NONE, /* honest */
#define X(name, word, text) DHTROGUE_##name,
    DHTROGUE_TABLE(X)
#undef X
        DHTROGUE_COUNT
};

struct dhtnet;
struct dhthost;

/* What an honest host's user does with the effects of its core. */
struct dhthost_user {
    /* Gets every effect but SEND, NODES and BOOTSTRAP. Gives the core no input. */
    void (*on_effect)(struct dhthost *h, const struct dht_effect *fx);
    /* All effects of an input are carried out: the core takes inputs again. */
    void (*on_idle)(struct dhthost *h);
};

/* What an honest host remembers of its former life. */
struct dhthost_past {
    uint8_t id[DHT_ID_LEN];
    size_t count;
    struct dht_contact nodes[DHT_SAVED_MAX];
};

struct dhthost {
    struct hashmap_node by_addr; /* must be the first member */
    struct dhtnet *net;
    uint32_t index;
    enum dhtrogue rogue;
    bool up;
    uint32_t lives;
    struct endpoint addr;
    int64_t delay_us; /* to the middle of the network */
    bool nat;         /* queries do not reach it */
    unsigned side;    /* hosts on different sides of a partition can't reach each other */
    struct mono up_at;
    struct event tick;  /* honest: the core's timer; hostile: the next query */
    struct event churn; /* leaves, or comes back */
    struct dht *core;   /* honest, while |up| */
    const struct dhthost_user *user; /* honest; NULL: none */
    void *owner;                     /* the user's */
    uint8_t id[DHT_ID_LEN];
    struct {
        uint32_t torrent; /* that it looks for, from 1; 0: none */
        uint32_t seeds;   /* lives of the torrent's host when the search began */
        bool found, ended;
        uint32_t queries; /* when it has ended */
        struct mono began, found_at;
    } search; /* dhtseek.c */
};

/* What a run is about. Times in microseconds. Those behind |jitter_us| are dhtplay.c's. */
struct dhtnet_spec {
    uint64_t seed;
    uint32_t nodes;           /* hosts, hostile ones included */
    uint32_t bootstraps;      /* the first of them, whose addresses all hosts know */
    uint32_t hostile_percent; /* of them */
    uint32_t rogue;           /* … all in this way (enum dhtrogue); 0: each way in turn */
    int64_t half_life_us;     /* of an honest host; 0: none leaves */
    uint32_t loss;            /* datagrams in a million */
    int64_t jitter_us;
    int64_t join_us;     /* the time in which all hosts join */
    int64_t duration_us; /* the time after that */
    uint32_t torrents;   /* announced by one host each */
    int64_t search_us;   /* time between two searches */
    uint32_t attackers;  /* ECLIPSE hosts around the first torrent, which alone is searched for */
    uint32_t networks;   /* /24 networks that they are in */
    uint32_t
        bound_ids; /* not 0: their ids are valid (BEP 42), and as close as their addresses allow */
};

struct dhtnet_count {
    uint64_t sent, bytes, lost, nowhere; /* datagrams; without a host at the address */
    uint64_t spoofed;                    /* bytes sent in the name of the victim … */
    uint64_t reflected;                  /* … and bytes that honest hosts sent to it */
};

struct dhtnet_torrent {
    uint8_t hash[DHT_ID_LEN];
    uint32_t host;  /* that has it */
    uint32_t lives; /* of that host, when it began to announce it; 0: nobody has it */
    bool announced;
};

enum {
    DHTNET_PORT = 6881,
    DHTNET_RESERVED = 45, /* first byte of the addresses that dhtnet_new_address() never returns */
};

struct dhtnet {
    struct dhtnet_spec spec;
    struct engine *engine;
    struct list flying; /* datagrams under way */
    struct rng rng;
    struct hashmap by_addr;
    struct dhthost *hosts;
    struct dhtnet_torrent *torrents;
    struct endpoint victim; /* an address without a host, in whose name FLOOD hosts send */
    uint64_t trace;         /* a hash of all datagrams, in order */
    struct dhtnet_count count;
    void (*on_search_end)(struct dhtnet *net, struct dhthost *h, uint32_t queries);
    /* Sees every datagram; NULL: none. */
    void (*on_send)(struct dhtnet *net, const struct dhthost *sender, const uint8_t *data,
                    size_t len);
};

/* Makes the world with all hosts away. |g| must outlive it. */
void dhtnet_init(struct dhtnet *net, const struct dhtnet_spec *spec, struct engine *g);
/* Drops all hosts and datagrams, at any time. */
void dhtnet_fini(struct dhtnet *net);

/* Sends a datagram in the name of |from|. */
void dhtnet_send(struct dhtnet *net, const struct dhthost *sender, const struct endpoint *from,
                 const struct endpoint *to, const uint8_t *data, size_t len);

/* A random address that nobody has. */
struct endpoint dhtnet_new_address(struct dhtnet *net);

/* A random time from a host to the middle of the network. */
int64_t dhtnet_new_delay_us(struct dhtnet *net);

/* A random host that is up. */
struct dhthost *dhtnet_random_host(struct dhtnet *net);

/* The host appears at |addr|, or disappears. */
void dhtnet_place(struct dhthost *h);
void dhtnet_remove(struct dhthost *h);

/* Honest hosts. dhthost_join() begins a life at |addr|, with |user|; |past|: NULL for none. */
void dhthost_join(struct dhthost *h, const struct dhthost_past *past);
void dhthost_leave(struct dhthost *h);
void dhthost_feed(struct dhthost *h, const struct dht_input *in);
void dhthost_on_datagram(struct dhthost *h, const struct endpoint *from, const uint8_t *data,
                         size_t len);

/* The user of the honest hosts of a play (dhtplay.h), which announce torrents and look for them. */
extern const struct dhthost_user dhtseek_user;
/* Begins to announce a torrent, or to look for one. */
void dhtseek_announce(struct dhthost *h, uint32_t torrent);
void dhtseek_search(struct dhthost *h, uint32_t torrent);
/* Ends the search. */
void dhtseek_end(struct dhthost *h, uint32_t queries);

/* Hostile hosts. */
void dhtrogue_join(struct dhthost *h);
void dhtrogue_leave(struct dhthost *h);
void dhtrogue_on_datagram(struct dhthost *h, const struct endpoint *from, const uint8_t *data,
                          size_t len);

#endif
