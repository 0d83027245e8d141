/* SPDX-License-Identifier: BSD-2-Clause
 *
 * All files are read before anything of them is put to use.
 */
#include "tracker/daemon/reload.h"

#include <string.h>

#include "common/sys/clock.h"
#include "common/sys/jsonlog.h"
#include "tracker/daemon/restart.h"
#include "tracker/daemon/tlsfiles.h"

/* The old list goes when all shards have the new. */
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
        members_set_quota(r->common->members, s->user_sessions, s->torrent_sessions);
    shards_set_list(r->common->shards, list.mode, list.list);
    hashlist_free(old);
    if (list.list != NULL)
        log_event(r->log, LOG_INFO, "the list is read",
                  log_text("file", s->allow_list[0] != '\0' ? s->allow_list : s->deny_list),
                  log_number("info_hashes", hashlist_count(list.list)));
}

/* An expired certificate does not take the place of one that is good. */
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

/* New connections take the new one. Without HTTPS at the start, there is nobody to take it. */
static void
use_certificate(const struct reload *r, struct tls_server *server)
{
    if (r->common->certs != NULL && server != NULL)
        certbox_set(r->common->certs, server);
    else
        tls_server_drop(server);
}

int
reload_run(const struct reload *r, struct errbuf *eb)
{
    enum settings_action action;
    struct settings s;
    struct listfile list;
    struct tls_server *server = NULL;
    char waiting[RESTART_NAMES_MAX];
    struct token token;
    int err = settings_read(&s, r->argc, r->argv, &action, eb);

    if (err == 0)
        err = reload_read_certificate(r, &s, &server, eb);
    if (err == 0)
        err = token_read(&token, s.admin_token_file, eb);
    if (err == 0)
        err = listfile_read(&list, &s, eb);
    if (err != 0) {
        tls_server_drop(server);
        log_event(r->log, LOG_ERROR, "nothing is changed", log_reason(eb->text));
        return err;
    }
    restart_hold(r->settings, &s, waiting);
    reload_use(r, &s, list);
    use_certificate(r, server);
    admin_set_token(r->admin, &token);
    admin_set_hosts(r->admin, &s.admin_hosts);
    if (waiting[0] != '\0')
        log_event(r->log, LOG_WARN, "changed settings wait for a restart",
                  log_text("settings", waiting));
    log_info(r->log, "read the settings again");
    return 0;
}
