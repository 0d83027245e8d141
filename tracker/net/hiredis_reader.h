/* SPDX-License-Identifier: BSD-2-Clause
 *
 * hiredis' reader in its versions, for who gives it functions of his own to make replies.
 */
#ifndef TRACKER_NET_HIREDIS_READER_H
#define TRACKER_NET_HIREDIS_READER_H

#include <hiredis/hiredis.h>

#if HIREDIS_MAJOR >= 1

/* The number of an array's elements. */
typedef size_t hiredis_count;

/* Types that only RESP3 has, which nobody asked for: without functions for them, hiredis would give
 * their numbers for pointers to replies. */
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
