/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Making torrents of trees, and checking trees against torrents.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/codec/merkle.h"
#include "common/crypto/sha.h"
#include "common/ds/buf.h"
#include "peer/store/check.h"
#include "peer/store/create.h"
#include "tests/unit/store/fixture.h"

/* Creates with options, and gives the error; notices are gathered in |notices|. */
struct attempt {
    struct create_options opt;
    struct errbuf eb;
    char notices[4096];
    struct buf raw;
    char *dir;
    int progress_calls;
    bool cancel;
};

static void
on_notice(void *user, const char *text)
{
    struct attempt *a = user;

    strncat(a->notices, text, sizeof(a->notices) - strlen(a->notices) - 2);
    strcat(a->notices, "\n");
}

static bool
on_progress(void *user, uint64_t done, uint64_t total)
{
    struct attempt *a = user;

    cr_expect_leq(done, total);
    a->progress_calls++;
    return !a->cancel;
}

static int
attempt(struct attempt *a, const char *path, enum metainfo_format format)
{
    a->opt.path = path;
    a->opt.format = format;
    a->opt.notice = on_notice;
    a->opt.progress = on_progress;
    a->opt.user = a;
    a->notices[0] = '\0';
    buf_init(&a->raw, METAINFO_SIZE_MAX);
    return create_run(&a->opt, &a->raw, &a->dir, &a->eb);
}

static void
attempt_fini(struct attempt *a)
{
    buf_fini(&a->raw);
    free(a->dir);
    a->dir = NULL;
}

Test(create, piece_lengths)
{
    cr_expect_eq(create_piece_length(1), 16384);
    cr_expect_eq(create_piece_length(1ull << 30), 1 << 20);
    cr_expect_eq(create_piece_length(UINT64_MAX), 16 << 20);
}

Test(create, same_tree_same_bytes)
{
    static const char *const names[] = {"b", "a/z", "a!", "a/b/c", "Z"};
    uint8_t *first = NULL;
    size_t first_len = 0;

    for (int round = 0; round < 2; round++) {
        struct fixture f;
        struct attempt a = {0};
        char *path;

        fixture_init(&f);
        for (int i = 0; i < 5; i++) { /* made in another order */
            int k = round == 0 ? i : 4 - i;
            fixture_file(&f, names[k], (unsigned)k, 20000 + (uint64_t)k * 7000);
        }
        path = fixture_path(f.source, "data");
        a.opt.threads = round == 0 ? 1 : 3;
        cr_assert_eq(attempt(&a, path, METAINFO_HYBRID), 0, "%s", a.eb.text);
        cr_expect_str_eq(a.dir, f.source);
        if (round == 0)
            first = buf_take(&a.raw, &first_len);
        else
            cr_expect(buf_len(&a.raw) == first_len &&
                      memcmp(buf_data(&a.raw), first, first_len) == 0);
        attempt_fini(&a);
        free(path);
        fixture_fini(&f);
    }
    free(first);
}

/* The root of a file over all its leaves, each hashed alone. */
static void
slow_root(const struct fixture *f, const struct metainfo_file *file, uint8_t out[32])
{
    char *path = fixture_path(f->source, file->path);
    FILE *in = fopen(path, "rb");
    uint8_t *leaves = malloc((size_t)merkle_blocks(file->length) * 32);
    uint8_t block[BLOCK_LEN];
    size_t n = 0, len;

    cr_assert_not_null(in);
    while ((len = fread(block, 1, sizeof(block), in)) > 0)
        sha256(block, len, leaves + 32 * n++);
    cr_assert_eq(merkle_root(leaves, n, 0, merkle_log2(n), out), 0);
    fclose(in);
    free(leaves);
    free(path);
}

/* Files and pieces below, at and above what is read and hashed at a time (256 KiB), in one torrent:
 * each has its own root, whichever files were hashed in the same batch. */
