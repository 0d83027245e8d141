/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A turn sends the changes of a torrent and asks for those of other trackers. All commands of a
 * turn are sent before another turn begins, so its replies are consecutive too.
 */
#include "tracker/core/cluster_turn.h"

#include "tracker/core/cluster_changes.h"
#include "tracker/core/cluster_command.h"
#include "tracker/core/cluster_merge.h"

enum { STEADY_PEERS = 8 }; /* a side with so many peers rarely becomes empty between two fetches */

/* ---- the steps of a turn ---- */

static uint64_t
bit(enum step step, int side)
{
    return UINT64_C(1) << (step + side);
}

/* Whether |e| must not be in the same turn as an earlier event of the same peer: the commands of a
 * turn are grouped by side, which would change the order of the two events. */
static bool
collides(const struct cluster *c, const struct shared *t, const struct event *e)
{
    for (uint32_t i = t->sent.first, n = 0; n < t->sent.count; n++, i = c->events[i].next) {
        const struct event *b = &c->events[i];

        if (b->len == e->len && memcmp(b->who, e->who, e->len) == 0 &&
            (b->side != e->side || event_is_scripted(b) != event_is_scripted(e)))
            return true;
    }
    return false;
}

/* Whether the expiry of the key must be set: from time to time, and when the key may have
 * disappeared with its last peer and is created again. */
static bool
must_expire(const struct cluster *c, const struct shared *t, const struct event *e, struct mono now)
{
    enum cluster_side side = event_side(e);

    if (!mono_younger(t->kept_at[side], c->timeout_s * INT64_C(250), now))
        return true;
    return e->what != '=' &&
           (t->total[side] < STEADY_PEERS || !mono_younger(t->numbers_at, CLUSTER_COLD_MS, now));
}

/* The steps that an event needs. */
static uint64_t
event_steps(const struct cluster *c, const struct shared *t, const struct event *e, struct mono now)
{
    enum cluster_side side = event_side(e);
    uint64_t steps = bit(e->what == '=' ? STEP_STILL : STEP_ADD, side);

    if (event_is_scripted(e))
        return bit(STEP_SCRIPT, 0);
    if (e->what == '+')
        steps |= bit(STEP_REMOVE, side);
    if (must_expire(c, t, e, now))
        steps |= bit(STEP_EXPIRE, side);
    return steps;
}

/* Whether to send the events in this turn. Events that only refresh a peer wait for other changes,
 * for a fetch, or until they are due. */
static bool
must_tell(const struct cluster *c, const struct shared *t, bool fetches, struct mono now)
{
    return t->prompt || fetches || cluster_hurries(c) || mono_due(t->lazy_due, now) ||
           t->news.count >= CLUSTER_COMMAND_EVENTS_MAX / 2;
}

/* Moves events of the torrent from |news| to |sent|, and returns the steps that they need. */
static uint64_t
take_events(struct cluster *c, struct shared *t, struct mono now)
{
    uint64_t steps = 0;

    ASSERT(t->sent.count == 0);
    t->sent.first = t->news.first;
    while (t->news.count > 0 && t->sent.count < CLUSTER_COMMAND_EVENTS_MAX) {
        const struct event *e = &c->events[t->news.first];

        if (collides(c, t, e))
            break;
        steps |= event_steps(c, t, e, now);
        t->sent.last = t->news.first;
        t->sent.count++;
        t->news.first = e->next;
        t->news.count--;
    }
    if (t->news.count == 0)
        chain_init(&t->news);
    t->prompt &= t->news.count > 0;
    t->written_back &= t->news.count > 0;
    return steps;
}

/* The steps of a fetch. Sizes are asked for if the sample may not have all peers. */
static uint64_t
question_steps(const struct shared *t)
{
    uint64_t all = 0xf, steps = cluster_changes_ask(t);
    bool sizes = !t->wants_peers;

    if (t->checking || (!t->wants_peers && !t->wants_numbers))
        return steps;
    for (int side = 0; side < CLUSTER_SIDES; side++)
        sizes |= t->total[side] >= CLUSTER_SAMPLE;
    if (t->wants_peers)
        steps |= all << STEP_DRAW;
    if (sizes)
        steps |= all << STEP_SIZE;
    return steps | bit(STEP_COMPLETED, 0);
}

