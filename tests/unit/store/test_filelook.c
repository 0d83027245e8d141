/* SPDX-License-Identifier: BSD-2-Clause */
#include "peer/store/filelook.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/store/fixture.h"

enum { FILES_MAX = 16, OWNERS = 3 };

/* What was seen of an owner, in the order of the calls. */
struct owner {
    bool seen, same;
};

static bool all_seen;
static struct owner owners[OWNERS];

static void
on_seen(void *owner, bool same)
{
    struct owner *o = owner;

    cr_expect(!o->seen);
    *o = (struct owner){true, same};
    all_seen = owners[0].seen && owners[1].seen && owners[2].seen;
}

/* Records of the files as they are in source/. */
static size_t
take_records(const struct fixture *f, struct state_file records[FILES_MAX])
{
    size_t n = 0;

    for (size_t i = 0; i < f->mi->file_count; i++) {
        char path[300];
        struct stat st;

        if (f->mi->files[i].length == 0 || (f->mi->files[i].attr & ATTR_PAD) != 0)
            continue;
        snprintf(path, sizeof(path), "%s/%s", f->source, f->mi->files[i].path);
        cr_assert_eq(stat(path, &st), 0);
        records[n++] = (struct state_file){
            .file = (uint32_t)i,
            .present = true,
            .size = (uint64_t)st.st_size,
            .mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec,
        };
    }
    return n;
}

Test(filelook, tells_whose_files_are_as_they_were)
{
    struct fixture f;
    struct state_file records[FILES_MAX], other[FILES_MAX];
    struct filelook *l = filelook_new();
    size_t n;

    memset(owners, 0, sizeof(owners));
    all_seen = false;
    fixture_init(&f);
    fixture_standard(&f, METAINFO_HYBRID);
    fixture_open(&f);
    n = take_records(&f, records);
    memcpy(other, records, sizeof(other));
    other[n - 1].mtime_ns++;
    cr_assert_eq(filelook_add(l, &owners[0], f.source, f.mi, other, n), 0);
    cr_assert_eq(filelook_add(l, &owners[1], f.source, f.mi, records, n), 0);
    cr_expect_eq(filelook_add(l, &owners[2], f.source, f.mi, records + 1, n - 1), SPRAT_E_MISSING);
    cr_assert_eq(filelook_add(l, &owners[2], f.target, f.mi, records, n), 0);
    cr_expect_eq(filelook_count(l), 3u);
    filelook_start(l, f.disk, f.q, on_seen);
    fixture_wait(&f, &all_seen);
    cr_expect(!owners[0].same, "another time");
    cr_expect(owners[1].same);
    cr_expect(!owners[2].same, "nothing is there");
    fixture_close(&f);
    fixture_fini(&f);
}

Test(filelook, takes_as_many_as_it_has_room_for)
{
    struct fixture f;
    struct state_file records[FILES_MAX];
    struct filelook *l = filelook_new();
    size_t n;

    fixture_init(&f);
    fixture_standard(&f, METAINFO_V1);
    n = take_records(&f, records);
    for (int i = 0; i < FILELOOK_OWNERS_MAX; i++)
        cr_assert_eq(filelook_add(l, &owners[0], f.source, f.mi, records, n), 0);
    cr_expect_eq(filelook_add(l, &owners[0], f.source, f.mi, records, n), SPRAT_E_LIMIT);
    cr_expect_eq(filelook_count(l), (size_t)FILELOOK_OWNERS_MAX);
    filelook_free(l);
    filelook_free(NULL);
    fixture_fini(&f);
}
