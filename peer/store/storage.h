/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The payload of one torrent on disk: the workers of a struct disk write, read and hash its blocks,
 * and the results come back through a struct doneq. All functions are for one thread (the loop that
 * owns the torrent). Only storage_new() without |dir_later|, storage_has_file() and
 * storage_try_dir() wait for the disk.
 *
 * Ordering: writes and verifies of one piece happen in the order of the calls. Reads have no order,
 * since only verified pieces are read. No path below the save directory is followed through a
 * symbolic link. Pad files (BEP 47) read as zeros; writing to them does nothing.
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
    const char *dir;           /* save directory: the paths of mi->files are relative to it;
                                  copied */
    bool writable;             /* false: nothing on disk is created or changed */
    bool verifies;             /* not |writable|; reads files even while they are being written
                                  (claims.h) */
    bool dir_later;            /* storage_new() does not wait for the disk: storage_look() opens
                                  |dir|, which need not exist, and storage_find_room() creates it */
    const uint8_t *selection;  /* one byte per file (parts.h), or NULL: all files are wanted;
                                  copied */
    enum workname_use worknames;
};

/* The result of a finished job; valid during the callback only. */
struct storage_result {
    int err;         /* 0 or: HASH (storage_write), SHORT, CHANGED, NOENT, NOSPACE, READONLY,
                        ACCESS, IO, LIMIT, NOMEM, CANCELLED, EXISTS (another kind of file has the
                        name) */
    const char *why; /* when err is not 0: the message, with the file's name; else "" */
    uint32_t piece, begin, len;
    size_t file;            /* storage_scan, storage_is_varied; storage_look: SIZE_MAX if the
                               save directory is at fault */
    uint8_t *data;          /* storage_read: the caller's buffer, filled when err is 0 */
    const uint8_t *sha1;    /* verify and rehash, v1 and hybrid: the SHA-1 of the piece, 20
                               bytes; else NULL */
    const uint8_t *leaves;  /* v2 and hybrid: SHA-256 of blocks, 32 bytes each. write: the
                               block's; rehash and leaves: those of all data blocks of the piece;
                               else NULL */
    uint32_t leaf_count;
};

typedef void (*storage_done_fn)(void *user, const struct storage_result *res);

/* Creates a storage, and its directory (with parents) when |writable| and not |dir_later|. Opens no
 * file. INVAL if the path is not a directory, or the error of creating or opening it. */
int storage_new(const struct storage_options *opt, struct storage **out, struct errbuf *eb);

/* Closes the storage: jobs that have not started are CANCELLED (their callbacks run), and running
 * jobs finish. After the last callback, |closed| (may be NULL) is called on the loop thread and the
 * storage is freed. Meanwhile no other function of the storage may be called, so a check, resume or
 * commit that uses it must be cancelled or flushed before. Does not sync: see commit.h. */
void storage_close(struct storage *s, void (*closed)(void *user), void *user);

const struct metainfo *storage_metainfo(const struct storage *s);
const char *storage_dir(const struct storage *s);
struct disk *storage_disk(const struct storage *s);
struct doneq *storage_doneq(const struct storage *s);

/* Each function below with a |done| submits one job and returns 0, SPRAT_E_AGAIN when the disk's
 * queue is full (try again after the next completion) or SPRAT_E_NOMEM; after an error |done| is
 * never called. */

/* --- blocks and pieces --- */

/* Between storage_hold() and storage_let_go(), write, verify and forget jobs are collected, so that
 * a loop that submits many jobs in one round passes them to the workers together. A full batch is
 * passed on at once. */
void storage_hold(struct storage *s);
void storage_let_go(struct storage *s);

/* Writes |len| bytes (at most BLOCK_LEN, within one block: |begin| is a multiple of BLOCK_LEN).
 * |data| must stay valid until |done| ran. Where |leaf| is not NULL (32 bytes, copied; v2 and
 * hybrid), the block's SHA-256 is compared first, and if it differs the result is SPRAT_E_HASH and
 * nothing is written. The bytes are added to the piece's SHA-1 while they are in the cache
 * (warmhash.h). */
int storage_write(struct storage *s, uint32_t piece, uint32_t begin, const uint8_t *data,
                  uint32_t len, const uint8_t *leaf, storage_done_fn done, void *user);

/* Reads |len| bytes (at most 1 MiB) into |dst|, which must stay valid until |done| ran. A file that
 * was changed, replaced, truncated or removed since its last stamp gives CHANGED, SHORT or NOENT.
 */
int storage_read(struct storage *s, uint32_t piece, uint32_t begin, uint32_t len, uint8_t *dst,
                 storage_done_fn done, void *user);

