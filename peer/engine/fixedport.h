/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The port of a state directory: the number on which its peers are reached every time, so that a
 * router rule or a firewall rule stays right. It is kept in the file "listen-port" of the
 * directory, as a decimal number and a newline. Opens no socket.
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
    FIXEDPORT_ANY_TRIES = 8, /* then one that the kernel chooses, tried so often for all families */
};

/* The port that |state_dir| remembers; 0 if it remembers none, or the file can't be understood. */
uint16_t fixedport_read(const char *state_dir);

/* Remembers |port|. On an error the next start chooses again. */
int fixedport_write(const char *state_dir, uint16_t port, struct errbuf *eb);

/* The |n|th port to try (from 0) where |remembered| is known, or 0; 0: any port.
 * False at the end. */
bool fixedport_candidate(unsigned n, uint16_t remembered, uint16_t *port);

#endif
