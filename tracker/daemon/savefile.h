/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The file that the tracker's peers survive a restart in. It is written in the background: the
 * shards in portions from the loop, the file by a thread of its own, so that no announce waits for
 * a disk. A reader sees the old file or the new one, never half of it. The number of shards may be
 * another at the next start.
 */
#ifndef TRACKER_DAEMON_SAVEFILE_H
#define TRACKER_DAEMON_SAVEFILE_H

#include "common/base/log.h"
#include "common/ev/loop.h"
#include "tracker/net/shards.h"

#define SAVEFILE_MAX ((size_t)1 << 36) /* bytes that are written or read */

/* What a file held, before there is a tracker to put it into. Embedded; starts as all zero. */
struct saved {
    struct snapshot_head head;
    uint8_t *data; /* NULL: nothing */
    size_t len;
};

/* Reads the file. One that is not there is nothing; one that is no good is said in |log|, and set
 * aside under its name with ".bad" behind it, since the next save would replace it. */
void saved_read(struct saved *s, const char *path, const struct log *log);

/* Puts it into |shards|, which were made with the head's seed if there is one, and says how many
 * peers that were. */
void saved_load(const struct saved *s, struct shards *shards, const struct log *log);
void saved_fini(struct saved *s);

struct savefile;

/* Saves |shards| to |path| every |period_s| seconds. All are borrowed. */
int savefile_new(struct loop *l, struct shards *shards, const char *path, uint32_t period_s,
                 const struct log *log, struct savefile **out, struct errbuf *eb);

/* Saves once more, while the caller waits, and frees it. NULL is legal. */
void savefile_finish(struct savefile *f);

#endif
