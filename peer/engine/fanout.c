/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A visit is a letter to a loop, which sends it back: at the visit's end. The answer to a visit
 * that is held is a letter of its own, because the loop is not silent meanwhile. The state of a
 * visit decides who has it: the first loop cancels a visit only while it waits, and the other loop
 * begins one only while it waits.
 */
#include "peer/engine/fanout.h"

#include "common/base/assert.h"
#include "peer/engine/engine_impl.h"

enum visit_state { VISIT_NONE, VISIT_WAITS, VISIT_RUNS, VISIT_HELD, VISIT_CANCELLED, VISIT_DONE };

static void
set_timer(struct fanouts *all)
{
    struct mono at = MONO_NEVER;

    if (!list_empty(&all->waiting))
        at = LIST_ENTRY(all->waiting.next, struct fanout, link)->deadline;
    loop_timer_set(all->timer, at);
}

static void
tell(struct fanout *f, uint32_t late)
{
    f->told = true;
    list_remove(&f->link);
    f->done(f, late);
}

/* Cancels the visits that have not begun. Returns a bit for each loop whose visit has not ended. */
static uint32_t
cancel(struct fanout *f)
{
    uint32_t late = f->refused;

    for (uint32_t i = 0; i < ENGINE_LOOPS_MAX; i++) {
        int state = VISIT_WAITS;

        (void)atomic_compare_exchange_strong(&f->visits[i].state, &state, VISIT_CANCELLED);
        if (state == VISIT_WAITS || state == VISIT_RUNS || state == VISIT_HELD)
            late |= UINT32_C(1) << i;
    }
    return late;
}

bool
fanout_has_begun(struct fanout *f, uint32_t i)
{
    int state = atomic_load(&f->visits[i].state);

    return state == VISIT_RUNS || state == VISIT_HELD || state == VISIT_DONE;
}

bool
fanout_is_answered(struct fanout *f, uint32_t i)
{
    int state = atomic_load(&f->visits[i].state);

    return state == VISIT_HELD || state == VISIT_DONE;
}

static void
on_deadline(void *ctx)
{
    struct fanouts *all = ctx;
    struct mono now = loop_now(all->loop);

    while (!list_empty(&all->waiting)) {
        struct fanout *f = LIST_ENTRY(all->waiting.next, struct fanout, link);

        if (mono_before(now, f->deadline))
            break;
        tell(f, cancel(f));
    }
    set_timer(all);
}

int
fanouts_init(struct fanouts *all, struct process *process, struct loop *loop)
{
    *all = (struct fanouts){.process = process, .loop = loop};
    list_init(&all->waiting);
    all->timer = loop_timer_new(loop, on_deadline, all);
    return all->timer != NULL ? 0 : SPRAT_E_NOMEM;
}

void
fanouts_close(struct fanouts *all)
{
    all->threads = 0;
    all->closed = true;
    while (all->timer != NULL && !list_empty(&all->waiting)) {
        struct fanout *f = LIST_ENTRY(all->waiting.next, struct fanout, link);

        tell(f, cancel(f));
    }
}

void
fanouts_fini(struct fanouts *all)
{
    loop_timer_free(all->timer);
    all->timer = NULL;
}

/* |count| answers and ends of visits came back. |f| may be gone afterwards. */
static void
take_back(struct fanout *f, uint32_t count)
{
    struct fanouts *all = f->all;

    ASSERT(f->pending >= count);
    f->pending -= count;
    if (f->pending > 0)
        return;
    if (!f->told)
        tell(f, f->refused);
    f->release(f);
    set_timer(all);
}

/* The loop of |v| has answered |count| visits, and is alive. */
static void
count_answer(struct fanout_visit *v, uint32_t count)
{
    struct fanout_loop *loop = &v->fanout->all->loops[engine_index(v->engine)];

    loop->visits -= count;
    loop->since = loop_now(v->fanout->all->loop);
}

static void
on_answer(struct letter *l)
{
    struct fanout_visit *v = LIST_ENTRY(l, struct fanout_visit, answer);

    count_answer(v, 1);
    take_back(v->fanout, 1);
}

static void
on_return(struct letter *l)
{
    struct fanout_visit *v = LIST_ENTRY(l, struct fanout_visit, letter);

    count_answer(v, v->owed - 1);
    take_back(v->fanout, v->owed);
}

int64_t
fanouts_silent_ms(const struct fanouts *all, uint32_t i)
{
    const struct fanout_loop *loop = &all->loops[i];

    return loop->visits > 0 ? mono_diff_ms(loop_now(all->loop), loop->since) : 0;
}

