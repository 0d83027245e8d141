/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the files of the session share: its structs, and the calls between its parts. Nobody else
 * includes this. A session is what one loop has; what all loops of the process share is house.h's.
 *
 *   session.c           a loop's engine: opens, gives turns, ends
 *   session_doors.c     listeners, and the choice of their port
 *   session_bans.c      what one torrent bans is banned by all
 *   session_spare.c     room for connections, when nearly all are taken
 *   session_listen.c    strangers until they say whom they want
 *   session_torrents.c  the list: added, loaded, found, forgotten
 *   session_event.c     what people are told, from the loop
 *   torrent_new.c       makes and frees a torrent
 *   torrent_merge.c     trackers and peers that a second add of it names
 *   torrent.c           its life: load, check, run, pause, fail, retry
 *   torrent_core.c      its core: made, started, dropped
 *   torrent_room.c      what it needs before its first byte: a directory to write to, and space
 *   torrent_stop.c      completion, and the end: stop, save, close, remove
 *   torrent_rest.c      without a core while nobody wants anything of it: put to rest, announced,
 *                       woken
 *   torrent_move.c      to another directory when it is complete
 *   torrent_fx.c        drives the core: inputs in, effects carried out
 *   torrent_peers.c     its connections, and totals by host
 *   torrent_disk.c      its disk jobs
 *   torrent_track.c     its announces, and peers given by name
 *   torrent_status.c    numbers for people
 *   torrent_why.c       why nothing moves
 */
#ifndef PEER_NET_SESSION_IMPL_H
#define PEER_NET_SESSION_IMPL_H

#include "common/ds/hashmap.h"
#include "common/ds/list.h"
#include "common/ev/netwatch.h"
#include "common/sys/lockfile.h"
#include "peer/core/bans.h"
#include "peer/core/sitebudget.h"
#include "peer/net/conn.h"
#include "peer/net/farewell.h"
#include "peer/net/house.h"
#include "peer/net/mailbox.h"
#include "peer/net/session.h"
#include "peer/net/tracker_client.h"
#include "peer/store/commit.h"
#include "peer/store/layout.h"
#include "peer/store/resume.h"
#include "peer/store/statewish.h"

enum {
    SESSION_BLOCKS_MAX = 1536,    /* 16 KiB each: received and not yet written,
                                     all loops together */
    SESSION_STRANGERS_MAX = 512,  /* accepted connections that have not shaken hands */
    SESSION_STRANGERS_SITE_MAX = 16, /* of one site (endpoint.h), but on this machine */
    SESSION_LOADS_MAX = 256,      /* torrents that look at their files at a time,
                                     all loops together */
    SESSION_LETTERS_MAX = 256,    /* connections that wait for their loop; more are closed */
    SESSION_AGAIN_MS = 10,        /* until a disk that had no room is tried again */
    SESSION_SAVE_MS = 60000,      /* totals and peers are stored that often */
    TORRENT_RETRY_MS = 5000,      /* after a local failure */
    TORRENT_TELL_MS = 60000,      /* the same failure is told no more often */
    TORRENT_STALLED_MAX = 256,    /* disk jobs kept for then; more are failed, and fetched again */
    TORRENT_BUSY_MS = 200,        /* until a load that found a queue full is tried again */
    TORRENT_RELOAD_MS = 500,      /* from the first sign of a changed file to a look at all */
    TORRENT_HOSTS_MAX = 4096,     /* told apart in torrent_next_host(); the rest count as one */
    TORRENT_ADD_PEERS_MAX = 1000, /* given by name */
    TORRENT_FOUND_MAX = 200,      /* addresses that a tracker told to one at rest,
                                     until it is awake */
};

/* An event that waits for the loop. */
struct pending_event {
    struct list link;
    struct torrent *torrent;
    enum torrent_event_type type;
    int err;
    char message[]; /* at most ERRBUF_SIZE with its end */
};

