/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Why a torrent moves no data, and what happens next: from facts about the torrent to reasons, each
 * a stable code for programs and a sentence for people, the most telling reason first. Every screen
 * and every JSON answer shows these sentences. Pure: facts come in, text goes out.
 */
#ifndef PEER_CORE_WHY_H
#define PEER_CORE_WHY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "peer/core/peerlist.h"

enum {
    WHY_TEXT_MAX = 400,      /* bytes of a sentence */
    WHY_SENTENCE_MAX = WHY_TEXT_MAX + 64, /* with the time of the next try */
    WHY_REASONS_MAX = 8,     /* of one torrent at a time */
    WHY_TRACKERS_MAX = 64,   /* of which facts are looked at */
    WHY_NUMBER_MAX = 32,     /* bytes of a size or a duration as text */
};

/*  X(NAME, code), in the order of rank: of several reasons that hold, the first is the line that is
 *  shown. The codes are a promise to programs. */
#define WHY_TABLE(X)                                                                               \
    X(RATIO_REACHED, "ratio-reached")   /* the seed policy is met */                               \
    X(COMPLETE, "complete")             /* all is there, and it was not asked to seed */           \
    X(STOPPED, "stopped")                                                                          \
    X(DISK_FULL, "disk-full")           /* paused by a failure, as the next four */                \
    X(FILES_MISSING, "files-missing")                                                              \
    X(NOT_WRITABLE, "not-writable")                                                                \
    X(IN_USE, "in-use")                 /* another process has the torrent */                      \
    X(FAILED, "failed")                                                                            \
    X(PAUSED, "paused")                 /* by its owner */                                         \
    X(QUEUED, "queued")                 /* other torrents are checked first */                     \
    X(CHECKING, "checking")                                                                        \
    X(RELOCATING, "relocating")         /* its files go to another directory */                    \
    X(DOWN_LIMIT, "down-limit")                                                                    \
    X(UP_LIMIT, "up-limit")             /* seeding */                                              \
    X(MOVING, "moving")                 /* data moves: nothing to explain */                       \
    X(ALL_SKIPPED, "all-skipped")                                                                  \
    X(DISK_BUSY, "disk-busy")                                                                      \
    X(PEERS_LACK, "peers-lack")         /* no connected peer has a missing piece */                \
    X(CHOKED, "choked")                 /* those that have one choke us */                         \
    X(PEERS_SILENT, "peers-silent")     /* requests are out, nothing comes */                      \
    X(PEERS_NEW, "peers-new")           /* nothing was asked of them yet */                        \
    X(NO_REQUESTS, "no-requests")       /* seeding: interested peers ask for nothing */            \
    X(NOBODY_WANTS, "nobody-wants")     /* seeding: nobody is connected, or interested */          \
    X(UNREACHABLE, "unreachable")       /* every address that was tried failed */                  \
    X(CONNECTING, "connecting")                                                                    \
    X(TRACKER_ASKED, "tracker-asked")   /* its first answer is waited for */                       \
    X(TRACKER_EMPTY, "tracker-empty")   /* it answers, and knows nobody else */                    \
    X(TRACKER_FAILED, "tracker-failed")                                                            \
    X(TRACKERS_UNUSABLE, "trackers-unusable") /* schemes that we don't speak */                    \
    X(NO_TRACKER, "no-tracker")                                                                    \
    X(NO_PEERS, "no-peers")             /* none of the above, and nobody is connected */

enum why_code {
#define X(name, code) WHY_##name,
    WHY_TABLE(X)
#undef X
};

struct why {
    enum why_code code;
    int64_t next_s; /* until the next try; -1: none is planned */
    char text[WHY_TEXT_MAX]; /* without that time */
};

/* Why it was stopped. */
enum why_stop { WHY_STOP_ASKED, WHY_STOP_RATIO, WHY_STOP_COMPLETE };

