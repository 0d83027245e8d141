/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Each number comes from the part that counts it.
 */
#include "tracker/daemon/numbers.h"

#include "tracker/daemon/machine.h"

static uint64_t
certificate_until(const struct numbers *n)
{
    struct tls_server *server;
    int64_t until;

    if (n->common->certs == NULL)
        return 0;
    server = certbox_get(n->common->certs);
    until = tls_server_valid_until(server);
    tls_server_drop(server);
    return until > 0 ? (uint64_t)until : 0;
}

static void
gather_books(const struct flusher_stats *s, struct metrics *m)
{
    m->accounts_waiting = s->waiting;
    m->accounts_stored = s->entries;
    m->accounts_flushes = s->flushes;
    m->accounts_failures = s->failures;
    m->accounts_failing = s->failing;
    m->accounts_signals = s->signals;
}

static void
gather_fleet(const struct courier *courier, struct metrics *m)
{
    struct courier_stats s;

    courier_get_stats(courier, &s);
    if (s.is_branch)
        gather_books(&s.books, m);
    m->accounts_signals += s.keeper_signals;
    m->keeper_seen = s.keeper_seen;
    m->keeper_batches = s.keeper_batches;
}

static void
gather_private(const struct numbers *n, struct metrics *m)
{
    struct flusher_stats s;
    struct access_counts c;

    members_counts(n->common->members, &c);
    m->members = c.users;
    m->registered = c.torrents;
    m->members_missing = c.loading;
    if (n->accountant != NULL) {
        accountant_get_stats(n->accountant, &s);
        gather_books(&s, m);
    }
    if (n->courier != NULL)
        gather_fleet(n->courier, m);
}

void
numbers_gather(const struct numbers *n, struct metrics *m)
{
    struct tracker_stats s;

    shards_stats(n->common->shards, &s);
    *m = (struct metrics){
        .announces = s.announces,
        .scrapes = s.scrapes,
        .refused = s.refused,
        .shed = s.shed,
        .displaced = s.displaced,
        .withheld = s.withheld,
        .torrents = s.torrents,
        .peers_ipv4 = s.peers4,
        .peers_ipv6 = s.peers6,
        .listed = n->list->list != NULL ? hashlist_count(n->list->list) : 0,
        .uptime_seconds = (uint64_t)(mono_diff_ms(loop_now(n->loop), n->started_at) / 1000),
        .memory_bytes = machine_memory_bytes(),
        .https_certificate_until = certificate_until(n),
        .cpu_milliseconds = machine_cpu_ms(),
        .workers = n->common->nworkers,
        .cluster_connected = s.cluster_connected,
        .cluster_commands = s.cluster.commands,
        .cluster_fetches = s.cluster.fetches,
        .cluster_waiting = s.cluster.waiting,
        .cluster_dropped = s.cluster.dropped,
        .cluster_errors = s.cluster.errors,
    };
    worker_count_all(n->common, m);
    if (n->common->members != NULL)
        gather_private(n, m);
}

void
numbers_log(const struct numbers *n)
{
    struct metrics m;

    numbers_gather(n, &m);
    log_event(n->common->log, LOG_INFO, "stopped", log_number("announces", m.announces),
              log_number("scrapes", m.scrapes), log_number("errors", m.http_errors + m.udp_errors),
              log_number("torrents", m.torrents), log_number("peers_ipv4", m.peers_ipv4),
              log_number("peers_ipv6", m.peers_ipv6),
              log_number("uptime_seconds", m.uptime_seconds));
}
