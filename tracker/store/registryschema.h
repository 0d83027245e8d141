/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The tables of the registry's database, and the upgrade of databases of older versions.
 */
#ifndef TRACKER_STORE_REGISTRYSCHEMA_H
#define TRACKER_STORE_REGISTRYSCHEMA_H

#include "common/sys/db.h"

/* Of version REGISTRY_SCHEMA_VERSION. */
extern const struct db_schema registryschema;

#endif