/* A visit is on its way to the loop. */
static void
count_visit(struct fanouts *all, uint32_t i)
{
    if (all->loops[i].visits++ == 0)
        all->loops[i].since = loop_now(all->loop);
}

/* The visit is over, or was cancelled: reports it to the first loop. */
static void
send_back(struct fanout_visit *v)
{
    struct fanouts *all = v->fanout->all;

    if (v->direct || all->closed) {
        take_back(v->fanout, v->owed);
        return;
    }
    v->letter.run = on_return;
    mailbox_post_own(all->process->engines[0]->mail, &v->letter);
}

/* The visit goes on, but its loop does not hang. */
static void
send_answer(struct fanout_visit *v)
{
    struct fanouts *all = v->fanout->all;

    atomic_store(&v->state, VISIT_HELD);
    if (v->direct || all->closed)
        return;
    v->owed = 1;
    v->answer.run = on_answer;
    mailbox_post_own(all->process->engines[0]->mail, &v->answer);
}

static void
run_visit(struct fanout_visit *v)
{
    v->inside = true;
    v->fanout->visit(v->engine, v->fanout);
    v->inside = false;
    if (v->held) {
        send_answer(v);
        return;
    }
    atomic_store(&v->state, VISIT_DONE);
    send_back(v);
}

void
fanout_hold(struct fanout *f, struct engine *s)
{
    f->visits[engine_index(s)].held = true;
}

void
fanout_let_go(struct fanout *f, struct engine *s)
{
    struct fanout_visit *v = &f->visits[engine_index(s)];

    v->held = false;
    if (v->inside)
        return;
    atomic_store(&v->state, VISIT_DONE);
    send_back(v);
}

/* On the other loop's thread; at the end, when the mailboxes are drained, on the caller's. */
static void
on_visit(struct letter *l)
{
    struct fanout_visit *v = LIST_ENTRY(l, struct fanout_visit, letter);
    int state = VISIT_WAITS;

    if (atomic_compare_exchange_strong(&v->state, &state, VISIT_RUNS))
        run_visit(v);
    else
        send_back(v);
}

static void
visit_loop(struct fanout *f, uint32_t i)
{
    struct fanout_visit *v = &f->visits[i];
    uint32_t bit = UINT32_C(1) << i;

    v->fanout = f;
    v->engine = f->all->process->engines[i];
    v->held = false;
    v->direct = (f->all->threads & bit) == 0; /* the first loop, or one that does not run yet */
    v->owed = v->direct ? 1 : 2; /* the visit's end, and its answer if that is a letter */
    f->pending += v->owed;
    if (v->direct) {
        atomic_store(&v->state, VISIT_RUNS);
        run_visit(v);
        return;
    }
    atomic_store(&v->state, VISIT_WAITS);
    v->letter.run = on_visit;
    if (mailbox_post(v->engine->mail, &v->letter) != 0) {
        atomic_store(&v->state, VISIT_NONE);
        f->refused |= bit;
        f->pending -= v->owed;
        return;
    }
    count_visit(f->all, i);
}

/* When the continuation runs at the latest. */
static struct mono
deadline_of(const struct fanouts *all, uint32_t loops)
{
    bool silent = false;

    for (uint32_t i = 0; i < ENGINE_LOOPS_MAX; i++)
        silent =
            silent || ((loops & UINT32_C(1) << i) != 0 && fanouts_silent_ms(all, i) >= FANOUT_MS);
    return mono_add_ms(loop_now(all->loop), silent ? FANOUT_AGAIN_MS : FANOUT_MS);
}

/* Enters |f| in the order of the deadlines. */
static void
enter(struct fanouts *all, struct fanout *f)
{
    struct list *before = all->waiting.prev;

    while (before != &all->waiting &&
           mono_before(f->deadline, LIST_ENTRY(before, struct fanout, link)->deadline))
        before = before->prev;
    list_push_front(before, &f->link); /* behind |before| */
}

void
fanout_start(struct fanouts *all, struct fanout *f, uint32_t loops)
{
    f->all = all;
    f->told = false;
    f->refused = 0;
    f->pending = 1; /* this function's own, so that |f| stays until the end of it */
    f->deadline = deadline_of(all, loops);
    enter(all, f);
    for (uint32_t i = 0; i < ENGINE_LOOPS_MAX; i++) {
        atomic_store(&f->visits[i].state, VISIT_NONE);
        if (loops & UINT32_C(1) << i)
            visit_loop(f, i);
    }
    set_timer(all);
    take_back(f, 1);
}
