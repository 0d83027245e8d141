/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Threads take turns at stretches of pieces. Each chunk of bytes is read once and hashed for v1 and
 * v2 while it is in the cache. Pieces smaller than a chunk (and whole small files) share a chunk,
 * so that their leaves are hashed together too.
 */
#include "peer/store/createhash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/codec/merkle.h"
#include "common/codec/metainfo.h"
#include "common/crypto/sha.h"
#include "common/crypto/shamany.h"
#include "common/sys/clock.h"
#include "common/sys/lock.h"
#include "common/sys/pagecache.h"
#include "common/sys/processors.h"
#include "common/sys/thread.h"

enum {
    CHUNK_LEN = 256 << 10, /* bytes read at a time */
    STRETCH_LEN = 4 << 20, /* bytes per stretch, at least one piece */
    THREADS_MAX = 64,
    PROGRESS_MS = 100,
    CHUNK_BLOCKS = CHUNK_LEN / BLOCK_LEN,
};

/* The data that the threads share. */
struct shared {
    const struct createhash *h;
    uint32_t piece_count;
    uint32_t stretch; /* pieces per stretch */
    atomic_uint next; /* next piece */
    atomic_ullong done_bytes;
    atomic_bool stop;
    struct lock lock; /* guards the rest */
    struct cond ended;
    unsigned running;
    int err;
    struct errbuf why;
};

/* A small piece whose data waits in the chunk. */
struct small {
    uint32_t piece;
    uint32_t leaves;
    unsigned height;
};

/* Small pieces whose leaves are hashed together. */
struct batch {
    const void *data[CHUNK_BLOCKS];
    size_t len[CHUNK_BLOCKS];
    uint32_t blocks;
    struct small small[CHUNK_BLOCKS];
    uint32_t count;
};

struct worker {
    struct shared *s;
    uint8_t *chunk;
    struct batch batch; /* holds |batch.blocks| blocks of the chunk */
    uint8_t *leaves;    /* leaves of one piece or of a batch */
    struct sha *sha;
    size_t file; /* number of the open file */
    int fd;      /* -1: none */
};

static int
fail(struct shared *s, int err, const char *what, const char *path, const char *cause)
{
    lock_take(&s->lock);
    if (s->err == 0)
        s->err = errbuf_set(&s->why, err, "%s %s: %s", what, path, cause);
    lock_drop(&s->lock);
    s->stop = true;
    return err;
}

static int
fail_errno(struct shared *s, const char *path)
{
    int e = errno;

    return fail(s, sprat_err_from_errno(e), "can't read", path, strerror(e));
}

/* Compares the open file with the stamp from the walk. */
static int
check_stamp(struct worker *w)
{
    const struct createhash_file *f = &w->s->h->files[w->file];
    struct storage_stamp now;
    struct stat st;

    if (fstat(w->fd, &st) != 0)
        return fail_errno(w->s, f->path);
    now = stamp_of(&st);
    if (!stamp_equal(&f->stamp, &now))
        return fail(w->s, SPRAT_E_CHANGED, "can't hash", f->path,
                    "it was changed while it was read");
    return 0;
}

/* Closes the open file and reports whether it changed since it was opened. */
static int
leave_file(struct worker *w)
{
    int err;

    if (w->fd < 0)
        return 0;
    err = check_stamp(w);
    close(w->fd);
    w->fd = -1;
    return err;
}

