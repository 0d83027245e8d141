/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The registry, the thread that owns it and the operator's commands when memory is out: each
 * allocation, SQLite's and jansson's included, fails once, in one run each. What was said to be
 * stored is there afterwards, what was refused is not, and a job is done exactly once.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/codec/failing_alloc.h"
#include "tests/unit/tracker/libmem.h"
#include "tests/unit/tracker/tmpdb.h"
#include "tracker/cli/command.h"
#include "tracker/cli/commands.h"
#include "tracker/daemon/accountant.h"

enum { RUNS_MAX = 100000, JOBS = 3 };

static void
quiet(void *ctx, const struct log_record *r)
{
    (void)ctx, (void)r;
}

static const struct log no_log = {.write = quiet, .level = LOG_ERROR};

/* ---- the registry ---- */

static void
torrent_of_run(unsigned n, struct registry_torrent *t)
{
    *t = (struct registry_torrent){.has_v1 = true, .v1 = {1, (uint8_t)n, (uint8_t)(n >> 8)}};
}

static int
count(void *ctx, const struct registry_torrent *t)
{
    (void)t;
    ++*(unsigned *)ctx;
    return 0;
}

/* Opens it, registers this run's torrent and lists all; 0, or the first error. */
static int
use_registry(const char *path, unsigned n, unsigned *listed, bool *added)
{
    struct errbuf eb = {""};
    struct registry *r;
    struct registry_torrent t;
    int err = registry_open(path, false, &r, &eb);

    *listed = 0;
    *added = false;
    if (err == 0) {
        torrent_of_run(n, &t);
        err = registry_add_torrent(r, &t, &eb);
        *added = err == 0;
        if (err == 0)
            err = registry_each_torrent(r, 0, UINT64_MAX, count, listed, &eb);
        registry_close(r);
    }
    cr_assert((err == 0) == (eb.text[0] == '\0'), "%s", eb.text);
    return err;
}

Test(nomem_store, the_registry)
{
    struct tmpdb db;
    bool failed = true, added;
    unsigned n, listed, torrents = 0;

    libmem_take_over();
    tmpdb_open(&db, 0);
    for (n = 0; failed && n < RUNS_MAX; n++) {
        struct registry_torrent t;
        struct errbuf eb;
        int err;

        failing_alloc_after(n);
        err = use_registry(db.path, n, &listed, &added);
        failed = failing_alloc_end();
        torrents += added;
        torrent_of_run(n, &t);
        cr_assert_eq(registry_find_torrent(db.registry, t.v1, 20, &t, &eb),
                     added ? 0 : SPRAT_E_NOTFOUND, "run %u", n);
        if (err == 0)
            cr_assert_eq(listed, torrents);
        else
            cr_assert_eq(err, SPRAT_E_NOMEM, "run %u: %s", n, sprat_strerror(err));
    }
    cr_assert(added && !failed);
    cr_assert_gt(n, 100);
    tmpdb_close(&db);
}

/* ---- the accountant ---- */

struct tally_of_jobs {
    unsigned asked, worked, done, cancelled;
};

static int
work(void *user, struct registry *r, struct errbuf *eb)
{
    struct tally_of_jobs *jobs = user;
    struct registry_stats s;

    jobs->worked++;
    return registry_stats(r, &s, eb);
}

static void
done(void *user, int err, const char *why)
{
    struct tally_of_jobs *jobs = user;

    jobs->done++;
    jobs->cancelled += err == SPRAT_E_CANCELLED;
    cr_assert((err == 0) == (why[0] == '\0'));
}

static void
ask(struct accountant_desk *d, struct tally_of_jobs *jobs)
{
    for (int i = 0; i < JOBS; i++) {
        int err = accountant_ask(d, work, done, jobs);

        cr_assert(err == 0 || err == SPRAT_E_NOMEM);
        jobs->asked += err == 0;
    }
}

/* Desks come and go before the thread runs: their jobs are cancelled. */
static void
use_accountant(const char *path, struct members *m, struct loop *l, struct accountant **out)
{
    static const struct accountant_config config = {.period_s = 60, .retention_s = 60};
    struct accountant_desk *d;
    struct tally_of_jobs jobs = {0};
    struct errbuf eb = {""};
    int err = accountant_new(path, m, &config, &no_log, out, &eb);

    if (err != 0) {
        cr_assert_eq(err, SPRAT_E_NOMEM, "%s", eb.text);
        cr_assert_neq(eb.text[0], '\0');
        *out = NULL;
        return;
    }
    d = accountant_desk_new(*out, l);
    if (d != NULL)
        ask(d, &jobs);
    accountant_desk_free(d);
    cr_assert_eq(jobs.done, jobs.asked);
    cr_assert_eq(jobs.cancelled, jobs.asked);
    cr_assert_eq(jobs.worked, 0);
}

