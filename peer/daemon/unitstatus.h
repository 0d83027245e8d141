/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reports to the service manager while spratd runs: a line about the torrents, which "systemctl
 * status spratd" shows, and that every loop is alive, which the manager's watchdog waits for.
 */
#ifndef PEER_DAEMON_UNITSTATUS_H
#define PEER_DAEMON_UNITSTATUS_H

#include "peer/daemon/daemon.h"

enum { UNITSTATUS_TEXT_MAX = 600 };

/* Sums over all torrents. */
struct unitstatus_sums {
    uint32_t count[TORRENT_STOPPED + 1]; /* by state */
    uint64_t down_rate, up_rate;         /* bytes/s */
    uint32_t waiting;                    /* torrents that should download but whose data does not
                                            move */
    char first[UNITSTATUS_TEXT_MAX];     /* "NAME: WHY" of the first waiting torrent */
};

/* Writes the line, safe to show: "2 torrents: 1 downloading, 1 seeding; 0 B/s down, 1.5 MiB/s up; 1
 * waits: album: paused by a full disk". Returns |out|. */
const char *unitstatus_text(const struct unitstatus_sums *sums, char out[UNITSTATUS_TEXT_MAX]);

/* Starts the reports, from a timer of |d|'s loop, until |d| stops. Without a manager, |*out| is
 * NULL. NOMEM. */
struct unitstatus;
int unitstatus_new(struct daemon *d, struct unitstatus **out, struct errbuf *eb);

/* NULL is legal. */
void unitstatus_free(struct unitstatus *u);

#endif
