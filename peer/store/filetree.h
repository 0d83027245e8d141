/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The files of one torrent on disk: ranges written, read and synced, and a memory of what each file
 * looked like (size, modification time, inode), so that changes made by others are noticed. Used by
 * worker threads, several at a time. Knows files and offsets, not pieces.
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

enum { FILETREE_LOOK_MS = 1000 }; /* a served file is compared with its stamp no more often */

/* What is remembered of one file. */
struct filetree_file {
    struct storage_stamp stamp;
    int64_t looked_us;  /* when it was last compared */
    int failed;         /* CHANGED or NOENT, until the next filetree_look() */
    uint32_t writers;   /* writes under way */
    uint32_t syncs;     /* syncs under way: not dirty any more, and the stamp is not yet new */
    bool dirty;         /* written since the last sync: the stamp lags behind */
    bool named;         /* its name was synced since the torrent was opened */
    bool naming;        /* the sync that is under way is to sync its name */
    bool written;       /* since the last filetree_take_written() */
    bool found;         /* it was there at the last look, with this inode: */
    bool claimed;       /* this tree is its writer (claims.h), and it has this inode: */
    uint64_t inode;
    uint64_t expected;  /* the inode that the state database remembers; 0: none */
};

/* True for a symbolic link that is to stand on disk; one whose target was bad names itself
 * (metainfo.h) and is never made. */
static inline bool
filetree_is_link(const struct metainfo_file *f)
{
    return (f->attr & ATTR_SYMLINK) != 0 && strcmp(f->symlink, f->path) != 0;
}

/* The working name of a file (workname.h), and whether the file stands under it. */
struct filetree_name {
    atomic_bool stands;
    char path[];
};

/* Embedded; private. */
struct filetree {
    struct openfiles *open;
    struct claims *claims; /* NULL: reads whatever is there, beside whom it may be */
    struct lock opening;   /* held while a file is opened and claimed */
    const struct metainfo *mi;
    struct parts parts; /* the part file is known as file |mi->file_count| */
    char *_Atomic dir; /* changes with filetree_move_in() */
    char *dirs_before; /* what |dir| was, for those who still read it */
    bool writable;
    bool doubtful; /* a sync of data failed: what was written before it may be gone */
    struct lock lock;
    uint32_t moves;
    struct filetree_file *files; /* allocated at the first use: an idle torrent needs none */
    enum workname_use use;
    struct worknames rule;
    struct filetree_name *_Atomic *names; /* of files that had one; NULL with WORKNAME_NONE */
    atomic_size_t working; /* files that stand under their working names */
    bool tries_names;      /* new files are made under their final names (filetree_prepare) */
};

/* |dir| and |selection| (parts.h; may be NULL) are copied. |claims| may be NULL, for one that only
 * reads and is not to be kept from files that are being written. SPRAT_E_NOMEM. */
int filetree_init(struct filetree *t, struct openfiles *open, struct claims *claims,
                  const struct metainfo *mi, const char *dir, bool writable,
                  const uint8_t *selection);
void filetree_fini(struct filetree *t);

/* From now on files can have working names. Before the first look; SPRAT_E_NOMEM. filetree_fini()
 * ends it. */
int filetree_use_worknames(struct filetree *t, enum workname_use use);
void filetree_fini_names(struct filetree *t);

/* Where the file stands, below |dir|; of the part file too. The text lasts as long as the tree, but
 * the file can get its final name at any time: filetree_stat_named(). */
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

/* Whether data that is fetched goes into the file itself. */
static inline bool
filetree_is_fetched(const struct filetree *t, size_t file)
{
    const struct metainfo_file *f = &t->mi->files[file];

    return parts_wants(&t->parts, file) && !parts_holds(&t->parts, file) && f->length > 0 &&
           (f->attr & (ATTR_PAD | ATTR_SYMLINK)) == 0;
}

/* What is remembered of the file, with |lock| held. NULL when memory is out. */
struct filetree_file *filetree_memory(struct filetree *t, size_t file);

/* Each returns 0 or an error with a sentence that names the file. */

/* Finds out under which of its names the file stands, and keeps that. |*st| is as of
 * safepath_find(). EXISTS if the file that is ours stands under its working name, and another file
 * under the final one. */
int filetree_find(struct filetree *t, size_t file, struct stat *st, struct errbuf *eb);

/* safepath_find() of the file by the name that it is known to have. */
int filetree_stat_named(struct filetree *t, size_t file, struct stat *st, struct errbuf *eb);

/* True if something stands under a working name of the file. */
bool filetree_has_workname(const struct filetree *t, size_t file);

/* A new file is to be made: chooses its name. With |opening| held. */
int filetree_choose_name(struct filetree *t, size_t file, struct errbuf *eb);

/* The file has its final name, or is to be made under that. */
void filetree_leave_workname(struct filetree *t, size_t file);

/* Gives a file that was made under its final name its working name, if it is to have one and
 * nothing stands there. */
void filetree_take_workname(struct filetree *t, size_t file);

/* Gives the files with |files[i]| (a bool a file) that stand under their working names the final
 * ones, and syncs these. EXISTS if another file has such a name: then the file stays what it is,
 * and the others are renamed all the same. Afterwards |files| says which were. */
int filetree_end_worknames(struct filetree *t, bool *files, struct errbuf *eb);