enum why_phase {
    WHY_PHASE_QUEUED,
    WHY_PHASE_CHECKING,
    WHY_PHASE_PAUSED,
    WHY_PHASE_RUNNING,
    WHY_PHASE_STOPPED,
};

struct why_tracker {
    const char *url;
    bool working;        /* it took the last announce */
    int err;             /* of the last try; 0 and not |working|: no answer came yet */
    const char *message; /* the failure in words; "" if there are none */
    int64_t next_ms;     /* until it is asked again; -1: not known */
};

/* What is known of one torrent. Everything is borrowed for the call. */
struct why_facts {
    enum why_phase phase;
    enum why_stop stop;  /* with STOPPED */
    bool daemon;         /* spratd has it, no foreground command */
    bool seeding;        /* nothing is to be fetched: all, or all that is wanted, is there */
    bool all_skipped;    /* … for no file is wanted */
    bool relocating;
    bool seed_only;      /* nothing is ever fetched */
    double ratio;        /* that was asked for */
    uint64_t bytes_have, bytes_total;
    uint64_t check_done, check_total; /* bytes */
    struct {
        int err;             /* 0: none */
        const char *message;
        int64_t next_ms;     /* until it is tried again; -1: it waits for a person */
    } failure;
    struct {
        uint32_t connected, half_open;
        uint32_t useful;    /* have something that we miss */
        uint32_t unchoking; /* of those, let us have it */
        uint32_t wanting;   /* want something of us */
        uint32_t requests;  /* that we have out */
        uint32_t tries[PEER_TRY_COUNT]; /* known addresses by how the last try ended */
        uint32_t given_up;  /* addresses forgotten after too many failures */
        int64_t next_dial_ms; /* -1: none is planned */
    } peers;
    struct {
        uint64_t down_rate, up_rate; /* bytes/s */
        int64_t idle_ms;  /* since data moved last; -1: never did */
        bool down_limited, up_limited; /* by a limit */
        bool own_down_limit, own_up_limit; /* it is the torrent's, not that of all */
        uint64_t down_limit, up_limit; /* bytes/s; 0: not known here */
        bool disk_behind; /* nothing is requested: too much waits to be written */
    } data;
    const struct why_tracker *trackers;
    size_t tracker_count;
    size_t tracker_unusable; /* named, and of a scheme that we don't speak */
    size_t web_seeds;        /* named; not used */
};

enum { WHY_IDLE_MS = 3000 }; /* data moves while some came or left within that time */

const char *why_code_name(enum why_code code);

/* Does data move, although perhaps slower than it could? Then there is nothing to complain of. */
bool why_moves(enum why_code code);

/* All reasons that hold, the one to be shown first; at least one. Returns how many. */
size_t why_find(const struct why_facts *f, struct why out[WHY_REASONS_MAX]);

/* The state in words: "downloading", "seeding, selection complete (24.6 % of the torrent)",
 * "stopped: ratio 1.50 reached". Returns |out|. */
const char *why_state(const struct why_facts *f, char out[WHY_TEXT_MAX]);

/* The whole sentence: |text|, and ", next try in …" if |next_s| is not negative. Returns |out|. */
const char *why_sentence(const char *text, int64_t next_s, char out[WHY_SENTENCE_MAX]);

/* How many addresses ended how: "2 addresses tried: 1 refused the connection, …". "" if none was
 * tried. Returns |out|. */
const char *why_tries(const uint32_t tries[PEER_TRY_COUNT], uint32_t given_up,
                      char out[WHY_TEXT_MAX]);

/* "58 s", "3 min", "2 h"; "218 MiB". Return |out|. */
const char *why_duration(int64_t seconds, char out[WHY_NUMBER_MAX]);
const char *why_size(uint64_t bytes, char out[WHY_NUMBER_MAX]);

/* Host and port of |url|, without path, user and password: as long as fits. Returns |out|. */
const char *why_host(const char *url, char *out, size_t size);

#endif
