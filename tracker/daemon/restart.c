/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A table of the fields of struct settings; settings_row() has their names. The fields are plain
 * bytes, and those behind a string's end are zero, so that memcmp() compares them.
 */
#include "tracker/daemon/restart.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

/*  X(field of struct settings, whether a change needs a restart) */
#define RESTART_TABLE(X)                                                                           \
    X(http, RESTART_NEEDED)                                                                        \
    X(https, RESTART_NEEDED)                                                                       \
    X(udp, RESTART_NEEDED)                                                                         \
    X(admin, RESTART_NEEDED)                                                                       \
    X(tls_cert, RESTART_NOT_NEEDED)                                                                \
    X(tls_key, RESTART_NOT_NEEDED)                                                                 \
    X(admin_token_file, RESTART_NOT_NEEDED)                                                        \
    X(admin_hosts, RESTART_NOT_NEEDED)                                                             \
    X(user, RESTART_NEEDED)                                                                        \
    X(proxies, RESTART_NEEDED)                                                                     \
    X(tracker.exempt, RESTART_NOT_NEEDED)                                                          \
    X(tracker.external, RESTART_NOT_NEEDED)                                                        \
    X(state_file, RESTART_NEEDED)                                                                  \
    X(allow_list, RESTART_NOT_NEEDED)                                                              \
    X(deny_list, RESTART_NOT_NEEDED)                                                               \
    X(database, RESTART_NEEDED)                                                                    \
    X(announce_urls, RESTART_NOT_NEEDED)                                                           \
    X(cluster, RESTART_NEEDED)                                                                     \
    X(cluster_password_file, RESTART_NEEDED)                                                       \
    X(cluster_ca, RESTART_NEEDED)                                                                  \
    X(cluster_secret_file, RESTART_NEEDED)                                                         \
    X(cluster_name, RESTART_NEEDED)                                                                \
    X(tracker.interval, RESTART_NOT_NEEDED)                                                        \
    X(tracker.min_interval, RESTART_NOT_NEEDED)                                                    \
    X(tracker.numwant_default, RESTART_NOT_NEEDED)                                                 \
    X(tracker.numwant_max, RESTART_NOT_NEEDED)                                                     \
    X(tracker.torrents_max, RESTART_NOT_NEEDED)                                                    \
    X(tracker.peers_max, RESTART_NOT_NEEDED)                                                       \
    X(tracker.torrent_peers_max, RESTART_NOT_NEEDED)                                               \
    X(tracker.address_peers, RESTART_NOT_NEEDED)                                                   \
    X(tracker.peer_ids, RESTART_NEEDED)                                                            \
    X(workers, RESTART_NEEDED)                                                                     \
    X(rate_limit, RESTART_NOT_NEEDED)                                                              \
    X(connections_max, RESTART_NEEDED)                                                             \
    X(http_timeout_s, RESTART_NEEDED)                                                              \
    X(udp_buffer, RESTART_NEEDED)                                                                  \
    X(save_period_s, RESTART_NEEDED)                                                               \
    X(unsealed, RESTART_NOT_NEEDED)                                                                \
    X(is_private, RESTART_NEEDED)                                                                  \
    X(accounts_period_s, RESTART_NEEDED)                                                           \
    X(accounts_max, RESTART_NEEDED)                                                                \
    X(user_sessions, RESTART_NOT_NEEDED)                                                           \
    X(torrent_sessions, RESTART_NOT_NEEDED)                                                        \
    X(user_rate, RESTART_NOT_NEEDED)                                                               \
    X(retention_days, RESTART_NEEDED)                                                              \
    X(rate_possible_mbit, RESTART_NEEDED)                                                          \
    X(log_level, RESTART_NOT_NEEDED)                                                               \
    X(log_json, RESTART_NOT_NEEDED)

static const struct {
    size_t offset;
    enum restart_when when;
} rows[] = {
#define X(field, when) {offsetof(struct settings, field), when},
    RESTART_TABLE(X)
#undef X
};

/* Returns in |*out| when a change of |s| takes effect. NOTFOUND: it is not in the table. */
static int
find_row(const struct setting *s, enum restart_when *out)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].offset == s->offset) {
            *out = rows[i].when;
            return 0;
        }
    }
    return SPRAT_E_NOTFOUND;
}

int
restart_when(const char *name, enum restart_when *out)
{
    const struct setting *s;

    for (size_t i = 0; (s = settings_row(i)) != NULL; i++)
        if (strcmp(s->name, name) == 0)
            return find_row(s, out);
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
    const struct setting *each;
    enum restart_when when;

    names[0] = '\0';
    for (size_t i = 0; (each = settings_row(i)) != NULL; i++) {
        const char *old = (const char *)in_use + each->offset;
        char *new = (char *)s + each->offset;

        if (find_row(each, &when) != 0 || when == RESTART_NOT_NEEDED ||
            memcmp(old, new, each->size) == 0)
            continue;
        add_name(names, each->name);
        memcpy(new, old, each->size);
    }
}
