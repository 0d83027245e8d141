/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The tracker's process when one of its parts does not start: the parts that had started are
 * stopped in the reverse order, and no descriptor, thread or memory is left. Each part fails by a
 * setting that is wrong, by each of its allocations, or by a thread that can't be started; the log
 * says which parts came and went.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/sys/addr.h"
#include "common/sys/thread.h"
#include "tests/unit/codec/failing_alloc.h"
#include "tests/unit/crypto/made_cert.h"
#include "tests/unit/tracker/failing_thread.h"
#include "tracker/daemon/process.h"

enum { PARTS_MAX = 40, NAME_MAX_LEN = 64, LOG_MAX = 1 << 18, TEST_S = 300 };

/* Where there is an address sanitizer. */
int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

struct names {
    char at[PARTS_MAX][NAME_MAX_LEN];
    size_t count;
};

static struct {
    char dir[64];
    int log_fd, stderr_fd, notify_fd;
    struct thread watcher;
    struct settings settings;
    struct names all, stopping;    /* of a good run: the parts, and those with a stop, as stopped */
    bool failed[PARTS_MAX];        /* each part, at least once */
    struct names started, stopped; /* of the last run */
} rig;

static const char *
path_of(const char *name)
{
    static char path[8][128];
    static unsigned next;
    char *p = path[next++ % 8];

    snprintf(p, sizeof(path[0]), "%s/%s", rig.dir, name);
    return p;
}

static void
write_file(const char *name, const char *text)
{
    int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

    cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

/* ---- what a run leaves ---- */

static unsigned
count_entries(const char *folder)
{
    DIR *dir = opendir(folder);
    unsigned n = 0;

    cr_assert_not_null(dir);
    while (readdir(dir) != NULL)
        n++;
    closedir(dir);
    return n;
}

/* ---- the service manager ---- */

/* Ends the process when it is ready: a run that does not fail. */
static void *
watch(void *arg)
{
    char text[256];
    ssize_t n;

    (void)arg;
    while ((n = recv(rig.notify_fd, text, sizeof(text) - 1, 0)) > 0) {
        text[n] = '\0';
        if (strcmp(text, "READY=1") == 0)
            kill(getpid(), SIGTERM);
        if (strcmp(text, "END") == 0)
            break;
    }
    return NULL;
}

static void
begin_watching(void)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};

    strcpy(at.sun_path, path_of("notify"));
    rig.notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(rig.notify_fd, (const struct sockaddr *)&at, sizeof(at)), 0);
    setenv("NOTIFY_SOCKET", at.sun_path, 1);
    setenv("WATCHDOG_USEC", "60000000", 1);
    cr_assert_eq(thread_start(&rig.watcher, watch, NULL), 0);
}

/* ---- one run ---- */

/* Takes the parts that the lines of the log name behind |words|. */
static void
take_names(const char *log, const char *words, struct names *out)
{
    out->count = 0;
    for (const char *at = log; (at = strstr(at, words)) != NULL && out->count < PARTS_MAX;) {
        size_t len;

        at += strlen(words);
        len = strcspn(at, "\"\n");
        snprintf(out->at[out->count++], NAME_MAX_LEN, "%.*s", (int)len, at);
    }
}

/* Runs the tracker with its standard error in a file, and returns what it returned. */
static int
run(const struct settings *s)
{
    static const char *const words[] = {"--workers", "2"};
    static char log[LOG_MAX];
    unsigned fds = count_entries("/proc/self/fd"), threads = count_entries("/proc/self/task");
    ssize_t n;
    int err;

    cr_assert(ftruncate(rig.log_fd, 0) == 0 && lseek(rig.log_fd, 0, SEEK_SET) == 0);
    dup2(rig.log_fd, STDERR_FILENO);
    err = process_run(s, 2, words);
    dup2(rig.stderr_fd, STDERR_FILENO);
    n = pread(rig.log_fd, log, sizeof(log) - 1, 0);
    cr_assert_geq(n, 0);
    log[n] = '\0';
    take_names(log, "starting a part part=\"", &rig.started);
    take_names(log, "stopping a part part=\"", &rig.stopped);
    cr_assert_eq(count_entries("/proc/self/fd"), fds, "descriptors are left:\n%s", log);
    cr_assert_eq(count_entries("/proc/self/task"), threads, "threads are left:\n%s", log);
    return err;
}

/* The parts that had started, the last one first, as far as they have a stop. */
static void
check_order(const char *what)
{
    size_t skipped = rig.all.count - rig.started.count, at = 0;

    cr_assert_gt(rig.started.count, 0, "%s", what);
    for (size_t i = 0; i < rig.started.count; i++)
        cr_assert_str_eq(rig.started.at[i], rig.all.at[i], "%s", what);
    for (size_t i = 0; i < rig.stopping.count; i++) {
        size_t part = 0;

        while (strcmp(rig.all.at[part], rig.stopping.at[i]) != 0)
            part++;
        if (part >= rig.all.count - skipped)
            continue;
        cr_assert_lt(at, rig.stopped.count, "%s: %s is not stopped", what, rig.all.at[part]);
        cr_assert_str_eq(rig.stopped.at[at++], rig.all.at[part], "%s", what);
    }
    cr_assert_eq(at, rig.stopped.count, "%s", what);
}

static void
expect_failure(const struct settings *s, const char *part)
{
    size_t last;

    cr_assert_neq(run(s), 0, "%s", part);
    check_order(part);
    last = rig.started.count - 1;
    cr_assert_str_eq(rig.started.at[last], part);
    rig.failed[last] = true;
}

/* ---- the tests ---- */

static void
set_path(char path[SETTINGS_PATH_MAX], const char *name)
{
    strcpy(path, path_of(name));
}

