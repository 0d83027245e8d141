/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Prints what several commands print: a JSON document, and the announce URLs of a user.
 */
#ifndef TRACKER_CLI_PRINT_H
#define TRACKER_CLI_PRINT_H

#include <jansson.h>

#include "tracker/operator/settings.h"

/* Prints |root| to standard output and releases it. NULL means that memory is out. Returns the
 * exit status of the command (enum command_status). */
int print_json(json_t *root);

/* Prints the announce URLs of the configuration with |passkey| in them, one per line, each behind
 * |indent|. */
void print_urls(const struct settings *s, const char *passkey, const char *indent);

#endif
