/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reads the state file (savefile.h) when the tracker starts. The file is read twice, block by
 * block, so that memory does not depend on its length: the first time its checksum and its
 * structure are checked, the second time its peers are loaded. No peer of a damaged file is loaded.
 * The first reading remembers a hash of each block, and the second one loads only blocks that have
 * the same hash: if somebody writes to the file meanwhile, loading stops there.
 */
#ifndef TRACKER_DAEMON_SAVEDPEERS_H
#define TRACKER_DAEMON_SAVEDPEERS_H

#include "common/base/log.h"
#include "tracker/core/snapshot.h"
#include "tracker/net/shards.h"

#define SAVEDPEERS_FILE_MAX ((size_t)1 << 36) /* bytes of a state file that is read */

struct savedpeers;

/* Opens and checks the file. NULL if there is no peer to load: a missing file is not logged, other
 * errors are. A damaged file is renamed by appending ".bad", since the next save would replace it.
 */
struct savedpeers *savedpeers_open(const char *path, const struct log *log);

const struct snapshot_head *savedpeers_head(const struct savedpeers *p);

/* Loads the peers into |shards|, which must use the seed of the head, and logs their number. After
 * an error the peers that were loaded before stay. */
void savedpeers_load(struct savedpeers *p, struct shards *shards, const struct log *log);

/* NULL is legal. */
void savedpeers_free(struct savedpeers *p);

#endif