struct session {
    uint32_t magic;
    uint32_t index; /* among those of the house; 0 has the doors */
    struct house *house;
    bool own_house; /* it is alone in it, and closes it */
    struct loop *loop;
    struct session_handler handler;
    struct mailbox *mail; /* what other loops bring */
    struct session_listen {
        uint32_t strangers;
        struct list stranger_list;
    } listen;
    struct resolver *resolver;
    struct fetcher *fetcher;
    struct tracker_client *tracker;
    struct conn_hub *hub;
    struct farewells *farewells;
    struct netwatch *addresses;
    struct session_disk {
        struct doneq *doneq;
        struct loop_waker *waker;
        struct list crowded; /* torrents with jobs that the disk had no room for */
        struct loop_timer *again; /* looks whether it has now, if |awaited| */
        bool awaited;
    } disk;
    struct session_loads {
        uint32_t count, max; /* torrents under way: the queues behind them have a maximum */
        struct list waiting; /* torrents, in the order of asking */
    } loads;
    struct rng rng; /* of torrents at rest: when they announce */
    struct rate_bucket up, down;
    struct sitebudget *sites; /* of all torrents of the loop */
    struct bans bans;         /* of the process: this loop's copy */
    struct session_spare {
        uint64_t turn;    /* serial number of the torrent that closed a connection last */
        struct mono next; /* not sooner again */
    } spare;
    struct session_share { /* with several loops: of what they may move together */
        uint64_t moved[HOUSE_WAYS]; /* bytes of pieces */
        uint32_t waiting[HOUSE_WAYS];
        struct loop_timer *timer; /* off without a limit */
    } share;
    struct list torrents; /* in the order of adding */
    struct list dirty; /* torrents whose clocks must be looked at */
    struct loop_task *turn;
    struct list events;
    struct loop_timer *save_timer;
    struct session_end {
        bool begun, told;
        bool late; /* trackers had their time: no announce is begun any more */
        struct loop_timer *deadline;
        void (*done)(void *ctx);
        void *ctx;
    } end;
};

/* An accepted connection that has not said whom it wants, or wants a torrent that is being
 * loaded. */
struct stranger {
    struct list link;
    struct session *session;
    struct conn *conn;
    struct torrent *wanted; /* NULL: has not said */
    struct handshake hello; /* with |wanted| */
};

/* What moved between us and one host; |addr| has port 0, and is IP_NONE for the rest. */
struct host {
    struct hashmap_node node;
    struct torrent_host sum;
};

/* A peer of the core, and its connection. */
struct peer_slot {
    slot_id id; /* SLOT_NONE: free */
    struct conn *conn;
    struct endpoint addr; /* of the peer */
    struct handshake offer;
    bool shaken; /* both handshakes are there */
    struct host *host; /* NULL until it moves something */
};

enum job_kind { JOB_WRITE, JOB_VERIFY, JOB_LEAVES, JOB_FORGET };

/* A disk job of the core. Lives until its result was fed, or dropped because the core is
 * another. */
struct disk_job {
    struct list link; /* on waiting, or on free */
    struct torrent *torrent;
    uint32_t generation; /* of the core that asked */
    enum job_kind kind;
    uint32_t piece, begin;
    struct block *block;
    bool judge;
    uint8_t expected[32];
};

/* An announce under way. */
struct torrent_ask {
    struct list link;
    struct torrent *torrent;
    uint32_t job;
    struct tracker_ask *ask; /* NULL: it could not be made, and fails soon */
    struct loop_timer *slow; /* a person hears then that there is no answer; NULL: not */
    bool told;               /* and has heard it */
};

/* A peer given by name, being resolved. */
struct torrent_name {
    struct list link;
    struct torrent *torrent;
    struct resolve *resolve;
    char text[RESOLVE_HOST_MAX + 8];
};

/*  IDLE → CHECKING → READY ⇄ RUNNING → STOPPING → SAVING → CLOSING → STOPPED, and
 *  RUNNING → CLOSING → RESTING → IDLE for a seed that nobody wants anything of (torrent_rest.c) */
