/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A node of the BitTorrent DHT (BEP 5, 32, 33, 42, 43, 51) for one address family: it answers other
 * nodes, keeps a routing table, finds the peers of torrents and announces torrents. The node makes
 * every decision and does no I/O: datagrams and commands arrive as inputs, datagrams and results
 * leave as effects, and the time is an argument. A host with IPv4 and IPv6 has two nodes.
 *
 * The contract is that of the swarm (swarm.h):
 * - After each dht_handle(), the caller pulls effects with dht_next() until it returns 0, and
 *   carries them out in that order. The caller never calls dht_handle() while it carries out an
 *   effect: it queues the results and feeds them afterwards.
 * - dht_expiry() says when the next DHT_IN_TICK is due; the caller asks again after the effects.
 * - A node starts without network: nothing is sent before DHT_IN_UP.
 * - No datagram makes the node allocate memory. Its tables have the sizes below and are allocated
 *   by dht_new(); only a new search allocates, when its command comes.
 *
 * A private torrent (BEP 27) must not be searched for: the node does not know which ones are.
 */
#ifndef PEER_CORE_DHT_H
#define PEER_CORE_DHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/endpoint.h"
#include "common/base/mono.h"
#include "peer/core/dht_id.h"

enum {
    DHT_KEY_LEN = 16,     /* bytes of dht_config.key */
    DHT_VERSION_LEN = 4,  /* bytes of "v" */
    DHT_SIBLING_FEW = 16, /* with fewer nodes in the table of the other family's node, queries ask
                             for nodes of that family too */
    DHT_SIBLING_NAMED_MAX = 8, /* nodes of the other family taken from one answer */
    DHT_PACKET_MAX = 1024,     /* bytes of the longest datagram that the node sends (BEP 32) */
    DHT_TOKEN_MAX = 40,        /* bytes of another node's token; a longer one counts as none */

    DHT_SEARCHES_MAX = 16384, /* searches; more are refused with SPRAT_E_LIMIT */
    DHT_SAVED_MAX = 300,      /* nodes that dht_save() returns at most */
    DHT_PEERS_MAX = 512,      /* endpoints of one PEERS effect at most */

    DHT_ANNOUNCE_MS = 900000,        /* time between two announces of one search … */
    DHT_ANNOUNCE_JITTER_MS = 120000, /* … less a random part of this */
    DHT_SAVE_MS = 600000,            /* shortest time between two SAVE effects, except the first */
};

/* Whether other nodes can reach us. */
enum dht_reach {
    DHT_REACH_UNKNOWN, /* The node finds out: it becomes read-only (BEP 43) when for a long time no
                          query came from an address that it had not asked before. */
    DHT_REACH_YES,
    DHT_REACH_NO, /* read-only: the node answers no queries and asks to be left out of tables */
};

struct dht_config {
    enum ip_family family;    /* IP_V4 or IP_V6 */
    uint8_t key[DHT_KEY_LEN]; /* random bytes, secret: for tokens and transaction ids */
    struct endpoint external; /* Our address as other nodes see it, if it is known for certain;
                                 else family IP_NONE: the answers of other nodes tell. */
    enum dht_reach reach;
    bool has_id; /* |id| is the id of the former run. It is kept if it is valid for
                    |external| (BEP 42), or |external| is not known. */
    uint8_t id[DHT_ID_LEN];
    uint8_t version[DHT_VERSION_LEN]; /* "v" of every datagram; first byte 0: none */
};

/* Where the address of a node comes from. */
enum dht_source {
    DHT_FROM_SAVED,     /* a node of the former run, from dht_save() */
    DHT_FROM_BOOTSTRAP, /* an address of a name that the BOOTSTRAP effect asked for */
    DHT_FROM_TORRENT,   /* "nodes" of a torrent */
    DHT_FROM_PEER,      /* a peer's PORT message: its address with that port */
    DHT_FROM_SIBLING,   /* the NODES effect of our node of the other family */
};

/* Whether a stranger chose the address. */
static inline bool
dht_source_is_hearsay(enum dht_source source)
{
    return source == DHT_FROM_TORRENT || source == DHT_FROM_PEER || source == DHT_FROM_SIBLING;
}

