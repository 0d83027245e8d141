/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What spratd tells its service manager while it runs: a line about its torrents, which "systemctl
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
    uint32_t waiting;                    /* should be fetched, and nothing moves */
    char first[UNITSTATUS_TEXT_MAX];     /* "NAME: WHY" of one of these */
};

/* The line, safe to show: "2 torrents: 1 downloading, 1 seeding; 0 B/s down, 1.5 MiB/s up; 1 waits:
 * album: paused by a full disk". Returns |out|. */
const char *unitstatus_text(const struct unitstatus_sums *sums, char out[UNITSTATUS_TEXT_MAX]);

/* Tells the manager from now on, from a timer of |d|'s loop, until |d| stops. Where there is no
 * manager, |*out| is NULL. NOMEM. */
struct unitstatus;
int unitstatus_new(struct daemon *d, struct unitstatus **out, struct errbuf *eb);

/* NULL is legal. */
void unitstatus_free(struct unitstatus *u);

#endif
