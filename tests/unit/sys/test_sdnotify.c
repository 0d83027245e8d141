/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the service manager is told, and the sockets that it passes. Each test has a process, and so
 * an environment, of its own.
 */
#include "common/sys/sdnotify.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void
set_ours(const char *name)
{
    char pid[16];

    snprintf(pid, sizeof(pid), "%d", (int)getpid());
    setenv(name, pid, 1);
}

static void
expect_told(bool abstract)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    char path[64], got[256];
    socklen_t len;
    ssize_t n;
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

    snprintf(path, sizeof(path), "%s/tmp/sprat-test-notify-%d", abstract ? "@" : "", (int)getpid());
    strcpy(sun.sun_path, path);
    len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    if (abstract)
        sun.sun_path[0] = '\0';
    cr_assert_eq(bind(fd, (struct sockaddr *)&sun, len), 0);
    setenv("NOTIFY_SOCKET", path, 1);
    sdnotify("READY=1\nSTATUS=well");
    n = recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT);
    cr_assert_gt(n, 0);
    got[n] = '\0';
    cr_assert_str_eq(got, "READY=1\nSTATUS=well");
    sdnotify_reloading();
    n = recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT);
    cr_assert_gt(n, 0);
    got[n] = '\0';
    cr_assert_eq(strncmp(got, "RELOADING=1\nMONOTONIC_USEC=", 27), 0);
    close(fd);
    if (!abstract)
        unlink(path);
}

Test(sdnotify, tells)
{
    expect_told(false);
    expect_told(true);
}

Test(sdnotify, nobody_to_tell)
{
    unsetenv("NOTIFY_SOCKET");
    cr_expect_not(sdnotify_is_heard());
    sdnotify("READY=1");
    setenv("NOTIFY_SOCKET", "/no/such/socket", 1);
    cr_expect(sdnotify_is_heard());
    sdnotify("READY=1");
    setenv("NOTIFY_SOCKET", "relative", 1);
    sdnotify("READY=1");
}

Test(sdnotify, watchdog)
{
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    cr_assert_eq(sdnotify_watchdog_us(), 0);
    setenv("WATCHDOG_USEC", "30000000", 1);
    cr_assert_eq(sdnotify_watchdog_us(), 30000000);
    setenv("WATCHDOG_PID", "1", 1);
    cr_assert_eq(sdnotify_watchdog_us(), 0, "another's");
    set_ours("WATCHDOG_PID");
    cr_assert_eq(sdnotify_watchdog_us(), 30000000);
    setenv("WATCHDOG_USEC", "-1", 1);
    cr_assert_eq(sdnotify_watchdog_us(), 0);
}

/* ---- sockets: in children, since the test runner has descriptors of its own there ---- */

#define CHECK(cond)                                                                                \
    do {                                                                                           \
        if (!(cond))                                                                               \
            _exit(__LINE__ % 255 + 1);                                                             \
    } while (0)

/* Puts a new socket at descriptor |fd|, whatever is there; of no type, /dev/null. */
static void
open_at(int fd, int type)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int made = type != 0 ? socket(AF_INET, type, 0) : open("/dev/null", O_RDONLY);

    if (type != 0)
        CHECK(bind(made, (struct sockaddr *)&in, sizeof(in)) == 0);
    if (type == SOCK_STREAM)
        CHECK(listen(made, 1) == 0);
    if (made != fd)
        CHECK(dup2(made, fd) == fd && close(made) == 0);
}

static int
take(const char *count, const char *names, int second_type, struct sdnotify_fd *fds, size_t *n)
{
    struct errbuf eb = {""};

    set_ours("LISTEN_PID");
    setenv("LISTEN_FDS", count, 1);
    if (names != NULL)
        setenv("LISTEN_FDNAMES", names, 1);
    open_at(4, second_type);
    open_at(3, SOCK_STREAM);
    return sdnotify_listen_fds(fds, n, &eb);
}

static void
expect_good(void (*child)(void))
{
    pid_t pid = fork();
    int status = -1;

    if (pid == 0) {
        child();
        _exit(0);
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert_eq(status, 0, "line %d", WEXITSTATUS(status) - 1);
}

static void
two_sockets(void)
{
    struct sdnotify_fd fds[SDNOTIFY_FDS_MAX];
    size_t n = 9;

    CHECK(take("2", "http:udp", SOCK_DGRAM, fds, &n) == 0);
    CHECK(n == 2 && fds[0].fd == 3 && fds[1].fd == 4);
    CHECK(strcmp(fds[0].name, "http") == 0 && strcmp(fds[1].name, "udp") == 0);
    CHECK(fds[0].stream && !fds[1].stream);
    CHECK(fds[0].at.family == IP_V4 && fds[0].at.port != 0 && fds[0].at.ip[0] == 127);
    CHECK((fcntl(3, F_GETFL) & O_NONBLOCK) != 0 && (fcntl(4, F_GETFD) & FD_CLOEXEC) != 0);
    CHECK(getenv("LISTEN_FDS") == NULL);
}

static void
names_too_few(void)
{
    struct sdnotify_fd fds[SDNOTIFY_FDS_MAX];
    size_t n = 9;

    CHECK(take("2", "only", SOCK_STREAM, fds, &n) == 0);
    CHECK(n == 2 && strcmp(fds[0].name, "only") == 0 && fds[1].name[0] == '\0');
}

static void
no_names(void)
{
    struct sdnotify_fd fds[SDNOTIFY_FDS_MAX];
    size_t n = 9;

    unsetenv("LISTEN_FDNAMES");
    CHECK(take("1", NULL, SOCK_DGRAM, fds, &n) == 0);
    CHECK(n == 1 && fds[0].name[0] == '\0');
}

static void
no_socket_and_no_number(void)
{
    struct sdnotify_fd fds[SDNOTIFY_FDS_MAX];
    size_t n = 9;

    CHECK(take("2", "a:b", 0, fds, &n) == SPRAT_E_INVAL && n == 0);
    CHECK(take("65", "a", SOCK_DGRAM, fds, &n) == SPRAT_E_INVAL && n == 0);
    CHECK(take("-1", "a", SOCK_DGRAM, fds, &n) == SPRAT_E_INVAL && n == 0);
}

static void
another_process(void)
{
    struct sdnotify_fd fds[SDNOTIFY_FDS_MAX];
    struct errbuf eb;
    size_t n = 9;

    setenv("LISTEN_PID", "1", 1);
    setenv("LISTEN_FDS", "1", 1);
    CHECK(sdnotify_listen_fds(fds, &n, &eb) == 0 && n == 0);
    unsetenv("LISTEN_PID");
    CHECK(sdnotify_listen_fds(fds, &n, &eb) == 0 && n == 0);
}

Test(sdnotify, sockets)
{
    expect_good(two_sockets);
    expect_good(names_too_few);
    expect_good(no_names);
    expect_good(no_socket_and_no_number);
    expect_good(another_process);
}
