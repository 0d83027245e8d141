/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The first worker runs in the process's own thread, and all that is not answering announces stands
 * on its loop.
 */
#include "tracker/daemon/process.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/crypto/random.h"
#include "common/sys/addr.h"
#include "common/sys/processors.h"
#include "tracker/daemon/accountant.h"
#include "tracker/daemon/admin.h"
#include "tracker/daemon/listfile.h"
#include "tracker/daemon/machine.h"
#include "tracker/daemon/savefile.h"
#include "tracker/daemon/worker.h"

enum {
    OTHER_FILES = 64,  /* descriptors that are no HTTP connections: of the process, */
    WORKER_FILES = 48, /* and of each worker */
};

struct process {
    struct log log;
    int argc;
    const char *const *argv;
    struct settings settings;
    struct listfile list;
    struct worker_common common;
    struct accountant *accountant; /* of a private tracker, or NULL */
    struct worker *workers[SHARDS_MAX];
    unsigned nworkers;
    struct loop *loop; /* the first worker's */
    struct savefile *save;
    char state_file[SETTINGS_PATH_MAX]; /* as it was at the start: |save| borrows it */
    struct loop_signal *sigterm, *sigint, *sighup;
    struct admin admin;
    struct http_front *admin_fronts[SETTINGS_LISTEN_MAX];
    struct mono started_at;
};

static int
out_of_memory(struct errbuf *eb)
{
    return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
}

/* ---- signals ---- */

static void
on_signal(void *ctx, int signum)
{
    struct process *p = ctx;

    log_info(&p->log, "stopping: %s", strsignal(signum));
    loop_stop(p->loop);
}

/* Puts settings to use that need no restart. The old list goes when all shards have the new. */
static void
use(struct process *p, const struct settings *s, struct listfile list)
{
    struct hashlist *old = p->list.list;

    p->settings = *s;
    p->list = list;
    p->log.level = s->log_level;
    if (limiter_set(p->common.limiter, s->rate_limit) != 0)
        log_error(&p->log, "out of memory: there is no rate limit");
    shards_set_config(p->common.shards, &s->tracker);
    shards_set_list(p->common.shards, list.mode, list.list);
    hashlist_free(old);
    if (list.list != NULL)
        log_info(&p->log, "%zu info-hashes on the list", hashlist_count(list.list));
}

static bool
private_differs(const struct settings *a, const struct settings *b)
{
    return a->is_private != b->is_private || strcmp(a->database, b->database) != 0 ||
           a->accounts_period_s != b->accounts_period_s || a->accounts_max != b->accounts_max ||
           a->retention_days != b->retention_days || a->rate_possible_mbit != b->rate_possible_mbit;
}

/* Addresses, workers, HTTP's limits and peer ids stay as they were at the start. */
static bool
needs_restart(const struct settings *a, const struct settings *b)
{
    return memcmp(&a->http, &b->http, sizeof(a->http)) != 0 ||
           memcmp(&a->admin, &b->admin, sizeof(a->admin)) != 0 ||
           memcmp(&a->udp, &b->udp, sizeof(a->udp)) != 0 ||
           strcmp(a->state_file, b->state_file) != 0 || a->save_period_s != b->save_period_s ||
           memcmp(&a->proxies, &b->proxies, sizeof(a->proxies)) != 0 || a->workers != b->workers ||
           private_differs(a, b) || a->connections_max != b->connections_max || a->http_timeout_s != b->http_timeout_s ||
           a->tracker.peer_ids != b->tracker.peer_ids;
}

/* What can't be read leaves everything as it was. */
static void
on_sighup(void *ctx, int signum)
{
    struct process *p = ctx;
    enum settings_action action;
    struct settings s;
    struct listfile list;
    struct errbuf eb = {""};

    (void)signum;
    if (settings_read(&s, p->argc, p->argv, &action, &eb) != 0 ||
        listfile_read(&list, &s, &eb) != 0) {
        log_error(&p->log, "nothing is changed: %s", eb.text);
        return;
    }
    if (needs_restart(&p->settings, &s))
        log_warn(&p->log, "other addresses, workers, files to save to, HTTP limits, peer-ids and "
                          "private mode wait for a restart");
    use(p, &s, list);
    log_info(&p->log, "read the settings again");
}

