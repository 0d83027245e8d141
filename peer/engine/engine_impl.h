/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The inside of the engine, for its own files: its structs, and the calls between its parts. No
 * other file includes this header. Each loop has one engine; process.h has the data that all loops
 * share.
 *
 *   engine.c            opens the engine, runs the steps of its torrents, ends
 *   engine_env.c        the calls that its torrents make
 *   engine_doors.c      listeners, and the choice of their port
 *   engine_listen.c     accepted connections until they belong to a torrent
 *   engine_bans.c       bans, which all torrents of the process share
 *   engine_spare.c      closes idle connections when nearly all connections are in use
 *   engine_torrents.c   the list of torrents: added, loaded, found, forgotten
 *   engine_search.c     searches of torrents in the DHT and in the local network
 *   engine_udp.c        announces to UDP trackers, from the sockets of the first loop
 *   engine_event.c      events for the user's handler
 */
#ifndef PEER_ENGINE_ENGINE_IMPL_H
#define PEER_ENGINE_ENGINE_IMPL_H

#include "common/ds/list.h"
#include "common/ev/netwatch.h"
#include "peer/engine/engine.h"
#include "peer/engine/mailbox.h"
#include "peer/engine/process.h"
#include "peer/torrent/torrent_env.h"
#include "peer/torrent/torrent_impl.h"

enum {
    ENGINE_BLOCKS_MAX = 1536,       /* blocks of 16 KiB that are received and not yet written, all
                                       loops together */
    ENGINE_STRANGERS_MAX = 512,     /* accepted connections without a complete handshake */
    ENGINE_STRANGERS_SITE_MAX = 16, /* strangers of one site (endpoint.h); no maximum for this
                                       machine */
    ENGINE_LETTERS_MAX = 256,       /* connections that wait for their loop; further connections are
                                       closed */
    ENGINE_BANS_MAX = 256,          /* bans that wait to be stored; further bans are not stored */
    ENGINE_AGAIN_MS = 10,           /* delay before the next attempt after the disk had no room */
    ENGINE_SAVE_MS = 60000,         /* interval between saves of totals and peers */
};

/* An event that waits for the loop. */
struct pending_event {
    struct list link;
    struct torrent *torrent;
    enum torrent_event_type type;
    int err;
    char message[]; /* at most ERRBUF_SIZE bytes with the NUL */
};

struct engine {
    uint32_t magic;
    struct process *process;
    bool own_process;       /* the engine is the only one of the process, and frees the process */
    struct torrent_env env; /* the environment of the engine's torrents; index 0 has the
                               listeners */
    struct engine_handler handler;
    struct mailbox *mail; /* letters from other loops */
    struct engine_listen {
        uint32_t strangers;
        struct list stranger_list;
    } listen;
    struct fetcher *fetcher;
    struct netwatch *addresses;
    struct engine_disk {
        struct loop_waker *waker;
        struct loop_timer *again; /* checks whether the disk has room again, if |awaited| */
        bool awaited;
    } disk;
    struct engine_bans {
        struct state_ban *waiting; /* bans of this loop's torrents to be stored; of ENGINE_BANS_MAX
                                      entries, or NULL */
        size_t count;
        bool storing; /* the database stores earlier ones: one commit at a time */
    } bans;
    struct engine_spare {
        uint64_t turn;    /* serial number of the torrent that closed a connection last */
        struct mono next; /* the earliest time of the next closing */
    } spare;
    struct engine_search {       /* the first loop's */
        struct dhtnodes *nodes;  /* NULL: no DHT */
        struct dhtnodes *closed; /* until the results of its stores have been read */
        struct lsdnode *local;   /* NULL: no local discovery */
        struct hashmap seekers;  /* torrents of all loops that are searched for, by serial number */
        struct list seeker_list;
    } search;
    struct engine_udp {              /* the first loop's */
        struct udp_tracker *tracker; /* NULL: not open yet, or closed */
        struct list errands;         /* announces of other loops that are under way */
    } udp;
    struct engine_share { /* with several loops: this loop's share of the rate limits */
        uint32_t waiting[TORRENT_WAYS];
        struct loop_timer *timer; /* off while there is no limit */
    } share;
    struct list torrents;    /* in the order of adding */
    struct list dirty;       /* torrents whose clocks must be looked at */
    struct loop_task *steps; /* of the torrents in |dirty| */
    struct list events;
    struct loop_timer *save_timer;
    struct engine_end {
        bool begun, told;
        struct loop_timer *deadline;
        void (*done)(void *ctx);
        void *ctx;
    } end;
};

/* An accepted connection whose handshake is not complete, or whose torrent is being loaded. */
struct stranger {
    struct list link;
    struct engine *engine;
    struct conn *conn;
    struct torrent *wanted; /* NULL: the handshake is not complete */
    struct handshake hello; /* valid if |wanted| is not NULL */
};

static inline struct engine *
engine_of(const struct torrent *t)
{
    return LIST_ENTRY(t->env, struct engine, env);
}

