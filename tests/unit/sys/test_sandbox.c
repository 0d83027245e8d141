/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Users by name and number, the way there and no way back, and files that can't be reached. What
 * takes root is left out where we are not root. Each test has a process of its own.
 */
#include "common/sys/sandbox.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int
find(const char *text, struct sandbox_user *u, struct errbuf *eb)
{
    eb->text[0] = '\0';
    return sandbox_find_user(text, u, eb);
}

Test(sandbox, users_and_groups)
{
    struct sandbox_user u;
    struct errbuf eb;

    cr_assert_eq(find("nobody", &u, &eb), 0, "%s", eb.text);
    cr_assert(u.uid != 0 && u.gid != 0);
    cr_assert_str_eq(u.name, "nobody");
    cr_assert_eq(find("65534", &u, &eb), 0, "%s", eb.text);
    cr_assert_eq(find("nobody:12", &u, &eb), 0);
    cr_assert_eq(u.gid, 12);
    cr_assert_eq(find("nobody:daemon", &u, &eb), 0);
    cr_assert_eq(find("nobody:no-such-group", &u, &eb), SPRAT_E_NOTFOUND);
    cr_assert_not_null(strstr(eb.text, "'no-such-group'"));
    cr_assert_eq(find("no-such-user", &u, &eb), SPRAT_E_NOTFOUND);
    cr_assert_not_null(strstr(eb.text, "'no-such-user'"));
    cr_assert_eq(find("", &u, &eb), SPRAT_E_NOTFOUND);
    cr_assert_eq(find("4294967295", &u, &eb), SPRAT_E_NOTFOUND);
    cr_assert_eq(find("root", &u, &eb), SPRAT_E_INVAL);
    cr_assert_eq(find("nobody:root", &u, &eb), SPRAT_E_INVAL);
}

Test(sandbox, there_and_no_way_back)
{
    struct sandbox_user u;
    struct errbuf eb = {""};
    gid_t groups[4];

    if (geteuid() != 0)
        cr_skip_test("needs root");
    cr_assert_eq(find("nobody:daemon", &u, &eb), 0);
    cr_assert_eq(sandbox_become(&u, &eb), 0, "%s", eb.text);
    cr_assert(getuid() == u.uid && geteuid() == u.uid && getgid() == u.gid);
    cr_assert_eq(getgroups(4, groups), 1);
    cr_assert_eq(setuid(0), -1);
    cr_assert_eq(sandbox_become(&u, &eb), 0, "it is that already");
    cr_assert_eq(find("daemon", &u, &eb), 0);
    cr_assert_eq(sandbox_become(&u, &eb), SPRAT_E_ACCESS);
    cr_assert_not_null(strstr(eb.text, "daemon"));
}