static int
start_signals(struct process *p, struct errbuf *eb)
{
    p->sigterm = loop_signal_new(p->loop, SIGTERM, on_signal, p);
    p->sigint = loop_signal_new(p->loop, SIGINT, on_signal, p);
    p->sighup = loop_signal_new(p->loop, SIGHUP, on_sighup, p);
    if (p->sigterm == NULL || p->sigint == NULL || p->sighup == NULL)
        return out_of_memory(eb);
    return 0;
}

/* ---- the tracker and its workers ---- */

/* Shards with the peers of before, if there are any. Their tags are made with the seed that they
 * were saved with. */
static int
make_shards(struct process *p)
{
    struct worker_common *c = &p->common;
    struct saved before = {.data = NULL};
    struct tracker_seed seed;

    random_bytes(&seed, sizeof(seed));
    if (p->settings.state_file[0] != '\0')
        saved_read(&before, p->settings.state_file, &p->log);
    if (before.data != NULL)
        memcpy(seed.hash, before.head.seed, sizeof(seed.hash));
    c->limiter = limiter_new(seed.hash);
    c->shards = shards_new(p->nworkers, &p->settings.tracker, &seed);
    if (c->shards != NULL)
        saved_load(&before, c->shards, &p->log);
    saved_fini(&before);
    return c->limiter == NULL || c->shards == NULL ? SPRAT_E_NOMEM : 0;
}

static int
start_tracker(struct process *p, struct errbuf *eb)
{
    const struct settings *s = &p->settings;
    struct listfile list;
    int err = listfile_read(&list, s, eb);

    if (err != 0)
        return err;
    p->nworkers = s->workers != 0 ? s->workers : processors_usable();
    if (p->nworkers > SHARDS_MAX)
        p->nworkers = SHARDS_MAX;
    random_bytes(p->common.secret, sizeof(p->common.secret));
    p->common.http_limits = (struct http_front_limits){
        .connections_max = (s->connections_max + p->nworkers - 1) / p->nworkers,
        .timeout_s = s->http_timeout_s,
        .proxies = s->proxies,
    };
    if (make_shards(p) != 0) {
        hashlist_free(list.list);
        return out_of_memory(eb);
    }
    use(p, &p->settings, list);
    return 0;
}

static int
start_private(struct process *p, struct errbuf *eb)
{
    const struct settings *s = &p->settings;
    struct members_config members = {
        .entries_max = s->accounts_max,
        .gap_max_s = 2 * s->tracker.interval,
        .silence_s = tracker_peer_timeout_s(&s->tracker),
        .unix_offset_s = accountant_unix_offset(),
    };
    struct accountant_config config = {
        .period_s = s->accounts_period_s,
        .retention_s = s->retention_days * 86400,
        .gap_max_s = members.gap_max_s,
        .rate_possible = (uint64_t)s->rate_possible_mbit * 1000000 / 8,
    };
    struct access_counts counts;
    uint64_t seed[2];
    int err;

    if (s->is_private == 0)
        return 0;
    random_bytes(seed, sizeof(seed));
    p->common.members = members_new(seed, &members);
    if (p->common.members == NULL)
        return out_of_memory(eb);
    err = accountant_new(s->database, p->common.members, &config, &p->log, &p->accountant, eb);
    if (err != 0)
        return err;
    members_counts(p->common.members, &counts);
    log_info(&p->log, "private: %" PRIu32 " users and %" PRIu32 " torrents in %s", counts.users,
             counts.torrents, s->database);
    return 0;
}

static int
make_workers(struct process *p, struct errbuf *eb)
{
    for (unsigned i = 0; i < p->nworkers; i++) {
        p->workers[i] = worker_new(&p->common, i);
        if (p->workers[i] == NULL)
            return out_of_memory(eb);
    }
    p->loop = worker_loop(p->workers[0]);
    p->started_at = loop_now(p->loop);
    return 0;
}

/* ---- addresses ---- */

/* True if the failure to listen at |at| may be passed over: machines without IPv6 are no reason not
 * to start when nobody asked for it. */
