/* SPDX-License-Identifier: BSD-2-Clause
 *
 * spratd: one engine with all torrents of its state directory, behind a control socket. Ends
 * cleanly on SIGTERM and SIGINT, and at once on the third of them; SIGHUP reads the configuration
 * again. Exit status: 0 after a clean end, 1 when the work failed or the third signal ended the
 * daemon, 2 for wrong usage.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/complete.h"
#include "common/sys/addr.h"
#include "common/sys/file.h"
#include "common/sys/lockfile.h"
#include "common/sys/memory.h"
#include "common/sys/paths.h"
#include "common/sys/sandbox.h"
#include "common/sys/sdnotify.h"
#include "config.h"
#include "peer/daemon/control.h"
#include "peer/daemon/daemon.h"
#include "peer/daemon/detach.h"
#include "peer/daemon/methods.h"
#include "peer/daemon/reload.h"
#include "peer/daemon/syslogger.h"
#include "peer/daemon/unitstatus.h"
#include "peer/engine/searchdefault.h"
#include "peer/store/state.h"

enum {
    EXIT_USAGE = 2,
    SIGNALS_TO_EXIT = 3, /* this many of SIGTERM and SIGINT end the process at once */
};

/* SIGTERM and SIGINT so far, and the loop's own handler for them. Signal handlers get no argument
 * of ours, so this is a variable of the file. */
static volatile sig_atomic_t end_signals;
static void (*loop_handler)(int signum);

/* All objects that live as long as the daemon; the methods of the control protocol see only
 * |daemon|. */
struct process {
    struct daemon daemon;
    struct lockfile *lock;
    struct unixsock *sock;
    struct control *control;
    struct unitstatus *unitstatus;
    struct loop_signal *sigterm, *sigint, *sighup;
};

/* Called from any thread: syslog() and log_to_stderr() write a line in one piece. */
static void
write_log(void *ctx, const struct log_record *r)
{
    static char name[] = "spratd";
    const struct daemon *d = ctx;
    char line[LOG_LINE_MAX];

    if (d->detached)
        syslogger_write((int)r->level, log_record_text(r, line));
    else
        log_to_stderr(name, r);
}

static void
on_stopped(void *ctx)
{
    struct daemon *d = ctx;

    loop_stop(d->loop);
}

void
daemon_stop(struct daemon *d)
{
    if (d->stopping)
        return;
    d->stopping = true;
    log_info(&d->log, "stopping");
    sdnotify("STOPPING=1");
    shards_stop(d->shards, on_stopped, d);
}

static void
on_signal(void *ctx, int signum)
{
    struct daemon *d = ctx;

    log_info(&d->log, "%s", strsignal(signum));
    if (d->stopping)
        shards_hurry(d->shards); /* second signal: don't wait for trackers */
    daemon_stop(d);
}

/* Runs in signal context, before on_signal(). The third signal ends the process even if the loop
 * does not run: while the daemon starts, and while it joins a disk thread that waits for a mount
 * that hangs. What is stored is as safe as after kill -9. */
static void
count_signal(int signum)
{
    end_signals = end_signals + 1;
    if (end_signals >= SIGNALS_TO_EXIT)
        _exit(EXIT_FAILURE);
    loop_handler(signum);
}

/* Puts count_signal() before the loop's handler of the signal. */
static void
count_signals(int signum)
{
    struct sigaction action;

    if (sigaction(signum, NULL, &action) != 0 || action.sa_handler == SIG_DFL ||
        action.sa_handler == SIG_IGN)
        return; /* the loop reads the signal in another way */
    loop_handler = action.sa_handler;
    action.sa_handler = count_signal;
    sigaction(signum, &action, NULL);
}

static void
on_sighup(void *ctx, int signum)
{
    struct daemon *d = ctx;

    (void)signum;
    if (!d->stopping)
        reload_run(d);
}

/* Logs an event. Called on the thread of the torrent's loop. */
static void
on_event(void *ctx, struct torrent *t, const struct torrent_event *ev)
{
    const struct daemon *d = ctx;
    const char *name = torrent_name(t);

    switch (ev->type) {
    case TORRENT_EVENT_READY: log_debug(&d->log, "%s: ready", name); break;
    case TORRENT_EVENT_METADATA: log_info(&d->log, "%s: metadata received", name); break;
    case TORRENT_EVENT_CHECKED:
        log_info(&d->log, "%s: checked", name);
        if (ev->message[0] != '\0')
            log_warn(&d->log, "%s: %s", name, ev->message);
        break;
    case TORRENT_EVENT_COMPLETE: log_info(&d->log, "%s: complete", name); break;
    case TORRENT_EVENT_ERROR: log_error(&d->log, "%s: paused: %s", name, ev->message); break;
    case TORRENT_EVENT_RESUMED: log_info(&d->log, "%s: resumed", name); break;
    case TORRENT_EVENT_BANNED: log_warn(&d->log, "%s: %s", name, ev->message); break;
    case TORRENT_EVENT_WARNING: log_warn(&d->log, "%s: %s", name, ev->message); break;
    case TORRENT_EVENT_STOPPED: log_info(&d->log, "%s: stopped", name); break;
    }
}

