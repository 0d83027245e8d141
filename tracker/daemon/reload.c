/* SPDX-License-Identifier: BSD-2-Clause
 *
 * All files are read before anything of them is put to use.
 */
#include "tracker/daemon/reload.h"

#include <string.h>

#include "common/sys/clock.h"
#include "common/sys/jsonlog.h"
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
    if (limiter_set(r->common->limiter, s->rate_limit, &s->exempt) != 0)
        log_error(r->log, "out of memory: there is no rate limit");
    shards_set_config(r->common->shards, &s->tracker);
    shards_set_list(r->common->shards, list.mode, list.list);
    hashlist_free(old);
    if (list.list != NULL)
        log_event(r->log, LOG_INFO, "the list is read",
                  log_text("file", s->allow_list[0] != '\0' ? s->allow_list : s->deny_list),
                  log_number("info_hashes", hashlist_count(list.list)));
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
    if (needs_restart(r->settings, &s))
        log_warn(r->log, "changed addresses, workers, state and database files, HTTP limits, "
                         "peer-ids, private mode and cluster wait for a restart");
    reload_use(r, &s, list);
    use_certificate(r, server);
    admin_set_token(r->admin, &token);
    log_info(r->log, "read the settings again");
    return 0;
}