void
cluster_turn_begin(struct cluster *c, struct shared *t, struct mono now)
{
    bool asks = t->wants_peers || t->wants_numbers;
    uint64_t steps = 0;

    if (must_tell(c, t, t->wants_peers && !cluster_changes_suffice(t, now), now))
        steps = take_events(c, t, now);
    steps |= cluster_changes_tell(c, t, now);
    t->checking = asks && cluster_changes_suffice(t, now);
    t->fetching = t->wants_peers && !t->checking;
    steps |= question_steps(t) | (uint64_t)t->stale << STEP_TRIM;
    if (t->downloaded_least > 0)
        steps |= bit(STEP_SCRIPT, 0);
    if (steps == 0)
        steps = bit(STEP_COMPLETED, 0); /* a turn needs at least one reply, which ends it */
    for (int side = 0; side < CLUSTER_SIDES; side++)
        if (steps & bit(STEP_EXPIRE, side))
            t->kept_at[side] = now;
    c->turn = (struct turn){.torrent = t, .steps = steps};
    t->sized = (steps & bit(STEP_SIZE, 0)) != 0;
    c->stats.fetches += t->fetching;
    t->wants_peers = t->wants_numbers = t->awaited = false;
    t->stale = 0;
    t->in_flight = true;
    t->sent_at = now;
    list_remove(&t->queue);
}

/* ---- the commands of a turn ---- */

/* Whether the command of a step contains the peer of |e|. */
static bool
concerns(const struct event *e, enum step step, enum cluster_side side)
{
    if (event_is_scripted(e) || event_side(e) != side)
        return false;
    return step == STEP_STILL ? e->what == '='
                              : e->what == '+' || (step == STEP_ADD && e->what == '*');
}

/* Appends the peers of |sent| that the command of a step on |side| contains. */
static void
put_peers(struct cluster *c, struct cluster_command *cmd, const struct shared *t,
          enum cluster_side side, enum step step)
{
    for (uint32_t i = t->sent.first, n = 0; n < t->sent.count; n++, i = c->events[i].next) {
        const struct event *e = &c->events[i];

        if (!concerns(e, step, side))
            continue;
        if (step != STEP_REMOVE) {
            snprintf(c->whats[n], sizeof(c->whats[n]), "%" PRIu64, e->score);
            command_text(cmd, c->whats[n]);
        }
        command_put(cmd, e->who, e->len);
    }
}

static void
put_script(struct cluster *c, struct cluster_command *cmd, const struct shared *t)
{
    command_begin(cmd, "EVALSHA");
    command_text(cmd, c->script_id);
    command_text(cmd, "1");
    cluster_put_key(c, cmd, t, "");
    command_number(c, cmd, 0, cluster_keep_s(c));
    command_number(c, cmd, 1, t->downloaded_least);
    for (uint32_t i = t->sent.first, n = 0; n < t->sent.count; n++, i = c->events[i].next) {
        const struct event *e = &c->events[i];

        if (!event_is_scripted(e))
            continue;
        if (e->what == '!')
            snprintf(c->whats[n], sizeof(c->whats[n]), "!");
        else
            snprintf(c->whats[n], sizeof(c->whats[n]), "%c%c%" PRIu64, e->what, e->side, e->score);
        command_text(cmd, c->whats[n]);
        command_put(cmd, e->who, e->len);
    }
}

/* Removes peers that were last seen more than |timeout_s| ago. */
static void
put_trim(struct cluster *c, struct cluster_command *cmd, const struct shared *t,
         enum cluster_side side, struct mono now)
{
    struct cluster_seen oldest = {.unix_s = (uint32_t)(cluster_unix(c, now) - c->timeout_s)};

    command_begin(cmd, "ZREMRANGEBYSCORE");
    cluster_put_key(c, cmd, t, cluster_side_name(side));
    command_text(cmd, "-inf");
    command_number(c, cmd, 0, cluster_score(&oldest));
}

