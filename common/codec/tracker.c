/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Helper functions that the HTTP and the UDP tracker protocol share.
 */
#include "common/codec/tracker.h"

void
tracker_reply_init(struct tracker_reply *r, struct endpoint *peers, size_t max)
{
    *r = (struct tracker_reply){
        .complete = TRACKER_UNKNOWN,
        .incomplete = TRACKER_UNKNOWN,
        .downloaded = TRACKER_UNKNOWN,
        .peers = peers,
        .peers_max = max,
    };
}

void
tracker_text_copy(char *dst, size_t max, const uint8_t *src, size_t len)
{
    if (len > max)
        len = max;
    for (size_t i = 0; i < len; i++)
        dst[i] = src[i] < 0x20 || src[i] == 0x7f ? '?' : (char)src[i];
    dst[len] = '\0';
}
