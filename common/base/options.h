/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Parses command-line options from a table. The same rows are printed by --help and searched for
 * the nearest name of an unknown option. Knows the syntax of options, not their meaning.
 *
 * Syntax: --name, --name VALUE, --name=VALUE, -x, -x VALUE, -xVALUE, several flags in one word
 * (-ab); options and operands in any order; "--" ends the options; "-" is an operand.
 */
#ifndef COMMON_BASE_OPTIONS_H
#define COMMON_BASE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "common/base/err.h"

enum {
    OPTION_OPERAND = 0,     /* the id of an operand */
    OPTIONS_COUNT_MAX = 64, /* rows of one table */
};

struct option_spec {
    int id;           /* the program's number, above 0 */
    char letter;      /* letter of the short form, or 0 */
    const char *name; /* long form, without dashes */
    const char *arg;  /* name of the value in --help; NULL if the option takes none */
    const char *help; /* a phrase without a full stop */
};

/* Embedded; private. */
struct options {
    const char *const *argv;
    int argc;
    int at;
    const struct option_spec *specs;
    size_t count;
    const char *letters; /* the unread rest of a word of short options */
    bool operands_only;  /* after "--" */
};

/* Starts to read |argc| words of |argv|, which begins after the name of the program or command. */
void options_init(struct options *o, int argc, const char *const *argv,
                  const struct option_spec *specs, size_t count);

/* Returns 1 and the next option or operand (|*value| is NULL for an option without one), 0 at the
 * end, or SPRAT_E_INVAL with a message that suggests the nearest option. */
int options_next(struct options *o, int *id, const char **value, struct errbuf *eb);

/* Prints |text| and a newline, wrapped to |width| columns at blanks and newlines. The cursor is at
 * |column|, and further lines begin there too. */
void options_print_text(FILE *f, const char *text, unsigned column, unsigned width);

/* Prints one option per line with its help, wrapped to |width| columns. */
void options_print(FILE *f, const struct option_spec *specs, size_t count, unsigned width);

#endif
