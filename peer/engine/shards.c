/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Loops, their threads, and the visits of the first loop to the others. A command is a fan-out to
 * the loops that may have its torrent, and one to the loop that has it.
 */
#include "peer/engine/shards.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/base/hex.h"
#include "common/sys/thread.h"
#include "peer/engine/engine_impl.h"
#include "peer/store/diskcall.h"
#include "peer/torrent/torrent_enrol.h"

struct shard {
    struct shards *all;
    struct engine *engine;
    struct loop *loop;
    struct thread thread;
    struct letter stop; /* from the first loop, here and below */
    struct letter hurry;
    struct letter end;     /* the thread's */
    struct letter stopped; /* to the first loop */
};

struct shards {
    struct process *process;
    uint32_t count;
    bool running;
    bool told;        /* |done| was called */
    uint32_t started; /* threads, and the first loop */
    bool hurried;
    struct fanouts fanouts;
    struct fanout limits; /* each loop takes its part of the limits */
    bool limits_under_way, limits_again;
    uint32_t
        enrolling;    /* errands whose torrent the database has or is about to have, and no loop */
    uint32_t to_stop; /* engines that engine_stop() is not through with */
    void (*done)(void *ctx);
    void *ctx;
    struct shard shards[ENGINE_LOOPS_MAX];
};

/* --- opening --- */

static int
open_shard(struct shards *sh, uint32_t i, struct loop *loop, const struct engine_config *cfg,
           const struct engine_handler *handler, struct errbuf *eb)
{
    struct shard *x = &sh->shards[i];
    int err = 0;

    x->all = sh;
    if (i == 0)
        x->loop = loop;
    else
        err = loop_new(&x->loop, eb);
    return err == 0 ? engine_open(sh->process, x->loop, cfg, handler, &x->engine, eb) : err;
}

