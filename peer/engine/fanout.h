/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Visits to other loops that the first loop does not wait for: a function runs on the thread of
 * each loop that is asked, and a continuation runs on the first loop when all have answered, or
 * after FANOUT_MS, and is told which loops have not. So a loop that hangs in a system call (a
 * network file system, a slow disk) holds up neither the first loop nor the other loops' torrents.
 */
#ifndef PEER_ENGINE_FANOUT_H
#define PEER_ENGINE_FANOUT_H

#include <stdatomic.h>

#include "common/ds/list.h"
#include "peer/engine/mailbox.h"
#include "peer/engine/engine.h"

enum {
    FANOUT_MS = 5000, /* then the continuation runs without the loops that have not answered */
};

struct process;
struct fanout;

/* What all fan-outs of a process share. Members are private; all is the first loop's. */
struct fanouts {
    struct process *process;
    struct loop *loop;
    struct loop_timer *timer; /* the deadline of the oldest */
    struct list waiting;      /* whose continuation has not run, in the order of their deadlines */
    uint32_t threads;         /* a bit for each loop that runs on a thread of its own */
    bool closed;              /* no thread is left: letters are answered where they are read */
};

struct fanout_visit {
    struct letter letter;
    struct fanout *fanout;
    struct engine *engine;
    atomic_int state;
};

/* Embedded in what the visits work on. The caller sets the functions; the rest is private. */
struct fanout {
    /* On the thread of |s|. Several visits may run at the same time, so that each writes only to
     * what belongs to its loop (engine_index()). */
    void (*visit)(struct engine *s, struct fanout *f);
    /* Once, on the first loop, and possibly inside of fanout_start(). |late| has a bit for each
     * loop that has not answered; a visit that has not begun then never begins. */
    void (*done)(struct fanout *f, uint32_t late);
    /* Once, on the first loop, after |done|, when no thread looks at |f| any more: it may be freed,
     * or started again. */
    void (*release)(struct fanout *f);

    struct fanouts *all;
    struct list link;
    struct mono deadline;
    uint32_t pending; /* visits that have not come back */
    uint32_t refused; /* a bit for each loop whose mailbox was full */
    bool told;        /* |done| was called */
    struct fanout_visit visits[ENGINE_LOOPS_MAX];
};

/* NOMEM. */
int fanouts_init(struct fanouts *all, struct process *process, struct loop *loop);
/* No thread is left: continuations that wait are told that all loops are late. What still lies in
 * mailboxes comes back when these are drained. */
void fanouts_close(struct fanouts *all);
void fanouts_fini(struct fanouts *all);

/* Visits each loop whose bit is set in |loops|. On the first loop's thread. */
void fanout_start(struct fanouts *all, struct fanout *f, uint32_t loops);

/* For |done|: whether the visit to the late loop |i| has begun, so that it may still end. */
bool fanout_has_begun(struct fanout *f, uint32_t i);

#endif
