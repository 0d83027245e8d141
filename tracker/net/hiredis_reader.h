/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Differences between the versions of hiredis, for code that gives its reader callbacks to build
 * replies.
 */
#ifndef TRACKER_NET_HIREDIS_READER_H
#define TRACKER_NET_HIREDIS_READER_H

#include <hiredis/hiredis.h>

#if HIREDIS_MAJOR >= 1

/* The type of the number of elements of an array. */
typedef size_t hiredis_count;

/* Callbacks for types that only RESP3 has, which Redis must not send to us: without these callbacks
 * hiredis would return numbers in place of pointers. */
static inline void *
hiredis_no_double(const redisReadTask *task, double value, char *str, size_t len)
{
    (void)task;
    (void)value;
    (void)str;
    (void)len;
    return NULL;
}

static inline void *
hiredis_no_bool(const redisReadTask *task, int value)
{
    (void)task;
    (void)value;
    return NULL;
}

#define HIREDIS_NO_RESP3 .createDouble = hiredis_no_double, .createBool = hiredis_no_bool,

#else

typedef int hiredis_count; /* never below 0 */

#define HIREDIS_NO_RESP3

#endif

#endif
