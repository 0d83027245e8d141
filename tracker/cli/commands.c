/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Finding a command, reading its arguments, opening its database.
 */
#include "tracker/cli/commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/complete.h"
#include "common/base/printable.h"
#include "common/base/suggest.h"
#include "config.h"
#include "common/sys/sandbox.h"
#include "common/sys/terminal.h"
#include "tracker/cli/command.h"

enum { SENTENCE_MAX = 4096 };

static const struct command *const commands[] = {
#define X(name) &command_##name,
    COMMAND_TABLE(X)
#undef X
};

enum { COMMAND_COUNT = sizeof(commands) / sizeof(commands[0]) };

static void
print_help(const struct command *c)
{
    unsigned width = terminal_help_columns();

    fputs("usage: ", stdout);
    command_print_name(stdout, c);
    printf(" %s\n\n", c->usage);
    options_print_text(stdout, c->details, 0, width);
    printf("\noptions:\n");
    options_print(stdout, c->options, c->option_count, width);
    printf("\nexample:\n%s\n", c->example);
}

static int
print_group_help(const char *group)
{
    printf("usage: sprat-tracker %s COMMAND [options] …\n\ncommands:\n", group);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i]->group, group) == 0)
            printf("  %-8s %s\n", commands[i]->name, commands[i]->summary);
    printf("\n'sprat-tracker %s COMMAND --help' describes a command.\n", group);
    return COMMAND_OK;
}

/* ---- the table of commands ---- */

bool
commands_is_group(const char *word)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i]->group, word) == 0)
            return true;
    return false;
}

const char *
commands_nearest_group(const char *word)
{
    const char *names[COMMAND_COUNT];

    for (size_t i = 0; i < COMMAND_COUNT; i++)
        names[i] = commands[i]->group;
    return suggest_nearest(word, names, COMMAND_COUNT);
}

static int
unknown_command(const char *group, const char *name)
{
    const char *names[COMMAND_COUNT], *near;
    size_t n = 0;

    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i]->group, group) == 0)
            names[n++] = commands[i]->name;
    near = suggest_nearest(name, names, n);
    char shown[SENTENCE_MAX];
    fprintf(stderr, "sprat-tracker %s: unknown command '%s'", group,
            printable(name, shown, sizeof(shown)));
    if (near != NULL)
        fprintf(stderr, "; did you mean '%s'?", near);
    fprintf(stderr, " (see 'sprat-tracker %s --help')\n", group);
    return COMMAND_USAGE;
}

static const struct command *
find(const char *group, const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i]->group, group) == 0 &&
            (commands[i]->name == NULL || (name != NULL && strcmp(commands[i]->name, name) == 0)))
            return commands[i];
    return NULL;
}

/* ---- arguments ---- */

static int
take_operand(struct command_call *c, const char *value)
{
    if (c->operand_count >= c->command->operands_max)
        return command_usage(c->command, "unexpected argument '%s'", value);
    c->operands[c->operand_count++] = value;
    return COMMAND_OK;
}

static int
take(struct command_call *c, int id, const char *value, const char **database, const char **config,
     bool *help)
{
    switch (id) {
    case OPTION_OPERAND: return take_operand(c, value);
    case COMMAND_OPT_HELP: *help = true; return COMMAND_OK;
    case COMMAND_OPT_DATABASE: *database = value; return COMMAND_OK;
    case COMMAND_OPT_CONFIG: *config = value; return COMMAND_OK;
    case COMMAND_OPT_VERSION: c->version = true; return COMMAND_OK;
    case COMMAND_OPT_JSON: c->json = true; return COMMAND_OK;
    default: c->values[id] = value != NULL ? value : ""; return COMMAND_OK;
    }
}

/* Reads the configuration file, if the command line names one. --database overrides the database in
 * it. */
static int
read_settings(struct command_call *c, const char *database, const char *config)
{
    const char *words[4];
    enum settings_action action;
    struct errbuf eb = {""};
    int n = 0;

    if (config != NULL) {
        words[n++] = "--config";
        words[n++] = config;
    }
    if (database != NULL) {
        words[n++] = "--database";
        words[n++] = database;
    }
    if (settings_read(&c->settings, n, words, &action, &eb) != 0)
        return command_fail("%s", eb.text);
    if (c->settings.database[0] == '\0')
        return command_usage(c->command, "name the database with --database, or with --config a "
                                         "configuration file that names it");
    return COMMAND_OK;
}