/* A node's id and address. */
struct dht_contact {
    uint8_t id[DHT_ID_LEN]; /* all zero: not known */
    struct endpoint addr;
};

/*  X(NAME): the inputs */
#define DHT_INPUT_TABLE(X)                                                                         \
    X(UP)                                                                                          \
    X(DOWN)                                                                                        \
    X(TICK)                                                                                        \
    X(DATAGRAM)                                                                                    \
    X(NODE)                                                                                        \
    X(EXTERNAL)                                                                                    \
    X(REACH)                                                                                       \
    X(SEARCH)                                                                                      \
    X(STOP)

enum dht_input_type {
#define X(name) DHT_IN_##name,
    DHT_INPUT_TABLE(X)
#undef X
};

/* UP: the network is there, or has come back, or has changed: the node asks its nodes again, and
 * all pauses after failures end. DOWN: the node sends nothing until the next UP. */
struct dht_input {
    enum dht_input_type type;
    union {
        /* DATAGRAM: a datagram that begins with 'd'. |data| is read during dht_handle() only. */
        struct {
            struct endpoint from;
            const uint8_t *data;
            size_t len;
        } datagram;
        /* NODE: a node that may be alive. It enters the routing table only when it has answered. */
        struct {
            enum dht_source source;
            struct dht_contact contact;
        } node;
        /* EXTERNAL: our address as other nodes see it, from a source that is certain, such as the
         * router or the user; the port is ignored. Family IP_NONE: no longer certain. */
        struct endpoint external;
        enum dht_reach reach; /* REACH: replaces dht_config.reach */
        /* SEARCH: starts the search |id|, or changes it. The caller chooses the number; it stays in
         * use until STOP. A hybrid torrent has two searches, one for each of its hashes. */
        struct dht_search_spec {
            uint64_t id;
            uint8_t info_hash[DHT_ID_LEN]; /* v2: the truncated hash */
            uint16_t port; /* announced as our port; 0: the search only looks for peers */
            bool seed;     /* we have all pieces: announced (BEP 33), and no seeds are wanted */
            bool hungry;   /* The torrent has no peers: a search that finds none is tried again
                              soon, and goes before the searches of others. */
        } search;
        uint64_t stop; /* STOP: ends the search; no effect mentions it afterwards */
    } u;
};

/*  X(NAME): the effects */
#define DHT_EFFECT_TABLE(X)                                                                        \
    X(SEND)                                                                                        \
    X(PEERS)                                                                                       \
    X(NODES)                                                                                       \
    X(SEARCHED)                                                                                    \
    X(BOOTSTRAP)                                                                                   \
    X(SAVE)                                                                                        \
    X(IDENTITY)

enum dht_effect_type {
#define X(name) DHT_FX_##name,
    DHT_EFFECT_TABLE(X)
#undef X
};

struct dht_effect {
    enum dht_effect_type type;
    union {
        /* SEND: one datagram from our DHT port. */
        struct {
            struct endpoint to;
            const uint8_t *data;
            size_t len;
        } send;
        /* PEERS: peers of the search's torrent. They are hearsay of one node: any may be wrong. */
        struct {
            uint64_t search;
            const struct endpoint *peers;
            size_t count;
        } peers;
        /* NODES: nodes of the other family that one of our nodes named (BEP 32), for NODE inputs of
         * that family's node. */
        struct {
            const struct dht_contact *nodes;
            size_t count;
        } nodes;
        /* SEARCHED: the search has asked the nodes closest to its hash once more, and its announce
         * is out. The next round comes by itself at |again|. */
        struct {
            uint64_t search;
            uint32_t peers;     /* endpoints that PEERS effects of this round named */
            uint32_t queries;   /* get_peers queries of this round */
            uint32_t announces; /* announce_peer queries of this round */
            struct mono again;
        } searched;
    } u;
};
/* BOOTSTRAP: the node knows no node that answers. The caller resolves the bootstrap names and
 * passes all their addresses as NODE inputs; if that fails, it does nothing: the node asks again
 * after a pause.
 * SAVE: the table is worth storing: dht_save(). IDENTITY: our id or our external address has
 * changed: dht_stats. */

