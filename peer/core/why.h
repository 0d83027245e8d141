/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The explanations of a torrent's state: why it moves no data, and what happens next. Facts about
 * the torrent go in; reasons come out, each with a stable code for programs and a sentence for
 * people, the most important reason first. Every screen and every JSON answer shows these
 * sentences. Pure functions without I/O.
 */
#ifndef PEER_CORE_WHY_H
#define PEER_CORE_WHY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "peer/core/peerlist.h"

enum {
    WHY_TEXT_MAX = 400,      /* most bytes of a reason's text */
    WHY_SENTENCE_MAX = WHY_TEXT_MAX + 64, /* most bytes of the text with the time of the next try */
    WHY_REASONS_MAX = 8,     /* most reasons of one torrent at a time */
    WHY_TRACKERS_MAX = 64,   /* most trackers whose facts are considered */
    WHY_NUMBER_MAX = 32,     /* most bytes of a size or a duration as text */
};

/*  X(NAME, code), by rank: of several reasons that hold, the first one is shown. Programs rely on
 *  the codes: they never change. */
#define WHY_TABLE(X)                                                                               \
    X(RATIO_REACHED, "ratio-reached") /* stopped by the seed policy */                             \
    X(COMPLETE, "complete")           /* complete, and not meant to seed */                        \
    X(STOPPED, "stopped")                                                                          \
    X(DISK_FULL, "disk-full") /* paused after a failure, as with the next four codes */            \
    X(FILES_MISSING, "files-missing")                                                              \
    X(NOT_WRITABLE, "not-writable")                                                                \
    X(IN_USE, "in-use") /* another process uses the torrent */                                     \
    X(FAILED, "failed")                                                                            \
    X(PAUSED, "paused")     /* paused by its owner */                                              \
    X(METADATA, "metadata") /* only the info-hashes are known, by a magnet link */                 \
    X(QUEUED, "queued")     /* waits for the checks of other torrents */                           \
    X(CHECKING, "checking")                                                                        \
    X(RELOCATING, "relocating") /* its files are being moved to another directory */               \
    X(DOWN_LIMIT, "down-limit")                                                                    \
    X(UP_LIMIT, "up-limit") /* while seeding */                                                    \
    X(MOVING, "moving")     /* data moves: there is nothing to explain */                          \
    X(ALL_SKIPPED, "all-skipped")                                                                  \
    X(DISK_BUSY, "disk-busy")                                                                      \
    X(PEERS_LACK, "peers-lack")     /* no connected peer has a missing piece */                    \
    X(CHOKED, "choked")             /* the peers with missing pieces choke us */                   \
    X(PEERS_SILENT, "peers-silent") /* requests are out, and no block comes */                     \
    X(PEERS_NEW, "peers-new")       /* no request was sent to the peers yet */                     \
    X(NO_REQUESTS, "no-requests")   /* seeding: the interested peers send no requests */           \
    X(NOBODY_WANTS, "nobody-wants") /* seeding: no peer is connected, or none is interested */     \
    X(UNREACHABLE, "unreachable")   /* every address that was tried failed */                      \
    X(CONNECTING, "connecting")                                                                    \
    X(TRACKER_ASKED, "tracker-asked") /* the first answer of a tracker is pending */               \
    X(TRACKER_EMPTY, "tracker-empty") /* the trackers answer and know no other peer */             \
    X(TRACKER_FAILED, "tracker-failed")                                                            \
    X(TRACKERS_UNUSABLE,                                                                           \
      "trackers-unusable") /* no tracker has a URL scheme that Sprat supports */                   \
    X(NO_TRACKER, "no-tracker")                                                                    \
    X(DHT_SEARCHING, "dht-searching") /* the first search in the DHT is under way */               \
    X(DHT_EMPTY, "dht-empty")         /* the DHT knows no other peer */                            \
    X(LSD_EMPTY, "lsd-empty")         /* no other peer is in the local network */                  \
    X(NO_PEERS, "no-peers")           /* no peer is connected, for none of the reasons above */

enum why_code {
#define X(name, code) WHY_##name,
    WHY_TABLE(X)
#undef X
};

struct why {
    enum why_code code;
    int64_t next_s; /* seconds until the next try; -1: none is planned */
    char text[WHY_TEXT_MAX]; /* without the time of the next try */
};

/* Why the torrent was stopped. */
enum why_stop { WHY_STOP_ASKED, WHY_STOP_RATIO, WHY_STOP_COMPLETE };

enum why_phase {
    WHY_PHASE_METADATA, /* the metainfo is not known */
    WHY_PHASE_QUEUED,
    WHY_PHASE_CHECKING,
    WHY_PHASE_PAUSED,
    WHY_PHASE_RUNNING,
    WHY_PHASE_STOPPED,
};

