/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The inside of a torrent, for the files of this folder and the engine: the torrent's state, and
 * the members of each of its parts. No other file includes this header.
 *
 * From the top to the bottom; a file calls those below it, and reports to those above it by
 * torrent_life.h:
 *
 *   torrent_new.c       makes and frees a torrent
 *   torrent_merge.c     trackers and peers that a second add of the torrent names
 *   torrent.c           the user's commands: pause, resume, limits, stop, remove
 *   torrent_steps.c     does the step that leads to the goal, until there is none left
 *   torrent_close.c     saves, closes and removes it
 *   torrent_rest.c      its rest: a seed without interested peers has no core, but is announced
 *   torrent_complete.c  from "all is verified" to "all is on the disk for good"
 *   torrent_move.c      moves it to another directory when it is complete
 *   torrent_load.c      opens its files and checks them
 *   torrent_learn.c     gives it the metainfo for which it waits
 *   torrent_gather.c    data of files that are wanted after all
 *   torrent_select.c    which of its files are wanted
 *   torrent_save.c      its totals and peers in the state database
 *   torrent_why.c       why no data moves
 *   torrent_status.c    numbers for people
 *   torrent_core.c      its core: made, started, dropped
 *   torrent_fx.c        carries out the core's effects
 *   torrent_peers.c     its connections
 *   torrent_disk.c      its disk jobs
 *   torrent_prepare.c   checks before the first byte that the directory is writable and has space
 *   torrent_track.c     its announces
 *   torrent_turn.c      its turns to dial peers for its metadata
 *   torrent_search.c    its search in the DHT and in the local network
 *   torrent_addrs.c     addresses of peers from the user and the state database
 *   torrent_wake.c      what wakes it at rest
 *   torrent_hosts.c     payload bytes by host
 *   torrent_feed.c      inputs of its core
 *   torrent_failure.c   what failed, and when the next attempt is made
 *   torrent_store.c     its changes in the state database
 *   torrent_life.c      the writers of its state
 *   torrent_facts.c     what is known of it
 *   lifecycle.c         the tables of its life
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
#include "peer/core/metafetch.h"
#include "peer/core/swarm.h"
#include "peer/store/commit.h"
#include "peer/store/resume.h"
#include "peer/store/roombook.h"
#include "peer/store/statewish.h"
#include "peer/store/storage.h"
#include "peer/torrent/lifecycle.h"
#include "peer/torrent/torrent.h"
#include "peer/torrent/torrent_env.h"

enum {
    TORRENT_RETRY_MS = 5000,      /* from a failure of this machine to the next attempt */
    TORRENT_BUSY_MS = 200,        /* until the next attempt of work that found a queue full */
    TORRENT_ADD_PEERS_MAX = 1000, /* peers given by name */
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
    FAILURE_FILES,   /* another program changed the files */
    FAILURE_PREPARE, /* the directory can't be written to, or has no space: the download has not
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
    bool is_private; /* peers come from its trackers only (BEP 27) */
    bool waiting; /* for the metainfo, without which the other facts are 0 */
};

#define TORRENT_MAGIC 0x544f5252u

/* The user's settings, which the state database remembers. */
struct torrent_options {
    bool paused, seed_only, sequential, super_seed;
    bool reserve;
    bool worknames; /* wanted by this session or by an earlier one */
    enum seed_policy seed;
    double ratio;
    uint64_t up_limit, down_limit;
    uint8_t *selection; /* a byte a file (parts.h); NULL: all is wanted */
    char **trackers;
    size_t tracker_count;
    char **peers;
    size_t peer_count;
    bool trackers_only; /* these: of a magnet link (struct torrent_add) */
    char *only;
    char **web_seeds;
    size_t web_seed_count;
};

/* The state of the torrent (lifecycle.h); torrent_life.h has its writers. */
struct torrent_life {
    enum torrent_phase phase;
    enum torrent_job job;
    enum torrent_goal goal;
    enum torrent_completion completion;
    enum torrent_step held; /* STEP_NONE, or the step that waits for the retry timer */
};

