/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Parses the arguments of subcommands by their tables of options.
 */
#include "peer/cli/command.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/ev/resolve.h"
#include "common/sys/addr.h"
#include "common/sys/terminal.h"
#include "config.h"
#include "peer/cli/complaint.h"

void
cli_args_init(struct cli_args *a, const struct cli_command *command, int argc,
              const char *const *argv)
{
    *a = (struct cli_args){.command = command};
    options_init(&a->scan, argc, argv, command->options, command->option_count);
}

/* Ends the parsing: the command must exit with |status|. */
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
                        cli_usage(a->command, "too few arguments; usage: sprat %s %s",
                                  a->command->name, a->command->usage));
    if (a->operand_count > max)
        return end_with(a, cli_usage(a->command, "unexpected argument '%s'; usage: sprat %s %s",
                                     a->operands[max], a->command->name, a->command->usage));
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

bool
cli_is_peer(const char *value)
{
    char host[RESOLVE_HOST_MAX + 1];
    uint16_t port;

    return addr_split(value, host, sizeof(host), &port);
}

int
cli_usage(const struct cli_command *c, const char *fmt, ...)
{
    char text[ERRBUF_SIZE];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    complaint_usage(c->name, CLI_USAGE, text);
    return CLI_USAGE;
}

int
cli_fail(const char *fmt, ...)
{
    char text[ERRBUF_SIZE];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    complaint_error(CLI_FAILED, text);
    return CLI_FAILED;
}

void
cli_help(const struct cli_command *c)
{
    unsigned width = terminal_help_columns();

    printf("usage: sprat %s %s\n\n", c->name, c->usage);
    options_print_text(stdout, c->details, 0, width);
    printf("\noptions:\n");
    options_print(stdout, c->options, c->option_count, width);
    printf("\nexample:\n%s\n", c->example);
}
