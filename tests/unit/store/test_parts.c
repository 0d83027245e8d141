/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The small parts: the queue of results, the open-file cache, opening below a directory, and
 * hashing pieces while they arrive.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/crypto/sha.h"
#include "common/sys/clock.h"
#include "peer/store/doneq.h"
#include "peer/store/openfiles.h"
#include "peer/store/safepath.h"
#include "peer/store/warmhash.h"
#include "tests/unit/store/fixture.h"

/* --- doneq --- */

struct counted {
    struct doneq_item item;
    struct doneq *q;
    int *runs;
    struct counted *next; /* put in by the callback */
};

static void
on_run(struct doneq_item *item)
{
    struct counted *c = LIST_ENTRY(item, struct counted, item);

    (*c->runs)++;
    if (c->next != NULL) {
        doneq_expect(c->q);
        doneq_put(c->q, &c->next->item);
    }
}

static void
count_notify(void *ctx)
{
    int *n = ctx;

    (*n)++;
}

Test(doneq, one_notice_per_batch_and_no_endless_drain)
{
    int notices = 0, runs = 0;
    struct doneq *q = doneq_new(count_notify, &notices);
    struct counted b = {.item.run = on_run, .q = q, .runs = &runs};
    struct counted a = {.item.run = on_run, .q = q, .runs = &runs, .next = &b};
    struct counted c = {.item.run = on_run, .q = q, .runs = &runs};

    cr_assert_not_null(q);
    cr_expect(doneq_idle(q));
    doneq_expect(q);
    doneq_expect(q);
    cr_expect_not(doneq_idle(q));
    doneq_put(q, &a.item);
    doneq_put(q, &c.item);
    cr_expect_eq(notices, 1);
    cr_expect_eq(doneq_drain(q), 2);
    cr_expect_eq(runs, 2);
    cr_expect_eq(notices, 2, "what a callback puts in is for the next drain");
    cr_expect_eq(doneq_drain(q), 1);
    cr_expect_eq(doneq_drain(q), 0);
    cr_expect(doneq_idle(q));
    doneq_free(q);
    doneq_free(NULL);
}

static void *
put_later(void *arg)
{
    struct counted *c = arg;

    usleep(20000);
    doneq_put(c->q, &c->item);
    return NULL;
}

static void
notify_slowly(void *ctx)
{
    atomic_bool *notified = ctx;

    usleep(30000);
    atomic_store(notified, true);
}

/* The loop may free the queue, and what is notified, as soon as it has drained the last job. */
Test(doneq, no_thread_is_in_a_queue_that_is_drained)
{
    atomic_bool notified = false;
    int runs = 0;
    struct doneq *q = doneq_new(notify_slowly, &notified);
    struct counted a = {.item.run = on_run, .q = q, .runs = &runs};
    pthread_t thread;

    doneq_expect(q);
    cr_assert_eq(pthread_create(&thread, NULL, put_later, &a), 0);
    cr_expect_eq(doneq_wait(q, -1), 1);
    doneq_free(q);
    cr_expect(atomic_load(&notified));
    pthread_join(thread, NULL);
}

Test(doneq, waits_for_other_threads)
{
    int runs = 0;
    struct doneq *q = doneq_new(NULL, NULL);
    struct counted a = {.item.run = on_run, .q = q, .runs = &runs};
    struct mono start = clock_mono();
    pthread_t thread;

    cr_expect_eq(doneq_wait(q, 30), 0);
    cr_expect_geq(mono_diff_ms(clock_mono(), start), 29);
    cr_expect_eq(doneq_wait(q, 0), 0);
    doneq_expect(q);
    cr_assert_eq(pthread_create(&thread, NULL, put_later, &a), 0);
    cr_expect_eq(doneq_wait(q, -1), 1);
    cr_expect_eq(runs, 1);
    pthread_join(thread, NULL);
    doneq_free(q);
}

/* --- openfiles --- */

static bool
is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static int
any_fd(void)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

    cr_assert_geq(fd, 0);
    return fd;
}

Test(openfiles, keeps_few_and_closes_the_oldest)
{
    struct openfiles *of = openfiles_new(2, NULL);
    int owner, fds[3];

    cr_assert_not_null(of);
    for (size_t i = 0; i < 3; i++) {
        fds[i] = any_fd();
        struct openfile *f = openfiles_put(of, &owner, i, false, fds[i], 0);
        cr_assert_not_null(f);
        cr_expect_eq(openfile_fd(f), fds[i]);
        openfiles_drop(of, f);
        if (i == 1) { /* the first one is used again, so the second is the oldest */
            f = openfiles_get(of, &owner, 0, false);
            cr_assert_not_null(f);
            openfiles_drop(of, f);
        }
    }
    cr_expect(is_open(fds[0]) && !is_open(fds[1]) && is_open(fds[2]));
    cr_expect_null(openfiles_get(of, &owner, 1, false));
    openfiles_free(of);
    cr_expect_not(is_open(fds[0]));
}

