/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Who may write to a file: tests of the table of claims, of the kernel's locks, and of storages
 * that meet at one place on disk.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "peer/store/claims.h"
#include "peer/store/layout.h"
#include "peer/store/storage.h"
#include "tests/unit/store/fixture.h"

/* --- the table --- */

static int
open_at(const char *dir, const char *name)
{
    char *path = fixture_path(dir, name);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);

    cr_assert_geq(fd, 0);
    free(path);
    return fd;
}

static const int owners[3];

static struct claimant
who(int owner, size_t file, const char *torrent, const char *path)
{
    return (struct claimant){
        .owner = &owners[owner], .file = file, .torrent = torrent, .dir = "/dir", .path = path};
}

Test(claims, a_writer_is_alone)
{
    struct fixture f;
    struct claims *c = claims_new(8);
    struct claimant a = who(0, 0, "Alpha", "x/one"), twin = who(0, 1, "Alpha", "x/ONE"),
                    b = who(1, 0, "Beta", "x/one");
    struct errbuf eb = {""};
    struct claimed claimed;
    int fd, again;

    fixture_init(&f);
    fd = open_at(f.target, "one");
    again = open_at(f.target, "one");
    cr_assert_eq(claims_write(c, &a, fd, &claimed, &eb), 0, "%s", eb.text);
    cr_expect_eq(claims_write(c, &a, again, &claimed, &eb), 0, "once more is fine");
    cr_expect_eq(claims_write(c, &twin, again, &claimed, &eb), SPRAT_E_EXISTS);
    cr_expect(strstr(eb.text, "x/one and x/ONE are one file") != NULL, "%s", eb.text);
    cr_expect_eq(claims_write(c, &b, again, &claimed, &eb), SPRAT_E_EXISTS);
    cr_expect(strstr(eb.text, "Alpha") != NULL && strstr(eb.text, "Beta") != NULL, "%s", eb.text);
    cr_expect_eq(claims_read(c, &b, again, &eb), SPRAT_E_BUSY);
    cr_expect_eq(claims_explain(c, &b, again, &eb), SPRAT_E_EXISTS);
    cr_expect(strstr(eb.text, "Alpha") != NULL && strstr(eb.text, "Beta") != NULL, "%s", eb.text);
    close(fd);
    cr_expect_eq(claims_read(c, &b, again, &eb), SPRAT_E_BUSY, "the claim outlasts a descriptor");
    claims_drop(c, &owners[0], SIZE_MAX);
    cr_expect_eq(claims_read(c, &b, again, &eb), 0, "%s", eb.text);
    close(again);
    claims_free(c);
    fixture_fini(&f);
}

/* Two tables are what two processes have: only the kernel's locks are between them. */
Test(claims, locks_keep_processes_apart)
{
    struct fixture f;
    struct claims *one = claims_new(8), *two = claims_new(8);
    struct claimant a = who(0, 0, "Alpha", "one"), b = who(1, 0, "Beta", "one");
    struct errbuf eb = {""};
    struct claimed claimed;
    int fd, other, third;

    fixture_init(&f);
    fd = open_at(f.target, "one");
    other = open_at(f.target, "one");
    third = open_at(f.target, "one");
    cr_assert_eq(claims_write(one, &a, fd, &claimed, &eb), 0, "%s", eb.text);
    close(fd);
    cr_expect_eq(claims_write(two, &b, other, &claimed, &eb), SPRAT_E_EXISTS,
                 "the guard keeps the lock");
    cr_expect_eq(claims_read(two, &b, other, &eb), SPRAT_E_BUSY);
    cr_expect_eq(claims_explain(two, &b, other, &eb), SPRAT_E_EXISTS);
    claims_drop(one, &owners[0], 0);
    cr_expect_eq(claims_read(two, &b, other, &eb), 0, "readers share: %s", eb.text);
    cr_expect_eq(claims_read(one, &a, third, &eb), 0, "readers share: %s", eb.text);
    fd = open_at(f.target, "one");
    cr_expect_eq(claims_write(one, &a, fd, &claimed, &eb), SPRAT_E_EXISTS, "while others read");
    claims_unlock(third);
    cr_expect_eq(claims_write(one, &a, fd, &claimed, &eb), SPRAT_E_EXISTS, "while another reads");
    claims_unlock(other);
    cr_expect_eq(claims_write(one, &a, fd, &claimed, &eb), 0, "%s", eb.text);
    claims_drop(one, &owners[0], SIZE_MAX);
    close(fd);
    close(other);
    close(third);
    claims_free(one);
    claims_free(two);
    fixture_fini(&f);
}