Test(create, roots_of_files_of_all_sizes)
{
    static const uint32_t lens[] = {1,      16383, 16384,  16385,  100,    40000,  65536, 65537,
                                    131072, 3,     262144, 262145, 300000, 524288, 2,     700001};
    static const uint32_t piece_lengths[] = {16384, 65536, 262144, 524288};

    for (size_t i = 0; i < 4; i++) {
        struct fixture f;
        char name[8];

        fixture_init(&f);
        for (unsigned k = 0; k < sizeof(lens) / sizeof(lens[0]); k++) {
            snprintf(name, sizeof(name), "%02u", k);
            fixture_file(&f, name, k, lens[k]);
        }
        fixture_torrent(&f, i % 2 == 0 ? METAINFO_V2 : METAINFO_HYBRID, piece_lengths[i]);
        for (size_t k = 0; k < f.mi->file_count; k++) {
            uint8_t root[32];
            if ((f.mi->files[k].attr & ATTR_PAD) != 0)
                continue;
            slow_root(&f, &f.mi->files[k], root);
            cr_expect_arr_eq(f.mi->files[k].root, root, 32, "%s, pieces of %u", f.mi->files[k].path,
                             piece_lengths[i]);
        }
        fixture_fini(&f);
    }
}

Test(create, links_inside_are_kept_and_others_left_out)
{
    struct fixture f;
    struct attempt a = {0};
    struct metainfo *mi;
    char *path, cmd[512];
    size_t links = 0;

    fixture_init(&f);
    fixture_file(&f, "dir/file", 1, 100);
    snprintf(cmd, sizeof(cmd),
             "cd %s/data && ln -s dir/file good && ln -s ../file dir/deep && "
             "ln -s /etc/passwd out && ln -s nothing dead && ln -s . self && mkdir void && "
             "ln -s void tovoid && "
             "ln -s tovoid chain && mkfifo pipe && ln -s dir todir && mv dir/deep dir/deep2 && "
             "mkdir x && ln -s ../good x/two",
             f.source);
    cr_assert_eq(system(cmd), 0);
    path = fixture_path(f.source, "data");
    cr_assert_eq(attempt(&a, path, METAINFO_HYBRID), 0, "%s", a.eb.text);
    cr_assert_eq(metainfo_parse(buf_data(&a.raw), buf_len(&a.raw), &mi, NULL), 0);
    for (size_t i = 0; i < mi->file_count; i++) {
        if ((mi->files[i].attr & ATTR_SYMLINK) == 0)
            continue;
        links++;
        cr_expect(strcmp(mi->files[i].symlink, "data/dir/file") == 0 ||
                      strcmp(mi->files[i].symlink, "data/dir") == 0,
                  "%s", mi->files[i].symlink);
    }
    cr_expect_eq(links, 3, "good, todir and x/two, not %zu", links);
    static const char *const left[] = {"/out ",   "/dead ", "/self ", "/tovoid ",
                                       "/chain ", "/pipe ", "/void ", "/deep2 "};
    for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++)
        cr_expect_not_null(strstr(a.notices, left[i]), "%s in %s", left[i], a.notices);
    metainfo_free(mi);
    attempt_fini(&a);
    free(path);
    fixture_fini(&f);
}

Test(create, links_are_made_by_finish)
{
    struct fixture f;
    struct outcome o = {0};
    char cmd[512], text[100] = {0};
    char *path;

    fixture_init(&f);
    fixture_file(&f, "a/file", 1, 100);
    fixture_file(&f, "b/c/other", 2, 100);
    snprintf(cmd, sizeof(cmd), "cd %s/data && ln -s ../../a/file b/c/link", f.source);
    cr_assert_eq(system(cmd), 0);
    fixture_torrent(&f, METAINFO_V2, 16384);
    fixture_open(&f);
    for (int i = 0; i < 2; i++) { /* a second time finds it there */
        o.done = false;
        cr_assert_eq(storage_finish(f.storage, outcome_set, &o), 0);
        fixture_wait(&f, &o.done);
        cr_expect_eq(o.err, 0, "%s", o.why);
    }
    path = fixture_path(f.target, "data/b/c/link");
    cr_assert_gt(readlink(path, text, sizeof(text) - 1), 0);
    cr_expect_str_eq(text, "../../a/file");
    cr_assert_eq(unlink(path), 0);
    fixture_write(path, "mine", 4);
    o.done = false;
    cr_assert_eq(storage_finish(f.storage, outcome_set, &o), 0);
    fixture_wait(&f, &o.done);
    cr_expect_eq(o.err, SPRAT_E_EXISTS);
    free(path);
    fixture_fini(&f);
}