/* How the next check of the files is done; forgotten when it has succeeded. */
struct torrent_next_check {
    bool all;     /* don't believe the state database */
    bool strict;  /* another program changed files: believe exact stamps only */
    bool trusted; /* this process has just hashed the data */
    struct torrent_consent consent;
};

/* At most one of |swarm| and |fetch| exists. */
struct torrent_core {
    struct swarm *swarm;
    struct metafetch *fetch; /* in place of |swarm| while |facts.waiting| */
    struct metainfo *learned; /* what |fetch| has fetched, until learn_go_on(); else NULL */
    uint32_t generation;       /* counts cores: a reload makes a new one */
    bool started;              /* START was fed */
    bool draining;             /* effects are being carried out: inputs wait */
    bool stopped;              /* the core has announced "stopped" */
    bool halted;               /* the core knows of a failure, and waits for START */
    bool frozen;               /* the core fetches nothing: another program changed the files */
    struct bitfield have;      /* the verified pieces, as START passes them */
    struct swarm_input *later; /* results that arrived while effects were carried out */
    size_t later_count, later_cap;
    /* Carries out an effect; set by core_new(), for torrent_feed(). */
    void (*carry_out)(struct torrent *t, const struct swarm_effect *fx);
};

struct torrent_disk {
    struct storage *storage;
    struct commit *commit;
    struct resume *resume; /* JOB_CHECK */
    struct list waiting;   /* jobs that the disk had no room for, or behind stalled ones */
    struct list stalled;   /* jobs that failed for a reason that may pass; the retry timer's */
    struct list free;
    uint32_t jobs;                    /* of the core: at the disk or waiting */
    uint32_t reads;                   /* of pieces to be sent */
    size_t gone_file;                 /* with a failure GONE: the missing file */
    uint32_t check_done, check_total; /* pieces */
    char *note;                       /* the last check's sentence about the files; NULL: none */
    char *why;                        /* the last failure's sentence; see torrent_last_why() */
};

/* Before the first byte of a download. */
struct torrent_prepare {
    struct storage_room space; /* as last found, with the pieces |have| verified */
    struct bitfield have;
    struct room_claim claim;
    bool done; /* the check of this phase has succeeded */
};

/* A move of the complete files. */
struct torrent_move {
    char *to;      /* NULL: the files stay where they are */
    char *from;    /* NULL, or the old directory, whose copies are still to be removed */
    bool only_new; /* |to| is forgotten if nothing has to be fetched */
};

struct torrent_rest {
    uint32_t pieces_have; /* these three: of the core that was put away */
    uint64_t bytes_have, bytes_wanted;
    struct mono due;        /* when the torrent rests unless a peer comes; MONO_NEVER: it may not
                               rest */
    struct endpoint *found; /* found while the torrent rested; NULL: none */
    size_t found_count;
    enum peer_source found_source;
    bool by_tracker;     /* the torrent was woken because of |found| */
    uint64_t up_at_wake; /* bytes uploaded before the wake */
    uint32_t fruitless;  /* wakes by trackers in a row after which nothing was uploaded */
    uint32_t skip;       /* number of tracker answers that do not wake the torrent */
};

struct torrent_net {
    uint8_t peer_id[PEER_ID_LEN];
    uint8_t fetch_id[PEER_ID_LEN]; /* the peer id in handshakes of |core.fetch|: a peer that has not
                                      noticed the end of such a connection would refuse another
                                      one of the same id */
    uint32_t announce_key;     /* by which trackers know the torrent at another address */
    struct peer_slot *peers;   /* by slot_index() */
    struct block_pool *blocks; /* its share of the loop's blocks; NULL: no peer yet */
    uint32_t peer_cap;
    struct conn *accepting; /* while ACCEPTED is fed */
    struct handshake answer;
    uint32_t conns;
    bool said_unsupported; /* the user knows of trackers whose scheme is not supported */
    struct list asks;
    struct list names;
    uint32_t names_failed; /* peers by name that have no address */
};

