/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Shows the progress of hashing the content of a new torrent, and its rate, for create and seed.
 */
#ifndef PEER_CLI_HASHING_H
#define PEER_CLI_HASHING_H

#include "peer/cli/screen.h"

/* Embedded; private. */
struct hashing {
    struct screen *screen;
    const char *name;
    struct mono began, next;
};

/* |name| is the content's, for people. Plain lines and events come only for hashing that takes
 * long. */
void hashing_init(struct hashing *h, struct screen *screen, const char *name);

/* As create_options.progress and .notice; |hashing| is a struct hashing. */
bool hashing_on_progress(void *hashing, uint64_t done, uint64_t total);
void hashing_on_notice(void *hashing, const char *text);

#endif
