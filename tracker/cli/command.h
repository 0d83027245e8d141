/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The operator's commands of sprat-tracker: "user add", "torrent ls" and so on. Each works on the
 * database of a private tracker, whether its daemon runs or not; a running daemon notices a change
 * within a second. Here is what a command is, and how all of them print the line that describes an
 * error; commands.h has the table of them.
 */
#ifndef TRACKER_CLI_COMMAND_H
#define TRACKER_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "common/base/options.h"
#include "tracker/operator/settings.h"
#include "tracker/store/registry.h"

enum command_status {
    COMMAND_OK = 0,
    COMMAND_FAILED = 1, /* the work failed */
    COMMAND_USAGE = 2,  /* wrong usage */
};

enum {
    COMMAND_OPERANDS_MAX = 8,
    COMMAND_VALUES_MAX = 8, /* options of a single command; their ids are 1 to 7 */
    COMMAND_LIST_MAX = 20,  /* rows of a list in "stats" and "user show" */
};

struct command_call;

struct command {
    const char *group; /* "user" */
    const char *name;  /* "add"; NULL if the group is the command */
    const char *usage; /* what follows the name: "NAME [options]" */
    const char *summary;
    const char *details; /* lines for its --help */
    const char *example;
    const struct option_spec *options; /* including those that all commands have */
    size_t option_count;
    size_t operands_min, operands_max;
    bool creates; /* creates the database if it does not exist */
    int (*run)(struct command_call *c);
};

/* The ids of the options that several commands have. */
enum { COMMAND_OPT_HELP = 1000, COMMAND_OPT_DATABASE, COMMAND_OPT_CONFIG, COMMAND_OPT_JSON,
       COMMAND_OPT_VERSION };
#define COMMAND_ROWS                                                                               \
    {COMMAND_OPT_DATABASE, 0, "database", "FILE", "the tracker's database"},                       \
        {COMMAND_OPT_CONFIG, 'c', "config", "FILE", "take the database from that configuration"},  \
    {                                                                                              \
        COMMAND_OPT_HELP, 'h', "help", NULL, "print this help"                                     \
    },                                                                                             \
    {                                                                                              \
        COMMAND_OPT_VERSION, 'V', "version", NULL, "print the version"                             \
    }
#define COMMAND_JSON_ROW                                                                           \
    {                                                                                              \
        COMMAND_OPT_JSON, 0, "json", NULL, "print JSON"                                            \
    }

/*  X(name) of every command, in the order of the help */
#define COMMAND_TABLE(X)                                                                           \
    X(user_add)                                                                                    \
    X(user_disable)                                                                                \
    X(user_enable)                                                                                 \
    X(user_passkey)                                                                                \
    X(user_ls)                                                                                     \
    X(user_show)                                                                                   \
    X(torrent_add)                                                                                 \
    X(torrent_rm)                                                                                  \
    X(torrent_ls)                                                                                  \
    X(client_allow)                                                                                \
    X(client_deny)                                                                                 \
    X(client_rm)                                                                                   \
    X(client_ls)                                                                                   \
    X(stats)                                                                                       \
    X(check)

#define X(name) extern const struct command command_##name;
COMMAND_TABLE(X)
#undef X

/* One call of a command while it runs. */
struct command_call {
    const struct command *command;
    const char *operands[COMMAND_OPERANDS_MAX];
    size_t operand_count;
    const char *values[COMMAND_VALUES_MAX]; /* by option id; NULL: not given; "" for a flag */
    bool json, version;
    struct settings settings; /* of the configuration, or the defaults */
    struct registry *registry;
};

/* Prints "sprat-tracker GROUP NAME" to |f|. */
void command_print_name(FILE *f, const struct command *c);

/* Prints "sprat-tracker GROUP NAME: SENTENCE (see …)" and returns COMMAND_USAGE. */
int command_usage(const struct command *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Prints "sprat-tracker: SENTENCE" and returns COMMAND_FAILED. */
int command_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
