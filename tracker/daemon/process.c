/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The first worker runs in the main thread. Its loop also does all other work: signals, saving, the
 * operator's address.
 */
#include "tracker/daemon/process.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/crypto/random.h"
#include "common/sys/clock.h"
#include "common/sys/fdlimit.h"
#include "common/sys/file.h"
#include "common/sys/jsonlog.h"
#include "common/sys/processors.h"
#include "common/sys/sandbox.h"
#include "common/sys/sdnotify.h"
#include "tracker/daemon/accountant.h"
#include "tracker/daemon/addresses.h"
#include "tracker/daemon/admin.h"
#include "tracker/daemon/courier.h"
#include "tracker/daemon/hints.h"
#include "tracker/daemon/machine.h"
#include "tracker/daemon/memtrim.h"
#include "tracker/daemon/numbers.h"
#include "tracker/daemon/reload.h"
#include "tracker/daemon/savedpeers.h"
#include "tracker/daemon/savefile.h"
#include "tracker/daemon/watchdog.h"
#include "tracker/daemon/worker.h"

enum {
    OTHER_FILES = 64,  /* descriptors beside HTTP connections: of the process, */
    WORKER_FILES = 48, /* and of each worker */
    SPARE_FILES = 24,  /* of them, those that may be opened later: database, state file, lists */
};

struct process {
    struct log log;
    struct settings settings;
    struct listfile list;
    struct worker_common common;
    struct accountant *accountant; /* of a private tracker with a database, or NULL */
    struct courier *courier;       /* of a private tracker in a fleet, or NULL */
    struct worker *workers[SHARDS_MAX];
    unsigned nworkers;
    struct loop *loop; /* the first worker's */
    struct savefile *save;
    char state_file[SETTINGS_PATH_MAX]; /* the setting at the start; |save| borrows it */
    struct loop_signal *sigterm, *sigint, *sighup;
    struct addresses addresses;
    struct reload reload;
    struct numbers numbers;
    struct admin *admin;
    struct hints *hints;
    struct memtrim *memtrim;   /* NULL without HTTPS */
    struct watchdog *watchdog; /* NULL unless the service manager has a watchdog */
    struct token fleet_secret;
    struct cluster_url cluster; /* the settings at the start, as |cluster_name| */
    char cluster_name[CLUSTER_NAME_MAX + 1];
    size_t started; /* number of |parts| that were started */
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

    log_event(&p->log, LOG_INFO, "stopping", log_text("signal", strsignal(signum)));
    sdnotify("STOPPING=1");
    loop_stop(p->loop);
}

/* SIGHUP and the API come here. */
static int
begin_reload(void *ctx, struct reload_wait *wait)
{
    struct process *p = ctx;
    int err;

    sdnotify_reloading();
    err = reload_begin(&p->reload, wait);
    if (err != 0)
        sdnotify("READY=1");
    return err;
}

static void
on_sighup(void *ctx, int signum)
{
    struct process *p = ctx;

    (void)signum;
    (void)begin_reload(p, NULL);
}

static void
on_reloaded(void *ctx)
{
    (void)ctx;
    sdnotify("READY=1");
}

static void
on_beat(void *ctx)
{
    (void)ctx;
    sdnotify("WATCHDOG=1");
}

static void
on_stuck(void *ctx, unsigned i)
{
    const struct process *p = ctx;

    log_event(&p->log, LOG_ERROR, "a worker does not answer", log_number("worker", i));
}

/* Watches all workers, so that the service manager restarts a tracker if any worker hangs. */
static int
start_watchdog(struct process *p, struct errbuf *eb)
{
    const struct watchdog_handler handler = {.ctx = p, .beat = on_beat, .stuck = on_stuck};
    int64_t period_ms = (int64_t)(sdnotify_watchdog_us() / 1000);
    struct loop *loops[SHARDS_MAX];

    if (period_ms == 0)
        return 0;
    for (unsigned i = 0; i < p->nworkers; i++)
        loops[i] = worker_loop(p->workers[i]);
    p->watchdog = watchdog_new(p->loop, loops, p->nworkers, period_ms, &handler);
    return p->watchdog == NULL ? out_of_memory(eb) : 0;
}

