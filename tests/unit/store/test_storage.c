/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Payload on disk: writing in every order, reading, hashing, and what must never happen.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/crypto/sha.h"
#include "common/codec/merkle.h"
#include "peer/store/layout.h"
#include "tests/unit/store/fixture.h"

static const enum metainfo_format formats[] = {METAINFO_V1, METAINFO_V2, METAINFO_HYBRID};

static void
run(struct fixture *f, int (*submit)(struct storage *, storage_done_fn, void *), struct outcome *o)
{
    *o = (struct outcome){0};
    cr_assert_eq(submit(f->storage, outcome_set, o), 0);
    fixture_wait(f, &o->done);
}

/* Everything written, and the copy is the original. */
Test(storage, writes_a_whole_torrent)
{
    for (size_t i = 0; i < 3; i++) {
        struct fixture f;
        struct outcome o;
        struct stat st;
        char *path;

        fixture_init(&f);
        fixture_standard(&f, formats[i]);
        fixture_open(&f);
        for (uint32_t p = 0; p < f.mi->piece_count; p++) {
            cr_assert_eq(fixture_write_piece(&f, p), 0);
            if (f.mi->id.has_v1)
                cr_expect(fixture_verify_piece(&f, p), "format %zu, piece %u", i, p);
        }
        run(&f, storage_finish, &o);
        cr_expect_eq(o.err, 0, "%s", o.why);
        run(&f, storage_sync, &o);
        cr_expect_eq(o.err, 0, "%s", o.why);
        cr_expect(fixture_same(&f, "data/big"));
        cr_expect(fixture_same(&f, "data/empty"));
        cr_expect(fixture_same(&f, "data/sub/tiny"));
        cr_expect(fixture_same(&f, "data/sub/dir/exact"));
        path = fixture_path(f.target, "data/sub/tiny");
        cr_assert_eq(stat(path, &st), 0);
        cr_expect((st.st_mode & S_IXUSR) != 0);
        free(path);
        path = fixture_path(f.target, ".pad");
        cr_expect_neq(access(path, F_OK), 0);
        free(path);
        fixture_fini(&f);
    }
}

/* Blocks of a piece in a given order, all submitted at once. */
static void
write_in_order(struct fixture *f, uint32_t piece, const uint32_t *order, uint32_t n)
{
    uint8_t *bytes = malloc(f->mi->piece_length);
    uint32_t data = layout_piece_data(f->mi, piece);
    struct outcome o[64] = {{0}};

    fixture_piece(f, piece, bytes);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = order[i] * BLOCK_LEN;
        uint32_t len = data - at < BLOCK_LEN ? data - at : BLOCK_LEN;
        cr_assert_eq(
            storage_write(f->storage, piece, at, bytes + at, len, NULL, outcome_set, &o[i]), 0);
    }
    cr_expect(fixture_verify_piece(f, piece));
    for (uint32_t i = 0; i < n; i++) {
        cr_expect(o[i].done, "a verify comes behind its writes");
        cr_expect_eq(o[i].err, 0);
    }
    free(bytes);
}

Test(storage, hashes_blocks_in_any_order)
{
    static const uint32_t orders[][8] = {
        {0, 1, 2, 3, 4, 5, 6, 7}, {7, 6, 5, 4, 3, 2, 1, 0}, {1, 0, 3, 2, 5, 4, 7, 6},
        {4, 5, 6, 7, 0, 1, 2, 3}, {0, 7, 1, 6, 2, 5, 3, 4},
    };

    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        struct fixture f;

        fixture_init(&f);
        fixture_file(&f, "one", 9, 3 * 131072 + 5);
        fixture_torrent(&f, METAINFO_V1, 131072);
        fixture_open(&f);
        write_in_order(&f, 1, orders[i], 8);
        fixture_fini(&f);
    }
}

/* Blocks of several pieces and one that is bad, in turn: hashed together, and each judged and
 * written by itself. */
