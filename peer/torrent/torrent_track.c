/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Carries out a torrent's announces, and tells the user what trackers answer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "peer/torrent/torrent_facts.h"
#include "peer/torrent/torrent_feed.h"
#include "peer/torrent/torrent_track.h"
#include "peer/torrent/torrent_wake.h"

enum { UNSUPPORTED_SAID_MAX = 3 }; /* trackers that a warning names; `info` lists all */

static void
feed_announced(struct torrent *t, uint32_t job, const struct announce_result *res,
               const struct endpoint *addrs, size_t count)
{
    struct swarm_input in = {.type = SWARM_IN_ANNOUNCED};

    if (!torrent_has_core(t)) {
        torrent_wake_on_announced(t, job, res, addrs, count);
        return;
    }
    in.u.announced.job = job;
    in.u.announced.result = *res;
    in.u.announced.addrs = addrs;
    in.u.announced.count = count;
    torrent_feed(t, &in);
}

/* Reports that the announce waits in the queue of its tracker's host, or has left that queue. */
static void
feed_line(struct torrent *t, uint32_t job, bool waits)
{
    struct swarm_input in = {.type = SWARM_IN_ANNOUNCING, .u.announcing = {job, waits}};

    if (torrent_has_core(t))
        torrent_feed(t, &in);
    else if (t->announcer != NULL)
        announcer_on_line(t->announcer, job, waits, loop_now(t->env->loop));
    torrent_mark_dirty(t);
}

/* Reports a tracker's error, if its message differs from |before|: once, and not again for later
 * attempts or for the other hash of a hybrid. */
static void
warn_if_new(struct torrent *t, uint32_t tracker, const struct announce_status *before)
{
    struct announce_status st;
    char text[ERRBUF_SIZE];

    if (!torrent_tracker(t, tracker, &st) || st.message[0] == '\0' || st.slow ||
        strcmp(st.message, before->message) == 0)
        return;
    snprintf(text, sizeof(text), "%s: %s", st.url, st.message);
    torrent_tell(t, TORRENT_EVENT_WARNING, st.err, text);
}

/* No answer came for ANNOUNCE_SLOW_S: the user hears of it once per tracker, and not again for
 * other hashes or later attempts. */
static void
on_slow(void *ctx)
{
    struct torrent_ask *ask = ctx;
    struct torrent *t = ask->torrent;
    const struct announcer *a = torrent_announcer(t);
    uint32_t tracker = announcer_tracker_of(a, ask->job);
    struct announce_status st;
    char text[ERRBUF_SIZE];
    bool told = false, beside;

    LIST_EACH (it, &t->net.asks) {
        const struct torrent_ask *other = LIST_ENTRY(it, struct torrent_ask, link);

        told |= other->told && announcer_tracker_of(a, other->job) == tracker;
    }
    if (!torrent_tracker(t, tracker, &st) || !st.slow || st.working || st.failures > 0)
        return;
    ask->told = true;
    if (told)
        return;
    beside = announcer_count(a) > 1 && !announcer_is_limited(a);
    snprintf(text, sizeof(text), "%s: no answer within %d s; still waiting%s", st.url,
             ANNOUNCE_SLOW_S, beside ? ", and other trackers are asked beside it" : "");
    torrent_tell(t, TORRENT_EVENT_WARNING, SPRAT_E_TIMEOUT, text);
}

static void
ask_free(struct torrent_ask *ask)
{
    loop_timer_free(ask->slow);
    list_remove(&ask->link);
    free(ask);
}

static void
on_announced(void *ctx, const struct announce_result *res, const struct endpoint *addrs,
             size_t count)
{
    struct torrent_ask *ask = ctx;
    struct torrent *t = ask->torrent;
    uint32_t job = ask->job, tracker = announcer_tracker_of(torrent_announcer(t), job);
    bool told = ask->told && res->err == SPRAT_E_TIMEOUT;
    struct announce_status before;

    ask_free(ask);
    if (!torrent_tracker(t, tracker, &before))
        before.message[0] = '\0';
    feed_announced(t, job, res, addrs, count);
    if (!told)
        warn_if_new(t, tracker, &before);
}

/* The announce has left the queue: the tracker's time to answer begins. */
static void
on_begun(void *ctx)
{
    struct torrent_ask *ask = ctx;
    struct torrent *t = ask->torrent;

    if (ask->slow != NULL && !ask->stopped)
        loop_timer_set(ask->slow, mono_add_ms(loop_now(t->env->loop), ANNOUNCE_SLOW_S * 1000));
    feed_line(t, ask->job, false);
}

static enum tracker_event
event_of(enum announce_event event)
{
    switch (event) {
    case ANNOUNCE_NONE: return TRACKER_EVENT_NONE;
    case ANNOUNCE_STARTED: return TRACKER_EVENT_STARTED;
    case ANNOUNCE_COMPLETED: return TRACKER_EVENT_COMPLETED;
    case ANNOUNCE_STOPPED: return TRACKER_EVENT_STOPPED;
    }
    return TRACKER_EVENT_NONE;
}