static int
start_signals(struct process *p, struct errbuf *eb)
{
    p->sigterm = loop_signal_new(p->loop, SIGTERM, on_signal, p);
    p->sigint = loop_signal_new(p->loop, SIGINT, on_signal, p);
    p->sighup = loop_signal_new(p->loop, SIGHUP, on_sighup, p);
    if (p->sigterm == NULL || p->sigint == NULL || p->sighup == NULL ||
        reload_start(&p->reload, p->loop, on_reloaded, p) != 0)
        return out_of_memory(eb);
    return 0;
}

/* ---- the tracker and its workers ---- */

/* Makes the shards share swarms through Redis, if the settings name one. */
static int
join_cluster(struct process *p)
{
    struct cluster_config config = {.user = p->cluster.user,
                                    .password = p->cluster.password,
                                    .database = p->cluster.database,
                                    .one_host = cluster_url_is_here(&p->cluster)};
    int err = 0;

    if (p->cluster.host[0] == '\0')
        return 0;
    p->common.cluster = &p->cluster;
    memcpy(config.secret, p->common.secret, sizeof(config.secret));
    memcpy(config.name, p->cluster_name, sizeof(config.name));
    for (unsigned i = 0; i < p->nworkers && err == 0; i++) {
        random_bytes(&config.seed, sizeof(config.seed));
        err = tracker_join(shards_lock(p->common.shards, i), &config);
        shards_unlock(p->common.shards, i);
    }
    return err;
}

/* Makes the shards, and loads the saved peers if there are any. Tags of saved peers are hashes
 * under the seed of the state file, so the shards use the same seed. */
static int
make_shards(struct process *p)
{
    struct worker_common *c = &p->common;
    struct savedpeers *before = NULL;
    struct tracker_config config = p->settings.tracker;
    struct tracker_seed seed;
    bool ready = false;

    config.has_users = p->settings.is_private != 0;
    random_bytes(&seed, sizeof(seed));
    if (p->settings.state_file[0] != '\0')
        before = savedpeers_open(p->settings.state_file, &p->log);
    if (before != NULL)
        memcpy(seed.hash, savedpeers_head(before)->seed, sizeof(seed.hash));
    c->limiter = limiter_new(seed.hash);
    c->shards = shards_new(p->nworkers, &config, &seed);
    if (c->shards != NULL && join_cluster(p) == 0)
        ready = c->limiter != NULL;
    if (ready && before != NULL)
        savedpeers_load(before, c->shards, &p->log);
    savedpeers_free(before);
    return ready ? 0 : SPRAT_E_NOMEM;
}

static int
read_authorities(struct process *p, const char *path, struct errbuf *eb)
{
    struct tls_pem pem = {.name = path};
    uint8_t *data = NULL;
    int err;

    if (path[0] == '\0')
        return tls_client_new(NULL, &p->common.cluster_tls, eb);
    err = file_read(path, TLS_PEM_MAX, &data, &pem.len, eb);
    pem.data = data;
    if (err == 0)
        err = tls_client_new(&pem, &p->common.cluster_tls, eb);
    free(data);
    return err;
}

/* Copies the settings that a reload does not change, and reads the secrets while the process may
 * still read them. */
static int
start_cluster(struct process *p, struct errbuf *eb)
{
    const struct settings *s = &p->settings;
    int err = token_read(&p->fleet_secret, s->cluster_secret_file, eb);

    p->cluster = s->cluster;
    memcpy(p->cluster_name, s->cluster_name, sizeof(p->cluster_name));
    if (err == 0 && s->cluster_password_file[0] != '\0')
        err = cluster_url_read_password(&p->cluster, s->cluster_password_file, eb);
    if (err == 0 && p->cluster.tls)
        err = read_authorities(p, s->cluster_ca, eb);
    else if (err == 0 && s->cluster_ca[0] != '\0')
        log_warn(&p->log,
                 "cluster-ca has no effect: the cluster's URL does not begin as rediss://");
    return err;
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
    p->common.log = &p->log;
    p->common.workers = p->workers;
    p->common.nworkers = p->nworkers;
    p->common.udp_buffer = s->udp_buffer;
    p->common.http_limits = (struct http_front_limits){
        .connections_max = (s->connections_max + p->nworkers - 1) / p->nworkers,
        .timeout_s = s->http_timeout_s,
        .proxies = s->proxies,
    };
    if (make_shards(p) != 0) {
        hashlist_free(list.list);
        return out_of_memory(eb);
    }
    p->common.http_limits.limiter = p->common.limiter;
    reload_use(&p->reload, &p->settings, list);
    return 0;
}

