/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A torrent is offered by its name if the name is unique and can be typed, else by its info-hash.
 * Errors do not disturb the user: no torrent is offered then.
 */
#include "peer/cli/completing.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/complete.h"
#include "common/base/printable.h"
#include "peer/cli/client.h"
#include "peer/cli/commands.h"

enum { WORDS_MAX = 64, DAEMON_SECONDS = 1, NAME_MAX_BYTES = 1024 };

static void
on_alarm(int signum)
{
    (void)signum;
    _exit(CLI_OK);
}

static const char *
hash_of(const json_t *t)
{
    const char *v1 = client_text(t, "info_hash_v1");

    return v1[0] != '\0' ? v1 : client_text(t, "info_hash_v2");
}

/* Whether |name| is unique in |list|, needs no escapes on a terminal, and is no option or "all". */
static bool
can_be_typed(const json_t *list, const char *name)
{
    char shown[NAME_MAX_BYTES];
    const json_t *each;
    size_t i, same = 0;

    if (name[0] == '-' || strcmp(name, CLIENT_ALL) == 0 || name[0] == '\0' ||
        strcmp(printable(name, shown, sizeof(shown)), name) != 0)
        return false;
    json_array_foreach(list, i, each)
        same += strcmp(client_text(each, "name"), name) == 0;
    return same == 1;
}

static void
print_torrents(FILE *f, const json_t *list, const char *typed)
{
    char shown[NAME_MAX_BYTES];
    const json_t *each;
    size_t i;

    json_array_foreach(list, i, each)
    {
        const char *name = client_text(each, "name");

        if (can_be_typed(list, name))
            complete_candidate(f, typed, name, client_text(each, "state"));
        else
            complete_candidate(f, typed, hash_of(each), printable(name, shown, sizeof(shown)));
    }
}

/* Prints the daemon's torrents that begin with |typed|, for an operand called TORRENT. A --socket
 * among the words before it says which daemon. */
static void
print_names(void *ctx, FILE *f, const char *what, const char *typed)
{
    const struct complete_args *a = ctx;
    struct client_options client = {.socket = NULL};
    struct options o;
    const char *value;
    json_t *list = NULL;
    int id, fd;

    if (strcmp(what, "TORRENT") != 0)
        return;
    options_init(&o, a->argc - 1, a->argv, a->specs, a->count);
    while (options_next(&o, &id, &value, NULL) > 0)
        client_option(&client, id, value);
    signal(SIGALRM, on_alarm);
    alarm(DAEMON_SECONDS);
    fd = client_connect(&client, NULL);
    if (fd < 0)
        return;
    if (client_call(fd, "torrent.list", NULL, &list, NULL) == 0)
        print_torrents(f, list, typed);
    json_decref(list);
    close(fd);
}

/* Prints the candidates for the word after "sprat" (|first|) or after "sprat help". */
static void
print_commands(const char *typed, bool first)
{
    struct complete_word words[WORDS_MAX];
    size_t n, count = 0;
    const struct cli_command *const *commands = commands_all(&n);

    for (size_t i = 0; i < n && count + 3 < WORDS_MAX; i++)
        words[count++] = (struct complete_word){commands[i]->name, commands[i]->summary};
    if (first)
        words[count++] = (struct complete_word){"help", "print the help of a command"};
    if (first && typed[0] == '-') {
        words[count++] = (struct complete_word){"--help", "print the commands"};
        words[count++] = (struct complete_word){"--version", "print the version"};
    }
    complete_words(stdout, typed, words, count);
}

void
completing_print(int argc, const char *const *argv)
{
    const struct cli_command *c;
    struct complete_args a;

    if (argc <= 1) {
        print_commands(argc == 1 ? argv[0] : "", true);
        return;
    }
    if (strcmp(argv[0], "help") == 0 && argc == 2) {
        print_commands(argv[1], false);
        return;
    }
    c = commands_find(argv[0]);
    if (c == NULL) {
        complete_words(stdout, "", NULL, 0);
        return;
    }
    a = (struct complete_args){.argc = argc - 1,
                               .argv = argv + 1,
                               .specs = c->options,
                               .count = c->option_count,
                               .usage = c->usage,
                               .names = print_names,
                               .ctx = &a};
    complete_arguments(stdout, &a);
}