enum torrent_phase {
    PHASE_IDLE,     /* nothing is known of the disk: not looked at, or that failed */
    PHASE_RESTING,  /* all is there; no core, storage, metainfo and lock until it is wanted */
    PHASE_CHECKING, /* resume.h is at work */
    PHASE_READY,    /* |have| is known; the core has not been started, or is paused */
    PHASE_RUNNING,
    PHASE_STOPPING, /* the core says goodbye to the trackers */
    PHASE_SAVING,   /* the last commit */
    PHASE_CLOSING,  /* the storage finishes its jobs */
    PHASE_STOPPED,
};

/* From "all pieces are verified" to "all is on disk for good". */
enum torrent_completion {
    COMPLETION_NONE,
    COMPLETION_WANTED,
    COMPLETION_FINISHING, /* empty files and links are made */
    COMPLETION_FINISHED,
    COMPLETION_FLUSHING, /* synced and committed */
    COMPLETION_FLUSHED,
    COMPLETION_MOVING,    /* its files are brought into another directory too */
    COMPLETION_SWITCHING, /* the database learns that this one counts */
    COMPLETION_CLEANING,  /* they are removed where they were */
    COMPLETION_DONE,
};

/* Who failed, and so whose success ends the failure. */
enum torrent_failure_source {
    FAILURE_NONE,
    FAILURE_LOAD,
    FAILURE_CORE, /* and its disk jobs */
    FAILURE_COMMIT,
    FAILURE_FILES, /* others changed them */
    FAILURE_ROOM,  /* the directory can't be written to, or there is no space: nothing was begun */
};

struct hash_key {
    struct hashmap_node node;
    const uint8_t *hash; /* 20 bytes, of the torrent's facts */
    struct torrent *torrent;
};

/* What is known of a torrent without its metainfo. */
struct torrent_facts {
    char *name;
    uint64_t total_size;
    uint32_t piece_count;
    bool has_v1, has_v2;
    uint8_t v1[20], v2[32]; /* info-hashes */
};

#define TORRENT_MAGIC 0x544f5252u

struct torrent {
    uint32_t magic;
    struct list link;
    struct session *session;
    struct torrent_facts facts;
    struct metainfo *mi; /* NULL at rest, unless somebody asked: torrent_need_metainfo() */
    struct announcer *announcer; /* NULL while the core has it */
    char *save_dir;
    int64_t id;
    uint64_t serial; /* counts the torrents of all loops, in the order of adding */
    struct lockfile *lock; /* NULL: another process had it when we came; torrent_enter() */
    struct hash_key keys[2];
    enum torrent_phase phase;
    struct torrent_wish { /* what was asked for */
        bool paused, seed_only, force_check, trusted, removing, remove_data, stopping;
        bool sequential, super_seed;
        struct torrent_consent consent; /* until the files were looked at */
        enum seed_policy seed;
        double ratio;
        enum why_stop stop; /* why it was stopped */
        uint64_t up_limit, down_limit;
        uint8_t *selection; /* a byte a file (parts.h); NULL: all is wanted */
        bool reserve;
        bool worknames; /* asked for now, or for an earlier session */
        char *move_to;    /* NULL: it stays where it is */
        bool move_only_new; /* |move_to| is forgotten if nothing has to be fetched */
        char *moved_from; /* NULL, or where the same files are still to be removed */
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
        bool refused; /* it was told of a failure, and waits for START */
        bool frozen; /* nothing is fetched: a seed, or files were changed under it */
        struct bitfield have; /* what START says */
        struct swarm_input *later; /* results that came up while effects were carried out */
        size_t later_count, later_cap;
    } core;
    struct torrent_disk {
        struct storage *storage;
        struct commit *commit;
        struct resume *resume;
        struct list waiting; /* jobs that the disk had no room for, or behind stalled ones */
        struct list stalled; /* jobs that failed for a reason that may pass; the retry timer's */
        struct list free;
        uint32_t jobs;    /* at the disk or waiting */
        uint32_t reads;   /* of pieces to be sent */
        enum torrent_completion completion;
        bool retrying;  /* after a failure: a result that is right ends it */
        bool reloading; /* stops only to load again */
        bool strict;    /* others changed files: the next load believes exact stamps only */
        bool busy;      /* a step of the end is under way */
        bool told_complete;
        bool looking;   /* whether files were mended */
        bool preparing; /* the directory and its file system are looked at,
                           before the core is started */
        struct storage_room room; /* as it was found, with these pieces had */
        struct bitfield room_have;
        struct room_claim claim;
        size_t gone_file; /* with a failure GONE: what is waited for */
        uint32_t check_done, check_total; /* pieces */
        char *note; /* what the last check had to say of the files; NULL: nothing */
        char *why; /* the last failure's sentence; see torrent_why() */
    } disk;
    struct torrent_rest {
        struct mono at;  /* when it is put to rest if nobody comes; MONO_NEVER: it may not */
        bool going;      /* its storage is being closed for that */
        bool looking;    /* spratd starts: its files are being looked at */
        struct endpoint *found; /* by an announce while it rested; NULL: none */
        size_t found_count;
    } rest;
    struct torrent_net {
        struct peer_slot *peers; /* by slot_index() */
        uint32_t peer_cap;
        struct conn *accepting; /* while ACCEPTED is fed */
        struct handshake answer;
        uint32_t conns;
        bool said_unsupported; /* trackers */
    struct list asks;
        struct list names;
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
        char *message; /* NULL without a failure, or when memory is out */
        struct mono retry_at; /* MONO_NEVER: it waits for a person */
        bool quiet;    /* the same was told a short while ago, and this time was not */
    } failure;
    struct torrent_told { /* of failures that come and go: each cause once in a while,
                             with a count */
        int err;
        struct mono at;
        uint32_t quiet; /* times that it was not told since */
    } told;
    struct list dirty;
    struct list crowded;
    struct list load;         /* among those that wait to be loaded */
    struct loop_timer *timer; /* the core's and the commits' */
    struct loop_timer *retry;
};