/* The search for peers without trackers. */
struct torrent_seeking {
    struct torrent_search told; /* as the engine knows it */
    uint32_t rounds;            /* of the search in the DHT that have ended */
    uint32_t peers;             /* addresses that the last round found */
    struct mono again;          /* when the next round begins */
    uint32_t local;             /* addresses that the local network named, ever */
    bool nodes_named;           /* the engine knows the nodes that the torrent file names */
};

/* torrent_turn.c */
struct torrent_turn {
    bool has;
    struct list waits; /* on the queue of torrents that wait for a turn */
    struct mono since; /* the turn began, or metadata came */
    uint64_t bytes;    /* of metadata, at that time */
};

struct torrent_hosts {
    struct hashmap map;
    struct host **all;
    uint32_t count, cap;
    struct host rest;
};

/* Bytes of payload, and Unix seconds. */
struct torrent_totals {
    uint64_t up_before, down_before;   /* of former sessions */
    uint64_t up_session, down_session; /* of former cores of this session */
    uint64_t up_saved, down_saved;
    int64_t added_at, completed_at;
};

struct torrent_failure {
    enum torrent_failure_source source;
    int err;
    char *message;        /* NULL without a failure, or when memory was out */
    struct mono retry_at; /* MONO_NEVER: only the user can end the failure */
    bool waits;           /* no attempt was made since the failure */
    bool untold;          /* not reported, since the same failure was reported shortly before */
};

/* The failure that was reported last. A failure that repeats is reported at intervals, with a
 * count. */
struct torrent_last_told {
    int err;
    struct mono at;
    uint32_t untold; /* failures since then without a message */
};

/* Changes of the database: torrent_store.c. */
struct torrent_stores {
    uint64_t begun, ended;
    int refused; /* the error of a command's change that could not begin; 0: none */
    struct list waiters;
};

struct torrent {
    uint32_t magic;
    struct list link;
    struct torrent_env *env;
    struct torrent_facts facts;
    struct metainfo *mi;         /* NULL at rest, except after torrent_need_metainfo(), and while
                                    |facts.waiting| */
    struct announcer *announcer; /* NULL while the core has it */
    struct crowd *crowd;         /* likewise; NULL also before the first core */
    char *save_dir;
    int64_t id;
    uint64_t serial;       /* counts the torrents of all loops, in the order of adding */
    struct lockfile *lock; /* NULL: another process has the torrent; torrent_enter() */
    struct hash_key keys[2];
    struct torrent_life life;
    struct torrent_options options;
    enum why_stop stopped_by;
    bool complete_told; /* the user heard that the torrent is complete */
    struct torrent_next_check next_check;
    struct torrent_core core;
    struct torrent_disk disk;
    struct torrent_prepare prepare;
    struct torrent_move move;
    struct torrent_rest rest;
    struct torrent_net net;
    struct torrent_seeking seeking;
    struct torrent_turn turn;
    struct torrent_hosts hosts;
    struct receivers *receivers; /* NULL: nobody asks for them */
    struct torrent_totals totals;
    struct torrent_failure failure;
    struct torrent_last_told last_told;
    struct selecting *selecting; /* a change of |options.selection| under way: torrent_select.c */
    struct torrent_stores stores;
    struct list dirty;
    struct list crowded;
    struct list load;         /* on the queue of torrents that wait to be loaded */
    struct loop_timer *timer; /* the core's and the commits' */
    struct loop_timer *retry; /* the next attempt after a failure */
};

static inline bool
torrent_has_core(const struct torrent *t)
{
    return t->core.swarm != NULL || t->core.fetch != NULL;
}

static inline const uint8_t *
torrent_handshake_id(const struct torrent *t)
{
    return t->core.fetch != NULL ? t->net.fetch_id : t->net.peer_id;
}

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
