/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The files of one torrent on disk: writes, reads and syncs ranges of files, and remembers each
 * file's stamp (size, modification time, inode), so that changes by other programs are noticed.
 * Used by several worker threads at a time. Knows files and offsets, not pieces.
 */
#ifndef PEER_STORE_FILETREE_H
#define PEER_STORE_FILETREE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "common/base/err.h"
#include "common/codec/metainfo.h"
#include "common/sys/lock.h"
#include "peer/store/claims.h"
#include "peer/store/openfiles.h"
#include "peer/store/parts.h"
#include "peer/store/stamp.h"
#include "peer/store/workname.h"

struct bitfield;
struct storage_room;

enum { FILETREE_LOOK_MS = 1000 }; /* shortest time between two comparisons of a served file with
                                     its stamp */

/* The tree's record of one file. */
struct filetree_file {
    struct storage_stamp stamp;
    int64_t looked_us;  /* time of the last comparison with the stamp */
    int failed;         /* CHANGED or NOENT; cleared by the next filetree_look() */
    uint32_t writers;   /* writes under way */
    uint32_t syncs;     /* syncs under way: |dirty| is cleared, but the stamp is not updated yet */
    bool dirty;         /* written since the last sync, so the stamp is out of date */
    bool named;         /* the directory with its name was synced since the torrent was opened */
    bool naming;        /* the sync under way also syncs its name */
    bool written;       /* written since the last filetree_take_written() */
    bool found;         /* the file existed at the last look, with this inode: */
    bool claimed;       /* this tree is the file's writer (claims.h), and the file has this
                           inode: */
    uint64_t inode;
    uint64_t expected;  /* the inode in the state database; 0: none */
};

/* True for a symbolic link that is created on disk. A link with a bad target points to itself
 * (metainfo.h) and is never created. */
static inline bool
filetree_is_link(const struct metainfo_file *f)
{
    return (f->attr & ATTR_SYMLINK) != 0 && strcmp(f->symlink, f->path) != 0;
}

/* The working name of a file (workname.h), and whether the file has that name on disk now. */
struct filetree_name {
    atomic_bool stands;
    char path[];
};

/* Embedded; private. */
struct filetree {
    struct openfiles *open;
    struct claims *claims; /* NULL: reads files even while another torrent or process writes them */
    struct lock opening;   /* held while a file is opened and claimed */
    const struct metainfo *mi;
    struct parts parts; /* the part file is known as file |mi->file_count| */
    char *_Atomic dir; /* the save directory; filetree_move_in() changes it */
    char *dirs_before; /* earlier values of |dir|, for threads that still read them */
    bool writable;
    bool doubtful; /* a sync of data failed: data written before it may be lost */
    struct lock lock;
    uint32_t moves;
    struct filetree_file *files; /* allocated on first use: an idle torrent needs none */
    enum workname_use use;
    struct worknames rule;
    struct filetree_name *_Atomic *names; /* names of the files that had a working name; NULL
                                             with WORKNAME_NONE */
    atomic_size_t working; /* number of files that have their working names now */
    bool tries_names;      /* new files are created under their final names (filetree_prepare) */
};

/* |dir| and |selection| (parts.h; may be NULL) are copied. |claims| may be NULL for a tree that
 * only reads and may read files while they are being written. SPRAT_E_NOMEM. */
int filetree_init(struct filetree *t, struct openfiles *open, struct claims *claims,
                  const struct metainfo *mi, const char *dir, bool writable,
                  const uint8_t *selection);
void filetree_fini(struct filetree *t);

/* Lets files have working names from now on. Must be called before the first look. SPRAT_E_NOMEM.
 * filetree_fini() frees the names. */
int filetree_use_worknames(struct filetree *t, enum workname_use use);
void filetree_fini_names(struct filetree *t);

/* The file's current path below |dir| (|file| may also be the part file). The string lives as long
 * as the tree, but the file can get its final name at any time: see filetree_stat_named(). */
static inline const char *
filetree_path(const struct filetree *t, size_t file)
{
    const struct filetree_name *n;

    if (file >= t->mi->file_count)
        return t->parts.name;
    n = t->names != NULL ? atomic_load(&t->names[file]) : NULL;
    return n != NULL && atomic_load(&n->stands) ? n->path : t->mi->files[file].path;
}

static inline bool
filetree_is_working(const struct filetree *t, size_t file)
{
    return filetree_path(t, file) != t->mi->files[file].path;
}