int
shards_new(struct loop *loop, const struct engine_config *cfg, uint32_t loops,
           const struct engine_handler *handler, struct shards **out, struct errbuf *eb)
{
    struct shards *sh = calloc(1, sizeof(*sh));
    int err;

    ASSERT(loops > 0 && loops <= ENGINE_LOOPS_MAX);
    if (sh == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    sh->count = loops;
    err = process_new(cfg, loops, &sh->process, eb);
    if (err == 0 && process_rates_init(sh->process, loop) != 0)
        err = errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    for (uint32_t i = 0; i < loops && err == 0; i++)
        err = open_shard(sh, i, loop, cfg, handler, eb);
    if (err == 0 && fanouts_init(&sh->fanouts, sh->process, loop) != 0)
        err = errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    if (err != 0) {
        shards_free(sh);
        return err;
    }
    shards_set_limits(sh, cfg->up_limit, cfg->down_limit);
    *out = sh;
    return 0;
}

int
shards_load(struct shards *sh, struct errbuf *eb)
{
    ASSERT(!sh->running);
    return engines_load(sh->process, eb);
}

/* --- threads --- */

/* A loop ends early only if the kernel refuses to wait: that would be a bug of this program. */
static void *
thread_main(void *arg)
{
    struct shard *x = arg;
    int err = loop_run(x->loop);

    ASSERT(err == 0);
    return NULL;
}

static int
start_thread(struct shard *x, uint32_t i)
{
    char name[16];
    int err = thread_start(&x->thread, thread_main, x);

    if (err != 0)
        return err;
    snprintf(name, sizeof(name), "loop %u", i);
    thread_set_name(&x->thread, name);
    return 0;
}

int
shards_run(struct shards *sh, struct errbuf *eb)
{
    int err = 0;

    sh->running = true;
    sh->started = 1;
    while (sh->started < sh->count && err == 0) {
        err = start_thread(&sh->shards[sh->started], sh->started);
        if (err == 0)
            sh->fanouts.threads |= UINT32_C(1) << sh->started++;
    }
    return err == 0 ? 0 : errbuf_set(eb, err, "can't start a thread for a loop");
}

static void
end_loop(struct letter *l)
{
    loop_stop(LIST_ENTRY(l, struct shard, end)->loop);
}

static void
join_threads(struct shards *sh)
{
    for (uint32_t i = 1; sh->running && i < sh->started; i++) {
        struct shard *x = &sh->shards[i];

        x->end.run = end_loop;
        mailbox_post_own(x->engine->mail, &x->end);
        thread_join(&x->thread);
    }
    sh->running = false;
}

void
shards_free(struct shards *sh)
{
    if (sh == NULL)
        return;
    join_threads(sh);
    if (sh->fanouts.timer != NULL)
        fanouts_close(&sh->fanouts);
    for (uint32_t i = 0; i < sh->count; i++)
        if (sh->shards[i].engine != NULL)
            engine_close(sh->shards[i].engine);
    /* What a loop sent to the first one while it was closing is sent back. */
    for (uint32_t i = 0; i < sh->count; i++)
        if (sh->shards[i].engine != NULL && sh->shards[i].engine->mail != NULL)
            mailbox_drain(sh->shards[i].engine->mail);
    if (sh->process != NULL) {
        process_quiet(sh->process);
        process_rates_fini(sh->process);
    }
    for (uint32_t i = 0; i < sh->count; i++) {
        if (sh->shards[i].engine != NULL)
            engine_release(sh->shards[i].engine);
        if (i > 0)
            loop_free(sh->shards[i].loop);
    }
    fanouts_fini(&sh->fanouts);
    process_free(sh->process);
    free(sh);
}

uint32_t
shards_count(const struct shards *sh)
{
    return sh->count;
}

size_t
shards_listen(const struct shards *sh, const struct endpoint **addrs)
{
    return engine_listen(sh->shards[0].engine, addrs);
}

const char *
shards_listen_note(const struct shards *sh)
{
    return engine_listen_note(sh->shards[0].engine);
}

void
shards_udp_counts(const struct shards *sh, struct udpdoor_counts *counts)
{
    engine_udp_counts(sh->shards[0].engine, counts);
}

unsigned
shards_dht_count(const struct shards *sh)
{
    return engine_dht_count(sh->shards[0].engine);
}

const struct endpoint *
shards_dht_stats(const struct shards *sh, unsigned node, struct dht_stats *st)
{
    return engine_dht_stats(sh->shards[0].engine, node, st);
}

bool
shards_lsd_stats(const struct shards *sh, struct lsd_stats *st)
{
    return engine_lsd_stats(sh->shards[0].engine, st);
}

/* --- visits --- */

void
shards_visit(struct shards *sh, struct fanout *f)
{
    fanout_start(&sh->fanouts, f, (UINT32_C(1) << sh->count) - 1);
}

static uint32_t
first_bit(uint32_t bits)
{
    uint32_t i = 0;

    while ((bits & UINT32_C(1) << i) == 0)
        i++;
    return i;
}

int
shards_late(struct fanout *f, uint32_t late, struct errbuf *eb)
{
    uint32_t i = first_bit(late);
    int64_t ms = fanouts_silent_ms(f->all, i);

    if (fanout_is_answered(f, i))
        return errbuf_set(eb, SPRAT_E_TIMEOUT,
                          "the request has not ended after %d s, perhaps because a disk is slow; "
                          "it may still take effect; try again later",
                          FANOUT_MS / 1000);
    return errbuf_set(eb, SPRAT_E_TIMEOUT,
                      "loop %u has not answered for %d s, perhaps because a disk hangs; %s; try "
                      "again later",
                      i, (int)((ms > FANOUT_MS ? ms : FANOUT_MS) / 1000),
                      fanout_has_begun(f, i) ? "the request may still take effect"
                                             : "nothing was changed");
}

static void
answer(struct shards_errand *e, int err)
{
    e->answered = true;
    e->done(e, err, &e->eb);
}

static struct shards_silent
silent_of(const struct process_known *k, int64_t ms)
{
    return (struct shards_silent){
        .serial = k->serial, .name = k->name, .id = &k->id, .total_size = k->total_size, .ms = ms};
}

void
shards_each_silent(struct shards *sh, uint32_t loop,
                   void (*each)(void *ctx, const struct shards_silent *t), void *ctx)
{
    int64_t ms = fanouts_silent_ms(&sh->fanouts, loop);
    size_t count;
    struct process_known *all = process_list(sh->process, loop, &count);

    for (size_t i = 0; i < count; i++) {
        struct shards_silent t = silent_of(&all[i], ms);

        each(ctx, &t);
    }
    process_known_free(all, count);
}

void
shards_errand_silent(struct shards_errand *e,
                     void (*each)(void *ctx, const struct shards_silent *t), void *ctx)
{
    size_t count;
    struct process_known *all = process_list(e->shards->process, e->loop, &count);

    for (size_t i = 0; i < count; i++) {
        struct shards_silent t =
            silent_of(&all[i], fanouts_silent_ms(&e->shards->fanouts, e->loop));

        if (memcmp(identity_wire_hash(t.id, !t.id->has_v1), e->hash, sizeof(e->hash)) == 0 ||
            (t.id->has_v2 && memcmp(t.id->v2, e->hash, sizeof(e->hash)) == 0))
            each(ctx, &t);
    }
    process_known_free(all, count);
}

/* The end of the visit to the one loop that is asked to run the errand. */
static void
on_visited(struct fanout *f, uint32_t late)
{
    struct shards_errand *e = LIST_ENTRY(f, struct shards_errand, fan);
    struct errbuf why;

    if (late != 0) { /* the loop may be writing to |e| */
        e->answered = true;
        e->done(e, shards_late(f, late, &why), &why);
    } else {
        answer(e, e->err);
    }
}

static void
end_if_stopped(struct shards *sh)
{
    if (sh->done != NULL && !sh->told && sh->to_stop == 0 && sh->enrolling == 0) {
        sh->told = true;
        sh->done(sh->ctx);
    }
}

static void
end_adding(struct shards_errand *e)
{
    struct torrent_enrolment *enrolment = e->add.enrolment;

    e->add.enrolment = NULL;
    if (enrolment != NULL && enrolment->stored) {
        e->shards->enrolling--;
        end_if_stopped(e->shards);
    }
    enrol_free(enrolment);
}

static void
finish(struct shards_errand *e)
{
    end_adding(e);
    e->release(e);
}

static void
on_undone(void *user, int err, const char *why)
{
    struct shards_errand *e = user;

    if (err != 0)
        log_error(&e->shards->process->shared.log, "%s could not be added, and may reappear: %s",
                  torrent_add_name(&e->add), why);
    finish(e);
}

/* Whether the torrent was stored but not added, and the database has begun to forget it. */
static bool
undo(struct shards_errand *e)
{
    struct torrent_shared *shared = &e->shards->process->shared;

    return e->add.enrolment != NULL && shared->state != NULL &&
           enrol_undo(e->add.enrolment, shared->state, e->shards->shards[0].engine->env.doneq,
                      on_undone, e);
}

/* A fan-out of the errand, or another step of it, is over. */
static void
drop(struct shards_errand *e)
{
    if (--e->refs > 0)
        return;
    free(e->what);
    e->what = NULL;
    if (!undo(e))
        finish(e);
}

static void
on_released(struct fanout *f)
{
    drop(LIST_ENTRY(f, struct shards_errand, fan));
}

static void
visit_one(struct shards_errand *e, uint32_t loop, void (*visit)(struct engine *s, struct fanout *f))
{
    e->fan.visit = visit;
    e->fan.done = on_visited;
    e->fan.release = on_released;
    e->err = 0;
    e->eb.text[0] = '\0';
    e->refs++;
    e->loop = loop;
    fanout_start(&e->shards->fanouts, &e->fan, UINT32_C(1) << loop);
}

void
shards_errand_end(struct shards_errand *e, int err, const char *why)
{
    e->err = err != 0 ? errbuf_set(&e->eb, err, "%s", why) : 0;
    fanout_let_go(&e->fan, e->at);
}

/* The visit lasts until the errand ends. */
static void
run_errand(struct shards_errand *e, struct engine *s, struct torrent *t)
{
    int err;

    e->at = s;
    fanout_hold(&e->fan, s);
    err = e->fn(t, e, &e->eb);
    if (err == SHARDS_LATER)
        return;
    e->err = err;
    fanout_let_go(&e->fan, s);
}

static void
add_one(struct engine *s, struct fanout *f)
{
    struct shards_errand *e = LIST_ENTRY(f, struct shards_errand, fan);
    struct torrent *t;

    e->err = engine_add_placed(s, &e->add, &t, &e->eb);
    if (e->err == 0)
        run_errand(e, s, t);
}

int
shards_disk_call(struct shards *sh, const char *dir, int (*fn)(void *user, struct errbuf *why),
                 void (*done)(void *user, int err, const char *why), void *user)
{
    return disk_call(sh->process->shared.disk, dir, sh->shards[0].engine->env.doneq, fn, done,
                     user);
}

/* On a disk thread. */
static int
look_at_place(void *user, struct errbuf *why)
{
    struct shards_errand *e = user;

    return engine_look_at_place(e->shards->process, &e->add, &e->add.enrolment, why);
}

static void
fail_adding(struct shards_errand *e, int err, const char *why)
{
    answer(e, errbuf_set(&e->eb, err, "%s", why));
    drop(e);
}

static void
on_enrolled(void *user, int err, const char *why)
{
    struct shards_errand *e = user;
    struct torrent_enrolment *enrolment = e->add.enrolment;

    enrolment->stored = err == 0;
    if (err != 0)
        e->shards->enrolling--;
    if (err == 0 && e->shards->fanouts.closed) {
        err = SPRAT_E_CANCELLED;
        why = sprat_strerror(err);
    }
    if (err != 0) {
        end_if_stopped(e->shards);
        fail_adding(e, err, why);
        return;
    }
    visit_one(e, process_pick(e->shards->process)->env.index, add_one);
    drop(e);
}

static int
enrol(struct shards_errand *e)
{
    struct shards *sh = e->shards;
    int err = enrol_store_async(e->add.enrolment, sh->process->shared.state,
                                sh->shards[0].engine->env.doneq, on_enrolled, e);

    if (err == 0)
        sh->enrolling++;
    return err;
}

static void
on_place(void *user, int err, const char *why)
{
    struct shards_errand *e = user;

    if (err == 0 && (e->shards->fanouts.closed || e->shards->done != NULL))
        err = SPRAT_E_CANCELLED;
    if (err == 0)
        err = enrol(e);
    if (err != 0)
        fail_adding(e, err, why[0] != '\0' ? why : sprat_strerror(err));
}

void
shards_add(struct shards *sh, const struct torrent_add *add, struct shards_errand *e)
{
    int err;

    e->shards = sh;
    e->add = *add;
    e->add.enrolment = NULL;
    e->answered = false;
    e->refs = 1;
    err = engine_may_add(sh->process, add, &e->eb);
    if (err != 0) {
        answer(e, err);
        drop(e);
        return;
    }
    err = shards_disk_call(sh, add->save_dir, look_at_place, on_place, e);
    if (err != 0)
        fail_adding(e, err, sprat_strerror(err));
}

static size_t
search(const struct engine *s, const char *what, bool by_beginning, struct shards_found *found)
{
    struct torrent *t;
    size_t n = engine_find(s, what, by_beginning, &t);

    if (n > 0)
        memcpy(found->hash, torrent_info_hash(t, !t->facts.id.has_v1), sizeof(found->hash));
    return n;
}

/* Names that only begin so are looked for where no torrent is called so. */
static void
search_one(struct engine *s, struct fanout *f)
{
    struct shards_errand *e = LIST_ENTRY(f, struct shards_errand, search);
    struct shards_found *found = &e->found[s->env.index];

    found->named = search(s, e->what, false, found);
    found->beginning = 0;
    if (found->named == 0 && e->what[0] != '\0')
        found->beginning = search(s, e->what, true, found);
}

/* Decodes |len| hex digits. */
static bool
decode(const char *text, size_t len, uint8_t *out)
{
    for (size_t i = 0; i < len; i += 2) {
        int high = hex_digit_value(text[i]), low = hex_digit_value(text[i + 1]);

        if (high < 0 || low < 0)
            return false;
        out[i / 2] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* True if |what| is a whole v2 info-hash and not that of |t|. The table of torrents has only the
 * first 20 bytes of each v2 info-hash, so |t| was found by those alone. */
static bool
is_other(const struct torrent *t, const char *what)
{
    uint8_t hash[32];

    return strlen(what) == 2 * sizeof(hash) && decode(what, 2 * sizeof(hash), hash) &&
           strcmp(t->facts.name, what) != 0 &&
           (!t->facts.id.has_v2 || memcmp(t->facts.id.v2, hash, sizeof(hash)) != 0);
}

/* The torrent may have been removed since the search, so the visit finds it again, by its hash. */
static void
visit_torrent(struct engine *s, struct fanout *f)
{
    struct shards_errand *e = LIST_ENTRY(f, struct shards_errand, fan);
    struct torrent *t = engine_find_by_hash(s, e->hash);

    if (t != NULL && !is_other(t, e->what))
        run_errand(e, s, t);
    else
        e->err = errbuf_set(&e->eb, SPRAT_E_NOTFOUND, "there is no torrent %s", e->what);
}

/* The one loop whose torrent is meant; an error when there is none, or several torrents. */
static int
choose(struct shards_errand *e, uint32_t *loop)
{
    size_t named = 0, beginning = 0, n;

    for (uint32_t i = 0; i < e->shards->count; i++) {
        named += e->counted[i].named;
        beginning += e->counted[i].beginning;
    }
    n = named > 0 ? named : beginning;
    if (n > 1)
        return errbuf_set(&e->eb, SPRAT_E_INVAL,
                          named == 0 ? "the names of %zu torrents begin with %s: write more of one"
                                     : "%zu torrents are named %s: name one by its info-hash",
                          n, e->what);
    if (n == 0)
        return errbuf_set(&e->eb, SPRAT_E_NOTFOUND, "there is no torrent %s", e->what);
    for (*loop = 0;; ++*loop)
        if ((named > 0 ? e->counted[*loop].named : e->counted[*loop].beginning) > 0)
            break;
    memcpy(e->hash, e->counted[*loop].hash, sizeof(e->hash));
    return 0;
}

static void
count_silent(void *ctx, const struct shards_silent *t)
{
    struct shards_errand *e = ctx;
    struct shards_found *found = &e->counted[e->loop];
    bool named = engine_is_meant(t->name, t->id, e->what, false);

    if (!named && (e->what[0] == '\0' || !engine_is_meant(t->name, t->id, e->what, true)))
        return;
    /* The hash of a torrent with that name counts more. */
    if (named || found->named == 0)
        memcpy(found->hash, identity_wire_hash(t->id, !t->id->has_v1), sizeof(found->hash));
    found->named += named;
    found->beginning += !named;
}

/* A loop that is late is not needed to find a torrent: the directory has its torrents too. */
static void
on_searched(struct fanout *f, uint32_t late)
{
    struct shards_errand *e = LIST_ENTRY(f, struct shards_errand, search);
    uint32_t loop = 0;
    int err;

    for (uint32_t i = 0; i < e->shards->count; i++) {
        if ((late & UINT32_C(1) << i) == 0) {
            e->counted[i] = e->found[i];
            continue;
        }
        e->counted[i] = (struct shards_found){0};
        e->loop = i;
        shards_each_silent(e->shards, i, count_silent, e);
    }
    err = choose(e, &loop);
    if (err == 0)
        visit_one(e, loop, visit_torrent);
    else
        answer(e, err);
}

static void
after_search(struct fanout *f)
{
    drop(LIST_ENTRY(f, struct shards_errand, search));
}

/* The loop of the torrent with this whole info-hash, from the directory: no loop is asked. */
static bool
find_by_hash(struct shards_errand *e, uint32_t *loop)
{
    size_t len = strlen(e->what);
    struct engine *owner;
    uint8_t hash[32];

    if ((len != 2 * TRACKER_HASH_LEN && len != 2 * sizeof(hash)) || !decode(e->what, len, hash) ||
        process_find(e->shards->process, hash, &owner) == NULL)
        return false;
    memcpy(e->hash, hash, sizeof(e->hash));
    *loop = owner->env.index;
    return true;
}

void
shards_with(struct shards *sh, const char *what, struct shards_errand *e)
{
    uint32_t loop;

    e->shards = sh;
    e->answered = false;
    e->refs = 0;
    e->add.enrolment = NULL;
    e->what = strdup(what);
    if (e->what == NULL) {
        answer(e, errbuf_set(&e->eb, SPRAT_E_NOMEM, "out of memory"));
        e->release(e);
    } else if (find_by_hash(e, &loop)) {
        visit_one(e, loop, visit_torrent);
    } else {
        e->search.visit = search_one;
        e->search.done = on_searched;
        e->search.release = after_search;
        e->refs = 1;
        shards_visit(sh, &e->search);
    }
}

/* --- limits --- */

static void
begin_share(struct engine *s, struct fanout *f)
{
    (void)f;
    process_begin_share(s);
}

/* Nothing is left to do: a loop that is late uses its old share until it runs process_on_share().
 */
static void
on_limits_taken(struct fanout *f, uint32_t late)
{
    (void)f;
    (void)late;
}

static void
begin_limits(struct shards *sh)
{
    sh->limits_under_way = true;
    sh->limits_again = false;
    shards_visit(sh, &sh->limits);
}

static void
after_limits(struct fanout *f)
{
    struct shards *sh = LIST_ENTRY(f, struct shards, limits);

    sh->limits_under_way = false;
    if (sh->limits_again && !sh->fanouts.closed)
        begin_limits(sh);
}

void
shards_set_limits(struct shards *sh, uint64_t up_limit, uint64_t down_limit)
{
    if (sh->count == 1) {
        engine_set_limits(sh->shards[0].engine, up_limit, down_limit);
        return;
    }
    process_set_limits(sh->process, up_limit, down_limit);
    sh->limits.visit = begin_share;
    sh->limits.done = on_limits_taken;
    sh->limits.release = after_limits;
    if (sh->limits_under_way)
        sh->limits_again = true;
    else
        begin_limits(sh);
}

/* --- the end --- */

static void
count_stopped(struct letter *l)
{
    struct shards *sh = LIST_ENTRY(l, struct shard, stopped)->all;

    sh->to_stop--;
    end_if_stopped(sh);
}

static void
on_stopped(void *ctx)
{
    struct shard *x = ctx;

    x->stopped.run = count_stopped;
    mailbox_post_own(x->all->shards[0].engine->mail, &x->stopped);
}

static void
stop_one(struct letter *l)
{
    struct shard *x = LIST_ENTRY(l, struct shard, stop);

    engine_stop(x->engine, on_stopped, x);
}

static void
hurry_one(struct letter *l)
{
    engine_hurry(LIST_ENTRY(l, struct shard, hurry)->engine);
}

/* Runs |l|, a letter that the loop owns: on the loop's thread, or at once if it has no thread. */
static void
send_own(struct shards *sh, uint32_t i, struct letter *l)
{
    if (sh->fanouts.threads & UINT32_C(1) << i)
        mailbox_post_own(sh->shards[i].engine->mail, l);
    else
        l->run(l);
}

void
shards_stop(struct shards *sh, void (*done)(void *ctx), void *ctx)
{
    if (sh->done != NULL)
        return;
    sh->done = done;
    sh->ctx = ctx;
    sh->to_stop = sh->count;
    for (uint32_t i = 0; i < sh->count; i++) {
        sh->shards[i].stop.run = stop_one;
        send_own(sh, i, &sh->shards[i].stop);
    }
}

void
shards_hurry(struct shards *sh)
{
    if (sh->hurried)
        return;
    sh->hurried = true;
    for (uint32_t i = 0; i < sh->count; i++) {
        sh->shards[i].hurry.run = hurry_one;
        send_own(sh, i, &sh->shards[i].hurry);
    }
}
