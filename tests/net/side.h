/* SPDX-License-Identifier: BSD-2-Clause
 *
 * One end of an emulated link: a network namespace without a name, with a TUN device in it whose
 * packets are ours. It lasts as long as a process holds it open, so nothing is left behind however
 * that process ends.
 */
#ifndef TESTS_NET_SIDE_H
#define TESTS_NET_SIDE_H

#include <stdint.h>
#include <sys/types.h>

#include "common/base/err.h"

enum {
    SIDES = 2,
    SIDE_NET_FD = 60, /* the holder's descriptor of side n is this plus n */
    SIDE_MTU = 1500,
};

/* The process becomes one that may make namespaces, in a user namespace of its own if need be.
 * Needs a process with one thread. */
int side_prepare(struct errbuf *eb);

/* Makes side |n|, 10.77.0.(n + 1) in 10.77.0.0/24, and leaves the process inside. |congestion| (may
 * be NULL) names TCP's congestion control in it. Gives the TUN's descriptor, which does not
 * block. */
int side_open(unsigned n, const char *congestion, int *tun, struct errbuf *eb);

/* Goes into side |n| of the link that process |holder| runs. */
int side_enter(pid_t holder, unsigned n, struct errbuf *eb);

#endif