/* True if downloaded data goes into the file itself and not into the part file. */
static inline bool
filetree_is_fetched(const struct filetree *t, size_t file)
{
    const struct metainfo_file *f = &t->mi->files[file];

    return parts_wants(&t->parts, file) && !parts_holds(&t->parts, file) && f->length > 0 &&
           (f->attr & (ATTR_PAD | ATTR_SYMLINK)) == 0;
}

/* Returns the tree's record of the file; |lock| must be held. NULL when memory is out. */
struct filetree_file *filetree_memory(struct filetree *t, size_t file);

/* Each function below returns 0, or an error with a message that names the file. */

/* Finds out which of its two names the file has on disk, and remembers it. |*st| is filled as by
 * safepath_find(). EXISTS if the torrent's file has its working name while another file has the
 * final name. */
int filetree_find(struct filetree *t, size_t file, struct stat *st, struct errbuf *eb);

/* Calls safepath_find() with the name that the file is known to have. */
int filetree_stat_named(struct filetree *t, size_t file, struct stat *st, struct errbuf *eb);

/* True if a file with the file's working name exists. */
bool filetree_has_workname(const struct filetree *t, size_t file);

/* Chooses the name of a file that is about to be created. |opening| must be held. */
int filetree_choose_name(struct filetree *t, size_t file, struct errbuf *eb);

/* Records that the file has its final name, or will be created under it. */
void filetree_leave_workname(struct filetree *t, size_t file);

/* Renames a file that was created under its final name to its working name, if it has one and no
 * other file has that name. */
void filetree_take_workname(struct filetree *t, size_t file);

/* Renames the files with |files[i]| (one bool per file) from their working names to their final
 * names, and syncs the directories. EXISTS if another file has a final name: that file keeps its
 * working name, and the others are renamed all the same. Afterwards |files| marks the renamed
 * files. */
int filetree_end_worknames(struct filetree *t, bool *files, struct errbuf *eb);

/* Sets the inode that the state database has for the file. Must be called before the first look. */
void filetree_expect(struct filetree *t, size_t file, uint64_t inode);

/* Returns the open file; the caller gives it back with openfiles_drop(). A file is opened for
 * writing only if this tree created it or it existed at the last look, and only if this tree is its
 * one writer (claims.h). EXISTS: the file appeared since the last look, or another torrent or
 * process has it. BUSY: another torrent or process is writing the file that is to be read. NOENT,
 * CHANGED: the file was deleted or replaced since the last look. INVAL: the file system does not
 * allow the name. */
int filetree_open(struct filetree *t, size_t file, bool write, struct openfile **out,
                  struct errbuf *eb);

/* Gives up writing: other torrents and processes may read the files or become their writers. */
void filetree_release(struct filetree *t);

/* Writes all of |iov| (whose entries are modified) at |offset|, creating the file if necessary. */
int filetree_write(struct filetree *t, size_t file, uint64_t offset, struct iovec *iov, int iovcnt,
                   struct errbuf *eb);

/* filetree_write() to the file itself, even if its data lies in the part file. */
int filetree_write_itself(struct filetree *t, size_t file, uint64_t offset, struct iovec *iov,
                          int iovcnt, struct errbuf *eb);

/* Reads exactly |len| bytes; SHORT if the file ends before. Compares the file with its stamp when
 * that is due. */
int filetree_read(struct filetree *t, size_t file, uint64_t offset, void *dst, size_t len,
                  struct errbuf *eb);

/* Returns an open file from which the range can be sent at once: the file is open, no comparison
 * with its stamp is due, and (unless |sure|) the range is in the page cache. Otherwise NULL, and
 * the caller uses filetree_read(). Never blocks. The caller gives the file back with
 * openfiles_drop(). */
struct openfile *filetree_lend(struct filetree *t, size_t file, uint64_t offset, size_t len,
                               bool sure);

/* True if the range lies completely in a hole of a sparse file. */
bool filetree_is_hole(struct filetree *t, size_t file, uint64_t offset, uint64_t len);

/* Syncs all files written since the last sync and the directories of new files, and updates their
 * stamps. Files whose sync failed stay dirty. After fsync() fails, the kernel regards the pages
 * that it could not write as written, and a second fsync() would succeed; so from then on every
 * sync fails. */
int filetree_sync(struct filetree *t, struct errbuf *eb);

/* True after fsync() failed: data that this tree wrote may be missing on the disk, even if it can
 * be read. */
