/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reads and writes the datagrams of the DHT: KRPC queries, responses and errors (BEP 5), with the
 * fields of BEP 32 (IPv6), 33 (scrape), 42 (ip), 43 (read-only) and 51 (sample_infohashes).
 * Independent of routing tables, sockets and time; checks the form of a field, not its truth.
 *
 *  place      key                type             in
 *  top level  t                  string           every message: the transaction id, echoed
 *             y                  "q", "r", "e"    every message
 *             v                  string           every message: the client
 *             ip                 6 or 18 bytes    responses, errors: the address asked from
 *             ro                 1                queries: the sender answers no queries
 *             q                  string           queries: the method
 *             e                  [code, text]     errors
 *  a          id                 20 bytes         every query
 *             target             20 bytes         find_node, sample_infohashes
 *             info_hash          20 bytes         get_peers, announce_peer
 *             want               ["n4", "n6"]     all queries that ask for nodes
 *             noseed, scrape     1                get_peers
 *             token              string           announce_peer
 *             port, implied_port integers         announce_peer
 *             seed               1                announce_peer
 *  r          id                 20 bytes         every response
 *             nodes, nodes6      n x 26, n x 38   id and compact endpoint each
 *             token              string           get_peers
 *             values             list of strings  get_peers: compact endpoints
 *             BFsd, BFpe         256 bytes        get_peers: Bloom filters of seeds and peers
 *             samples            n x 20           sample_infohashes
 *             interval, num      integers         sample_infohashes
 */
#ifndef COMMON_CODEC_KRPC_H
#define COMMON_CODEC_KRPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/endpoint.h"

enum {
    KRPC_ID_LEN = 20, /* bytes of a node id, a target, an info-hash */
    KRPC_NODE_V4_LEN = 26,
    KRPC_NODE_V6_LEN = 38,
    KRPC_NODE_MAX = KRPC_NODE_V6_LEN,
    KRPC_VALUE_V4_LEN = 8, /* bytes that one of |values| takes in a message: "6:" and 6 bytes */
    KRPC_VALUE_V6_LEN = 21,
    KRPC_VALUE_MAX = KRPC_VALUE_V6_LEN,
    KRPC_BLOOM_LEN = 256,
    KRPC_SIZE_MAX = 1024, /* the longest message that we may send (BEP 32) */
    KRPC_READ_MAX = 2048, /* the longest message that is read */
};

/* Bytes in place: in the datagram after decoding, in the caller's memory for encoding. |data| is
 * NULL if the message has no such field. */
struct krpc_bytes {
    const uint8_t *data;
    size_t len;
};

enum krpc_kind { KRPC_QUERY, KRPC_RESPONSE, KRPC_ERROR };

/*  X(NAME, text). GET and PUT are those of BEP 44, which this program answers with
 *  KRPC_E_METHOD. */
#define KRPC_METHOD_TABLE(X)                                                                       \
    X(PING, "ping")                                                                                \
    X(FIND_NODE, "find_node")                                                                      \
    X(GET_PEERS, "get_peers")                                                                      \
    X(ANNOUNCE_PEER, "announce_peer")                                                              \
    X(SAMPLE_INFOHASHES, "sample_infohashes")                                                      \
    X(GET, "get")                                                                                  \
    X(PUT, "put")

/* KRPC_UNKNOWN: a method of no BEP above. If such a query has a |target|, it is answered as
 * find_node (libtorrent's DHT extensions, forward compatibility), else with KRPC_E_METHOD. */
enum krpc_method {
#define X(name, text) KRPC_##name,
    KRPC_METHOD_TABLE(X)
#undef X
        KRPC_UNKNOWN
};

/* "unknown" for KRPC_UNKNOWN. */
const char *krpc_method_text(enum krpc_method m);

enum krpc_want { KRPC_WANT_N4 = 1, KRPC_WANT_N6 = 2 };

enum krpc_error_code {
    KRPC_E_GENERIC = 201,
    KRPC_E_SERVER = 202,
    KRPC_E_PROTOCOL = 203, /* malformed, invalid arguments, or a bad token */
    KRPC_E_METHOD = 204,
};

struct krpc_query {
    enum krpc_method method;
    const uint8_t *target; /* KRPC_ID_LEN bytes of "info_hash" for GET_PEERS and ANNOUNCE_PEER, of
                              "target" for the others, of either for UNKNOWN; NULL: none */
    struct krpc_bytes token;
    unsigned want;     /* enum krpc_want bits; 0: no "want" */
    uint16_t port;     /* 0: none, or out of range */
    bool implied_port; /* the announced port is the datagram's source port */
    bool seed;
    bool noseed;
    bool scrape;
    bool read_only;
};

