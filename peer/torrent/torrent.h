/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A torrent, as the engine, the daemon and the command line see it: the arguments of adding, its
 * state and numbers, and the calls that act on it. A torrent joins a core (swarm.h), which decides,
 * to connections, disk and trackers, which do the I/O.
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
#include "peer/core/metafetch.h"
#include "peer/core/swarm.h"
#include "peer/core/why.h"
#include "peer/torrent/selection.h"

struct state_torrent;
struct torrent_enrolment;

struct torrent;

enum torrent_state {
    TORRENT_CHECKING,
    TORRENT_DOWNLOADING,
    TORRENT_SEEDING,
    TORRENT_PAUSED,
    TORRENT_ERROR, /* paused by a failure, which `error` describes; continues by itself where
                      possible */
    TORRENT_STOPPED,
    TORRENT_WAITING, /* for its metainfo, which is not known yet */
};

const char *torrent_state_name(enum torrent_state s);

enum seed_policy { SEED_NONE, SEED_RATIO, SEED_FOREVER };

/* Permissions that the user gives once, for the next check of the files. */
struct torrent_consent {
    bool adopt;   /* foreign files in the torrent's place may be overwritten */
    bool refetch; /* data that the state database promises but the disk lacks is fetched again */
};

struct torrent_add {
    struct metainfo *mi; /* taken on success; NULL: not known yet, so |id| and |name| count */
    const struct identity *id;
    const char *name;         /* for people, until the metainfo is known */
    const char *save_dir;     /* the folder that holds the file, or the folder called mi->name */
    const char *const *peers; /* "HOST:PORT", resolved here */
    size_t peer_count;
    const char *const *trackers;
    size_t tracker_count;
    enum seed_policy seed;
    double ratio;     /* SEED_RATIO: uploaded / size at which seeding stops */
    bool seed_only;   /* never download; missing pieces are reported and left out */
    bool force_check; /* don't believe the state database */
    struct torrent_consent consent;
    bool trusted; /* this process has just hashed the data (sprat seed PATH): all pieces are
                     verified */
    bool paused;
    bool sequential;               /* pieces in the order of the files */
    bool super_seed;               /* BEP 16, until a copy is out */
    bool receivers;                /* keep a table of receivers: torrent_receivers() */
    uint64_t up_limit, down_limit; /* bytes/s beside those of all torrents; 0: none */
    bool reserve;                  /* disk space for all files is allocated before the download */
    bool worknames;      /* files have working names until they are complete (workname.h) */
    const char *move_to; /* absolute directory for the files after the download; NULL: they stay */
    bool move_only_new;  /* |move_to| has no effect if all pieces are there already */
    struct torrent_enrolment *enrolment; /* private: a new torrent that has been stored
                                            (torrent_enrol.h); NULL with |row| */
    const struct state_torrent *row; /* private: the row of the state database, while spratd loads
                                        the torrent */
    const uint8_t *selection; /* file_count bytes (selection.h); NULL: as remembered, or all */
    /* Of a magnet link, without |mi|: */
    bool trackers_only; /* the torrent may be private: only trackers may name peers until the
                           metadata says that it is not */
    const char *only;   /* "0,2,4-6": the wanted files, by number (BEP 53); NULL: all */
    const char *const *web_seeds; /* kept, and not used yet */
    size_t web_seed_count;
};

static inline const struct identity *
torrent_add_id(const struct torrent_add *add)
{
    return add->mi != NULL ? &add->mi->id : add->id;
}

static inline const char *
torrent_add_name(const struct torrent_add *add)
{
    return add->mi != NULL ? add->mi->name : add->name;
}

enum torrent_event_type {
    TORRENT_EVENT_READY,    /* listening, state loaded; checking or transfer begins. Not of those
                               that rest when spratd starts */
    TORRENT_EVENT_METADATA, /* the metainfo of a magnet link is known now */
    TORRENT_EVENT_CHECKED,  /* a check ended; torrent_status has its result */
    TORRENT_EVENT_COMPLETE, /* all verified, synced and committed */
    TORRENT_EVENT_ERROR,    /* paused by a failure, or by a peer-independent mismatch: |message| */
    TORRENT_EVENT_RESUMED,  /* the failure is over */
    TORRENT_EVENT_BANNED,   /* a peer was banned: |message| names it and why */
    TORRENT_EVENT_WARNING,  /* an error of a tracker or disk that stops nothing: |message| */
    TORRENT_EVENT_STOPPED,  /* the seed policy is met, or engine_stop() or torrent_remove() is
                               complete */
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
    uint64_t up_limit, down_limit;  /* the torrent's own limits, bytes/s; 0: none */
    const char *move_to;            /* directory for the complete files; "" if they stay */
    const char *error;              /* "" if none */
    const char *note;               /* the last check's sentence about the files, or "" */
    struct metafetch_stats metadata; /* while WAITING; else zeros */
};

/* The torrent's number. Torrents of all loops are numbered in the order of adding. */
uint64_t torrent_serial(const struct torrent *t);

/* Called from the loop when a change is on disk, or has failed, with a sentence. */
typedef void (*torrent_stored_fn)(void *user, int err, const char *why);

/* Changes which files are wanted (selection.h; |chosen| is copied). |done| is called once, when the
 * choice is stored; the torrent uses it soon afterwards. BUSY while files are checked or moved, or
 * while another choice is being stored; INVAL for a torrent that is only seeded; NOMEM, AGAIN; then
 * |done| is not called. */
int torrent_select(struct torrent *t, const uint8_t *chosen, torrent_stored_fn done, void *user,
                   struct errbuf *eb);
uint8_t torrent_file_priority(const struct torrent *t, size_t file);

