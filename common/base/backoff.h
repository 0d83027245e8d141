/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The pauses between tries that fail: each twice as long as the one before, up to a limit, and half
 * of it by chance, so that many clients of a server that comes back do not come at once.
 */
#ifndef COMMON_BASE_BACKOFF_H
#define COMMON_BASE_BACKOFF_H

#include "common/base/rng.h"

/* Embedded; all zero: nothing has failed. */
struct backoff {
    uint32_t ms; /* the longest that the last pause could be; 0: the last try was good */
};

/* After a try that failed: how long to wait, in milliseconds, from half of |b->ms| up to it.
 * |b->ms| is |min_ms| first and doubles up to |max_ms|. */
uint32_t backoff_next(struct backoff *b, uint32_t min_ms, uint32_t max_ms, struct rng *rng);

/* After a try that was good. */
void backoff_reset(struct backoff *b);

#endif
