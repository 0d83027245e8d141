/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Chooses and remembers the listening port of a state directory. The port stays the same at every
 * start, so that a router rule or a firewall rule stays right. The file "listen-port" of the
 * directory holds it as a decimal number and a newline. Opens no socket.
 */
#ifndef PEER_ENGINE_FIXEDPORT_H
#define PEER_ENGINE_FIXEDPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"

enum {
    FIXEDPORT_FIRST = 6881, /* a state directory without a port takes the first free one of
                               these; */
    FIXEDPORT_LAST = 6899,
    FIXEDPORT_ANY_TRIES = 8, /* then attempts with a port that the kernel chooses, for all
                                families */
};

/* The port that |state_dir| remembers; 0 if there is none, or if the file can't be parsed. */
uint16_t fixedport_read(const char *state_dir);

/* Stores |port|. After an error the next start chooses a port again. */
int fixedport_write(const char *state_dir, uint16_t port, struct errbuf *eb);

/* Returns the |n|th port to try (from 0); |remembered| is the stored port, or 0 without one. Port 0
 * means any port. False at the end. */
bool fixedport_candidate(unsigned n, uint16_t remembered, uint16_t *port);

#endif