static bool
may_do_without(struct process *p, const struct endpoint *at, int err, const struct errbuf *eb)
{
    if (!p->settings.listens_by_default || at->family != IP_V6 || err == SPRAT_E_BUSY)
        return false;
    log_warn(&p->log, "%s", eb->text);
    return true;
}

static void
say_listening(const char *protocol, const struct endpoint *at)
{
    char text[ADDR_TEXT_MAX];

    printf("listening %s %s\n", protocol, addr_format(at, text));
    fflush(stdout);
}

typedef int (*listen_fn)(struct worker *, const struct endpoint *, enum port_share,
                         struct endpoint *, struct errbuf *);

/* All workers at one address: the first may find a port, and the others go where it is. */
static int
listen_together(struct process *p, listen_fn listen, const struct endpoint *at,
                struct endpoint *real, struct errbuf *eb)
{
    int err = listen(p->workers[0], at, p->nworkers > 1 ? PORT_FIRST : PORT_ALONE, real, eb);

    for (unsigned i = 1; i < p->nworkers && err == 0; i++)
        err = listen(p->workers[i], real, PORT_NEXT, real, eb);
    return err;
}

static int
listen_at(struct process *p, const char *protocol, const struct endpoint *at, struct errbuf *eb)
{
    bool udp = strcmp(protocol, "udp") == 0;
    struct endpoint real;
    int err = listen_together(p, udp ? worker_listen_udp : worker_listen_http, at, &real, eb);

    if (err != 0)
        return may_do_without(p, at, err, eb) ? 0 : err;
    if (udp && p->nworkers > 1 && !worker_steer_udp(p->workers[0]))
        log_warn(&p->log, "this kernel does not give packets to the worker that has their torrent");
    say_listening(protocol, &real);
    return 0;
}

static int
start_listening(struct process *p, struct errbuf *eb)
{
    const struct settings *s = &p->settings;
    int err = 0;

    for (size_t i = 0; i < s->http.count && err == 0; i++)
        err = listen_at(p, "http", &s->http.at[i], eb);
    for (size_t i = 0; i < s->udp.count && err == 0; i++)
        err = listen_at(p, "udp", &s->udp.at[i], eb);
    return err;
}

/* As many descriptors as all the connections that are allowed may take. */
static void
raise_file_limit(struct process *p)
{
    const struct settings *s = &p->settings;
    uint64_t connections =
        (uint64_t)p->common.http_limits.connections_max * p->nworkers * s->http.count;

    if (!machine_files(connections + OTHER_FILES + (uint64_t)WORKER_FILES * p->nworkers))
        log_warn(&p->log, "the limit on open files allows fewer than %" PRIu32 " connections",
                 s->connections_max);
}

/* ---- the operator's ---- */

static void
gather_private(const struct process *p, struct metrics *m)
{
    struct accountant_stats s;
    struct access_counts c;

    accountant_get_stats(p->accountant, &s);
    members_counts(p->common.members, &c);
    m->members = c.users;
    m->registered = c.torrents;
    m->accounts_waiting = s.waiting;
    m->accounts_stored = s.entries;
    m->accounts_flushes = s.flushes;
    m->accounts_failures = s.failures;
    m->accounts_failing = s.failing;
    m->accounts_signals = s.signals;
}

static void
gather(void *ctx, struct metrics *m)
{
    const struct process *p = ctx;
    struct tracker_stats s;

    shards_stats(p->common.shards, &s);
    *m = (struct metrics){
        .announces = s.announces,
        .scrapes = s.scrapes,
        .refused = s.refused,
        .shed = s.shed,
        .torrents = s.torrents,
        .peers_ipv4 = s.peers4,
        .peers_ipv6 = s.peers6,
        .listed = p->list.list != NULL ? hashlist_count(p->list.list) : 0,
        .uptime_seconds = (uint64_t)(mono_diff_ms(loop_now(p->loop), p->started_at) / 1000),
        .memory_bytes = machine_memory_bytes(),
        .cpu_milliseconds = machine_cpu_ms(),
        .workers = p->nworkers,
    };
    for (unsigned i = 0; i < p->nworkers; i++)
        worker_count(p->workers[i], m);
    if (p->accountant != NULL)
        gather_private(p, m);
}

