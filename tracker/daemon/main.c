/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sprat-tracker: puts the tracker's core behind its HTTP and UDP fronts on one loop, and stops them
 * on SIGTERM or SIGINT. Exit status: 0 after a signal, 1 when the work failed, 2 for wrong usage.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "config.h"

#include "common/crypto/random.h"
#include "common/sys/addr.h"
#include "tracker/daemon/admin.h"
#include "tracker/daemon/listfile.h"
#include "tracker/daemon/savefile.h"
#include "tracker/daemon/settings.h"
#include "tracker/net/http_front.h"
#include "tracker/net/udp_front.h"

enum {
    TICK_MS = 1000,   /* how often the tracker is asked for expired peers */
    OTHER_FILES = 64, /* descriptors that are no HTTP connections */
};

struct daemon {
    struct log log;
    int argc; /* the command line, which SIGHUP has read again */
    const char *const *argv;
    struct settings settings;
    struct listfile list;
    struct loop *loop;
    struct loop_timer *tick;
    struct savefile *save;
    char state_file[SETTINGS_PATH_MAX]; /* as it was at the start: |save| borrows it */
    struct loop_signal *sigterm, *sigint, *sighup;
    struct tracker *tracker;
    struct http_service http;
    struct udp_service udp;
    struct http_front *http_fronts[SETTINGS_LISTEN_MAX];
    struct udp_front *udp_fronts[SETTINGS_LISTEN_MAX];
    struct admin admin;
    struct http_front *admin_fronts[SETTINGS_LISTEN_MAX];
    struct mono started_at;
};

static void
on_signal(void *ctx, int signum)
{
    struct daemon *d = ctx;

    log_info(&d->log, "stopping: %s", strsignal(signum));
    loop_stop(d->loop);
}

/* Puts settings to use that need no restart. The old list goes when the tracker has the new one. */
static void
use(struct daemon *d, const struct settings *s, struct listfile list)
{
    struct hashlist *old = d->list.list;

    d->settings = *s;
    d->list = list;
    d->log.level = s->log_level;
    if (tracker_set_config(d->tracker, &s->tracker) != 0)
        log_error(&d->log, "out of memory: there is no rate limit");
    tracker_set_list(d->tracker, list.mode, list.list);
    hashlist_free(old);
    if (list.list != NULL)
        log_info(&d->log, "%zu info-hashes on the list", hashlist_count(list.list));
}

/* Addresses, HTTP's limits and peer ids stay as they were at the start. */
static bool
needs_restart(const struct settings *a, const struct settings *b)
{
    return memcmp(&a->http, &b->http, sizeof(a->http)) != 0 ||
           memcmp(&a->admin, &b->admin, sizeof(a->admin)) != 0 ||
           memcmp(&a->udp, &b->udp, sizeof(a->udp)) != 0 ||
           strcmp(a->state_file, b->state_file) != 0 || a->save_period_s != b->save_period_s ||
           memcmp(&a->proxies, &b->proxies, sizeof(a->proxies)) != 0 ||
           a->connections_max != b->connections_max || a->http_timeout_s != b->http_timeout_s ||
           a->tracker.peer_ids != b->tracker.peer_ids;
}

/* What can't be read leaves everything as it was. */
static void
on_sighup(void *ctx, int signum)
{
    struct daemon *d = ctx;
    enum settings_action action;
    struct settings s;
    struct listfile list;
    struct errbuf eb = {""};

    (void)signum;
    if (settings_read(&s, d->argc, d->argv, &action, &eb) != 0 ||
        listfile_read(&list, &s, &eb) != 0) {
        log_error(&d->log, "nothing is changed: %s", eb.text);
        return;
    }
    if (needs_restart(&d->settings, &s))
        log_warn(&d->log,
                 "other addresses, files to save to, HTTP limits and peer-ids wait for a restart");
    use(d, &s, list);
    log_info(&d->log, "read the settings again");
}

/* A backlog is worked off in portions, with the network between them. */
static void
on_tick(void *ctx)
{
    struct daemon *d = ctx;
    struct mono now = loop_now(d->loop);

    tracker_on_timer(d->tracker, now);
    loop_timer_set(d->tick,
                   mono_due(tracker_expiry(d->tracker), now) ? now : mono_add_ms(now, TICK_MS));
}

static int
out_of_memory(struct errbuf *eb)
{
    return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
}

/* A tracker with the peers of before, if there are any. Their tags are made with the seed that they
 * were saved with. */
static int
make_tracker(struct daemon *d)
{
    struct saved before = {.data = NULL};
    struct tracker_seed seed;

    random_bytes(&seed, sizeof(seed));
    if (d->settings.state_file[0] != '\0')
        saved_read(&before, d->settings.state_file, &d->log);
    if (before.data != NULL)
        memcpy(seed.hash, before.head.seed, sizeof(seed.hash));
    d->tracker = tracker_new(&d->settings.tracker, &seed);
    if (d->tracker != NULL)
        saved_load(&before, d->tracker, loop_now(d->loop), &d->log);
    saved_fini(&before);
    return d->tracker == NULL ? SPRAT_E_NOMEM : 0;
}

