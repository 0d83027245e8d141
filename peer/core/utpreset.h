/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Answers clients that try uTP (BEP 29) first, which Sprat does not support, with a RESET, so that
 * they connect by TCP at once. Without the RESET such a client waits some seconds for its timeout,
 * since most clients ignore ICMP errors of the UDP socket that they use for all connections.
 *
 * No state is kept per client, and the source address of a packet may be forged. Therefore only a
 * well-formed SYN is answered, the answer is never longer than the SYN, and the answers are limited
 * per site and in total. A keyed hash maps a site to its limit, so a few sites share one limit, and
 * no outsider knows which. A client whose answer is suppressed waits for its timeout.
 *
 *  offset  size  header of all uTP packets
 *  0       1     type (high 4 bits: 3 RESET, 4 SYN) and version (low 4 bits: 1)
 *  1       1     kind of the first extension; 0: none
 *  2       2     connection id
 *  4       4     timestamp, µs
 *  8       4     difference of timestamps, µs
 *  12      4     window, bytes
 *  16      2     sequence number
 *  18      2     acknowledgement number
 *  Extensions follow: kind of the next one (1), length (1), that many bytes.
 */
#ifndef PEER_CORE_UTPRESET_H
#define PEER_CORE_UTPRESET_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/endpoint.h"
#include "common/base/mono.h"

enum {
    UTPRESET_LEN = 20,        /* bytes of a RESET, and of the shortest SYN */
    UTPRESET_SYN_MAX = 576,   /* longest SYN: a SYN carries no data */
    UTPRESET_SITES = 1024,    /* number of per-site limits */
    UTPRESET_SITE_BURST = 16, /* answers to a site in one burst */
    UTPRESET_SITE_PER_S = 2,  /* answers per second to a site in the long run */
    UTPRESET_BURST = 512,     /* the same for all sites together */
    UTPRESET_PER_S = 256,
};

/* A token bucket in thousandths of an answer. */
struct utpreset_bucket {
    uint32_t milli;
    struct mono at; /* when tokens were last added */
};

/* Embedded; private except for the counts. */
struct utpreset {
    uint64_t key[2];
    struct utpreset_bucket total, sites[UTPRESET_SITES];
    uint64_t answered;
    uint64_t limited; /* SYNs that the limits left without an answer */
    uint64_t ignored; /* packets that are not a well-formed SYN */
};

/* |key| must be random and secret. */
void utpreset_init(struct utpreset *u, const uint64_t key[2], struct mono now);

/* Examines a packet of |len| bytes at |data| from |from|. Returns the length of the answer in
 * |reply|, or 0 for no answer. */
size_t utpreset_answer(struct utpreset *u, const struct endpoint *from, const uint8_t *data,
                       size_t len, uint8_t reply[UTPRESET_LEN], struct mono now);

#endif
