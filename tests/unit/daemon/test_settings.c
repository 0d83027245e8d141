/* SPDX-License-Identifier: BSD-2-Clause
 *
 * spratd's settings: which file is read, paths and quotes in it, and what changes when it is read
 * again.
 */
#include "peer/daemon/settings.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64];
static char conf[128];
static struct errbuf eb;

static void
write_conf(const char *content)
{
    FILE *f = fopen(conf, "w");

    cr_assert_not_null(f);
    fputs(content, f);
    fclose(f);
}

static void
setup(void)
{
    char sub[128];

    strcpy(dir, "/tmp/sprat-settings-XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    snprintf(sub, sizeof(sub), "%s/sprat", dir);
    cr_assert_eq(mkdir(sub, 0700), 0);
    snprintf(conf, sizeof(conf), "%s/sprat/spratd.conf", dir);
    setenv("XDG_CONFIG_HOME", dir, 1);
    setenv("XDG_STATE_HOME", dir, 1);
    setenv("XDG_RUNTIME_DIR", dir, 1);
    setenv("HOME", dir, 1);
    eb.text[0] = '\0';
}

static void
teardown(void)
{
    char sub[128];

    unlink(conf);
    snprintf(sub, sizeof(sub), "%s/sprat", dir);
    rmdir(sub);
    cr_assert_eq(rmdir(dir), 0, "something was left behind");
}

TestSuite(settings, .init = setup, .fini = teardown);

static int
read_words(struct settings *s, const char *a, const char *b)
{
    const char *argv[] = {a, b};
    enum settings_action action;

    eb.text[0] = '\0';
    return settings_read(s, dir, a == NULL ? 0 : b == NULL ? 1 : 2, argv, &action, &eb);
}

Test(settings, the_users_own_file_is_read)
{
    struct settings s;

    write_conf("up-limit = 3K\n");
    cr_assert_eq(read_words(&s, NULL, NULL), 0, "%s", eb.text);
    cr_expect_eq(s.up_limit, 3072);
    cr_expect_str_eq(s.file, conf);
    settings_fini(&s);
    cr_assert_eq(read_words(&s, "-c", "none"), 0, "%s", eb.text);
    cr_expect_eq(s.up_limit, 0);
    cr_expect_null(s.file);
    settings_fini(&s);
    cr_assert_eq(read_words(&s, "-c", "sprat/spratd.conf"), 0, "from where it began: %s", eb.text);
    cr_expect_eq(s.up_limit, 3072);
    settings_fini(&s);
}

Test(settings, the_first_file_that_is_there)
{
    char other[128], *found;

    snprintf(other, sizeof(other), "%s/sprat", dir);
    cr_assert_eq(settings_find_file((const char *const[]){dir, NULL, other}, 3, &found, &eb), 0);
    cr_expect_null(found, "there is none yet");
    write_conf("");
    cr_assert_eq(settings_find_file((const char *const[]){dir, NULL, other}, 3, &found, &eb), 0);
    cr_assert_not_null(found);
    cr_expect_str_eq(found, conf);
    free(found);
}

/* A symbolic link to itself is there and can't be read, by root either. */
Test(settings, a_file_that_can_not_be_read_is_an_error)
{
    struct settings s;

    cr_assert_eq(symlink(conf, conf), 0);
    cr_expect_neq(read_words(&s, NULL, NULL), 0);
    cr_expect_not_null(strstr(eb.text, conf), "%s", eb.text);
    settings_fini(&s);
}

Test(settings, quotes_and_relative_paths_are_refused)
{
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"seed = none\nsave-dir = \"/srv/x\"\n",
         "spratd.conf:2: save-dir: values have no quotes; write: save-dir = /srv/x"},
        {"save-dir = '/srv/x y'\n", "write: save-dir = /srv/x y"},
        {"save-dir = \"/srv/x\n", "spratd.conf:1: save-dir: the value begins with a quote"},
        {"\nup-limit = '2M'\n", "spratd.conf:2: up-limit: values have no quotes"},
        {"save-dir = downloads\n", "spratd.conf:1: save-dir: 'downloads' is not an absolute path"},
        {"socket-group =\n", "spratd.conf:1: socket-group: the value is empty"},
    };
    struct settings s;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        write_conf(cases[i].text);
        cr_expect_eq(read_words(&s, NULL, NULL), SPRAT_E_SYNTAX, "%s", cases[i].text);
        cr_expect_not_null(strstr(eb.text, cases[i].words), "%s", eb.text);
        settings_fini(&s);
    }
    write_conf("save-dir = ~/downloads\ncompleted-dir = /srv/it's \"here\"\n");
    cr_assert_eq(read_words(&s, NULL, NULL), 0, "%s", eb.text);
    cr_expect(strncmp(s.save_dir, dir, strlen(dir)) == 0 && s.save_dir[0] == '/', "%s", s.save_dir);
    cr_expect_str_eq(s.completed_dir, "/srv/it's \"here\"");
    settings_fini(&s);
}

/* ---- reading the file again ---- */

static char told[1024];

static void
tell(void *ctx, const char *key, const char *before, const char *after, bool changed)
{
    size_t n = strlen(told);

    (void)ctx;
    snprintf(told + n, sizeof(told) - n, "%s %s>%s %s; ", key, before != NULL ? before : "-",
             after != NULL ? after : "-", changed ? "changed" : "restart");
}

static void
change(struct settings *s, const char *a, const char *b)
{
    struct settings next;

    told[0] = '\0';
    cr_assert_eq(read_words(&next, a, b), 0, "%s", eb.text);
    settings_change(s, &next, tell, NULL);
    settings_fini(&next);
}

Test(settings, what_can_change_changes)
{
    struct settings s;

    write_conf("up-limit = 1M\nlisten = 127.0.0.1:1\nseed = 2\n");
    cr_assert_eq(read_words(&s, NULL, NULL), 0, "%s", eb.text);
    change(&s, NULL, NULL);
    cr_expect_str_eq(told, "");
    s.up_limit = 5; /* as `sprat limit` does */
    write_conf("save-dir = /a\nup-limit = 1M\ndown-limit = 2K\nlisten = 127.0.0.1:1\n"
               "listen = 127.0.0.1:2\nsocket-group = 0\n");
    change(&s, NULL, NULL);
    cr_expect_str_eq(told, "socket-group ->0 restart; save-dir ->/a changed; "
                           "listen 127.0.0.1:1>127.0.0.1:1, 127.0.0.1:2 restart; "
                           "down-limit ->2K changed; seed 2>- changed; ");
    cr_expect_str_eq(s.save_dir, "/a");
    cr_expect_eq(s.down_limit, 2048);
    cr_expect_eq(s.up_limit, 5, "its text is the same");
    cr_expect_eq(s.seed, SEED_FOREVER);
    cr_expect_eq(s.listen_count, 1, "as at the start");
    cr_expect_null(s.socket_group);
    change(&s, NULL, NULL);
    cr_expect_str_eq(told, "socket-group ->0 restart; "
                           "listen 127.0.0.1:1>127.0.0.1:1, 127.0.0.1:2 restart; ",
                     "what waits for a restart is told each time: %s", told);
    settings_fini(&s);
}

Test(settings, the_command_line_wins_again)
{
    struct settings s;

    write_conf("up-limit = 1M\n");
    cr_assert_eq(read_words(&s, "--up-limit", "7"), 0, "%s", eb.text);
    write_conf("up-limit = 2M\n");
    change(&s, "--up-limit", "7");
    cr_expect_str_eq(told, "");
    cr_expect_eq(s.up_limit, 7);
    settings_fini(&s);
}
