/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A short list of networks, as an operator names them, and the question whether an address is in
 * one of them.
 */
#ifndef TRACKER_CORE_NETSET_H
#define TRACKER_CORE_NETSET_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/endpoint.h"

enum { NETSET_MAX = 32 };

/* Embedded; starts as all zero: empty. */
struct netset {
    struct {
        struct endpoint base;
        uint8_t bits; /* of the address that count */
    } nets[NETSET_MAX];
    size_t count;
};

/* Adds the network of the addresses whose first |bits| bits are those of |base|. SPRAT_E_LIMIT. */
int netset_add(struct netset *s, const struct endpoint *base, unsigned bits);

/* Whether |e| is in one of the networks. The port does not count. */
bool netset_has(const struct netset *s, const struct endpoint *e);

#endif
