/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Values of settings, as both daemons take them from a configuration file and the command line.
 * Each function returns 0, or INVAL and "NAME: 'VALUE' is not …".
 */
#ifndef COMMON_SYS_CONFVALUE_H
#define COMMON_SYS_CONFVALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/endpoint.h"
#include "common/base/err.h"
#include "common/base/log.h"

/* yes or no. */
int confvalue_bool(bool *out, const char *name, const char *value, struct errbuf *eb);

/* A number from |least| to |most|. */
int confvalue_u64(uint64_t *out, uint64_t least, uint64_t most, const char *name, const char *value,
                  struct errbuf *eb);

/* Appends an address and port to the |*count| of |at|, of which there may be |max|. */
int confvalue_add_listen(struct endpoint *at, size_t *count, size_t max, const char *name,
                         const char *value, struct errbuf *eb);

/* For the setting log-level. */
int confvalue_log_level(enum log_level *out, const char *value, struct errbuf *eb);

#endif