struct why_tracker {
    const char *url;
    bool working;        /* the last announce succeeded */
    int err;             /* error of the last try; 0 without |working|: no answer came yet */
    const char *message; /* the failure as text; "" if there is none */
    int64_t next_ms;     /* until the next announce; -1: not known */
};

/* The facts about one torrent. The caller keeps all pointers valid during the call. */
struct why_facts {
    enum why_phase phase;
    enum why_stop stop;  /* only with the state STOPPED */
    bool daemon;         /* spratd runs the torrent, not a foreground command */
    bool seeding;        /* no wanted piece is missing */
    bool all_skipped;    /* no file is wanted, so no piece is */
    bool relocating;
    bool seed_only;      /* the torrent never downloads */
    double ratio;        /* the ratio at which seeding was to stop */
    uint64_t bytes_have, bytes_total;
    uint64_t check_done, check_total; /* bytes */
    struct {
        int err;             /* 0: none */
        const char *message;
        int64_t next_ms;     /* until the next try; -1: a person has to act */
    } failure;
    struct {
        uint32_t connected, half_open;
        uint32_t useful;    /* peers that have a piece that we miss */
        uint32_t unchoking; /* of those, peers that unchoke us */
        uint32_t wanting;   /* peers that are interested in us */
        uint32_t requests;  /* our requests that are out */
        uint32_t tries[PEER_TRY_COUNT]; /* known addresses, counted by how the last try ended */
        uint32_t given_up;  /* addresses forgotten after too many failures */
        uint32_t unresolved; /* peers that the user named and that have no address */
        int64_t next_dial_ms; /* until an address is dialled; -1: none is planned */
    } peers;
    struct {
        uint64_t down_rate, up_rate; /* bytes/s */
        int64_t idle_ms;  /* since data last moved; -1: it never did */
        bool down_limited, up_limited; /* a rate limit delays blocks */
        bool own_down_limit, own_up_limit; /* that limit is the torrent's own, not the global one */
        uint64_t down_limit, up_limit; /* bytes/s; 0: not known here */
        bool disk_behind; /* requests pause: too many blocks wait to be written */
    } data;
    struct {
        uint32_t offering; /* connected peers that offer the metadata */
        bool waits;        /* addresses are known, and other torrents dial theirs first */
        uint32_t blocks;   /* of the metadata; 0: the size is not known */
        uint32_t have;     /* of these blocks, those that came */
    } metadata;            /* with the state METADATA only */
    struct {
        bool on;         /* the torrent is searched for in the DHT */
        uint32_t rounds; /* searches that have ended */
        uint32_t peers;  /* addresses that the last one found */
        int64_t next_ms; /* until the next one; -1: not known */
    } dht;
    struct {
        bool on;        /* the torrent is announced in the local network */
        uint32_t peers; /* announces of others that named the torrent */
    } lsd;
    const struct why_tracker *trackers;
    size_t tracker_count;
    size_t tracker_unusable; /* trackers with a URL scheme that Sprat does not support */
    size_t web_seeds;        /* web seeds in the metainfo; Sprat does not use them */
};

enum { WHY_IDLE_MS = 3000 }; /* data counts as moving if a block came or left within that time */

const char *why_code_name(enum why_code code);

/* Does data move, perhaps slower than possible? Then no screen shows a reason. */
bool why_moves(enum why_code code);

/* Writes all reasons that hold, by rank, at least one. Returns their number. */
size_t why_find(const struct why_facts *f, struct why out[WHY_REASONS_MAX]);

/* The state as text: "downloading", "seeding, selection complete (24.6 % of the torrent)",
 * "stopped: ratio 1.50 reached". Returns |out|. */
const char *why_state(const struct why_facts *f, char out[WHY_TEXT_MAX]);

/* The whole sentence: |text|, and ", next try in …" if |next_s| is not negative. Returns |out|. */
const char *why_sentence(const char *text, int64_t next_s, char out[WHY_SENTENCE_MAX]);

/* The outcomes of connection attempts: "2 addresses tried: 1 refused the connection, …". "" if none
 * was tried. Returns |out|. */
const char *why_tries(const uint32_t tries[PEER_TRY_COUNT], uint32_t given_up,
                      char out[WHY_TEXT_MAX]);

/* "58 s", "3 min", "2 h"; "218 MiB". Both return |out|. */
const char *why_duration(int64_t seconds, char out[WHY_NUMBER_MAX]);
const char *why_size(uint64_t bytes, char out[WHY_NUMBER_MAX]);

/* Host and port of |url|, without path, user and password, cut to |size|. Returns |out|. */
const char *why_host(const char *url, char *out, size_t size);

#endif