Test(create, refuses)
{
    struct fixture f;
    struct attempt a = {0};
    char *path = NULL;

    fixture_init(&f);
    cr_expect_eq(attempt(&a, "/nonexistent/x", METAINFO_V1), SPRAT_E_NOENT);
    cr_expect_not_null(strstr(a.eb.text, "/nonexistent/x"));
    attempt_fini(&a);
    cr_expect_eq(attempt(&a, "/dev/null", METAINFO_V1), SPRAT_E_INVAL);
    attempt_fini(&a);
    cr_expect_eq(attempt(&a, f.target, METAINFO_V1), SPRAT_E_INVAL, "an empty directory");
    attempt_fini(&a);
    fixture_file(&f, "bad\nname", 1, 10);
    path = fixture_path(f.source, "data");
    cr_expect_eq(attempt(&a, path, METAINFO_V1), SPRAT_E_INVAL);
    cr_expect_not_null(strstr(a.eb.text, "bad\\nname"), "%s", a.eb.text);
    attempt_fini(&a);
    a.opt.piece_length = 20000;
    cr_expect_eq(attempt(&a, path, METAINFO_V1), SPRAT_E_INVAL);
    attempt_fini(&a);
    free(path);
    fixture_fini(&f);
}

/* The pipe is found after the file beside its directory was listed, and is told of before hashing.
 */
static void
spoil_on_notice(void *user, const char *text)
{
    const char *path = user;

    cr_expect_not_null(strstr(text, "pipe"));
    fixture_write(path, "other", 5);
}

Test(create, change_meanwhile_is_noticed)
{
    struct fixture f;
    struct create_options opt = {.format = METAINFO_HYBRID, .notice = spoil_on_notice};
    struct errbuf eb = {0};
    struct buf raw;
    char *path, *file, *pipe_path;

    fixture_init(&f);
    fixture_file(&f, "file", 1, 100000);
    fixture_file(&f, "dir/other", 1, 100);
    path = fixture_path(f.source, "data");
    file = fixture_path(path, "file");
    pipe_path = fixture_path(path, "dir/pipe");
    cr_assert_eq(mkfifo(pipe_path, 0600), 0);
    opt.path = path;
    opt.user = file;
    buf_init(&raw, METAINFO_SIZE_MAX);
    cr_expect_eq(create_run(&opt, &raw, NULL, &eb), SPRAT_E_CHANGED);
    cr_expect_not_null(strstr(eb.text, file), "%s", eb.text);
    cr_expect_eq(buf_len(&raw), 0);
    buf_fini(&raw);
    free(pipe_path);
    free(file);
    free(path);
    fixture_fini(&f);
}

Test(create, can_be_cancelled)
{
    struct fixture f;
    struct attempt a = {.cancel = true};
    char *path;

    fixture_init(&f);
    fixture_file(&f, "a", 1, 4 << 20);
    path = fixture_path(f.source, "data");
    cr_expect_eq(attempt(&a, path, METAINFO_HYBRID), SPRAT_E_CANCELLED);
    cr_expect_gt(a.progress_calls, 0);
    attempt_fini(&a);
    free(path);
    fixture_fini(&f);
}

