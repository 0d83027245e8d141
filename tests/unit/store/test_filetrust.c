/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Which files and pieces are trusted, for each difference between a file and its record.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "peer/store/filetrust.h"
#include "tests/unit/store/fixture.h"

enum { NS_PER_MS = 1000000 };

struct rig {
    struct fixture f;
    struct filetrust trust;
    size_t big; /* a file of several pieces */
    struct errbuf note;
};

static void
look(struct rig *r)
{
    struct outcome o = {.done = false};

    cr_assert_eq(storage_look(r->f.storage, outcome_set, &o), 0);
    fixture_wait(&r->f, &o.done);
}

/* All files are there, and the database has matching records and all have-bits. */
static void
start(struct rig *r, const struct filetrust_rules *rules)
{
    memset(r, 0, sizeof(*r));
    fixture_init(&r->f);
    fixture_standard(&r->f, METAINFO_HYBRID);
    fixture_copy(&r->f);
    fixture_open(&r->f);
    look(r);
    cr_assert_eq(filetrust_init(&r->trust, r->f.storage, rules), 0);
    r->trust.clean = true;
    bitfield_set_all(&r->trust.stored);
    for (size_t i = 0; i < r->f.mi->file_count; i++) {
        struct storage_stamp s = storage_file_stamp(r->f.storage, i);

        r->trust.records[i] = (struct state_file){
            .present = s.known, .size = s.size, .mtime_ns = s.mtime_ns, .inode = s.inode};
        if (r->f.mi->files[i].length > r->f.mi->files[r->big].length)
            r->big = i;
    }
    cr_assert_gt(r->f.mi->files[r->big].piece_count, 1);
}

static void
stop(struct rig *r)
{
    filetrust_fini(&r->trust);
    fixture_fini(&r->f);
}

static enum file_trust
judge(struct rig *r)
{
    filetrust_judge(&r->trust, &r->note);
    return r->trust.files[r->big];
}

static enum piece_trust
big_piece(const struct rig *r)
{
    return filetrust_piece(&r->trust, r->f.mi->files[r->big].first_piece);
}

Test(filetrust, all_that_matches_is_trusted)
{
    const struct filetrust_rules rules = {.strict = true};
    struct rig r;

    start(&r, &rules);
    cr_expect_eq(judge(&r), TRUST_VOUCHED);
    for (uint32_t p = 0; p < r.f.mi->piece_count; p++)
        cr_expect_eq(filetrust_piece(&r.trust, p), PIECE_TRUSTED);
    cr_expect_eq(r.trust.gone_count, 0);
    cr_expect_str_eq(r.note.text, "");
    bitfield_clear(&r.trust.stored, r.f.mi->files[r.big].first_piece);
    cr_expect_eq(big_piece(&r), PIECE_MISSING, "the file is as recorded, without this piece");
    stop(&r);
}

/* A row changes the record of a file, or what is known of the last session. */
struct change {
    const char *what;
    int64_t late_ns; /* the file is younger than its record by this */
    bool other_size; /* the record has more bytes */
    bool other_inode;
    bool no_record;
    bool crashed;          /* the last session did not end cleanly */
    int64_t session_ago_s; /* from the begin of the last session to the file's time, seconds */
    struct filetrust_rules rules;
    enum file_trust trust;
    enum piece_trust piece;
};

static const struct change changes[] = {
    {"older record", 1 * NS_PER_MS, .trust = TRUST_CHANGED, .piece = PIECE_CHECK},
    {"younger record", -1 * NS_PER_MS, .trust = TRUST_CHANGED, .piece = PIECE_CHECK},
    {"other size", .other_size = true, .trust = TRUST_CHANGED, .piece = PIECE_CHECK},
    {"other inode", 1 * NS_PER_MS, .other_inode = true, .trust = TRUST_FOREIGN,
     .piece = PIECE_CHECK},
    {"no record", .no_record = true, .trust = TRUST_FOREIGN, .piece = PIECE_CHECK},
    {"crash, within the window", (FILETRUST_CRASH_MS - 1) * (int64_t)NS_PER_MS, .crashed = true,
     .trust = TRUST_VOUCHED, .piece = PIECE_TRUSTED},
    {"crash, beyond the window", (FILETRUST_CRASH_MS + 1) * (int64_t)NS_PER_MS, .crashed = true,
     .trust = TRUST_CHANGED, .piece = PIECE_CHECK},
    {"crash, younger record", -1 * NS_PER_MS, .crashed = true, .trust = TRUST_CHANGED,
     .piece = PIECE_CHECK},
    {"crash, strict", 1 * NS_PER_MS, .crashed = true, .rules = {.strict = true},
     .trust = TRUST_CHANGED, .piece = PIECE_CHECK},
    {"crash, no record, written by the session", .no_record = true, .crashed = true,
     .session_ago_s = 5, .trust = TRUST_CHANGED, .piece = PIECE_CHECK},
    {"crash, no record, older than the session", .no_record = true, .crashed = true,
     .session_ago_s = -5, .trust = TRUST_FOREIGN, .piece = PIECE_CHECK},
    {"check all", .rules = {.check_all = true}, .trust = TRUST_CHANGED, .piece = PIECE_CHECK},
    {"trust all", 1 * NS_PER_MS, .rules = {.trust_all = true}, .trust = TRUST_CHANGED,
     .piece = PIECE_TRUSTED},
};

