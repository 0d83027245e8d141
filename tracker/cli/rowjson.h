/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What the registry tells, as JSON: the same words in the commands and in the API. All return NULL
 * when memory is out.
 */
#ifndef TRACKER_CLI_ROWJSON_H
#define TRACKER_CLI_ROWJSON_H

#include <jansson.h>

#include "tracker/store/registry.h"

json_t *rowjson_user(const struct registry_user *u);

/* What a user's accounts say of a torrent. */
json_t *rowjson_total(const struct registry_total *t);

json_t *rowjson_torrent(const struct registry_torrent *t);

json_t *rowjson_signal(const struct registry_signal *s);

json_t *rowjson_stats(const struct registry_stats *s);

#endif
