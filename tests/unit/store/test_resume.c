/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Sessions of one torrent: which pieces are committed, which files the next session trusts, which
 * it checks, and which it refuses to overwrite. Pieces that the database has as stored are on disk,
 * also after the process was killed at any moment.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/sys/clock.h"
#include "peer/store/commit.h"
#include "peer/store/layout.h"
#include "peer/store/resume.h"
#include "tests/unit/store/fixture.h"

struct session {
    struct fixture *f;
    struct state *st;
    int64_t id;
    struct commit *commit;
    bool resumed, flushed;
    int err, flush_err;
    char why[ERRBUF_SIZE], note[ERRBUF_SIZE];
    uint32_t trusted, checked, have;
    struct bitfield pieces;
    uint32_t committed; /* pieces reported by the commit */
};

static void
on_committed(void *user, int err, const char *why, const uint32_t *pieces, size_t count)
{
    struct session *s = user;

    (void)why;
    (void)pieces;
    if (err == 0)
        s->committed += (uint32_t)count;
}

static void
on_resumed(void *user, struct resume_result *res)
{
    struct session *s = user;

    s->resumed = true;
    s->err = res->err;
    snprintf(s->why, sizeof(s->why), "%s", res->why);
    snprintf(s->note, sizeof(s->note), "%s", res->note != NULL ? res->note : "");
    s->trusted = res->trusted;
    s->checked = res->checked;
    s->have = res->have->count;
    bitfield_copy(&s->pieces, res->have);
}

/* Begins a session: storage, database, resume. */
static void
session_begin_with(struct session *s, struct fixture *f, struct resume_options ro)
{
    struct errbuf eb = {0};
    struct commit_options co = {.done = on_committed, .user = s};

    *s = (struct session){.f = f};
    ro.done = on_resumed;
    ro.user = s;
    fixture_open(f);
    cr_assert_eq(bitfield_init(&s->pieces, f->mi->piece_count), 0);
    cr_assert_eq(state_open(f->state_dir, "test", &s->st, &eb), 0, "%s", eb.text);
    cr_assert_eq(
        state_add(s->st, &(struct state_addition){.mi = f->mi, .dir = f->target}, &s->id, &eb), 0,
        "%s", eb.text);
    ro.storage = co.storage = f->storage;
    ro.state = co.state = s->st;
    ro.id = co.id = s->id;
    s->commit = commit_new(&co);
    cr_assert_not_null(s->commit);
    cr_assert_not_null(resume_start(&ro));
    fixture_wait(f, &s->resumed);
}

static void
session_begin(struct session *s, struct fixture *f, bool download)
{
    session_begin_with(s, f, (struct resume_options){.download = download});
}

static void
on_flushed(void *user, int err, const char *why)
{
    struct session *s = user;

    (void)why;
    s->flushed = true;
    s->flush_err = err;
}

static int
flush(struct session *s, bool last)
{
    s->flushed = false;
    cr_assert_eq(commit_flush(s->commit, clock_mono(), last, false, on_flushed, s), 0);
    fixture_wait(s->f, &s->flushed);
    return s->flush_err;
}

/* Ends the session, cleanly or (not |clean|) as if the process had been killed. */
static void
session_end(struct session *s, bool clean)
{
    if (clean)
        cr_expect_eq(flush(s, true), 0);
    commit_free(s->commit);
    while (!doneq_idle(s->f->q))
        doneq_wait(s->f->q, 10);
    state_close(s->st);
    fixture_close(s->f);
    bitfield_fini(&s->pieces);
}

/* Writes and commits one piece. */
static void
get_piece(struct session *s, uint32_t piece)
{
    cr_assert_eq(fixture_write_piece(s->f, piece), 0);
    commit_touch(s->commit, clock_mono());
    cr_assert_eq(commit_add(s->commit, piece, clock_mono()), 0);
}

/* Runs |cmd| in the target's data, with S as the original. */
static void
in_target(const struct fixture *f, const char *cmd)
{
    char *line;

    cr_assert(asprintf(&line, "mkdir -p %s/data && cd %s/data && S=%s/data && %s", f->target,
                       f->target, f->source, cmd) > 0);
    cr_assert_eq(system(line), 0);
    free(line);
}

