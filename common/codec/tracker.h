/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What an announce and a scrape say, whatever carries them: the structs that the HTTP and the UDP
 * form of the tracker protocol (tracker_query.h, tracker_http.h, tracker_udp.h) share, on the
 * peer's side and on the tracker's.
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
    TRACKER_INTERVAL_MAX = 86400,     /* seconds; what a reply asks beyond it is cut to it */
    TRACKER_HTTP_REPLY_MAX = 1 << 20, /* bytes of an HTTP reply's body that are worth reading */
};

/* The numbers are those of the UDP protocol (BEP 15); 4 is what libtorrent sends for BEP 21. */
enum tracker_event {
    TRACKER_EVENT_NONE = 0,
    TRACKER_EVENT_COMPLETED = 1,
    TRACKER_EVENT_STARTED = 2,
    TRACKER_EVENT_STOPPED = 3,
    TRACKER_EVENT_PAUSED = 4, /* BEP 21: a partial seed, said in each of its announces */
};

/* No wish: the tracker takes its own default. */
#define TRACKER_NUMWANT_DEFAULT (-1)

struct tracker_announce {
    uint8_t info_hash[TRACKER_HASH_LEN];
    uint8_t peer_id[TRACKER_PEER_ID_LEN];
    uint64_t uploaded; /* bytes since "started" */
    uint64_t downloaded;
    uint64_t left;   /* bytes; 0 is a seeder; a peer that doesn't know sends something huge */
    uint32_t key;    /* the same for all of a peer's addresses (BEP 7); 0 for none */
    int32_t numwant; /* negative for the tracker's default */
    uint16_t port;   /* where the peer listens, host order */
    enum tracker_event event;
    bool compact;           /* HTTP only: BEP 23 */
    bool no_peer_id;        /* HTTP only: dictionaries without "peer id" */
    const char *tracker_id; /* HTTP only: from an earlier reply, borrowed; NULL for none */
};

/* A number that the other side did not tell. */
#define TRACKER_UNKNOWN (-1)

enum { TRACKER_RETRY_UNSAID = 0, TRACKER_RETRY_NEVER = -1 };

enum {
    TRACKER_HOST_MAX = 255, /* bytes of a peer's DNS name */
    TRACKER_NAMES_MAX = 8,  /* peers by name that are worth taking from one reply */
};

/* A peer that a tracker gave by its DNS name (BEP 3). */
struct tracker_name {
    char host[TRACKER_HOST_MAX + 1]; /* letters, digits, '-', '_' and '.' */
    uint16_t port;
};

/* The answer to an announce. Texts are NUL-terminated and hold no control characters. */
struct tracker_reply {
    char failure[TRACKER_TEXT_MAX + 1]; /* empty: it worked */
    int32_t retry_in_min;               /* BEP 31: minutes, or one of the two above */
    char warning[TRACKER_TEXT_MAX + 1]; /* empty: none */
    char tracker_id[TRACKER_ID_MAX + 1];
    uint32_t interval_s;     /* 0: not told */
    uint32_t min_interval_s; /* 0: not told */
    int64_t complete;        /* seeders, or TRACKER_UNKNOWN; so the following */
    int64_t incomplete;
    int64_t downloaded;
    struct endpoint external; /* BEP 24: only the address; family IP_NONE if not told */
    struct endpoint *peers; /* the reader's storage for |peers_max| of them, given by the caller */
    size_t peers_max;
    size_t npeers;
    struct tracker_name *names; /* the same for peers by name; NULL with a maximum of 0 */
    size_t names_max;
    size_t nnames;
};

/* A reply that says nothing yet, with room for |max| peers. */
void tracker_reply_init(struct tracker_reply *r, struct endpoint *peers, size_t max);

/* What a scrape says of one torrent; numbers not told are TRACKER_UNKNOWN. */
struct tracker_scrape {
    uint8_t info_hash[TRACKER_HASH_LEN];
    int64_t complete;
    int64_t downloaded;
    int64_t incomplete;
    int64_t downloaders; /* BEP 21: incomplete without the partial seeds; HTTP only */
};

/* Copies at most |max| bytes of foreign text and a NUL to |dst|; control characters become '?'. */
void tracker_text_copy(char *dst, size_t max, const uint8_t *src, size_t len);

#endif