bool filetree_is_doubtful(struct filetree *t);

/* Truncates the file to its length in the torrent, if it is longer. */
int filetree_cut(struct filetree *t, size_t file, struct errbuf *eb);

/* Marks the file as written. */
void filetree_mark(struct filetree *t, size_t file);

/* Looks at the file on disk and updates its stamp (unknown after an error). EXISTS if a symlink of
 * the torrent is not a link, or any other file is not a regular file; NOENT, … |out| may be NULL.
 */
int filetree_look(struct filetree *t, size_t file, struct storage_stamp *out, struct errbuf *eb);

struct storage_stamp filetree_get_stamp(struct filetree *t, size_t file);
/* Whether the file existed at the last look, or was made since. */
bool filetree_is_there(struct filetree *t, size_t file);

/* Stores up to |max| files that were written since the last call in |files|; returns their number.
 */
size_t filetree_take_written(struct filetree *t, uint32_t *files, size_t max);

/* Records that the file was changed or removed by another program (|err| is CHANGED or NOENT), so
 * that reads fail until the next filetree_look(). Returns |err| with its message. */
int filetree_distrust(struct filetree *t, size_t file, int err, struct errbuf *eb);

/* For the files that implement this header. filetree_fail() returns the error of a failed system
 * call with errno |e|, and a message that says what could not be done ("read"). */
int filetree_fail(const struct filetree *t, size_t file, int e, const char *doing,
                  struct errbuf *eb);
/* The message for a file that is distrusted: |err| is CHANGED or NOENT, and is returned. */
int filetree_fail_distrusted(const struct filetree *t, size_t file, int err, struct errbuf *eb);
/* Returns 0 if the file may be read, else CHANGED, NOENT or NOMEM. |*look|: filetree_look_at() is
 * due first. |lock| must be held. */
int filetree_may_read(struct filetree *t, size_t file, bool *look);
/* True if filetree_read() would read without a look at the file. If another thread holds the lock,
 * it may be waiting for the file system: then false. */
bool filetree_may_lend(struct filetree *t, size_t file);
/* Checks that the open file |fd| matches its stamp and still has its name. */
int filetree_look_at(struct filetree *t, size_t file, int fd, struct errbuf *eb);
/* For an error of an access that began when |t->moves| was |moves|. True if filetree_move_in() was
 * called since then: the access may have failed because of the move, so the file is trusted again.
 */
bool filetree_was_moved(struct filetree *t, size_t file, uint32_t moves);

/* Asks the kernel to read ahead. */
void filetree_will_need(struct filetree *t, size_t file, uint64_t offset, uint64_t len);

/* Copies the file's data from the part file into the file itself. The caller syncs the file and
 * updates its stamp. */
int filetree_gather(struct filetree *t, size_t file, struct errbuf *eb);

/* Deletes the part file, if it exists. */
int filetree_drop_parts(struct filetree *t, struct errbuf *eb);

/* Creates empty files and symbolic links, and syncs their directories. */
int filetree_finish(struct filetree *t, struct errbuf *eb);

/* Checks before the download that the |lacking| files (one bool per file) can be written: the
 * directory is writable, no other torrent has the files, and the file system allows their names and
 * keeps them apart. Errors as of filetree_open(). Must be called after a look. */
int filetree_prepare(struct filetree *t, const bool *lacking, struct errbuf *eb);

/* As storage_find_room() and storage_peek(). */
int filetree_find_room(struct filetree *t, const struct bitfield *have, struct storage_room *room,
                       struct errbuf *eb);
int filetree_peek(struct filetree *t, size_t file, struct errbuf *eb);
int filetree_peek_all(struct filetree *t);

/* Allocates disk space for all files before the download. NOSPACE if there is not enough; then no
 * space was allocated. */
int filetree_reserve(struct filetree *t, struct errbuf *eb);

/* Returns the text of a symbolic link at |path| that points to |target|, both relative to the same
 * directory. The caller frees it. NULL when memory is out. */
char *filetree_link_text(const char *path, const char *target);

/* Makes |dir| (ownership passes) the tree's directory, where the files have |stamps|. At most once
 * per tree. */
void filetree_move_in(struct filetree *t, char *dir, const struct storage_stamp *stamps);

/* Deletes the files, then the torrent's empty directories. After an error the remaining files are
 * deleted all the same; the first error is returned. */
int filetree_remove(struct filetree *t, struct errbuf *eb);

#endif
