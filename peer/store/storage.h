/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The payload of one torrent on disk: blocks written, read and hashed by the workers of a struct
 * disk, results coming back through a struct doneq. All functions are for one thread (the loop that
 * owns the torrent) and none of them blocks, but storage_new().
 *
 * Ordering: writes and verifies of one piece happen in the order of the calls. Reads have no order:
 * only pieces that were verified are read. No path below the save directory is followed through a
 * symbolic link. Pads (BEP 47) read as zeros; writing to them does nothing.
 */
#ifndef PEER_STORE_STORAGE_H
#define PEER_STORE_STORAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/codec/metainfo.h"
#include "common/ds/bitfield.h"
#include "peer/store/disk.h"
#include "peer/store/doneq.h"
#include "peer/store/stamp.h"
#include "peer/store/workname.h"

struct storage;

struct storage_options {
    struct disk *disk;
    struct doneq *done;
    const struct metainfo *mi; /* must outlive the storage */
    const char *dir;           /* save directory: mi->files' paths are below it; copied */
    bool writable;             /* false: nothing on disk is ever created or changed */
    bool verifies;             /* not |writable|, and reads beside whoever writes (claims.h) */
    bool dir_later;            /* |dir| need not be there: storage_find_room() makes it */
    const uint8_t *selection;  /* a byte a file (parts.h), or NULL: all is wanted; copied */
    enum workname_use worknames;
};

/* What a finished job reports; valid during the callback only. */
struct storage_result {
    int err;         /* 0 or: HASH (storage_write), SHORT, CHANGED, NOENT, NOSPACE, READONLY,
                        ACCESS, IO, LIMIT, NOMEM, CANCELLED, EXISTS (another kind of file is in
                        the place) */
    const char *why; /* when err is not 0: the sentence, with the file's name; else "" */
    uint32_t piece, begin, len;
    size_t file;            /* storage_scan, storage_is_varied */
    uint8_t *data;          /* storage_read: the caller's buffer, filled when err is 0 */
    const uint8_t *sha1;    /* verify, rehash of v1 and hybrid: 20 bytes, of the span; else NULL */
    const uint8_t *leaves;  /* v2 and hybrid: SHA-256 of blocks, 32 bytes each. write: of the block;
                               rehash, leaves: of all data blocks of the piece; else NULL */
    uint32_t leaf_count;
};

typedef void (*storage_done_fn)(void *user, const struct storage_result *res);

/* Remembers the directory, creating it (with parents) when |writable|, unless |dir_later|. Opens no
 * file. INVAL if the place is not a directory, or the error of making or opening it. */
int storage_new(const struct storage_options *opt, struct storage **out, struct errbuf *eb);

/* Ends it: jobs that have not begun are CANCELLED (their callbacks run), those under way finish,
 * and when the last callback has run, |closed| (may be NULL) is called on the loop thread and
 * the storage is gone. Nothing else may be called meanwhile, so a check, resume or commit that
 * uses it is cancelled or flushed before. Does not sync: see commit.h. */
void storage_close(struct storage *s, void (*closed)(void *user), void *user);

const struct metainfo *storage_metainfo(const struct storage *s);
const char *storage_dir(const struct storage *s);
struct disk *storage_disk(const struct storage *s);
struct doneq *storage_doneq(const struct storage *s);

/* Each of these submits one job and returns 0, SPRAT_E_AGAIN when the disk's queue is full (try
 * again after the next completion) or SPRAT_E_NOMEM; after an error |done| is never called. */

/* From the first to the second, writes, verifies and forgets wait, so that they go to the workers
 * in numbers: for a loop that does much in one round. As soon as they are many, they go anyway. */
void storage_hold(struct storage *s);
void storage_let_go(struct storage *s);

/* Writes |len| bytes (at most BLOCK_LEN, within one block: begin is a multiple of BLOCK_LEN) that
 * stay at |data| until |done| ran. Where |leaf| is not NULL (32 bytes, copied; v2 and hybrid), the
 * block's SHA-256 is compared first, and if it differs the result is SPRAT_E_HASH and nothing is
 * written. The bytes go into the piece's hashes while they are warm. */
int storage_write(struct storage *s, uint32_t piece, uint32_t begin, const uint8_t *data,
                  uint32_t len, const uint8_t *leaf, storage_done_fn done, void *user);

/* Reads |len| bytes (at most 1 MiB) into |dst|, which must stay until |done| ran. A file that was
 * changed, replaced, cut or removed since we last knew it gives CHANGED, SHORT or NOENT. */
