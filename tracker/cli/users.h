/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A table of users, as several commands print it.
 */
#ifndef TRACKER_CLI_USERS_H
#define TRACKER_CLI_USERS_H

#include "tracker/store/registry.h"

/* The head of a table of users, and a line of it. */
void users_print_head(void);
void users_print(const struct registry_user *u);

#endif
