/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The lines on stderr that all commands print alike.
 */
#include "tracker/cli/command.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/base/printable.h"

enum { SENTENCE_MAX = 4096 };

void
command_print_name(FILE *f, const struct command *c)
{
    fprintf(f, "sprat-tracker %s%s%s", c->group, c->name != NULL ? " " : "",
            c->name != NULL ? c->name : "");
}

/* Prints a message with control characters escaped, since it may quote foreign text. */
static void __attribute__((format(printf, 1, 0)))
print_sentence(const char *fmt, va_list ap)
{
    char text[SENTENCE_MAX], shown[SENTENCE_MAX];

    vsnprintf(text, sizeof(text), fmt, ap);
    fputs(printable(text, shown, sizeof(shown)), stderr);
}

int
command_usage(const struct command *c, const char *fmt, ...)
{
    va_list ap;

    command_print_name(stderr, c);
    fputs(": ", stderr);
    va_start(ap, fmt);
    print_sentence(fmt, ap);
    va_end(ap);
    fputs(" (see '", stderr);
    command_print_name(stderr, c);
    fputs(" --help')\n", stderr);
    return COMMAND_USAGE;
}

int
command_fail(const char *fmt, ...)
{
    va_list ap;

    fputs("sprat-tracker: ", stderr);
    va_start(ap, fmt);
    print_sentence(fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    return COMMAND_FAILED;
}
