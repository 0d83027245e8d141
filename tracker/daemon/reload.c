/* SPDX-License-Identifier: BSD-2-Clause
 *
 * All files are read before any of them is applied. Reading and sorting a list of a million
 * info-hashes takes more than a second, so a thread does that.
 */
#include "tracker/daemon/reload.h"

#include <stdlib.h>
#include <string.h>

#include "common/sys/clock.h"
#include "common/sys/jsonlog.h"
#include "tracker/daemon/admin.h"
#include "tracker/daemon/restart.h"
#include "tracker/daemon/tlsfiles.h"

/* Frees the old list when all shards have the new one. */
void
reload_use(const struct reload *r, const struct settings *s, struct listfile list)
{
    struct hashlist *old = r->list->list;

    *r->settings = *s;
    *r->list = list;
    r->log->level = s->log_level;
    r->log->write = s->log_json ? log_to_stderr_as_json : log_to_stderr;
    if (limiter_set(r->common->limiter, s->rate_limit, &s->tracker.exempt) != 0)
        log_error(r->log, "out of memory: there is no rate limit");
    shards_set_config(r->common->shards, &s->tracker);
    if (r->common->members != NULL)
        members_set_times(r->common->members, settings_gap_max_s(s),
                          tracker_peer_timeout_s(&s->tracker));
    if (r->common->members != NULL)
        members_set_quota(r->common->members, s->user_sessions, s->torrent_sessions, s->user_rate);
    shards_set_list(r->common->shards, list.mode, list.list);
    hashlist_free(old);
    if (list.list != NULL)
        log_event(r->log, LOG_INFO, "the list is read",
                  log_text("file", s->allow_list[0] != '\0' ? s->allow_list : s->deny_list),
                  log_number("info_hashes", hashlist_count(list.list)));
}

/* An expired certificate does not replace a valid one. */
int
reload_read_certificate(const struct reload *r, const struct settings *s, struct tls_server **out,
                        struct errbuf *eb)
{
    int err = tlsfiles_read(s, out, eb);

    if (err != 0 || *out == NULL)
        return err;
    err = tlsfiles_check_time(s, *out, clock_unix(), eb);
    if (err == 0) {
        tlsfiles_log(s, *out, r->log);
        return 0;
    }
    if (r->common->certs == NULL) {
        log_event(r->log, LOG_WARN, "clients will refuse the certificate", log_reason(eb->text));
        return 0;
    }
    tls_server_drop(*out);
    *out = NULL;
    return err;
}

/* New connections use the new certificate. If the tracker started without HTTPS, no address uses
 * it. */
static void
use_certificate(const struct reload *r, struct tls_server *server)
{
    if (r->common->certs != NULL && server != NULL)
        certbox_set(r->common->certs, server);
    else
        tls_server_drop(server);
}

/* ---- files ---- */

/* Everything that a reload reads, before any of it is applied. */
struct reload_files {
    struct reload reload; /* a copy, with |log| */
    struct log log;
    struct settings settings;
    struct listfile list;
    struct tls_server *server;
    struct token token;
    struct errbuf eb;
    int err; /* if not 0, only |eb| is set */
};

/* Changes only |f|, so any thread may call it. */
static void
read_files(struct reload_files *f)
{
    const struct reload *r = &f->reload;
    enum settings_action action;

    f->err = settings_read(&f->settings, r->argc, r->argv, &action, &f->eb);
    if (f->err == 0)
        f->err = reload_read_certificate(r, &f->settings, &f->server, &f->eb);
    if (f->err == 0)
        f->err = token_read(&f->token, f->settings.admin_token_file, &f->eb);
    if (f->err == 0)
        f->err = listfile_read(&f->list, &f->settings, &f->eb);
    if (f->err != 0)
        tls_server_drop(f->server);
}

static void
use_files(const struct reload *r, struct reload_files *f)
{
    char waiting[RESTART_NAMES_MAX];

    if (f->err != 0) {
        log_event(r->log, LOG_ERROR, "nothing is changed", log_reason(f->eb.text));
        return;
    }
    restart_hold(r->settings, &f->settings, waiting);
    reload_use(r, &f->settings, f->list);
    use_certificate(r, f->server);
    admin_set_token(r->admin, &f->token);
    admin_set_hosts(r->admin, &f->settings.admin_hosts);
    if (waiting[0] != '\0')
        log_event(r->log, LOG_WARN, "changed settings wait for a restart",
                  log_text("settings", waiting));
    log_info(r->log, "read the settings again");
}

static struct reload_files *
files_new(const struct reload *r)
{
    struct reload_files *f = calloc(1, sizeof(*f));

    if (f == NULL)
        return NULL;
    f->log = *r->log;
    f->reload = *r;
    f->reload.log = &f->log;
    return f;
}

/* ---- in the background ---- */

static const char no_thread[] = "no thread can be started";

static void *
thread_main(void *arg)
{
    struct reload *r = arg;

    read_files(r->files);
    loop_waker_wake(r->read);
    return NULL;
}

/* Has a thread read for all that wait for the next time. */
static int
begin(struct reload *r)
{
    r->again = false;
    r->files = files_new(r);
    if (r->files == NULL || thread_start(&r->thread, thread_main, r) != 0) {
        free(r->files);
        r->files = NULL;
        log_event(r->log, LOG_ERROR, "nothing is changed", log_reason(no_thread));
        return SPRAT_E_NOMEM;
    }
    list_append(&r->waits, &r->next);
    return 0;
}

static void
answer(struct list *waits, int err, const char *why)
{
    while (!list_empty(waits)) {
        struct reload_wait *w = LIST_ENTRY(list_pop_front(waits), struct reload_wait, link);

        w->done(w->ctx, err, why);
    }
}

/* The next reload begins before any |done| of this one is called, since a |done| may ask for
 * another. */
static void
on_read(void *ctx)
{
    struct reload *r = ctx;
    struct reload_files *f = r->files;
    struct list waits, failed;

    list_init(&waits);
    list_init(&failed);
    thread_join(&r->thread);
    use_files(r, f);
    r->files = NULL;
    list_append(&waits, &r->waits);
    if (r->again && begin(r) != 0)
        list_append(&failed, &r->next);
    answer(&waits, f->err, f->eb.text);
    answer(&failed, SPRAT_E_NOMEM, no_thread);
    free(f);
    if (r->files == NULL)
        r->done(r->done_ctx);
}

int
reload_start(struct reload *r, struct loop *l, void (*done)(void *ctx), void *ctx)
{
    list_init(&r->waits);
    list_init(&r->next);
    r->done = done;
    r->done_ctx = ctx;
    r->read = loop_waker_new(l, on_read, r);
    return r->read != NULL ? 0 : SPRAT_E_NOMEM;
}

int
reload_begin(struct reload *r, struct reload_wait *wait)
{
    bool reading = r->files != NULL;

    if (!reading && begin(r) != 0)
        return SPRAT_E_NOMEM;
    r->again = reading;
    if (wait != NULL)
        list_push_back(reading ? &r->next : &r->waits, &wait->link);
    return 0;
}

void
reload_stop(struct reload *r)
{
    if (r->files != NULL) {
        thread_join(&r->thread);
        if (r->files->err == 0) {
            tls_server_drop(r->files->server);
            hashlist_free(r->files->list.list);
        }
        free(r->files);
        r->files = NULL;
    }
    if (r->read != NULL)
        loop_waker_free(r->read);
    r->read = NULL;
}