/* A range of a piece that can be sent straight from a file (sendfile). */
struct storage_loan {
    struct openfile *file; /* private */
    int fd;
    uint64_t offset; /* in the file, bytes */
};

/* Returns at once. True if the range lies in one file, the file is open and matches its stamp, and
 * the range is in the page cache (not checked with |sure|); the caller then returns |loan| with
 * storage_give_back(). False: use storage_read(). The file may become shorter during the loan. */
bool storage_lend(struct storage *s, uint32_t piece, uint32_t begin, uint32_t len, bool sure,
                  struct storage_loan *loan);
void storage_give_back(struct storage *s, struct storage_loan *loan);

/* Gives the SHA-1 of a piece all of whose blocks were written (v1 and hybrid; INVAL in a v2-only
 * torrent, where the leaves from storage_write() are enough). Only blocks that arrived out of order
 * are read back. The caller compares the digest. */
int storage_verify(struct storage *s, uint32_t piece, storage_done_fn done, void *user);

/* Hashes a piece that was on disk before; the format decides which of |sha1| and |leaves| are
 * filled. Runs in the background, after reads. With |skip_holes| a piece that lies completely in
 * holes of sparse files gives NOENT without being read. */
int storage_rehash(struct storage *s, uint32_t piece, bool skip_holes, storage_done_fn done,
                   void *user);

/* Reads a piece back and hashes its data blocks into |leaves|, to answer hash requests (BEP 52), or
 * to find out which peer sent a bad block (in v1 torrents too). Reads of blocks for peers come
 * first. */
int storage_leaves(struct storage *s, uint32_t piece, storage_done_fn done, void *user);

/* Forgets the unfinished hash of a piece whose hash failed or whose download was dropped, before
 * the next write to the piece. */
int storage_forget(struct storage *s, uint32_t piece, storage_done_fn done, void *user);

/* Syncs to disk all data written by jobs that finished before this call, and the directories of new
 * files. |done| gets err as above. */
int storage_sync(struct storage *s, storage_done_fn done, void *user);

/* True after a sync failed: data written since the last successful sync may be lost although it can
 * still be read, and storage_sync() fails from then on. To recover, the owner opens a new storage
 * and calls storage_rewrite() for the pieces that are on disk. */
bool storage_doubtful(struct storage *s);

/* Reads a piece and writes the same bytes again, so that the next sync writes them to the disk. */
int storage_rewrite(struct storage *s, uint32_t piece, storage_done_fn done, void *user);

/* --- which files there are, and where their data lies --- */

/* True if the file is wanted. */
bool storage_wants(const struct storage *s, size_t file);

/* True if downloaded data goes into the file itself: the file is wanted, not empty, and neither a
 * pad nor a link. */
bool storage_is_fetched(const struct storage *s, size_t file);

/* The number of the file that holds the file's data: the file itself, or the part file, whose
 * number is |mi->file_count| in all functions about stamps. */
size_t storage_home(const struct storage *s, size_t file);

/* Copies the data of wanted files out of the part file into the files themselves, and syncs them.
 * The owner then stores their stamps, clears their PARTS_PARTED bits (parts.h) and opens a new
 * storage, whose storage_look() removes a part file without data. */
int storage_gather(struct storage *s, storage_done_fn done, void *user);

/* True if there is a file |path| in |dir| or, if |work| is not NULL, a file |work|. Waits for the
 * disk. */
bool storage_has_file(const char *dir, const char *path, const char *work);

/* Whether the file existed at the last look, or was made since. */
bool storage_is_there(struct storage *s, size_t file);

/* The file's path below storage_dir(), by its current name. The string lives as long as the
 * storage. */
const char *storage_path(const struct storage *s, size_t file);

/* --- working names (workname.h) --- */

/* Sets the inode that the state database has for the file. If both the working name and the final
 * name exist, the inode tells which is the torrent's file. Must be called before the first look. */
void storage_expect(struct storage *s, size_t file, uint64_t inode);

/* True if some file has its working name. */
bool storage_has_worknames(const struct storage *s);

/* Tells the storage which pieces are synced and stored in the state database: storage_set_stored()
 * sets them all, storage_add_stored() adds further ones. A file whose pieces are all stored is due
 * to get its final name. SPRAT_E_NOMEM. */
int storage_set_stored(struct storage *s, const struct bitfield *pieces);
void storage_add_stored(struct storage *s, const uint32_t *pieces, size_t count);

/* True if a file with a working name has all its pieces stored. */
bool storage_rename_due(struct storage *s);

/* Gives such files their final names, and syncs the directories. EXISTS if another file has a final
 * name; that file is not touched. */
int storage_rename(struct storage *s, storage_done_fn done, void *user);

/* --- before the download --- */

