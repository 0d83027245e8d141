/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A class of links for tests: two ends joined by memory, without any file descriptor. Each end
 * holds the bytes on their way to it, up to a maximum, so that a writer is blocked when the other
 * end does not read.
 */
#ifndef TESTS_UNIT_NET_MEMPAIR_H
#define TESTS_UNIT_NET_MEMPAIR_H

#include "peer/net/link.h"

struct mempair {
    struct memlink *ends[2]; /* NULL once freed */
    size_t read_max;         /* bytes that one read yields at most */
    size_t room;             /* bytes that may be on their way to an end */
    bool parted[2], freed[2];
    int detached, attached; /* calls */
};

/* Makes two connected ends, |ends[0]| on loop |a| and |ends[1]| on |b|, which may be the same. */
void mempair_make(struct mempair *m, struct loop *a, struct loop *b, struct link *ends[2]);

#endif
