/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Makes JSON objects of the registry's rows. The commands and the API use the same member names.
 * Every function returns NULL when memory is out.
 */
#ifndef TRACKER_OPERATOR_ROWJSON_H
#define TRACKER_OPERATOR_ROWJSON_H

#include <jansson.h>

#include "tracker/store/registry.h"

json_t *rowjson_user(const struct registry_user *u);

/* What one user has moved in one torrent. */
json_t *rowjson_total(const struct registry_total *t);

json_t *rowjson_torrent(const struct registry_torrent *t);

json_t *rowjson_signal(const struct registry_signal *s);

json_t *rowjson_stats(const struct registry_stats *s);

#endif