Test(resume, clean_session_is_believed)
{
    static const enum metainfo_format formats[] = {METAINFO_V1, METAINFO_V2, METAINFO_HYBRID};

    for (size_t i = 0; i < 3; i++) {
        struct fixture f;
        struct session s;

        fixture_init(&f);
        fixture_standard(&f, formats[i]);
        session_begin(&s, &f, true);
        cr_assert_eq(s.err, 0, "%s", s.why);
        cr_expect_eq(s.have, 0);
        get_piece(&s, 0);
        get_piece(&s, 2);
        session_end(&s, true);
        session_begin(&s, &f, true);
        cr_assert_eq(s.err, 0, "%s", s.why);
        cr_expect_eq(s.trusted, 2);
        cr_expect_eq(s.checked, 0);
        cr_expect(bitfield_get(&s.pieces, 0) && bitfield_get(&s.pieces, 2));
        cr_expect_str_eq(s.note, "");
        session_end(&s, true);
        fixture_fini(&f);
    }
}

Test(resume, group_waits_its_time_and_no_longer)
{
    struct fixture f;
    struct session s;
    struct mono now;

    fixture_init(&f);
    fixture_standard(&f, METAINFO_V1);
    session_begin(&s, &f, true);
    cr_assert_eq(fixture_write_piece(&f, 0), 0);
    now = clock_mono();
    cr_assert_eq(commit_add(s.commit, 0, now), 0);
    cr_expect_eq(commit_expiry(s.commit).us, mono_add_ms(now, COMMIT_DELAY_MS).us);
    commit_run(s.commit, mono_add_ms(now, COMMIT_DELAY_MS - 1));
    cr_expect_eq(commit_expiry(s.commit).us, mono_add_ms(now, COMMIT_DELAY_MS).us);
    commit_run(s.commit, mono_add_ms(now, COMMIT_DELAY_MS));
    cr_expect_eq(commit_expiry(s.commit).us, MONO_NEVER.us, "under way");
    for (int i = 0; i < 500 && s.committed == 0; i++)
        doneq_wait(f.q, 10);
    cr_expect_eq(s.committed, 1);
    cr_expect(commit_idle(s.commit));
    session_end(&s, true);
    fixture_fini(&f);
}

Test(resume, after_a_crash_only_flying_pieces_are_checked)
{
    struct fixture f;
    struct session s;

    fixture_init(&f);
    fixture_file(&f, "big", 1, 64 * 32768);
    fixture_torrent(&f, METAINFO_V1, 32768);
    session_begin(&s, &f, true);
    for (uint32_t p = 0; p < 20; p++)
        get_piece(&s, p);
    cr_assert_eq(flush(&s, false), 0);
    cr_assert_eq(fixture_write_piece(&f, 30), 0); /* verified or not: it was not committed */
    session_end(&s, false);
    session_begin(&s, &f, true);
    cr_assert_eq(s.err, 0, "%s", s.why);
    cr_expect_eq(s.trusted, 20);
    cr_expect(bitfield_get(&s.pieces, 30), "what was in flight and is right is had");
    cr_expect_eq(s.have, 21);
    cr_expect_str_eq(s.note, "");
    session_end(&s, true);
    session_begin(&s, &f, true);
    cr_expect_eq(s.trusted, 21, "and is believed from then on");
    cr_expect_eq(s.checked, 0);
    session_end(&s, true);
    fixture_fini(&f);
}

/* While a session runs, the database is not clean, so a change by another program soon after the
 * last stamp looks like our own write before a crash. A caller that knows better sets |strict|. */
Test(resume, a_change_that_was_noticed_is_not_taken_for_our_own)
{
    struct fixture f;
    struct session s;
    char *path;
    int fd;

    fixture_init(&f);
    fixture_file(&f, "big", 1, 8 * 32768);
    fixture_torrent(&f, METAINFO_V1, 32768);
    session_begin(&s, &f, true);
    for (uint32_t p = 0; p < 6; p++)
        get_piece(&s, p);
    cr_assert_eq(flush(&s, false), 0);
    path = fixture_path(f.target, "data/big");
    fd = open(path, O_WRONLY | O_CLOEXEC);
    cr_assert_eq(pwrite(fd, "x", 1, 40000), 1);
    close(fd);
    session_end(&s, false);
    session_begin_with(&s, &f, (struct resume_options){.download = true, .strict = true});
    cr_assert_eq(s.err, 0, "%s", s.why);
    cr_expect_not(bitfield_get(&s.pieces, 1));
    cr_expect_eq(s.have, 5);
    session_end(&s, true);
    free(path);
    fixture_fini(&f);
}

/* A crash may have followed a failed fsync: a seeder reads what is there, but only a download,
 * which writes it once more, may vouch for it. */
