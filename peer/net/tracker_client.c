/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An ask waits in the line of its tracker's host. When the gate lets it in, the host's name is
 * resolved, which tells its families; then the ask has one part per family, and the parts' answers
 * become one. What an ask needs for its parts is allocated when it leaves the line.
 */
#include "peer/net/tracker_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/assert.h"
#include "common/base/magic.h"
#include "common/codec/tracker_http.h"
#include "common/codec/tracker_query.h"
#include "common/ds/list.h"
#include "common/ev/url.h"
#include "peer/net/tracker_say.h"

#define TRACKER_CLIENT_MAGIC 0x54524b43u
#define TRACKER_ASK_MAGIC    0x54524b41u

enum { PARTS = 2, IDS_MAX = 256, NOTE_MAX = ANNOUNCE_MESSAGE_MAX };

/* A "tracker id" (BEP 3) that a later announce to the tracker has to repeat. */
struct known_id {
    struct list link;
    char *url;
    uint8_t info_hash[TRACKER_HASH_LEN];
    char id[TRACKER_ID_MAX + 1];
};

/* Asks wait in this order. */
enum need { NEED_STOPPED, NEED_DOWNLOAD, NEED_SEED, NEEDS };

/* A tracker host that asks of this loop wait for. */
struct line {
    struct list link;
    struct list asks[NEEDS];
    bool silent; /* and all that wait have been told */
    char host[URL_HOST_MAX + 1];
};

struct tracker_client {
    uint32_t magic;
    struct loop *loop;
    struct tracker_gate *gate;
    struct list lines; /* the one that was served longest ago first */
    struct loop_timer *pump;
    struct resolver *resolver;
    struct fetcher *fetcher;
    struct udp_tracker *udp;
    struct source source;
    uint32_t asks;
    uint32_t lookups; /* of peers' names */
    struct list ids;  /* the longest unused first */
    uint32_t id_count;
};

/* The announce over one address family. */
struct part {
    struct tracker_ask *ask;
    bool running;
    int err;
    char note[NOTE_MAX + 1]; /* why it failed, where that is not the tracker's own failure reason */
    struct fetch *fetch;
    struct udp_ask *udp;
    struct tracker_reply reply;
    struct endpoint *peers;
    bool local; /* the tracker is on this machine */
    struct tracker_name names[TRACKER_NAMES_MAX];
};

/* A peer's name that is looked up. */
struct name_lookup {
    struct tracker_ask *ask;
    struct part *part;
    struct resolve *resolve; /* NULL: none, or over */
};

/* What an ask has when it has left the line. */
struct asking {
    struct part parts[PARTS];
    struct name_lookup lookups[PARTS * TRACKER_NAMES_MAX];
    struct url url;
};

struct tracker_ask {
    uint32_t magic;
    struct tracker_client *tc;
    struct list link; /* in line */
    struct line *line;
    char *host; /* NULL: the URL is none */
    char *url;
    bool told_begun;
    bool entered; /* the gate */
    struct asking *work;
    struct tracker_announce announce;
    char tracker_id[TRACKER_ID_MAX + 1];
    struct resolve *resolve;
    struct loop_timer *timer; /* the grace, or an error that was known at once */
    unsigned part_count;
    unsigned running;
    unsigned lookups_running;
    bool finished; /* but for the names */
    struct mono began;
    int err; /* of the whole */
    char note[NOTE_MAX + 1];
    void (*begun)(void *ctx);
    tracker_done_fn fn;
    void *ctx;
};

/* --- tracker ids --- */

static struct known_id *
id_find(struct tracker_client *tc, const char *url, const uint8_t *info_hash)
{
    LIST_EACH(it, &tc->ids) {
        struct known_id *k = LIST_ENTRY(it, struct known_id, link);

        if (strcmp(k->url, url) == 0 && memcmp(k->info_hash, info_hash, TRACKER_HASH_LEN) == 0)
            return k;
    }
    return NULL;
}

static void
id_free(struct tracker_client *tc, struct known_id *k)
{
    list_remove(&k->link);
    tc->id_count--;
    free(k->url);
    free(k);
}

