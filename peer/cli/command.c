/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The table of subcommands and the reading of their arguments. Knows none of them from the inside.
 */
#include "peer/cli/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config.h"

static const struct cli_command *const commands[] = {
#define X(name) &cli_##name,
    CLI_COMMAND_TABLE(X)
#undef X
};

const struct cli_command *const *
cli_commands(size_t *count)
{
    *count = sizeof(commands) / sizeof(commands[0]);
    return commands;
}

const struct cli_command *
cli_find_command(const char *name)
{
    const struct cli_command *found = NULL;
    size_t len = strlen(name), n = 0;

    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
        if (strncmp(commands[i]->name, name, len) == 0) {
            found = commands[i];
            n++;
        }
    }
    return n == 1 && len >= CLI_PREFIX_MIN ? found : NULL;
}

void
cli_args_init(struct cli_args *a, const struct cli_command *command, int argc,
              const char *const *argv)
{
    *a = (struct cli_args){.command = command};
    options_init(&a->scan, argc, argv, command->options, command->option_count);
}

/* Ends the reading with |status|. */
static int
end_with(struct cli_args *a, int status)
{
    a->status = status;
    return -1;
}

static int
count_operands(struct cli_args *a, size_t min, size_t max)
{
    if (a->operand_count < min)
        return end_with(a,
                        cli_usage(a->command, "too few arguments, usage: %s", a->command->usage));
    if (a->operand_count > max)
        return end_with(a, cli_usage(a->command, "unexpected argument '%s', usage: %s",
                                     a->operands[max], a->command->usage));
    return 0;
}

int
cli_next(struct cli_args *a, int *id, const char **value, size_t min, size_t max)
{
    struct errbuf eb;
    int got;

    while ((got = options_next(&a->scan, id, value, &eb)) > 0) {
        if (*id == CLI_OPT_HELP) {
            cli_help(a->command);
            return end_with(a, CLI_OK);
        }
        if (*id == CLI_OPT_VERSION) {
            printf("sprat %s\n", PACKAGE_VERSION);
            return end_with(a, CLI_OK);
        }
        if (*id != OPTION_OPERAND)
            return 1;
        if (a->operand_count == CLI_OPERANDS_MAX)
            return end_with(a, cli_usage(a->command, "more than %d arguments", CLI_OPERANDS_MAX));
        a->operands[a->operand_count++] = *value;
    }
    if (got < 0)
        return end_with(a, cli_usage(a->command, "%s", eb.text));
    return count_operands(a, min, max);
}

int
cli_list_add(struct cli_list *l, const char *option, const char *value, struct errbuf *eb)
{
    if (l->count == CLI_LIST_MAX)
        return errbuf_set(eb, SPRAT_E_LIMIT, "more than %d times %s", CLI_LIST_MAX, option);
    l->items[l->count++] = value;
    return 0;
}

/* Formats into |eb|, which makes the text safe for a terminal. */
static void __attribute__((format(printf, 2, 0)))
format(struct errbuf *eb, const char *fmt, va_list ap)
{
    char text[ERRBUF_SIZE];

    vsnprintf(text, sizeof(text), fmt, ap);
    errbuf_set(eb, 0, "%s", text);
}

int
cli_usage(const struct cli_command *c, const char *fmt, ...)
{
    struct errbuf eb;
    va_list ap;

    va_start(ap, fmt);
    format(&eb, fmt, ap);
    va_end(ap);
    fprintf(stderr, "sprat %s: %s (see 'sprat %s --help')\n", c->name, eb.text, c->name);
    return CLI_USAGE;
}

int
cli_fail(const char *fmt, ...)
{
    struct errbuf eb;
    va_list ap;

    va_start(ap, fmt);
    format(&eb, fmt, ap);
    va_end(ap);
    fprintf(stderr, "sprat: %s\n", eb.text);
    return CLI_FAILED;
}

void
cli_help(const struct cli_command *c)
{
    printf("usage: sprat %s %s\n\n%s\n\noptions:\n", c->name, c->usage, c->details);
    options_print(stdout, c->options, c->option_count, 80);
    printf("\nexample:\n%s\n", c->example);
}
