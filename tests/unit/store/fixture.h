/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A fixture for the store's tests: a temporary directory, generated files, torrents of them, and a
 * disk with its doneq.
 */
#ifndef TESTS_UNIT_STORE_FIXTURE_H
#define TESTS_UNIT_STORE_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/codec/metainfo.h"
#include "peer/store/state.h"
#include "peer/store/storage.h"

struct fixture {
    char dir[64];   /* temporary */
    char *source;   /* dir/source: holds the original, called "data" */
    char *target;   /* dir/target: where copies go */
    char *state_dir;
    struct metainfo *mi;
    struct disk *disk;
    struct doneq *q;
    struct storage *storage; /* on |target| */
    enum workname_use worknames; /* for the next fixture_open() */
};

/* Opens the state database in |state_dir|. state_close() is the caller's. */
struct state *fixture_open_state(const struct fixture *f);

/* Makes the directories and the standard hybrid torrent, opens the state database and adds the
 * torrent in |target|. Returns the database, and the torrent's id in |*id|. */
struct state *fixture_init_state(struct fixture *f, bool managed, int64_t *id);

/* Stores a wish for torrent |id|. */
struct state_wish;
int fixture_put_wish(struct state *st, int64_t id, const struct state_wish *wish,
                     struct errbuf *eb);

/* Makes the directories only. */
void fixture_init(struct fixture *f);

/* Removes everything; closes what is open. */
void fixture_fini(struct fixture *f);

/* Byte |at| of the file number |seed|: no two stretches of 16 KiB are alike. */
uint8_t fixture_byte(unsigned seed, uint64_t at);

/* Writes source/data/PATH with |len| bytes, making directories. */
void fixture_file(struct fixture *f, const char *path, unsigned seed, uint64_t len);

/* Writes |len| bytes at |path| as given. */
void fixture_write(const char *path, const void *bytes, size_t len);

/* Makes a torrent of source/data and keeps it in |mi|. */
void fixture_torrent(struct fixture *f, enum metainfo_format format, uint32_t piece_length);

/* Three files (one of several pieces, one tiny, one of exactly a piece), one empty and one
 * executable, and the torrent of them with pieces of 32 KiB. */
void fixture_standard(struct fixture *f, enum metainfo_format format);

/* Starts disk and queue, and opens |target| for writing. */
void fixture_open(struct fixture *f);
void fixture_close(struct fixture *f);

/* Writes the true bytes of a piece to |out|. */
void fixture_piece(const struct fixture *f, uint32_t piece, uint8_t *out);

/* Drains the queue until |*flag|; fails the test after ten seconds. */
void fixture_wait(struct fixture *f, const bool *flag);

/* The last result of a storage job, copied. */
struct outcome {
    bool done;
    int err;
    char why[ERRBUF_SIZE];
    uint8_t sha1[20];
    bool has_sha1;
    uint8_t leaves[32 * 64];
    uint32_t leaf_count;
};
void outcome_set(void *user, const struct storage_result *res);

/* Writes all blocks of a piece and waits; the first error. */
int fixture_write_piece(struct fixture *f, uint32_t piece);

/* Runs verify and says whether the SHA-1 is right. */
bool fixture_verify_piece(struct fixture *f, uint32_t piece);

/* True if target/PATH and source/PATH are alike. */
bool fixture_same(const struct fixture *f, const char *path);

/* Copies source to target; the copies get new modification times. */
void fixture_copy(const struct fixture *f);

char *fixture_path(const char *a, const char *b);

#endif
