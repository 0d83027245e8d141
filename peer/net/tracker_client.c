/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An ask is one announce. It waits in the queue; when the queue lets it begin, the name of the
 * tracker's host is resolved. Then the ask has one part per address family of the host, and the
 * parts' answers are merged into one. The memory for the parts is allocated when the ask begins.
 */
#include "peer/net/tracker_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/base/magic.h"
#include "common/codec/tracker_http.h"
#include "common/codec/tracker_query.h"
#include "common/ev/url.h"
#include "peer/net/tracker_ids.h"
#include "peer/net/tracker_queue.h"
#include "peer/net/tracker_say.h"
#include "peer/net/udp_tracker.h"

#define TRACKER_CLIENT_MAGIC 0x54524b43u
#define TRACKER_ASK_MAGIC    0x54524b41u

enum { PARTS = 2, NOTE_MAX = ANNOUNCE_MESSAGE_MAX };

struct tracker_client {
    uint32_t magic;
    struct loop *loop;
    struct resolver *resolver;
    struct fetcher *fetcher;
    struct udp_asker udp;
    struct source source;
    struct tracker_queue *queue;
    struct tracker_ids ids;
    uint32_t asks;
    uint32_t lookups; /* of peers' names, for all asks */
};

/* The announce over one address family. */
struct part {
    struct tracker_ask *ask;
    bool running;
    int err;
    char note[NOTE_MAX + 1]; /* why the part failed, unless the tracker gave a failure reason */
    struct fetch *fetch;
    void *udp; /* an ask of |tc->udp| */
    struct tracker_reply reply;
    struct endpoint *peers;
    bool local; /* the tracker is on this machine */
    struct tracker_name names[TRACKER_NAMES_MAX];
};

/* The lookup of the DNS name of a peer in the answer of |part|. */
struct name_lookup {
    struct tracker_ask *ask;
    struct part *part;
    struct resolve *resolve; /* NULL: not begun, or over */
};

/* The memory of an ask that has begun. */
struct ask_work {
    struct part parts[PARTS];
    struct name_lookup lookups[PARTS * TRACKER_NAMES_MAX];
    struct url url;
};

struct tracker_ask {
    uint32_t magic;
    struct tracker_client *tc;
    struct tracker_entry entry; /* in the queue */
    char *host;                 /* NULL: the URL is not a tracker's */
    char *url;
    struct ask_work *work; /* NULL while the ask waits in the queue */
    struct tracker_announce announce;
    char tracker_id[TRACKER_ID_MAX + 1];
    struct resolve *resolve;  /* of the tracker's host */
    struct loop_timer *timer; /* calls on_timer() */
    unsigned part_count;
    unsigned running; /* parts */
    unsigned lookups_running;
    bool finished; /* all parts have answered, or had their time; only names may be looked up */
    struct mono began;
    int err; /* an error that no part has */
    char note[NOTE_MAX + 1];
    void (*begun)(void *ctx);
    tracker_done_fn fn;
    void *ctx;
};

/* --- the end of an ask --- */

static void
work_free(struct tracker_client *tc, struct ask_work *w)
{
    for (unsigned i = 0; w != NULL && i < PARTS; i++) {
        fetch_cancel(w->parts[i].fetch);
        if (w->parts[i].udp != NULL)
            tc->udp.cancel(w->parts[i].udp);
        free(w->parts[i].peers);
    }
    for (size_t i = 0; w != NULL && i < PARTS * TRACKER_NAMES_MAX; i++)
        resolve_cancel(w->lookups[i].resolve);
    free(w);
}

static bool
tracker_has_answered(const struct tracker_ask *ask)
{
    for (unsigned i = 0; i < ask->part_count; i++) {
        const struct part *p = &ask->work->parts[i];

        if (!p->running && p->err != SPRAT_E_TIMEOUT)
            return true;
    }
    return false;
}

static void
ask_free(struct tracker_ask *ask)
{
    tracker_queue_remove(ask->tc->queue, &ask->entry, tracker_has_answered(ask));
    work_free(ask->tc, ask->work);
    ask->tc->lookups -= ask->lookups_running;
    resolve_cancel(ask->resolve);
    free(ask->host);
    loop_timer_free(ask->timer);
    ask->tc->asks--;
    free(ask->url);
    MAGIC_CLEAR(ask);
    free(ask);
}

static bool
part_ok(const struct part *p)
{
    return !p->running && p->err == 0 && p->reply.failure[0] == '\0';
}