Test(storage, writes_of_several_pieces_mix)
{
    enum { PIECES = 5, BLOCKS = 4, BAD = 7 };
    struct fixture f;
    struct outcome *o = calloc(PIECES * BLOCKS, sizeof(*o));
    uint8_t *bytes = malloc(PIECES * BLOCKS * BLOCK_LEN), leaf[32];

    fixture_init(&f);
    fixture_file(&f, "one", 3, PIECES * BLOCKS * BLOCK_LEN);
    fixture_torrent(&f, METAINFO_HYBRID, BLOCKS * BLOCK_LEN);
    fixture_open(&f);
    for (uint32_t p = 0; p < PIECES; p++)
        fixture_piece(&f, p, bytes + (size_t)p * BLOCKS * BLOCK_LEN);
    for (uint32_t k = 0; k < PIECES * BLOCKS; k++) {
        uint32_t piece = k % PIECES, begin = k / PIECES * BLOCK_LEN;
        const uint8_t *data = bytes + (size_t)piece * BLOCKS * BLOCK_LEN + begin;

        sha256(data, BLOCK_LEN, leaf);
        leaf[0] ^= k == BAD;
        cr_assert_eq(
            storage_write(f.storage, piece, begin, data, BLOCK_LEN, leaf, outcome_set, &o[k]), 0);
    }
    for (uint32_t k = 0; k < PIECES * BLOCKS; k++) {
        fixture_wait(&f, &o[k].done);
        cr_expect_eq(o[k].err, k == BAD ? SPRAT_E_HASH : 0, "write %u: %s", k, o[k].why);
        cr_expect_eq(o[k].leaf_count, 1);
        sha256(bytes + ((size_t)(k % PIECES) * BLOCKS + k / PIECES) * BLOCK_LEN, BLOCK_LEN, leaf);
        cr_expect_arr_eq(o[k].leaves, leaf, 32, "write %u", k);
    }
    cr_expect_eq(fixture_write_piece(&f, BAD % PIECES), 0);
    for (uint32_t p = 0; p < PIECES; p++)
        cr_expect(fixture_verify_piece(&f, p), "piece %u", p);
    free(bytes);
    free(o);
    fixture_fini(&f);
}

/* Piece 3 of the torrent above is 5 bytes; a block written twice changes nothing. */
Test(storage, short_piece_and_double_block)
{
    static const uint32_t twice[] = {0, 0, 1, 0, 1, 2, 3, 4, 5, 6, 7, 7};
    static const uint32_t one[] = {0};
    struct fixture f;

    fixture_init(&f);
    fixture_file(&f, "one", 9, 3 * 131072 + 5);
    fixture_torrent(&f, METAINFO_V1, 131072);
    fixture_open(&f);
    write_in_order(&f, 3, one, 1);
    write_in_order(&f, 0, twice, 12);
    fixture_fini(&f);
}

Test(storage, bad_leaf_is_not_written)
{
    struct fixture f;
    struct outcome o = {0};
    uint8_t block[BLOCK_LEN], leaf[32];
    char *path;

    fixture_init(&f);
    fixture_standard(&f, METAINFO_V2);
    fixture_open(&f);
    memset(block, 'x', sizeof(block));
    memset(leaf, 7, sizeof(leaf));
    cr_assert_eq(storage_write(f.storage, 0, 0, block, BLOCK_LEN, leaf, outcome_set, &o), 0);
    fixture_wait(&f, &o.done);
    cr_expect_eq(o.err, SPRAT_E_HASH);
    path = fixture_path(f.target, "data/big");
    cr_expect_neq(access(path, F_OK), 0);
    free(path);
    sha256(block, sizeof(block), leaf);
    o.done = false;
    cr_assert_eq(storage_write(f.storage, 0, 0, block, BLOCK_LEN, leaf, outcome_set, &o), 0);
    fixture_wait(&f, &o.done);
    cr_expect_eq(o.err, 0);
    cr_expect_eq(o.leaf_count, 1);
    cr_expect_arr_eq(o.leaves, leaf, 32);
    fixture_fini(&f);
}

