/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which file of which torrent may write to an inode: one writer alone, or any number of readers.
 * The table of writers is the process's own (all torrents on a struct disk share it) and goes by
 * device and inode, so that it does not matter by which names, hard links, symbolic links to a
 * directory or spellings of a name the file was found. Other processes are told by a kernel lock
 * (an open file description lock): exclusive while a file is being written,
 * shared while it is open to be read.
 *
 * What is certain, and where:
 *  - Two files of one process, of one torrent or of two: always.
 *  - Two processes: on every file system on which both get locks, which are all local ones, FUSE
 *    and NFS with a lock manager. Where fcntl() knows no locks (NFS without lockd), a file is still
 *    made with O_EXCL, so that of two processes that begin it only one goes on.
 *  - A claim keeps a descriptor of its file (the guard), so that the lock lasts while the cache of
 *    open files closes others. Of more than CLAIMS_GUARDS_MAX files the longest unused guard is
 *    closed. When the last descriptor of a file closes, be it the guard or a writer's, the claim
 *    remembers the file's size and time; a file that another program wrote to afterwards is noticed
 *    (CHANGED) before our next byte goes into it. The claim counts its descriptors for that: as
 *    long as one is open, our own threads may write to the file, and its time says nothing.
 *  - A seed that nobody reads from, or a paused torrent, has no file open, so there is nothing to
 *    see here. Of torrents in one state directory the database knows (owners.h),
 *    and is asked first.
 */
#ifndef PEER_STORE_CLAIMS_H
#define PEER_STORE_CLAIMS_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"

enum { CLAIMS_GUARDS_MAX = 256 };

struct claims;

/* Who claims: |owner| and |file| are the key of it, the rest is for sentences. */
struct claimant {
    const void *owner;
    size_t file;
    const char *torrent; /* its name */
    const char *dir, *path;
};

/* Keeps at most |guards_max| descriptors. NULL when memory is out. */
struct claims *claims_new(uint32_t guards_max);

/* Nothing may be claimed (asserted). NULL is legal. */
void claims_free(struct claims *c);

/* What claims_write() gives: the file's inode, and the claim's number,
 * which claims_close() asks for. */
struct claimed {
    uint64_t inode;
    uint64_t ticket; /* never 0 */
};

/* Makes |who| the writer of the file behind |fd|, which is open for writing; once more is fine.
 * EXISTS if another file of ours or another process has it, with a sentence that names both;
 * CHANGED if somebody wrote to it while no descriptor of ours was open. NOMEM. After success the
 * claim counts |fd|. */
int claims_write(struct claims *c, const struct claimant *who, int fd, struct claimed *out,
                 struct errbuf *eb);

/* Called before |fd| is closed, for which claims_write() gave |ticket|. A claim that was dropped
 * since is not looked for. 0, the ticket of a descriptor that only reads,
 * is legal and does nothing. */
void claims_close(struct claims *c, uint64_t ticket, int fd);

/* Lets |who| read from |fd|: BUSY if somebody else is writing to the file. The kernel's lock goes
 * with |fd|; there is none if |who| is its writer. */
int claims_read(struct claims *c, const struct claimant *who, int fd, struct errbuf *eb);

/* Takes the lock of claims_read() off |fd|, before its reader becomes the writer. */
void claims_unlock(int fd);

/* For a file |who| wanted to make and that is there: EXISTS with a sentence that says, as far as
 * can be told by |fd| (open for reading; -1: it could not be opened), whose it is. */
int claims_explain(struct claims *c, const struct claimant *who, int fd, struct errbuf *eb);

/* Gives up what |owner| claims: one |file|, or all with SIZE_MAX. */
void claims_drop(struct claims *c, const void *owner, size_t file);

#endif
