/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The inside of a torrent, for the files of this folder and the engine: the torrent's state, and
 * the members of each of its parts. No other file includes this header.
 *
 *   torrent_new.c       makes and frees a torrent
 *   torrent_merge.c     trackers and peers that a second add of the torrent names
 *   torrent.c           its life: load, check, run, pause, fail, retry
 *   torrent_core.c      its core: made, started, dropped
 *   torrent_fx.c        drives the core: inputs in, effects carried out
 *   torrent_peers.c     its connections
 *   torrent_hosts.c     payload bytes by host
 *   torrent_addrs.c     addresses of peers from the user and the state database
 *   torrent_disk.c      its disk jobs
 *   torrent_track.c     its announces
 *   torrent_room.c      checks before the first byte that the directory is writable and has space
 *   torrent_select.c    which of its files are wanted
 *   torrent_move.c      moves it to another directory when it is complete
 *   torrent_rest.c      its rest: a seed without interested peers has no core, but is announced
 *   torrent_store.c     its changes in the state database
 *   torrent_stop.c      completion, and the end: stop, save, close, remove
 *   torrent_status.c    numbers for people
 *   torrent_why.c       why no data moves
 */
#ifndef PEER_TORRENT_TORRENT_IMPL_H
#define PEER_TORRENT_TORRENT_IMPL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/ds/bitfield.h"
#include "common/ds/hashmap.h"
#include "common/ds/list.h"
#include "common/sys/lockfile.h"
#include "peer/core/announce.h"
#include "peer/core/swarm.h"
#include "peer/store/commit.h"
#include "peer/store/resume.h"
#include "peer/store/roombook.h"
#include "peer/store/statewish.h"
#include "peer/store/storage.h"
#include "peer/torrent/phase.h"
#include "peer/torrent/torrent.h"
#include "peer/torrent/torrent_env.h"

enum {
    TORRENT_RETRY_MS = 5000,      /* from a local failure to the next attempt */
    TORRENT_TELL_MS = 60000,      /* the user hears of the same failure no more often */
    TORRENT_STALLED_MAX = 256,    /* disk jobs kept for the next attempt; others fail, and their
                                     blocks are fetched again */
    TORRENT_BUSY_MS = 200,        /* until the next attempt of a load that found a queue full */
    TORRENT_RELOAD_MS = 500,      /* from the first sign of a changed file to a check of all
                                     files */
    TORRENT_HOSTS_MAX = 4096,     /* hosts that torrent_next_host() lists; all others count as a
                                     single host */
    TORRENT_ADD_PEERS_MAX = 1000, /* peers given by name */
    TORRENT_FOUND_MAX = 200,      /* addresses from a tracker's answer to a torrent at rest, kept
                                     until the torrent runs */
};

/* Bytes exchanged with one host; |addr| has port 0, and is IP_NONE for all other hosts together. */
struct host {
    struct hashmap_node node;
    struct torrent_host sum;
};

/* The part that failed. The next success of the same part ends the failure. */
enum torrent_failure_source {
    FAILURE_NONE,
    FAILURE_LOAD,
    FAILURE_CORE, /* the core and its disk jobs */
    FAILURE_COMMIT,
    FAILURE_FILES, /* another program changed the files */
    FAILURE_ROOM,  /* the directory can't be written to, or has no space: the download has not
                      begun */
};

struct hash_key {
    struct hashmap_node node;
    const uint8_t *hash; /* 20 bytes, of the torrent's facts */
    struct torrent *torrent;
};

/* The facts of a torrent that are known without its metainfo. */
struct torrent_facts {
    char *name;
    uint64_t total_size;
    uint32_t piece_count;
    struct identity id;
};

#define TORRENT_MAGIC 0x544f5252u

