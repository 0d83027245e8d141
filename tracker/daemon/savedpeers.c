/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Both readings go through walk(). What is left of an item at the end of a block stands in memory
 * right before the next block.
 */
#include "tracker/daemon/savedpeers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/err.h"
#include "common/sys/clock.h"
#include "common/sys/file.h"

enum { BLOCK_LEN = 1 << 18 };

struct savedpeers {
    char *path;
    int fd;
    size_t body_len; /* bytes before the tail */
    struct snapshot_head head;
    uint8_t (*block_hashes)[SHA256_LEN]; /* of the blocks of the body */
};

/* One reading. */
struct walk {
    struct savedpeers *p;
    struct sha *sha;       /* of the body; NULL in the second reading */
    struct shards *shards; /* NULL in the first reading */
    uint32_t passed_s;
    struct mono now;
    struct snapshot_reader reader;
    size_t carried; /* bytes of an item at the end of |mem_before| */
    uint8_t mem_before[SNAPSHOT_ITEM_MAX];
    uint8_t block[BLOCK_LEN];
};

_Static_assert(offsetof(struct walk, block) ==
                   offsetof(struct walk, mem_before) + SNAPSHOT_ITEM_MAX,
               "a block follows what is carried over");

static size_t
blocks_of(size_t body_len)
{
    return (body_len + BLOCK_LEN - 1) / BLOCK_LEN;
}

/* The first reading: takes the hashes, and reads the head. */
static int
note_block(struct walk *w, size_t i, size_t len)
{
    sha_update(w->sha, w->block, len);
    sha256(w->block, len, w->p->block_hashes[i]);
    return i == 0 ? snapshot_get_head(&w->p->head, w->block) : 0;
}

/* The second reading. */
static int
compare_block(const struct walk *w, size_t i, size_t len)
{
    uint8_t hash[SHA256_LEN];

    sha256(w->block, len, hash);
    return memcmp(hash, w->p->block_hashes[i], sizeof(hash)) == 0 ? 0 : SPRAT_E_CHANGED;
}

static int
load_run(const struct walk *w, const struct snapshot_run *run)
{
    unsigned i = shard_of(shards_rule(w->shards), run->info_hash);
    int err = tracker_load(shards_lock(w->shards, i), run, w->passed_s, w->now);

    shards_unlock(w->shards, i);
    return err;
}

static int
read_runs(struct walk *w, size_t skip, size_t len)
{
    struct cursor c = cursor_make(w->block + skip - w->carried, len - skip + w->carried);
    struct snapshot_run run;
    int err = 0;

    while (err == 0 && snapshot_read(&w->reader, &c, &run) == 1)
        if (w->shards != NULL)
            err = load_run(w, &run);
    if (err != 0)
        return err;
    w->carried = cursor_left(&c);
    memmove(w->block - w->carried, c.at, w->carried);
    return 0;
}

static const char *
reason_of(int err)
{
    return err == SPRAT_E_INVAL ? "it has no peer ids, but the setting peer-ids is yes"
                                : sprat_strerror(err);
}

static int
walk_block(struct walk *w, size_t i, size_t len, struct errbuf *eb)
{
    int err = file_read_at(w->p->fd, w->p->path, w->block, len, i * (uint64_t)BLOCK_LEN, eb);

    if (err != 0)
        return err;
    err = w->sha != NULL ? note_block(w, i, len) : compare_block(w, i, len);
    if (err == 0 && i == 0)
        snapshot_reader_init(&w->reader, &w->p->head);
    if (err == 0)
        err = read_runs(w, i == 0 ? SNAPSHOT_HEAD_LEN : 0, len);
    return err == 0 ? 0 : errbuf_set(eb, err, "%s: %s", w->p->path, reason_of(err));
}

static int
walk(struct walk *w, struct errbuf *eb)
{
    size_t left = w->p->body_len;
    int err = 0;

    for (size_t i = 0; left > 0 && err == 0; i++) {
        size_t len = left < BLOCK_LEN ? left : BLOCK_LEN;

        err = walk_block(w, i, len, eb);
        left -= len;
    }
    return err;
}

/* ---- the first reading ---- */

static int
check_tail(struct walk *w, struct errbuf *eb)
{
    uint8_t hash[SHA256_LEN], tail[SNAPSHOT_TAIL_LEN];
    int err = file_read_at(w->p->fd, w->p->path, tail, sizeof(tail), w->p->body_len, eb);

    if (err != 0)
        return err;
    sha_final(w->sha, hash);
    if (memcmp(hash, tail, sizeof(tail)) != 0)
        return errbuf_set(eb, SPRAT_E_HASH, "%s: the checksum does not match", w->p->path);
    if (w->carried > 0 || !snapshot_reader_done(&w->reader))
        return errbuf_set(eb, SPRAT_E_TRUNCATED, "%s: it ends within a torrent", w->p->path);
    return 0;
}