/* Settings with which every part has something to do. */
static void
make_settings(struct settings *s)
{
    static const char *const words[] = {"--workers",   "2",         "--private",
                                        "yes",         "--cluster", "redis://127.0.0.1:1",
                                        "--log-level", "debug"};
    static const struct endpoint any = {.family = IP_V4, .ip = {127, 0, 0, 1}};
    static struct made_cert made;
    enum settings_action action;
    struct errbuf eb = {""};
    const char *all[10];

    memcpy(all, words, sizeof(words));
    all[8] = "--database";
    all[9] = path_of("a.db");
    cr_assert_eq(settings_read(s, 10, all, &action, &eb), 0, "%s", eb.text);
    made_cert_make(&made, "localhost", -100, 1000);
    write_file("cert", made.cert);
    write_file("key", made.key);
    write_file("token", "a-token-of-letters\n");
    write_file("secret", "a-secret-of-letters\n");
    set_path(s->tls_cert, "cert");
    set_path(s->tls_key, "key");
    set_path(s->admin_token_file, "token");
    set_path(s->cluster_secret_file, "secret");
    set_path(s->state_file, "state");
    s->listens_by_default = false;
    s->http = s->https = s->udp = s->admin = (struct listen_list){.at = {any}, .count = 1};
}

static void
set_up(void)
{
    strcpy(rig.dir, "/tmp/process.XXXXXX");
    cr_assert_not_null(mkdtemp(rig.dir));
    rig.log_fd = open(path_of("log"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    rig.stderr_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    cr_assert(rig.log_fd >= 0 && rig.stderr_fd >= 0);
    make_settings(&rig.settings);
    cr_assert_not_null(freopen("/dev/null", "w", stdout));
    begin_watching();
    cr_assert_eq(run(&rig.settings), 0);
    rig.all = rig.started;
    rig.stopping = rig.stopped;
    check_order("a good run");
}

static void
tear_down(void)
{
    static const char *const names[] = {"a.db",  "a.db-wal", "a.db-shm", "cert", "key",
                                        "token", "secret",   "state",    "log",  "notify"};
    struct sockaddr_un at = {.sun_family = AF_UNIX};

    strcpy(at.sun_path, path_of("notify"));
    (void)sendto(rig.notify_fd, "END", 3, 0, (const struct sockaddr *)&at, sizeof(at));
    thread_join(&rig.watcher);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        (void)unlink(path_of(names[i]));
    cr_assert_eq(rmdir(rig.dir), 0);
    if (__lsan_do_recoverable_leak_check != NULL)
        cr_assert_eq(__lsan_do_recoverable_leak_check(), 0);
}

/* Each changes a copy of the good settings, so that the part does not start. */
#define WRONG_SETTINGS(X)                                                                          \
    X("the fleet's settings", set_path(s.cluster_secret_file, "none"))                             \
    X("the torrents", set_path(s.allow_list, "none"))                                              \
    X("the certificate", set_path(s.tls_cert, "token"))                                            \
    X("the addresses for clients", s.udp.at[0] = s.http.at[0] = taken)                             \
    X("the admin addresses", set_path(s.admin_token_file, "none"))                                 \
    X("the rights", strcpy(s.user, "nobody of that name"))                                         \
    X("the accountant", set_path(s.database, "no/database"))

static void
try_wrong_settings(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct endpoint taken = rig.settings.http.at[0];
    struct sockaddr_storage ss;
    socklen_t len = addr_to_sockaddr(&taken, &ss);

    cr_assert(fd >= 0 && bind(fd, (const struct sockaddr *)&ss, len) == 0 && listen(fd, 1) == 0);
    len = sizeof(ss);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&ss, &len), 0);
    cr_assert_eq(addr_from_sockaddr((const struct sockaddr *)&ss, len, &taken), 0);
#define X(part, change)                                                                            \
    {                                                                                              \
        struct settings s = rig.settings;                                                          \
        change;                                                                                    \
        expect_failure(&s, part);                                                                  \
    }
    WRONG_SETTINGS(X)
#undef X
    close(fd);
}

/* What the service manager passed is no socket. */
static void
try_passed_socket(void)
{
    char pid[16];

    snprintf(pid, sizeof(pid), "%d", (int)getpid());
    setenv("LISTEN_PID", pid, 1);
    setenv("LISTEN_FDS", "1000", 1);
    expect_failure(&rig.settings, "the sockets that were passed");
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
}

/* Ends with the first run in which no allocation fails. Some failures can be borne: then the
 * tracker runs, and is stopped when it is ready. */
static void
try_allocations(void)
{
    bool failed = true;

    for (unsigned n = 0; failed; n++) {
        char what[32];
        int err;

        snprintf(what, sizeof(what), "allocation %u", n);
        failing_alloc_after(n);
        err = run(&rig.settings);
        failed = failing_alloc_end();
        check_order(what);
        if (err != 0)
            rig.failed[rig.started.count - 1] = true;
    }
}

static void
try_threads(void)
{
    unsigned n = 0;
    int err;

    do {
        char what[32];

        snprintf(what, sizeof(what), "thread %u", n);
        failing_thread_after(n++);
        err = run(&rig.settings);
        failing_thread_end();
        check_order(what);
        if (err != 0)
            rig.failed[rig.started.count - 1] = true;
    } while (err != 0);
}

Test(process, stops_what_had_started_in_the_reverse_order, .timeout = TEST_S)
{
    set_up();
    try_passed_socket();
    try_wrong_settings();
    try_threads();
    try_allocations();
    for (size_t i = 0; i < rig.all.count; i++)
        cr_assert(rig.failed[i], "%s never failed", rig.all.at[i]);
    tear_down();
}