static int
start_members(struct process *p, struct errbuf *eb)
{
    const struct settings *s = &p->settings;
    struct members_config members = {
        .entries_max = s->accounts_max,
        .user_sessions_max = s->user_sessions,
        .torrent_sessions_max = s->torrent_sessions,
        .user_rate = s->user_rate,
        .gap_max_s = settings_gap_max_s(s),
        .silence_s = tracker_peer_timeout_s(&s->tracker),
        .unix_offset_us = clock_unix_offset_us(),
    };
    uint64_t seed[2];

    if (s->is_private == 0)
        return 0;
    random_bytes(seed, sizeof(seed));
    p->common.members = members_new(seed, &members);
    return p->common.members == NULL ? out_of_memory(eb) : 0;
}

/* Opens or creates the database, which then belongs to the current user of the process. */
static int
start_accountant(struct process *p, struct errbuf *eb)
{
    const struct settings *s = &p->settings;
    struct accountant_config config = {
        .period_s = s->accounts_period_s,
        .retention_s = s->retention_days * 86400,
        .rate_possible = (uint64_t)s->rate_possible_mbit * 1000000 / 8,
    };
    struct access_counts counts;
    int err;

    if (s->is_private == 0 || s->database[0] == '\0')
        return 0;
    err = accountant_new(s->database, p->common.members, &config, &p->log, &p->accountant, eb);
    if (err != 0)
        return err;
    p->numbers.accountant = p->accountant;
    if (admin_set_accountant(p->admin, p->accountant) != 0)
        return out_of_memory(eb);
    members_counts(p->common.members, &counts);
    log_event(&p->log, LOG_INFO, "the tracker is private", log_text("database", s->database),
              log_number("users", counts.users), log_number("torrents", counts.torrents));
    return 0;
}

/* Called after the accountant has created the database if necessary. */
static int
start_courier(struct process *p, struct errbuf *eb)
{
    const struct settings *s = &p->settings;
    struct courier_config config = {
        .url = &p->cluster,
        .tls = p->common.cluster_tls,
        .name = p->cluster_name,
        .database = s->database,
        .period_s = s->accounts_period_s,
        .rate_possible = (uint64_t)s->rate_possible_mbit * 1000000 / 8,
    };
    int err;

    if (s->is_private == 0 || p->cluster.host[0] == '\0')
        return 0;
    config.seal.set = p->fleet_secret.set;
    memcpy(config.seal.secret, p->fleet_secret.digest, sizeof(config.seal.secret));
    if (!config.seal.set)
        log_warn(&p->log, "without cluster-secret-file, every program that can write to Redis can "
                          "change users and accounts");
    err = courier_new(&config, p->common.members, &p->log, &p->courier, eb);
    p->numbers.courier = p->courier;
    return err;
}

static int
start_certificate(struct process *p, struct errbuf *eb)
{
    struct tls_server *server;
    int err = reload_read_certificate(&p->reload, &p->settings, &server, eb);

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
    p->numbers.loop = p->loop;
    p->numbers.started_at = loop_now(p->loop);
    return 0;
}

/* Raises the limit on open files to what all allowed connections need. If the system does not allow
 * that, fewer connections are allowed: at its maximum a front closes an idle connection for a new
 * one, but without descriptors it could accept no connection at all. */
static void
fit_connections(struct process *p)
{
    const struct settings *s = &p->settings;
    uint32_t *max = &p->common.http_limits.connections_max;
    uint64_t fronts = p->nworkers * (s->http.count + s->https.count) + s->admin.count;
    uint64_t sockets = fronts + p->nworkers * s->udp.count;
    uint64_t need = *max * fronts + OTHER_FILES + (uint64_t)WORKER_FILES * p->nworkers;
    uint64_t limit = fdlimit_raise(need < UINT32_MAX ? (uint32_t)need : UINT32_MAX), others, room;

    if (limit >= need || fronts == 0)
        return;
    others = machine_open_files() + sockets + SPARE_FILES;
    room = limit > others ? (limit - others) / fronts : 0;
    if (room >= *max)
        return;
    *max = room > 0 ? (uint32_t)room : 1;
    log_warn(&p->log,
             "the limit on open files (%" PRIu64 ") allows %" PRIu64 " HTTP connections at each "
             "address: raise it (ulimit -n, LimitNOFILE=) or lower connections-max",
             limit, (uint64_t)*max * p->nworkers);
}

