/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Working names: which files have one, and how a storage makes, finds and ends them, beside files
 * of others and after renames that were cut off.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "peer/store/workname.h"
#include "tests/unit/store/fixture.h"

/* --- the rules --- */

static bool
has_name(const struct metainfo *mi, size_t file)
{
    char out[WORKNAME_PATH_MAX];
    struct worknames w;
    bool has;

    cr_assert_eq(worknames_init(&w, mi), 0);
    has = worknames_get(&w, file, out);
    if (has) {
        size_t len = strlen(mi->files[file].path);

        cr_expect_eq(memcmp(out, mi->files[file].path, len), 0);
        cr_expect_str_eq(out + len, ".incomplete");
    }
    worknames_fini(&w);
    return has;
}

static bool
one_has_name(const char *path, uint64_t length, uint8_t attr)
{
    char copy[METAINFO_PATH_MAX + 1];
    struct metainfo_file f = {.path = copy, .length = length, .attr = attr};
    struct metainfo mi = {.files = &f, .file_count = 1};

    snprintf(copy, sizeof(copy), "%s", path);
    return has_name(&mi, 0);
}

Test(workname, what_has_no_content_goes_without)
{
    cr_expect(one_has_name("t/a", 1, 0));
    cr_expect(one_has_name("t/a", 1, ATTR_EXECUTABLE));
    cr_expect_not(one_has_name("t/a", 0, 0));
    cr_expect_not(one_has_name("t/a", 1, ATTR_PAD));
    cr_expect_not(one_has_name("t/a", 1, ATTR_SYMLINK));
}

Test(workname, a_name_has_255_bytes)
{
    char path[300] = "folder/";

    memset(path + 7, 'x', 244);
    cr_expect(one_has_name(path, 1, 0));
    cr_expect(one_has_name(path + 7, 1, 0));
    path[7 + 244] = 'x';
    cr_expect_not(one_has_name(path, 1, 0));
    cr_expect_not(one_has_name(path + 7, 1, 0));
}

Test(workname, a_path_may_be_as_long_as_a_torrent_has_any)
{
    char path[METAINFO_PATH_MAX + 1];

    for (size_t i = 0; i < METAINFO_PATH_MAX; i++)
        path[i] = i % 100 == 99 ? '/' : 'x';
    path[METAINFO_PATH_MAX - 1] = 'x';
    path[METAINFO_PATH_MAX] = '\0';
    cr_expect(one_has_name(path, 1, 0));
}

Test(workname, names_of_the_torrent_are_no_working_names)
{
    char a[] = "t/a", a2[] = "t/A.Incomplete", b[] = "t/b", b2[] = "t/b.incomplete/c", c[] = "t/c",
         c2[] = "c.incomplete", d[] = "t/d", d2[] = "t/.incomplete", e[] = "t/e",
         e2[] = "t/e.incomplete";
    struct metainfo_file f[] = {
        {.path = a, .length = 1},  {.path = a2, .length = 1}, {.path = b, .length = 1},
        {.path = b2, .length = 1}, {.path = c, .length = 1},  {.path = c2, .length = 1},
        {.path = d, .length = 1},  {.path = d2, .length = 1}, {.path = e, .length = 1},
        {.path = e2, .length = 0, .attr = ATTR_PAD},
    };
    struct metainfo mi = {.files = f, .file_count = sizeof(f) / sizeof(f[0])};

    cr_expect_not(has_name(&mi, 0), "another case is the same name on some file systems");
    cr_expect(has_name(&mi, 1));
    cr_expect_not(has_name(&mi, 2), "a folder");
    cr_expect(has_name(&mi, 3));
    cr_expect(has_name(&mi, 4), "in another folder");
    cr_expect(has_name(&mi, 5));
    cr_expect(has_name(&mi, 6));
    cr_expect(has_name(&mi, 7));
    cr_expect(has_name(&mi, 8), "a pad is not on the disk");
}

/* --- a storage --- */

static void
open_fixture(struct fixture *f, enum workname_use use)
{
    f->worknames = use;
    fixture_open(f);
}

static void
begin(struct fixture *f)
{
    fixture_init(f);
    fixture_standard(f, METAINFO_V2);
    open_fixture(f, WORKNAME_MAKE);
}

static bool
is_there(const struct fixture *f, const char *path)
{
    char *whole = fixture_path(f->target, path);
    bool there = access(whole, F_OK) == 0;

    free(whole);
    return there;
}

/* Renames what is due, after these pieces were stored. */
static int
store(struct fixture *f, const struct bitfield *have, struct outcome *o)
{
    *o = (struct outcome){.done = false};
    cr_assert_eq(storage_set_stored(f->storage, have), 0);
    if (!storage_rename_due(f->storage))
        return SPRAT_E_NOTFOUND;
    cr_assert_eq(storage_rename(f->storage, outcome_set, o), 0);
    fixture_wait(f, &o->done);
    return o->err;
}