static int
enter_file(struct worker *w, size_t file)
{
    int err;

    if (w->fd >= 0 && w->file == file)
        return 0;
    err = leave_file(w);
    if (err != 0)
        return err;
    w->file = file;
    w->fd = open(w->s->h->files[file].path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (w->fd < 0)
        return fail_errno(w->s, w->s->h->files[file].path);
    return check_stamp(w);
}

static int
read_file(struct worker *w, size_t file, uint64_t offset, uint8_t *dst, size_t len)
{
    int err = enter_file(w, file);

    while (err == 0 && len > 0) {
        ssize_t n = pread(w->fd, dst, len, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_errno(w->s, w->s->h->files[file].path);
        if (n == 0)
            return fail(w->s, SPRAT_E_CHANGED, "can't hash", w->s->h->files[file].path,
                        "it became shorter while it was read");
        dst += n;
        offset += (uint64_t)n;
        len -= (size_t)n;
    }
    return err;
}

/* The last file that begins at or before |at|. */
static size_t
file_at(const struct createhash *h, uint64_t at)
{
    size_t low = 0, high = h->file_count;

    while (high - low > 1) {
        size_t mid = low + (high - low) / 2;
        if (h->files[mid].offset <= at)
            low = mid;
        else
            high = mid;
    }
    return low;
}

/* Reads from piece space; bytes outside of files are zeros. */
static int
read_space(struct worker *w, uint64_t at, uint8_t *dst, size_t len)
{
    const struct createhash *h = w->s->h;
    size_t file = file_at(h, at), filled = 0;
    int err = 0;

    while (filled < len && err == 0) {
        uint64_t pos = at + filled, size = h->files[file].stamp.size;
        uint64_t skip = pos - h->files[file].offset;
        uint64_t next = file + 1 < h->file_count ? h->files[file + 1].offset : UINT64_MAX;
        uint64_t room = len - filled;

        if (skip < size) {
            size_t n = (size_t)(size - skip < room ? size - skip : room);
            err = read_file(w, file, skip, dst + filled, n);
            filled += n;
        } else if (next > pos) {
            size_t n = (size_t)(next - pos < room ? next - pos : room);
            memset(dst + filled, 0, n);
            filled += n;
        }
        if (filled < len && at + filled >= next)
            file++;
    }
    return err;
}

/* The bytes of the piece that belong to its file, and the height of the tree over them. */
static uint32_t
piece_data(const struct createhash *h, uint32_t piece, unsigned *height)
{
    uint64_t start = (uint64_t)piece * h->piece_length;
    const struct createhash_file *f = &h->files[file_at(h, start)];
    uint64_t left = f->stamp.size - (start - f->offset);

    *height = f->stamp.size <= h->piece_length ? merkle_log2(merkle_blocks(f->stamp.size))
                                               : merkle_log2(h->piece_length / BLOCK_LEN);
    return left < h->piece_length ? (uint32_t)left : h->piece_length;
}

/* Appends the blocks of |len| bytes to the list; the last block may be short. */
static void
batch_blocks(struct batch *b, const uint8_t *data, uint32_t len)
{
    for (uint32_t at = 0; at < len; at += BLOCK_LEN, b->blocks++) {
        b->data[b->blocks] = data + at;
        b->len[b->blocks] = len - at < BLOCK_LEN ? len - at : BLOCK_LEN;
    }
}

static int
join_leaves(struct worker *w, const uint8_t *leaves, const struct small *p)
{
    const struct createhash *h = w->s->h;

    if (merkle_root(leaves, p->leaves, 0, p->height, h->nodes + 32 * (size_t)p->piece) == 0)
        return 0;
    return fail(w->s, SPRAT_E_NOMEM, "can't hash", h->files[0].path, "out of memory");
}

/* Hashes the waiting small pieces. */
static int
flush_batch(struct worker *w)
{
    struct batch *b = &w->batch;
    const uint8_t *leaves = w->leaves;
    int err = 0;

    sha256_many(b->data, b->len, b->blocks, w->leaves);
    for (uint32_t i = 0; i < b->count && err == 0; i++) {
        err = join_leaves(w, leaves, &b->small[i]);
        leaves += 32 * (size_t)b->small[i].leaves;
    }
    b->blocks = b->count = 0;
    return err;
}

/* The bytes of a piece that are hashed. */
struct extent {
    uint32_t end;  /* end of the bytes to read */
    uint32_t data; /* bytes of a file among them, which v2 hashes */
    unsigned height;
};

static struct extent
piece_extent(const struct createhash *h, uint32_t piece)
{
    uint64_t left = h->span - (uint64_t)piece * h->piece_length;
    uint32_t span = left < h->piece_length ? (uint32_t)left : h->piece_length;
    struct extent x = {.end = span};

    if (h->nodes == NULL)
        return x;
    x.data = piece_data(h, piece, &x.height);
    if (h->sha1 == NULL)
        x.end = x.data;
    return x;
}

/* Handles a piece that fits into the free part of the chunk. */
static int
hash_small(struct worker *w, uint32_t piece, const struct extent *x)
{
    const struct createhash *h = w->s->h;
    struct batch *b = &w->batch;
    uint32_t need = (x->end + BLOCK_LEN - 1) / BLOCK_LEN, before;
    uint8_t *dst;
    int err = 0;

    if (b->blocks + need > CHUNK_BLOCKS)
        err = flush_batch(w);
    dst = w->chunk + (size_t)b->blocks * BLOCK_LEN;
    if (err == 0)
        err = read_space(w, (uint64_t)piece * h->piece_length, dst, x->end);
    if (err != 0)
        return err;
    if (h->sha1 != NULL)
        sha1(dst, x->end, h->sha1 + 20 * (size_t)piece);
    if (h->nodes != NULL) {
        before = b->blocks;
        batch_blocks(b, dst, x->data);
        b->small[b->count++] =
            (struct small){.piece = piece, .leaves = b->blocks - before, .height = x->height};
    }
    w->s->done_bytes += x->end;
    return 0;
}

/* Handles a piece of several chunks. */
static int
hash_large(struct worker *w, uint32_t piece, const struct extent *x)
{
    const struct createhash *h = w->s->h;
    struct small whole = {.piece = piece, .height = x->height};
    int err = flush_batch(w);

    for (uint32_t at = 0; at < x->end && err == 0; at += CHUNK_LEN) {
        uint32_t n = x->end - at < CHUNK_LEN ? x->end - at : CHUNK_LEN;
        err = read_space(w, (uint64_t)piece * h->piece_length + at, w->chunk, n);
        if (err == 0 && h->sha1 != NULL)
            sha_update(w->sha, w->chunk, n);
        if (err == 0 && at < x->data) {
            batch_blocks(&w->batch, w->chunk, x->data - at < n ? x->data - at : n);
            sha256_many(w->batch.data, w->batch.len, w->batch.blocks,
                        w->leaves + 32 * (size_t)whole.leaves);
            whole.leaves += w->batch.blocks;
            w->batch.blocks = 0;
        }
        w->s->done_bytes += n;
    }
    if (err == 0 && h->sha1 != NULL)
        sha_final(w->sha, h->sha1 + 20 * (size_t)piece);
    return err == 0 && h->nodes != NULL ? join_leaves(w, w->leaves, &whole) : err;
}

static int
hash_piece(struct worker *w, uint32_t piece)
{
    struct extent x = piece_extent(w->s->h, piece);

    return x.end <= CHUNK_LEN ? hash_small(w, piece, &x) : hash_large(w, piece, &x);
}

/* Tells the kernel to read ahead: each thread skips the stretches of the others, which the kernel's
 * own readahead takes for random access. Small files are read completely anyway. */
static void
read_ahead(struct worker *w, uint32_t piece)
{
    const struct createhash *h = w->s->h;
    uint64_t at = (uint64_t)piece * h->piece_length;
    size_t file = file_at(h, at);
    uint64_t skip = at - h->files[file].offset;

    if (skip + CHUNK_LEN < h->files[file].stamp.size && enter_file(w, file) == 0)
        (void)posix_fadvise(w->fd, (off_t)skip, (off_t)w->s->stretch * h->piece_length,
                            POSIX_FADV_WILLNEED);
}

static void
hash_stretches(struct worker *w)
{
    struct shared *s = w->s;

    while (!s->stop) {
        uint64_t first = atomic_fetch_add(&s->next, s->stretch);
        if (first >= s->piece_count)
            break;
        read_ahead(w, (uint32_t)first);
        for (uint64_t p = first; p < first + s->stretch && p < s->piece_count && !s->stop; p++)
            if (hash_piece(w, (uint32_t)p) != 0)
                break;
    }
    if (!s->stop)
        flush_batch(w);
    leave_file(w);
}

static void *
worker_main(void *arg)
{
    struct shared *s = arg;
    const struct createhash *h = s->h;
    struct worker w = {
        .s = s,
        .fd = -1,
        .chunk = pagecache_buffer(CHUNK_LEN),
        .leaves = malloc(((size_t)h->piece_length / BLOCK_LEN + CHUNK_BLOCKS) * 32),
        .sha = sha_new(SHA_1),
    };

    if (w.chunk == NULL || w.leaves == NULL || w.sha == NULL)
        fail(s, SPRAT_E_NOMEM, "can't hash", h->files[0].path, "out of memory");
    else
        hash_stretches(&w);
    sha_free(w.sha);
    free(w.leaves);
    free(w.chunk);
    lock_take(&s->lock);
    s->running--;
    cond_signal(&s->ended);
    lock_drop(&s->lock);
    return NULL;
}

/* Reports the progress until all threads have ended. */
static void
wait_for_threads(struct shared *s)
{
    lock_take(&s->lock);
    while (s->running > 0) {
        (void)cond_wait_until(&s->ended, &s->lock, mono_add_ms(clock_mono(), PROGRESS_MS));
        if (s->h->progress == NULL)
            continue;
        lock_drop(&s->lock);
        bool go_on = s->h->progress(s->h->user, s->done_bytes);
        lock_take(&s->lock);
        if (!go_on && s->err == 0)
            s->err = errbuf_set(&s->why, SPRAT_E_CANCELLED, "cancelled");
        if (!go_on)
            s->stop = true;
    }
    lock_drop(&s->lock);
}

static unsigned
thread_count(unsigned asked, uint32_t stretches)
{
    unsigned n = asked != 0 ? asked : processors_usable();

    n = n < THREADS_MAX ? n : THREADS_MAX;
    return n < stretches ? n : stretches;
}

/* Starts up to |n| threads and waits for them. One thread is enough to continue. */
static void
run_threads(struct shared *s, unsigned n)
{
    struct thread threads[THREADS_MAX];
    unsigned started = 0;

    s->running = n;
    while (started < n && thread_start(&threads[started], worker_main, s) == 0)
        started++;
    lock_take(&s->lock);
    s->running -= n - started;
    lock_drop(&s->lock);
    if (started == 0)
        fail(s, SPRAT_E_LIMIT, "can't hash", s->h->files[0].path, "no thread could be started");
    wait_for_threads(s);
    for (unsigned i = 0; i < started; i++)
        thread_join(&threads[i]);
}

int
createhash_run(const struct createhash *h, struct errbuf *eb)
{
    struct shared s = {
        .h = h,
        .piece_count = (uint32_t)((h->span + h->piece_length - 1) / h->piece_length),
        .stretch = h->piece_length >= STRETCH_LEN ? 1 : STRETCH_LEN / h->piece_length,
    };

    lock_init(&s.lock);
    cond_init(&s.ended);
    run_threads(&s, thread_count(h->threads, (s.piece_count - 1) / s.stretch + 1));
    cond_fini(&s.ended);
    lock_fini(&s.lock);
    if (s.err == 0)
        return 0;
    return errbuf_set(eb, s.err, "%s", s.why.text);
}