static uint64_t
write_claim(struct claims *c, const struct claimant *who, int fd, int expect)
{
    struct errbuf eb = {""};
    struct claimed claimed = {.ticket = 0};

    cr_expect_eq(claims_write(c, who, fd, &claimed, &eb), expect, "%s", eb.text);
    return claimed.ticket;
}

static void
close_claim(struct claims *c, uint64_t ticket, int fd)
{
    claims_close(c, ticket, fd);
    close(fd);
}

Test(claims, without_a_descriptor_a_strangers_write_is_noticed)
{
    struct fixture f;
    struct claims *c = claims_new(1);
    struct claimant a = who(0, 0, "Alpha", "one"), b = who(0, 1, "Alpha", "two");
    uint64_t one, two;
    int fd;

    fixture_init(&f);
    fd = open_at(f.target, "one");
    one = write_claim(c, &a, fd, 0);
    cr_assert_eq(write(fd, "ours", 4), 4);
    close_claim(c, one, fd);
    fd = open_at(f.target, "two"); /* its guard takes the place of the first */
    two = write_claim(c, &b, fd, 0);
    close_claim(c, two, fd);
    fd = open_at(f.target, "one");
    cr_expect_eq(write_claim(c, &a, fd, 0), one, "as it was");
    close_claim(c, one, fd);
    fd = open_at(f.target, "two");
    cr_expect_eq(write_claim(c, &b, fd, 0), two);
    close_claim(c, two, fd);
    fd = open_at(f.target, "one");
    cr_assert_eq(pwrite(fd, "theirs", 6, 0), 6);
    write_claim(c, &a, fd, SPRAT_E_CHANGED);
    close(fd);
    claims_drop(c, &owners[0], SIZE_MAX);
    claims_free(c);
    fixture_fini(&f);
}

/* The guard may close while a thread of ours still writes by another descriptor, and another thread
 * may open the file before that descriptor is closed. */
Test(claims, our_own_writes_without_a_guard_are_no_strangers)
{
    struct fixture f;
    struct claims *c = claims_new(1), *other = claims_new(1);
    struct claimant a = who(0, 0, "Alpha", "one"), b = who(0, 1, "Alpha", "two");
    uint64_t one, two;
    int writing, late, fd, third;

    fixture_init(&f);
    writing = open_at(f.target, "one");
    one = write_claim(c, &a, writing, 0);
    fd = open_at(f.target, "two"); /* its guard takes the place of the first */
    two = write_claim(c, &b, fd, 0);
    cr_assert_eq(pwrite(writing, "ours", 4, 0), 4);
    late = open_at(f.target, "one");
    cr_expect_eq(write_claim(c, &a, late, 0), one, "nobody else wrote");
    close_claim(c, two, fd);
    fd = open_at(f.target, "two");
    write_claim(c, &b, fd, 0);
    close_claim(c, one, writing);
    third = open_at(f.target, "one");
    write_claim(other, &a, third, SPRAT_E_EXISTS); /* the lock has outlasted the descriptor it was
                                                      set on */
    cr_assert_eq(pwrite(late, "more", 4, 4), 4);
    close_claim(c, two, fd);
    close_claim(c, one, late);
    cr_expect_eq(write_claim(c, &a, third, 0), one, "nobody else wrote");
    claims_drop(c, &owners[0], SIZE_MAX);
    close_claim(c, one, third);
    claims_free(c);
    claims_free(other);
    fixture_fini(&f);
}

/* --- storages --- */

/* Two torrents of equal names and other content; |there| is where both are to go. */
struct pair {
    struct fixture a, b;
    struct storage *other; /* of b, on a's disk */
};

