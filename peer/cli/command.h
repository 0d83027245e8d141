/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The definition of a subcommand of sprat, and the functions that all subcommands share: exit
 * statuses, parsing of arguments, and error lines. commands.h finds a subcommand by its name.
 */
#ifndef PEER_CLI_COMMAND_H
#define PEER_CLI_COMMAND_H

#include <stddef.h>

#include "common/base/err.h"
#include "common/base/options.h"

enum cli_status {
    CLI_OK = 0,
    CLI_FAILED = 1,        /* the work failed */
    CLI_USAGE = 2,         /* wrong usage */
    CLI_GAVE_UP = 4,       /* --give-up-after: nothing moved for too long */
    CLI_INTERRUPTED = 130, /* Ctrl-C */
    CLI_TERMINATED = 143,  /* SIGTERM */
};

enum {
    CLI_OPERANDS_MAX = 256,
    CLI_LIST_MAX = 256, /* maximum values of one repeatable option */
};

struct cli_command {
    const char *name;
    const char *usage;   /* the usage behind the name: "[options] PATH" */
    const char *summary; /* a phrase for the list of commands */
    const char *details; /* sentences for --help, which wraps them */
    const char *example; /* lines, each with two blanks before it */
    const struct option_spec *options;
    size_t option_count;
    int (*run)(const struct cli_command *self, int argc, const char *const *argv);
};

/* The rows that every table of options has; cli_next() handles these options itself. */
enum { CLI_OPT_HELP = 1000, CLI_OPT_VERSION };
#define CLI_HELP_ROW                                                                               \
    {CLI_OPT_HELP, 'h', "help", NULL, "print this help"},                                          \
    {                                                                                              \
        CLI_OPT_VERSION, 'V', "version", NULL, "print the version"                                 \
    }

/*  X(name) of every subcommand, in the order of the help */
#define CLI_COMMAND_TABLE(X)                                                                       \
    X(create)                                                                                      \
    X(show)                                                                                        \
    X(verify)                                                                                      \
    X(seed)                                                                                        \
    X(get)                                                                                         \
    X(add)                                                                                         \
    X(ls)                                                                                          \
    X(info)                                                                                        \
    X(why)                                                                                         \
    X(dht)                                                                                         \
    X(pause)                                                                                       \
    X(resume)                                                                                      \
    X(limit)                                                                                       \
    X(select)                                                                                      \
    X(rm)                                                                                          \
    X(shutdown)

#define X(name) extern const struct cli_command cli_##name;
CLI_COMMAND_TABLE(X)
#undef X

/* The arguments of a subcommand while they are parsed. */
struct cli_args {
    const struct cli_command *command;
    struct options scan;
    const char *operands[CLI_OPERANDS_MAX];
    size_t operand_count;
    int status; /* the exit status after a negative result of cli_next() */
};

void cli_args_init(struct cli_args *a, const struct cli_command *command, int argc,
                   const char *const *argv);

/* Returns 1 and the next option (operands are collected in |a|); 0 at the end of the arguments, if
 * the number of operands is between |min| and |max|; -1 if the command must end with |a->status|:
 * help has been printed, or an error has been reported. */
int cli_next(struct cli_args *a, int *id, const char **value, size_t min, size_t max);

/* The values of a repeatable option. */
struct cli_list {
    const char *items[CLI_LIST_MAX];
    size_t count;
};

/* Adds a value. SPRAT_E_LIMIT and a sentence if the list is full. */
int cli_list_add(struct cli_list *l, const char *option, const char *value, struct errbuf *eb);

/* Whether |value| is HOST:PORT with a port from 1 to 65535. The host is not looked up. */
bool cli_is_peer(const char *value);

/* Prints a line about wrong usage, as complaint.h says, and returns CLI_USAGE. */
int cli_usage(const struct cli_command *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Prints a line about an error, as complaint.h says, and returns CLI_FAILED. */
int cli_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Prints the --help of |c|. */
void cli_help(const struct cli_command *c);

#endif