/*  X(NAME, key, text): counters since dht_new(). The key is the name in JSON. */
#define DHT_COUNTER_TABLE(X)                                                                       \
    X(DATAGRAMS_IN, "datagrams_in", "datagrams received")                                          \
    X(DATAGRAMS_OUT, "datagrams_out", "datagrams sent")                                            \
    X(BYTES_IN, "bytes_in", "bytes received")                                                      \
    X(BYTES_OUT, "bytes_out", "bytes sent")                                                        \
    X(QUERIES_IN, "queries_in", "queries received")                                                \
    X(QUERIES_REFUSED, "queries_refused", "queries not answered: rate limits, read-only mode")     \
    X(ANSWERS_OUT, "answers_out", "queries answered")                                              \
    X(QUERIES_OUT, "queries_out", "queries sent")                                                  \
    X(ANSWERS_IN, "answers_in", "answers to our queries")                                          \
    X(ERRORS_IN, "errors_in", "errors in answer to our queries")                                   \
    X(TIMEOUTS, "timeouts", "queries without an answer")                                           \
    X(MALFORMED, "malformed", "datagrams that are no KRPC message")                                \
    X(UNASKED, "unasked", "answers that no query of ours asked for")                               \
    X(IMPOSTORS, "impostors", "answers with another id than the expected one")                     \
    X(REFLECTORS, "reflectors", "addresses that sent back our own query or id")                    \
    X(ANNOUNCES_IN, "announces_in", "announces stored")                                            \
    X(ANNOUNCES_REFUSED, "announces_refused",                                                      \
      "announces with a bad token or port, or beyond the limits")                                  \
    X(ID_CHANGES, "id_changes", "changes of our id")

enum dht_counter {
#define X(name, key, text) DHT_COUNT_##name,
    DHT_COUNTER_TABLE(X)
#undef X
        DHT_COUNTER_COUNT
};

struct dht_stats {
    uint8_t id[DHT_ID_LEN];
    struct endpoint external; /* family IP_NONE: not known; the port is 0 */
    bool up;
    bool read_only;
    uint32_t nodes;         /* nodes in the routing table … */
    uint32_t nodes_good;    /* … that answered or asked during the last 15 minutes */
    uint32_t nodes_spare;   /* nodes that would enter the table if there were room */
    uint32_t searches;      /* searches that were started and not stopped */
    uint32_t lookups;       /* lookups under way: of searches, and to refresh the table */
    uint32_t hashes, peers; /* stored for others */
    uint32_t rtt_ms;        /* usual time until an answer; 0: none measured */
    uint32_t size_log2;     /* estimated size of the DHT, as log2 of the number of nodes */
    uint64_t counters[DHT_COUNTER_COUNT];
};

/* The state of a search, to show it. */
struct dht_search_stats {
    struct dht_search_spec spec;
    bool running;              /* a lookup is under way */
    bool waiting;              /* no node is known yet */
    uint32_t rounds;           /* lookups that ended */
    uint32_t peers, announces; /* of the last round that ended */
    struct mono again;
};

struct dht;

/* NULL when memory is out. */
struct dht *dht_new(const struct dht_config *cfg, struct mono now);
void dht_free(struct dht *d);

/* Tells |d| of our node of the other family, whose table then serves queries that want it; while it
 * knows few nodes, |d| asks for some (BEP 32). NULL: none. |other| must outlive |d| or be unset
 * before. */
void dht_set_other(struct dht *d, const struct dht *other);

/* 0, or SPRAT_E_NOMEM or SPRAT_E_LIMIT: the input was a new search, which was not started. */
int dht_handle(struct dht *d, const struct dht_input *in, struct mono now);

/* 1 and the next effect, or 0. The effect's pointers are valid until the next call on the node. */
int dht_next(struct dht *d, struct dht_effect *fx, struct mono now);

struct mono dht_expiry(const struct dht *d);

/* Copies up to |max| nodes that are worth asking in the next run, the best first, and returns their
 * number. The id to store with them is in dht_stats. */
size_t dht_save(const struct dht *d, struct dht_contact *out, size_t max);

void dht_get_stats(const struct dht *d, struct dht_stats *st, struct mono now);

/* The stats of the searches in no particular order: start with *iter = 0; false at the end. */
bool dht_next_search_stats(const struct dht *d, uint32_t *iter, struct dht_search_stats *st);

#endif