struct torrent {
    uint32_t magic;
    struct list link;
    struct torrent_env *env;
    struct torrent_facts facts;
    struct metainfo *mi;         /* NULL at rest, except after torrent_need_metainfo() */
    struct announcer *announcer; /* NULL while the core has it */
    char *save_dir;
    int64_t id;
    uint64_t serial;       /* counts the torrents of all loops, in the order of adding */
    struct lockfile *lock; /* NULL: another process has the torrent; torrent_enter() */
    struct hash_key keys[2];
    enum torrent_phase phase;
    struct torrent_wish { /* the user's wishes */
        bool paused, seed_only, force_check, trusted, removing, remove_data, stopping;
        bool sequential, super_seed;
        struct torrent_consent consent; /* valid until the next check of the files ends */
        enum seed_policy seed;
        double ratio;
        enum why_stop stop; /* the reason for stopping */
        uint64_t up_limit, down_limit;
        uint8_t *selection; /* a byte a file (parts.h); NULL: all is wanted */
        bool reserve;
        bool worknames;     /* wanted by this session or by an earlier one */
        char *move_to;      /* NULL: the files stay where they are */
        bool move_only_new; /* |move_to| is forgotten if nothing has to be fetched */
        char *moved_from;   /* NULL, or the old directory, whose copies are still to be removed */
        char **trackers;
        size_t tracker_count;
        char **peers;
        size_t peer_count;
        uint8_t peer_id[PEER_ID_LEN];
        uint32_t key;
    } wish;
    struct torrent_core {
        struct swarm *swarm;
        uint32_t generation; /* counts cores: a reload makes a new one */
        bool started;        /* START was fed */
        bool draining;
        bool said_stopped;
        bool refused;              /* the core knows of a failure, and waits for START */
        bool frozen;               /* the core fetches nothing: a seed, or another program changed
                                      the files */
        struct bitfield have;      /* the verified pieces, as START passes them */
        struct swarm_input *later; /* results that arrived while effects were carried out */
        size_t later_count, later_cap;
    } core;
    struct torrent_disk {
        struct storage *storage;
        struct commit *commit;
        struct resume *resume;
        struct list waiting; /* jobs that the disk had no room for, or behind stalled ones */
        struct list stalled; /* jobs that failed for a reason that may pass; the retry timer's */
        struct list free;
        uint32_t jobs;  /* at the disk or waiting */
        uint32_t reads; /* of pieces to be sent */
        enum torrent_completion completion;
        bool retrying;  /* after a failure: the next successful result ends it */
        bool reloading; /* the torrent stops only to load again */
        bool strict;    /* another program changed files: the next load believes exact stamps
                           only */
        bool busy;      /* a step of stopping is under way */
        bool told_complete;
        bool looking;             /* a check whether the files are restored is under way */
        bool preparing;           /* the directory and its file system are being examined, before
                                     the core starts */
        struct storage_room room; /* the disk space as last found, with these pieces verified */
        struct bitfield room_have;
        struct room_claim claim;
        size_t gone_file;                 /* with a failure GONE: the missing file */
        uint32_t check_done, check_total; /* pieces */
        char *note; /* the last check's sentence about the files; NULL: none */
        char *why;  /* the last failure's sentence; see torrent_why() */
    } disk;
    struct torrent_rest {
        struct mono at;         /* when the torrent rests unless a peer comes; MONO_NEVER: it may
                                   not rest */
        bool going;             /* the storage is being closed, so that the torrent can rest */
        bool looking;           /* spratd starts: the files are being looked at */
        struct endpoint *found; /* found by announces while the torrent rested; NULL: none */
        size_t found_count;
        bool by_tracker;     /* the torrent was woken because of |found| */
        uint64_t up_at_wake; /* bytes uploaded before the wake */
        uint32_t vain;       /* wakes by trackers in a row after which nothing was uploaded */
        uint32_t skip;       /* number of tracker answers that do not wake the torrent */
    } rest;
    struct torrent_net {
        struct peer_slot *peers; /* by slot_index() */
        uint32_t peer_cap;
        struct conn *accepting; /* while ACCEPTED is fed */
        struct handshake answer;
        uint32_t conns;
        bool said_unsupported; /* the user knows of trackers whose scheme is not supported */
        struct list asks;
        struct list names;
        uint32_t names_failed; /* peers by name that have no address */
    } net;
    struct torrent_hosts {
        struct hashmap map;
        struct host **all;
        uint32_t count, cap;
        struct host rest;
    } hosts;
    struct torrent_totals {
        uint64_t up_before, down_before;   /* of former sessions */
        uint64_t up_session, down_session; /* of former cores of this session */
        uint64_t up_saved, down_saved;
        int64_t added_at, completed_at;
    } totals;
    struct torrent_failure {
        enum torrent_failure_source source;
        int err;
        char *message;        /* NULL without a failure, or when memory was out */
        struct mono retry_at; /* MONO_NEVER: only the user can end the failure */
        bool quiet;           /* the user heard of the same failure shortly before, and not again
                                 this time */
    } failure;
    struct torrent_told { /* repeated failures: the user hears of each cause at intervals, with a
                             count */
        int err;
        struct mono at;
        uint32_t quiet; /* failures since then without a message */
    } told;
    struct selecting *selecting; /* a change of |wish.selection| under way: torrent_select.c */
    struct torrent_stores {      /* changes of the database: torrent_store.c */
        uint64_t begun, ended;
        int refused; /* the error of a change that could not begin; 0: none */
        struct list waiters;
    } stores;
    struct list dirty;
    struct list crowded;
    struct list load;         /* on the queue of torrents that wait to be loaded */
    struct loop_timer *timer; /* the core's and the commits' */
    struct loop_timer *retry;
};

/* The calls to the torrent's engine (torrent_env.h). */
static inline void
torrent_mark_dirty(struct torrent *t)
{
    t->env->calls->mark_dirty(t);
}

static inline void
torrent_tell(struct torrent *t, enum torrent_event_type type, int err, const char *message)
{
    t->env->calls->tell(t, type, err, message);
}

#endif