static void
pair_begin(struct pair *p)
{
    fixture_init(&p->a);
    fixture_init(&p->b);
    fixture_file(&p->a, "one", 1, 100000);
    fixture_file(&p->b, "one", 2, 100000);
    fixture_torrent(&p->a, METAINFO_HYBRID, 32768);
    fixture_torrent(&p->b, METAINFO_HYBRID, 32768);
    free(p->b.target);
    p->b.target = strdup(p->a.target);
}

static void
set_flag(void *user)
{
    *(bool *)user = true;
}

/* Opens b's storage on the disk and the queue of a. */
static void
pair_open(struct pair *p, bool writable)
{
    struct storage_options so = {.disk = p->a.disk, .done = p->a.q, .mi = p->b.mi,
                                 .dir = p->b.target, .writable = writable};
    struct errbuf eb = {""};

    cr_assert_eq(storage_new(&so, &p->other, &eb), 0, "%s", eb.text);
}

static void
pair_end(struct pair *p)
{
    bool closed = p->other == NULL;

    if (p->other != NULL)
        storage_close(p->other, set_flag, &closed);
    fixture_wait(&p->a, &closed);
    fixture_fini(&p->b);
    fixture_fini(&p->a);
}

static void
look(struct fixture *f, struct storage *s)
{
    struct outcome o = {0};

    cr_assert_eq(storage_look(s, outcome_set, &o), 0);
    fixture_wait(f, &o.done);
}

/* Writes a piece of |of| through |s|, whose results come to |f|. */
static void
write_piece(struct fixture *f, struct storage *s, const struct fixture *of, uint32_t piece,
            struct outcome *o)
{
    uint8_t *data = malloc(of->mi->piece_length);

    fixture_piece(of, piece, data);
    *o = (struct outcome){0};
    cr_assert_eq(storage_write(s, piece, 0, data, BLOCK_LEN, NULL, outcome_set, o), 0);
    fixture_wait(f, &o->done);
    free(data);
}

static void
read_block(struct fixture *f, struct storage *s, struct outcome *o)
{
    uint8_t data[16];

    *o = (struct outcome){0};
    cr_assert_eq(storage_read(s, 0, 0, sizeof(data), data, outcome_set, o), 0);
    fixture_wait(f, &o->done);
}

Test(claims, two_torrents_that_both_make_a_file)
{
    struct pair p = {.other = NULL};
    struct outcome o;

    pair_begin(&p);
    fixture_open(&p.a);
    pair_open(&p, true);
    look(&p.a, p.a.storage); /* neither has it */
    look(&p.a, p.other);
    write_piece(&p.a, p.a.storage, &p.a, 0, &o);
    cr_assert_eq(o.err, 0, "%s", o.why);
    write_piece(&p.a, p.other, &p.b, 0, &o);
    cr_expect_eq(o.err, SPRAT_E_EXISTS);
    cr_expect(strstr(o.why, "data/one") != NULL, "%s", o.why);
    write_piece(&p.a, p.a.storage, &p.a, 1, &o);
    cr_expect_eq(o.err, 0, "the first goes on: %s", o.why);
    pair_end(&p);
}

Test(claims, two_processes_that_both_make_a_file)
{
    struct pair p = {.other = NULL};
    struct outcome o;

    pair_begin(&p);
    fixture_open(&p.a);
    fixture_open(&p.b); /* a disk of its own */
    look(&p.a, p.a.storage);
    look(&p.b, p.b.storage);
    write_piece(&p.a, p.a.storage, &p.a, 0, &o);
    cr_assert_eq(o.err, 0, "%s", o.why);
    write_piece(&p.b, p.b.storage, &p.b, 0, &o);
    cr_expect_eq(o.err, SPRAT_E_EXISTS, "%s", o.why);
    look(&p.b, p.b.storage); /* the file exists now, and b must not write to it */
    write_piece(&p.b, p.b.storage, &p.b, 0, &o);
    cr_expect_eq(o.err, SPRAT_E_EXISTS, "%s", o.why);
    read_block(&p.b, p.b.storage, &o);
    cr_expect_eq(o.err, SPRAT_E_BUSY, "%s", o.why);
    storage_release(p.a.storage);
    read_block(&p.b, p.b.storage, &o);
    cr_expect_eq(o.err, 0, "%s", o.why);
    pair_end(&p);
}