/* The name and the info-hashes, which every torrent has at any time; valid as long as the torrent.
 * A hash is NULL if the torrent has none of that kind; v1: 20 bytes, v2: 32. */
const char *torrent_name(const struct torrent *t);
const uint8_t *torrent_info_hash(const struct torrent *t, bool v2);

/* A seed with which no peer wants to exchange anything rests: it stays listed, reachable by its
 * hash, and announced; all its other state is made again when it is needed. A caller that needs the
 * metainfo or the have-bits calls torrent_need_metainfo() first, which reads the database
 * (blocking, short); both are valid until the loop runs again. SPRAT_E_NOMEM, the database's error,
 * or the reason why the metainfo can't be parsed. */
int torrent_need_metainfo(struct torrent *t, struct errbuf *eb);
const struct metainfo *torrent_metainfo(const struct torrent *t);
const char *torrent_save_dir(const struct torrent *t);
/* Rates are 0 while the torrent is paused, stopped, checked or has failed. */
void torrent_get_status(const struct torrent *t, struct torrent_status *st);

/* The reasons why no data moves, as why_find() lists them, the most important first; and the
 * torrent's state in words, as why_state() writes it. |st| is the current status. */
struct torrent_reasons {
    struct why all[WHY_REASONS_MAX];
    size_t count;
    char state[WHY_TEXT_MAX];
};
void torrent_get_reasons(const struct torrent *t, const struct torrent_status *st,
                         struct torrent_reasons *out);

/* torrent_missing() counts the wanted pieces that are missing; with |nowhere|, only those that no
 * connected peer has either. torrent_peer_useful() counts the missing wanted pieces that |peer|
 * has. Both look at every piece. */
uint32_t torrent_missing(const struct torrent *t, bool nowhere);
uint32_t torrent_peer_useful(const struct torrent *t, slot_id peer);

/* A known address, and the result of the last attempt to connect to it. Start with *iter =
 * PEERLIST_NONE; false at the end. */
bool torrent_next_try(const struct torrent *t, uint32_t *iter, struct endpoint *addr,
                      struct peer_try_status *st);
/* As swarm_next_peer_stats(). torrent_next_host() has the totals of peers that left. */
bool torrent_next_peer(const struct torrent *t, uint32_t *iter, struct swarm_peer_stats *st);

/* The peers that fetch the torrent (receivers.h). NULL unless torrent_add.receivers was set. */
struct receivers;
const struct receivers *torrent_receivers(const struct torrent *t);

/* The verified pieces; valid until the loop runs again. */
const struct bitfield *torrent_have(const struct torrent *t);

/* Payload bytes by host over this session, gone peers included (bounded; for reports). */
struct torrent_host {
    struct endpoint addr; /* port 0 */
    uint64_t up, down;
};
bool torrent_next_host(const struct torrent *t, uint32_t *iter, struct torrent_host *h);

/* The tracker number |index|, as announcer_status() describes it: false past the last. */
bool torrent_tracker(const struct torrent *t, uint32_t index, struct announce_status *st);

/* The state database remembers pausing and resuming. Resuming a torrent in ERROR retries at once.
 * |consent| may be NULL: the user permits nothing. */
void torrent_pause(struct torrent *t);
void torrent_resume(struct torrent *t, const struct torrent_consent *consent);

/* Whether the torrent waits for its metainfo: it has no files, and asks peers for the metainfo. */
bool torrent_waits_for_metainfo(const struct torrent *t);

/* Gives the metainfo to a torrent that waits for it, and takes |mi| on success; then the torrent is
 * loaded. The state database is told; torrent_when_stored() waits for that. A private torrent
 * forgets all peers that no tracker named, and, if |mi| names trackers, all other trackers (BEP
 * 27). MISMATCH if |mi| is of another
 * torrent; EXISTS if the process has another torrent with one of its info-hashes; BUSY if another
 * process has it; AGAIN while it is being removed; NOMEM. */
int torrent_learn(struct torrent *t, struct metainfo *mi, struct errbuf *eb);

/* The numbers of trackers and peers that torrent_merge() added. */
struct torrent_merged {
    size_t trackers, peers;
    size_t trackers_refused; /* new trackers, which a private torrent does not accept (BEP 27) */
};

/* Adds the trackers of |add| and of its metainfo, and the peers of |add|, unless the torrent has
 * them already. The torrent uses them at once, each tracker as a tier of its own, and the state
 * database remembers them. |add| is only read, and its other members have no effect. AGAIN while
 * the torrent is being removed; INVAL (too many, or an address that can't be stored) or NOMEM:
 * nothing is added then. */
int torrent_merge(struct torrent *t, const struct torrent_add *add, struct torrent_merged *out,
                  struct errbuf *eb);

/* Sets the torrent's own limits in bytes/s, beside those of all torrents; 0: none. The state
 * database remembers them. */
void torrent_set_limits(struct torrent *t, uint64_t up_limit, uint64_t down_limit);

/* Calls |fn| once, when the database has all that the calls above changed, with the first error of
 * a change; at once if it has it already. A change that could not be stored is in effect until the
 * process ends. */
void torrent_when_stored(struct torrent *t, torrent_stored_fn fn, void *user);

/* Stops the torrent, deletes its state, and with |data| deletes its files (only files of this
 * torrent, and then folders that are empty); TORRENT_EVENT_STOPPED is the last event. The first
 * change of the database, which torrent_when_stored() waits for, takes the torrent away from
 * spratd: after a crash spratd does not load it again. While another process has the torrent,
 * SPRAT_E_BUSY and a sentence, and nothing changes. */
int torrent_remove(struct torrent *t, bool data, struct errbuf *eb);

#endif
