/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the files of the engine share: its structs, and the calls between its parts. Nobody else
 * includes this. An engine is what one loop has; process.h has what all loops share.
 *
 *   engine.c            opens, gives turns, ends
 *   engine_env.c        the calls that its torrents make
 *   engine_doors.c      listeners, and the choice of their port
 *   engine_listen.c     strangers until they say whom they want
 *   engine_bans.c       what one torrent bans is banned by all
 *   engine_spare.c      room for connections, when nearly all are taken
 *   engine_torrents.c   the list: added, loaded, found, forgotten
 *   engine_event.c      what people are told, from the loop
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
    ENGINE_BLOCKS_MAX = 1536,       /* 16 KiB each: received and not yet written,
                                        all loops together */
    ENGINE_STRANGERS_MAX = 512,     /* accepted connections that have not shaken hands */
    ENGINE_STRANGERS_SITE_MAX = 16, /* of one site (endpoint.h), but on this machine */
    ENGINE_LETTERS_MAX = 256,       /* connections that wait for their loop; more are closed */
    ENGINE_AGAIN_MS = 10,           /* until a disk that had no room is tried again */
    ENGINE_SAVE_MS = 60000,         /* totals and peers are stored that often */
};

/* An event that waits for the loop. */
struct pending_event {
    struct list link;
    struct torrent *torrent;
    enum torrent_event_type type;
    int err;
    char message[]; /* at most ERRBUF_SIZE with its end */
};

struct engine {
    uint32_t magic;
    struct process *process;
    bool own_process;       /* it is alone in it, and closes it */
    struct torrent_env env; /* what its torrents see; index 0 has the doors */
    struct engine_handler handler;
    struct mailbox *mail; /* what other loops bring */
    struct engine_listen {
        uint32_t strangers;
        struct list stranger_list;
    } listen;
    struct fetcher *fetcher;
    struct netwatch *addresses;
    struct engine_disk {
        struct loop_waker *waker;
        struct loop_timer *again; /* looks whether it has now, if |awaited| */
        bool awaited;
    } disk;
    struct engine_spare {
        uint64_t turn;    /* serial number of the torrent that closed a connection last */
        struct mono next; /* not sooner again */
    } spare;
    struct engine_share { /* with several loops: of what they may move together */
        uint32_t waiting[TORRENT_WAYS];
        struct loop_timer *timer; /* off without a limit */
    } share;
    struct list torrents; /* in the order of adding */
    struct list dirty;    /* torrents whose clocks must be looked at */
    struct loop_task *turn;
    struct list events;
    struct loop_timer *save_timer;
    struct engine_end {
        bool begun, told;
        struct loop_timer *deadline;
        void (*done)(void *ctx);
        void *ctx;
    } end;
};

/* An accepted connection that has not said whom it wants, or wants a torrent that is being
 * loaded. */
struct stranger {
    struct list link;
    struct engine *engine;
    struct conn *conn;
    struct torrent *wanted; /* NULL: has not said */
    struct handshake hello; /* with |wanted| */
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
/* A disk without room was asked: the torrents and connections that wait for it look again soon,
 * also if it is other loops whose jobs it has. */
void engine_await_disk(struct engine *s);
/* One of the engines of |h|. The first listens. */
int engine_open(struct process *h, struct loop *loop, const struct engine_config *cfg,
                const struct engine_handler *handler, struct engine **out, struct errbuf *eb);
/* Its end in two steps, the loop not running any more: all that it began is over or dropped; and,
 * after process_quiet(), its memory. */
void engine_close(struct engine *s);
void engine_release(struct engine *s);

/* --- engine_doors.c --- */

int engine_listen_all(struct engine *s, const struct engine_config *cfg, struct errbuf *eb);
void engine_close_doors(struct engine *s);

/* --- engine_listen.c --- */

void engine_on_accept(void *engine, int fd, const struct endpoint *peer);
void engine_drop_strangers(struct engine *s);
void engine_forget(struct engine *s, struct torrent *t);
/* The torrent runs now: those who came while it was being loaded are let in. */
void engine_admit(struct engine *s, struct torrent *t);
/* It is gone: they wait for nothing. */
void engine_forget_wanted(struct engine *s, const struct torrent *t);

/* Whether somebody waits for it to run. */
bool engine_is_wanted(const struct engine *s, const struct torrent *t);

/* --- engine_bans.c --- */

/* One of the loop's torrents banned the site of |addr|: the others, and the
 * torrents of other loops, ban it soon. */
void engine_share_ban(struct engine *s, const struct endpoint *addr);

/* --- engine_spare.c --- */

/* When nearly all connections of the process are taken, closes one that gives and
 * takes nothing, if there is one, here and soon in the other loops. Nothing if that was done a
 * moment ago. */
void engine_keep_spare(struct engine *s);

/* --- engine_torrents.c --- */

/* Loads what the database has, and deals it out. */
int engines_load(struct process *h, struct errbuf *eb);

/* --- engine_event.c --- */

void engine_tell(struct torrent *t, enum torrent_event_type type, int err, const char *message);
void event_deliver(struct engine *s);
void event_drop(struct engine *s, const struct torrent *t);

#endif