/* --- engine_env.c --- */

extern const struct torrent_env_calls engine_env_calls;

/* --- engine.c --- */

void engine_mark_dirty(struct torrent *t);
/* The disk had no room for a job: the torrents and connections that wait for it try again soon,
 * even if the disk's jobs are those of other loops. */
void engine_await_disk(struct engine *s);
/* Opens one of the engines of |h|. The first engine listens. */
int engine_open(struct process *h, struct loop *loop, const struct engine_config *cfg,
                const struct engine_handler *handler, struct engine **out, struct errbuf *eb);
/* Closes the engine in two steps, after its loop has ended: engine_close() ends or drops all its
 * work; engine_release(), after process_quiet(), frees its memory. */
void engine_close(struct engine *s);
void engine_release(struct engine *s);

/* --- engine_doors.c --- */

int engine_listen_all(struct engine *s, const struct engine_config *cfg, struct errbuf *eb);
void engine_close_doors(struct engine *s);

/* --- engine_listen.c --- */

void engine_on_accept(void *engine, int fd, const struct endpoint *peer);
void engine_drop_strangers(struct engine *s);
void engine_forget(struct engine *s, struct torrent *t);
/* The torrent runs now: strangers that waited while it was being loaded enter. */
void engine_admit(struct engine *s, struct torrent *t);
/* The torrent is gone: closes the strangers that wait for it. */
void engine_forget_wanted(struct engine *s, const struct torrent *t);

/* --- engine_bans.c --- */

/* The loop's copy begins with the stored bans. */
void engine_bans_init(struct engine *s, const uint64_t seed[2]);
/* Gives the database the bans that wait to be stored. No torrent may be left. */
void engine_bans_close(struct engine *s);
void engine_bans_fini(struct engine *s);

/* A torrent of this loop banned the site of |addr|: the other torrents, of this loop and of other
 * loops, ban it soon, and it is stored soon. */
void engine_share_ban(struct engine *s, const struct endpoint *addr);

/* --- engine_spare.c --- */

/* When nearly all connections of the process are in use, closes one connection that transfers
 * nothing, if there is one, here and soon in the other loops. No effect if the last call was a
 * moment ago. */
void engine_keep_spare(struct engine *s);

/* --- engine_torrents.c --- */

/* Whether |what| means the torrent, as engine_find() decides. */
bool engine_is_meant(const char *name, const struct identity *id, const char *what,
                     bool by_beginning);
/* 0, or the reason why the process can't have the torrent: EXISTS, LIMIT. Any thread. */
int engine_may_add(struct process *h, const struct torrent_add *add, struct errbuf *eb);
/* engine_add() in steps. engine_look_at_place() waits for the disk, and any thread may call it: it
 * finds out whether the torrent's files can be made where |add| wants them, and makes the
 * enrolment. When that is stored, and is a member of |add|, engine_add_placed() adds the torrent;
 * it waits for nothing. */
int engine_look_at_place(const struct process *h, const struct torrent_add *add,
                         struct torrent_enrolment **out, struct errbuf *eb);
int engine_add_placed(struct engine *s, const struct torrent_add *add, struct torrent **out,
                      struct errbuf *eb);

/* Loads all torrents of the database, and distributes them over the loops. */
int engines_load(struct process *h, struct errbuf *eb);

/* --- engine_search.c --- */

struct dhtnodes;
struct lsdnode;

void engine_search_init(struct engine *s, const uint64_t seed[2]);
/* Opens the nodes of the DHT and local discovery on the first loop, after its listeners, if |cfg|
 * says so. */
int engine_open_searches(struct engine *s, const struct engine_config *cfg, struct errbuf *eb);
/* An interface or an address of this machine changed. */
void engine_search_on_change(struct engine *s);
/* Ends them, before the listeners close; and frees them, after the results of the database were
 * read. */
void engine_close_searches(struct engine *s);
void engine_fini_searches(struct engine *s);
/* Calls of torrents, on any loop: torrent_env.h. */
bool engine_search(struct torrent *t, const struct torrent_search *search);
void engine_add_dht_node(struct torrent_env *env, const struct endpoint *addr);
bool engine_add_dht_names(struct torrent_env *env, const struct metainfo_node *nodes, size_t count);

/* --- engine_udp.c --- */

/* The way to UDP trackers for the loop's tracker client. The first loop opens the client side of
 * the protocol, after its listeners. NOMEM. */
int engine_open_udp(struct engine *s, struct udp_asker *asker);
/* On the first loop, before the sockets close: announces of other loops fail. The answers are in
 * those loops' mailboxes, which have to be drained once more after all loops are closed. */
void engine_close_udp(struct engine *s);

/* --- engine_event.c --- */

void engine_tell(struct torrent *t, enum torrent_event_type type, int err, const char *message);
/* Calls the handler for each event that waits, and then |forget| for a torrent that was removed. */
void event_deliver(struct engine *s, void (*forget)(struct engine *s, struct torrent *t));
void event_drop(struct engine *s, const struct torrent *t);

#endif