Test(claims, hard_links_are_one_file)
{
    struct pair p = {.other = NULL};
    struct outcome o;
    char *there, *here;

    pair_begin(&p);
    free(p.b.target);
    cr_assert(asprintf(&p.b.target, "%s/b", p.b.dir) > 0);
    fixture_open(&p.a);
    pair_open(&p, true);
    write_piece(&p.a, p.a.storage, &p.a, 0, &o);
    cr_assert_eq(o.err, 0, "%s", o.why);
    there = fixture_path(p.b.target, "data");
    cr_assert_eq(mkdir(there, 0777), 0);
    free(there);
    there = fixture_path(p.b.target, "data/one");
    here = fixture_path(p.a.target, "data/one");
    cr_assert_eq(link(here, there), 0);
    look(&p.a, p.other);
    write_piece(&p.a, p.other, &p.b, 0, &o);
    cr_expect_eq(o.err, SPRAT_E_EXISTS);
    cr_expect(strstr(o.why, here) != NULL && strstr(o.why, there) != NULL, "%s", o.why);
    free(there);
    free(here);
    pair_end(&p);
}

Test(claims, two_names_that_are_one_file)
{
    struct fixture f;
    struct outcome o;
    char *a, *b;

    fixture_init(&f);
    fixture_file(&f, "ONE", 1, 32768);
    fixture_file(&f, "one", 2, 32768);
    fixture_torrent(&f, METAINFO_HYBRID, 32768);
    fixture_open(&f);
    write_piece(&f, f.storage, &f, 0, &o);
    cr_assert_eq(o.err, 0, "%s", o.why);
    a = fixture_path(f.target, "data/ONE");
    b = fixture_path(f.target, "data/one");
    cr_assert_eq(link(a, b), 0); /* as a file system does that folds case */
    write_piece(&f, f.storage, &f, 1, &o);
    cr_expect_eq(o.err, SPRAT_E_EXISTS);
    cr_expect(strstr(o.why, "data/ONE and data/one are one file") != NULL, "%s", o.why);
    free(a);
    free(b);
    fixture_fini(&f);
}

Test(claims, seeds_share_a_file)
{
    struct pair p = {.other = NULL};
    struct outcome o;

    pair_begin(&p);
    fixture_copy(&p.a);
    fixture_open(&p.a);
    pair_open(&p, false);
    look(&p.a, p.a.storage);
    look(&p.a, p.other);
    read_block(&p.a, p.a.storage, &o);
    cr_expect_eq(o.err, 0, "%s", o.why);
    read_block(&p.a, p.other, &o);
    cr_expect_eq(o.err, 0, "%s", o.why);
    write_piece(&p.a, p.a.storage, &p.a, 0, &o);
    cr_expect_eq(o.err, SPRAT_E_EXISTS, "not while another seeds it");
    pair_end(&p);
}

/* A claimed file that was deleted or replaced is not created again by the next write. */
Test(claims, a_file_that_is_gone_is_not_made_again)
{
    struct fixture f;
    struct outcome o;
    char *path, *other;

    fixture_init(&f);
    fixture_standard(&f, METAINFO_HYBRID);
    fixture_copy(&f);
    fixture_open(&f);
    look(&f, f.storage);
    path = fixture_path(f.target, "data/big");
    other = fixture_path(f.target, "data/other");
    fixture_write(other, "other", 5);
    cr_assert_eq(rename(other, path), 0);
    write_piece(&f, f.storage, &f, 0, &o);
    cr_expect_eq(o.err, SPRAT_E_CHANGED, "%s", o.why);
    look(&f, f.storage);
    cr_assert_eq(unlink(path), 0);
    write_piece(&f, f.storage, &f, 0, &o);
    cr_expect_eq(o.err, SPRAT_E_NOENT, "%s", o.why);
    fixture_write(path, "other", 5);
    write_piece(&f, f.storage, &f, 0, &o);
    cr_expect_eq(o.err, SPRAT_E_NOENT, "not before the next look: %s", o.why);
    free(path);
    free(other);
    fixture_fini(&f);
}
