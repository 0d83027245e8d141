/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The lines of standard error: one error or warning a line, as text for a person or, with --json,
 * as a JSON object for a script:
 *
 *   text   sprat: MESSAGE
 *          sprat COMMAND: MESSAGE (see 'sprat COMMAND --help')
 *   JSON   {"error": {"message": MESSAGE, "status": exit status}}
 *          {"warning": {"message": MESSAGE}}
 */
#ifndef PEER_CLI_COMPLAINT_H
#define PEER_CLI_COMPLAINT_H

#include <stdbool.h>

/* Whether --json is among the |argc| arguments, before any "--": if so, all lines are JSON from now
 * on. It is read before the other arguments, so that an error in those is JSON too. */
void complaint_begin(int argc, const char *const *argv);

/* One line about what makes the program end with |status|. */
void complaint_error(int status, const char *message);

/* The same for wrong usage: |command| is the subcommand, or NULL if none was found. */
void complaint_usage(const char *command, int status, const char *message);

void complaint_warning(const char *message);

#endif