static void
put_step(struct cluster *c, struct cluster_command *cmd, struct shared *t, enum step step,
         enum cluster_side side, struct mono now)
{
    static const char *const names[] = {
        [STEP_STILL] = "ZADD",    [STEP_ADD] = "ZADD",         [STEP_REMOVE] = "ZREM",
        [STEP_EXPIRE] = "EXPIRE", [STEP_DRAW] = "ZRANDMEMBER", [STEP_SIZE] = "ZCARD",
        [STEP_COMPLETED] = "GET"};

    if (step == STEP_SCRIPT) {
        put_script(c, cmd, t);
        return;
    }
    if (step == STEP_TRIM) {
        put_trim(c, cmd, t, side, now);
        return;
    }
    if (step >= STEP_CHANGE && step <= STEP_CHANGES_ID) {
        cluster_changes_put(c, cmd, t, step);
        return;
    }
    command_begin(cmd, names[step]);
    if (step == STEP_REMOVE)
        cluster_put_key(c, cmd, t, cluster_side_name((enum cluster_side)(side ^ 1)));
    else
        cluster_put_key(c, cmd, t, step == STEP_COMPLETED ? "n" : cluster_side_name(side));
    if (step == STEP_STILL)
        command_text(cmd, "XX");
    if (step <= STEP_REMOVE)
        put_peers(c, cmd, t, side, step);
    if (step == STEP_EXPIRE)
        command_number(c, cmd, 0, cluster_keep_s(c));
    if (step == STEP_DRAW) {
        command_number(c, cmd, 0, CLUSTER_SAMPLE);
        command_text(cmd, "WITHSCORES");
    }
}

/* The kind of step |n|, without its side. */
static enum step
step_kind(int n)
{
    static const enum step kinds[] = {
        STEP_COMPLETED,      STEP_SIZE,   STEP_DRAW, STEP_CHANGES_ID, STEP_CHANGES,
        STEP_CHANGES_EXPIRE, STEP_CHANGE, STEP_TRIM, STEP_SCRIPT,     STEP_EXPIRE,
        STEP_REMOVE,         STEP_ADD,    STEP_STILL};
    int i = 0;

    while (n < (int)kinds[i])
        i++;
    return kinds[i];
}

void
cluster_turn_next(struct cluster *c, struct cluster_command *cmd, struct mono now)
{
    struct shared *t = c->turn.torrent;
    int n = __builtin_ctzll(c->turn.steps);
    enum step kind = step_kind(n);

    put_step(c, cmd, t, kind, (enum cluster_side)(n - (int)kind), now);
    c->turn.steps &= c->turn.steps - 1;
    cluster_sent(c, COMMAND_TORRENT, t, now);
    c->last_sent->step = (enum step)n;
    c->last_sent->last = c->turn.steps == 0;
    if (c->turn.steps == 0)
        c->turn.torrent = NULL;
}

/* ---- the replies of a turn ---- */

void
cluster_turn_reset(struct cluster *c)
{
    struct draft *d = &c->draft;

    peerset_fini(&d->v4, &c->swarms->env);
    peerset_fini(&d->v6, &c->swarms->env);
    *d = (struct draft){.v4 = d->v4, .v6 = d->v6};
}

void
cluster_turn_take_back(struct cluster *c, struct shared *t, struct mono now)
{
    t->in_flight = false;
    t->prompt |= t->sent.count > 0;
    cluster_put_before(c, &t->sent, &t->news);
    cluster_queue(c, t, now);
}

/* Reads a number that GET returns. A missing key is 0, and so is text of a foreign program. */
static int
read_completed(uint32_t *out, const struct cluster_reply *r)
{
    uint64_t n = 0;

    if (r->type != CLUSTER_REPLY_NIL && r->type != CLUSTER_REPLY_STRING)
        return SPRAT_E_PROTOCOL;
    if (r->type == CLUSTER_REPLY_STRING && !cluster_score_parse(r->str, r->len, &n))
        n = 0;
    *out = n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
    return 0;
}