Test(filetrust, each_difference_has_its_result)
{
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        const struct change *c = &changes[i];
        struct state_file *rec;
        struct rig r;

        start(&r, &c->rules);
        rec = &r.trust.records[r.big];
        r.trust.clean = !c->crashed;
        r.trust.session = rec->mtime_ns / 1000000000 - c->session_ago_s;
        r.trust.active = r.trust.session;
        rec->mtime_ns -= c->late_ns;
        rec->size += c->other_size;
        rec->inode += c->other_inode;
        rec->present = !c->no_record;
        cr_expect_eq(judge(&r), c->trust, "%s: %d", c->what, (int)judge(&r));
        cr_expect_eq(big_piece(&r), c->piece, "%s: %d", c->what, (int)big_piece(&r));
        stop(&r);
    }
}

/* Removes the big file, and looks again. */
static void
remove_big(struct rig *r)
{
    char *path = fixture_path(r->f.target, r->f.mi->files[r->big].path);

    cr_assert_eq(unlink(path), 0);
    free(path);
    look(r);
}

Test(filetrust, stored_data_that_is_missing_is_gone)
{
    const struct filetrust_rules rules = {.strict = false};
    uint32_t piece;
    struct errbuf why;
    struct rig r;

    start(&r, &rules);
    piece = r.f.mi->files[r.big].first_piece;
    remove_big(&r);
    cr_expect_eq(judge(&r), TRUST_GONE);
    cr_expect_eq(big_piece(&r), PIECE_MISSING);
    cr_expect_eq(r.trust.gone_count, 1);
    cr_expect_eq(r.trust.gone_first, r.big);
    cr_expect(filetrust_piece_is_gone(&r.trust, piece));
    cr_expect_not_null(strstr(r.note.text, "is gone"), "%s", r.note.text);
    filetrust_explain_gone(&r.trust, &why);
    cr_expect_not_null(strstr(why.text, "--refetch"), "%s", why.text);
    stop(&r);
}

Test(filetrust, missing_data_may_be_fetched_again)
{
    const struct filetrust_rules rules = {.refetch = true};
    struct rig r;

    start(&r, &rules);
    remove_big(&r);
    cr_expect_eq(judge(&r), TRUST_GONE);
    cr_expect_eq(big_piece(&r), PIECE_MISSING);
    cr_expect_eq(r.trust.gone_count, 0);
    stop(&r);
}

Test(filetrust, a_crashed_session_leaves_pieces_over)
{
    const struct filetrust_rules rules = {.strict = false};
    uint32_t piece;
    struct rig r;

    start(&r, &rules);
    piece = r.f.mi->files[r.big].first_piece;
    r.trust.session = r.trust.records[r.big].mtime_ns / 1000000000 - 5;
    judge(&r);
    bitfield_clear(&r.trust.stored, piece);
    cr_expect_not(filetrust_is_left_over(&r.trust, piece), "the session ended cleanly");
    r.trust.clean = false;
    cr_expect(filetrust_is_left_over(&r.trust, piece));
    r.trust.session += 10;
    cr_expect_not(filetrust_is_left_over(&r.trust, piece), "written before that session");
    r.trust.session -= 10;
    r.trust.files[r.big] = TRUST_FOREIGN;
    cr_expect_not(filetrust_is_left_over(&r.trust, piece), "another program wrote it");
    stop(&r);
}
