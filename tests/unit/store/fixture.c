/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Helpers of the store's tests.
 */
#include "tests/unit/store/fixture.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/ds/buf.h"
#include "common/sys/file.h"
#include "common/sys/paths.h"
#include "peer/store/create.h"
#include "peer/store/layout.h"
#include "peer/store/statewish.h"

enum { WAITS_MAX = 1000, WAIT_MS = 10 };

char *
fixture_path(const char *a, const char *b)
{
    char *p = path_join(a, b);

    cr_assert_not_null(p);
    return p;
}

int
fixture_put_wish(struct state *st, int64_t id, const struct state_wish *wish, struct errbuf *eb)
{
    struct state_wish_row row;
    struct state_update u = {.wish = &row};
    int err = state_wish_row_init(&row, wish, eb);

    if (err == 0)
        err = state_apply(st, id, &u, eb);
    state_wish_row_fini(&row);
    return err;
}

struct state *
fixture_open_state(const struct fixture *f)
{
    struct state *st = NULL;
    struct errbuf eb = {0};

    cr_assert_eq(state_open(f->state_dir, "sprat test", &st, &eb), 0, "%s", eb.text);
    return st;
}

struct state *
fixture_init_state(struct fixture *f, bool managed, int64_t *id)
{
    struct state_addition a = {.managed = managed};
    struct errbuf eb = {0};
    struct state *st;

    fixture_init(f);
    fixture_standard(f, METAINFO_HYBRID);
    st = fixture_open_state(f);
    a.mi = f->mi;
    a.dir = f->target;
    cr_assert_eq(state_add(st, &a, id, &eb), 0, "%s", eb.text);
    return st;
}

void
fixture_init(struct fixture *f)
{
    *f = (struct fixture){0};
    strcpy(f->dir, "/tmp/sprat-test-XXXXXX");
    cr_assert_not_null(mkdtemp(f->dir));
    f->source = fixture_path(f->dir, "source");
    f->target = fixture_path(f->dir, "target");
    f->state_dir = fixture_path(f->dir, "state");
    cr_assert_eq(mkdir(f->source, 0700), 0);
    cr_assert_eq(mkdir(f->target, 0700), 0);
}

void
fixture_fini(struct fixture *f)
{
    char *cmd;

    fixture_close(f);
    metainfo_free(f->mi);
    cr_assert(asprintf(&cmd, "chmod -R u+rwx '%s'; rm -rf '%s'", f->dir, f->dir) > 0);
    cr_assert_eq(system(cmd), 0);
    free(cmd);
    free(f->source);
    free(f->target);
    free(f->state_dir);
}

uint8_t
fixture_byte(unsigned seed, uint64_t at)
{
    uint64_t x = (at / 8 + 1) * 0x9e3779b97f4a7c15u + seed * 0xbf58476d1ce4e5b9u;

    x ^= x >> 29;
    x *= 0x94d049bb133111ebu;
    return (uint8_t)(x >> (8 * (at % 8)));
}

void
fixture_write(const char *path, const void *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    cr_assert_geq(fd, 0, "%s", path);
    cr_assert_eq(write(fd, bytes, len), (ssize_t)len);
    close(fd);
}

void
fixture_file(struct fixture *f, const char *path, unsigned seed, uint64_t len)
{
    char *full, *dir;
    uint8_t *bytes = malloc(len + 1);

    cr_assert(asprintf(&full, "%s/data/%s", f->source, path) > 0);
    dir = strdup(full);
    *strrchr(dir, '/') = '\0';
    cr_assert_eq(file_make_dirs(dir, 0755, NULL), 0);
    for (uint64_t i = 0; i < len; i++)
        bytes[i] = fixture_byte(seed, i);
    fixture_write(full, bytes, len);
    free(bytes);
    free(dir);
    free(full);
}

void
fixture_torrent(struct fixture *f, enum metainfo_format format, uint32_t piece_length)
{
    struct create_options opt = {.format = format, .piece_length = piece_length, .threads = 2};
    char *path = fixture_path(f->source, "data");
    struct errbuf eb = {0};
    struct buf raw;

    opt.path = path;
    buf_init(&raw, METAINFO_SIZE_MAX);
    cr_assert_eq(create_run(&opt, &raw, NULL, &eb), 0, "%s", eb.text);
    metainfo_free(f->mi);
    cr_assert_eq(metainfo_parse(buf_data(&raw), buf_len(&raw), &f->mi, &eb), 0, "%s", eb.text);
    buf_fini(&raw);
    free(path);
}