static uint32_t
count_of(int64_t n)
{
    return n < 0 ? 0 : n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

/* Adds a successful part to the result. The longer of two intervals counts, so that the next
 * announce comes too early for neither family. */
static void
merge_success(struct announce_result *res, const struct part *p)
{
    const struct tracker_reply *r = &p->reply;

    if (r->interval_s > res->interval_s)
        res->interval_s = r->interval_s;
    if (r->min_interval_s > res->min_interval_s)
        res->min_interval_s = r->min_interval_s;
    if (count_of(r->complete) > res->seeders)
        res->seeders = count_of(r->complete);
    if (count_of(r->incomplete) > res->leechers)
        res->leechers = count_of(r->incomplete);
    if (r->warning[0] != '\0')
        res->message = r->warning;
}

/* Adds a failed part to the result of an ask without a successful part. The first failure that has
 * a message counts. */
static void
merge_failure(struct announce_result *res, const struct part *p)
{
    const struct tracker_reply *r = &p->reply;

    if (res->err != 0 && res->message != NULL)
        return;
    res->err = p->err != 0 ? p->err : SPRAT_E_REMOTE;
    res->message = p->err != 0 ? p->note : r->failure;
    if (r->retry_in_min == TRACKER_RETRY_NEVER)
        res->retry_in_s = -1;
    else
        res->retry_in_s = (int64_t)r->retry_in_min * 60;
}

/* Appends the peers of the other successful parts to those of the first; |*addrs| points to them.
 * Returns their number. */
static size_t
gather_peers(struct tracker_ask *ask, struct endpoint **addrs)
{
    struct part *first = NULL;
    size_t n = 0;

    for (unsigned i = 0; i < ask->part_count; i++) {
        struct part *p = &ask->work->parts[i];

        if (!part_ok(p))
            continue;
        if (first == NULL) {
            first = p;
            *addrs = p->peers;
            n = p->reply.npeers;
            continue;
        }
        /* Each part's array is large enough for the peers of all parts. */
        memcpy(first->peers + n, p->peers, p->reply.npeers * sizeof(*p->peers));
        n += p->reply.npeers;
    }
    return n;
}

/* Calls the owner with the result, and frees the ask. */
static void
report(struct tracker_ask *ask)
{
    struct announce_result res = {.err = ask->err};
    struct endpoint *addrs = NULL;
    size_t count = gather_peers(ask, &addrs);
    bool any = false;

    for (unsigned i = 0; i < ask->part_count; i++)
        if (part_ok(&ask->work->parts[i])) {
            merge_success(&res, &ask->work->parts[i]);
            tracker_ids_remember(&ask->tc->ids, ask->url, ask->announce.info_hash,
                                 ask->work->parts[i].reply.tracker_id);
            any = true;
        }
    for (unsigned i = 0; i < ask->part_count && !any; i++)
        merge_failure(&res, &ask->work->parts[i]);
    if (res.err != 0 && res.message == NULL)
        res.message = ask->note[0] != '\0' ? ask->note : sprat_strerror(res.err);
    res.peers = (uint32_t)count;
    ask->fn(ask->ctx, &res, addrs, count);
    ask_free(ask);
}

/* A peer's name is resolved: adds its addresses to the peers of the answer that contained it. */
static void
on_name(void *ctx, int err, const struct endpoint *addrs, size_t count)
{
    struct name_lookup *l = ctx;
    struct tracker_ask *ask = l->ask;
    struct part *p = l->part;
    size_t added = 0;

    l->resolve = NULL;
    for (size_t i = 0; err == 0 && i < count && added < TRACKER_CLIENT_NAME_ADDRS_MAX; i++) {
        if (p->reply.npeers == p->reply.peers_max || (addr_is_loopback(&addrs[i]) && !p->local))
            continue;
        p->peers[p->reply.npeers++] = addrs[i];
        added++;
    }
    ask->tc->lookups--;
    ask->lookups_running--;
    if (ask->lookups_running == 0)
        report(ask);
}

/* Begins to look up the peers' names in the successful answers, up to TRACKER_CLIENT_NAMES_MAX. */
static void
look_up_names(struct tracker_ask *ask)
{
    struct tracker_client *tc = ask->tc;
    unsigned n = 0;

    for (unsigned i = 0; i < ask->part_count; i++) {
        struct part *p = &ask->work->parts[i];

        for (size_t k = 0; part_ok(p) && k < p->reply.nnames; k++) {
            struct name_lookup *l = &ask->work->lookups[n];

            if (tc->lookups == TRACKER_CLIENT_NAMES_MAX)
                return;
            *l = (struct name_lookup){.ask = ask, .part = p};
            l->resolve =
                resolve_start(tc->resolver, p->names[k].host, p->names[k].port, on_name, l);
            if (l->resolve == NULL)
                return;
            n++;
            tc->lookups++;
            ask->lookups_running++;
        }
    }
}

/* All parts have answered or had their time. Peers' names get TRACKER_CLIENT_NAMES_MS; then the ask
 * is reported. */
static void
finish(struct tracker_ask *ask)
{
    if (!ask->finished)
        look_up_names(ask);
    ask->finished = true;
    if (ask->lookups_running == 0)
        report(ask);
    else
        loop_timer_set(ask->timer, mono_add_ms(loop_now(ask->tc->loop), TRACKER_CLIENT_NAMES_MS));
}

/* The ask fails with |err|; that is reported from the loop, not within the current call. */
static void
finish_later(struct tracker_ask *ask, int err)
{
    ask->err = err;
    ask->running = 0;
    loop_timer_set(ask->timer, loop_now(ask->tc->loop));
}

/* The wait for the slower address family, or for the peers' names, has lasted its maximum; or
 * finish_later() set the timer. */
static void
on_timer(void *ctx)
{
    struct tracker_ask *ask = ctx;

    MAGIC_CHECK(ask, TRACKER_ASK_MAGIC);
    if (ask->finished)
        report(ask);
    else
        finish(ask);
}

static void
part_done(struct part *p, int err)
{
    struct tracker_ask *ask = p->ask;

    p->running = false;
    p->err = err;
    if (err != 0 && p->note[0] == '\0')
        snprintf(p->note, sizeof(p->note), "%s", sprat_strerror(err));
    ask->running--;
    if (ask->finished)
        return; /* the ask waits for peers' names only; report() merges this part too */
    if (ask->running == 0)
        finish(ask);
    else if (part_ok(p))
        loop_timer_set(ask->timer, mono_add_ms(loop_now(ask->tc->loop), TRACKER_CLIENT_GRACE_MS));
}

/* --- parts --- */

static void
on_fetched(void *ctx, const struct fetch_result *res)
{
    struct part *p = ctx;
    int err = res->err;

    p->fetch = NULL;
    if (err != 0) {
        tracker_say_fetch(p->note, sizeof(p->note), &p->ask->work->url, res);
        /* Not E_TIMEOUT, because no later attempt helps, and the note says what to do. */
        if (res->cause == FETCH_TLS_SILENT)
            err = SPRAT_E_PROTOCOL;
    } else {
        err = tracker_http_parse_reply(&p->reply, res->body, res->len);
        /* Some trackers send a failure reason with status 4xx: it counts if the body is bencoded.
         */
        if (res->status != 200 && (err != 0 || p->reply.failure[0] == '\0')) {
            err = SPRAT_E_REMOTE;
            tracker_say_fetch(p->note, sizeof(p->note), &p->ask->work->url, res);
        } else if (err != 0) {
            snprintf(p->note, sizeof(p->note),
                     "the answer is not a tracker's (%s): tracker URLs usually end in /announce",
                     sprat_strerror(err));
        }
    }
    part_done(p, err);
}

static void
on_udp(void *ctx, int err)
{
    struct part *p = ctx;

    p->udp = NULL;
    if (err != 0)
        tracker_say_err(p->note, sizeof(p->note), &p->ask->work->url, err,
                        (unsigned)((loop_now(p->ask->tc->loop).us - p->ask->began.us) / 1000000));
    part_done(p, err);
}

/* The local address for an HTTP announce to |to|; NULL: the system chooses. Family IP_NONE: the
 * tracker's address is not known. */
static const struct endpoint *
http_source(const struct tracker_client *tc, const struct endpoint *to)
{
    return to->family != IP_NONE ? source_for(&tc->source, to) : NULL;
}

static void
start_http(struct part *p, const struct endpoint *to)
{
    struct tracker_ask *ask = p->ask;
    struct buf url;
    const char *text;

    buf_init(&url, TRACKER_URL_MAX + 1);
    if (tracker_query_announce_url(&url, ask->url, &ask->announce) == 0 &&
        (text = buf_str(&url)) != NULL) {
        struct fetch_request req = {.url = text,
                                    .family = (enum ip_family)to->family,
                                    .from = http_source(ask->tc, to),
                                    .body_max = TRACKER_HTTP_REPLY_MAX,
                                    .timeout_ms = TRACKER_CLIENT_TIMEOUT_MS};

        p->fetch = fetch_start(ask->tc->fetcher, &req, on_fetched, p);
    }
    buf_fini(&url);
}

static void
start_udp(struct part *p, const struct endpoint *to, size_t count)
{
    struct tracker_ask *ask = p->ask;
    struct udp_request request = {.to = to,
                                  .count = count,
                                  .announce = &ask->announce,
                                  .url_data = ask->work->url.rest,
                                  .reply = &p->reply,
                                  .fn = on_udp,
                                  .ctx = p};

    p->udp = ask->tc->udp.announce(ask->tc->udp.ctx, &request);
}

/* Starts the part for one family: the tracker's addresses are |to|. When memory is out, the part is
 * missing. */
static void
start_part(struct tracker_ask *ask, const struct endpoint *to, size_t count)
{
    struct part *p = &ask->work->parts[ask->part_count];

    p->ask = ask;
    p->peers = calloc((size_t)PARTS * TRACKER_CLIENT_PEERS_MAX, sizeof(*p->peers));
    if (p->peers == NULL)
        return;
    tracker_reply_init(&p->reply, p->peers, TRACKER_CLIENT_PEERS_MAX);
    p->reply.names = p->names;
    p->reply.names_max = TRACKER_NAMES_MAX;
    p->local = addr_is_loopback(to);
    if (strcmp(ask->work->url.scheme, "udp") == 0)
        start_udp(p, to, count);
    else
        start_http(p, to); /* curl looks the name up itself, and tries all addresses */
    if (p->fetch == NULL && p->udp == NULL) {
        free(p->peers);
        p->peers = NULL;
        return;
    }
    p->running = true;
    ask->part_count++;
    ask->running++;
}

/* --- from the name to the parts --- */

/* The tracker's addresses of one family. */
struct family {
    struct endpoint addrs[UDP_TRACKER_ADDRS_MAX];
    size_t count;
};

static void
pick_family(struct family *f, const struct endpoint *addrs, size_t count, unsigned family)
{
    f->count = 0;
    for (size_t i = 0; i < count && f->count < UDP_TRACKER_ADDRS_MAX; i++)
        if (addrs[i].family == family)
            f->addrs[f->count++] = addrs[i];
}

/* Starts one part per family that both the tracker and the listeners have; if there is no common
 * family, one part per family of the tracker. */
static void
start_parts(struct tracker_ask *ask, const struct endpoint *addrs, size_t count)
{
    struct family v4, v6;
    bool use4, use6;

    pick_family(&v4, addrs, count, IP_V4);
    pick_family(&v6, addrs, count, IP_V6);
    use4 = v4.count > 0 && ask->tc->source.v4.family != IP_NONE;
    use6 = v6.count > 0 && ask->tc->source.v6.family != IP_NONE;
    if (!use4 && !use6)
        use4 = !(use6 = v4.count == 0);
    if (use4)
        start_part(ask, v4.addrs, v4.count);
    if (use6)
        start_part(ask, v6.addrs, v6.count);
}

static void
on_resolved(void *ctx, int err, const struct endpoint *addrs, size_t count)
{
    struct tracker_ask *ask = ctx;
    struct endpoint unknown = {.family = IP_NONE};

    MAGIC_CHECK(ask, TRACKER_ASK_MAGIC);
    ask->resolve = NULL;
    if (err == 0)
        start_parts(ask, addrs, count);
    else if (strcmp(ask->work->url.scheme, "udp") != 0)
        start_part(ask, &unknown, 1); /* an HTTP proxy may be able to resolve the name */
    else {
        tracker_say_err(ask->note, sizeof(ask->note), &ask->work->url, err, 0);
        finish_later(ask, err);
        return;
    }
    if (ask->running == 0)
        finish_later(ask, SPRAT_E_NOMEM);
}

static bool
is_known_scheme(const char *scheme)
{
    return strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0 ||
           strcmp(scheme, "udp") == 0;
}

/* --- from the queue --- */

static enum tracker_need
need_of(const struct tracker_announce *a)
{
    if (a->event == TRACKER_EVENT_STOPPED)
        return TRACKER_NEED_STOPPED;
    return a->left > 0 && a->event != TRACKER_EVENT_PAUSED ? TRACKER_NEED_DOWNLOAD
                                                           : TRACKER_NEED_SEED;
}

static struct tracker_ask *
ask_of(struct tracker_entry *e)
{
    struct tracker_ask *ask = LIST_ENTRY(e, struct tracker_ask, entry);

    MAGIC_CHECK(ask, TRACKER_ASK_MAGIC);
    return ask;
}

/* Resolves the tracker's host. False if memory is out or the resolver is full. */
static bool
begin_ask(struct tracker_entry *e)
{
    struct tracker_ask *ask = ask_of(e);
    struct ask_work *work = calloc(1, sizeof(*work));

    if (work == NULL)
        return false;
    (void)url_parse(ask->url, &work->url); /* start() has parsed the URL without an error */
    ask->resolve =
        resolve_start(ask->tc->resolver, work->url.host, work->url.port, on_resolved, ask);
    if (ask->resolve == NULL) {
        free(work);
        return false;
    }
    ask->work = work;
    ask->began = loop_now(ask->tc->loop);
    return true;
}

static void
ask_has_begun(struct tracker_entry *e)
{
    struct tracker_ask *ask = ask_of(e);

    ask->begun(ask->ctx);
}

static const struct tracker_queue_owner queue_owner = {.begin = begin_ask, .begun = ask_has_begun};

static void
start(struct tracker_ask *ask)
{
    struct url url;
    int err = url_parse(ask->url, &url);

    if (err == 0 && (!is_known_scheme(url.scheme) || url.port == 0))
        err = SPRAT_E_INVAL;
    if (err == 0) {
        ask->host = strdup(url.host);
        err = ask->host == NULL ? SPRAT_E_NOMEM
                                : tracker_queue_add(ask->tc->queue, &ask->entry, ask->host,
                                                    need_of(&ask->announce));
    }
    if (err == SPRAT_E_SYNTAX || err == SPRAT_E_INVAL)
        snprintf(ask->note, sizeof(ask->note),
                 "not a tracker's URL: write it like http://HOST:PORT/announce or "
                 "udp://HOST:PORT/announce");
    if (err != 0)
        finish_later(ask, err);
}

struct tracker_ask *
tracker_client_announce(struct tracker_client *tc, const char *url,
                        const struct tracker_announce *a, void (*begun)(void *ctx),
                        tracker_done_fn fn, void *ctx)
{
    struct tracker_ask *ask = calloc(1, sizeof(*ask));
    const char *id = tracker_ids_find(&tc->ids, url, a->info_hash);

    MAGIC_CHECK(tc, TRACKER_CLIENT_MAGIC);
    if (ask == NULL)
        return NULL;
    MAGIC_SET(ask, TRACKER_ASK_MAGIC);
    ask->tc = tc;
    tc->asks++;
    ask->url = strdup(url);
    ask->announce = *a;
    ask->began = loop_now(tc->loop);
    ask->begun = begun;
    ask->fn = fn;
    ask->ctx = ctx;
    ask->timer = loop_timer_new(tc->loop, on_timer, ask);
    if (ask->url == NULL || ask->timer == NULL) {
        ask_free(ask);
        return NULL;
    }
    if (id != NULL) {
        strcpy(ask->tracker_id, id);
        ask->announce.tracker_id = ask->tracker_id;
    }
    start(ask);
    return ask;
}

void
tracker_ask_cancel(struct tracker_ask *ask)
{
    if (ask == NULL)
        return;
    MAGIC_CHECK(ask, TRACKER_ASK_MAGIC);
    ask_free(ask);
}

struct tracker_client *
tracker_client_new(struct loop *l, struct resolver *resolver, struct fetcher *fetcher,
                   struct tracker_gate *gate, const struct source *source,
                   const struct udp_asker *udp)
{
    struct tracker_client *tc = calloc(1, sizeof(*tc));

    if (tc == NULL)
        return NULL;
    MAGIC_SET(tc, TRACKER_CLIENT_MAGIC);
    tracker_ids_init(&tc->ids);
    tc->loop = l;
    tc->resolver = resolver;
    tc->fetcher = fetcher;
    tc->source = *source;
    tc->queue = tracker_queue_new(l, gate, &queue_owner);
    tc->udp = *udp;
    if (tc->queue == NULL) {
        tracker_client_free(tc);
        return NULL;
    }
    return tc;
}

void
tracker_client_free(struct tracker_client *tc)
{
    if (tc == NULL)
        return;
    MAGIC_CHECK(tc, TRACKER_CLIENT_MAGIC);
    ASSERT(tc->asks == 0);
    tracker_ids_fini(&tc->ids);
    tracker_queue_free(tc->queue);
    MAGIC_CLEAR(tc);
    free(tc);
}