Test(sandbox, no_new_privileges)
{
    struct errbuf eb;

    cr_assert_eq(sandbox_no_new_privileges(&eb), 0);
    cr_assert_eq(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
}

Test(sandbox, no_core_dumps)
{
    struct rlimit limit;

    sandbox_no_core_dumps();
    cr_assert_eq(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
    cr_assert_eq(getrlimit(RLIMIT_CORE, &limit), 0);
    cr_assert_eq(limit.rlim_cur, 0);
    cr_assert_eq(limit.rlim_max, 0);
}

Test(sandbox, files_that_can_be_written)
{
    char dir[] = "/tmp/sprat-test-XXXXXX", path[64];
    struct sandbox_user u;
    struct errbuf eb = {""};

    cr_assert_not_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/file", dir);
    cr_assert_eq(sandbox_can_write(path, "the file", &eb), 0, "it can be made");
    snprintf(path, sizeof(path), "%s/none/file", dir);
    cr_assert_eq(sandbox_can_write(path, "the file", &eb), SPRAT_E_NOENT);
    cr_assert_not_null(strstr(eb.text, path));
    if (geteuid() == 0) {
        snprintf(path, sizeof(path), "%s/file", dir);
        cr_assert_eq(find("nobody", &u, &eb), 0);
        cr_assert_eq(chmod(dir, 0755), 0);
        pid_t child = fork();
        if (child == 0)
            _exit(sandbox_become(&u, &eb) == 0 &&
                          sandbox_can_write(path, "the file", &eb) == SPRAT_E_ACCESS
                      ? 0
                      : 1);
        int status = 1;
        cr_assert_eq(waitpid(child, &status, 0), child);
        cr_assert_eq(status, 0);
    }
    cr_assert_eq(rmdir(dir), 0);
}

/* The owner of |path|, which is removed; -1 if it is not there. */
static int
owner_of_removed(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && unlink(path) == 0 ? (int)st.st_uid : -1;
}

Test(sandbox, root_makes_files_for_the_service)
{
    char dir[] = "/tmp/sprat-test-XXXXXX", path[64];
    struct sandbox_user u;
    struct errbuf eb = {""};
    struct stat st;

    if (geteuid() != 0)
        cr_skip_test("needs root");
    cr_assert_eq(find("nobody", &u, &eb), 0);
    cr_assert_not_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/db", dir);
    cr_assert_eq(sandbox_make_file_for("nobody", path, &eb), 0, "%s", eb.text);
    cr_assert_eq(stat(path, &st), 0);
    cr_expect_eq(st.st_mode & 0777, 0600);
    cr_expect_eq(st.st_size, 0);
    cr_assert_eq(sandbox_make_file_for("daemon", path, &eb), 0, "what is there stays");
    cr_expect_eq(owner_of_removed(path), (int)u.uid);
    cr_assert_eq(chown(dir, u.uid, u.gid), 0);
    cr_assert_eq(sandbox_make_file_for("", path, &eb), 0, "%s", eb.text);
    cr_expect_eq(owner_of_removed(path), (int)u.uid, "as its folder");
    cr_expect_eq(sandbox_make_file_for("no-such-user", path, &eb), SPRAT_E_NOTFOUND);
    cr_expect_eq(owner_of_removed(path), -1);
    snprintf(path, sizeof(path), "%s/none/db", dir);
    cr_expect_eq(sandbox_make_file_for("", path, &eb), SPRAT_E_NOENT);
    cr_expect_eq(sandbox_make_file_for("nobody", path, &eb), SPRAT_E_NOENT);
    cr_assert_eq(rmdir(dir), 0);
}

/* Checks that the message about |path|, which the user "nobody" can't write, says how to give
 * |target| to that user. */
static bool
is_told_what_to_do(const char *path, const char *target)
{
    struct sandbox_user u;
    struct errbuf eb = {""};
    char want[128];

    snprintf(want, sizeof(want), "by user nobody: Permission denied; run 'chown nobody %s'",
             target);
    return find("nobody", &u, &eb) == 0 && sandbox_become(&u, &eb) == 0 &&
           sandbox_can_write(path, "the file", &eb) == SPRAT_E_ACCESS &&
           strstr(eb.text, want) != NULL;
}

Test(sandbox, who_cannot_write_is_told_what_to_do)
{
    char dir[] = "/tmp/sprat-test-XXXXXX", path[64];

    if (geteuid() != 0)
        cr_skip_test("needs root");
    cr_assert_not_null(mkdtemp(dir));
    cr_assert_eq(chmod(dir, 0755), 0);
    snprintf(path, sizeof(path), "%s/file", dir);
    for (int there = 0; there < 2; there++) {
        pid_t child = fork();
        int status = 1;

        if (child == 0)
            _exit(is_told_what_to_do(path, there ? path : dir) ? 0 : 1);
        cr_assert_eq(waitpid(child, &status, 0), child);
        cr_expect_eq(status, 0, "the file is %sthere", there ? "" : "not ");
        if (!there)
            cr_assert_eq(close(creat(path, 0600)), 0);
    }
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(rmdir(dir), 0);
}