Test(resume, a_seeder_does_not_vouch_for_what_a_crash_left)
{
    struct fixture f;
    struct session s;

    fixture_init(&f);
    fixture_file(&f, "big", 1, 8 * 32768);
    fixture_torrent(&f, METAINFO_V1, 32768);
    session_begin(&s, &f, true);
    for (uint32_t p = 0; p < 6; p++)
        get_piece(&s, p);
    cr_assert_eq(flush(&s, false), 0);
    cr_assert_eq(fixture_write_piece(&f, 6), 0);
    cr_assert_eq(fixture_write_piece(&f, 7), 0);
    session_end(&s, false);
    for (int i = 0; i < 2; i++) {
        session_begin(&s, &f, false);
        cr_assert_eq(s.err, 0, "%s", s.why);
        cr_expect_eq(s.trusted, 6, "session %d", i);
        cr_expect_eq(s.have, 8, "what is right is served");
        session_end(&s, false);
    }
    session_begin(&s, &f, true);
    cr_expect_eq(s.trusted, 6);
    cr_expect_eq(s.have, 8);
    session_end(&s, true);
    session_begin(&s, &f, false);
    cr_expect_eq(s.trusted, 8, "what was written once more is believed");
    session_end(&s, false);
    fixture_fini(&f);
}

/* Killed before anything was committed: the files are ours all the same. */
Test(resume, files_of_a_killed_first_session_are_ours)
{
    struct fixture f;
    struct session s;

    fixture_init(&f);
    fixture_standard(&f, METAINFO_HYBRID);
    session_begin(&s, &f, true);
    uint8_t *junk = malloc(BLOCK_LEN);
    struct outcome o = {0};
    memset(junk, 'j', BLOCK_LEN);
    cr_assert_eq(storage_write(f.storage, 1, 0, junk, BLOCK_LEN, NULL, outcome_set, &o), 0);
    fixture_wait(&f, &o.done);
    session_end(&s, false);
    session_begin(&s, &f, true);
    cr_expect_eq(s.err, 0, "%s", s.why);
    cr_expect_eq(s.have, 0);
    session_end(&s, false);
    session_begin(&s, &f, true);
    cr_expect_eq(s.err, 0, "and after a second crash: %s", s.why);
    session_end(&s, true);
    session_begin(&s, &f, true);
    cr_expect_eq(s.err, 0, "and after a clean end: %s", s.why);
    session_end(&s, true);
    free(junk);
    fixture_fini(&f);
}

/* A file touched between sessions is checked; what is still right stays. */
Test(resume, changed_file_is_checked)
{
    struct fixture f;
    struct session s;
    char *path;
    int fd;

    fixture_init(&f);
    fixture_standard(&f, METAINFO_HYBRID);
    session_begin(&s, &f, true);
    for (uint32_t p = 0; p < f.mi->piece_count; p++)
        get_piece(&s, p);
    session_end(&s, true);
    path = fixture_path(f.target, "data/big");
    fd = open(path, O_WRONLY | O_CLOEXEC);
    cr_assert_eq(pwrite(fd, "x", 1, 40000), 1);
    close(fd);
    session_begin(&s, &f, true);
    cr_assert_eq(s.err, 0, "%s", s.why);
    cr_expect_eq(s.have, f.mi->piece_count - 1);
    cr_expect_not(bitfield_get(&s.pieces, 1));
    cr_expect_eq(s.checked, 5);
    cr_expect_not_null(strstr(s.note, "data/big"), "%s", s.note);
    session_end(&s, true);
    session_begin(&s, &f, true);
    cr_expect_eq(s.have, f.mi->piece_count - 1);
    cr_expect_eq(s.checked, 0, "once is enough");
    session_end(&s, true);
    cr_assert_eq(unlink(path), 0);
    session_begin_with(&s, &f, (struct resume_options){.download = true, .refetch = true});
    cr_assert_eq(s.err, 0, "%s", s.why);
    cr_expect_eq(s.have, f.mi->piece_count - 5);
    cr_expect_not_null(strstr(s.note, "is gone"), "%s", s.note);
    session_end(&s, true);
    free(path);
    fixture_fini(&f);
}

