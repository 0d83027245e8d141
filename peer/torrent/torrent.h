/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A torrent as its users see it: what it is added with, its state and numbers, and what can be done
 * with it. It joins a core (swarm.h), which decides, to connections, disk and trackers, which do.
 *
 * All calls are made on the thread of the torrent's loop.
 */
#ifndef PEER_TORRENT_TORRENT_H
#define PEER_TORRENT_TORRENT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/endpoint.h"
#include "common/base/err.h"
#include "common/codec/metainfo.h"
#include "peer/core/swarm.h"
#include "peer/core/why.h"
#include "peer/torrent/selection.h"

struct state_torrent;

struct torrent;

enum torrent_state {
    TORRENT_CHECKING,
    TORRENT_DOWNLOADING,
    TORRENT_SEEDING,
    TORRENT_PAUSED,
    TORRENT_ERROR, /* paused by a failure; `error` says which; goes on by itself where it can */
    TORRENT_STOPPED,
};

const char *torrent_state_name(enum torrent_state s);

enum seed_policy { SEED_NONE, SEED_RATIO, SEED_FOREVER };

/* What a person says once, for the next look at the files. */
struct torrent_consent {
    bool adopt;   /* files of others that stand in the torrent's place may be overwritten */
    bool refetch; /* what the state database promises and is not there is fetched again */
};

struct torrent_add {
    struct metainfo *mi;      /* taken on success */
    const char *save_dir;     /* the folder that holds the file, or the folder called mi->name */
    const char *const *peers; /* "HOST:PORT", resolved here */
    size_t peer_count;
    const char *const *trackers;
    size_t tracker_count;
    enum seed_policy seed;
    double ratio;     /* SEED_RATIO: uploaded / size at which it stops */
    bool seed_only;   /* never download; missing pieces are told and left out */
    bool force_check; /* don't believe the state database */
    struct torrent_consent consent;
    bool trusted; /* the data was hashed just now by ourselves (sprat seed PATH): all is had */
    bool paused;
    bool sequential;               /* pieces in the order of the files */
    bool super_seed;               /* BEP 16, until a copy is out */
    uint64_t up_limit, down_limit; /* bytes/s beside those of all torrents; 0: none */
    bool reserve;                  /* room for all files is taken on the disk before the download */
    bool worknames;      /* files have working names until they are complete (workname.h) */
    const char *move_to; /* where it goes once it was downloaded, absolute; NULL: it stays */
    bool move_only_new;  /* not if all is there already */
    const struct state_torrent *row; /* private: what the database says of it, while it is loaded */
    const uint8_t *selection; /* file_count bytes (selection.h); NULL: as remembered, or all */
};

enum torrent_event_type {
    TORRENT_EVENT_READY,    /* listening, state loaded; checking or transfer begins. Not of those
                               that rest when spratd starts */
    TORRENT_EVENT_CHECKED,  /* a check ended; status tells what is there */
    TORRENT_EVENT_COMPLETE, /* all verified, synced and committed */
    TORRENT_EVENT_ERROR,    /* paused by a failure, or by a peer-independent mismatch: |message| */
    TORRENT_EVENT_RESUMED,  /* the failure is over */
    TORRENT_EVENT_BANNED,   /* a peer was banned: |message| names it and why */
    TORRENT_EVENT_WARNING,  /* a tracker's or a disk's complaint that stops nothing: |message| */
    TORRENT_EVENT_STOPPED,  /* the seed policy is met, or session_stop/torrent_remove is through */
};

struct torrent_event {
    enum torrent_event_type type;
    int err;
    const char *message; /* a sentence, or "" */
};

struct torrent_status {
    enum torrent_state state;
    struct swarm_stats swarm;
    uint64_t check_done, check_total; /* bytes, while checking */
    uint64_t total_size;
    uint64_t uploaded_ever, downloaded_ever;
    int64_t added_at, completed_at; /* Unix seconds; 0: not yet */
    uint64_t up_limit, down_limit;  /* its own, bytes/s; 0: none */
    const char *move_to;            /* where it goes once it is complete; "" if it stays */
    const char *error;              /* "" if none */
    const char *note;               /* a sentence of the last check about the files, or "" */
};

/* Torrents of all loops are numbered in the order of adding. */
uint64_t torrent_serial(const struct torrent *t);

/* Changes which files are wanted (selection.h; |chosen| is copied). BUSY while files are checked or
 * moved; INVAL for a torrent that is only seeded; or the database's error. */
