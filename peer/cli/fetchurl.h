/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Fetches a torrent file by HTTP or HTTPS, for a command whose operand is a URL.
 */
#ifndef PEER_CLI_FETCHURL_H
#define PEER_CLI_FETCHURL_H

#include <stdbool.h>

#include "common/base/err.h"
#include "common/codec/metainfo.h"

enum { FETCHURL_TIMEOUT_MS = 120000 }; /* for the whole of a fetch */

/* Whether the operand |text| begins with http:// or https://, and so is no file. */
bool fetchurl_is_url(const char *text);

/* Fetches and checks the torrent file at |url|; waits for it. |ca_file| is the option --ca (may be
 * NULL). At most METAINFO_SIZE_MAX bytes are read, and FETCH_REDIRECTS_MAX redirects followed.
 * Returns 0 and |*out|, for metainfo_free(); or an error and a sentence that begins with the URL.
 */
int fetchurl_load(const char *url, const char *ca_file, struct metainfo **out, struct errbuf *eb);

#endif
