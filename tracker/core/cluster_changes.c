/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Each tracker appends its changes to the torrent's log, so that a tracker with a whole copy
 * updates it with one command that reads what was appended since. cluster_wire.h describes the log.
 */
#include "tracker/core/cluster_changes.h"

#include "common/base/bytes.h"
#include "tracker/core/cluster_command.h"
#include "tracker/core/cluster_merge.h"

static const char key_end[] = "c";

static bool
is_whole(const struct shared *t)
{
    bool whole = true;

    for (int side = 0; side < CLUSTER_SIDES; side++)
        whole &= t->whole[side];
    return whole;
}

bool
cluster_changes_suffice(const struct shared *t, struct mono now)
{
    return t->changes.known && !t->changes.restart && mono_before(now, t->changes.good_until);
}

/* ---- commands ---- */

static uint64_t
bit(enum step step)
{
    return UINT64_C(1) << step;
}

/* The number of changes to append for the events of this turn; more than CHANGES_OF_TURN_MAX if the
 * other trackers should fetch the whole torrent instead. */
static uint32_t
count_changes(const struct cluster *c, const struct shared *t)
{
    uint32_t count = t->downloaded_least > 0 ? CHANGES_OF_TURN_MAX + 1 : 0;

    for (uint32_t i = t->sent.first, n = 0; n < t->sent.count; n++, i = c->events[i].next) {
        char what = c->events[i].what;

        count += what == '<' ? CHANGES_OF_TURN_MAX + 1 : what != '=';
    }
    return count;
}

/* Renews the expiry of the log as rarely as that of the sets. */
static uint64_t
expire_steps(const struct cluster *c, struct shared *t, struct mono now)
{
    if (mono_younger(t->changes.kept_at, c->timeout_s * INT64_C(250), now))
        return 0;
    t->changes.kept_at = now;
    return bit(STEP_CHANGES_EXPIRE);
}

uint64_t
cluster_changes_tell(struct cluster *c, struct shared *t, struct mono now)
{
    uint32_t count = count_changes(c, t);

    t->changes.wrote = 0;
    t->changes.restart |= count > CHANGES_OF_TURN_MAX;
    if (t->changes.restart) {
        t->changes.kept_at = now;
        return bit(STEP_CHANGE);
    }
    return (count > 0 ? bit(STEP_CHANGE) : 0) |
           (count > 0 || t->changes.known ? expire_steps(c, t, now) : 0);
}

uint64_t
cluster_changes_ask(const struct shared *t)
{
    if (t->checking)
        return bit(STEP_CHANGES) | (t->changes.recount ? bit(STEP_COMPLETED) : 0);
    return t->fetching ? bit(STEP_CHANGES) | bit(STEP_CHANGES_ID) : 0;
}

static void
make_id(struct cluster *c, uint8_t id[CLUSTER_CHANGE_ID_LEN])
{
    put_u32be(id, c->changes_by);
    put_u32be(id + 4, ++c->changes_count);
}

static size_t
write_change(struct cluster *c, struct shared *t, const struct event *e, uint8_t *to)
{
    struct cluster_change_entry change = {.what = CLUSTER_CHANGE_ANY};

    if (e != NULL && e->what == '!') {
        change.what = CLUSTER_CHANGE_COMPLETED;
    } else if (e != NULL) {
        change.what = e->what == '-' ? CLUSTER_CHANGE_GONE : CLUSTER_CHANGE_CAME;
        change.side = event_side(e);
        change.score = e->score;
        memcpy(change.who, e->who, e->len);
    }
    make_id(c, change.id);
    memcpy(t->changes.wrote_id, change.id, sizeof(change.id));
    return cluster_change_write(to, &change);
}

static void
put_append(struct cluster *c, struct cluster_command *cmd, struct shared *t)
{
    size_t len = 0;

    for (uint32_t i = t->sent.first, n = 0; n < t->sent.count; n++, i = c->events[i].next)
        if (c->events[i].what != '=')
            len += write_change(c, t, &c->events[i], c->changes + len);
    t->changes.wrote = (uint32_t)len;
    command_begin(cmd, "APPEND");
    cluster_put_key(c, cmd, t, key_end);
    command_put(cmd, c->changes, len);
}

static void
put_restart(struct cluster *c, struct cluster_command *cmd, struct shared *t)
{
    size_t len = write_change(c, t, NULL, c->changes);

    command_begin(cmd, "SET");
    cluster_put_key(c, cmd, t, key_end);
    command_put(cmd, c->changes, len);
    command_text(cmd, "EX");
    command_number(c, cmd, 0, cluster_keep_s(c));
}