/* ---- the operator's address ---- */

static void
gather(void *ctx, struct metrics *m)
{
    const struct process *p = ctx;

    numbers_gather(&p->numbers, m);
}

static int
start_admin(struct process *p, struct errbuf *eb)
{
    struct admin_env env = {
        .loop = p->loop,
        .shards = p->common.shards,
        .log = &p->log,
        .ctx = p,
        .gather = gather,
        .reload = begin_reload,
    };
    struct http_handler handler;
    struct token token;
    int err = token_read(&token, p->settings.admin_token_file, eb);

    if (err != 0)
        return err;
    p->admin = admin_new(&env);
    if (p->admin == NULL)
        return out_of_memory(eb);
    p->reload.admin = p->admin;
    admin_set_token(p->admin, &token);
    admin_set_hosts(p->admin, &p->settings.admin_hosts);
    handler = admin_handler(p->admin);
    return addresses_listen_admin(&p->addresses, p->loop, &handler, eb);
}

/* ---- privileges ---- */

/* Drops privileges, once all addresses are bound and all secrets are read. The new user must be
 * able to write the state file and the database. */
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
        log_warn(&p->log,
                 "the tracker runs as root: name an unprivileged user with --user or the key user");
    }
    sandbox_no_core_dumps();
    if (err == 0)
        err = sandbox_no_new_privileges(eb);
    if (err == 0 && s->state_file[0] != '\0' && s->user[0] != '\0')
        err = sandbox_can_write(s->state_file, "the state file", eb);
    if (err == 0 && s->database[0] != '\0' && s->is_private != 0 && s->user[0] != '\0')
        err = sandbox_can_write(s->database, "the database", eb);
    return err;
}

/* Begins saving. This part starts late: a tracker that fails to start must not overwrite the state
 * file of one that runs. */
static int
start_saving(struct process *p, struct errbuf *eb)
{
    if (p->settings.state_file[0] == '\0')
        return 0;
    memcpy(p->state_file, p->settings.state_file, sizeof(p->state_file));
    return savefile_new(p->loop, p->common.shards, p->state_file, p->settings.save_period_s,
                        &p->log, &p->save, eb);
}

/* ---- the parts ---- */

static int
start_passed_sockets(struct process *p, struct errbuf *eb)
{
    return addresses_init(&p->addresses, &p->settings, &p->common, eb);
}

static void
stop_passed_sockets(struct process *p)
{
    addresses_fini(&p->addresses);
}

static void
stop_cluster(struct process *p)
{
    tls_client_free(p->common.cluster_tls);
}

static void
stop_tracker(struct process *p)
{
    shards_free(p->common.shards);
    limiter_free(p->common.limiter);
    hashlist_free(p->list.list);
}

static void
stop_members(struct process *p)
{
    members_free(p->common.members);
}

static void
stop_certificate(struct process *p)
{
    certbox_free(p->common.certs);
}

static void
free_workers(struct process *p)
{
    for (unsigned i = 0; i < p->nworkers; i++)
        worker_free(p->workers[i]);
}

static void
stop_signals(struct process *p)
{
    reload_stop(&p->reload);
    if (p->sighup != NULL)
        loop_signal_free(p->sighup);
    if (p->sigint != NULL)
        loop_signal_free(p->sigint);
    if (p->sigterm != NULL)
        loop_signal_free(p->sigterm);
}

static void
stop_watchdog(struct process *p)
{
    watchdog_free(p->watchdog);
}

static int
start_listening(struct process *p, struct errbuf *eb)
{
    fit_connections(p);
    return addresses_listen(&p->addresses, eb);
}

static void
stop_admin(struct process *p)
{
    admin_stop(p->admin);
    addresses_leave_admin(&p->addresses);
    admin_free(p->admin);
}

/* Stops the admin address first, so that none of its jobs is left. */
static void
stop_accountant(struct process *p)
{
    admin_stop(p->admin);
    accountant_free(p->accountant);
}

static void
stop_courier(struct process *p)
{
    courier_free(p->courier);
}

/* Saves for the last time, after all workers have stopped answering. */
static void
stop_saving(struct process *p)
{
    savefile_finish(p->save);
}

static int
start_hints(struct process *p, struct errbuf *eb)
{
    p->hints = hints_new(p->loop, &p->common);
    return p->hints == NULL ? out_of_memory(eb) : 0;
}

static void
stop_hints(struct process *p)
{
    hints_free(p->hints);
}

