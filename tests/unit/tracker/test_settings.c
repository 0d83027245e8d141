/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The daemon's settings from the command line and from files, good and bad.
 */
#include "tracker/operator/settings.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct settings s;
static struct errbuf eb;
static enum settings_action action;

#define READ(...) read_args((const char *const[]){__VA_ARGS__, NULL})

static int
read_args(const char *const *argv)
{
    int argc = 0;

    while (argv[argc] != NULL)
        argc++;
    eb.text[0] = '\0';
    return settings_read(&s, argc, argv, &action, &eb);
}

/* Reads a file of this content, with more arguments behind it. */
static int
read_file(const char *content, const char *arg1, const char *arg2)
{
    char path[] = "/tmp/sprat-settings-XXXXXX";
    int fd = mkstemp(path), err;
    ssize_t len = (ssize_t)strlen(content);

    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, content, (size_t)len), len);
    close(fd);
    if (arg1 == NULL)
        err = READ("-c", path);
    else
        err = READ("-c", path, arg1, arg2);
    unlink(path);
    return err;
}

static void
expect(int err, int want, const char *text)
{
    cr_expect_eq(err, want, "%d: %s", err, eb.text);
    cr_expect_not_null(strstr(eb.text, text), "%s", eb.text);
}

Test(settings, defaults)
{
    cr_assert_eq(settings_read(&s, 0, NULL, &action, &eb), 0);
    cr_assert_eq(action, SETTINGS_RUN);
    cr_assert_eq(s.tracker.interval, 1800);
    cr_assert_eq(s.tracker.peer_ids, 1);
    cr_assert(s.listens_by_default);
    cr_assert_eq(s.http.count, 2);
    cr_assert_eq(s.udp.at[1].port, 6969);
    cr_assert_eq(s.udp.at[1].family, IP_V6);
}

Test(settings, command_line)
{
    cr_assert_eq(READ("--listen-http", "127.0.0.1:0", "--listen-http=[::1]:80", "--interval", "60",
                      "--peer-ids", "no", "--log-level=debug", "--torrents-max", "7"),
                 0, "%s", eb.text);
    cr_assert_eq(s.http.count, 2);
    cr_assert_eq(s.http.at[1].port, 80);
    cr_assert_eq(s.udp.count, 0, "an address was given: the defaults are off");
    cr_assert_not(s.listens_by_default);
    cr_assert_eq(s.tracker.interval, 60);
    cr_assert_eq(s.tracker.min_interval, 60, "never more than the interval");
    cr_assert_eq(s.tracker.peer_ids, 0);
    cr_assert_eq(s.tracker.torrents_max, 7);
    cr_assert_eq(s.log_level, LOG_DEBUG);
    cr_assert_eq(READ("--help"), 0);
    cr_assert_eq(action, SETTINGS_HELP);
    cr_assert_eq(READ("-V", "--help"), 0);
    cr_assert_eq(action, SETTINGS_HELP);
    cr_assert_eq(READ("-V"), 0);
    cr_assert_eq(action, SETTINGS_VERSION);
}

Test(settings, wrong_usage)
{
    expect(READ("--listen-htpp", "1.2.3.4:5"), SPRAT_E_INVAL, "listen-http");
    expect(READ("--listen-http", "localhost:80"), SPRAT_E_INVAL,
           "'localhost:80' is not an address");
    expect(READ("--listen-udp", "1.2.3.4"), SPRAT_E_INVAL, "--listen-udp");
    expect(READ("--interval", "0"), SPRAT_E_INVAL, "interval: '0' is not a number from 1 to 21600");
    expect(READ("--interval", "1m"), SPRAT_E_INVAL, "'1m'");
    expect(READ("--peer-ids", "perhaps"), SPRAT_E_INVAL, "neither yes nor no");
    expect(READ("--log-level", "loud"), SPRAT_E_INVAL, "loud");
    expect(READ("file"), SPRAT_E_INVAL, "unexpected argument 'file'");
    expect(READ("--interval"), SPRAT_E_INVAL, "interval");
}

Test(settings, file)
{
    cr_assert_eq(read_file("; a comment\n[tracker]\ninterval = 90\nlisten-http = 127.0.0.1:1\n"
                           "listen-http = 127.0.0.1:2\npeer-ids = no\n",
                           NULL, NULL),
                 0, "%s", eb.text);
    cr_assert_eq(s.tracker.interval, 90);
    cr_assert_eq(s.http.count, 2);
    cr_assert_eq(s.tracker.peer_ids, 0);
    cr_assert_eq(
        read_file("interval = 90\nlisten-http = 127.0.0.1:1\nnumwant = 5\n", "--interval", "91"),
        0);
    cr_assert_eq(s.tracker.interval, 91, "the command line wins");
    cr_assert_eq(s.tracker.numwant_default, 5);
    cr_assert_eq(s.http.count, 1);
    cr_assert_eq(read_file("listen-http = 127.0.0.1:1\nlisten-udp = 127.0.0.1:1\n", "--listen-udp",
                           "127.0.0.1:2"),
                 0);
    cr_assert_eq(s.http.count, 0, "addresses on the command line are instead of the file's");
    cr_assert_eq(s.udp.count, 1);
}