/* Missing data keeps its have-bits until the user agrees to download it again. */
Test(resume, what_is_gone_is_not_forgotten)
{
    static const char *const harms[] = {"mv big gone", "cp big gone && truncate -s 100000 big",
                                        "cd .. && mv data gone && mkdir -p data",
                                        "cp big gone && : >big"};
    static const char *const mends[] = {"mv gone big", "mv gone big",
                                        "cd .. && rm -r data && mv gone data", "mv gone big"};

    for (size_t i = 0; i < sizeof(harms) / sizeof(harms[0]); i++) {
        struct fixture f;
        struct session s;

        fixture_init(&f);
        fixture_standard(&f, METAINFO_HYBRID);
        session_begin(&s, &f, true);
        for (uint32_t p = 0; p < f.mi->piece_count; p++)
            get_piece(&s, p);
        session_end(&s, true);
        in_target(&f, harms[i]);
        for (int round = 0; round < 2; round++) {
            session_begin(&s, &f, true);
            cr_expect_eq(s.err, SPRAT_E_GONE, "%s: %s", harms[i], s.why);
            cr_expect_not_null(strstr(s.why, "data/big"), "%s", s.why);
            session_end(&s, true);
            session_begin(&s, &f, false);
            cr_expect_eq(s.err, 0, "who only seeds serves the rest: %s", s.why);
            cr_expect_lt(s.have, f.mi->piece_count);
            session_end(&s, true);
        }
        in_target(&f, mends[i]);
        session_begin(&s, &f, true);
        cr_expect_eq(s.err, 0, "%s: %s", mends[i], s.why);
        cr_expect_eq(s.have, f.mi->piece_count, "%s", mends[i]);
        session_end(&s, true);
        in_target(&f, "rm big");
        session_begin_with(&s, &f, (struct resume_options){.download = true, .refetch = true});
        cr_expect_eq(s.err, 0, "%s", s.why);
        session_end(&s, true);
        session_begin(&s, &f, true);
        cr_expect_eq(s.err, 0, "given up once is given up: %s", s.why);
        session_end(&s, true);
        fixture_fini(&f);
    }
}

Test(resume, seeding_checks_strange_data_once)
{
    struct fixture f;
    struct session s;

    fixture_init(&f);
    fixture_standard(&f, METAINFO_HYBRID);
    fixture_copy(&f);
    session_begin(&s, &f, false);
    cr_assert_eq(s.err, 0, "%s", s.why);
    cr_expect_eq(s.have, f.mi->piece_count);
    cr_expect_eq(s.checked, f.mi->piece_count);
    session_end(&s, false); /* a seeder writes nothing: a kill costs nothing */
    session_begin(&s, &f, false);
    cr_expect_eq(s.trusted, f.mi->piece_count);
    cr_expect_eq(s.checked, 0);
    session_end(&s, false);
    fixture_fini(&f);
}

/* Downloads over a file of another program, which |cmd| makes. */
static int
get_over_with(enum metainfo_format format, const char *cmd, bool adopt)
{
    struct fixture f;
    struct session s;
    int err;

    fixture_init(&f);
    fixture_standard(&f, format);
    in_target(&f, cmd);
    session_begin_with(&s, &f, (struct resume_options){.download = true, .adopt = adopt});
    err = s.err;
    if (err == SPRAT_E_EXISTS)
        cr_expect_not_null(strstr(s.why, "data/big"), "%s", s.why);
    for (uint32_t p = 0; err == 0 && p < f.mi->piece_count; p++)
        if (!bitfield_get(&s.pieces, p))
            get_piece(&s, p);
    session_end(&s, err == 0);
    cr_expect(err != 0 || fixture_same(&f, "data/big"), "%s", cmd);
    fixture_fini(&f);
    return err;
}

static int
get_over(enum metainfo_format format, const char *cmd)
{
    return get_over_with(format, cmd, false);
}

Test(resume, strangers_files_are_not_written_over)
{
    static const enum metainfo_format formats[] = {METAINFO_V1, METAINFO_V2, METAINFO_HYBRID};

    for (size_t i = 0; i < 3; i++) {
        cr_expect_eq(get_over(formats[i], "echo hello >big"), SPRAT_E_EXISTS);
        cr_expect_eq(get_over(formats[i], "cp $S/big . && echo more >>big"), SPRAT_E_EXISTS);
        cr_expect_eq(get_over(formats[i], "head -c 150000 /dev/urandom >big"), SPRAT_E_EXISTS);
        cr_expect_eq(get_over(formats[i], "head -c 32000 $S/big >big"), SPRAT_E_EXISTS,
                     "less than a piece");
        cr_expect_eq(get_over(formats[i], "mkdir big"), SPRAT_E_EXISTS);
        cr_expect_eq(get_over(formats[i], "ln -s /etc/passwd big"), SPRAT_E_EXISTS);
        cr_expect_eq(get_over(formats[i], "cp $S/big ."), 0, "right content is taken over");
        cr_expect_eq(get_over(formats[i], "cp -R $S/. ."), 0);
        cr_expect_eq(get_over(formats[i], ": >big"), 0, "an empty file holds nothing");
        cr_expect_eq(get_over(formats[i], "truncate -s 150000 big"), 0, "zeros hold nothing");
        cr_expect_eq(get_over(formats[i], "head -c 65536 $S/big >big && truncate -s 150000 big"), 0,
                     "the beginning of it, and zeros");
    }
}