static int
look(struct fixture *f, struct outcome *o)
{
    *o = (struct outcome){.done = false};
    cr_assert_eq(storage_look(f->storage, outcome_set, o), 0);
    fixture_wait(f, &o->done);
    return o->err;
}

static size_t
find_file(const struct fixture *f, const char *path)
{
    size_t i = 0;

    while (i < f->mi->file_count && strcmp(f->mi->files[i].path, path) != 0)
        i++;
    cr_assert_lt(i, f->mi->file_count, "%s", path);
    return i;
}

/* Writes the file's pieces, and says that they are stored. */
static void
fetch(struct fixture *f, const char *path, struct bitfield *have)
{
    const struct metainfo_file *file = &f->mi->files[find_file(f, path)];

    for (uint32_t p = 0; p < file->piece_count; p++) {
        cr_assert_eq(fixture_write_piece(f, file->first_piece + p), 0);
        bitfield_set(have, file->first_piece + p);
    }
}

Test(workname, a_file_is_renamed_when_its_last_piece_is_stored)
{
    struct fixture f;
    struct bitfield have;
    struct outcome o;
    uint8_t byte[1];

    begin(&f);
    cr_assert_eq(bitfield_init(&have, f.mi->piece_count), 0);
    fetch(&f, "data/big", &have);
    size_t big = find_file(&f, "data/big");
    uint32_t last = f.mi->files[big].first_piece + f.mi->files[big].piece_count - 1;
    cr_expect_str_eq(storage_path(f.storage, big), "data/big.incomplete");
    cr_expect(is_there(&f, "data/big.incomplete") && !is_there(&f, "data/big"));
    bitfield_clear(&have, last);
    cr_expect_eq(store(&f, &have, &o), SPRAT_E_NOTFOUND, "it is not due yet");
    storage_add_stored(f.storage, &last, 1);
    bitfield_set(&have, last);
    cr_expect_eq(store(&f, &have, &o), 0, "%s", o.why);
    cr_expect(!is_there(&f, "data/big.incomplete") && fixture_same(&f, "data/big"));
    cr_expect_str_eq(storage_path(f.storage, big), "data/big");
    cr_expect_not(storage_has_worknames(f.storage));
    /* Readers find it, by an open descriptor and by name. */
    o = (struct outcome){.done = false};
    cr_assert_eq(storage_read(f.storage, last, 0, 1, byte, outcome_set, &o), 0);
    fixture_wait(&f, &o.done);
    cr_expect_eq(o.err, 0, "%s", o.why);
    bitfield_fini(&have);
    fixture_fini(&f);
}

Test(workname, a_file_is_found_under_either_name)
{
    struct fixture f;
    struct bitfield have;
    struct outcome o;

    begin(&f);
    cr_assert_eq(bitfield_init(&have, f.mi->piece_count), 0);
    fetch(&f, "data/big", &have);
    fixture_close(&f);
    open_fixture(&f, WORKNAME_FIND);
    cr_expect_eq(look(&f, &o), 0, "%s", o.why);
    cr_expect_str_eq(storage_path(f.storage, find_file(&f, "data/big")), "data/big.incomplete");
    cr_expect_eq(storage_file_stamp(f.storage, find_file(&f, "data/big")).size, 150000u);
    fetch(&f, "data/sub/tiny", &have);
    cr_expect(is_there(&f, "data/sub/tiny"), "a new file has its final name");
    cr_expect_eq(store(&f, &have, &o), 0, "%s", o.why);
    fixture_close(&f);
    open_fixture(&f, WORKNAME_MAKE);
    cr_expect_eq(look(&f, &o), 0, "%s", o.why);
    cr_expect_str_eq(storage_path(f.storage, find_file(&f, "data/big")), "data/big");
    fixture_close(&f);
    bitfield_fini(&have);
    fixture_fini(&f);
}

static void
put(const struct fixture *f, const char *path, const char *text)
{
    char *whole = fixture_path(f->target, path);

    fixture_write(whole, text, strlen(text));
    free(whole);
}

static void
expect_text(const struct fixture *f, const char *path, const char *text)
{
    char *whole = fixture_path(f->target, path), buf[64] = "";
    int fd = open(whole, O_RDONLY | O_CLOEXEC);

    cr_assert_geq(fd, 0);
    cr_expect_eq(read(fd, buf, sizeof(buf) - 1), (ssize_t)strlen(text));
    cr_expect_str_eq(buf, text);
    close(fd);
    free(whole);
}

