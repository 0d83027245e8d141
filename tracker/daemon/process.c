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
#include <unistd.h>

#include "common/crypto/random.h"
#include "common/sys/addr.h"
#include "common/sys/clock.h"
#include "common/sys/jsonlog.h"
#include "common/sys/processors.h"
#include "common/sys/sandbox.h"
#include "common/sys/sdnotify.h"
#include "tracker/daemon/accountant.h"
#include "tracker/daemon/admin.h"
#include "tracker/daemon/listfile.h"
#include "tracker/daemon/machine.h"
#include "tracker/daemon/savefile.h"
#include "tracker/daemon/tlsfiles.h"
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
    struct admin *admin;
    struct http_front *admin_fronts[SETTINGS_LISTEN_MAX];
    size_t nadmin;
    struct sdnotify_fd passed[SDNOTIFY_FDS_MAX]; /* by the service manager */
    size_t npassed;
    struct loop_timer *watchdog;
    int64_t watchdog_ms; /* how often the service manager wants to hear of us, halved; 0: never */
    struct cluster_url cluster; /* as it was at the start */
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
    sdnotify("STOPPING=1");
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
    p->log.write = s->log_json ? log_to_stderr_as_json : log_to_stderr;
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
           memcmp(&a->https, &b->https, sizeof(a->https)) != 0 ||
           memcmp(&a->admin, &b->admin, sizeof(a->admin)) != 0 ||
           memcmp(&a->udp, &b->udp, sizeof(a->udp)) != 0 ||
           strcmp(a->state_file, b->state_file) != 0 || a->save_period_s != b->save_period_s ||
           memcmp(&a->proxies, &b->proxies, sizeof(a->proxies)) != 0 || a->workers != b->workers ||
           private_differs(a, b) || strcmp(a->user, b->user) != 0 ||
           a->connections_max != b->connections_max || a->http_timeout_s != b->http_timeout_s ||
           a->tracker.peer_ids != b->tracker.peer_ids ||
           memcmp(&a->cluster, &b->cluster, sizeof(a->cluster)) != 0 ||
           strcmp(a->cluster_name, b->cluster_name) != 0;
}

/* An expired certificate does not take the place of one that is good. */
static int
read_certificate(struct process *p, const struct settings *s, struct tls_server **out,
                 struct errbuf *eb)
{
    int err = tlsfiles_read(s, out, eb);

    if (err != 0 || *out == NULL)
        return err;
    err = tlsfiles_check_time(s, *out, clock_unix(), eb);
    if (err == 0)
        return 0;
    if (p->common.certs == NULL) {
        log_warn(&p->log, "%s: clients will not connect", eb->text);
        return 0;
    }
    tls_server_drop(*out);
    *out = NULL;
    return err;
}

/* New connections take the new one. Without HTTPS at the start, there is nobody to take it. */
static void
use_certificate(struct process *p, struct tls_server *server)
{
    if (p->common.certs != NULL && server != NULL)
        certbox_set(p->common.certs, server);
    else
        tls_server_drop(server);
}

/* What can't be read leaves everything as it was. */
static int
reload(void *ctx, struct errbuf *eb)
{
    struct process *p = ctx;
    enum settings_action action;
    struct settings s;
    struct listfile list;
    struct tls_server *server = NULL;
    struct token token;
    int err = settings_read(&s, p->argc, p->argv, &action, eb);

    if (err == 0)
        err = read_certificate(p, &s, &server, eb);
    if (err == 0)
        err = token_read(&token, s.admin_token_file, eb);
    if (err == 0)
        err = listfile_read(&list, &s, eb);
    if (err != 0) {
        tls_server_drop(server);
        log_error(&p->log, "nothing is changed: %s", eb->text);
        return err;
    }
    if (needs_restart(&p->settings, &s))
        log_warn(&p->log, "other addresses, workers, files to save to, HTTP limits, peer-ids, "
                          "private mode and another cluster wait for a restart");
    use(p, &s, list);
    use_certificate(p, server);
    admin_set_token(p->admin, &token);
    log_info(&p->log, "read the settings again");
    return 0;
}

static void
on_sighup(void *ctx, int signum)
{
    struct errbuf eb;

    (void)signum;
    sdnotify_reloading();
    (void)reload(ctx, &eb);
    sdnotify("READY=1");
}

static void
on_watchdog(void *ctx)
{
    struct process *p = ctx;

    sdnotify("WATCHDOG=1");
    loop_timer_set(p->watchdog, mono_add_ms(loop_now(p->loop), p->watchdog_ms));
}

