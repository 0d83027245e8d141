/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Fan-outs: calls from the first loop to functions on the threads of other loops, without waiting.
 * The function of a fan-out runs on each requested loop (a visit). A continuation runs on the first
 * loop when all loops have answered, or after FANOUT_MS, and its argument says which loops have
 * not. So a loop that hangs in a system call (a network file system, a slow disk) delays neither
 * the first loop nor the other loops' torrents.
 */
#ifndef PEER_ENGINE_FANOUT_H
#define PEER_ENGINE_FANOUT_H

#include <stdatomic.h>

#include "common/ds/list.h"
#include "peer/engine/mailbox.h"
#include "peer/engine/engine.h"

enum {
    FANOUT_MS = 5000,      /* then the continuation runs without the loops that have not answered */
    FANOUT_AGAIN_MS = 500, /* the same, if one of the loops has been silent for FANOUT_MS already */
};

struct process;
struct fanout;

/* The state that all fan-outs of a process share. The members are private; all belong to the first
 * loop. */
struct fanouts {
    struct process *process;
    struct loop *loop;
    struct loop_timer *timer; /* fires at the deadline of the oldest fan-out */
    struct list waiting;      /* fan-outs whose continuation has not run, in the order of their
                                 deadlines */
    struct fanout_loop {
        uint32_t visits;   /* visits that the loop has not answered */
        struct mono since; /* with visits: the last answer, or the first of these visits */
    } loops[ENGINE_LOOPS_MAX];
    uint32_t threads; /* a bit for each loop that runs on a thread of its own */
    bool closed;      /* no thread is left: letters are answered where they are read */
};

/* A loop answers a visit when |visit| returns. A visit that is held ends later, with a second
 * letter to the first loop. */
struct fanout_visit {
    struct letter letter;
    struct letter answer; /* only of a visit that is held */
    struct fanout *fanout;
    struct engine *engine;
    atomic_int state;
    /* Of the visited thread: */
    bool inside;   /* |visit| has not returned */
    bool held;     /* fanout_let_go() has not been called */
    uint32_t owed; /* how much of |pending| the visit's end settles */
    bool direct;   /* the visit is on the first loop's thread, and no letter carries it */
};

/* A fan-out, embedded in the data that its visits use. The caller sets the functions, the other
 * members are private. */
struct fanout {
    /* Called on the thread of |s|. Several visits may run at the same time, so each visit writes
     * only to data of its own loop (engine_index()). */
    void (*visit)(struct engine *s, struct fanout *f);
    /* Called once, on the first loop, possibly inside of fanout_start(). |late| has a bit for each
     * loop whose visit has not ended; a visit that has not begun then never begins. */
    void (*done)(struct fanout *f, uint32_t late);
    /* Called once, on the first loop, after |done|, when no thread uses |f| any more: |f| may be
     * freed or started again. */
    void (*release)(struct fanout *f);

    struct fanouts *all;
    struct list link;
    struct mono deadline;
    uint32_t pending; /* answers and ends of visits that have not come back */
    uint32_t refused; /* a bit for each loop whose mailbox was full */
    bool told;        /* |done| was called */
    struct fanout_visit visits[ENGINE_LOOPS_MAX];
};

/* NOMEM. */
int fanouts_init(struct fanouts *all, struct process *process, struct loop *loop);
/* Called when no other thread is left: waiting continuations run with all their loops late. Letters
 * that are still in mailboxes come back when the mailboxes are drained. */
void fanouts_close(struct fanouts *all);
void fanouts_fini(struct fanouts *all);

/* Visits each loop whose bit is set in |loops|. On the first loop's thread. */
void fanout_start(struct fanouts *all, struct fanout *f, uint32_t loops);

/* For |visit|: the visit does not end with the return of |visit|, but with fanout_let_go(), once,
 * on the thread of |s|; possibly inside of |visit|. */
void fanout_hold(struct fanout *f, struct engine *s);
void fanout_let_go(struct fanout *f, struct engine *s);

/* How long loop |i| has not answered a visit, in milliseconds; 0: it answers. A visit that is held
 * is answered. */
int64_t fanouts_silent_ms(const struct fanouts *all, uint32_t i);

/* For |done|: whether the visit to the late loop |i| has begun, so that the visit may still end. */
bool fanout_has_begun(struct fanout *f, uint32_t i);
/* For |done|: whether the late loop |i| has answered, so that only the end of a held visit is
 * missing. */
bool fanout_is_answered(struct fanout *f, uint32_t i);

#endif