/* Asks for the log, from the id of the last known change on; or only for its length if there will
 * be a fetch. */
static void
put_question(struct cluster *c, struct cluster_command *cmd, const struct shared *t)
{
    uint32_t from = t->changes.end - CLUSTER_CHANGE_ID_LEN;

    command_begin(cmd, t->checking ? "GETRANGE" : "STRLEN");
    cluster_put_key(c, cmd, t, key_end);
    if (!t->checking)
        return;
    command_number(c, cmd, 0, from);
    command_number(c, cmd, 1, from + CLUSTER_REPLY_STRING_MAX - 1);
}

void
cluster_changes_put(struct cluster *c, struct cluster_command *cmd, struct shared *t,
                    enum step step)
{
    switch ((int)step) {
    case STEP_CHANGE:
        if (t->changes.restart)
            put_restart(c, cmd, t);
        else
            put_append(c, cmd, t);
        return;
    case STEP_CHANGES_EXPIRE:
        command_begin(cmd, "EXPIRE");
        cluster_put_key(c, cmd, t, key_end);
        command_number(c, cmd, 0, cluster_keep_s(c));
        return;
    case STEP_CHANGES: put_question(c, cmd, t); return;
    case STEP_CHANGES_ID:
        command_begin(cmd, "GETRANGE");
        cluster_put_key(c, cmd, t, key_end);
        command_text(cmd, "-8");
        command_text(cmd, "-1");
        return;
    default: UNREACHABLE();
    }
}

/* ---- replies ---- */

/* Handles the reply of APPEND, a length, or of SET, a status. */
static int
on_change(struct cluster *c, struct shared *t, const struct cluster_reply *r)
{
    struct changes *ch = &t->changes;
    int err;

    if (ch->restart) {
        if (r->type != CLUSTER_REPLY_STATUS)
            return SPRAT_E_PROTOCOL;
        ch->restart = ch->known = false;
        return 0;
    }
    err = cluster_read_count(&c->draft.changes_len, r);
    /* The log had disappeared, so the new one has no expiry. */
    if (err == 0 && c->draft.changes_len == ch->wrote && ch->kept_at.us != t->sent_at.us)
        ch->restart = true;
    if (err == 0 && c->draft.changes_len > CLUSTER_CHANGES_LEN_MAX)
        ch->restart = true;
    return err;
}

static bool
is_own(const struct cluster *c, const struct cluster_change_entry *change)
{
    return get_u32be(change->id) == c->changes_by;
}

static bool
is_same_peer(const struct cluster_change_entry *a, enum cluster_side side, const uint8_t *who)
{
    return cluster_side_family(a->side) == cluster_side_family(side) &&
           memcmp(a->who, who, cluster_member_len(side)) == 0;
}

/* Whether the peer of |change| announced to this tracker after it: the |len| bytes of |later|
 * changes contain an own change of the peer, or one is waiting to be sent. */
static bool
came_here_since(const struct cluster *c, const struct shared *t,
                const struct cluster_change_entry *change, const uint8_t *later, size_t len)
{
    struct cluster_change_entry own;
    size_t n;

    for (size_t at = 0; (n = cluster_change_read(&own, later + at, len - at)) > 0; at += n)
        if (is_own(c, &own) && own.what == CLUSTER_CHANGE_CAME &&
            is_same_peer(change, own.side, own.who))
            return true;
    for (uint32_t i = t->news.first, k = 0; k < t->news.count; k++, i = c->events[i].next) {
        const struct event *e = &c->events[i];

        if ((e->what == '+' || e->what == '*') && is_same_peer(change, event_side(e), e->who))
            return true;
    }
    return false;
}

static enum cluster_change_by
changed_by(const struct cluster *c, const struct shared *t,
           const struct cluster_change_entry *change, const uint8_t *later, size_t len)
{
    if (is_own(c, change))
        return BY_US;
    return came_here_since(c, t, change, later, len) ? BY_OTHER_BEFORE_US : BY_OTHER;
}

/* Merges the changes in the reply. If they do not fit into a reply, the whole torrent is fetched.
 */