Test(resume, data_that_is_partly_right_is_completed)
{
    static const enum metainfo_format formats[] = {METAINFO_V1, METAINFO_V2, METAINFO_HYBRID};
    static const char *const cmds[] = {
        "cp $S/big . && printf x | dd of=big bs=1 seek=100 conv=notrunc 2>/dev/null",
        "head -c 100000 $S/big >big",
        "head -c 75000 $S/big >big && head -c 75000 /dev/zero >>big",
        "tail -c 53000 $S/big >tail && truncate -s 97000 big && cat tail >>big",
    };

    for (size_t i = 0; i < 3; i++)
        for (size_t k = 0; k < sizeof(cmds) / sizeof(cmds[0]); k++)
            cr_expect_eq(get_over(formats[i], cmds[k]), 0, "%s", cmds[k]);
}

/* Pieces of an adopted file are stored after a sync, and are trusted from then on. */
Test(resume, what_was_adopted_is_ours_from_then_on)
{
    struct fixture f;
    struct session s;

    fixture_init(&f);
    fixture_standard(&f, METAINFO_HYBRID);
    in_target(&f, "head -c 100000 $S/big >big");
    session_begin(&s, &f, true);
    cr_assert_eq(s.err, 0, "%s", s.why);
    cr_expect_eq(s.have, 3);
    cr_expect_not_null(strstr(s.note, "data/big existed already: 3 of 5 pieces match"), "%s",
                       s.note);
    session_end(&s, true);
    session_begin(&s, &f, true);
    cr_assert_eq(s.err, 0, "%s", s.why);
    cr_expect_eq(s.trusted, 3);
    cr_expect_eq(s.checked, 0);
    session_end(&s, true);
    fixture_fini(&f);
}

Test(resume, the_user_may_say_that_all_is_overwritten)
{
    cr_expect_eq(get_over_with(METAINFO_V1, "echo hello >big", true), 0);
    cr_expect_eq(get_over_with(METAINFO_V2, "head -c 150000 /dev/urandom >big", true), 0);
    cr_expect_eq(get_over_with(METAINFO_HYBRID, "cp $S/big . && echo more >>big", true), 0,
                 "and what is behind the end is cut");
    cr_expect_eq(get_over_with(METAINFO_V1, "head -c 200000 /dev/urandom >big", true), 0);
    cr_expect_eq(get_over_with(METAINFO_V1, "mkdir big", true), SPRAT_E_EXISTS, "no directory");
}

/* The row of the torrent in |f|, which is spratd's. */
static int64_t
give_to_spratd(const struct fixture *f)
{
    struct state *st;
    int64_t id;

    cr_assert_eq(state_open(f->state_dir, "test", &st, NULL), 0);
    cr_assert_eq(state_add(st,
                           &(struct state_addition){.mi = f->mi, .dir = f->target, .managed = true},
                           &id, NULL),
                 0);
    state_close(st);
    return id;
}

/* The standard torrent, whole in |target| and in the database. */
static void
seed_standard(struct fixture *f, struct session *s)
{
    fixture_standard(f, METAINFO_HYBRID);
    fixture_copy(f);
    session_begin(s, f, false);
    cr_assert_eq(s->have, f->mi->piece_count);
    session_end(s, true);
}

/* From now on the torrent is one whose "big" has another end. */
static void
change_torrent(struct fixture *f)
{
    char *path = fixture_path(f->source, "data/big");
    FILE *big = fopen(path, "r+");

    cr_assert_not_null(big);
    cr_assert_eq(fseek(big, 140000, SEEK_SET), 0);
    cr_assert_neq(fputs("another end", big), EOF);
    cr_assert_eq(fclose(big), 0);
    free(path);
    fixture_torrent(f, METAINFO_HYBRID, 32768);
}