void
fixture_standard(struct fixture *f, enum metainfo_format format)
{
    char *exe;

    fixture_file(f, "big", 1, 150000);
    fixture_file(f, "empty", 2, 0);
    fixture_file(f, "sub/dir/exact", 3, 32768);
    fixture_file(f, "sub/tiny", 4, 10);
    exe = fixture_path(f->source, "data/sub/tiny");
    cr_assert_eq(chmod(exe, 0755), 0);
    free(exe);
    fixture_torrent(f, format, 32768);
}

void
fixture_open(struct fixture *f)
{
    struct disk_options d = {.threads = 2};
    struct storage_options s = {
        .mi = f->mi, .dir = f->target, .writable = true, .worknames = f->worknames};
    struct errbuf eb = {0};

    f->q = doneq_new(NULL, NULL);
    cr_assert_not_null(f->q);
    cr_assert_eq(disk_new(&d, &f->disk, &eb), 0, "%s", eb.text);
    s.disk = f->disk;
    s.done = f->q;
    cr_assert_eq(storage_new(&s, &f->storage, &eb), 0, "%s", eb.text);
}

static void
set_flag(void *user)
{
    bool *flag = user;

    *flag = true;
}

void
fixture_close(struct fixture *f)
{
    bool closed = false;

    if (f->storage != NULL) {
        storage_close(f->storage, set_flag, &closed);
        fixture_wait(f, &closed);
        f->storage = NULL;
    }
    for (int i = 0; f->q != NULL && !doneq_idle(f->q) && i < WAITS_MAX; i++)
        doneq_wait(f->q, WAIT_MS);
    disk_free(f->disk);
    doneq_free(f->q);
    f->disk = NULL;
    f->q = NULL;
}

void
fixture_piece(const struct fixture *f, uint32_t piece, uint8_t *out)
{
    struct layout_walk w;
    struct layout_range r;

    layout_walk_init(&w, f->mi, piece, 0, metainfo_piece_len(f->mi, piece));
    while (layout_walk_next(&w, &r)) {
        memset(out, 0, r.len);
        if (r.stored) {
            char *path = fixture_path(f->source, f->mi->files[r.file].path);
            int fd = open(path, O_RDONLY | O_CLOEXEC);
            cr_assert_eq(pread(fd, out, r.len, (off_t)r.offset), (ssize_t)r.len);
            close(fd);
            free(path);
        }
        out += r.len;
    }
}

void
fixture_wait(struct fixture *f, const bool *flag)
{
    for (int i = 0; i < WAITS_MAX && !*flag; i++)
        doneq_wait(f->q, WAIT_MS);
    cr_assert(*flag, "nothing happened");
}

void
outcome_set(void *user, const struct storage_result *res)
{
    struct outcome *o = user;

    o->done = true;
    o->err = res->err;
    snprintf(o->why, sizeof(o->why), "%s", res->why);
    o->has_sha1 = res->sha1 != NULL;
    if (res->sha1 != NULL)
        memcpy(o->sha1, res->sha1, 20);
    o->leaf_count = res->leaves != NULL ? res->leaf_count : 0;
    cr_assert_leq(o->leaf_count, 64);
    if (res->leaves != NULL)
        memcpy(o->leaves, res->leaves, 32 * (size_t)res->leaf_count);
}

int
fixture_write_piece(struct fixture *f, uint32_t piece)
{
    uint32_t data = layout_piece_data(f->mi, piece);
    uint8_t *bytes = malloc(f->mi->piece_length);
    int err = 0;

    fixture_piece(f, piece, bytes);
    for (uint32_t at = 0; at < data && err == 0; at += BLOCK_LEN) {
        uint32_t n = data - at < BLOCK_LEN ? data - at : BLOCK_LEN;
        struct outcome o = {0};
        cr_assert_eq(storage_write(f->storage, piece, at, bytes + at, n, NULL, outcome_set, &o), 0);
        fixture_wait(f, &o.done);
        err = o.err;
    }
    free(bytes);
    return err;
}

bool
fixture_verify_piece(struct fixture *f, uint32_t piece)
{
    struct outcome o = {0};

    cr_assert_eq(storage_verify(f->storage, piece, outcome_set, &o), 0);
    fixture_wait(f, &o.done);
    cr_assert_eq(o.err, 0, "%s", o.why);
    return o.has_sha1 && memcmp(o.sha1, f->mi->pieces + 20 * (size_t)piece, 20) == 0;
}

bool
fixture_same(const struct fixture *f, const char *path)
{
    char *cmd;
    int rc;

    cr_assert(asprintf(&cmd, "cmp -s '%s/%s' '%s/%s'", f->source, path, f->target, path) > 0);
    rc = system(cmd);
    free(cmd);
    return rc == 0;
}

void
fixture_copy(const struct fixture *f)
{
    char *cmd;

    cr_assert(asprintf(&cmd, "cp -R '%s/.' '%s/'", f->source, f->target) > 0);
    cr_assert_eq(system(cmd), 0);
    free(cmd);
}