/* The state database has this inode for the file. Before the first look. */
void filetree_expect(struct filetree *t, size_t file, uint64_t inode);

/* Opens the file, or finds it open; given back with openfiles_drop(). For writing, only a file that
 * this tree has made, or that was there at the last look, and only as its one writer (claims.h).
 * EXISTS: it has appeared since, or another torrent or process has it; BUSY: another writes what is
 * to be read; NOENT, CHANGED: it was there, and is gone or another one. INVAL: the file system does
 * not allow the name. */
int filetree_open(struct filetree *t, size_t file, bool write, struct openfile **out,
                  struct errbuf *eb);

/* Nothing more will be written: others may read the files, or have them. */
void filetree_release(struct filetree *t);

/* Writes all of |iov| (which is changed on the way) at |offset|, creating the file if need be. */
int filetree_write(struct filetree *t, size_t file, uint64_t offset, struct iovec *iov, int iovcnt,
                   struct errbuf *eb);

/* The same, to the file even if its data lies in the part file. */
int filetree_write_itself(struct filetree *t, size_t file, uint64_t offset, struct iovec *iov,
                          int iovcnt, struct errbuf *eb);

/* Reads exactly |len| bytes; SHORT if the file ends before. Compares with the stamp when due. */
int filetree_read(struct filetree *t, size_t file, uint64_t offset, void *dst, size_t len,
                  struct errbuf *eb);

/* A held descriptor through which the range can be sent at once: the file is open, no comparison
 * with its stamp is due, and (unless |sure|) the range is in the page cache. NULL where that is not
 * so; then filetree_read() is the way. Never waits. Given back with openfiles_drop(). */
struct openfile *filetree_lend(struct filetree *t, size_t file, uint64_t offset, size_t len,
                               bool sure);

/* True if the file is sparse and has nothing but a hole there. */
bool filetree_is_hole(struct filetree *t, size_t file, uint64_t offset, uint64_t len);

/* Syncs all files written since the last sync, and the directories of new ones; stamps them. Files
 * whose sync failed stay dirty. After a failure of fsync() itself the kernel takes what it could
 * not write for written, and the next fsync() would succeed: so from then on every sync fails. */
int filetree_sync(struct filetree *t, struct errbuf *eb);

/* True after fsync() failed: nothing that this filetree wrote may be believed to be on the disk,
 * also if it can be read. */
bool filetree_is_doubtful(struct filetree *t);

/* Cuts the file to its length, if it is longer. */
int filetree_cut(struct filetree *t, size_t file, struct errbuf *eb);

/* Counts the file as written. */
void filetree_mark(struct filetree *t, size_t file);

/* Looks at the file now and makes that its stamp (unknown after an error). A symlink of the torrent
 * must be a link, anything else a regular file: EXISTS. NOENT, … |out| may be NULL. */
int filetree_look(struct filetree *t, size_t file, struct storage_stamp *out, struct errbuf *eb);

struct storage_stamp filetree_get_stamp(struct filetree *t, size_t file);

/* Appends up to |max| files written since they were last taken; returns how many. */
size_t filetree_take_written(struct filetree *t, uint32_t *files, size_t max);

/* Records that the file is not ours any more (CHANGED or NOENT), so that it is not read until the
 * next filetree_look(); returns |err| with its sentence. */
int filetree_distrust(struct filetree *t, size_t file, int err, struct errbuf *eb);

/* Asks the kernel to read ahead. */
void filetree_will_need(struct filetree *t, size_t file, uint64_t offset, uint64_t len);

/* Copies what the part file has of a file into the file itself. The caller syncs and stamps. */
int filetree_gather(struct filetree *t, size_t file, struct errbuf *eb);

/* Deletes the part file, if it is there. */
int filetree_drop_parts(struct filetree *t, struct errbuf *eb);

/* Makes empty files and symbolic links, and syncs their names. */
int filetree_finish(struct filetree *t, struct errbuf *eb);

/* Finds out before anything is fetched what would keep |lacking| files (one a file) from being
 * written: a directory that can't be written to, a file that another torrent has, names that the
 * file system does not allow or takes for one. Errors as of filetree_open(). After a look. */
int filetree_prepare(struct filetree *t, const bool *lacking, struct errbuf *eb);

/* As storage_find_room() and storage_peek(). */
int filetree_find_room(struct filetree *t, const struct bitfield *have, struct storage_room *room,
                       struct errbuf *eb);
int filetree_peek(struct filetree *t, size_t file, struct errbuf *eb);
int filetree_peek_all(struct filetree *t);

/* Takes room on the disk for all files before their bytes come; NOSPACE before anything is taken if
 * there is not enough. */
int filetree_reserve(struct filetree *t, struct errbuf *eb);

/* The text of the symbolic link at |path| that leads to |target|, both below the same directory; to
 * be freed. NULL when memory is out. */
char *filetree_link_text(const char *path, const char *target);

/* From now on the files are those below |dir| (taken), which look like |stamps|.
 * Once in its life. */
void filetree_move_in(struct filetree *t, char *dir, const struct storage_stamp *stamps);

/* Deletes the files, then empty directories of the torrent. The first error is told, the rest is
 * deleted all the same. */
int filetree_remove(struct filetree *t, struct errbuf *eb);

#endif
