/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Writes the lines of standard error: one error or warning per line, as text for a person or, with
 * --json, as a JSON object for a script:
 *
 *   text   sprat: MESSAGE
 *          sprat COMMAND: MESSAGE (see 'sprat COMMAND --help')
 *   JSON   {"error": {"message": MESSAGE, "status": exit status}}
 *          {"warning": {"message": MESSAGE}}
 */
#ifndef PEER_CLI_COMPLAINT_H
#define PEER_CLI_COMPLAINT_H

#include <stdbool.h>

/* Looks for --json among the |argc| arguments, before any "--": if it is there, all lines are JSON
 * from now on. This search runs before the other arguments are parsed, so that errors in those are
 * JSON too. */
void complaint_begin(int argc, const char *const *argv);

/* Prints the error that ends the program with |status|. */
void complaint_error(int status, const char *message);

/* As complaint_error(), for wrong usage: |command| is the subcommand, or NULL if none was found. */
void complaint_usage(const char *command, int status, const char *message);

void complaint_warning(const char *message);

#endif