static struct members *
new_members(void)
{
    static const struct members_config config = {
        .entries_max = 1000, .gap_max_s = 100, .silence_s = 100};
    static const uint64_t seed[2] = {1, 2};
    struct members *m = members_new(seed, &config);

    cr_assert_not_null(m);
    return m;
}

/* With the thread, now that there is memory again: every job is done once. */
static void
work_off(struct accountant *a, struct loop *l)
{
    struct accountant_desk *d = accountant_desk_new(a, l);
    struct tally_of_jobs jobs = {0};

    cr_assert_not_null(d);
    ask(d, &jobs);
    cr_assert_eq(jobs.asked, JOBS);
    cr_assert_eq(accountant_start(a), 0);
    accountant_desk_free(d);
    cr_assert_eq(jobs.done, JOBS);
    cr_assert_eq(jobs.worked + jobs.cancelled, JOBS);
}

Test(nomem_store, the_accountant)
{
    struct loop *l;
    struct errbuf eb;
    struct tmpdb db;
    bool failed = true;
    unsigned n;

    libmem_take_over();
    tmpdb_open(&db, 3);
    cr_assert_eq(loop_new(&l, &eb), 0);
    for (n = 0; failed && n < RUNS_MAX; n++) {
        struct members *m = new_members();
        struct accountant *a;
        struct access_counts counts;

        failing_alloc_after(n);
        use_accountant(db.path, m, l, &a);
        failed = failing_alloc_end();
        if (a != NULL) {
            members_counts(m, &counts);
            cr_assert_eq(counts.users, 1);
            cr_assert_eq(counts.torrents, 3, "what is there was read, or it was an error");
            work_off(a, l);
        }
        accountant_free(a);
        members_free(m);
    }
    cr_assert_not(failed);
    cr_assert_gt(n, 100);
    tmpdb_close(&db);
    loop_free(l);
}

/* ---- commands ---- */

struct output {
    char text[16384];
    size_t len;
};

/* Runs a command with its output in a file; the exit status. */
static int
run_command(int argc, const char *const *argv, const char *path, struct output *out)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600), status;
    ssize_t got;

    cr_assert_geq(fd, 0);
    fflush(stdout);
    cr_assert_eq(dup2(fd, STDOUT_FILENO), STDOUT_FILENO);
    status = commands_main(argc, argv);
    fflush(stdout);
    got = pread(fd, out->text, sizeof(out->text), 0);
    close(fd);
    cr_assert_geq(got, 0);
    out->len = (size_t)got;
    return status;
}

/* Says that it failed, or prints what it prints with memory. */
static void
fail_each(int argc, const char *const *argv, const char *path)
{
    static struct output good, now;
    bool failed = true;
    unsigned n;

    cr_assert_eq(run_command(argc, argv, path, &good), COMMAND_OK);
    cr_assert_gt(good.len, 0);
    for (n = 0; failed && n < RUNS_MAX; n++) {
        int status;

        failing_alloc_after(n);
        status = run_command(argc, argv, path, &now);
        failed = failing_alloc_end();
        if (status == COMMAND_OK)
            cr_assert(now.len == good.len && memcmp(now.text, good.text, good.len) == 0);
        else
            cr_assert(failed && status == COMMAND_FAILED, "run %u: %d", n, status);
    }
    cr_assert_not(failed);
    cr_assert_gt(n, 50);
}

Test(nomem_store, commands)
{
    static const char *const commands[][2] = {
        {"user", "ls"}, {"user", "show"}, {"torrent", "ls"}, {"stats", NULL}};
    struct tmpdb db;
    char path[96];

    libmem_take_over();
    tmpdb_open(&db, 3);
    snprintf(path, sizeof(path), "%s/out", db.dir);
    cr_assert_not_null(freopen("/dev/null", "w", stderr));
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        const char *argv[8];
        int argc = 0;

        argv[argc++] = commands[i][0];
        if (commands[i][1] != NULL)
            argv[argc++] = commands[i][1];
        if (i == 1)
            argv[argc++] = "anna";
        argv[argc++] = "--database";
        argv[argc++] = db.path;
        fail_each(argc, argv, path);
        argv[argc++] = "--json";
        fail_each(argc, argv, path);
    }
    (void)unlink(path);
    tmpdb_close(&db);
}