static int
on_changes(struct cluster *c, struct shared *t, const struct cluster_reply *r, struct mono now)
{
    struct cluster_change_entry change;
    struct changes *ch = &t->changes;
    size_t at = CLUSTER_CHANGE_ID_LEN;

    if (r->type != CLUSTER_REPLY_STRING)
        return SPRAT_E_PROTOCOL;
    if (r->len < at || r->len >= CLUSTER_REPLY_STRING_MAX || memcmp(r->str, ch->end_id, at) != 0)
        return 0;
    while (at < r->len) {
        const uint8_t *later = r->str + at;
        size_t len = cluster_change_read(&change, later, r->len - at);
        enum cluster_change_by by;

        if (len == 0)
            break;
        by = changed_by(c, t, &change, later + len, r->len - at - len);
        if (!cluster_merge_change(c, t, &change, by, now))
            break;
        at += len;
    }
    cluster_merge_end(c, t);
    ch->end += (uint32_t)(at - CLUSTER_CHANGE_ID_LEN);
    memcpy(ch->end_id, r->str + at - CLUSTER_CHANGE_ID_LEN, CLUSTER_CHANGE_ID_LEN);
    c->draft.changes_read = at == r->len;
    return 0;
}

static int
on_id(struct cluster *c, const struct cluster_reply *r)
{
    if (r->type != CLUSTER_REPLY_STRING)
        return SPRAT_E_PROTOCOL;
    c->draft.changes_known =
        r->len == CLUSTER_CHANGE_ID_LEN && c->draft.changes_end >= CLUSTER_CHANGE_ID_LEN;
    if (c->draft.changes_known)
        memcpy(c->draft.changes_id, r->str, r->len);
    return 0;
}

int
cluster_changes_reply(struct cluster *c, struct shared *t, enum step step,
                      const struct cluster_reply *r, struct mono now)
{
    uint32_t ignored;

    switch ((int)step) {
    case STEP_CHANGE: return on_change(c, t, r);
    case STEP_CHANGES_EXPIRE: return cluster_read_count(&ignored, r);
    case STEP_CHANGES:
        return t->checking ? on_changes(c, t, r, now)
                           : cluster_read_count(&c->draft.changes_end, r);
    case STEP_CHANGES_ID: return on_id(c, r);
    default: UNREACHABLE();
    }
}

/* ---- the end of a turn ---- */

static void
begin_from(struct cluster *c, struct shared *t)
{
    struct changes *ch = &t->changes;
    const struct draft *d = &c->draft;

    ch->known = d->changes_known && is_whole(t);
    ch->end = d->changes_end;
    memcpy(ch->end_id, d->changes_id, sizeof(ch->end_id));
    ch->good_until = d->good_until;
    ch->recount = false;
    ch->restart |= !d->changes_known && shared_count(t) > 0;
}

static uint32_t
side_count(const struct peerset *set, bool seeds)
{
    return seeds ? set->nseeds : set->nleeches;
}

/* Marks the copy as current. */
static void
mark_current(struct cluster *c, struct shared *t, struct mono now)
{
    struct swarm *w = swarms_find(c->swarms, t->hash);

    for (int side = 0; side < CLUSTER_SIDES; side++) {
        uint8_t family = cluster_side_family((enum cluster_side)side);
        bool seeds = cluster_side_is_seeds((enum cluster_side)side);

        t->total[side] = side_count(shared_peers(t, family), seeds) +
                         (w != NULL ? side_count(swarm_peers(w, family), seeds) : 0);
    }
    t->peers_at = t->numbers_at = now;
}

/* Ends a turn that has read changes. The number of completions must come from Redis, which knows
 * which peers it has counted. */
static bool
end_check(struct cluster *c, struct shared *t, struct mono now)
{
    struct changes *ch = &t->changes;

    ch->known &= c->draft.changes_read;
    ch->recount &= !c->draft.has_completed;
    if (!ch->known || ch->recount)
        return false;
    mark_current(c, t, now);
    return true;
}

/* Ends a turn that has only appended changes. If the log has grown by these alone, the copy is
 * current. */
static void
end_append(struct cluster *c, struct shared *t, struct mono now)
{
    struct changes *ch = &t->changes;

    if (!ch->known || ch->wrote == 0 || c->draft.changes_len != ch->end + ch->wrote)
        return;
    ch->end = c->draft.changes_len;
    memcpy(ch->end_id, ch->wrote_id, sizeof(ch->end_id));
    if (!ch->recount && cluster_changes_suffice(t, now))
        mark_current(c, t, now);
}

bool
cluster_changes_brought(struct cluster *c, struct shared *t, bool merged, struct mono now)
{
    if (merged)
        begin_from(c, t);
    else if (t->checking)
        return end_check(c, t, now);
    else if (!t->fetching)
        end_append(c, t, now);
    return true;
}