static int
start_memtrim(struct process *p, struct errbuf *eb)
{
    if (p->common.certs == NULL)
        return 0;
    p->memtrim = memtrim_new(p->loop, &p->common);
    return p->memtrim == NULL ? out_of_memory(eb) : 0;
}

static void
stop_memtrim(struct process *p)
{
    memtrim_free(p->memtrim);
}

static int
no_thread(struct errbuf *eb)
{
    return errbuf_set(eb, SPRAT_E_NOMEM, "no thread can be started");
}

static int
run_accountant(struct process *p, struct errbuf *eb)
{
    return p->accountant != NULL && accountant_start(p->accountant) != 0 ? no_thread(eb) : 0;
}

static int
run_courier(struct process *p, struct errbuf *eb)
{
    return p->courier != NULL && courier_start(p->courier) != 0 ? no_thread(eb) : 0;
}

static int
run_workers(struct process *p, struct errbuf *eb)
{
    for (unsigned i = 1; i < p->nworkers; i++)
        if (worker_start(p->workers[i]) != 0)
            return no_thread(eb);
    return 0;
}

static void
stop_workers(struct process *p)
{
    for (unsigned i = 1; i < p->nworkers; i++)
        worker_stop(p->workers[i]);
}

/* The parts of the process, started in this order and stopped in the reverse order. A part whose
 * start has failed is stopped too, so each stop() accepts a part that is half started. The threads
 * start last, when no other part can fail any more. stop_accountant() and stop_courier() also end
 * their threads. */
static const struct part {
    const char *name;
    int (*start)(struct process *p, struct errbuf *eb);
    void (*stop)(struct process *p); /* NULL: nothing to do */
} parts[] = {
    {"the sockets that were passed", start_passed_sockets, stop_passed_sockets},
    {"the fleet's settings", start_cluster, stop_cluster},
    {"the torrents", start_tracker, stop_tracker},
    {"the members", start_members, stop_members},
    {"the certificate", start_certificate, stop_certificate},
    {"the workers", make_workers, free_workers},
    {"the signals", start_signals, stop_signals},
    {"the watchdog", start_watchdog, stop_watchdog},
    {"the addresses for clients", start_listening, NULL},
    {"the admin addresses", start_admin, stop_admin},
    {"the rights", drop_rights, NULL},
    {"the accountant", start_accountant, stop_accountant},
    {"the courier", start_courier, stop_courier},
    {"the state file", start_saving, stop_saving},
    {"the hints for the operator", start_hints, stop_hints},
    {"the return of free memory", start_memtrim, stop_memtrim},
    {"the accountant's thread", run_accountant, NULL},
    {"the courier's thread", run_courier, NULL},
    {"the workers' threads", run_workers, stop_workers},
};

/* ---- start and end ---- */

static int
start(struct process *p, struct errbuf *eb)
{
    int err = 0;

    while (err == 0 && p->started < sizeof(parts) / sizeof(parts[0])) {
        const struct part *part = &parts[p->started++];

        log_event(&p->log, LOG_DEBUG, "starting a part", log_text("part", part->name));
        err = part->start(p, eb);
    }
    return err;
}

static void
stop(struct process *p)
{
    while (p->started > 0) {
        const struct part *part = &parts[--p->started];

        if (part->stop == NULL)
            continue;
        log_event(&p->log, LOG_DEBUG, "stopping a part", log_text("part", part->name));
        part->stop(p);
    }
}

/* Prints why the tracker does not run, in the format of the log. */
static void
say_failure(const struct process *p, const struct errbuf *eb)
{
    if (p->settings.log_json)
        log_event(&p->log, LOG_ERROR, "the tracker cannot run", log_reason(eb->text));
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
        .settings = *settings,
        .reload = {.argc = argc,
                   .argv = argv,
                   .settings = &p.settings,
                   .list = &p.list,
                   .log = &p.log,
                   .common = &p.common},
        .numbers = {.common = &p.common, .list = &p.list},
    };
    struct errbuf eb = {""};
    int err = start(&p, &eb);

    if (err == 0) {
        sdnotify("READY=1");
        err = loop_run(p.loop);
        if (err != 0)
            errbuf_set(&eb, err, "the event loop failed: %s", sprat_strerror(err));
        numbers_log(&p.numbers);
    }
    if (err != 0)
        say_failure(&p, &eb);
    stop(&p);
    return err;
}