static int
start_watchdog(struct process *p, struct errbuf *eb)
{
    p->watchdog_ms = (int64_t)(sdnotify_watchdog_us() / 2000);
    if (p->watchdog_ms == 0)
        return 0;
    p->watchdog = loop_timer_new(p->loop, on_watchdog, p);
    if (p->watchdog == NULL)
        return out_of_memory(eb);
    on_watchdog(p);
    return 0;
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

/* Makes the shards members of the cluster, if there is one. */
static int
join_cluster(struct process *p)
{
    struct cluster_config config = {
        .user = p->cluster.user, .password = p->cluster.password, .database = p->cluster.database};
    int err = 0;

    if (p->cluster.host[0] == '\0')
        return 0;
    p->common.cluster = &p->cluster;
    memcpy(config.secret, p->common.secret, sizeof(config.secret));
    memcpy(config.name, p->settings.cluster_name, sizeof(config.name));
    for (unsigned i = 0; i < p->nworkers && err == 0; i++) {
        random_bytes(&config.seed, sizeof(config.seed));
        err = tracker_join(shards_lock(p->common.shards, i), &config);
        shards_unlock(p->common.shards, i);
    }
    return err;
}

/* Shards with the peers of before, if there are any. Their tags are made with the seed that they
 * were saved with. */
static int
make_shards(struct process *p)
{
    struct worker_common *c = &p->common;
    struct saved before = {.data = NULL};
    struct tracker_seed seed;
    bool ready = false;

    random_bytes(&seed, sizeof(seed));
    if (p->settings.state_file[0] != '\0')
        saved_read(&before, p->settings.state_file, &p->log);
    if (before.data != NULL)
        memcpy(seed.hash, before.head.seed, sizeof(seed.hash));
    c->limiter = limiter_new(seed.hash);
    c->shards = shards_new(p->nworkers, &p->settings.tracker, &seed);
    if (c->shards != NULL && join_cluster(p) == 0)
        ready = c->limiter != NULL;
    if (ready)
        saved_load(&before, c->shards, &p->log);
    saved_fini(&before);
    return ready ? 0 : SPRAT_E_NOMEM;
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
    p->cluster = s->cluster;
    p->common.log = &p->log;
    p->common.workers = p->workers;
    p->common.nworkers = p->nworkers;
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
start_members(struct process *p, struct errbuf *eb)
{
    const struct settings *s = &p->settings;
    struct members_config members = {
        .entries_max = s->accounts_max,
        .gap_max_s = 2 * s->tracker.interval,
        .silence_s = tracker_peer_timeout_s(&s->tracker),
        .unix_offset_s = accountant_unix_offset(),
    };
    uint64_t seed[2];

    if (s->is_private == 0)
        return 0;
    random_bytes(seed, sizeof(seed));
    p->common.members = members_new(seed, &members);
    return p->common.members == NULL ? out_of_memory(eb) : 0;
}

/* The database belongs to who the process is when this is called. */
static int
start_accountant(struct process *p, struct errbuf *eb)
{
    const struct settings *s = &p->settings;
    struct accountant_config config = {
        .period_s = s->accounts_period_s,
        .retention_s = s->retention_days * 86400,
        .gap_max_s = 2 * s->tracker.interval,
        .rate_possible = (uint64_t)s->rate_possible_mbit * 1000000 / 8,
    };
    struct access_counts counts;
    int err;

    if (s->is_private == 0)
        return 0;
    err = accountant_new(s->database, p->common.members, &config, &p->log, &p->accountant, eb);
    if (err != 0)
        return err;
    if (admin_set_accountant(p->admin, p->accountant) != 0)
        return out_of_memory(eb);
    members_counts(p->common.members, &counts);
    log_info(&p->log, "private: %" PRIu32 " users and %" PRIu32 " torrents in %s", counts.users,
             counts.torrents, s->database);
    return 0;
}

static int
start_certificate(struct process *p, struct errbuf *eb)
{
    struct tls_server *server;
    int err = read_certificate(p, &p->settings, &server, eb);

    if (err != 0 || server == NULL)
        return err;
    p->common.certs = certbox_new(server);
    if (p->common.certs == NULL) {
        tls_server_drop(server);
        return out_of_memory(eb);
    }
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

static listen_fn
listen_fn_of(const char *protocol)
{
    if (strcmp(protocol, "udp") == 0)
        return worker_listen_udp;
    return strcmp(protocol, "https") == 0 ? worker_listen_https : worker_listen_http;
}

static int
listen_at(struct process *p, const char *protocol, const struct endpoint *at, struct errbuf *eb)
{
    bool udp = strcmp(protocol, "udp") == 0;
    struct endpoint real;
    int err = listen_together(p, listen_fn_of(protocol), at, &real, eb);

    if (err != 0)
        return may_do_without(p, at, err, eb) ? 0 : err;
    if (udp && p->nworkers > 1 && !worker_steer_udp(p->workers[0]))
        log_warn(&p->log, "this kernel does not give packets to the worker that has their torrent");
    say_listening(protocol, &real);
    return 0;
}

/* What a passed socket is for: its name decides between the protocols that are all TCP. */
static const char *
protocol_of(const struct sdnotify_fd *f)
{
    if (!f->stream)
        return "udp";
    if (strcmp(f->name, "https") == 0 || strcmp(f->name, "admin") == 0)
        return f->name;
    return "http";
}

/* A passed socket is one that all workers wait at; the kernel can't choose among them. */
static int
listen_passed(struct process *p, const struct sdnotify_fd *f, const char *protocol,
              struct errbuf *eb)
{
    struct endpoint real;
    int err = 0;

    for (unsigned i = 0; i < p->nworkers && err == 0; i++)
        err = listen_fn_of(protocol)(p->workers[i], &f->at, port_passed(f->fd), &real, eb);
    if (err == 0)
        say_listening(protocol, &f->at);
    return err;
}

static int
start_passed(struct process *p, struct errbuf *eb)
{
    const struct settings *s = &p->settings;
    const struct {
        const char *protocol;
        const struct listen_list *list;
    } kinds[] = {{"http", &s->http}, {"https", &s->https}, {"udp", &s->udp}, {"admin", &s->admin}};
    size_t counts[4] = {0};
    int err = 0;

    for (size_t i = 0; i < p->npassed && err == 0; i++) {
        const char *protocol = protocol_of(&p->passed[i]);

        for (size_t k = 0; k < 4; k++)
            if (strcmp(protocol, kinds[k].protocol) == 0 &&
                ++counts[k] + kinds[k].list->count > SETTINGS_LISTEN_MAX)
                return errbuf_set(eb, SPRAT_E_INVAL, "more than %d addresses for %s",
                                  SETTINGS_LISTEN_MAX, protocol);
        if (strcmp(protocol, "https") == 0 && p->common.certs == NULL)
            return errbuf_set(eb, SPRAT_E_INVAL, "a socket for https needs tls-cert");
        if (strcmp(protocol, "admin") != 0)
            err = listen_passed(p, &p->passed[i], protocol, eb);
    }
    return err;
}

static int
start_listening(struct process *p, struct errbuf *eb)
{
    const struct settings *s = &p->settings;
    int err = start_passed(p, eb);

    /* Sockets that were passed are instead of the addresses that are only defaults. */
    if (p->npassed > 0 && s->listens_by_default)
        return err;
    for (size_t i = 0; i < s->http.count && err == 0; i++)
        err = listen_at(p, "http", &s->http.at[i], eb);
    for (size_t i = 0; i < s->https.count && err == 0; i++)
        err = listen_at(p, "https", &s->https.at[i], eb);
    for (size_t i = 0; i < s->udp.count && err == 0; i++)
        err = listen_at(p, "udp", &s->udp.at[i], eb);
    return err;
}

/* As many descriptors as all the connections that are allowed may take. */
static void
raise_file_limit(struct process *p)
{
    const struct settings *s = &p->settings;
    uint64_t connections = (uint64_t)p->common.http_limits.connections_max * p->nworkers *
                           (s->http.count + s->https.count);

    if (!machine_files(connections + OTHER_FILES + (uint64_t)WORKER_FILES * p->nworkers))
        log_warn(&p->log, "the limit on open files allows fewer than %" PRIu32 " connections",
                 s->connections_max);
}

/* ---- the operator's ---- */

static uint64_t
certificate_until(const struct process *p)
{
    struct tls_server *server;
    int64_t until;

    if (p->common.certs == NULL)
        return 0;
    server = certbox_get(p->common.certs);
    until = tls_server_valid_until(server);
    tls_server_drop(server);
    return until > 0 ? (uint64_t)until : 0;
}

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
        .https_certificate_until = certificate_until(p),
        .cpu_milliseconds = machine_cpu_ms(),
        .workers = p->nworkers,
        .cluster_connected = s.cluster_connected,
        .cluster_commands = s.cluster.commands,
        .cluster_fetches = s.cluster.fetches,
        .cluster_waiting = s.cluster.waiting,
        .cluster_dropped = s.cluster.dropped,
        .cluster_errors = s.cluster.errors,
    };
    for (unsigned i = 0; i < p->nworkers; i++)
        worker_count(p->workers[i], m);
    if (p->accountant != NULL)
        gather_private(p, m);
}

static int
listen_admin(struct process *p, const struct endpoint *at, enum port_share share, struct errbuf *eb)
{
    struct http_handler handler = admin_handler(p->admin);
    int err = http_front_new(p->loop, at, share, &handler, &p->common.http_limits,
                             &p->admin_fronts[p->nadmin], eb);

    if (err == 0)
        say_listening("admin", http_front_addr(p->admin_fronts[p->nadmin++]));
    return err;
}

static int
start_admin(struct process *p, struct errbuf *eb)
{
    const struct listen_list *list = &p->settings.admin;
    struct admin_env env = {
        .loop = p->loop, .shards = p->common.shards, .ctx = p, .gather = gather, .reload = reload};
    struct token token;
    int err = token_read(&token, p->settings.admin_token_file, eb);

    if (err != 0)
        return err;
    p->admin = admin_new(&env);
    if (p->admin == NULL)
        return out_of_memory(eb);
    admin_set_token(p->admin, &token);
    for (size_t i = 0; i < p->npassed && err == 0; i++)
        if (strcmp(protocol_of(&p->passed[i]), "admin") == 0)
            err = listen_admin(p, &p->passed[i].at, port_passed(p->passed[i].fd), eb);
    for (size_t i = 0; i < list->count && err == 0; i++)
        err = listen_admin(p, &list->at[i], PORT_ALONE, eb);
    return err;
}

/* ---- rights ---- */

/* Once all addresses are taken and all secrets are read. What is written later must be in reach of
 * who the process becomes. */
static int
drop_rights(struct process *p, struct errbuf *eb)
{
    const struct settings *s = &p->settings;
    struct sandbox_user user;
    int err = 0;

    if (s->user[0] != '\0') {
        err = sandbox_find_user(s->user, &user, eb);
        if (err == 0)
            err = sandbox_become(&user, eb);
    } else if (geteuid() == 0) {
        log_warn(&p->log, "this runs as root; the setting user makes it somebody else");
    }
    if (err == 0)
        err = sandbox_no_new_privileges(eb);
    if (err == 0 && s->state_file[0] != '\0' && s->user[0] != '\0')
        err = sandbox_can_write(s->state_file, "the state file", eb);
    if (err == 0 && s->is_private != 0 && s->user[0] != '\0')
        err = sandbox_can_write(s->database, "the database", eb);
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
        err = start_members(p, eb);
    if (err == 0)
        err = start_certificate(p, eb);
    if (err == 0)
        err = make_workers(p, eb);
    if (err == 0)
        err = start_signals(p, eb);
    if (err == 0)
        err = start_watchdog(p, eb);
    if (err != 0)
        return err;
    raise_file_limit(p);
    err = start_listening(p, eb);
    if (err == 0)
        err = start_admin(p, eb);
    if (err == 0)
        err = drop_rights(p, eb);
    if (err == 0)
        err = start_accountant(p, eb);
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
        worker_stop(p->workers[i]);
    for (unsigned i = 1; i < p->nworkers; i++)
        worker_free(p->workers[i]);
    admin_stop(p->admin);
    for (size_t i = 0; i < p->nadmin; i++)
        http_front_free(p->admin_fronts[i]);
    for (size_t i = 0; i < p->npassed; i++)
        close(p->passed[i].fd);
    savefile_finish(p->save);
    if (p->watchdog != NULL)
        loop_timer_free(p->watchdog);
    if (p->sighup != NULL)
        loop_signal_free(p->sighup);
    if (p->sigint != NULL)
        loop_signal_free(p->sigint);
    if (p->sigterm != NULL)
        loop_signal_free(p->sigterm);
    worker_free(p->workers[0]);
    accountant_free(p->accountant);
    members_free(p->common.members);
    admin_free(p->admin);
    shards_free(p->common.shards);
    limiter_free(p->common.limiter);
    certbox_free(p->common.certs);
    hashlist_free(p->list.list);
}

/* The sentence why it does not run, in the form of the log. */
static void
say_failure(const struct process *p, const struct errbuf *eb)
{
    if (p->settings.log_json)
        log_error(&p->log, "%s", eb->text);
    else
        fprintf(stderr, "sprat-tracker: %s\n", eb->text);
}

int
process_run(const struct settings *settings, int argc, const char *const *argv)
{
    static char name[] = "sprat-tracker";
    struct process p = {
        .log = {.write = settings->log_json ? log_to_stderr_as_json : log_to_stderr,
                .ctx = name,
                .level = settings->log_level},
        .argc = argc,
        .argv = argv,
        .settings = *settings,
    };
    struct errbuf eb = {""};
    int err = sdnotify_listen_fds(p.passed, &p.npassed, &eb);

    if (err == 0)
        err = start(&p, &eb);
    if (err == 0) {
        sdnotify("READY=1");
        err = loop_run(p.loop);
        if (err != 0)
            errbuf_set(&eb, err, "the event loop failed: %s", sprat_strerror(err));
        log_totals(&p);
    }
    if (err != 0)
        say_failure(&p, &eb);
    stop(&p);
    return err;
}