Test(storage, reads_what_was_written_with_pads_as_zeros)
{
    struct fixture f;
    uint8_t *want, *got;

    fixture_init(&f);
    fixture_standard(&f, METAINFO_HYBRID);
    fixture_copy(&f);
    fixture_open(&f);
    want = malloc(f.mi->piece_length);
    got = malloc(f.mi->piece_length);
    for (uint32_t p = 0; p < f.mi->piece_count; p++) {
        uint32_t span = metainfo_piece_len(f.mi, p);
        struct outcome o = {0};
        memset(got, 0xee, span);
        fixture_piece(&f, p, want);
        cr_assert_eq(storage_read(f.storage, p, 0, span, got, outcome_set, &o), 0);
        fixture_wait(&f, &o.done);
        cr_assert_eq(o.err, 0, "%s", o.why);
        cr_expect_arr_eq(got, want, span);
    }
    free(want);
    free(got);
    fixture_fini(&f);
}

Test(storage, leaves_lead_to_the_piece_hash)
{
    struct fixture f;
    struct outcome o = {0};
    uint8_t root[32];

    fixture_init(&f);
    fixture_standard(&f, METAINFO_HYBRID);
    fixture_copy(&f);
    fixture_open(&f);
    cr_assert_eq(storage_leaves(f.storage, 0, outcome_set, &o), 0);
    fixture_wait(&f, &o.done);
    cr_assert_eq(o.err, 0);
    cr_assert_eq(o.leaf_count, 2);
    cr_assert_eq(merkle_root(o.leaves, 2, 0, 1, root), 0);
    cr_expect_arr_eq(root, f.mi->files[0].layer, 32);
    cr_expect_not(o.has_sha1);
    fixture_fini(&f);
}

static void
count_look(void *user, const struct storage_result *res)
{
    int *count = user;

    cr_expect_eq(res->err, 0);
    ++*count;
}

/* Thousands of torrents are looked at when a daemon starts: no queue is too short for that. */
Test(storage, looks_are_never_put_off)
{
    enum { LOOKS = DISK_QUEUE_MAX + 500 };
    struct fixture f;
    int count = 0;

    fixture_init(&f);
    fixture_standard(&f, METAINFO_V1);
    fixture_copy(&f);
    fixture_open(&f);
    for (int i = 0; i < LOOKS; i++)
        cr_assert_eq(storage_look(f.storage, count_look, &count), 0, "number %d", i);
    while (count < LOOKS)
        cr_assert_gt(doneq_wait(f.q, 60000), 0u);
    fixture_fini(&f);
}

/* Only what was opened and compared, lies in one file, and is in memory is lent. */
Test(storage, lends_what_is_at_hand)
{
    struct fixture f;
    struct storage_loan loan;
    struct outcome o = {0};
    uint8_t *want, *got;
    char *path;

    fixture_init(&f);
    fixture_standard(&f, METAINFO_V1);
    fixture_copy(&f);
    fixture_open(&f);
    want = malloc(f.mi->piece_length);
    got = malloc(f.mi->piece_length);
    path = fixture_path(f.target, "data/big");
    cr_expect_not(storage_lend(f.storage, 0, 0, BLOCK_LEN, true, &loan), "not open yet");
    cr_assert_eq(storage_read(f.storage, 0, 0, BLOCK_LEN, got, outcome_set, &o), 0);
    fixture_wait(&f, &o.done);
    cr_assert_eq(o.err, 0, "%s", o.why);
    fixture_piece(&f, 1, want);
    cr_assert(storage_lend(f.storage, 1, 7, BLOCK_LEN, true, &loan));
    cr_expect_eq(pread(loan.fd, got, BLOCK_LEN, (off_t)loan.offset), BLOCK_LEN);
    cr_expect_arr_eq(got, want + 7, BLOCK_LEN);
    storage_give_back(f.storage, &loan);
    for (uint32_t p = 0; p < f.mi->piece_count; p++) {
        struct layout_walk w;
        struct layout_range r;
        uint32_t span = metainfo_piece_len(f.mi, p);

        layout_walk_init(&w, f.mi, p, 0, span);
        cr_assert(layout_walk_next(&w, &r));
        if (r.len < span)
            cr_expect_not(storage_lend(f.storage, p, 0, span, true, &loan), "piece %u", p);
    }
    /* Asked without |sure|, the kernel may know nothing; a range it can't have is never there. */
    if (storage_lend(f.storage, 1, 0, BLOCK_LEN, false, &loan))
        storage_give_back(f.storage, &loan);
    cr_assert_eq(truncate(path, 10), 0);
    cr_expect_not(storage_lend(f.storage, 1, 0, BLOCK_LEN, false, &loan), "cut");
    for (int i = 0; i < 100 && storage_lend(f.storage, 0, 0, 4, true, &loan); i++) {
        storage_give_back(f.storage, &loan);
        usleep(50 * 1000);
    }
    cr_expect_not(storage_lend(f.storage, 0, 0, 4, true, &loan), "a look at the file is due");
    free(path);
    free(want);
    free(got);
    fixture_fini(&f);
}