Test(create, single_file)
{
    struct fixture f;
    struct attempt a = {0};
    struct metainfo *mi;
    char *path;

    fixture_init(&f);
    fixture_file(&f, "one", 1, 40000);
    path = fixture_path(f.source, "data/one");
    cr_assert_eq(attempt(&a, path, METAINFO_HYBRID), 0, "%s", a.eb.text);
    cr_assert_eq(metainfo_parse(buf_data(&a.raw), buf_len(&a.raw), &mi, NULL), 0);
    cr_expect_not(mi->multi_file);
    cr_expect_str_eq(mi->name, "one");
    cr_expect_str_eq(a.dir + strlen(a.dir) - 5, "/data");
    metainfo_free(mi);
    attempt_fini(&a);
    free(path);
    fixture_fini(&f);
}

Test(create, lone_file_in_a_directory)
{
    static const enum metainfo_format formats[] = {METAINFO_V1, METAINFO_V2, METAINFO_HYBRID};

    for (size_t i = 0; i < 3; i++) {
        struct fixture f;
        struct attempt a = {0};
        struct metainfo *mi;
        char *path;

        fixture_init(&f);
        fixture_file(&f, "one", 1, 40000);
        path = fixture_path(f.source, "data");
        cr_assert_eq(attempt(&a, path, formats[i]), 0, "%s", a.eb.text);
        cr_assert_eq(metainfo_parse(buf_data(&a.raw), buf_len(&a.raw), &mi, NULL), 0);
        cr_expect_str_eq(mi->files[0].path, formats[i] == METAINFO_V2 ? "one" : "data/one");
        cr_expect_str_eq(a.dir, formats[i] == METAINFO_V2 ? path : f.source);
        metainfo_free(mi);
        attempt_fini(&a);
        free(path);
        fixture_fini(&f);
    }
}

/* Checking */

static struct check_report
check_target(struct fixture *f, int expected)
{
    struct check_report r;
    struct errbuf eb = {0};

    cr_expect_eq(check_run(f->mi, f->target, 2, NULL, NULL, &r, &eb), expected, "%s", eb.text);
    return r;
}

/* Index of data/PATH. */
static size_t
file_index(const struct fixture *f, const char *path)
{
    for (size_t i = 0; i < f->mi->file_count; i++)
        if (strcmp(f->mi->files[i].path, path) == 0)
            return i;
    cr_assert_fail("no file %s", path);
    return 0;
}

Test(check, good_copy_passes)
{
    static const enum metainfo_format formats[] = {METAINFO_V1, METAINFO_V2, METAINFO_HYBRID};

    for (size_t i = 0; i < 3; i++) {
        struct fixture f;
        struct check_report r;

        fixture_init(&f);
        fixture_standard(&f, formats[i]);
        fixture_copy(&f);
        r = check_target(&f, 0);
        cr_expect(bitfield_full(&r.good));
        for (size_t k = 0; k < f.mi->file_count; k++)
            cr_expect_eq(r.files[k].state, CHECK_FILE_OK);
        check_report_fini(&r);
        fixture_fini(&f);
    }
}

Test(check, faults_are_told_by_file)
{
    struct fixture f;
    struct check_report r;
    char cmd[1024];

    fixture_init(&f);
    fixture_standard(&f, METAINFO_HYBRID);
    fixture_copy(&f);
    snprintf(cmd, sizeof(cmd),
             "cd %s/data && printf x | dd of=big bs=1 seek=40000 conv=notrunc 2>/dev/null && "
             "rm empty && truncate -s 20000 sub/dir/exact && echo more >>sub/tiny",
             f.target);
    cr_assert_eq(system(cmd), 0);
    r = check_target(&f, 0);
    size_t big = file_index(&f, "data/big");
    cr_expect_eq(r.files[big].state, CHECK_FILE_BAD);
    cr_expect_eq(r.files[big].bad, 1);
    cr_expect_eq(r.files[big].checked, 5);
    cr_expect_eq(r.files[file_index(&f, "data/empty")].state, CHECK_FILE_MISSING);
    cr_expect_eq(r.files[file_index(&f, "data/sub/dir/exact")].state, CHECK_FILE_SHORT);
    cr_expect_eq(r.files[file_index(&f, "data/sub/tiny")].state, CHECK_FILE_LONG);
    cr_expect_eq(r.good.count, f.mi->piece_count - 2);
    check_report_fini(&r);
    fixture_fini(&f);
}

