/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Control sockets: their mode, the dead and the living, and paths that can't be.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/sys/unixsock.h"

static char dir[64];
static char path[128];

static void
setup(void)
{
    strcpy(dir, "/tmp/sprat-unixsock-XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/deep/er/s", dir);
}

static void
teardown(void)
{
    char sub[128];

    unlink(path);
    snprintf(sub, sizeof(sub), "%s/deep/er/s.lock", dir);
    unlink(sub);
    snprintf(sub, sizeof(sub), "%s/deep/er", dir);
    rmdir(sub);
    snprintf(sub, sizeof(sub), "%s/deep", dir);
    rmdir(sub);
    cr_assert_eq(rmdir(dir), 0, "something was left behind");
}

TestSuite(unixsock, .init = setup, .fini = teardown);

Test(unixsock, connects_and_carries_bytes)
{
    struct errbuf eb = {""};
    struct unixsock *u;
    struct stat st;
    char got[4] = "";
    mode_t old = umask(0);

    cr_assert_eq(unixsock_listen(path, UNIXSOCK_NO_GROUP, "test", &u, &eb), 0, "%s", eb.text);
    cr_expect_eq(umask(old), 0, "the umask is as it was");
    cr_assert_eq(stat(path, &st), 0);
    cr_expect_eq(st.st_mode & 07777, 0600);
    cr_expect_eq(unixsock_accept(u), SPRAT_E_AGAIN);
    int a = unixsock_connect(path, &eb);
    cr_assert_geq(a, 0, "%s", eb.text);
    int b = unixsock_accept(u);
    cr_assert_geq(b, 0);
    cr_expect_eq(write(a, "abc", 3), 3);
    cr_expect_eq(read(b, got, 3), 3);
    cr_expect_str_eq(got, "abc");
    close(a);
    close(b);
    unixsock_free(u);
    cr_expect_neq(access(path, F_OK), 0, "the socket is gone");
}

Test(unixsock, a_live_one_is_refused)
{
    struct errbuf eb = {""};
    struct unixsock *u, *second;
    char pid[32];

    cr_assert_eq(unixsock_listen(path, UNIXSOCK_NO_GROUP, "test", &u, &eb), 0);
    cr_expect_eq(unixsock_listen(path, UNIXSOCK_NO_GROUP, "other", &second, &eb), SPRAT_E_BUSY);
    snprintf(pid, sizeof(pid), "%d", (int)getpid());
    cr_expect_not_null(strstr(eb.text, pid), "%s", eb.text);
    cr_expect_not_null(strstr(eb.text, path), "%s", eb.text);
    int fd = unixsock_connect(path, &eb);
    cr_expect_geq(fd, 0, "the first one goes on");
    close(fd);
    unixsock_free(u);
    unixsock_free(NULL);
}

Test(unixsock, a_dead_one_is_replaced)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    struct errbuf eb = {""};
    struct unixsock *u;

    /* A killed process leaves a socket without a listener. */
    cr_assert_eq(unixsock_listen(path, UNIXSOCK_NO_GROUP, "test", &u, &eb), 0);
    unixsock_free(u);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    strcpy(sa.sun_path, path);
    cr_assert_eq(bind(fd, (const struct sockaddr *)&sa, sizeof(sa)), 0);
    close(fd);
    cr_expect_eq(unixsock_connect(path, &eb), SPRAT_E_REFUSED);
    cr_expect_eq(unixsock_listen(path, UNIXSOCK_NO_GROUP, "test", &u, &eb), 0, "%s", eb.text);
    unixsock_free(u);
}

Test(unixsock, what_is_no_socket_stays)
{
    struct errbuf eb = {""};
    struct unixsock *u;
    char content[8] = "";

    cr_assert_eq(unixsock_listen(path, UNIXSOCK_NO_GROUP, "test", &u, &eb), 0);
    unixsock_free(u);
    FILE *f = fopen(path, "w");
    fputs("mine", f);
    fclose(f);
    cr_expect_eq(unixsock_listen(path, UNIXSOCK_NO_GROUP, "test", &u, &eb), SPRAT_E_EXISTS);
    f = fopen(path, "r");
    cr_assert_not_null(f);
    cr_expect_not_null(fgets(content, sizeof(content), f));
    fclose(f);
    cr_expect_str_eq(content, "mine");
}

Test(unixsock, nothing_there)
{
    struct errbuf eb = {""};

    cr_expect_eq(unixsock_connect(path, &eb), SPRAT_E_NOENT);
    cr_expect_not_null(strstr(eb.text, path));
}

Test(unixsock, a_path_that_is_too_long)
{
    struct errbuf eb = {""};
    struct unixsock *u;
    char longer[200], lock[210];

    memset(longer, 'x', sizeof(longer));
    memcpy(longer, "/tmp/", 5);
    longer[sizeof(longer) - 1] = '\0';
    cr_expect_eq(unixsock_connect(longer, &eb), SPRAT_E_INVAL);
    cr_expect_not_null(strstr(eb.text, "longer than the 107 bytes"));
    cr_expect_eq(unixsock_listen(longer, UNIXSOCK_NO_GROUP, "test", &u, &eb), SPRAT_E_INVAL);
    strcat(strcpy(lock, longer), ".lock");
    cr_expect_neq(access(lock, F_OK), 0, "no lock was left");
}

Test(unixsock, where_it_lives)
{
    char *p;

    setenv("XDG_RUNTIME_DIR", dir, 1);
    p = unixsock_path("x.sock");
    cr_assert_not_null(p);
    cr_expect(strncmp(p, dir, strlen(dir)) == 0 && strstr(p, "/sprat/x.sock") != NULL, "%s", p);
    free(p);
}
