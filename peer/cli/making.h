/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What create and seed tell a person who makes a torrent: mistakes that nothing refuses, and who
 * can't fetch it.
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

/* A sentence on programs that can't load a hybrid, for who made one by create or by seed; NULL for
 * other formats. */
const char *making_format_note(const struct metainfo *mi, bool by_create);

#endif