/* A piece read once, after which |spoil| happens, and a second later it is read again. */
static void
read_after(int (*spoil)(const char *path), int expected)
{
    struct fixture f;
    uint8_t *got;
    char *path;
    struct outcome o = {0};

    fixture_init(&f);
    fixture_standard(&f, METAINFO_V1);
    fixture_copy(&f);
    fixture_open(&f);
    got = malloc(BLOCK_LEN);
    path = fixture_path(f.target, "data/big");
    cr_assert_eq(storage_read(f.storage, 4, 0, BLOCK_LEN, got, outcome_set, &o), 0);
    fixture_wait(&f, &o.done);
    cr_assert_eq(o.err, 0, "%s", o.why);
    cr_assert_eq(spoil(path), 0);
    usleep(1100 * 1000);
    for (int i = 0; i < 2; i++) { /* and it stays refused */
        o.done = false;
        cr_assert_eq(storage_read(f.storage, 4, 0, BLOCK_LEN, got, outcome_set, &o), 0);
        fixture_wait(&f, &o.done);
        cr_expect_eq(o.err, expected, "%d: %s", o.err, o.why);
        cr_expect_not_null(strstr(o.why, "data/big"), "%s", o.why);
    }
    o.done = false;
    if (access(path, F_OK) == 0) { /* a look makes the present state the one to compare with */
        run(&f, storage_look, &o);
        o.done = false;
        cr_assert_eq(storage_read(f.storage, 0, 0, 4, got, outcome_set, &o), 0);
        fixture_wait(&f, &o.done);
        cr_expect(o.err == 0 || o.err == SPRAT_E_SHORT, "%s", o.why);
    }
    free(got);
    free(path);
    fixture_fini(&f);
}

static int
touch_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    int rc = pwrite(fd, "changed", 7, 3) == 7 ? 0 : -1;

    close(fd);
    return rc;
}

static int
cut_file(const char *path)
{
    return truncate(path, 100);
}

static int
replace_file(const char *path)
{
    char *other;
    int rc;

    cr_assert(asprintf(&other, "%s.new", path) > 0);
    fixture_write(other, "new", 3);
    rc = rename(other, path);
    free(other);
    return rc;
}

Test(storage, changed_file_is_noticed)
{
    read_after(touch_file, SPRAT_E_CHANGED);
}

Test(storage, cut_file_is_noticed)
{
    read_after(cut_file, SPRAT_E_CHANGED);
}

Test(storage, removed_file_is_noticed)
{
    read_after(unlink, SPRAT_E_NOENT);
}

Test(storage, replaced_file_is_noticed)
{
    read_after(replace_file, SPRAT_E_CHANGED);
}

