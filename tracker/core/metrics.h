/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The tracker's metrics in Prometheus' text format and as JSON, both made from one table. The
 * caller provides the numbers.
 */
#ifndef TRACKER_CORE_METRICS_H
#define TRACKER_CORE_METRICS_H

#include <stdint.h>

#include "common/ds/buf.h"

/*  X(name, type, text). A counter's name in Prometheus ends in _total, as is the custom there. */
#define METRICS_TABLE(X)                                                                           \
    X(announces, counter, "valid announces")                                                       \
    X(http_announces, counter, "announces that came over HTTP or HTTPS")                           \
    X(scrapes, counter, "torrents that were scraped")                                              \
    X(refused, counter, "announces of torrents that are not served")                               \
    X(denied, counter, "requests that a private tracker refused")                                  \
    X(throttled, counter, "requests beyond the rate limit of their address")                       \
    X(shed, counter, "small torrents of busy addresses removed to make room")                      \
    X(displaced, counter, "peers replaced by another peer at the same address")                    \
    X(withheld, counter, "times that a peer with a loopback address was left out of an answer")    \
    X(http_errors, counter, "HTTP requests answered by a failure or an error status")              \
    X(http_tls_hellos, counter, "connections that began TLS at an address for plain HTTP")         \
    X(udp_errors, counter, "UDP packets answered by an error")                                     \
    X(udp_ignored, counter, "UDP packets that were not requests and got no answer")                \
    X(udp_dropped, counter, "UDP packets that the kernel dropped because the buffer was full")     \
    X(torrents, gauge, "torrents with peers")                                                      \
    X(peers_ipv4, gauge, "IPv4 peers of all torrents")                                             \
    X(peers_ipv6, gauge, "IPv6 peers of all torrents")                                             \
    X(listed, gauge, "info-hashes on the allow-list or deny-list")                                 \
    X(http_connections, gauge, "HTTP connections that are open")                                   \
    X(cluster_connected, gauge, "shards of this tracker that are connected to Redis")              \
    X(cluster_commands, counter, "commands sent to Redis")                                         \
    X(cluster_fetches, counter, "times that a torrent's peers were fetched from Redis")            \
    X(cluster_parked, counter, "requests that waited for Redis")                                   \
    X(cluster_waiting, gauge, "changes that Redis has not confirmed yet")                          \
    X(cluster_dropped, counter,                                                                    \
      "changes for Redis that were dropped because too many were waiting")                         \
    X(cluster_errors, counter, "error replies of Redis")                                           \
    X(workers, gauge, "threads that answer requests")                                              \
    X(members, gauge, "users of a private tracker")                                                \
    X(members_missing, gauge,                                                                      \
      "1 while a tracker of a private fleet has no complete table of users")                       \
    X(registered, gauge, "torrents in a private tracker's database, removed ones included")        \
    X(accounts_waiting, gauge, "sessions whose counters are not in the database yet")              \
    X(accounts_stored, counter, "sessions whose counters were stored in the database")             \
    X(accounts_flushes, counter, "times that counters were stored")                                \
    X(accounts_failures, counter, "times that the database could not store counters")              \
    X(accounts_failing, gauge, "1 if the last attempt to store counters failed")                   \
    X(accounts_signals, counter, "signals about users that a person should look at")               \
    X(keeper_seen, gauge, "1 while the private fleet has a keeper")                                \
    X(keeper_batches, counter, "batches of other trackers' accounts that were stored")             \
    X(https_handshakes, counter, "TLS handshakes that succeeded")                                  \
    X(https_handshakes_failed, counter, "TLS handshakes that failed or were given up")             \
    X(https_refused, counter,                                                                      \
      "connections closed because their address began too many handshakes")                        \
    X(https_certificate_until, gauge, "end of the HTTPS certificate, Unix seconds; 0: none")       \
    X(uptime_seconds, gauge, "seconds since the start")                                            \
    X(memory_bytes, gauge, "resident memory of the process")                                       \
    X(cpu_milliseconds, counter, "processor time of the process")

struct metrics {
#define X(name, type, text) uint64_t name;
    METRICS_TABLE(X)
#undef X
};

/* Both append to |out| and return its error. */
int metrics_put_prometheus(const struct metrics *m, struct buf *out);
int metrics_put_json(const struct metrics *m, struct buf *out);

#endif