/* A partial seed says so in each announce, in place of "started" and of no event (BEP 21). UDP has
 * no such event (BEP 15). */
static enum tracker_event
event_to_say(const struct swarm_effect *fx)
{
    enum announce_event event = fx->u.announce.job.event;
    bool udp = strncasecmp(fx->u.announce.job.url, "udp:", 4) == 0;

    if (fx->u.announce.partial_seed && !udp &&
        (event == ANNOUNCE_NONE || event == ANNOUNCE_STARTED))
        return TRACKER_EVENT_PAUSED;
    return event_of(event);
}

static void
fill_announce(const struct torrent *t, const struct swarm_effect *fx, struct tracker_announce *a)
{
    *a = (struct tracker_announce){
        .uploaded = t->totals.up_session + fx->u.announce.uploaded,
        .downloaded = t->totals.down_session + fx->u.announce.downloaded,
        .left = fx->u.announce.left,
        .key = t->net.announce_key,
        .numwant = (int32_t)fx->u.announce.numwant,
        .port = t->env->shared->port,
        .event = event_to_say(fx),
        .compact = true,
        .no_peer_id = true,
    };
    memcpy(a->info_hash, fx->u.announce.info_hash, TRACKER_HASH_LEN);
    memcpy(a->peer_id, t->net.peer_id, TRACKER_PEER_ID_LEN);
}

static void
refuse(struct torrent *t, uint32_t job, int err)
{
    struct announce_result res = {.err = err, .message = sprat_strerror(err)};

    feed_announced(t, job, &res, NULL, 0);
}

void
track_announce(struct torrent *t, const struct swarm_effect *fx)
{
    struct torrent_ask *ask;
    struct tracker_announce a;

    if (t->env->late) {
        refuse(t, fx->u.announce.job.id, SPRAT_E_CANCELLED);
        return;
    }
    ask = calloc(1, sizeof(*ask));
    fill_announce(t, fx, &a);
    if (ask != NULL) {
        list_init(&ask->link);
        ask->torrent = t;
        ask->job = fx->u.announce.job.id;
        ask->stopped = fx->u.announce.job.event == ANNOUNCE_STOPPED;
        ask->ask = tracker_client_announce(t->env->tracker, fx->u.announce.job.url, &a, on_begun,
                                           on_announced, ask);
    }
    if (ask == NULL || ask->ask == NULL) {
        free(ask);
        refuse(t, fx->u.announce.job.id, SPRAT_E_NOMEM);
        return;
    }
    list_push_back(&t->net.asks, &ask->link);
    ask->slow = loop_timer_new(t->env->loop, on_slow, ask);
    feed_line(t, ask->job, true);
}

/* --- trackers that are never asked --- */

static void
say_unsupported(struct torrent *t, const struct announce_status *st, uint32_t others)
{
    char text[ERRBUF_SIZE], rest[80];

    if (others == 0)
        snprintf(rest, sizeof(rest), "there is no other tracker: name one with -t URL");
    else if (others == 1)
        snprintf(rest, sizeof(rest), "1 other tracker is asked");
    else
        snprintf(rest, sizeof(rest), "%u other trackers are asked", others);
    snprintf(text, sizeof(text), "%s: %s; %s", st->url, st->message, rest);
    torrent_tell(t, TORRENT_EVENT_WARNING, SPRAT_E_INVAL, text);
}

void
track_say_unsupported(struct torrent *t)
{
    uint32_t count = announcer_count(torrent_announcer(t)), supported = 0, said = 0;
    struct announce_status st;

    if (t->net.said_unsupported)
        return;
    t->net.said_unsupported = true;
    for (uint32_t i = 0; i < count; i++)
        supported += torrent_tracker(t, i, &st) && !st.unsupported;
    for (uint32_t i = 0; i < count && said < UNSUPPORTED_SAID_MAX; i++)
        if (torrent_tracker(t, i, &st) && st.unsupported) {
            say_unsupported(t, &st, supported);
            said++;
        }
}

void
track_cancel(struct torrent *t)
{
    while (!list_empty(&t->net.asks)) {
        struct torrent_ask *ask = LIST_ENTRY(t->net.asks.next, struct torrent_ask, link);
        uint32_t job = ask->job;

        tracker_ask_cancel(ask->ask);
        ask_free(ask);
        refuse(t, job, SPRAT_E_CANCELLED);
    }
}

void
track_add_tracker(struct torrent *t, const char *url)
{
    struct swarm_input in = {.type = SWARM_IN_TRACKER, .u.tracker.url = url};

    if (torrent_has_core(t))
        torrent_feed(t, &in);
    else if (t->announcer != NULL)
        (void)announcer_add(t->announcer, url, loop_now(t->env->loop));
    torrent_mark_dirty(t);
}

void
track_fini(struct torrent *t)
{
    LIST_EACH_SAFE (a, &t->net.asks) {
        struct torrent_ask *ask = LIST_ENTRY(a, struct torrent_ask, link);

        tracker_ask_cancel(ask->ask);
        ask_free(ask);
    }
}