struct krpc_response {
    struct krpc_bytes nodes, nodes6; /* whole entries: see krpc_node_get() */
    struct krpc_bytes token;
    struct krpc_bytes values;                 /* bencoded strings: see krpc_values_next() */
    struct krpc_bytes samples;                /* whole info-hashes */
    const uint8_t *bloom_seeds, *bloom_peers; /* KRPC_BLOOM_LEN bytes each; NULL: none */
    int64_t interval, num;                    /* -1: none */
};

struct krpc_error {
    int64_t code; /* 0: not an integer */
    struct krpc_bytes text;
};

/* A message, flat. Only the member of |kind| among query, response and error means something; after
 * decoding, the others are zero. */
struct krpc_message {
    enum krpc_kind kind;
    struct krpc_bytes tid;     /* any length, even 0; sent back exactly */
    struct krpc_bytes version; /* "v" */
    struct endpoint ip;        /* family IP_NONE: none; port 0: without a port */
    const uint8_t *id;         /* the sender's id, KRPC_ID_LEN bytes; NULL: none, or malformed */
    struct krpc_query query;
    struct krpc_response response;
    struct krpc_error error;
};

/* Reads one datagram without allocating. Keys in any order, unknown keys and bytes after the
 * message are accepted; of duplicate keys the first counts; a field of the wrong type or length is
 * left out as if it were missing. |m| points into |data|.
 * SPRAT_E_PROTOCOL: not a message: not a dictionary of bencode, too long, too many items, nested
 * too deeply, or without "y" or "t". */
int krpc_decode(struct krpc_message *m, const uint8_t *data, size_t len);

/* Writes a message and returns its length; 0, with nothing promised about |out|, if it is longer
 * than |max| bytes. Missing fields (NULL, false, 0, IP_NONE, -1) are left out. An |id| is needed
 * for queries and responses, and a target for methods that have one. UNKNOWN, GET and PUT can't be
 * written. */
size_t krpc_encode(uint8_t *out, size_t max, const struct krpc_message *m);

/* The length that krpc_encode() needs. */
size_t krpc_encoded_len(const struct krpc_message *m);

/* One entry of |nodes| (IP_V4) or |nodes6| (IP_V6). */
struct krpc_node {
    const uint8_t *id; /* KRPC_ID_LEN bytes */
    struct endpoint addr;
};

static inline size_t
krpc_node_len(enum ip_family family)
{
    return family == IP_V4 ? KRPC_NODE_V4_LEN : KRPC_NODE_V6_LEN;
}

static inline size_t
krpc_nodes_count(const struct krpc_bytes *nodes, enum ip_family family)
{
    return nodes->len / krpc_node_len(family);
}

/* Reads entry |i|, which must exist; the address is not checked, and may be of family IP_V4 in
 * |nodes6| (an IPv4-mapped address). */
void krpc_node_get(struct krpc_node *node, const struct krpc_bytes *nodes, enum ip_family family,
                   size_t i);

/* Appends an entry, 26 or 38 bytes, and returns its length. */
size_t krpc_node_put(uint8_t *out, const uint8_t id[KRPC_ID_LEN], const struct endpoint *addr);

/* The endpoints of |values|, one after the other. Embedded on the stack; private. */
struct krpc_values {
    struct krpc_bytes list;  /* what is left of the list */
    struct krpc_bytes entry; /* what is left of the current string */
    enum ip_family in_entry; /* the family of the endpoints in that string */
    enum ip_family family;
    bool only; /* the list has one string */
};

/* |family|: that of the DHT in which the response came. A string in |values| holds one endpoint of
 * 6 or 18 bytes, or, as some clients write, many of them. 18 bytes are one IPv6 endpoint, unless
 * they are the only string of a response by IPv4: then they are three of IPv4. Endpoints with port
 * 0 or an all-zero address are skipped. krpc_values_next() returns false at the end. */
void krpc_values_init(struct krpc_values *v, const struct krpc_bytes *values,
                      enum ip_family family);
bool krpc_values_next(struct krpc_values *v, struct endpoint *addr);

/* Appends one of |values|, 8 or 21 bytes, and returns its length. */
size_t krpc_value_put(uint8_t *out, const struct endpoint *addr);

#endif