Test(settings, bad_files)
{
    expect(read_file("interval = 90\nintervall = 9\n", NULL, NULL), SPRAT_E_SYNTAX,
           ":2: unknown key 'intervall'; did you mean 'interval'?");
    expect(read_file("interval = x\nnumwant = y\n", NULL, NULL), SPRAT_E_SYNTAX,
           ":1: interval: 'x' is not a number");
    expect(read_file("[other]\ninterval = 5\n", NULL, NULL), SPRAT_E_SYNTAX, ":2: unknown section");
    expect(read_file("\n\njust words\n", NULL, NULL), SPRAT_E_SYNTAX, ":3: ");
    expect(read_file("interval = 90\ndatabase = \"/srv/a b.db\"\n", NULL, NULL), SPRAT_E_SYNTAX,
           ":2: database: values have no quotes; write: database = /srv/a b.db");
    expect(read_file("database = 'x.db\n", NULL, NULL), SPRAT_E_SYNTAX, "begins with a quote");
    expect(READ("-c", "/nonexistent/file"), SPRAT_E_NOENT, "/nonexistent/file");
    expect(READ("-c", "/"), SPRAT_E_IO, "/");
}

Test(settings, a_cluster)
{
    cr_assert_eq(READ("--interval", "60"), 0);
    cr_assert(s.cluster.host[0] == '\0' && strcmp(s.cluster_name, "sprat:") == 0);
    expect(READ("--cluster", "redis://:pw@redis.lan:7000/2"), SPRAT_E_INVAL,
           "cluster-password-file");
    cr_assert_eq(READ("--cluster", "redis://redis.lan:7000/2", "--cluster-name", "fleet-1/"), 0);
    cr_assert_str_eq(s.cluster.host, "redis.lan");
    cr_assert(s.cluster.port == 7000 && s.cluster.database == 2);
    cr_assert_str_eq(s.cluster_name, "fleet-1/");
    cr_assert_eq(READ("--cluster", "redis://:secret@"), SPRAT_E_INVAL);
    cr_assert_null(strstr(eb.text, "secret"), "%s", eb.text);
    cr_assert_eq(READ("--cluster-name", "{a}"), SPRAT_E_INVAL);
    cr_assert_eq(READ("--cluster-name", ""), SPRAT_E_INVAL);
}

Test(settings, a_private_fleet_is_sealed_unless_redis_is_on_this_host)
{
    expect(READ("--private", "yes", "--cluster", "redis://redis.lan"), SPRAT_E_INVAL,
           "cluster-secret-file");
    cr_assert_not_null(strstr(eb.text, "cluster-unsealed"));
    expect(READ("--private", "yes", "--cluster", "redis://192.0.2.1"), SPRAT_E_INVAL, "192.0.2.1");
    cr_assert_eq(READ("--private", "yes", "--cluster", "redis://redis.lan", "--cluster-secret-file",
                      "secret"),
                 0);
    cr_assert_eq(
        READ("--private", "yes", "--cluster", "redis://redis.lan", "--cluster-unsealed", "yes"), 0);
    cr_assert_eq(READ("--private", "yes", "--cluster", "redis://localhost"), 0);
    cr_assert_eq(READ("--private", "yes", "--cluster", "redis://[::1]:7000"), 0);
    cr_assert_eq(READ("--cluster", "redis://redis.lan"), 0, "an open fleet has no accounts");
    cr_assert_eq(READ("--private", "yes", "--database", "a.db"), 0);
}

Test(settings, a_private_tracker_has_a_database_or_a_fleet)
{
    cr_assert_eq(READ("--private", "yes"), SPRAT_E_INVAL);
    cr_assert_not_null(strstr(eb.text, "needs a database, or a cluster"));
    cr_assert_eq(READ("--private", "yes", "--database", "a.db"), 0);
    cr_assert_eq(READ("--private", "yes", "--cluster", "redis://localhost"), 0);
    cr_assert_eq(READ("--private", "yes", "--cluster", "redis://localhost", "--database", "a.db"),
                 0);
}

Test(settings, the_external_address_is_one_for_each_family)
{
    cr_assert_eq(READ("--external-address", "192.0.2.7", "--external-address", "2001:db8::7"), 0,
                 "%s", eb.text);
    cr_expect_eq(s.tracker.external.v4.ip[3], 7);
    cr_expect_eq(s.tracker.external.v6.ip[15], 7);
    cr_assert_eq(READ("--external-address", "192.0.2.7"), 0);
    cr_expect_eq(s.tracker.external.v6.family, IP_NONE);
    cr_assert_eq(read_file("external-address = 192.0.2.7\n", "--external-address", "192.0.2.8"), 0);
    cr_expect_eq(s.tracker.external.v4.ip[3], 8, "the command line wins");
    expect(READ("--external-address", "127.0.0.1"), SPRAT_E_INVAL, "'127.0.0.1' is not an address");
    expect(READ("--external-address", "0.0.0.0"), SPRAT_E_INVAL, "'0.0.0.0'");
    expect(READ("--external-address", "192.0.2.7:80"), SPRAT_E_INVAL, "such as 192.0.2.7");
    expect(READ("--external-address", "tracker.example"), SPRAT_E_INVAL, "'tracker.example'");
}

Test(settings, users_are_not_told_an_address_to_listen_at)
{
    expect(READ("--announce-url", "http://0.0.0.0:6969/announce"), SPRAT_E_INVAL,
           "nobody can connect to the address in 'http://0.0.0.0:6969/announce'");
    expect(READ("--announce-url", "udp://[::]:6969/announce"), SPRAT_E_INVAL, "nobody can connect");
    expect(READ("--announce-url", "http://0.0.0.0/announce"), SPRAT_E_INVAL, "nobody can connect");
    cr_expect_eq(READ("--announce-url", "http://0.0.0.0.example/announce"), 0, "%s", eb.text);
    cr_expect_eq(READ("--announce-url", "http://[::1]:6969/announce"), 0, "%s", eb.text);
}