int storage_read(struct storage *s, uint32_t piece, uint32_t begin, uint32_t len, uint8_t *dst,
                 storage_done_fn done, void *user);

/* A stretch of a piece that can be sent straight from a file. */
struct storage_loan {
    struct openfile *file; /* private */
    int fd;
    uint64_t offset; /* in the file, bytes */
};

/* Answers at once: true if the stretch lies in one file that is open, known to be ours, and in the
 * page cache (not asked with |sure|); then |loan| is to be given back. False: storage_read() is the
 * way. The file may become shorter meanwhile. */
bool storage_lend(struct storage *s, uint32_t piece, uint32_t begin, uint32_t len, bool sure,
                  struct storage_loan *loan);
void storage_give_back(struct storage *s, struct storage_loan *loan);

/* Gives the SHA-1 of a piece all of whose blocks were written (v1 and hybrid; INVAL in a v2-only
 * torrent, where the leaves that storage_write() gave say all). Only what did not come in order is
 * read back. The caller judges the digest. */
int storage_verify(struct storage *s, uint32_t piece, storage_done_fn done, void *user);

/* Hashes a piece from disk, |sha1| and |leaves| as the format has them: for pieces that stood
 * there before. Runs in the background, behind reads. With |skip_holes| a piece that lies in
 * holes of sparse files altogether gives NOENT, at no cost. */
int storage_rehash(struct storage *s, uint32_t piece, bool skip_holes, storage_done_fn done,
                   void *user);

/* Reads a piece back and hashes its data blocks, to answer hash requests (BEP 52), or to find out
 * who sent a bad block, in a v1 torrent too: |leaves|. Blocks that peers wait for come first. */
int storage_leaves(struct storage *s, uint32_t piece, storage_done_fn done, void *user);

/* The owner gave the piece up (its hash failed, or it was dropped): what is known of its hashes so
 * far is forgotten before the next write. */
int storage_forget(struct storage *s, uint32_t piece, storage_done_fn done, void *user);

/* Forces all data written by jobs that finished before this call to the disk, the directories of
 * new files too. |done| gets err as above. */
int storage_sync(struct storage *s, storage_done_fn done, void *user);

/* True after the disk failed to sync: what was written since the last good sync may be lost, though
 * it can still be read, and storage_sync() fails from then on. It ends by opening the storage anew
 * and storage_rewrite() of the pieces that are found there. */
bool storage_doubtful(struct storage *s);

/* Reads a piece and writes the same bytes again, so that the next sync forces them to the disk. */
int storage_rewrite(struct storage *s, uint32_t piece, storage_done_fn done, void *user);

/* Copies what the part file has of files that are wanted by now into these files, and syncs them.
 * The owner then stores their stamps, and that they are not in parts any more, and opens the
 * storage anew; a part file that holds nothing any more is removed by the next storage_look(). */
int storage_gather(struct storage *s, storage_done_fn done, void *user);

/* True if something stands in the file's place, or, with |names|, under its working name. Blocks,
 * for the time of a look. */
bool storage_has_file(const char *dir, const struct metainfo *mi, size_t file,
                      const struct worknames *names);

/* The file's path below storage_dir(), by the name that it has. Lasts as long as the storage. */
const char *storage_path(const struct storage *s, size_t file);

/* Which file the state database remembers, by its inode: so that of two files under a file's two
 * names the torrent's own is known. Before the first look. */
void storage_expect(struct storage *s, size_t file, uint64_t inode);

/* True if a file stands under its working name. */
bool storage_has_worknames(const struct storage *s);

/* The state database has these pieces, and their data is synced: all of them, or more of them.
 * Files that have all their pieces are due to get their final names. SPRAT_E_NOMEM. */
int storage_set_stored(struct storage *s, const struct bitfield *pieces);
void storage_add_stored(struct storage *s, const uint32_t *pieces, size_t count);

/* True if a file that stands under its working name has all its pieces stored. */
bool storage_rename_due(struct storage *s);

/* Gives such files their final names, and syncs these. EXISTS if another file has one: it is not
 * touched. */
int storage_rename(struct storage *s, storage_done_fn done, void *user);

/* Whether data that is fetched goes into the file itself: it is wanted, and no pad,
 * link or empty. */
bool storage_is_fetched(const struct storage *s, size_t file);

/* Runs |fn| on a worker, for what may wait for the disk; what it returns becomes the result. */
int storage_call(struct storage *s, int (*fn)(void *user, struct errbuf *why), storage_done_fn done,
                 void *user);

/* Where the file's data is: itself, or the part file, which has the number |mi->file_count|
 * wherever stamps are asked for and given. */