Test(resume, a_file_of_another_torrent_is_not_written_to)
{
    struct fixture f;
    struct session s;
    struct state *st;
    int64_t seeded;

    fixture_init(&f);
    seed_standard(&f, &s);
    seeded = give_to_spratd(&f);
    change_torrent(&f);
    for (int i = 0; i < 2; i++) {
        session_begin_with(&s, &f, (struct resume_options){.download = true, .adopt = i == 1});
        cr_expect_eq(s.err, SPRAT_E_EXISTS);
        cr_expect_not_null(strstr(s.why, "data/big"), "%s", s.why);
        cr_expect_not_null(strstr(s.why, "would be overwritten"), "%s", s.why);
        session_end(&s, false);
    }
    /* To read it is no harm. */
    session_begin(&s, &f, false);
    cr_expect_eq(s.err, 0, "%s", s.why);
    session_end(&s, true);
    cr_assert_eq(state_open(f.state_dir, "test", &st, NULL), 0);
    cr_assert_eq(state_apply(st, seeded, &(struct state_update){.remove = true}, NULL), 0);
    state_close(st);
    session_begin(&s, &f, true);
    cr_expect_eq(s.err, 0, "%s", s.why);
    cr_expect_eq(s.have, f.mi->piece_count - 1);
    session_end(&s, true);
    fixture_fini(&f);
}

/* The seed's directory is a tree of links to where the other torrent goes. */
Test(resume, a_file_that_another_torrent_reads_through_a_link_is_not_written_to)
{
    struct fixture f;
    struct session s;
    char *links, *real, *cmd;

    fixture_init(&f);
    fixture_standard(&f, METAINFO_HYBRID);
    fixture_copy(&f);
    links = fixture_path(f.dir, "links");
    cr_assert(asprintf(&cmd, "cp -rs '%s' '%s'", f.target, links) > 0);
    cr_assert_eq(system(cmd), 0);
    real = f.target;
    f.target = links;
    session_begin(&s, &f, false);
    cr_expect_eq(s.have, f.mi->piece_count, "links of their owner are followed");
    session_end(&s, true);
    give_to_spratd(&f);
    f.target = real;
    change_torrent(&f);
    session_begin(&s, &f, true);
    cr_expect_eq(s.err, SPRAT_E_EXISTS, "%s", s.why);
    cr_expect_not_null(strstr(s.why, "would be overwritten"), "%s", s.why);
    session_end(&s, false);
    free(links);
    free(cmd);
    fixture_fini(&f);
}

Test(resume, a_file_of_a_torrent_that_nobody_has_may_be_written_to)
{
    struct fixture f;
    struct session s;
    struct state *st;
    struct lockfile *lock;

    fixture_init(&f);
    seed_standard(&f, &s);
    cr_assert_eq(state_open(f.state_dir, "test", &st, NULL), 0);
    cr_assert_eq(state_lock_torrent(st, &f.mi->id, f.mi->name, false, &lock, NULL), 0);
    change_torrent(&f);
    session_begin(&s, &f, true);
    cr_expect_eq(s.err, SPRAT_E_EXISTS, "a live process has it");
    session_end(&s, false);
    lockfile_release(lock);
    state_close(st);
    session_begin(&s, &f, true);
    cr_expect_eq(s.err, 0, "%s", s.why);
    session_end(&s, true);
    fixture_fini(&f);
}

/* A file that both have whole is read by both. */
Test(resume, a_whole_file_of_two_torrents_is_shared)
{
    struct fixture f;
    struct session s;

    fixture_init(&f);
    seed_standard(&f, &s);
    give_to_spratd(&f);
    fixture_file(&f, "another", 7, 40000);
    fixture_torrent(&f, METAINFO_HYBRID, 32768);
    session_begin(&s, &f, true);
    cr_expect_eq(s.err, 0, "%s", s.why);
    session_end(&s, true);
    fixture_fini(&f);
}

