/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A user and his accounts as several commands show them.
 */
#ifndef TRACKER_CLI_USERS_H
#define TRACKER_CLI_USERS_H

#include <jansson.h>

#include "tracker/store/registry.h"

/* The head of a table of users, and a line of it. */
void users_print_head(void);
void users_print(const struct registry_user *u);

json_t *users_json(const struct registry_user *u);

/* What a user's accounts say of a torrent. */
json_t *users_total_json(const struct registry_total *t);

#endif
