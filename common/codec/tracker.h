/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The content of announces and scrapes, independent of the transport: structs that the HTTP and the
 * UDP tracker protocol share (tracker_query.h, tracker_http.h, tracker_udp.h), for the peer's side
 * and the tracker's side.
 */
#ifndef COMMON_CODEC_TRACKER_H
#define COMMON_CODEC_TRACKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/endpoint.h"

enum {
    TRACKER_HASH_LEN = 20, /* a v1 info-hash, or the first 20 bytes of a v2 one (BEP 52) */
    TRACKER_PEER_ID_LEN = 20,
    TRACKER_TEXT_MAX = 255,           /* bytes of a failure reason or a warning that are kept */
    TRACKER_ID_MAX = 127,             /* bytes of a "tracker id" */
    TRACKER_URL_MAX = 4096,           /* bytes of an announce or scrape URL */
    TRACKER_INTERVAL_MAX = 86400,     /* seconds; longer intervals in a reply are reduced to it */
    TRACKER_HTTP_REPLY_MAX = 1 << 20, /* longest body of an HTTP reply that is read, bytes */
};

/* The numbers of the UDP protocol (BEP 15); libtorrent sends 4 for BEP 21. */
enum tracker_event {
    TRACKER_EVENT_NONE = 0,
    TRACKER_EVENT_COMPLETED = 1,
    TRACKER_EVENT_STARTED = 2,
    TRACKER_EVENT_STOPPED = 3,
    TRACKER_EVENT_PAUSED = 4, /* BEP 21: a partial seed, which sends it in each announce */
};

/* numwant: the tracker uses its own default. */
#define TRACKER_NUMWANT_DEFAULT (-1)

/* left: a client that has a magnet link only does not know the size. */
#define TRACKER_LEFT_UNKNOWN UINT64_MAX

struct tracker_announce {
    uint8_t info_hash[TRACKER_HASH_LEN];
    uint8_t peer_id[TRACKER_PEER_ID_LEN];
    uint64_t uploaded; /* bytes since "started" */
    uint64_t downloaded;
    uint64_t left;   /* bytes; 0: a seeder; TRACKER_LEFT_UNKNOWN: the client does not know */
    uint32_t key;    /* the same for all of a peer's addresses (BEP 7); 0 for none */
    int32_t numwant; /* negative for the tracker's default */
    uint16_t port;   /* where the peer listens, host order */
    enum tracker_event event;
    bool compact;           /* HTTP only: BEP 23 */
    bool no_peer_id;        /* HTTP only: dictionaries without "peer id" */
    const char *tracker_id; /* HTTP only: from an earlier reply, borrowed; NULL for none */
    const char *uncounted;  /* HTTP only: NULL, or a static sentence: a counter is missing */
};

/* A number that the other side did not send. */
#define TRACKER_UNKNOWN (-1)

/* Values of |retry_in_min| below: the tracker did not send it, or said "never". */
enum { TRACKER_RETRY_UNSAID = 0, TRACKER_RETRY_NEVER = -1 };

enum {
    TRACKER_HOST_MAX = 255, /* bytes of a peer's DNS name */
    TRACKER_NAMES_MAX = 8,  /* most peers by name that are read from one reply */
};

/* A peer that a tracker gave by its DNS name (BEP 3). */
struct tracker_name {
    char host[TRACKER_HOST_MAX + 1]; /* letters, digits, '-', '_' and '.' */
    uint16_t port;
};

/* The answer to an announce. Texts are NUL-terminated and hold no control characters. */
struct tracker_reply {
    char failure[TRACKER_TEXT_MAX + 1]; /* empty: success */
    int32_t retry_in_min;               /* BEP 31: minutes, or TRACKER_RETRY_UNSAID or _NEVER */
    char warning[TRACKER_TEXT_MAX + 1]; /* empty: none */
    char tracker_id[TRACKER_ID_MAX + 1];
    uint32_t interval_s;     /* 0: not sent */
    uint32_t min_interval_s; /* 0: not sent */
    int64_t complete;        /* seeders, or TRACKER_UNKNOWN */
    int64_t incomplete;      /* leechers, or TRACKER_UNKNOWN */
    int64_t downloaded;      /* finished downloads, or TRACKER_UNKNOWN */
    struct endpoint external; /* BEP 24: only the address; family IP_NONE if not sent */
    struct endpoint *peers; /* the caller's array of |peers_max| endpoints */
    size_t peers_max;
    size_t npeers;
    struct tracker_name *names; /* the caller's array for peers by name; NULL if |names_max| is 0 */
    size_t names_max;
    size_t nnames;
};

/* Initialises an empty reply with room for |max| peers. */
void tracker_reply_init(struct tracker_reply *r, struct endpoint *peers, size_t max);

/* The scrape numbers of one torrent; numbers that were not sent are TRACKER_UNKNOWN. */
struct tracker_scrape {
    uint8_t info_hash[TRACKER_HASH_LEN];
    int64_t complete;
    int64_t downloaded;
    int64_t incomplete;
    int64_t downloaders; /* BEP 21: incomplete without the partial seeds; HTTP only */
};

/* Copies at most |max| bytes of untrusted text and a NUL to |dst|; control characters become '?'.
 */
void tracker_text_copy(char *dst, size_t max, const uint8_t *src, size_t len);

#endif