static int
start_tracker(struct daemon *d, struct errbuf *eb)
{
    struct listfile list;
    uint8_t secret[MAC_KEY_LEN];
    int err = listfile_read(&list, &d->settings, eb);

    if (err != 0)
        return err;
    random_bytes(secret, sizeof(secret));
    if (make_tracker(d) != 0) {
        hashlist_free(list.list);
        return out_of_memory(eb);
    }
    use(d, &d->settings, list);
    http_service_init(&d->http, d->tracker);
    d->started_at = loop_now(d->loop);
    udp_service_init(&d->udp, d->tracker, secret);
    return 0;
}

/* True if the failure to listen at |at| may be passed over: machines without IPv6 are no reason not
 * to start when nobody asked for it. */
static bool
may_do_without(struct daemon *d, const struct endpoint *at, int err, const struct errbuf *eb)
{
    if (!d->settings.listens_by_default || at->family != IP_V6 || err == SPRAT_E_BUSY)
        return false;
    log_warn(&d->log, "%s", eb->text);
    return true;
}

static void
say_listening(const char *protocol, const struct endpoint *at)
{
    char text[ADDR_TEXT_MAX];

    printf("listening %s %s\n", protocol, addr_format(at, text));
    fflush(stdout);
}

/* Resident memory in bytes, as /proc tells; 0 where it does not. */
static uint64_t
memory_bytes(void)
{
    FILE *f = fopen("/proc/self/statm", "r");
    unsigned long long total, resident;
    uint64_t bytes = 0;

    if (f == NULL)
        return 0;
    if (fscanf(f, "%llu %llu", &total, &resident) == 2)
        bytes = resident * (uint64_t)sysconf(_SC_PAGESIZE);
    fclose(f);
    return bytes;
}

static uint64_t
cpu_milliseconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void
gather(void *ctx, struct metrics *m)
{
    const struct daemon *d = ctx;
    struct tracker_stats s;

    tracker_stats(d->tracker, &s);
    *m = (struct metrics){
        .announces = s.announces,
        .scrapes = s.scrapes,
        .refused = s.refused,
        .throttled = s.throttled,
        .shed = s.shed,
        .http_errors = d->http.errors,
        .udp_errors = d->udp.errors,
        .udp_ignored = d->udp.ignored,
        .torrents = s.torrents,
        .peers_ipv4 = s.peers4,
        .peers_ipv6 = s.peers6,
        .listed = d->list.list != NULL ? hashlist_count(d->list.list) : 0,
        .uptime_seconds = (uint64_t)(mono_diff_ms(loop_now(d->loop), d->started_at) / 1000),
        .memory_bytes = memory_bytes(),
        .cpu_milliseconds = cpu_milliseconds(),
    };
    for (size_t i = 0; i < SETTINGS_LISTEN_MAX; i++)
        if (d->http_fronts[i] != NULL)
            m->http_connections += http_front_count(d->http_fronts[i]);
}

static int
start_admin(struct daemon *d, const struct http_front_limits *limits, struct errbuf *eb)
{
    const struct listen_list *list = &d->settings.admin;
    struct http_handler handler = admin_handler(&d->admin);
    int err = 0;

    admin_init(&d->admin, gather, d);
    for (size_t i = 0; i < list->count && err == 0; i++) {
        err = http_front_new(d->loop, &list->at[i], &handler, limits, &d->admin_fronts[i], eb);
        if (err == 0)
            say_listening("admin", http_front_addr(d->admin_fronts[i]));
    }
    return err;
}

static int
start_fronts(struct daemon *d, struct errbuf *eb)
{
    const struct settings *s = &d->settings;
    struct http_front_limits limits = {
        .connections_max = s->connections_max,
        .timeout_s = s->http_timeout_s,
        .proxies = s->proxies,
    };
    struct http_handler handler = http_front_tracker(&d->http);
    int err = 0;

    for (size_t i = 0; i < s->http.count && err == 0; i++) {
        err = http_front_new(d->loop, &s->http.at[i], &handler, &limits, &d->http_fronts[i], eb);
        if (err == 0)
            say_listening("http", http_front_addr(d->http_fronts[i]));
        else if (may_do_without(d, &s->http.at[i], err, eb))
            err = 0;
    }
    for (size_t i = 0; i < s->udp.count && err == 0; i++) {
        err = udp_front_new(d->loop, &s->udp.at[i], &d->udp, &d->udp_fronts[i], eb);
        if (err == 0)
            say_listening("udp", udp_front_addr(d->udp_fronts[i]));
        else if (may_do_without(d, &s->udp.at[i], err, eb))
            err = 0;
    }
    return err == 0 ? start_admin(d, &limits, eb) : err;
}

