/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The life of a foreground transfer: it joins the engine's events, the signals and the clock to
 * what report.h prints, and decides the exit status. Everything runs on the one loop.
 */
#include "peer/cli/transfer.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/parse.h"
#include "common/ev/loop.h"
#include "common/sys/addr.h"
#include "common/sys/paths.h"
#include "peer/cli/lingering.h"
#include "peer/cli/report.h"
#include "peer/cli/screen.h"
#include "peer/core/receivers.h"
#include "peer/engine/searchdefault.h"

enum { SIGNALS = 3 };

struct transfer {
    struct report report;
    struct loop *loop;
    struct engine *engine;
    struct torrent *torrent;
    struct loop_timer *tick;
    struct loop_signal *signals[SIGNALS];
    bool seed_only;
    bool checked; /* the first check is done; a later check is of files that have changed */
    bool complete;
    bool stopping;
    bool interrupted; /* it stops because of a signal */
    bool hurried;
    struct transfer_patience {
        uint64_t seconds;  /* give up after this long without progress; 0: never */
        uint64_t progress; /* progress_of() at the last look */
        struct mono since; /* when |progress| grew last */
    } patience;
    struct lingering lingering;
    uint64_t until; /* whole copies that end a seed; 0: none */
    int status;
    transfer_metainfo_fn on_metainfo;
    void *user;
};

static int
store_rate(const char *option, const char *value, uint64_t *out, struct errbuf *eb)
{
    if (parse_rate(value, out) != 0)
        return errbuf_set(eb, SPRAT_E_INVAL,
                          "%s needs bytes per second, as in 500K or 2M, not '%s'", option, value);
    return 0;
}

static int
store_max_peers(struct transfer_options *o, const char *value, struct errbuf *eb)
{
    if (parse_u64(value, 1, ENGINE_CONNS_MAX, &o->max_peers) != 0)
        return errbuf_set(eb, SPRAT_E_INVAL, "--max-peers needs a number from 1 to %d, not '%s'",
                          ENGINE_CONNS_MAX, value);
    return 0;
}

static int
store_give_up(struct transfer_options *o, const char *value, struct errbuf *eb)
{
    if (parse_seconds(value, &o->give_up_s) != 0)
        return errbuf_set(eb, SPRAT_E_INVAL,
                          "--give-up-after needs a time, as in 90s, 10m, 2h or 1d, not '%s'",
                          value);
    return 0;
}

static int
store_listen(struct transfer_options *o, const char *value, struct errbuf *eb)
{
    if (o->listen_count == ENGINE_LISTEN_MAX)
        return errbuf_set(eb, SPRAT_E_LIMIT, "more than %d times --listen", ENGINE_LISTEN_MAX);
    if (addr_parse(value, &o->listen[o->listen_count]) != 0)
        return errbuf_set(eb, SPRAT_E_INVAL,
                          "--listen needs ADDR:PORT, as in 0.0.0.0:6881 or [::]:6881, not '%s'",
                          value);
    o->listen_count++;
    return 0;
}

static int
store_dht_name(struct transfer_options *o, const char *value, struct errbuf *eb)
{
    int err = searchdefault_check_dht_name("--dht-bootstrap", value, eb);

    return err != 0 ? err : cli_list_add(&o->dht_names, "--dht-bootstrap", value, eb);
}

