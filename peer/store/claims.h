/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Keeps two torrents or two processes from writing to the same file: each inode has one writer, or
 * any number of readers. The table of writers belongs to the process (all torrents on a struct disk
 * share it). Its key is device and inode, so hard links, symbolic links and other spellings of a
 * name lead to the same entry. A kernel lock (an open file description lock) tells other processes:
 * exclusive while a file is being written, shared while a file is open for reading.
 *
 * What is certain, and where:
 *  - Two writers of one file in one process: always noticed, also within one torrent.
 *  - Two writers in two processes: noticed on every file system where both get locks, that is on
 *    all local file systems, FUSE, and NFS with a lock manager. Where fcntl() supports no locks
 *    (NFS without lockd), a new file is still created with O_EXCL, so of two processes that create
 *    it only one continues.
 *  - A claim keeps a descriptor of its file, the guard, so that the lock lasts while the cache of
 *    open files closes other descriptors. Beyond CLAIMS_GUARDS_MAX files the least recently used
 *    guard is closed. When the last descriptor of a file closes (the guard or a writer's), the
 *    claim remembers the file's size and modification time. If another program writes to the file
 *    afterwards, the next claims_write() fails with CHANGED. For this a claim counts its
 *    descriptors: while one is open, our own threads may write to the file, and its modification
 *    time proves nothing.
 *  - A seed without downloading peers and a paused torrent have no file open, so they hold no
 *    claim. The state database knows the files of all torrents in one state directory, and is asked
 *    first (owners.h).
 */
#ifndef PEER_STORE_CLAIMS_H
#define PEER_STORE_CLAIMS_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"

enum { CLAIMS_GUARDS_MAX = 256 };

struct claims;

/* The file that claims an inode. |owner| and |file| are the key of the claim; the other members are
 * for error messages. */
struct claimant {
    const void *owner;
    size_t file;
    const char *torrent; /* the torrent's name */
    const char *dir, *path;
};

/* Keeps at most |guards_max| descriptors. NULL when memory is out. */
struct claims *claims_new(uint32_t guards_max);

/* Frees the table; no claim may be left (asserted). NULL is legal. */
void claims_free(struct claims *c);

/* The result of claims_write(): the file's inode, and the claim's number, which claims_close()
 * needs. */
struct claimed {
    uint64_t inode;
    uint64_t ticket; /* never 0 */
};

/* Makes |who| the writer of the file behind |fd|, which is open for writing. Claiming a file again
 * is legal. EXISTS if another file of this process or another process has claimed the file (the
 * error message names both); CHANGED if another program wrote to the file while this process had no
 * descriptor of it open; NOMEM. After success the claim counts |fd|. */
int claims_write(struct claims *c, const struct claimant *who, int fd, struct claimed *out,
                 struct errbuf *eb);

/* Must be called before |fd| is closed; |ticket| is what claims_write() returned for |fd|. If the
 * claim was dropped since, the call does nothing. Ticket 0 (a descriptor that only reads) is legal
 * and does nothing. */
void claims_close(struct claims *c, uint64_t ticket, int fd);

/* Lets |who| read from |fd|: BUSY if another torrent or process is writing to the file. The kernel
 * drops the shared lock when |fd| closes; a reader that is also the file's writer takes no lock. */
int claims_read(struct claims *c, const struct claimant *who, int fd, struct errbuf *eb);

/* Takes the lock of claims_read() off |fd|, before its reader becomes the writer. */
void claims_unlock(int fd);

/* Explains why |who| can't create a file that exists already: returns EXISTS with a message that
 * says which torrent or program has the file, as far as |fd| shows (open for reading; -1: the file
 * could not be opened). */
int claims_explain(struct claims *c, const struct claimant *who, int fd, struct errbuf *eb);

/* Drops the claims of |owner|: on one |file|, or on all files with SIZE_MAX. */
void claims_drop(struct claims *c, const void *owner, size_t file);

#endif