Test(workname, another_file_at_the_final_name_is_kept)
{
    struct fixture f;
    struct bitfield have;
    struct outcome o;
    uint64_t inode;

    begin(&f);
    cr_assert_eq(bitfield_init(&have, f.mi->piece_count), 0);
    fetch(&f, "data/big", &have);
    fetch(&f, "data/sub/tiny", &have);
    put(&f, "data/big", "mine");
    cr_expect_eq(store(&f, &have, &o), SPRAT_E_EXISTS);
    cr_expect(strstr(o.why, "data/big.incomplete") != NULL && strstr(o.why, "move") != NULL, "%s",
              o.why);
    expect_text(&f, "data/big", "mine");
    cr_expect(is_there(&f, "data/sub/tiny"), "the others are renamed all the same");
    /* At a start, the inode that is remembered tells which of the two is the torrent's. */
    cr_expect_eq(look(&f, &o), SPRAT_E_EXISTS);
    fixture_close(&f);
    open_fixture(&f, WORKNAME_MAKE);
    cr_expect_eq(look(&f, &o), 0, "nothing is remembered: %s", o.why);
    cr_expect_str_eq(storage_path(f.storage, find_file(&f, "data/big")), "data/big");
    fixture_close(&f);
    open_fixture(&f, WORKNAME_FIND);
    char *work = fixture_path(f.target, "data/big.incomplete");
    struct stat st;
    cr_assert_eq(stat(work, &st), 0);
    free(work);
    inode = st.st_ino;
    storage_expect(f.storage, find_file(&f, "data/big"), inode);
    cr_expect_eq(look(&f, &o), SPRAT_E_EXISTS);
    expect_text(&f, "data/big", "mine");
    bitfield_fini(&have);
    fixture_fini(&f);
}

Test(workname, another_file_at_the_working_name_is_not_written_to)
{
    struct fixture f;

    begin(&f);
    char *dir = fixture_path(f.target, "data");
    cr_assert_eq(mkdir(dir, 0777), 0);
    free(dir);
    put(&f, "data/big.incomplete", "mine"); /* since the last look */
    cr_expect_eq(fixture_write_piece(&f, 0), SPRAT_E_EXISTS);
    expect_text(&f, "data/big.incomplete", "mine");
    cr_expect_not(is_there(&f, "data/big"));
    fixture_fini(&f);
}

Test(workname, one_file_with_both_names_gets_one)
{
    struct fixture f;
    struct bitfield have;
    struct outcome o;
    char *final, *work;

    begin(&f);
    cr_assert_eq(bitfield_init(&have, f.mi->piece_count), 0);
    fetch(&f, "data/big", &have);
    final = fixture_path(f.target, "data/big");
    work = fixture_path(f.target, "data/big.incomplete");
    cr_assert_eq(link(work, final), 0);
    cr_expect_eq(store(&f, &have, &o), 0, "%s", o.why);
    cr_expect(!is_there(&f, "data/big.incomplete") && fixture_same(&f, "data/big"));
    cr_assert_eq(link(final, work), 0);
    cr_expect_eq(look(&f, &o), 0, "%s", o.why);
    cr_expect(!is_there(&f, "data/big.incomplete") && fixture_same(&f, "data/big"));
    free(final);
    free(work);
    bitfield_fini(&have);
    fixture_fini(&f);
}

Test(workname, what_took_the_place_of_the_file_is_not_renamed)
{
    struct fixture f;
    struct bitfield have;
    struct outcome o;

    begin(&f);
    cr_assert_eq(bitfield_init(&have, f.mi->piece_count), 0);
    fetch(&f, "data/big", &have);
    put(&f, "data/other", "mine");
    char *from = fixture_path(f.target, "data/other"),
         *to = fixture_path(f.target, "data/big.incomplete");
    cr_assert_eq(rename(from, to), 0);
    cr_expect_eq(store(&f, &have, &o), SPRAT_E_CHANGED);
    expect_text(&f, "data/big.incomplete", "mine");
    cr_assert_eq(unlink(to), 0);
    cr_expect_eq(store(&f, &have, &o), SPRAT_E_NOENT);
    free(from);
    free(to);
    bitfield_fini(&have);
    fixture_fini(&f);
}

static int
remove_files(struct fixture *f, struct outcome *o)
{
    *o = (struct outcome){.done = false};
    cr_assert_eq(storage_remove_files(f->storage, outcome_set, o), 0);
    fixture_wait(f, &o->done);
    return o->err;
}

Test(workname, files_are_removed_under_either_name)
{
    struct fixture f;
    struct bitfield have;
    struct outcome o;

    begin(&f);
    cr_assert_eq(bitfield_init(&have, f.mi->piece_count), 0);
    fetch(&f, "data/sub/tiny", &have);
    cr_expect_eq(store(&f, &have, &o), 0, "%s", o.why);
    fetch(&f, "data/big", &have);
    fixture_close(&f);
    open_fixture(&f, WORKNAME_MAKE); /* and no look */
    cr_expect_eq(remove_files(&f, &o), 0, "%s", o.why);
    cr_expect_not(is_there(&f, "data"));
    bitfield_fini(&have);
    fixture_fini(&f);
}
