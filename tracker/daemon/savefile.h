/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The state file, in which the peers survive a restart of the tracker. It is written in the
 * background: the loop copies the shards in portions, and a thread writes the file, so that no
 * announce waits for a disk. A reader sees the old file or the new one, never a part of it. A
 * tracker with another number of shards can load the file.
 */
#ifndef TRACKER_DAEMON_SAVEFILE_H
#define TRACKER_DAEMON_SAVEFILE_H

#include "common/base/log.h"
#include "common/ev/loop.h"
#include "tracker/net/shards.h"

#define SAVEFILE_MAX ((size_t)1 << 36) /* bytes that are written or read */

/* The content of a state file that was read before the shards exist. Embedded; starts as all zero.
 */
struct saved {
    struct snapshot_head head;
    uint8_t *data; /* NULL: no peers */
    size_t len;
};

/* Reads the file. A missing file leaves |s| empty. A damaged file is logged, and renamed by
 * appending ".bad", since the next save would replace it. */
void saved_read(struct saved *s, const char *path, const struct log *log);

/* Loads the peers into |shards|, which must use the seed of |head| if there is one, and logs their
 * number. */
void saved_load(const struct saved *s, struct shards *shards, const struct log *log);
void saved_fini(struct saved *s);

struct savefile;

/* Saves |shards| to |path| every |period_s| seconds. All pointers are borrowed. */
int savefile_new(struct loop *l, struct shards *shards, const char *path, uint32_t period_s,
                 const struct log *log, struct savefile **out, struct errbuf *eb);

/* Saves once more before it returns, and frees |f|. NULL is legal. */
void savefile_finish(struct savefile *f);

#endif