size_t storage_home(const struct storage *s, size_t file);

/* Creates what has no bytes: directories of empty files, empty files, executable bits, and (last)
 * symbolic links. Called once, when the payload is complete, or at the start for empty torrents. */
int storage_finish(struct storage *s, storage_done_fn done, void *user);

/* Tells by |err| what the part of file |file| that lies in the piece holds: 0, nothing but zeros,
 * or it is missing, so that writing it loses nothing; SPRAT_E_SHORT, something, but whole blocks of
 * zeros too; SPRAT_E_EXISTS, something in every block. */
int storage_scan(struct storage *s, uint32_t piece, size_t file, storage_done_fn done, void *user);

/* Tells by |err| whether the part of file |file| that lies in the piece is more than one byte
 * repeated: 0; SPRAT_E_MISMATCH if it is not, or the error of reading it. */
int storage_is_varied(struct storage *s, uint32_t piece, size_t file, storage_done_fn done,
                      void *user);

/* Cuts the files with |files[i]| that are longer than they should be. |files| (a bool a file) must
 * stay until |done| ran. */
int storage_cut(struct storage *s, const bool *files, storage_done_fn done, void *user);

/* Before anything is fetched, and after a look: finds out what would keep the files from being
 * written (filetree_prepare), and with |reserve| takes room on the disk for all of them: NOSPACE,
 * and nothing was taken, if there is not enough. |have|: the pieces that are there. */
int storage_prepare(struct storage *s, const struct bitfield *have, bool reserve,
                    storage_done_fn done, void *user);

/* What a torrent's files still need on their file system, and what that has. */
struct storage_room {
    bool known;      /* false: the file system does not say */
    uint64_t device; /* which file system it is */
    uint64_t need, free; /* bytes */
};

/* Makes the directory, if it is not there, and fills |room| with what the pieces that are not in
 * |have| need beyond what the files have on the disk already.
 * |have| and |room| must stay until |done| ran. */
int storage_find_room(struct storage *s, const struct bitfield *have, struct storage_room *room,
                      storage_done_fn done, void *user);

/* A look at the place of a torrent that is to be fetched to |dir|, which need not be there: ACCESS,
 * READONLY, or NOENT if something else than a directory stands there. 0 if nothing has to be
 * written, since all files are there, of the right sizes. Blocks, for the time of a look. */
int storage_try_dir(const char *dir, const struct metainfo *mi, struct errbuf *eb);

/* Whether the file looks otherwise than when it was last looked at or synced: 0; AGAIN if it looks
 * as before, or why it can't be looked at (NOENT if it was not there before either, …). Changes
 * nothing. SIZE_MAX: 0 if one of all files does, else AGAIN. */
int storage_peek(struct storage *s, size_t file, storage_done_fn done, void *user);

/* True if the file is wanted. */
bool storage_wants(const struct storage *s, size_t file);

/* Moving (filemove.h), once in a storage's life. Each call does a step: the result is AGAIN as long
 * as there is more to do, or an error, after which it may be tried again from the beginning. After
 * 0 the files are in both places; storage_move_in() makes |to| the one that counts, at once, and
 * then storage_clean() removes them from |from|. */
int storage_move(struct storage *s, const char *to, storage_done_fn done, void *user);
struct storage_stamp storage_move_stamp(const struct storage *s, size_t file);
void storage_move_in(struct storage *s);
int storage_clean(struct storage *s, const char *from, storage_done_fn done, void *user);

/* Nothing is written any more: others may read the files, or write to them (claims.h). At once. */
void storage_release(struct storage *s);

/* Deletes the torrent's files that this program wrote or read (never what stands in their place as
 * a link or directory), then the directories of the torrent that are empty. */
int storage_remove_files(struct storage *s, storage_done_fn done, void *user);

/* The stamp of file |file| as of the last sync (or look). */
struct storage_stamp storage_file_stamp(struct storage *s, size_t file);

/* Looks at all files on disk and makes what is there the stamps that later reads are compared
 * with; an earlier CHANGED is forgotten. Files that are not there are no error; |err| and |why|
 * tell of the first whose place is taken by something else (EXISTS) or that can't be looked at. */
int storage_look(struct storage *s, storage_done_fn done, void *user);

/* Counts the file as written, so that the next sync forces it to the disk and stamps it: for data
 * that was found there. */
void storage_mark(struct storage *s, size_t file);

/* Files written since the last call of this function are appended to |files| (capacity |max|), and
 * the count is returned: what commit.h stores with the next group. */
size_t storage_take_written(struct storage *s, uint32_t *files, size_t max);

#endif