/* session.c */
void session_mark_dirty(struct torrent *t);
/* A disk without room was asked: the torrents and connections that wait for it look again soon,
 * also if it is other loops whose jobs it has. */
void session_await_disk(struct session *s);
/* One of the sessions of |h|. The first listens. */
int session_open(struct house *h, struct loop *loop, const struct session_config *cfg,
                 const struct session_handler *handler, struct session **out, struct errbuf *eb);
/* Its end in two steps, the loop not running any more: all that it began is over or dropped; and,
 * after house_quiet(), its memory. */
void session_close(struct session *s);
void session_release(struct session *s);

/* session_doors.c */
int session_listen_all(struct session *s, const struct session_config *cfg, struct errbuf *eb);
void session_close_doors(struct session *s);

/* session_listen.c */
void session_on_accept(void *session, int fd, const struct endpoint *peer);
void session_drop_strangers(struct session *s);
void session_forget(struct session *s, struct torrent *t);
/* The torrent runs now: those who came while it was being loaded are let in. */
void session_admit(struct session *s, struct torrent *t);
/* It is gone: they wait for nothing. */
void session_forget_wanted(struct session *s, const struct torrent *t);

/* session_listen.c: whether somebody waits for it to run. */
bool session_is_wanted(const struct session *s, const struct torrent *t);

/* session_bans.c: one of the loop's torrents banned the site of |addr|: the others, and the
 * torrents of other loops, ban it soon. */
void session_share_ban(struct session *s, const struct endpoint *addr);

/* session_spare.c: when nearly all connections of the process are taken, closes one that gives and
 * takes nothing, if there is one, here and soon in the other loops. Nothing if that was done a
 * moment ago. */
void session_keep_spare(struct session *s);

/* session_torrents.c */
/* Loads what the database has, and deals it out. */
int sessions_load(struct house *h, struct errbuf *eb);

/* session_event.c */
void event_push(struct torrent *t, enum torrent_event_type type, int err, const char *message);
void event_deliver(struct session *s);
void event_drop(struct session *s, const struct torrent *t);

/* torrent_new.c */
int torrent_new(struct session *s, const struct torrent_add *add, struct torrent **out,
                struct errbuf *eb);