Test(openfiles, writable_serves_readers_and_not_the_other_way)
{
    struct openfiles *of = openfiles_new(8, NULL);
    struct openfile *r, *w;
    int owner, other;

    r = openfiles_put(of, &owner, 0, false, any_fd(), 0);
    cr_expect_null(openfiles_get(of, &owner, 0, true));
    cr_expect_null(openfiles_get(of, &other, 0, false));
    w = openfiles_put(of, &owner, 0, true, any_fd(), 0);
    struct openfile *again = openfiles_get(of, &owner, 0, false);
    cr_expect_eq(again, w);
    openfiles_drop(of, again);
    openfiles_drop(of, w);
    openfiles_drop(of, r);
    openfiles_free(of);
}

Test(openfiles, second_opener_gets_the_first_ones)
{
    struct openfiles *of = openfiles_new(8, NULL);
    int owner, late = -1;
    struct openfile *a = openfiles_put(of, &owner, 0, true, any_fd(), 0), *b;

    late = any_fd();
    b = openfiles_put(of, &owner, 0, true, late, 0);
    cr_expect_eq(a, b);
    cr_expect_not(is_open(late));
    openfiles_drop(of, a);
    openfiles_drop(of, b);
    openfiles_free(of);
}

Test(openfiles, forgotten_while_held)
{
    struct openfiles *of = openfiles_new(8, NULL);
    int owner, fd = any_fd(), kept = any_fd();
    struct openfile *a = openfiles_put(of, &owner, 0, true, fd, 0);
    struct openfile *b = openfiles_put(of, &owner, 1, true, kept, 0);

    openfiles_drop(of, b);
    openfiles_forget(of, &owner, 0);
    cr_expect(is_open(fd), "its holder may go on");
    cr_expect_null(openfiles_get(of, &owner, 0, true), "nobody else gets it");
    openfiles_drop(of, a);
    cr_expect_not(is_open(fd));
    cr_expect(is_open(kept));
    openfiles_forget(of, &owner, SIZE_MAX);
    cr_expect_not(is_open(kept));
    openfiles_free(of);
}

/* --- safepath --- */

Test(safepath, creates_and_prunes)
{
    struct fixture f;
    struct errbuf eb = {0};
    struct stat st;
    bool created;
    int fd;

    fixture_init(&f);
    cr_expect_eq(safepath_open(f.target, "a/b/c", SAFEPATH_READ, 0, &fd, &created, &eb),
                 SPRAT_E_NOENT);
    cr_expect_not_null(strstr(eb.text, "a/b/c"));
    cr_assert_eq(safepath_open(f.target, "a/b/c", SAFEPATH_EITHER, 0640, &fd, &created, &eb), 0);
    cr_expect(created);
    close(fd);
    cr_assert_eq(safepath_open(f.target, "a/b/c", SAFEPATH_EITHER, 0640, &fd, &created, &eb), 0);
    cr_expect_not(created);
    close(fd);
    cr_expect_eq(safepath_stat(f.target, "a/b/c", &st, &eb), 0);
    cr_expect_eq(safepath_sync_dirs(f.target, "a/b/c", &eb), 0);
    cr_assert_eq(safepath_symlink(f.target, "link", "a", &eb), 0);
    cr_expect_eq(safepath_sync_dirs(f.target, "link/b/c", &eb), 0, "%s", eb.text);
    cr_expect_eq(safepath_sync_dirs(f.target, "none/c", &eb), SPRAT_E_NOENT);
    cr_assert_eq(safepath_unlink(f.target, "link", &eb), 0);
    cr_expect_eq(safepath_unlink(f.target, "a/b", &eb), SPRAT_E_EXISTS, "%s", eb.text);
    safepath_prune(f.target, "a/b/c");
    cr_expect_eq(safepath_stat(f.target, "a/b/c", &st, &eb), 0, "what is not empty stays");
    cr_expect_eq(safepath_unlink(f.target, "a/b/c", &eb), 0);
    cr_expect_eq(safepath_unlink(f.target, "a/b/c", &eb), 0, "twice is fine");
    safepath_prune(f.target, "a/b/c");
    cr_expect_eq(safepath_stat(f.target, "a", &st, &eb), SPRAT_E_NOENT);
    cr_expect_eq(access(f.target, F_OK), 0);
    fixture_fini(&f);
}

