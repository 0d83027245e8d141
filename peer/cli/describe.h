/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Torrents and magnet links in words and as JSON, for show, create and seed.
 */
#ifndef PEER_CLI_DESCRIBE_H
#define PEER_CLI_DESCRIBE_H

#include <jansson.h>

#include "common/codec/magnet.h"
#include "common/codec/metainfo.h"

/* "v1", "v2", "hybrid". */
const char *describe_format(bool v1, bool v2);

/* The magnet link of |mi|, to be freed; NULL when memory is out. */
char *describe_magnet_of(const struct metainfo *mi);

/* One object with the keys that `show --json` promises. NULL when memory is out. A magnet link's
 * has null for what only the torrent file knows. */
json_t *describe_json(const struct metainfo *mi);
json_t *describe_magnet_json(const struct magnet *m);

/* The same for people, on standard output. */
void describe_text(const struct metainfo *mi);
void describe_magnet_text(const struct magnet *m);

/* What `create` says at the end: file, info-hashes, and a note if there is one. */
void describe_created(const struct metainfo *mi, const char *path, const char *note);

/* Members "info_hash_v1", "info_hash_v2" (hex or null) of |o|. */
void describe_put_hashes(json_t *o, const uint8_t *v1, const uint8_t *v2);

#endif
