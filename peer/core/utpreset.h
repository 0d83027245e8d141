/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The answer to a client that tries uTP (BEP 29) first, which we don't speak: a reset, upon which
 * it comes by TCP at once. Without it the client waits for its time-out of some seconds, since most
 * clients ignore ICMP errors of a UDP socket that they use for everything.
 *
 * Nothing is kept of who asked, and who asks need not be at the address that the packet names. So
 * nothing but a well-formed SYN is answered, the answer is never longer than the question, and the
 * answers are limited for each site and in total. A site's limit is found by a keyed hash, so a few
 * sites share one; nobody outside knows which. Whose answer is dropped waits for the time-out.
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
    UTPRESET_LEN = 20,          /* of the answer, and the least of a question */
    UTPRESET_SYN_MAX = 576,     /* a longer packet is no SYN: it carries no data */
    UTPRESET_SITES = 1024,      /* limits of sites */
    UTPRESET_SITE_BURST = 16,   /* answers to a site at once, … */
    UTPRESET_SITE_PER_S = 2,    /* … and after that in a second */
    UTPRESET_BURST = 512,       /* the same of all sites together */
    UTPRESET_PER_S = 256,
};

/* A token bucket in thousandths of an answer. */
struct utpreset_bucket {
    uint32_t milli;
    struct mono at; /* when it was filled last */
};

/* Embedded; private but for the counts. */
struct utpreset {
    uint64_t key[2];
    struct utpreset_bucket total, sites[UTPRESET_SITES];
    uint64_t answered;
    uint64_t limited; /* SYNs without an answer, for the limits */
    uint64_t ignored; /* packets that are no SYN */
};

/* |key| is random and secret. */
void utpreset_init(struct utpreset *u, const uint64_t key[2], struct mono now);

/* Judges the |len| bytes at |data| that came from |from|. Returns the length of the answer in
 * |reply|, or 0: there is none. */
size_t utpreset_answer(struct utpreset *u, const struct endpoint *from, const uint8_t *data,
                       size_t len, uint8_t reply[UTPRESET_LEN], struct mono now);

#endif
