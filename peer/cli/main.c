/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sprat: finds the subcommand and runs it.
 */
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "common/base/complete.h"
#include "common/base/suggest.h"
#include "common/sys/memory.h"
#include "config.h"
#include "peer/cli/commands.h"
#include "peer/cli/complaint.h"
#include "peer/cli/completing.h"

enum { COMMANDS_MAX = 64 };

static void
print_help(void)
{
    size_t n;
    const struct cli_command *const *commands = commands_all(&n);

    printf("usage: sprat COMMAND [options] …\n\n"
           "Creates, checks, shares and fetches torrents: BitTorrent v1, v2 and hybrid.\n\n"
           "commands:\n");
    for (size_t i = 0; i < n; i++)
        printf("  %-10s %s\n", commands[i]->name, commands[i]->summary);
    printf("\noptions:\n"
           "  -h, --help     print this help; 'sprat COMMAND --help' tells about one command\n"
           "  -V, --version  print the version\n"
           "\nexample:\n"
           "  sprat create -t http://tracker.example:6969/announce album\n"
           "  sprat seed album.torrent .\n"
           "  sprat get -o ~/downloads album.torrent\n");
}

static int
wrong_usage(const char *message)
{
    complaint_usage(NULL, CLI_USAGE, message);
    return CLI_USAGE;
}

/* Returns our subcommand for a name that other programs use, or NULL. */
static const char *
other_name(const char *name)
{
    static const struct {
        const char *theirs, *ours;
    } names[] = {
        {"list", "ls"},       {"status", "ls"},    {"remove", "rm"},     {"delete", "rm"},
        {"start", "resume"},  {"stop", "pause"},   {"download", "get"},  {"fetch", "get"},
        {"upload", "seed"},   {"share", "seed"},   {"check", "verify"},  {"make", "create"},
        {"quit", "shutdown"}, {"exit", "shutdown"},
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(name, names[i].theirs) == 0)
            return names[i].ours;
    return NULL;
}

static int
unknown_command(const char *name)
{
    const char *names[COMMANDS_MAX], *near;
    size_t n;
    const struct cli_command *const *commands = commands_all(&n);
    struct errbuf eb;

    for (size_t i = 0; i < n && i < COMMANDS_MAX; i++)
        names[i] = commands[i]->name;
    near = other_name(name);
    if (near == NULL)
        near = suggest_nearest(name, names, n < COMMANDS_MAX ? n : COMMANDS_MAX);
    if (near != NULL)
        errbuf_set(&eb, 0, "unknown command '%s'; did you mean '%s'?", name, near);
    else
        errbuf_set(&eb, 0, "unknown command '%s'", name);
    return wrong_usage(eb.text);
}

/* Handles the words before a subcommand, and runs the subcommand. "help COMMAND" is the same as
 * "COMMAND --help". */
static int
run(int argc, const char *const *argv)
{
    const struct cli_command *c;

    if (argc < 2)
        return wrong_usage("a command is missing");
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        (strcmp(argv[1], "help") == 0 && argc == 2)) {
        print_help();
        return CLI_OK;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        printf("sprat %s\n", PACKAGE_VERSION);
        return CLI_OK;
    }
    if (strcmp(argv[1], COMPLETE_WORD) == 0) {
        completing_print(argc - 2, argv + 2);
        return CLI_OK;
    }
    if (argv[1][0] == '-')
        return wrong_usage("a command must come first");
    if (strcmp(argv[1], "help") == 0) {
        c = commands_find(argv[2]);
        if (c == NULL)
            return unknown_command(argv[2]);
        cli_help(c);
        return CLI_OK;
    }
    c = commands_find(argv[1]);
    return c != NULL ? c->run(c, argc - 2, argv + 2) : unknown_command(argv[1]);
}

int
main(int argc, char **argv)
{
    int status;

    memory_init();
    setlocale(LC_CTYPE, "");
    signal(SIGPIPE, SIG_IGN); /* write() to a closed pipe fails and does not kill the process */
    signal(SIGXFSZ, SIG_IGN); /* the same for a write beyond "ulimit -f" */
    complaint_begin(argc, (const char *const *)argv);
    status = run(argc, (const char *const *)argv);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        if (errno != EPIPE)
            cli_fail("can't write to standard output: %s", strerror(errno));
        if (status == CLI_OK)
            status = CLI_FAILED;
    }
    return status;
}