static int
start_admin(struct process *p, struct errbuf *eb)
{
    const struct listen_list *list = &p->settings.admin;
    struct http_handler handler = admin_handler(&p->admin);
    int err = 0;

    admin_init(&p->admin, gather, p);
    for (size_t i = 0; i < list->count && err == 0; i++) {
        err = http_front_new(p->loop, &list->at[i], PORT_ALONE, &handler, &p->common.http_limits,
                             &p->admin_fronts[i], eb);
        if (err == 0)
            say_listening("admin", http_front_addr(p->admin_fronts[i]));
    }
    return err;
}

/* Late: a tracker that does not come up must not replace the peers of one that did. */
static int
start_saving(struct process *p, struct errbuf *eb)
{
    if (p->settings.state_file[0] == '\0')
        return 0;
    memcpy(p->state_file, p->settings.state_file, sizeof(p->state_file));
    return savefile_new(p->loop, p->common.shards, p->state_file, p->settings.save_period_s,
                        &p->log, &p->save, eb);
}

static void
log_totals(struct process *p)
{
    struct metrics m;

    gather(p, &m);
    log_info(&p->log,
             "%" PRIu64 " announces, %" PRIu64 " torrents scraped, %" PRIu64
             " errors; at the end %" PRIu64 " torrents with %" PRIu64 " IPv4 and %" PRIu64
             " IPv6 peers",
             m.announces, m.scrapes, m.http_errors + m.udp_errors, m.torrents, m.peers_ipv4,
             m.peers_ipv6);
}

/* ---- from start to end ---- */

/* The other threads begin last, when nothing can fail any more that they would have to be stopped
 * for. */
static int
start(struct process *p, struct errbuf *eb)
{
    int err = start_tracker(p, eb);

    if (err == 0)
        err = start_private(p, eb);
    if (err == 0)
        err = make_workers(p, eb);
    if (err == 0)
        err = start_signals(p, eb);
    if (err != 0)
        return err;
    raise_file_limit(p);
    err = start_listening(p, eb);
    if (err == 0)
        err = start_admin(p, eb);
    if (err == 0)
        err = start_saving(p, eb);
    if (err == 0 && p->accountant != NULL && accountant_start(p->accountant) != 0)
        err = errbuf_set(eb, SPRAT_E_NOMEM, "no thread can be started");
    for (unsigned i = 1; i < p->nworkers && err == 0; i++)
        if (worker_start(p->workers[i]) != 0)
            err = errbuf_set(eb, SPRAT_E_NOMEM, "no thread can be started");
    return err;
}

/* The last save is of what there is when no worker answers any more. */
static void
stop(struct process *p)
{
    for (unsigned i = 1; i < p->nworkers; i++)
        worker_free(p->workers[i]);
    for (size_t i = 0; i < SETTINGS_LISTEN_MAX; i++)
        http_front_free(p->admin_fronts[i]);
    savefile_finish(p->save);
    if (p->sighup != NULL)
        loop_signal_free(p->sighup);
    if (p->sigint != NULL)
        loop_signal_free(p->sigint);
    if (p->sigterm != NULL)
        loop_signal_free(p->sigterm);
    worker_free(p->workers[0]);
    accountant_free(p->accountant);
    members_free(p->common.members);
    admin_fini(&p->admin);
    shards_free(p->common.shards);
    limiter_free(p->common.limiter);
    hashlist_free(p->list.list);
}

int
process_run(const struct settings *settings, int argc, const char *const *argv, struct errbuf *eb)
{
    static char name[] = "sprat-tracker";
    struct process p = {
        .log = {.write = log_to_stderr, .ctx = name, .level = settings->log_level},
        .argc = argc,
        .argv = argv,
        .settings = *settings,
    };
    int err = start(&p, eb);

    if (err == 0) {
        err = loop_run(p.loop);
        if (err != 0)
            errbuf_set(eb, err, "the event loop failed: %s", sprat_strerror(err));
        log_totals(&p);
    }
    stop(&p);
    return err;
}