int torrent_select(struct torrent *t, const uint8_t *chosen, struct errbuf *eb);
uint8_t torrent_file_priority(const struct torrent *t, size_t file);

/* What there is to say of any torrent at once; valid as long as it is. A hash is NULL if it has
 * none of that kind; v1: 20 bytes, v2: 32. */
const char *torrent_name(const struct torrent *t);
const uint8_t *torrent_info_hash(const struct torrent *t, bool v2);

/* A seed that nobody wants anything of rests: it is listed, found and announced, and all else of it
 * is made again when it is needed. Who wants its metainfo or which pieces it has calls
 * torrent_need_metainfo() before, which reads the database (blocking, short); both are valid until
 * the loop runs again. SPRAT_E_NOMEM, the database's error, or why it can't be parsed. */
int torrent_need_metainfo(struct torrent *t, struct errbuf *eb);
const struct metainfo *torrent_metainfo(const struct torrent *t);
const char *torrent_save_dir(const struct torrent *t);
/* Rates are 0 while it is paused, stopped, checked or has failed. */
void torrent_get_status(const struct torrent *t, struct torrent_status *st);

/* Why nothing moves, as why_find() says it, the one to show first; and its state in words, as
 * why_state() does. |st| is of this moment. */
struct torrent_reasons {
    struct why all[WHY_REASONS_MAX];
    size_t count;
    char state[WHY_TEXT_MAX];
};
void torrent_get_reasons(const struct torrent *t, const struct torrent_status *st,
                         struct torrent_reasons *out);

/* Wanted pieces that are missing; |nowhere|: those that no connected peer has either. And those
 * that this peer has. They look at every piece. */
uint32_t torrent_missing(const struct torrent *t, bool nowhere);
uint32_t torrent_peer_useful(const struct torrent *t, slot_id peer);

/* An address that is known, and how the last try to connect to it ended. Start with *iter =
 * PEERLIST_NONE; false at the end. */
bool torrent_next_try(const struct torrent *t, uint32_t *iter, struct endpoint *addr,
                      struct peer_try_status *st);
/* As swarm_next_peer_stats(). Totals of peers that left: torrent_next_host. */
bool torrent_next_peer(const struct torrent *t, uint32_t *iter, struct swarm_peer_stats *st);

/* The verified pieces; valid until the loop runs again. */
const struct bitfield *torrent_have(const struct torrent *t);

/* Payload bytes by host over this session, gone peers included (bounded; for reports). */
struct torrent_host {
    struct endpoint addr; /* port 0 */
    uint64_t up, down;
};
bool torrent_next_host(const struct torrent *t, uint32_t *iter, struct torrent_host *h);

/* Trackers, one by one, as announcer_status(): false past the last. */
bool torrent_tracker(const struct torrent *t, uint32_t index, struct announce_status *st);

/* Pausing and resuming are remembered in the state database. Resuming a torrent in ERROR tries
 * again. |consent| may be NULL: nothing is consented to. */
void torrent_pause(struct torrent *t);
void torrent_resume(struct torrent *t, const struct torrent_consent *consent);

/* What torrent_merge() added. */
struct torrent_merged {
    size_t trackers, peers;
    size_t trackers_refused; /* new ones, which a private torrent does not get (BEP 27) */
};

/* Adds the trackers of |add| and of its metainfo, and the peers of |add|, as far as the torrent
 * does not have them. They are used at once, each tracker as a tier of its own, and remembered in
 * the state database (blocking, short). |add| is only read, and nothing else of it counts. AGAIN
 * while the torrent is being removed; the database's error, INVAL (too many, or one that can't be
 * stored) or NOMEM: then nothing was added. */
int torrent_merge(struct torrent *t, const struct torrent_add *add, struct torrent_merged *out,
                  struct errbuf *eb);

/* Its own limits in bytes/s, beside those of all torrents; 0: none. Remembered in the state
 * database. */
void torrent_set_limits(struct torrent *t, uint64_t up_limit, uint64_t down_limit);

/* Stops it, forgets its state, with |data| deletes its files (only those that are its own, and then
 * folders that are empty); TORRENT_EVENT_STOPPED is its last event. SPRAT_E_BUSY and a sentence,
 * and nothing happens, while another process has it. */
int torrent_remove(struct torrent *t, bool data, struct errbuf *eb);

#endif