static void
id_remember(struct tracker_client *tc, const struct tracker_ask *ask, const char *id)
{
    struct known_id *k = id_find(tc, ask->url, ask->announce.info_hash);

    if (id[0] == '\0')
        return;
    if (k == NULL) {
        if (tc->id_count == IDS_MAX)
            id_free(tc, LIST_ENTRY(tc->ids.next, struct known_id, link));
        k = calloc(1, sizeof(*k));
        if (k == NULL)
            return;
        list_init(&k->link);
        tc->id_count++;
        k->url = strdup(ask->url);
        if (k->url == NULL) {
            id_free(tc, k);
            return;
        }
        memcpy(k->info_hash, ask->announce.info_hash, TRACKER_HASH_LEN);
    }
    list_remove(&k->link);
    list_push_back(&tc->ids, &k->link);
    strcpy(k->id, id);
}

/* --- the end of an ask --- */

static void
asking_free(struct asking *w)
{
    for (unsigned i = 0; w != NULL && i < PARTS; i++) {
        fetch_cancel(w->parts[i].fetch);
        udp_ask_cancel(w->parts[i].udp);
        free(w->parts[i].peers);
    }
    for (size_t i = 0; w != NULL && i < PARTS * TRACKER_NAMES_MAX; i++)
        resolve_cancel(w->lookups[i].resolve);
    free(w);
}

/* Takes the ask out of its line, and the line away if it is the last. */
static void
leave_line(struct tracker_ask *ask)
{
    struct line *l = ask->line;

    if (l == NULL)
        return;
    list_remove(&ask->link);
    ask->line = NULL;
    for (int need = 0; need < NEEDS; need++)
        if (!list_empty(&l->asks[need]))
            return;
    list_remove(&l->link);
    free(l);
}

static bool
was_answered(const struct tracker_ask *ask)
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
    struct mono now = loop_now(ask->tc->loop);

    leave_line(ask);
    if (ask->entered) {
        tracker_gate_leave(ask->tc->gate, ask->host, was_answered(ask), now);
        loop_timer_set(ask->tc->pump, now);
    }
    asking_free(ask->work);
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

/* Adds a good part to the result. The longer interval counts: it suits both. */
static void
merge_good(struct announce_result *res, const struct part *p)
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

static void
merge_bad(struct announce_result *res, const struct part *p)
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

/* Gathers the peers of all good parts behind those of the first. Returns how many. */
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
        /* Each part has room for all. */
        memcpy(first->peers + n, p->peers, p->reply.npeers * sizeof(*p->peers));
        n += p->reply.npeers;
    }
    return n;
}

static void
tell(struct tracker_ask *ask)
{
    struct announce_result res = {.err = ask->err};
    struct endpoint *addrs = NULL;
    size_t count = gather_peers(ask, &addrs);
    bool any = false;

    for (unsigned i = 0; i < ask->part_count; i++)
        if (part_ok(&ask->work->parts[i])) {
            merge_good(&res, &ask->work->parts[i]);
            id_remember(ask->tc, ask, ask->work->parts[i].reply.tracker_id);
            any = true;
        }
    for (unsigned i = 0; i < ask->part_count && !any; i++)
        merge_bad(&res, &ask->work->parts[i]);
    if (res.err != 0 && res.message == NULL)
        res.message = ask->note[0] != '\0' ? ask->note : sprat_strerror(res.err);
    res.peers = (uint32_t)count;
    ask->fn(ask->ctx, &res, addrs, count);
    ask_free(ask);
}

/* A name's addresses join the peers of the answer that it stood in. */
static void
on_name(void *ctx, int err, const struct endpoint *addrs, size_t count)
{
    struct name_lookup *l = ctx;
    struct tracker_ask *ask = l->ask;
    struct part *p = l->part;
    size_t taken = 0;

    l->resolve = NULL;
    for (size_t i = 0; err == 0 && i < count && taken < TRACKER_CLIENT_NAME_ADDRS_MAX; i++) {
        if (p->reply.npeers == p->reply.peers_max || (addr_is_loopback(&addrs[i]) && !p->local))
            continue;
        p->peers[p->reply.npeers++] = addrs[i];
        taken++;
    }
    ask->tc->lookups--;
    ask->lookups_running--;
    if (ask->lookups_running == 0)
        tell(ask);
}

/* Begins to look up the names in the good answers, as many as there is room for. */
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

