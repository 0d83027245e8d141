/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Why a file of a torrent is not found where the torrent has it: a link that is not followed, or
 * the same name in another form. Reads names only.
 */
#ifndef PEER_STORE_LOOKALIKE_H
#define PEER_STORE_LOOKALIKE_H

#include <stdbool.h>

#include "common/base/err.h"

enum { LOOKALIKE_NAMES_MAX = 100 * 1000 }; /* of a directory that are looked at */

/* True and a sentence if there is something to say about |rel|, a safe relative path, below |dir|.
 */
bool lookalike_find(const char *dir, const char *rel, struct errbuf *why);

#endif