/* A file that was written and then deleted by another program: the sync must fail. */
Test(storage, sync_notices_a_file_taken_away)
{
    struct fixture f;
    struct outcome o;
    char *path;

    fixture_init(&f);
    fixture_standard(&f, METAINFO_V1);
    fixture_open(&f);
    path = fixture_path(f.target, "data/big");
    cr_assert_eq(fixture_write_piece(&f, 0), 0);
    cr_assert_eq(unlink(path), 0);
    run(&f, storage_sync, &o);
    cr_expect_eq(o.err, SPRAT_E_NOENT);
    cr_expect_not_null(strstr(o.why, "data/big is gone"), "%s", o.why);
    run(&f, storage_look, &o);
    cr_assert_eq(fixture_write_piece(&f, 0), 0, "it is made anew");
    run(&f, storage_sync, &o);
    cr_expect_eq(o.err, 0, "%s", o.why);
    cr_assert_eq(replace_file(path), 0);
    cr_assert_eq(fixture_write_piece(&f, 1), 0);
    run(&f, storage_sync, &o);
    cr_expect_eq(o.err, SPRAT_E_CHANGED);
    free(path);
    fixture_fini(&f);
}

Test(storage, own_writes_are_no_change)
{
    struct fixture f;
    uint8_t *got;
    struct outcome o = {0};

    fixture_init(&f);
    fixture_standard(&f, METAINFO_V1);
    fixture_open(&f);
    got = malloc(BLOCK_LEN);
    for (uint32_t p = 0; p < 3; p++) {
        cr_assert_eq(fixture_write_piece(&f, p), 0);
        if (p == 1)
            run(&f, storage_sync, &o);
        usleep(600 * 1000);
        o.done = false;
        cr_assert_eq(storage_read(f.storage, p, 0, BLOCK_LEN, got, outcome_set, &o), 0);
        fixture_wait(&f, &o.done);
        cr_expect_eq(o.err, 0, "%s", o.why);
    }
    free(got);
    fixture_fini(&f);
}

/* A link planted in the target must not lead us out. */
Test(storage, planted_links_are_not_followed)
{
    struct fixture f;
    char *outside, *link, *victim;

    fixture_init(&f);
    fixture_standard(&f, METAINFO_V1);
    outside = fixture_path(f.dir, "outside");
    cr_assert_eq(mkdir(outside, 0700), 0);
    victim = fixture_path(outside, "big");
    fixture_write(victim, "precious", 8);
    link = fixture_path(f.target, "data");
    cr_assert_eq(symlink(outside, link), 0);
    fixture_open(&f);
    cr_expect_eq(fixture_write_piece(&f, 0), SPRAT_E_EXISTS);
    fixture_close(&f);
    cr_assert_eq(unlink(link), 0);
    cr_assert_eq(mkdir(link, 0700), 0);
    free(link);
    link = fixture_path(f.target, "data/big");
    cr_assert_eq(symlink(victim, link), 0);
    fixture_open(&f);
    cr_expect_eq(fixture_write_piece(&f, 0), SPRAT_E_EXISTS);
    struct stat st;
    cr_assert_eq(stat(victim, &st), 0);
    cr_expect_eq(st.st_size, 8);
    free(link);
    free(victim);
    free(outside);
    fixture_fini(&f);
}

Test(storage, other_kinds_in_the_place_are_refused)
{
    struct fixture f;
    char *path;

    fixture_init(&f);
    fixture_standard(&f, METAINFO_V1);
    path = fixture_path(f.target, "data");
    cr_assert_eq(mkdir(path, 0700), 0);
    free(path);
    path = fixture_path(f.target, "data/big");
    cr_assert_eq(mkdir(path, 0700), 0);
    fixture_open(&f);
    cr_expect_eq(fixture_write_piece(&f, 0), SPRAT_E_EXISTS);
    cr_assert_eq(rmdir(path), 0);
    cr_assert_eq(mkfifo(path, 0600), 0);
    cr_expect_eq(fixture_write_piece(&f, 0), SPRAT_E_EXISTS);
    free(path);
    fixture_fini(&f);
}