int
transfer_option(struct transfer_options *o, int id, const char *value, struct errbuf *eb)
{
    switch (id) {
    case TRANSFER_OPT_TRACKER: return cli_list_add(&o->trackers, "--tracker", value, eb);
    case TRANSFER_OPT_LISTEN: return store_listen(o, value, eb);
    case TRANSFER_OPT_UP_LIMIT: return store_rate("--up-limit", value, &o->up_limit, eb);
    case TRANSFER_OPT_DOWN_LIMIT: return store_rate("--down-limit", value, &o->down_limit, eb);
    case TRANSFER_OPT_MAX_PEERS: return store_max_peers(o, value, eb);
    case TRANSFER_OPT_NO_PEX: o->no_pex = true; return 0;
    case TRANSFER_OPT_NO_DHT: o->no_dht = true; return 0;
    case TRANSFER_OPT_NO_LSD: o->no_lsd = true; return 0;
    case TRANSFER_OPT_DHT_BOOTSTRAP: return store_dht_name(o, value, eb);
    case TRANSFER_OPT_CA: o->ca_file = value; return 0;
    case TRANSFER_OPT_STATE_DIR: o->state_dir = value; return 0;
    case TRANSFER_OPT_CHECK: o->force_check = true; return 0;
    case TRANSFER_OPT_GIVE_UP: return store_give_up(o, value, eb);
    case TRANSFER_OPT_JSON: o->json = true; return 0;
    }
    return 0;
}

bool
transfer_uses_dht(const struct transfer_options *o)
{
    return searchdefault_dht() && !o->no_dht;
}

bool
transfer_uses_lsd(const struct transfer_options *o)
{
    return searchdefault_lsd() && !o->no_lsd;
}

char *
transfer_state_dir(const struct transfer_options *o, struct errbuf *eb)
{
    char *dir = NULL;

    if (o->state_dir != NULL)
        return path_absolute(o->state_dir, &dir, eb) == 0 ? dir : NULL;
    dir = path_state_dir();
    if (dir == NULL)
        errbuf_set(eb, SPRAT_E_NOENT, "no home directory is known: give --state-dir");
    return dir;
}

static void
on_stopped(void *ctx)
{
    struct transfer *t = ctx;

    loop_stop(t->loop);
}

/* Begins to stop; |status| counts unless an earlier status is set. */
static void
stop(struct transfer *t, int status)
{
    if (t->stopping)
        return;
    t->stopping = true;
    t->status = status;
    report_stopping(&t->report);
    engine_stop(t->engine, on_stopped, t);
}

static void
on_signal(void *ctx, int signum)
{
    struct transfer *t = ctx;
    int status = 128 + signum;

    if (t->hurried) {
        screen_clear(t->report.screen);
        _exit(status); /* third signal: exit without waiting for the disk */
    }
    if (t->stopping) {
        t->hurried = true;
        engine_hurry(t->engine); /* second signal: don't wait for trackers */
    }
    t->interrupted = t->interrupted || !t->stopping;
    stop(t, status);
}

/* Whether the engine recovers from |err| once the user frees space or repairs the disk. */
static bool
is_recoverable(int err)
{
    enum sprat_err_family family = sprat_err_family(err);

    return family == ERR_FAMILY_LOCAL || family == ERR_FAMILY_MEMORY;
}

static void
on_error(struct transfer *t, const struct torrent_event *ev)
{
    /* If data of an earlier run is missing at the start, the run ends and the user must decide. */
    bool fatal = !is_recoverable(ev->err) || (ev->err == SPRAT_E_GONE && !t->checked);

    report_error(&t->report, t->torrent, ev, fatal);
    if (fatal)
        stop(t, CLI_FAILED);
}

/* A seed without any piece at the start most likely has the wrong directory, so the run ends; a
 * seed whose files vanish later stays, and reports it. */
static void
on_checked(struct transfer *t, const struct torrent_event *ev)
{
    struct torrent_status st;

    torrent_get_status(t->torrent, &st);
    report_checked(&t->report, t->torrent, &st, ev->message, t->seed_only);
    if (t->seed_only && !t->checked && st.swarm.pieces_have == 0 && st.total_size > 0) {
        report_nothing_there(&t->report, t->torrent);
        stop(t, CLI_FAILED);
    }
    t->checked = true;
}

static void
on_metadata(struct transfer *t)
{
    if (t->on_metainfo == NULL)
        report_metadata(&t->report, t->torrent);
    else if (!t->stopping)
        stop(t, t->on_metainfo(t->user, torrent_metainfo(t->torrent)));
}