static int
check(struct savedpeers *p, struct errbuf *eb)
{
    struct walk *w = calloc(1, sizeof(*w));
    int err = SPRAT_E_NOMEM;

    p->block_hashes = calloc(blocks_of(p->body_len), sizeof(*p->block_hashes));
    if (w != NULL) {
        w->p = p;
        w->sha = sha_new(SHA_256);
    }
    if (w == NULL || w->sha == NULL || p->block_hashes == NULL)
        (void)errbuf_set(eb, err, "out of memory");
    else
        err = walk(w, eb);
    if (err == 0)
        err = check_tail(w, eb);
    if (w != NULL)
        sha_free(w->sha);
    free(w);
    return err;
}

static int
open_and_check(struct savedpeers *p, const char *path, struct errbuf *eb)
{
    size_t len;
    int err;

    p->fd = -1;
    p->path = strdup(path);
    if (p->path == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    err = file_open(path, SAVEDPEERS_FILE_MAX, &p->fd, &len, eb);
    if (err != 0)
        return err;
    if (len < SNAPSHOT_HEAD_LEN + SNAPSHOT_TAIL_LEN)
        return errbuf_set(eb, SPRAT_E_TRUNCATED, "%s: it is too short for a state file", path);
    p->body_len = len - SNAPSHOT_TAIL_LEN;
    return check(p, eb);
}

static void
set_aside(const char *path, const struct log *log)
{
    size_t len = strlen(path) + sizeof(".bad");
    char *bad = malloc(len);

    if (bad == NULL)
        return;
    snprintf(bad, len, "%s.bad", path);
    if (rename(path, bad) == 0)
        log_event(log, LOG_WARN, "the damaged state file is renamed", log_text("file", bad));
    free(bad);
}

static bool
is_damage(int err)
{
    return err == SPRAT_E_VERSION || err == SPRAT_E_TRUNCATED || err == SPRAT_E_HASH;
}

struct savedpeers *
savedpeers_open(const char *path, const struct log *log)
{
    struct savedpeers *p = calloc(1, sizeof(*p));
    struct errbuf eb = {""};
    int err =
        p == NULL ? errbuf_set(&eb, SPRAT_E_NOMEM, "out of memory") : open_and_check(p, path, &eb);

    if (err == 0)
        return p;
    if (err != SPRAT_E_NOENT)
        log_event(log, LOG_ERROR, "no saved peers are loaded", log_reason(eb.text));
    if (is_damage(err))
        set_aside(path, log);
    savedpeers_free(p);
    return NULL;
}

const struct snapshot_head *
savedpeers_head(const struct savedpeers *p)
{
    return &p->head;
}

/* ---- the second reading ---- */

static uint32_t
seconds_since(int64_t unix_s)
{
    int64_t passed_s = clock_unix() - unix_s;

    /* If the clock was set back meanwhile, the time since the save is unknown and taken as 0. */
    if (passed_s < 0)
        return 0;
    return passed_s > UINT32_MAX ? UINT32_MAX : (uint32_t)passed_s;
}

static int
load(struct savedpeers *p, struct shards *shards, uint32_t passed_s, struct errbuf *eb)
{
    struct walk *w = calloc(1, sizeof(*w));
    int err;

    if (w == NULL)
        return errbuf_set(eb, SPRAT_E_NOMEM, "out of memory");
    w->p = p;
    w->shards = shards;
    w->passed_s = passed_s;
    w->now = clock_mono();
    err = walk(w, eb);
    free(w);
    return err;
}

void
savedpeers_load(struct savedpeers *p, struct shards *shards, const struct log *log)
{
    uint32_t passed_s = seconds_since(p->head.begun_unix_s);
    struct tracker_stats stats;
    struct errbuf eb = {""};

    if (load(p, shards, passed_s, &eb) != 0)
        log_event(log, LOG_ERROR, "not all saved peers are loaded", log_reason(eb.text));
    shards_stats(shards, &stats);
    log_event(log, LOG_INFO, "the saved peers are loaded",
              log_number("peers", stats.peers4 + stats.peers6),
              log_number("torrents", stats.torrents), log_number("seconds_ago", passed_s));
}

void
savedpeers_free(struct savedpeers *p)
{
    if (p == NULL)
        return;
    if (p->fd >= 0)
        close(p->fd);
    free(p->block_hashes);
    free(p->path);
    free(p);
}