/* A full disk, as far as a process can make one: the data that fitted stays, and when there is room
 * the same write goes through. */
Test(storage, full_disk_is_told_and_survived)
{
    struct fixture f;
    struct rlimit was, tight;

    fixture_init(&f);
    fixture_file(&f, "one", 5, 4 * 65536);
    fixture_torrent(&f, METAINFO_V1, 65536);
    fixture_open(&f);
    cr_assert_eq(fixture_write_piece(&f, 0), 0);
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &was), 0);
    tight = was;
    tight.rlim_cur = 100000;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &tight), 0);
    cr_expect_eq(fixture_write_piece(&f, 1), SPRAT_E_NOSPACE);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &was), 0);
    cr_expect(fixture_verify_piece(&f, 0));
    cr_expect_eq(fixture_write_piece(&f, 1), 0);
    cr_expect(fixture_verify_piece(&f, 1));
    fixture_fini(&f);
}

Test(storage, missing_file_is_named)
{
    struct fixture f;
    uint8_t got[16];
    struct outcome o = {0};

    fixture_init(&f);
    fixture_standard(&f, METAINFO_V1);
    fixture_open(&f);
    cr_assert_eq(storage_read(f.storage, 0, 0, 16, got, outcome_set, &o), 0);
    fixture_wait(&f, &o.done);
    cr_expect_eq(o.err, SPRAT_E_NOENT);
    cr_expect_not_null(strstr(o.why, "data/big"), "%s", o.why);
    fixture_fini(&f);
}

Test(storage, scan_tells_zeros_from_content)
{
    struct fixture f;
    struct outcome o = {0};
    char *path;
    uint8_t *zeros = calloc(1, 150000);

    fixture_init(&f);
    fixture_standard(&f, METAINFO_V1);
    path = fixture_path(f.target, "data");
    cr_assert_eq(mkdir(path, 0700), 0);
    free(path);
    path = fixture_path(f.target, "data/big");
    zeros[149999] = 1;
    fixture_write(path, zeros, 150000);
    fixture_open(&f);
    cr_assert_eq(storage_scan(f.storage, 0, 0, outcome_set, &o), 0);
    fixture_wait(&f, &o.done);
    cr_expect_eq(o.err, 0, "%s", o.why);
    o.done = false;
    cr_assert_eq(storage_scan(f.storage, 4, 0, outcome_set, &o), 0);
    fixture_wait(&f, &o.done);
    cr_expect_eq(o.err, SPRAT_E_SHORT, "a download that was cut off");
    o.done = false;
    memset(zeros, 1, 150000);
    fixture_write(path, zeros, 150000);
    cr_assert_eq(storage_scan(f.storage, 4, 0, outcome_set, &o), 0);
    fixture_wait(&f, &o.done);
    cr_expect_eq(o.err, SPRAT_E_EXISTS, "full of something else");
    free(path);
    free(zeros);
    fixture_fini(&f);
}

Test(storage, remove_takes_ours_and_leaves_the_rest)
{
    struct fixture f;
    struct outcome o;
    char *mine, *dir;

    fixture_init(&f);
    fixture_standard(&f, METAINFO_V1);
    fixture_copy(&f);
    mine = fixture_path(f.target, "data/sub/mine");
    dir = fixture_path(f.target, "data/sub/dir");
    fixture_write(mine, "mine", 4);
    fixture_open(&f);
    run(&f, storage_remove_files, &o);
    cr_expect_eq(o.err, 0, "%s", o.why);
    cr_expect_eq(access(mine, F_OK), 0);
    cr_expect_neq(access(dir, F_OK), 0);
    cr_assert_eq(unlink(mine), 0);
    run(&f, storage_remove_files, &o);
    free(dir);
    dir = fixture_path(f.target, "data");
    cr_expect_neq(access(dir, F_OK), 0);
    cr_expect_eq(access(f.target, F_OK), 0);
    free(dir);
    free(mine);
    fixture_fini(&f);
}