/* Looks at the part of file |file| that lies in the piece. |err| is 0 if it is missing or all
 * zeros, so that overwriting loses nothing; SPRAT_E_SHORT if it has data and also whole blocks of
 * zeros; SPRAT_E_EXISTS if every block has data. */
int storage_scan(struct storage *s, uint32_t piece, size_t file, storage_done_fn done, void *user);

/* Looks at the part of file |file| that lies in the piece. |err| is 0 if it is more than one
 * repeated byte, SPRAT_E_MISMATCH if not, or the error of reading it. */
int storage_is_varied(struct storage *s, uint32_t piece, size_t file, storage_done_fn done,
                      void *user);

/* Truncates the files with |files[i]| that are longer than in the torrent. |files| (one bool per
 * file) must stay valid until |done| ran. */
int storage_cut(struct storage *s, const bool *files, storage_done_fn done, void *user);

/* Checks before the download, and after a look, that the files can be written (filetree_prepare).
 * With |reserve| disk space is allocated for all of them; NOSPACE if there is not enough, and then
 * none was allocated. |have|: the pieces on disk. */
int storage_prepare(struct storage *s, const struct bitfield *have, bool reserve,
                    storage_done_fn done, void *user);

/* The disk space that a torrent's files still need, and the free space of their file system. */
struct storage_room {
    bool known;      /* false: the file system does not say */
    uint64_t device; /* device number of the file system */
    uint64_t need, free; /* bytes */
};

/* Creates the directory, if it does not exist, and fills |room| with the space that pieces outside
 * of |have| need beyond the space that the files already occupy. |have| and |room| must stay valid
 * until |done| ran. */
int storage_find_room(struct storage *s, const struct bitfield *have, struct storage_room *room,
                      storage_done_fn done, void *user);

/* Checks before a download to |dir|, which need not exist, whether files can be written there:
 * ACCESS, READONLY, or NOENT if |dir| is not a directory. Always 0 if all files exist with the
 * right sizes, since then nothing has to be written. Blocks for the time of a few stat() calls. */
int storage_try_dir(const char *dir, const struct metainfo *mi, struct errbuf *eb);

/* --- stamps --- */

/* Looks at all files on disk and takes their stamps, which later reads are compared with; an
 * earlier CHANGED is cleared. Missing files are no error; |err| and |why| report the first file
 * whose name belongs to another kind of file (EXISTS) or that stat() fails for. */
int storage_look(struct storage *s, storage_done_fn done, void *user);

/* The stamp of file |file| as of the last sync (or look). */
struct storage_stamp storage_file_stamp(struct storage *s, size_t file);

/* Compares the file with its last stamp. The result is 0 if it differs, AGAIN if it does not, or
 * the error of stat() (NOENT if the file did not exist before either, …). Changes nothing. With
 * SIZE_MAX: 0 if some file differs, else AGAIN. */
int storage_peek(struct storage *s, size_t file, storage_done_fn done, void *user);

/* Marks the file as written, so that the next sync writes it to the disk and updates its stamp. For
 * data that was found on disk. */
void storage_mark(struct storage *s, size_t file);

/* Stores the files written since the last call in |files| (capacity |max|) and returns their
 * number. commit.h stores their stamps with the next group. */
size_t storage_take_written(struct storage *s, uint32_t *files, size_t max);

/* --- after the download --- */

/* Creates empty files with their directories, sets executable bits, and (last) creates symbolic
 * links. Called once, when the payload is complete, or at the start for empty torrents. */
int storage_finish(struct storage *s, storage_done_fn done, void *user);

/* Moves the files to |to| (filemove.h), at most once in a storage's life. Each call of
 * storage_move() does one step. The result is AGAIN while more steps are needed, or an error, after
 * which the move may be tried again from the beginning. After 0 the files are in both directories;
 * storage_move_in() then makes |to| the save directory, at once, and storage_clean() removes the
 * files from |from|. */
int storage_move(struct storage *s, const char *to, storage_done_fn done, void *user);
struct storage_stamp storage_move_stamp(const struct storage *s, size_t file);
void storage_move_in(struct storage *s);
int storage_clean(struct storage *s, const char *from, storage_done_fn done, void *user);

/* Gives up writing: other torrents and processes may read and write the files (claims.h). Takes
 * effect at once. */
void storage_release(struct storage *s);

/* Deletes the torrent's files that this program wrote or read (never a link or directory with a
 * file's name), then the torrent's empty directories. */
int storage_remove_files(struct storage *s, storage_done_fn done, void *user);

/* --- other work --- */

/* Runs |fn|, which may block on the disk, on a worker; its return value becomes the result. */
int storage_call(struct storage *s, int (*fn)(void *user, struct errbuf *why), storage_done_fn done,
                 void *user);

#endif