/* Ends a complete download unless others fetch from it. */
static void
check_linger(struct transfer *t)
{
    struct torrent_status st;

    if (t->lingering.seconds == 0 || !t->complete || t->stopping)
        return;
    torrent_get_status(t->torrent, &st);
    if (lingering_is_over(&t->lingering, st.swarm.standing.wanting, st.swarm.uploaded,
                          loop_now(t->loop)))
        stop(t, CLI_OK);
    else if (!t->report.lingers)
        report_linger(&t->report, t->lingering.seconds, st.swarm.standing.wanting);
}

static void
on_complete(struct transfer *t)
{
    struct torrent_status st;

    torrent_get_status(t->torrent, &st);
    t->complete = true;
    report_complete(&t->report, t->torrent);
    lingering_begin(&t->lingering, st.swarm.uploaded, loop_now(t->loop));
    check_linger(t);
}

static void
check_copies(struct transfer *t)
{
    const struct receivers *r = t->until > 0 ? torrent_receivers(t->torrent) : NULL;

    if (r != NULL && receivers_copies(r) >= t->until)
        stop(t, CLI_OK);
}

static void
on_event(void *ctx, struct torrent *torrent, const struct torrent_event *ev)
{
    struct transfer *t = ctx;

    t->torrent = torrent;
    switch (ev->type) {
    case TORRENT_EVENT_READY: report_ready(&t->report, t->engine, torrent); break;
    case TORRENT_EVENT_METADATA: on_metadata(t); break;
    case TORRENT_EVENT_CHECKED: on_checked(t, ev); break;
    case TORRENT_EVENT_COMPLETE: on_complete(t); break;
    case TORRENT_EVENT_ERROR: on_error(t, ev); break;
    case TORRENT_EVENT_RESUMED: report_resumed(&t->report, torrent); break;
    case TORRENT_EVENT_BANNED:
    case TORRENT_EVENT_WARNING: report_warning(&t->report, torrent, ev); break;
    case TORRENT_EVENT_STOPPED:
        report_stopped(&t->report, torrent, t->interrupted && !t->complete && !t->seed_only);
        stop(t, t->complete ? CLI_OK : CLI_FAILED);
        break;
    }
}

/* Returns the bytes that count as progress: verified and checked bytes; for a seed, or once all is
 * complete, uploaded bytes. Received bytes that fail verification do not count. */
static uint64_t
progress_of(const struct transfer *t)
{
    struct torrent_status st;

    torrent_get_status(t->torrent, &st);
    return st.swarm.bytes_have + st.check_done + st.metadata.have +
           (t->seed_only || t->complete ? st.swarm.uploaded : 0);
}

/* Stops the run after too long without progress. If all wanted files are complete, that is no
 * failure. */
static void
check_patience(struct transfer *t)
{
    struct transfer_patience *p = &t->patience;
    struct mono at = loop_now(t->loop);
    uint64_t progress;

    if (p->seconds == 0 || t->stopping)
        return;
    progress = progress_of(t);
    if (progress != p->progress || p->since.us == 0) {
        p->progress = progress;
        p->since = at;
    } else if (mono_diff_ms(at, p->since) >= (int64_t)p->seconds * 1000) {
        report_gave_up(&t->report, p->seconds);
        stop(t, t->complete ? CLI_OK : CLI_GAVE_UP);
    }
}

static void
on_tick(void *ctx)
{
    struct transfer *t = ctx;

    report_progress(&t->report, t->torrent);
    check_copies(t);
    check_linger(t);
    check_patience(t);
    if (t->report.screen->broken)
        stop(t, CLI_FAILED); /* the reader of standard output has closed it */
    loop_timer_set(t->tick, mono_add_ms(loop_now(t->loop), REPORT_TICK_MS));
}

