/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Prints a table of users, for several commands.
 */
#ifndef TRACKER_CLI_USERS_H
#define TRACKER_CLI_USERS_H

#include "tracker/store/registry.h"

/* Prints the column titles, and the line of one user. */
void users_print_head(void);
void users_print(const struct registry_user *u);

#endif