/* Zeros, or another repeated byte, match in many files. */
Test(resume, a_piece_that_matches_by_accident_proves_nothing)
{
    for (size_t i = 0; i < 2; i++) {
        struct fixture f;
        struct session s;
        char *path;
        uint8_t *bytes = malloc(131072);

        fixture_init(&f);
        fixture_file(&f, "image", 1, 131072);
        fixture_file(&f, "other", 3, 10);
        path = fixture_path(f.source, "data/image");
        for (size_t k = 0; k < 131072; k++)
            bytes[k] = k < 65536 ? fixture_byte(1, k) : i == 0 ? 0 : 0xff;
        fixture_write(path, bytes, 131072);
        fixture_torrent(&f, METAINFO_V2, 32768);
        in_target(&f, ":");
        free(path);
        path = fixture_path(f.target, "data/image");
        for (size_t k = 0; k < 65536; k++)
            bytes[k] = fixture_byte(2, k);
        fixture_write(path, bytes, 131072);
        session_begin(&s, &f, true);
        cr_expect_eq(s.err, SPRAT_E_EXISTS, "%zu: %s", i, s.why);
        cr_expect_not_null(strstr(s.why, "2 of 4 pieces match"), "%s", s.why);
        session_end(&s, false);
        free(bytes);
        free(path);
        fixture_fini(&f);
    }
}

/* The first piece of "b" lies mostly in "a", which is right: so few bytes of "b" prove nothing. */
Test(resume, a_piece_of_two_files_proves_what_it_holds_enough_of)
{
    static const size_t in_a[] = {32768 - 100, 32768 - 5000};

    for (size_t i = 0; i < 2; i++) {
        struct fixture f;
        struct session s;
        char *cmd;

        fixture_init(&f);
        fixture_file(&f, "a", 1, in_a[i]);
        fixture_file(&f, "b", 2, 100000);
        fixture_torrent(&f, METAINFO_V1, 32768);
        cr_assert(asprintf(&cmd, "cp $S/a . && head -c %zu $S/b >b && head -c %zu /dev/urandom >>b",
                           32768 - in_a[i], 100000 - 32768 + in_a[i]) > 0);
        in_target(&f, cmd);
        session_begin(&s, &f, true);
        cr_expect_eq(s.err, i == 0 ? SPRAT_E_EXISTS : 0, "%zu: %s", in_a[i], s.why);
        session_end(&s, false);
        free(cmd);
        fixture_fini(&f);
    }
}

/* Pieces are claimed only when they are on disk: a child downloads and is killed at some moment. */
static _Noreturn void
download_until_killed(struct fixture *f)
{
    struct session s;

    session_begin(&s, f, true);
    if (s.err != 0)
        _exit(3);
    for (uint32_t k = 0; k < f->mi->piece_count * 4; k++) {
        uint32_t piece = (k * 7) % f->mi->piece_count;
        if (bitfield_get(&s.pieces, piece))
            continue;
        if (fixture_write_piece(f, piece) != 0)
            _exit(4);
        bitfield_set(&s.pieces, piece);
        commit_touch(s.commit, clock_mono());
        commit_add(s.commit, piece, clock_mono());
        if (k % 5 == 0)
            commit_flush(s.commit, clock_mono(), false, false, NULL, NULL);
        doneq_drain(f->q);
    }
    for (;;) {
        commit_run(s.commit, clock_mono());
        doneq_wait(f->q, 5);
    }
}

/* Every piece of |claimed| must be right in the target. */
static void
expect_claims_hold(struct fixture *f, const struct bitfield *claimed)
{
    uint8_t *want = malloc(f->mi->piece_length), *got = malloc(f->mi->piece_length);

    for (uint32_t p = bitfield_next_set(claimed, 0); p < claimed->nbits;
         p = bitfield_next_set(claimed, p + 1)) {
        struct layout_walk w;
        struct layout_range r;
        fixture_piece(f, p, want);
        layout_walk_init(&w, f->mi, p, 0, metainfo_piece_len(f->mi, p));
        for (uint8_t *at = want; layout_walk_next(&w, &r); at += r.len) {
            char *path;
            if (!r.stored)
                continue;
            path = fixture_path(f->target, f->mi->files[r.file].path);
            int fd = open(path, O_RDONLY | O_CLOEXEC);
            cr_assert_eq(pread(fd, got, r.len, (off_t)r.offset), (ssize_t)r.len, "piece %u", p);
            cr_assert_arr_eq(got, at, r.len, "piece %u", p);
            close(fd);
            free(path);
        }
    }
    free(want);
    free(got);
}

/* What the database claims, which another process may be adding to;
 * to be freed by bitfield_fini(). */
static struct bitfield
read_claims(struct fixture *f)
{
    struct bitfield claimed;
    struct state *st;
    int64_t id;

    cr_assert_eq(bitfield_init(&claimed, f->mi->piece_count), 0);
    cr_assert_eq(state_open(f->state_dir, "parent", &st, NULL), 0);
    cr_assert_eq(state_add(st, &(struct state_addition){.mi = f->mi, .dir = f->target}, &id, NULL),
                 0);
    cr_assert_eq(state_load_have(st, id, &claimed, NULL), 0);
    state_close(st);
    return claimed;
}