/* The same of one that is at rest, as |row| has it; |add->mi| stays the caller's. */
int torrent_new_at_rest(struct session *s, const struct torrent_add *add, struct torrent **out,
                        struct errbuf *eb);
void torrent_free(struct torrent *t);
/* Makes us its one user, unless we are, and reads what the database has of it, also its metainfo.
 * SPRAT_E_BUSY. */
int torrent_enter(struct torrent *t, struct errbuf *eb);

/* Stores what the torrent was added with, if spratd manages it. The database's error, or INVAL if
 * that can't be stored. */
int torrent_store_wish(struct torrent *t, struct errbuf *eb);

/* torrent.c */
void torrent_on_timer(void *ctx);
void torrent_on_retry(void *ctx);
void torrent_set_phase(struct torrent *t, enum torrent_phase phase);
/* Looks at the disk, in its turn, then runs unless it is paused. */
void torrent_load(struct torrent *t);
/* What is on disk is known: the core runs, as soon as there is room for what it fetches. */
void torrent_go(struct torrent *t);
void torrent_start(struct torrent *t);
void torrent_fail(struct torrent *t, enum torrent_failure_source source, int err,
                  const char *message);
void torrent_recovered(struct torrent *t, enum torrent_failure_source source);
/* The sentence of the disk's last failure, or without one what |err| means. */
const char *torrent_why(const struct torrent *t, int err);
/* Which names its files can have on disk. */
enum workname_use torrent_worknames(const struct torrent *t);
/* Files were changed under us: what is there is found out anew. */
void torrent_reload_soon(struct torrent *t, int err, const char *why);
/* At the end of each round of the loop in which something happened to it. */
void torrent_turn(struct torrent *t);

/* torrent_core.c */
int core_new(struct torrent *t);
/* Drops it and what hangs on it; its totals are kept. */
void core_drop(struct torrent *t);
/* The same, but its announcer goes on. */
void core_put_away(struct torrent *t);
void core_start(struct torrent *t);
/* Tells the core which pieces are wanted, when not all are. */
void core_feed_selection(struct torrent *t);
/* Whether the core has all that it wants. */
bool core_complete(const struct torrent *t);

/* torrent_stop.c */
void torrent_stop(struct torrent *t);
void torrent_stop_go_on(struct torrent *t);
/* Closes all, and loads it again. */
void torrent_reload(struct torrent *t);
/* What the state database remembers of a choice of files. */
int torrent_load_selection(struct torrent *t, struct errbuf *eb);
bool selection_is_all(const uint8_t *bytes, size_t count);
/* True if files had to be moved out of the part file first:
 * the torrent is loaded again afterwards, or has failed. */
bool torrent_gather(struct torrent *t);
/* torrent_move.c: the next step after all is flushed; false if there is none. */
bool torrent_move_go_on(struct torrent *t);
/* It is being removed: of a move that did not come to its end, nothing stays in the other place.
 * False if there is nothing to do, or no more. */
bool torrent_move_undo(struct torrent *t);
/* Nothing was downloaded: what is where its owner put it stays there. */
void torrent_move_forget(struct torrent *t);

/* All pieces are verified. */
void torrent_on_complete(struct torrent *t);
void torrent_completion_go_on(struct torrent *t);
void torrent_save(struct torrent *t);
/* Without a word to anybody, but for the disk's threads: the storage is gone when they are done. */
void torrent_crash(struct torrent *t);

/* torrent_rest.c */
/* Whether it is, or is about to be, at rest. */
bool torrent_is_resting(const struct torrent *t);
/* Puts it to rest when the time for that has come; says when that will be. */
struct mono torrent_rest_if_idle(struct torrent *t);
/* Its storage is closed. */
void torrent_rest_begin(struct torrent *t);
/* Somebody wants something of it: loads it. Nothing if it does not rest,
 * or is paused or stopping. */