static void
finish(struct tracker_ask *ask)
{
    if (!ask->finished)
        look_up_names(ask);
    ask->finished = true;
    if (ask->lookups_running == 0)
        tell(ask);
    else
        loop_timer_set(ask->timer, mono_add_ms(loop_now(ask->tc->loop), TRACKER_CLIENT_NAMES_MS));
}

/* Ends it from the loop, soon. */
static void
finish_later(struct tracker_ask *ask, int err)
{
    ask->err = err;
    ask->running = 0;
    loop_timer_set(ask->timer, loop_now(ask->tc->loop));
}

/* The slower family had its time, or there was nothing to wait for. */
static void
on_timer(void *ctx)
{
    struct tracker_ask *ask = ctx;

    MAGIC_CHECK(ask, TRACKER_ASK_MAGIC);
    if (ask->finished)
        tell(ask); /* the names had theirs */
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
        return; /* names are waited for; this counts too if it was good */
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
        /* More than a tracker that is slow: its sentence says what to do. */
        if (res->cause == FETCH_TLS_SILENT)
            err = SPRAT_E_PROTOCOL;
    } else {
        err = tracker_http_parse_reply(&p->reply, res->body, res->len);
        /* Some trackers say why with a status of 4xx: the body counts where it can be read. */
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

/* The address that an HTTP announce leaves from; |to| may be of family IP_NONE: not known. */
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
        p->udp = udp_tracker_announce(ask->tc->udp, to, count, &ask->announce,
                                      ask->work->url.rest, &p->reply, on_udp, p);
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
        start_part(ask, &unknown, 1); /* a proxy may know the name */
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

/* --- in line --- */

static void
tell_begun(struct tracker_ask *ask)
{
    if (ask->told_begun)
        return;
    ask->told_begun = true;
    ask->begun(ask->ctx);
}

static struct line *
line_of(struct tracker_client *tc, const char *host)
{
    struct line *l;

    LIST_EACH(it, &tc->lines) {
        l = LIST_ENTRY(it, struct line, link);
        if (strcmp(l->host, host) == 0)
            return l;
    }
    l = calloc(1, sizeof(*l));
    if (l == NULL)
        return NULL;
    for (int need = 0; need < NEEDS; need++)
        list_init(&l->asks[need]);
    snprintf(l->host, sizeof(l->host), "%s", host);
    list_init(&l->link);
    list_push_back(&tc->lines, &l->link);
    return l;
}

static enum need
need_of(const struct tracker_announce *a)
{
    if (a->event == TRACKER_EVENT_STOPPED)
        return NEED_STOPPED;
    return a->left > 0 ? NEED_DOWNLOAD : NEED_SEED;
}

static int
stand_in_line(struct tracker_ask *ask)
{
    struct tracker_client *tc = ask->tc;
    struct line *l = line_of(tc, ask->host);

    if (l == NULL)
        return SPRAT_E_NOMEM;
    ask->line = l;
    l->silent = false; /* the new one has to be told */
    list_push_back(&l->asks[need_of(&ask->announce)], &ask->link);
    loop_timer_set(tc->pump, loop_now(tc->loop));
    return 0;
}

/* False if the resolver has too many names already: the ask stays in line. */
static bool
begin(struct tracker_ask *ask)
{
    struct tracker_client *tc = ask->tc;

    ask->work = calloc(1, sizeof(*ask->work));
    if (ask->work == NULL)
        return false;
    (void)url_parse(ask->url, &ask->work->url); /* it was right before */
    ask->resolve = resolve_start(tc->resolver, ask->work->url.host, ask->work->url.port,
                                 on_resolved, ask);
    if (ask->resolve == NULL) {
        asking_free(ask->work);
        ask->work = NULL;
        return false;
    }
    leave_line(ask);
    ask->began = loop_now(tc->loop);
    tell_begun(ask);
    return true;
}

/* Those in line at a host that does not answer are told: they may turn to other trackers. */
static void
tell_silent(struct line *l)
{
    if (l->silent)
        return;
    l->silent = true;
    for (int need = 0; need < NEEDS; need++)
        LIST_EACH(it, &l->asks[need])
            tell_begun(LIST_ENTRY(it, struct tracker_ask, link));
}

static struct tracker_ask *
first_of(const struct line *l, int need)
{
    return list_empty(&l->asks[need]) ? NULL
                                      : LIST_ENTRY(l->asks[need].next, struct tracker_ask, link);
}

/* Lets one ask of this need begin. If that may not be: false, and when to try again. */
static bool
serve(struct tracker_client *tc, struct line *l, int need, struct mono *again)
{
    struct mono now = loop_now(tc->loop), at;
    struct tracker_ask *ask = first_of(l, need);
    bool silent;

    if (ask == NULL)
        return false;
    if (!tracker_gate_enter(tc->gate, ask->host, need == NEED_STOPPED, now, &at, &silent)) {
        *again = mono_min(*again, at);
        if (silent)
            tell_silent(l);
        return false;
    }
    ask->entered = true;
    list_remove(&l->link);
    list_push_back(&tc->lines, &l->link);
    if (begin(ask))
        return true;
    ask->entered = false;
    tracker_gate_leave(tc->gate, ask->host, false, now);
    *again = mono_min(*again, mono_add_ms(now, TRACKER_GATE_AGAIN_MS));
    return false;
}

/* One round over the lines, from the most needed. True if an ask began. */
static bool
serve_any(struct tracker_client *tc, struct mono *again)
{
    for (int need = 0; need < NEEDS; need++)
        LIST_EACH_SAFE(it, &tc->lines)
            if (serve(tc, LIST_ENTRY(it, struct line, link), need, again))
                return true;
    return false;
}

static void
on_pump(void *ctx)
{
    struct tracker_client *tc = ctx;
    struct mono again = MONO_NEVER;

    MAGIC_CHECK(tc, TRACKER_CLIENT_MAGIC);
    do
        again = MONO_NEVER;
    while (serve_any(tc, &again));
    loop_timer_set(tc->pump, again);
}

static void
start(struct tracker_ask *ask)
{
    struct url url;
    int err = url_parse(ask->url, &url);

    if (err == 0 && (!is_known_scheme(url.scheme) || url.port == 0))
        err = SPRAT_E_INVAL;
    if (err == 0) {
        ask->host = strdup(url.host);
        err = ask->host != NULL ? stand_in_line(ask) : SPRAT_E_NOMEM;
    }
    if (err == SPRAT_E_SYNTAX || err == SPRAT_E_INVAL)
        snprintf(ask->note, sizeof(ask->note),
                 "this is not a tracker's URL, as udp://HOST:PORT/announce is one");
    if (err != 0)
        finish_later(ask, err);
}

struct tracker_ask *
tracker_client_announce(struct tracker_client *tc, const char *url,
                        const struct tracker_announce *a, void (*begun)(void *ctx),
                        tracker_done_fn fn, void *ctx)
{
    struct tracker_ask *ask = calloc(1, sizeof(*ask));
    struct known_id *known = id_find(tc, url, a->info_hash);

    MAGIC_CHECK(tc, TRACKER_CLIENT_MAGIC);
    if (ask == NULL)
        return NULL;
    MAGIC_SET(ask, TRACKER_ASK_MAGIC);
    list_init(&ask->link);
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
    if (known != NULL) {
        strcpy(ask->tracker_id, known->id);
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
                   struct tracker_gate *gate, const struct source *source, uint32_t udp_retry_ms)
{
    struct tracker_client *tc = calloc(1, sizeof(*tc));

    if (tc == NULL)
        return NULL;
    MAGIC_SET(tc, TRACKER_CLIENT_MAGIC);
    list_init(&tc->ids);
    tc->loop = l;
    tc->resolver = resolver;
    tc->fetcher = fetcher;
    tc->gate = gate;
    tc->source = *source;
    list_init(&tc->lines);
    tc->pump = loop_timer_new(l, on_pump, tc);
    tc->udp = udp_tracker_new(l, source, udp_retry_ms);
    if (tc->udp == NULL || tc->pump == NULL) {
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
    LIST_EACH_SAFE(it, &tc->ids)
        id_free(tc, LIST_ENTRY(it, struct known_id, link));
    udp_tracker_free(tc->udp);
    loop_timer_free(tc->pump);
    MAGIC_CLEAR(tc);
    free(tc);
}