static int
read_arguments(struct command_call *c, int argc, const char *const *argv, bool *help)
{
    const char *value, *database = NULL, *config = NULL;
    struct errbuf eb = {""};
    struct options o;
    int id, got, status = COMMAND_OK;

    options_init(&o, argc, argv, c->command->options, c->command->option_count);
    while (status == COMMAND_OK && (got = options_next(&o, &id, &value, &eb)) == 1)
        status = take(c, id, value, &database, &config, help);
    if (status != COMMAND_OK || *help || c->version)
        return status;
    if (got < 0)
        return command_usage(c->command, "%s", eb.text);
    if (c->operand_count < c->command->operands_min)
        return command_usage(c->command, "an argument is missing");
    return read_settings(c, database, config);
}

/* Turns success into COMMAND_FAILED if the output could not be written: the caller of the command
 * can't know then that it succeeded. */
static int
end_output(int status)
{
    if (fflush(stdout) == 0 && ferror(stdout) == 0)
        return status;
    if (errno != EPIPE)
        fprintf(stderr, "sprat-tracker: standard output: %s\n", strerror(errno));
    return status == COMMAND_OK ? COMMAND_FAILED : status;
}

static int
run(const struct command *command, int argc, const char *const *argv)
{
    struct command_call c = {.command = command};
    struct errbuf eb = {""};
    bool help = false;
    int status = read_arguments(&c, argc, argv, &help);

    if (status != COMMAND_OK)
        return status;
    if (help) {
        print_help(command);
        return end_output(COMMAND_OK);
    }
    if (c.version) {
        printf("sprat-tracker %s\n", PACKAGE_VERSION);
        return end_output(COMMAND_OK);
    }
    /* Root may create the database here, but the tracker must be able to write it as its own user.
     */
    if (command->creates &&
        sandbox_make_file_for(c.settings.user, c.settings.database, &eb) != 0)
        return command_fail("%s", eb.text);
    if (registry_open_unchecked(c.settings.database, command->creates, &c.registry, &eb) != 0)
        return command_fail("%s", eb.text);
    status = command->run(&c);
    registry_close(c.registry);
    return end_output(status);
}

int
commands_main(int argc, const char *const *argv)
{
    const char *group = argv[0], *name = argc > 1 ? argv[1] : NULL;
    const struct command *c = find(group, name);

    if (c != NULL)
        return run(c, argc - (c->name != NULL ? 2 : 1), argv + (c->name != NULL ? 2 : 1));
    if (name != NULL && (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0))
        return print_group_help(group);
    if (name == NULL) {
        fprintf(stderr, "sprat-tracker %s: a command is missing (see 'sprat-tracker %s --help')\n",
                group, group);
        return COMMAND_USAGE;
    }
    return unknown_command(group, name);
}

/* ---- completion ---- */

/* The first words of commands, each once, with the summary of a command that is one word. */
static void
complete_groups(const char *typed)
{
    struct complete_word words[COMMAND_COUNT];
    size_t n = 0;

    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (i == 0 || strcmp(commands[i]->group, commands[i - 1]->group) != 0)
            words[n++] = (struct complete_word){
                commands[i]->group, commands[i]->name == NULL ? commands[i]->summary : NULL};
    complete_words(stdout, typed, words, n);
}

static void
complete_names(const char *group, const char *typed)
{
    struct complete_word words[COMMAND_COUNT];
    size_t n = 0;

    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i]->group, group) == 0)
            words[n++] = (struct complete_word){commands[i]->name, commands[i]->summary};
    complete_words(stdout, typed, words, n);
}

void
commands_complete(int argc, const char *const *argv)
{
    const char *group = argc > 0 ? argv[0] : "";
    const struct command *c = argc > 1 ? find(group, argv[1]) : NULL;
    int used = c != NULL && c->name != NULL ? 2 : 1;

    if (argc <= 1 && group[0] != '-') {
        complete_groups(group);
    } else if (!commands_is_group(group)) {
        settings_complete(argc, argv);
    } else if (c == NULL || argc == used) {
        complete_names(group, argv[1]);
    } else {
        complete_arguments(stdout, &(struct complete_args){.argc = argc - used,
                                                           .argv = argv + used,
                                                           .specs = c->options,
                                                           .count = c->option_count,
                                                           .usage = c->usage});
    }
}