static int
on_step(struct cluster *c, struct shared *t, int n, const struct cluster_reply *r, struct mono now)
{
    enum step kind = step_kind(n);
    enum cluster_side side = (enum cluster_side)(n - (int)kind);
    uint32_t size;
    int err;

    switch (kind) {
    case STEP_DRAW: return cluster_draw(c, side, r, now);
    case STEP_CHANGE:
    case STEP_CHANGES_EXPIRE:
    case STEP_CHANGES:
    case STEP_CHANGES_ID: return cluster_changes_reply(c, t, kind, r, now);
    case STEP_COMPLETED:
        c->draft.has_completed = true;
        return read_completed(&c->draft.completed, r);
    case STEP_SIZE:
        err = cluster_read_count(&size, r);
        c->draft.has_size = true;
        if (err == 0 && size > c->draft.total[side])
            c->draft.total[side] = size;
        return err;
    case STEP_STILL:
    case STEP_ADD:
    case STEP_REMOVE:
    case STEP_EXPIRE:
    case STEP_SCRIPT:
    case STEP_TRIM:
    case STEPS: break;
    }
    return cluster_read_count(&size, r);
}

static void
take_completed(struct cluster *c, struct shared *t)
{
    struct swarm *w = swarms_find(c->swarms, t->hash);

    t->downloaded = c->draft.completed;
    if (w != NULL && t->downloaded > w->downloaded)
        w->downloaded = t->downloaded;
}

/* Whether a side may have more peers than were drawn, and its size was not asked for: then the
 * torrent is fetched again, with sizes. */
static bool
is_cut(const struct draft *d)
{
    bool cut = false;

    for (int side = 0; side < CLUSTER_SIDES; side++)
        cut |= d->drawn[side] == CLUSTER_SAMPLE;
    return cut && !d->has_size;
}

static void
turn_brought(struct cluster *c, struct shared *t, struct mono now)
{
    bool again = t->fetching && is_cut(&c->draft), merged = t->fetching && !again;

    if (c->draft.has_completed && (t->fetching || t->sized || t->checking))
        take_completed(c, t);
    if (t->fetching || t->sized) {
        memcpy(t->total, c->draft.total, sizeof(t->total));
        t->numbers_at = now;
    }
    if (merged)
        cluster_merge(c, t, now);
    again |= !cluster_changes_brought(c, t, merged, now);
    t->stale |= c->draft.stale;
    t->wants_peers |= again;
    t->awaited |= again;
}

/* Ends a turn. If a command failed because a key of the torrent has the wrong type, its events are
 * dropped, and the copy counts as fetched, so that requests do not wait for it again and again. The
 * log is begun anew then, since it may lack changes that were made. */
static void
end_turn(struct cluster *c, struct shared *t, struct mono now)
{
    if (c->draft.paused) {
        cluster_turn_take_back(c, t, now);
        return;
    }
    backoff_reset(&c->backoff);
    cluster_forget(c, &t->sent);
    t->in_flight = false;
    t->downloaded_least = 0;
    if (c->draft.failed) {
        t->peers_at = t->numbers_at = now;
        t->changes.known = false;
        t->changes.restart = true;
    } else {
        turn_brought(c, t, now);
    }
    cluster_queue(c, t, now);
}

static int
step_refused(struct cluster *c, const struct cluster_reply *r, struct errbuf *eb, struct mono now)
{
    c->draft.failed = true;
    if (!cluster_concerns_all(r))
        return cluster_refused(c, r, eb);
    c->draft.paused = true;
    return cluster_pause(c, r, eb, now);
}

int
cluster_turn_reply(struct cluster *c, const struct in_flight *f, const struct cluster_reply *r,
                   struct errbuf *eb, struct mono now)
{
    int err;

    if (mono_due(mono_add_ms(f->sent_at, CLUSTER_WAIT_MS), now))
        c->slow_until = mono_add_ms(now, CLUSTER_SLOW_MS);
    if (r->type == CLUSTER_REPLY_ERROR)
        err = step_refused(c, r, eb, now);
    else
        err = on_step(c, f->torrent, (int)f->step, r, now);
    if (err == SPRAT_E_PROTOCOL) {
        cluster_turn_take_back(c, f->torrent, now);
        return err;
    }
    if (f->last) {
        end_turn(c, f->torrent, now);
        cluster_turn_reset(c);
    }
    return err;
}