/* Makes the state directory, if it is missing, and locks it for this process. */
static int
lock_state_dir(struct process *p, struct errbuf *eb)
{
    const char *dir = p->daemon.settings.state_dir;
    char *path = path_join(dir, STATE_DAEMON_LOCK), *what = NULL;
    int err = file_make_dirs(dir, 0700, eb);

    if (asprintf(&what, "the state directory %s", dir) < 0)
        what = NULL;
    if (err == 0)
        err = path != NULL && what != NULL ? lockfile_take(path, "spratd", what, &p->lock, eb)
                                           : errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    free(path);
    free(what);
    return err;
}

static int
open_shards(struct daemon *d, struct errbuf *eb)
{
    const struct settings *s = &d->settings;
    struct engine_handler handler = {d, on_event};
    struct engine_config cfg = {.program = "spratd",
                                .state_dir = s->state_dir,
                                .listen_count = s->listen_count,
                                .up_limit = s->up_limit,
                                .down_limit = s->down_limit,
                                .peers_max = (uint32_t)s->max_peers,
                                .conns_max = (uint32_t)s->max_connections,
                                .rest_ms = (uint32_t)s->rest_after_s * 1000,
                                .no_pex = s->no_pex,
                                .dht = s->dht,
                                .dht_name_count = s->dht_name_count,
                                .lsd = s->lsd,
                                .ca_file = s->ca_file,
                                .log = &d->log};
    int err;

    memcpy(cfg.listen, s->listen, sizeof(cfg.listen));
    cfg.dht_names = s->dht_name_count > 0 ? (const char *const *)s->dht_names
                                          : searchdefault_dht_names(&cfg.dht_name_count);
    err = shards_new(d->loop, &cfg, (uint32_t)s->loops, &handler, &d->shards, eb);
    return err == 0 ? shards_load(d->shards, eb) : err;
}