/* As many descriptors as all the connections that are allowed may take, if the system grants them.
 */
static void
raise_file_limit(struct daemon *d)
{
    const struct settings *s = &d->settings;
    rlim_t need = (rlim_t)s->connections_max * s->http.count + OTHER_FILES;
    struct rlimit lim;

    if (getrlimit(RLIMIT_NOFILE, &lim) != 0 || lim.rlim_cur >= need)
        return;
    lim.rlim_cur = lim.rlim_max < need ? lim.rlim_max : need;
    if (setrlimit(RLIMIT_NOFILE, &lim) != 0 || lim.rlim_cur < need)
        log_warn(&d->log, "the limit on open files allows fewer than %" PRIu32 " connections",
                 s->connections_max);
}

/* Last of all: a tracker that does not come up must not replace the peers of one that did. */
static int
start_saving(struct daemon *d, struct errbuf *eb)
{
    if (d->settings.state_file[0] == '\0')
        return 0;
    memcpy(d->state_file, d->settings.state_file, sizeof(d->state_file));
    return savefile_new(d->loop, d->tracker, d->state_file, d->settings.save_period_s, &d->log,
                        &d->save, eb);
}

static int
start(struct daemon *d, struct errbuf *eb)
{
    int err = loop_new(&d->loop, eb);

    if (err == 0)
        err = start_tracker(d, eb);
    if (err != 0)
        return err;
    d->sigterm = loop_signal_new(d->loop, SIGTERM, on_signal, d);
    d->sigint = loop_signal_new(d->loop, SIGINT, on_signal, d);
    d->sighup = loop_signal_new(d->loop, SIGHUP, on_sighup, d);
    d->tick = loop_timer_new(d->loop, on_tick, d);
    if (d->sigterm == NULL || d->sigint == NULL || d->sighup == NULL || d->tick == NULL)
        return out_of_memory(eb);
    loop_timer_set(d->tick, mono_add_ms(loop_now(d->loop), TICK_MS));
    raise_file_limit(d);
    err = start_fronts(d, eb);
    return err == 0 ? start_saving(d, eb) : err;
}

static void
log_totals(struct daemon *d)
{
    struct tracker_stats s;

    tracker_stats(d->tracker, &s);
    log_info(
        &d->log,
        "%" PRIu64 " announces, %" PRIu64 " torrents scraped, %" PRIu64
        " errors; at the end %" PRIu64 " torrents with %" PRIu64 " IPv4 and %" PRIu64 " IPv6 peers",
        s.announces, s.scrapes, d->http.errors + d->udp.errors, s.torrents, s.peers4, s.peers6);
}

static void
stop(struct daemon *d)
{
    for (size_t i = 0; i < SETTINGS_LISTEN_MAX; i++) {
        http_front_free(d->http_fronts[i]);
        udp_front_free(d->udp_fronts[i]);
        http_front_free(d->admin_fronts[i]);
    }
    savefile_finish(d->save);
    if (d->tick != NULL)
        loop_timer_free(d->tick);
    if (d->sighup != NULL)
        loop_signal_free(d->sighup);
    if (d->sigint != NULL)
        loop_signal_free(d->sigint);
    if (d->sigterm != NULL)
        loop_signal_free(d->sigterm);
    if (d->tracker != NULL) {
        http_service_fini(&d->http);
        admin_fini(&d->admin);
        tracker_free(d->tracker);
        hashlist_free(d->list.list);
    }
    if (d->loop != NULL)
        loop_free(d->loop);
}

static int
run(struct daemon *d)
{
    struct errbuf eb = {""};
    int err = start(d, &eb);

    if (err == 0) {
        err = loop_run(d->loop);
        if (err != 0)
            errbuf_set(&eb, err, "the event loop failed: %s", sprat_strerror(err));
        log_totals(d);
    }
    if (err != 0)
        fprintf(stderr, "sprat-tracker: %s\n", eb.text);
    stop(d);
    return err == 0 ? 0 : 1;
}

int
main(int argc, char **argv)
{
    static char name[] = "sprat-tracker";
    struct daemon d = {.log = {.write = log_to_stderr, .ctx = name}};
    enum settings_action action;
    struct errbuf eb = {""};
    int err;

    d.argc = argc - 1;
    d.argv = (const char *const *)argv + 1;
    err = settings_read(&d.settings, d.argc, d.argv, &action, &eb);
    if (err != 0) {
        fprintf(stderr, "sprat-tracker: %s\n", eb.text);
        return err == SPRAT_E_INVAL ? 2 : 1;
    }
    d.log.level = d.settings.log_level;
    switch (action) {
    case SETTINGS_HELP: settings_print_help(); return 0;
    case SETTINGS_VERSION: printf("sprat-tracker %s\n", PACKAGE_VERSION); return 0;
    case SETTINGS_RUN: break;
    }
    return run(&d);
}