Test(check, nothing_there)
{
    struct fixture f;
    struct check_report r;

    fixture_init(&f);
    fixture_standard(&f, METAINFO_V1);
    r = check_target(&f, 0);
    cr_expect_eq(r.good.count, 0);
    cr_expect_eq(r.bytes_hashed, 0);
    cr_expect_eq(r.files[0].state, CHECK_FILE_MISSING);
    check_report_fini(&r);
    fixture_fini(&f);
}

/* Sparse zeros that are the content are recognised without reading them. */
Test(check, holes_count_as_zeros)
{
    struct fixture f;
    struct check_report r;
    char cmd[512];

    fixture_init(&f);
    fixture_file(&f, "first", 1, 10);
    snprintf(cmd, sizeof(cmd), "truncate -s 300000 %s/data/zeros", f.source);
    cr_assert_eq(system(cmd), 0);
    fixture_torrent(&f, METAINFO_HYBRID, 32768);
    fixture_copy(&f);
    snprintf(cmd, sizeof(cmd), "rm %s/data/zeros && truncate -s 300000 %s/data/zeros", f.target,
             f.target);
    cr_assert_eq(system(cmd), 0);
    r = check_target(&f, 0);
    cr_expect(bitfield_full(&r.good));
    check_report_fini(&r);
    fixture_fini(&f);
}

/* A hybrid whose v1 list lies about one piece. */
Test(check, hybrid_that_contradicts_itself)
{
    struct fixture f;
    struct check_report r;
    const uint8_t *at;
    uint8_t *raw;
    struct metainfo *forged;

    fixture_init(&f);
    fixture_standard(&f, METAINFO_HYBRID);
    fixture_copy(&f);
    raw = malloc(f.mi->raw_len);
    memcpy(raw, f.mi->raw, f.mi->raw_len);
    at = memmem(raw, f.mi->raw_len, f.mi->pieces, 20);
    cr_assert_not_null(at);
    raw[at - raw] ^= 1;
    cr_assert_eq(metainfo_parse(raw, f.mi->raw_len, &forged, NULL), 0);
    metainfo_free(f.mi);
    f.mi = forged;
    r = check_target(&f, SPRAT_E_MISMATCH);
    check_report_fini(&r);
    free(raw);
    fixture_fini(&f);
}

/* Without piece layers (as from a magnet link) a file can only be judged whole. */
static void
drop_layers(struct fixture *f)
{
    uint8_t *raw = malloc(f->mi->raw_len);
    uint8_t *at = memmem(f->mi->raw, f->mi->raw_len, "12:piece layersd", 16);
    size_t n = (size_t)(at - f->mi->raw);
    struct metainfo *mi;

    memcpy(raw, f->mi->raw, n);
    memcpy(raw + n, "e", 1);
    cr_assert_eq(metainfo_parse(raw, n + 1, &mi, NULL), 0);
    cr_assert(mi->layers_missing);
    metainfo_free(f->mi);
    f->mi = mi;
    free(raw);
}

Test(check, missing_layers)
{
    struct fixture f;
    struct check_report r;
    char cmd[512];

    fixture_init(&f);
    fixture_standard(&f, METAINFO_V2);
    drop_layers(&f);
    fixture_copy(&f);
    r = check_target(&f, 0);
    cr_expect(bitfield_full(&r.good));
    cr_expect_not(r.layers_missing);
    check_report_fini(&r);
    snprintf(cmd, sizeof(cmd), "printf x | dd of=%s/data/big bs=1 conv=notrunc 2>/dev/null",
             f.target);
    cr_assert_eq(system(cmd), 0);
    r = check_target(&f, 0);
    cr_expect(r.layers_missing);
    cr_expect_eq(r.files[0].state, CHECK_FILE_BAD);
    cr_expect_eq(r.good.count, 2, "the two files of one piece");
    check_report_fini(&r);
    fixture_fini(&f);
}
