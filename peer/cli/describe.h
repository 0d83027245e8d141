/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Describes torrents and magnet links as text and as JSON, for show, create and seed.
 */
#ifndef PEER_CLI_DESCRIBE_H
#define PEER_CLI_DESCRIBE_H

#include <jansson.h>

#include "common/codec/magnet.h"
#include "common/codec/metainfo.h"

/* Returns "v1", "v2" or "hybrid". */
const char *describe_format(bool v1, bool v2);

/* Returns the number of files in |mi|, without padding files (BEP 47). */
size_t describe_count_files(const struct metainfo *mi);

/* Makes an object with the keys that `show --json` promises. NULL when memory is out. For a magnet
 * link, keys that only the torrent file knows are null. */
json_t *describe_json(const struct metainfo *mi);
json_t *describe_magnet_json(const struct magnet *m);

/* Prints the same facts as text on standard output. */
void describe_text(const struct metainfo *mi);
void describe_magnet_text(const struct magnet *m);

/* Prints the result of `create`: file, info-hashes, and a note if there is one. */
void describe_created(const struct metainfo *mi, const char *path, const char *note);

/* Adds the members "info_hash_v1", "info_hash_v2" (hex or null) to |o|. */
void describe_put_hashes(json_t *o, const uint8_t *v1, const uint8_t *v2);

#endif
