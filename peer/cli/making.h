/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Checks and notes for users who make a torrent with create or seed: mistakes that no parser
 * rejects, and programs that can't load the torrent.
 */
#ifndef PEER_CLI_MAKING_H
#define PEER_CLI_MAKING_H

#include <stdbool.h>

#include "common/codec/metainfo.h"
#include "peer/cli/command.h"
#include "peer/cli/screen.h"

/* True for an HTTP URL without a path: most trackers answer at /announce only. */
bool making_url_lacks_path(const char *url);

/* Warns of the URLs among |trackers| that lack their path. */
void making_warn_trackers(struct screen *s, const struct cli_list *trackers);

/* A sentence about programs that can't load a hybrid torrent, for the user of create or seed; NULL
 * for other formats. */
const char *making_format_note(const struct metainfo *mi, bool by_create);

#endif
