/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The state file, in which the peers survive a restart of the tracker (savedpeers.h reads it). A
 * thread writes it in the background: it copies a portion of a shard while it holds that shard's
 * lock, and writes the portion to the file without a lock, so that no announce waits for a disk,
 * and memory does not depend on the number of peers. A reader sees the old file or the new one,
 * never a part of it. A tracker with another number of shards can load the file.
 */
#ifndef TRACKER_DAEMON_SAVEFILE_H
#define TRACKER_DAEMON_SAVEFILE_H

#include "common/base/log.h"
#include "common/ev/loop.h"
#include "tracker/net/shards.h"

struct savefile;

/* Saves |shards| to |path| every |period_s| seconds. An error is logged, and the next save is tried
 * at the next period. All pointers are borrowed. */
int savefile_new(struct loop *l, struct shards *shards, const char *path, uint32_t period_s,
                 const struct log *log, struct savefile **out, struct errbuf *eb);

/* Saves once more before it returns, and frees |f|. NULL is legal. */
void savefile_finish(struct savefile *f);

#endif