static void
await_first_claim(struct fixture *f, pid_t pid)
{
    uint32_t count = 0;

    while (count == 0) {
        struct bitfield claimed = read_claims(f);

        count = claimed.count;
        bitfield_fini(&claimed);
        cr_assert_eq(waitpid(pid, NULL, WNOHANG), 0, "the child has ended by itself");
        usleep(5000);
    }
}

Test(resume, claims_hold_after_kill)
{
    enum { ROUNDS = 12 };
    struct fixture f;
    unsigned seed = 12345;
    uint32_t before = 0;

    fixture_init(&f);
    fixture_file(&f, "a", 1, 40 * 32768 + 77);
    fixture_file(&f, "b/c", 2, 23 * 32768 + 5);
    fixture_torrent(&f, METAINFO_HYBRID, 32768);
    for (int round = 0; round < ROUNDS; round++) {
        struct bitfield claimed;
        int status;
        pid_t pid = fork();

        cr_assert_geq(pid, 0);
        if (pid == 0)
            download_until_killed(&f);
        seed = seed * 1103515245 + 12345;
        usleep(5000 + (seed >> 16) % 60000);
        /* On a busy machine all of the short lives may have ended before their first commit. */
        if (round == ROUNDS - 1 && before == 0)
            await_first_claim(&f, pid);
        cr_assert_eq(kill(pid, SIGKILL), 0);
        cr_assert_eq(waitpid(pid, &status, 0), pid);
        cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "status %x",
                  (unsigned)status);
        claimed = read_claims(&f);
        expect_claims_hold(&f, &claimed);
        cr_expect_geq(claimed.count, before, "nothing committed is lost");
        before = claimed.count;
        bitfield_fini(&claimed);
    }
    cr_expect_gt(before, 0);
    fixture_fini(&f);
}

/* A full disk at the sync or in the database: the pieces stay, and the next try stores them. */
Test(resume, failed_group_is_tried_again)
{
    struct fixture f;
    struct session s;
    struct state *other;

    fixture_init(&f);
    fixture_standard(&f, METAINFO_V1);
    session_begin(&s, &f, true);
    get_piece(&s, 0);
    cr_assert_eq(flush(&s, false), 0);
    get_piece(&s, 1);
    cr_assert_eq(state_open(f.state_dir, "other", &other, NULL), 0);
    cr_assert_eq(state_apply(other, s.id, &(struct state_update){.remove = true}, NULL), 0);
    cr_expect_eq(flush(&s, false), SPRAT_E_NOTFOUND);
    cr_expect_not(commit_idle(s.commit));
    cr_expect_gt(mono_diff_ms(commit_expiry(s.commit), clock_mono()), COMMIT_RETRY_MS / 2);
    cr_expect_eq(s.committed, 1);
    cr_assert_eq(
        state_add(other, &(struct state_addition){.mi = f.mi, .dir = f.target}, &s.id, NULL), 0);
    state_close(other);
    cr_expect_eq(flush(&s, false), 0, "the row came back under its id");
    cr_expect_eq(s.committed, 2);
    session_end(&s, true);
    fixture_fini(&f);
}

Test(resume, can_be_cancelled)
{
    struct fixture f;
    struct session s = {.f = &f};
    struct resume_options ro = {.done = on_resumed, .user = &s};
    struct resume *r;

    fixture_init(&f);
    fixture_standard(&f, METAINFO_V1);
    fixture_copy(&f);
    fixture_open(&f);
    cr_assert_eq(bitfield_init(&s.pieces, f.mi->piece_count), 0);
    cr_assert_eq(state_open(f.state_dir, "test", &s.st, NULL), 0);
    cr_assert_eq(
        state_add(s.st, &(struct state_addition){.mi = f.mi, .dir = f.target}, &s.id, NULL), 0);
    ro.storage = f.storage;
    ro.state = s.st;
    ro.id = s.id;
    r = resume_start(&ro);
    cr_assert_not_null(r);
    resume_cancel(r);
    fixture_wait(&f, &s.resumed);
    cr_expect_eq(s.err, SPRAT_E_CANCELLED);
    while (!doneq_idle(f.q))
        doneq_wait(f.q, 10);
    state_close(s.st);
    bitfield_fini(&s.pieces);
    fixture_fini(&f);
}
