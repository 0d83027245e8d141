/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The mount of a path, in tables of the tests' own and in the kernel's.
 */
#include "common/sys/mounts.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Opens a table with this text. */
static struct mounts *
table(const char *text)
{
    char path[] = "/tmp/sprat-mounts-XXXXXX";
    int fd = mkstemp(path);
    struct mounts *m;
    FILE *f;

    cr_assert_geq(fd, 0);
    f = fdopen(fd, "w");
    cr_assert_not_null(f);
    cr_assert_geq(fputs(text, f), 0);
    fclose(f);
    m = mounts_new(path);
    cr_assert_not_null(m);
    unlink(path);
    return m;
}

Test(mounts, the_longest_mount_point_above_a_path_is_its_mount)
{
    struct mounts *m = table("22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
                             "23 22 0:44 / /mnt/nas rw,relatime shared:7 - nfs4 host:/x rw\n"
                             "24 23 8:17 /sub /mnt/nas/in rw - ext4 /dev/sdb1 rw\n"
                             "25 22 0:50 / /a\\040b\\134 rw - tmpfs t rw\n"
                             "26 22 0:51 / /over rw - autofs a rw\n"
                             "27 26 0:52 / /over rw - nfs4 host:/y rw\n");

    cr_expect_eq(mounts_find(m, "/"), makedev(8, 1));
    cr_expect_eq(mounts_find(m, "/mnt"), makedev(8, 1));
    cr_expect_eq(mounts_find(m, "/mnt/nas"), makedev(0, 44));
    cr_expect_eq(mounts_find(m, "/mnt/nas/film/x.torrent"), makedev(0, 44));
    cr_expect_eq(mounts_find(m, "/mnt/nas2"), makedev(8, 1));
    cr_expect_eq(mounts_find(m, "/mnt/nas/in/"), makedev(8, 17));
    cr_expect_eq(mounts_find(m, "/mnt/nas/inner"), makedev(0, 44));
    cr_expect_eq(mounts_find(m, "/a b\\/c"), makedev(0, 50));
    cr_expect_eq(mounts_find(m, "/over/x"), makedev(0, 52), "the last mount hides the others");
    cr_expect_eq(mounts_find(m, "mnt/nas"), 0u, "a relative path");
    mounts_free(m);
}

Test(mounts, a_table_that_is_no_table_knows_no_mount)
{
    static const char *const texts[] = {
        "", "\n\n", "22", "22 1 8:1", "22 1 8 / / rw\n", "22 1 8:1 /\n/ rw\n", "22 1 8:1 / /mnt"};
    struct mounts *m;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        m = table(texts[i]);
        cr_expect_eq(mounts_find(m, "/x"), 0u, "%zu", i);
        mounts_free(m);
    }
    m = mounts_new("/nothing/is/here");
    cr_expect_eq(mounts_find(m, "/x"), 0u);
    mounts_free(m);
    mounts_free(NULL);
}

Test(mounts, the_kernels_table_knows_its_own_mounts)
{
    struct mounts *m = mounts_new(MOUNTS_TABLE);

    if (access(MOUNTS_TABLE, R_OK) != 0)
        cr_skip_test("there is no " MOUNTS_TABLE);
    cr_expect_neq(mounts_find(m, "/proc/self"), 0u);
    cr_expect_neq(mounts_find(m, "/proc/self"), mounts_find(m, "/"));
    cr_expect_eq(mounts_find(m, "/proc/self"), mounts_find(m, "/proc"));
    mounts_free(m);
}
