/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A table of the fields of struct settings. They are plain bytes, and those behind a string's end
 * are zero, so that memcmp() compares them.
 */
#include "tracker/daemon/restart.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

/*  X(name of the setting, field of struct settings, whether a change needs a restart) */
#define RESTART_TABLE(X)                                                                           \
    X("listen-http", http, RESTART_NEEDED)                                                         \
    X("listen-https", https, RESTART_NEEDED)                                                       \
    X("listen-udp", udp, RESTART_NEEDED)                                                           \
    X("listen-admin", admin, RESTART_NEEDED)                                                       \
    X("tls-cert", tls_cert, RESTART_NOT_NEEDED)                                                    \
    X("tls-key", tls_key, RESTART_NOT_NEEDED)                                                      \
    X("admin-token-file", admin_token_file, RESTART_NOT_NEEDED)                                    \
    X("admin-host", admin_hosts, RESTART_NOT_NEEDED)                                               \
    X("user", user, RESTART_NEEDED)                                                                \
    X("trusted-proxy", proxies, RESTART_NEEDED)                                                    \
    X("exempt-network", tracker.exempt, RESTART_NOT_NEEDED)                                        \
    X("external-address", tracker.external, RESTART_NOT_NEEDED)                                    \
    X("state-file", state_file, RESTART_NEEDED)                                                    \
    X("allow-list", allow_list, RESTART_NOT_NEEDED)                                                \
    X("deny-list", deny_list, RESTART_NOT_NEEDED)                                                  \
    X("database", database, RESTART_NEEDED)                                                        \
    X("announce-url", announce_urls, RESTART_NOT_NEEDED)                                           \
    X("cluster", cluster, RESTART_NEEDED)                                                          \
    X("cluster-password-file", cluster_password_file, RESTART_NEEDED)                              \
    X("cluster-ca", cluster_ca, RESTART_NEEDED)                                                    \
    X("cluster-secret-file", cluster_secret_file, RESTART_NEEDED)                                  \
    X("cluster-name", cluster_name, RESTART_NEEDED)                                                \
    X("interval", tracker.interval, RESTART_NOT_NEEDED)                                            \
    X("min-interval", tracker.min_interval, RESTART_NOT_NEEDED)                                    \
    X("numwant", tracker.numwant_default, RESTART_NOT_NEEDED)                                      \
    X("numwant-max", tracker.numwant_max, RESTART_NOT_NEEDED)                                      \
    X("torrents-max", tracker.torrents_max, RESTART_NOT_NEEDED)                                    \
    X("peers-max", tracker.peers_max, RESTART_NOT_NEEDED)                                          \
    X("torrent-peers-max", tracker.torrent_peers_max, RESTART_NOT_NEEDED)                          \
    X("address-peers", tracker.address_peers, RESTART_NOT_NEEDED)                                  \
    X("peer-ids", tracker.peer_ids, RESTART_NEEDED)                                                \
    X("workers", workers, RESTART_NEEDED)                                                          \
    X("rate-limit", rate_limit, RESTART_NOT_NEEDED)                                                \
    X("connections-max", connections_max, RESTART_NEEDED)                                          \
    X("http-timeout", http_timeout_s, RESTART_NEEDED)                                              \
    X("udp-buffer", udp_buffer, RESTART_NEEDED)                                                    \
    X("save-interval", save_period_s, RESTART_NEEDED)                                              \
    X("cluster-unsealed", unsealed, RESTART_NOT_NEEDED)                                            \
    X("private", is_private, RESTART_NEEDED)                                                       \
    X("accounts-interval", accounts_period_s, RESTART_NEEDED)                                      \
    X("accounts-max", accounts_max, RESTART_NEEDED)                                                \
    X("user-sessions", user_sessions, RESTART_NOT_NEEDED)                                          \
    X("user-torrent-sessions", torrent_sessions, RESTART_NOT_NEEDED)                               \
    X("user-rate-limit", user_rate, RESTART_NOT_NEEDED)                                            \
    X("session-retention", retention_days, RESTART_NEEDED)                                         \
    X("rate-possible", rate_possible_mbit, RESTART_NEEDED)                                         \
    X("log-level", log_level, RESTART_NOT_NEEDED)                                                  \
    X("log-format", log_json, RESTART_NOT_NEEDED)

static const struct {
    const char *name;
    size_t offset, size;
    enum restart_when when;
} rows[] = {
#define X(name, field, when)                                                                       \
    {name, offsetof(struct settings, field), sizeof(((struct settings *)NULL)->field), when},
    RESTART_TABLE(X)
#undef X
};

enum { ROW_COUNT = sizeof(rows) / sizeof(rows[0]) };

int
restart_when(const char *name, enum restart_when *out)
{
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            *out = rows[i].when;
            return 0;
        }
    }
    return SPRAT_E_NOTFOUND;
}

static void
add_name(char names[RESTART_NAMES_MAX], const char *name)
{
    size_t len = strlen(names);

    snprintf(names + len, RESTART_NAMES_MAX - len, "%s%s", len > 0 ? ", " : "", name);
}

void
restart_hold(const struct settings *in_use, struct settings *s, char names[RESTART_NAMES_MAX])
{
    names[0] = '\0';
    for (size_t i = 0; i < ROW_COUNT; i++) {
        const char *old = (const char *)in_use + rows[i].offset;
        char *new = (char *)s + rows[i].offset;

        if (rows[i].when == RESTART_NOT_NEEDED || memcmp(old, new, rows[i].size) == 0)
            continue;
        add_name(names, rows[i].name);
        memcpy(new, old, rows[i].size);
    }
}
