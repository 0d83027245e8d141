/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Decides how long a complete download stays to feed the other receivers of its swarm.
 */
#ifndef PEER_CLI_LINGERING_H
#define PEER_CLI_LINGERING_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/mono.h"

enum { LINGER_DEFAULT_S = 60 };

/* Embedded; private, but for |seconds|. */
struct lingering {
    uint64_t seconds;  /* set by the owner; 0: the download does not stay */
    uint64_t uploaded; /* at the last upload, and its time: */
    struct mono since;
};

/* The download is complete. */
void lingering_begin(struct lingering *l, uint64_t uploaded, struct mono now);

/* Whether the download may end: no connected peer wants a piece (|wanting| counts those that do),
 * or nothing was uploaded for |seconds|. */
bool lingering_is_over(struct lingering *l, uint32_t wanting, uint64_t uploaded, struct mono now);

#endif
