/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Files, paths and lock files.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/sys/file.h"
#include "common/sys/lockfile.h"
#include "common/sys/paths.h"

/* A temporary directory that is removed with all that is in it. */
static void
make_temp(char dir[32])
{
    strcpy(dir, "/tmp/sprat-test-XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
}

static void
remove_temp(const char *dir)
{
    char cmd[64];

    snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
    cr_assert_eq(system(cmd), 0);
}

Test(file, reads_with_a_limit)
{
    char dir[32], path[64];
    struct errbuf eb = {0};
    uint8_t *data;
    size_t len;

    make_temp(dir);
    snprintf(path, sizeof(path), "%s/f", dir);
    cr_assert_eq(file_write(path, "hello", 5, 0600, FILE_REPLACE, &eb), 0, "%s", eb.text);
    cr_assert_eq(file_read(path, 5, &data, &len, &eb), 0, "%s", eb.text);
    cr_expect_eq(len, 5);
    cr_expect_str_eq((const char *)data, "hello", "a NUL stands behind it");
    free(data);
    cr_expect_eq(file_read(path, 4, &data, &len, &eb), SPRAT_E_TOOBIG);
    cr_expect_not_null(strstr(eb.text, path));
    cr_expect_eq(file_read(dir, 100, &data, &len, &eb), SPRAT_E_INVAL);
    cr_expect_not_null(strstr(eb.text, "directory"), "%s", eb.text);
    cr_expect_eq(file_read("/dev/zero", 100, &data, &len, &eb), SPRAT_E_INVAL);
    snprintf(path, sizeof(path), "%s/none", dir);
    cr_expect_eq(file_read(path, 100, &data, &len, &eb), SPRAT_E_NOENT);
    cr_assert_eq(mkfifo(path, 0600), 0);
    cr_expect_eq(file_read(path, 100, &data, &len, &eb), SPRAT_E_INVAL, "and it does not hang");
    remove_temp(dir);
}

Test(file, secrets_that_everybody_may_read_are_refused)
{
    static const mode_t good[] = {0600, 0400, 0640, 0660, 0}, bad[] = {0604, 0644, 0602, 0666, 0};
    struct errbuf eb = {""};
    char dir[32], path[64];
    uint8_t *data = NULL;
    size_t len;

    make_temp(dir);
    snprintf(path, sizeof(path), "%s/word", dir);
    cr_assert_eq(file_write(path, "word", 4, 0600, FILE_REPLACE, &eb), 0, "%s", eb.text);
    for (size_t i = 0; good[i] != 0; i++) {
        cr_assert_eq(chmod(path, good[i]), 0);
        cr_assert_eq(file_read_secret(path, 10, &data, &len, &eb), 0, "%s", eb.text);
        free(data);
    }
    for (size_t i = 0; bad[i] != 0; i++) {
        cr_assert_eq(chmod(path, bad[i]), 0);
        cr_assert_eq(file_read_secret(path, 10, &data, &len, &eb), SPRAT_E_ACCESS);
        cr_assert_not_null(strstr(eb.text, "/word is a secret"), "%s", eb.text);
    }
    remove_temp(dir);
}

/* Files of /proc say that they are empty, and grow while they are read. */
Test(file, reads_what_has_no_size)
{
    uint8_t *data;
    size_t len;

    cr_assert_eq(file_read("/proc/self/status", 1 << 20, &data, &len, NULL), 0);
    cr_expect_gt(len, 100);
    free(data);
    cr_expect_eq(file_read("/proc/self/status", 10, &data, &len, NULL), SPRAT_E_TOOBIG);
}

Test(file, writes_whole_or_not_at_all)
{
    char dir[32], path[64], cmd[80];
    struct stat st;
    uint8_t *data;
    size_t len;

    make_temp(dir);
    snprintf(path, sizeof(path), "%s/f", dir);
    cr_assert_eq(file_write(path, "one", 3, 0640, FILE_REPLACE, NULL), 0);
    cr_assert_eq(file_write(path, "two!", 4, 0640, FILE_REPLACE, NULL), 0);
    cr_assert_eq(stat(path, &st), 0);
    cr_expect_eq(st.st_mode & 0777, 0640);
    cr_assert_eq(file_read(path, 100, &data, &len, NULL), 0);
    cr_expect_str_eq((const char *)data, "two!");
    free(data);
    snprintf(path, sizeof(path), "%s/no/f", dir);
    cr_expect_eq(file_write(path, "x", 1, 0600, FILE_REPLACE, NULL), SPRAT_E_NOENT);
    cr_expect_eq(file_write(dir, "x", 1, 0600, FILE_REPLACE, NULL) == 0, false);
    snprintf(cmd, sizeof(cmd), "test $(ls -A %s | wc -l) = 1", dir);
    cr_expect_eq(system(cmd), 0, "no temporary file stays");
    remove_temp(dir);
}

/* What stands at |path| is neither replaced nor changed, whatever is asked for. */
static void
expect_untouched(const char *path, const char *why)
{
    struct stat before, after;
    struct errbuf eb;

    cr_assert_eq(lstat(path, &before), 0);
    for (int i = 0; i < 2; i++) {
        enum file_existing existing = i == 0 ? FILE_KEEP : FILE_REPLACE;

        cr_expect_eq(file_try_write(path, existing, &eb), SPRAT_E_INVAL, "%s", path);
        cr_expect_not_null(strstr(eb.text, why), "%s", eb.text);
        cr_expect_eq(file_write(path, "x", 1, 0600, existing, &eb), SPRAT_E_INVAL, "%s", path);
        cr_expect_not_null(strstr(eb.text, why), "%s", eb.text);
    }
    cr_assert_eq(lstat(path, &after), 0);
    cr_expect(before.st_ino == after.st_ino && before.st_mode == after.st_mode, "%s", path);
}

Test(file, replaces_regular_files_only)
{
    char dir[32], path[64], target[64];
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    struct stat st;
    int fd;

    make_temp(dir);
    snprintf(target, sizeof(target), "%s/target", dir);
    cr_assert_eq(file_write(target, "precious", 8, 0600, FILE_KEEP, NULL), 0);
    snprintf(path, sizeof(path), "%s/dir", dir);
    cr_assert_eq(mkdir(path, 0700), 0);
    expect_untouched(path, "it is a directory");
    snprintf(path, sizeof(path), "%s/link", dir);
    cr_assert_eq(symlink("target", path), 0);
    expect_untouched(path, "it is a symbolic link");
    snprintf(path, sizeof(path), "%s/nowhere", dir);
    cr_assert_eq(symlink("none", path), 0);
    expect_untouched(path, "it is a symbolic link");
    snprintf(path, sizeof(path), "%s/pipe", dir);
    cr_assert_eq(mkfifo(path, 0600), 0);
    expect_untouched(path, "it is a pipe");
    snprintf(path, sizeof(path), "%s/socket", dir);
    snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
    close(fd);
    expect_untouched(path, "it is a socket");
    expect_untouched("/dev/null", "it is a device");
    cr_assert_eq(stat(target, &st), 0);
    cr_expect_eq(st.st_size, 8);
    remove_temp(dir);
}

Test(file, keeps_what_is_there)
{
    char dir[32], path[64], odd[64], cmd[80];
    mode_t mask = umask(027);
    struct errbuf eb;
    struct stat st;

    make_temp(dir);
    snprintf(path, sizeof(path), "%s/f", dir);
    cr_expect_eq(file_try_write(path, FILE_KEEP, &eb), 0, "%s", eb.text);
    cr_expect_neq(access(path, F_OK), 0, "trying makes nothing");
    cr_expect_eq(file_write(path, "one", 3, 0666, FILE_KEEP, &eb), 0, "%s", eb.text);
    cr_assert_eq(stat(path, &st), 0);
    cr_expect_eq(st.st_mode & 07777, 0640, "the umask counts");
    cr_expect_eq(file_try_write(path, FILE_KEEP, &eb), SPRAT_E_EXISTS);
    cr_expect_eq(file_write(path, "two!", 4, 0666, FILE_KEEP, &eb), SPRAT_E_EXISTS);
    cr_assert_eq(stat(path, &st), 0);
    cr_expect_eq(st.st_size, 3);
    cr_assert_eq(chmod(path, 0604), 0);
    cr_expect_eq(file_try_write(path, FILE_REPLACE, &eb), 0, "%s", eb.text);
    cr_expect_eq(file_write(path, "two!", 4, 0666, FILE_REPLACE, &eb), 0, "%s", eb.text);
    cr_assert_eq(stat(path, &st), 0);
    cr_expect(st.st_size == 4 && (st.st_mode & 07777) == 0604, "its mode stays");
    snprintf(odd, sizeof(odd), "%s/no/f", dir);
    cr_expect_eq(file_try_write(odd, FILE_KEEP, &eb), SPRAT_E_NOENT);
    cr_expect_eq(file_try_write("", FILE_KEEP, &eb), SPRAT_E_INVAL);
    snprintf(cmd, sizeof(cmd), "test $(ls -A %s | wc -l) = 1", dir);
    cr_expect_eq(system(cmd), 0, "no temporary file stays");
    umask(mask);
    remove_temp(dir);
}

/* Writes the file in portions. */
static struct filewriter *
begin_file(const char *path)
{
    struct filewriter *w;
    struct errbuf eb;

    cr_assert_eq(filewriter_open(path, 0600, FILE_REPLACE, &w, &eb), 0, "%s", eb.text);
    for (int i = 0; i < 10; i++)
        cr_assert_eq(filewriter_put(w, "0123456789", 10, &eb), 0, "%s", eb.text);
    return w;
}

static void
expect_size(const char *dir, const char *path, off_t size)
{
    char cmd[80];
    struct stat st;

    cr_assert_eq(stat(path, &st), 0);
    cr_expect_eq(st.st_size, size);
    snprintf(cmd, sizeof(cmd), "test $(ls -A %s | wc -l) = 1", dir);
    cr_expect_eq(system(cmd), 0, "no temporary file stays");
}

Test(filewriter, shows_the_old_file_until_the_new_one_is_whole)
{
    char dir[32], path[64];
    struct filewriter *w;
    struct errbuf eb;
    int status;
    pid_t child;

    make_temp(dir);
    snprintf(path, sizeof(path), "%s/f", dir);
    cr_assert_eq(filewriter_commit(begin_file(path), &eb), 0, "%s", eb.text);
    expect_size(dir, path, 100);
    cr_assert_eq(file_write(path, "old", 3, 0600, FILE_REPLACE, &eb), 0);
    w = begin_file(path);
    cr_assert_eq(filewriter_put(w, NULL, 0, &eb), 0);
    expect_size(dir, path, 3);
    filewriter_discard(w);
    expect_size(dir, path, 3);
    filewriter_discard(NULL);
    /* kill -9 in the middle */
    child = fork();
    if (child == 0) {
        (void)begin_file(path);
        kill(getpid(), SIGKILL);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFSIGNALED(status));
    expect_size(dir, path, 3);
    cr_assert_eq(filewriter_commit(begin_file(path), &eb), 0, "%s", eb.text);
    expect_size(dir, path, 100);
    remove_temp(dir);
}

/* Somebody else makes a file under the name meanwhile, which stays. */
Test(filewriter, replaces_only_the_file_that_it_has_seen)
{
    char dir[32], path[64];
    struct filewriter *w;
    struct errbuf eb;

    make_temp(dir);
    snprintf(path, sizeof(path), "%s/f", dir);
    w = begin_file(path);
    cr_assert_eq(file_write(path, "other", 5, 0600, FILE_KEEP, &eb), 0);
    cr_expect_eq(filewriter_commit(w, &eb), SPRAT_E_EXISTS);
    expect_size(dir, path, 5);
    remove_temp(dir);
}

Test(file, is_read_at_offsets)
{
    char dir[32], path[64];
    struct errbuf eb;
    uint8_t data[4];
    size_t len;
    int fd;

    make_temp(dir);
    snprintf(path, sizeof(path), "%s/f", dir);
    cr_assert_eq(file_write(path, "01234567", 8, 0600, FILE_KEEP, &eb), 0);
    cr_expect_eq(file_open(path, 7, &fd, &len, &eb), SPRAT_E_TOOBIG);
    cr_expect_eq(file_open(dir, 7, &fd, &len, &eb), SPRAT_E_INVAL);
    cr_assert_eq(file_open(path, 8, &fd, &len, &eb), 0);
    cr_expect_eq(len, 8);
    cr_assert_eq(file_read_at(fd, path, data, 4, 3, &eb), 0);
    cr_expect_eq(memcmp(data, "3456", 4), 0);
    cr_expect_eq(file_read_at(fd, path, data, 4, 5, &eb), SPRAT_E_SHORT);
    cr_expect_not_null(strstr(eb.text, path), "%s", eb.text);
    close(fd);
    remove_temp(dir);
}

Test(file, makes_directories)
{
    char dir[32], path[64];
    struct errbuf eb = {0};
    struct stat st;

    make_temp(dir);
    snprintf(path, sizeof(path), "%s/a//b/c/", dir);
    cr_assert_eq(file_make_dirs(path, 0700, &eb), 0, "%s", eb.text);
    cr_assert_eq(file_make_dirs(path, 0700, &eb), 0);
    cr_assert_eq(stat(path, &st), 0);
    cr_expect(S_ISDIR(st.st_mode));
    cr_expect_eq(file_make_dirs("/", 0700, &eb), 0);
    snprintf(path, sizeof(path), "%s/f", dir);
    cr_assert_eq(file_write(path, "", 0, 0600, FILE_REPLACE, NULL), 0);
    cr_expect_eq(file_make_dirs(path, 0700, &eb), SPRAT_E_INVAL);
    strcat(path, "/below");
    cr_expect_neq(file_make_dirs(path, 0700, &eb), 0);
    cr_expect_not_null(strstr(eb.text, dir));
    remove_temp(dir);
}

Test(paths, joins)
{
    static const char *const cases[][3] = {
        {"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"a//", "b", "a/b"},
        {"/", "b", "/b"},  {"", "b", "b"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *p = path_join(cases[i][0], cases[i][1]);
        cr_expect_str_eq(p, cases[i][2]);
        free(p);
    }
}

Test(paths, follow_xdg)
{
    char *p;

    setenv("HOME", "/home/x", 1);
    setenv("XDG_STATE_HOME", "/st", 1);
    unsetenv("XDG_RUNTIME_DIR");
    p = path_state_dir();
    cr_expect_str_eq(p, "/st/sprat");
    free(p);
    p = path_runtime_dir();
    cr_expect_str_eq(p, "/st/sprat");
    free(p);
    setenv("XDG_STATE_HOME", "relative", 1); /* what is not absolute is ignored */
    setenv("XDG_RUNTIME_DIR", "/run/user/5", 1);
    p = path_state_dir();
    cr_expect_str_eq(p, "/home/x/.local/state/sprat");
    free(p);
    p = path_runtime_dir();
    cr_expect_str_eq(p, "/run/user/5/sprat");
    free(p);
    unsetenv("HOME"); /* the user database knows */
    p = path_state_dir();
    cr_expect_not_null(p);
    free(p);
}

Test(paths, absolute)
{
    char dir[32], path[80], want[80];
    struct errbuf eb = {0};
    char *out;

    make_temp(dir);
    snprintf(path, sizeof(path), "%s/link", dir);
    cr_assert_eq(symlink(dir, path), 0);
    strcat(path, "/new/one/");
    cr_assert_eq(path_absolute(path, &out, &eb), 0, "%s", eb.text);
    snprintf(want, sizeof(want), "%s/new/one", dir);
    cr_expect_str_eq(out, want);
    free(out);
    cr_assert_eq(chdir(dir), 0);
    cr_assert_eq(path_absolute("new", &out, &eb), 0, "%s", eb.text);
    snprintf(want, sizeof(want), "%s/new", dir);
    cr_expect_str_eq(out, want);
    free(out);
    cr_assert_eq(path_absolute(".", &out, &eb), 0);
    cr_expect_str_eq(out, dir);
    free(out);
    cr_assert_eq(path_absolute("/no-such-folder-of-the-root/x", &out, &eb), 0);
    cr_expect_str_eq(out, "/no-such-folder-of-the-root/x");
    free(out);
    cr_expect_eq(path_absolute("", &out, &eb), SPRAT_E_INVAL);
    cr_expect_eq(path_absolute("none/../x", &out, &eb), SPRAT_E_INVAL);
    cr_assert_eq(chdir("/"), 0);
    remove_temp(dir);
}

Test(lockfile, names_its_holder)
{
    char dir[32], path[64];
    struct lockfile *a, *b;
    struct errbuf eb = {0};

    make_temp(dir);
    snprintf(path, sizeof(path), "%s/lock", dir);
    cr_assert_eq(lockfile_take(path, "sprat get", "the torrent x", &a, &eb), 0, "%s", eb.text);
    cr_expect_eq(lockfile_take(path, "other", "the torrent x", &b, &eb), SPRAT_E_BUSY);
    cr_expect_not_null(strstr(eb.text, "the torrent x is in use by sprat get (pid "), "%s",
                       eb.text);
    lockfile_release(a);
    cr_expect_neq(access(path, F_OK), 0);
    cr_assert_eq(lockfile_take(path, "other", "x", &b, &eb), 0);
    lockfile_release(b);
    lockfile_release(NULL);
    remove_temp(dir);
}

Test(lockfile, can_be_looked_at)
{
    char dir[] = "/tmp/sprat-test-XXXXXX", path[64];
    struct lockfile *l;
    struct errbuf eb = {""};

    cr_assert_not_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/lock", dir);
    cr_expect_eq(lockfile_look(path, "the thing", &eb), 0, "there is none");
    cr_assert_eq(lockfile_take(path, "unit", "the thing", &l, &eb), 0);
    cr_expect_eq(lockfile_look(path, "the thing", &eb), SPRAT_E_BUSY);
    cr_expect_not_null(strstr(eb.text, "the thing is in use by unit (pid "), "%s", eb.text);
    lockfile_release(l);
    cr_expect_eq(lockfile_look(path, "the thing", &eb), 0);
    rmdir(dir);
}

Test(lockfile, is_dropped_by_death)
{
    char dir[32], path[64];
    struct lockfile *a;
    int status;
    pid_t pid;

    make_temp(dir);
    snprintf(path, sizeof(path), "%s/lock", dir);
    pid = fork();
    if (pid == 0)
        _exit(lockfile_take(path, "child", "x", &a, NULL) != 0);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert_eq(status, 0);
    cr_expect_eq(access(path, F_OK), 0, "the file stays behind");
    cr_expect_eq(lockfile_take(path, "heir", "x", &a, NULL), 0);
    lockfile_release(a);
    remove_temp(dir);
}

/* What stands in the file is only for the message, and may be anything. */
Test(lockfile, strange_holder)
{
    char dir[32], path[64];
    struct lockfile *a, *b;
    struct errbuf eb = {0};
    int fd;

    make_temp(dir);
    snprintf(path, sizeof(path), "%s/lock", dir);
    cr_assert_eq(lockfile_take(path, "p", "x", &a, NULL), 0);
    fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    cr_assert_eq(write(fd, "-7 \x1b[31m", 8), 8);
    close(fd);
    cr_expect_eq(lockfile_take(path, "p", "x", &b, &eb), SPRAT_E_BUSY);
    cr_expect_str_eq(eb.text, "x is in use by another process");
    lockfile_release(a);
    snprintf(path, sizeof(path), "%s/none/lock", dir);
    cr_expect_eq(lockfile_take(path, "p", "x", &b, &eb), SPRAT_E_NOENT);
    remove_temp(dir);
}