static int
open_control(struct process *p, struct errbuf *eb)
{
    size_t count;
    const struct rpc_method *methods = methods_table(&count);

    p->control = control_new(p->daemon.loop, p->sock, methods, count, &p->daemon);
    if (p->control == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    p->sock = NULL; /* owned by the server now */
    return 0;
}

static int
catch_signals(struct process *p, struct errbuf *eb)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    p->sigterm = loop_signal_new(p->daemon.loop, SIGTERM, on_signal, &p->daemon);
    p->sigint = loop_signal_new(p->daemon.loop, SIGINT, on_signal, &p->daemon);
    p->sighup = loop_signal_new(p->daemon.loop, SIGHUP, on_sighup, &p->daemon);
    if (p->sigterm == NULL || p->sigint == NULL || p->sighup == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    count_signals(SIGTERM);
    count_signals(SIGINT);
    return 0;
}

static int
listen_control(struct process *p, struct errbuf *eb)
{
    const struct settings *s = &p->daemon.settings;
    gid_t group = UNIXSOCK_NO_GROUP;
    struct errbuf why;

    if (s->socket_group != NULL && sandbox_find_group(s->socket_group, &group, &why) != 0)
        return errbuf_set(eb, SPRAT_E_NOTFOUND, "socket-group: %s", why.text);
    return unixsock_listen(s->socket, group, "spratd", &p->sock, eb);
}

/* Warns of a group that may use the socket but can't reach it. */
static void
warn_of_blocked_group(const struct daemon *d)
{
    const struct settings *s = &d->settings;
    gid_t group;
    char *dir;

    if (s->socket_group == NULL || sandbox_find_group(s->socket_group, &group, NULL) != 0)
        return;
    dir = unixsock_blocked(s->socket, group);
    if (dir != NULL)
        log_warn(&d->log,
                 "socket-group: members of '%s' can't enter %s, so they can't use the socket: "
                 "'chmod o+x %s', or name a socket elsewhere",
                 s->socket_group, dir, dir);
    free(dir);
}

/* The order matters. Signals are caught before the socket exists, because a client that sees the
 * socket may send a signal. The socket is made before the engine's threads, because making it
 * changes the umask of the process for a moment. The server comes last, so that the methods can
 * answer its first request. */
static int
open_all(struct process *p, struct errbuf *eb)
{
    struct daemon *d = &p->daemon;
    int err = lock_state_dir(p, eb);

    if (err == 0)
        err = loop_new(&d->loop, eb);
    if (err == 0)
        err = catch_signals(p, eb);
    if (err == 0)
        err = listen_control(p, eb);
    if (err == 0)
        err = open_shards(d, eb);
    if (err == 0)
        err = open_control(p, eb);
    return err;
}

/* A second signal after a clean end must not change the exit status: without these handlers the
 * signal would kill the process. */
static void
block_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static void
close_all(struct process *p)
{
    struct daemon *d = &p->daemon;

    unitstatus_free(p->unitstatus);
    control_quiet(p->control);
    shards_free(d->shards);
    lockfile_release(p->lock);
    control_free(p->control); /* `sprat shutdown` waits until its connection is closed here */
    block_signals();
    if (p->sigterm != NULL)
        loop_signal_free(p->sigterm);
    if (p->sigint != NULL)
        loop_signal_free(p->sigint);
    if (p->sighup != NULL)
        loop_signal_free(p->sighup);
    if (d->loop != NULL)
        loop_free(d->loop);
    unixsock_free(p->sock);
}

static void
log_start(const struct daemon *d)
{
    const struct endpoint *addrs;
    size_t count = shards_listen(d->shards, &addrs);
    char text[ADDR_TEXT_MAX];

    log_info(&d->log, "spratd %s, pid %d, %u loops, controlled at %s", PACKAGE_VERSION,
             (int)getpid(), shards_count(d->shards), d->settings.socket);
    if (d->settings.file != NULL)
        log_info(&d->log, "settings from %s", d->settings.file);
    warn_of_blocked_group(d);
    for (size_t i = 0; i < count; i++)
        log_info(&d->log, "listening on %s", addr_format(&addrs[i], text));
    if (shards_listen_note(d->shards)[0] != '\0')
        log_warn(&d->log, "%s", shards_listen_note(d->shards));
}

static int
run(struct process *p)
{
    struct daemon *d = &p->daemon;
    struct errbuf eb;
    int ready = -1, err;

    if (!d->settings.foreground && (ready = detach_begin()) < 0) {
        fprintf(stderr, "spratd: can't go to the background: %s\n", sprat_strerror(ready));
        return EXIT_FAILURE;
    }
    d->log = (struct log){.level = d->settings.log_level, .write = write_log, .ctx = d};
    err = open_all(p, &eb);
    if (err != 0) {
        fprintf(stderr, "spratd: %s\n", eb.text);
    } else {
        if (ready >= 0) {
            d->detached = true;
            detach_ready(ready);
        }
        log_start(d);
        err = shards_run(d->shards, &eb);
        if (err == 0)
            err = unitstatus_new(d, &p->unitstatus, &eb);
        if (err == 0) {
            sdnotify("READY=1");
            loop_run(d->loop);
        } else {
            log_error(&d->log, "%s", eb.text);
        }
    }
    close_all(p);
    return err == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
main(int argc, char **argv)
{
    struct process p = {.daemon = {.argc = argc - 1, .argv = (const char *const *)argv + 1}};
    enum settings_action action;
    struct errbuf eb;

    list_init(&p.daemon.adding);
    memory_init();
    if (argc > 2 && strcmp(argv[1], COMPLETE_WORD) == 0) {
        settings_complete(argc - 2, p.daemon.argv + 1);
        return EXIT_SUCCESS;
    }
    char *base = get_current_dir_name(); /* NULL: the directory was removed; relative paths fail */
    int status = EXIT_SUCCESS;
    int err = settings_read(&p.daemon.settings, base != NULL ? base : ".", p.daemon.argc,
                            p.daemon.argv, &action, &eb);

    if (err != 0) {
        fprintf(stderr, "spratd: %s%s\n", eb.text,
                err == SPRAT_E_INVAL ? " (see 'spratd --help')" : "");
        status = err == SPRAT_E_INVAL ? EXIT_USAGE : EXIT_FAILURE;
    } else if (action == SETTINGS_HELP) {
        settings_print_help();
    } else if (action == SETTINGS_VERSION) {
        printf("spratd %s\n", PACKAGE_VERSION);
    } else {
        status = run(&p);
    }
    settings_fini(&p.daemon.settings);
    free(base);
    return status;
}