/* Signals that the parent process ignores (nohup) stay ignored. */
static int
catch_signals(struct transfer *t)
{
    static const int numbers[SIGNALS] = {SIGINT, SIGTERM, SIGHUP};

    for (int i = 0; i < SIGNALS; i++) {
        struct sigaction old;

        if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler == SIG_IGN)
            continue;
        t->signals[i] = loop_signal_new(t->loop, numbers[i], on_signal, t);
        if (t->signals[i] == NULL)
            return SPRAT_E_NOMEM;
    }
    return 0;
}

static int
start(struct transfer *t, const struct engine_config *cfg, const struct torrent_add *add,
      struct errbuf *eb)
{
    struct engine_handler handler = {t, on_event};
    int err = loop_new(&t->loop, eb);

    if (err != 0)
        return err;
    t->report.loop = t->loop;
    t->tick = loop_timer_new(t->loop, on_tick, t);
    if (t->tick == NULL || catch_signals(t) != 0)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    err = engine_new(t->loop, cfg, &handler, &t->engine, eb);
    if (err == 0)
        err = engine_add(t->engine, add, &t->torrent, eb);
    return err;
}

static void
finish(struct transfer *t)
{
    if (t->engine != NULL)
        engine_free(t->engine);
    for (int i = 0; i < SIGNALS; i++)
        if (t->signals[i] != NULL)
            loop_signal_free(t->signals[i]);
    if (t->tick != NULL)
        loop_timer_free(t->tick);
    if (t->loop != NULL)
        loop_free(t->loop);
}

int
transfer_run(const struct cli_command *command, const struct transfer_options *o,
             struct torrent_add *add, const char *torrent_path, struct screen *screen)
{
    struct transfer t = {.seed_only = add->seed_only,
                         .patience.seconds = o->give_up_s,
                         .lingering.seconds = o->linger_s,
                         .until = o->until,
                         .on_metainfo = o->on_metainfo,
                         .user = o->user};
    struct log log = {.level = LOG_WARN, .write = report_log, .ctx = &t.report};
    struct engine_config cfg = {.program = command->name, .log = &log};
    struct errbuf eb = {""};
    char program[32], *state_dir = transfer_state_dir(o, &eb);
    int err = state_dir != NULL ? 0 : SPRAT_E_NOENT;

    report_init(&t.report, screen, torrent_add_name(add), torrent_path);
    t.report.seed_only = add->seed_only;
    t.report.trackers = &o->trackers;
    t.report.until = o->until;
    snprintf(program, sizeof(program), "sprat %s", command->name);
    cfg.program = program;
    cfg.state_dir = state_dir;
    memcpy(cfg.listen, o->listen, sizeof(cfg.listen));
    cfg.listen_count = o->listen_count;
    cfg.up_limit = o->up_limit;
    cfg.down_limit = o->down_limit;
    cfg.peers_max = (uint32_t)o->max_peers;
    cfg.no_pex = o->no_pex;
    cfg.dht = transfer_uses_dht(o);
    cfg.lsd = transfer_uses_lsd(o);
    cfg.dht_names =
        o->dht_names.count > 0 ? o->dht_names.items : searchdefault_dht_names(&cfg.dht_name_count);
    if (o->dht_names.count > 0)
        cfg.dht_name_count = o->dht_names.count;
    cfg.ca_file = o->ca_file;
    add->trackers = o->trackers.items;
    add->tracker_count = o->trackers.count;
    add->force_check = o->force_check;
    add->receivers = add->seed_only;
    if (err == 0)
        err = start(&t, &cfg, add, &eb);
    if (t.torrent == NULL)
        metainfo_free(add->mi);
    if (err != 0) {
        report_failure(&t.report, err, &eb);
        t.status = CLI_FAILED;
    } else {
        loop_timer_set(t.tick, loop_now(t.loop));
        loop_run(t.loop);
    }
    screen_clear(screen);
    finish(&t);
    free(state_dir);
    return t.status;
}
