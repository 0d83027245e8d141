/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/sys/writable.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *
unit_of(const char *cgroup)
{
    static char out[32];

    return writable_unit(cgroup, out, sizeof(out));
}

Test(writable, the_unit_is_the_last_part_of_the_cgroup)
{
    cr_assert_str_eq(unit_of("0::/system.slice/spratd.service\n"), "spratd");
    cr_assert_str_eq(unit_of("0::/system.slice/system-spratd.slice/spratd@anna.service"),
                     "spratd@anna");
    cr_assert_str_eq(unit_of("0::/user.slice/user@1000.service/app.slice/spratd.service\n"),
                     "spratd");
    cr_assert_str_eq(unit_of("4:memory:/x\n1:name=systemd:/system.slice/a.service\n0::/\n"), "a");
    cr_assert_null(unit_of("0::/user.slice/user-1000.slice/session-2.scope\n"));
    cr_assert_null(unit_of("0::/user.slice/user@1000.service/app.slice\n"), "no service itself");
    cr_assert_null(unit_of(""));
    cr_assert_null(unit_of("\n\n"));
    cr_assert_null(unit_of("0::/.service"));
    cr_assert_null(unit_of("spratd.service"), "no path");
    cr_assert_null(unit_of("0::/a-name-that-is-longer-than-the-room.service"), "no room for it");
}

Test(writable, a_directory_of_ours_or_one_that_can_be_made)
{
    char dir[] = "/tmp/sprat-unit-XXXXXX", deep[64];
    struct errbuf eb = {""};

    cr_assert_not_null(mkdtemp(dir));
    snprintf(deep, sizeof(deep), "%s/a/b", dir);
    cr_assert_eq(writable_dir(dir, &eb), 0, "%s", eb.text);
    cr_assert_eq(writable_dir(deep, &eb), 0, "%s", eb.text);
    cr_assert_neq(access(deep, F_OK), 0, "nothing is made");
    snprintf(deep, sizeof(deep), "%s/file", dir);
    fclose(fopen(deep, "w"));
    cr_assert_eq(writable_dir(deep, &eb), SPRAT_E_NOENT);
    cr_assert_not_null(strstr(eb.text, "is not a directory"), "%s", eb.text);
    strcat(deep, "/a/b");
    cr_assert_eq(writable_dir(deep, &eb), SPRAT_E_NOENT);
    cr_assert_eq(unlink(strcat(strcpy(deep, dir), "/file")), 0);
    cr_assert_eq(rmdir(dir), 0);
}

Test(writable, the_owner_and_the_mode_are_named)
{
    char dir[] = "/tmp/sprat-unit-XXXXXX", deep[64];
    struct errbuf eb = {""};

    cr_assert_not_null(mkdtemp(dir));
    snprintf(deep, sizeof(deep), "%s/a", dir);
    cr_assert_eq(chmod(dir, 0555), 0);
    if (geteuid() == 0) /* root may write everywhere; Criterion runs each test in its own process */
        cr_assert_eq(seteuid(65534), 0);
    cr_assert_eq(writable_dir(deep, &eb), SPRAT_E_ACCESS);
    cr_assert_not_null(strstr(eb.text, dir), "%s", eb.text);
    cr_assert_not_null(strstr(eb.text, "mode 0555"), "%s", eb.text);
    if (getuid() == 0)
        cr_assert_eq(seteuid(0), 0);
    cr_assert_eq(rmdir(dir), 0);
}

Test(writable, a_read_only_file_system_asks_for_no_unit_where_there_is_none)
{
    struct errbuf eb = {""};

    unsetenv("INVOCATION_ID");
    cr_assert_eq(writable_explain("/srv/x", SPRAT_E_READONLY, &eb), SPRAT_E_READONLY);
    cr_assert_str_eq(eb.text, "/srv/x is on a read-only file system");
    cr_assert_eq(writable_explain("/srv/x", SPRAT_E_NOSPACE, &eb), SPRAT_E_NOSPACE);
    cr_assert_not_null(strstr(eb.text, "/srv/x"), "%s", eb.text);
}