void torrent_wake(struct torrent *t);
/* Announces of one at rest that are due. */
void torrent_rest_announce(struct torrent *t);
void torrent_rest_pause(struct torrent *t, bool paused);
void torrent_rest_stop(struct torrent *t);
void torrent_rest_stop_go_on(struct torrent *t);
void torrent_rest_on_announced(struct torrent *t, uint32_t job, const struct announce_result *res,
                               const struct endpoint *addrs, size_t count);
/* The core has begun: it is told of whom an announce found before. */
void torrent_rest_feed_found(struct torrent *t);
/* Its files are, or are not, as they were when spratd last ran. */
void torrent_rest_on_look(void *torrent, bool same);
/* What was only needed to answer somebody is dropped. */
void torrent_rest_trim(struct torrent *t);

/* torrent_status.c: as the status says it. */
enum torrent_state torrent_state_of(const struct torrent *t);

/* torrent_room.c: true if the torrent has to wait for room; then torrent_start() follows. */
bool torrent_room_find(struct torrent *t);
/* It is time to try again. */
void torrent_room_retry(struct torrent *t);
/* It writes no more. */
void torrent_room_leave(struct torrent *t);
/* A full disk stopped it: what is needed and free becomes part of the failure's sentence. */
void torrent_room_explain(struct torrent *t);

/* torrent_fx.c */
void torrent_feed(struct torrent *t, const struct swarm_input *in);

/* torrent_peers.c */
void peers_connect_to(struct torrent *t, const struct swarm_effect *fx);
void peers_accept(struct torrent *t, const struct swarm_effect *fx);
void peers_refuse(struct torrent *t, const struct swarm_effect *fx);
void peers_close(struct torrent *t, const struct swarm_effect *fx);
void peers_send(struct torrent *t, const struct swarm_effect *fx);
void peers_send_piece(struct torrent *t, const struct swarm_effect *fx);
void peers_allow(struct torrent *t, const struct swarm_effect *fx);
void peers_on_stranger(struct torrent *t, struct conn *c, const struct handshake *h);
void peers_drop_all(struct torrent *t);
/* Addresses of ours have gone: what was connected from them is closed. */
void peers_on_addresses_gone(struct torrent *t, const struct endpoint *addrs, size_t count);
void peers_fini(struct torrent *t);
void hosts_init(struct torrent *t);

/* torrent_disk.c */
void disk_write(struct torrent *t, const struct swarm_effect *fx);
void disk_verify(struct torrent *t, uint32_t piece);
void disk_leaves(struct torrent *t, uint32_t piece);
void disk_forget(struct torrent *t, uint32_t piece);
/* Submits what waits, as far as the disk has room. */
void disk_go_on(struct torrent *t);
/* Tries again what failed. */
void disk_retry(struct torrent *t);
/* Gives up what failed and what waits: their results are CANCELLED. */
void disk_give_up(struct torrent *t);
int disk_read(struct torrent *t, struct conn_piece *p);
/* As storage_lend(). */
bool disk_lend(struct torrent *t, const struct conn_piece *p, bool sure, struct storage_loan *loan);
/* How many bytes from |p|'s first on could be lent: none, or at least its own. */
uint32_t disk_at_hand(struct torrent *t, const struct conn_piece *p);
void disk_fini(struct torrent *t);
bool disk_idle(const struct torrent *t);

/* torrent_track.c */
void track_announce(struct torrent *t, const struct swarm_effect *fx);
/* What the torrent announces by; NULL if it has nothing to do that with, for want of memory. */
const struct announcer *track_announcer(const struct torrent *t);
void track_add_addrs(struct torrent *t, enum peer_source source, const struct endpoint *addrs,
                     size_t count);
/* Announces under way fail now: there is no more time for them. */
void track_cancel(struct torrent *t);
/* Connects to the peers that were given by name, from number |first| on. */
void track_add_names(struct torrent *t, size_t first);
/* Announces to one more tracker. */
void track_add_tracker(struct torrent *t, const char *url);
/* Tells, once, of trackers whose scheme can't be spoken. */
void track_say_unsupported(struct torrent *t);
void track_add_stored(struct torrent *t);
void track_fini(struct torrent *t);

#endif