/* --- warmhash --- */

struct source {
    uint8_t bytes[100000];
    uint32_t reads; /* bytes read back */
    int err;
};

static int
read_source(void *ctx, uint32_t begin, uint32_t len, uint8_t *dst, struct errbuf *eb)
{
    struct source *s = ctx;

    (void)eb;
    s->reads += len;
    memcpy(dst, s->bytes + begin, len);
    return s->err;
}

static struct source *
make_source(struct warmhash_reader *r, uint8_t *scratch, uint32_t scratch_len)
{
    struct source *s = calloc(1, sizeof(*s));

    for (size_t i = 0; i < sizeof(s->bytes); i++)
        s->bytes[i] = fixture_byte(3, i);
    *r = (struct warmhash_reader){
        .read = read_source, .ctx = s, .scratch = scratch, .scratch_len = scratch_len};
    return s;
}

/* Writes the blocks |order| of a piece of |span| bytes; returns the bytes read back in all. */
static uint32_t
hash_in_order(uint32_t span, const int *order, size_t n)
{
    uint8_t scratch[5000], got[20], want[20];
    struct warmhash_reader r;
    struct source *s = make_source(&r, scratch, sizeof(scratch));
    struct warmhash *h = warmhash_new(4);
    struct warmhash_key key = {.owner = s, .piece = 7, .span = span};
    uint32_t reads;

    for (size_t i = 0; i < n; i++) {
        uint32_t begin = (uint32_t)order[i] * BLOCK_LEN;
        uint32_t len = span - begin < BLOCK_LEN ? span - begin : BLOCK_LEN;
        warmhash_on_write(h, &key, begin, s->bytes + begin, len, &r);
    }
    cr_expect_eq(warmhash_final(h, &key, &r, got, NULL), 0);
    sha1(s->bytes, span, want);
    cr_expect_arr_eq(got, want, 20);
    reads = s->reads;
    warmhash_free(h);
    free(s);
    return reads;
}

Test(warmhash, reads_back_only_what_came_out_of_order)
{
    cr_expect_eq(hash_in_order(65536, (int[]){0, 1, 2, 3}, 4), 0);
    cr_expect_eq(hash_in_order(60000, (int[]){0, 1, 2, 3}, 4), 0, "a short last block");
    cr_expect_eq(hash_in_order(65536, (int[]){1, 0, 2, 3}, 4), BLOCK_LEN);
    cr_expect_eq(hash_in_order(65536, (int[]){0, 2, 1, 3}, 4), BLOCK_LEN);
    cr_expect_eq(hash_in_order(65536, (int[]){3, 2, 1, 0}, 4), 3 * BLOCK_LEN);
    cr_expect_eq(hash_in_order(65536, (int[]){0, 1, 1, 2, 3}, 5), 65536, "hashed ones came again");
    cr_expect_eq(hash_in_order(70000, NULL, 0), 70000, "nothing was seen");
}

Test(warmhash, bounded_and_forgetful)
{
    uint8_t scratch[BLOCK_LEN], got[20], want[20];
    struct warmhash_reader r;
    struct source *s = make_source(&r, scratch, sizeof(scratch));
    struct warmhash *h = warmhash_new(2);
    struct warmhash_key keys[3];

    for (uint32_t i = 0; i < 3; i++) {
        keys[i] = (struct warmhash_key){.owner = s, .piece = i, .span = 32768};
        warmhash_on_write(h, &keys[i], 0, s->bytes, BLOCK_LEN, &r);
    }
    sha1(s->bytes, 32768, want);
    cr_expect_eq(warmhash_final(h, &keys[2], &r, got, NULL), 0);
    cr_expect_arr_eq(got, want, 20);
    cr_expect_eq(s->reads, BLOCK_LEN);
    cr_expect_eq(warmhash_final(h, &keys[0], &r, got, NULL), 0);
    cr_expect_arr_eq(got, want, 20);
    cr_expect_eq(s->reads, 3 * BLOCK_LEN, "the oldest was given up, and is read whole");
    warmhash_forget(h, s, 1);
    cr_expect_eq(warmhash_final(h, &keys[1], &r, got, NULL), 0);
    cr_expect_eq(s->reads, 5 * BLOCK_LEN);
    s->err = SPRAT_E_IO;
    cr_expect_eq(warmhash_final(h, &keys[1], &r, got, NULL), SPRAT_E_IO);
    warmhash_free(h);
    free(s);
}
