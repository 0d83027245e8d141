/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Whether a program uses the DHT if the user says nothing, and which names it asks for the first
 * nodes. Shared by spratd and sprat.
 */
#ifndef PEER_ENGINE_DHTDEFAULT_H
#define PEER_ENGINE_DHTDEFAULT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/err.h"

/* Yes, unless the environment variable SPRAT_DHT is "no". */
bool dhtdefault_enabled(void);

/* The public bootstrap names, "HOST:PORT"; |*count| of them. */
const char *const *dhtdefault_names(size_t *count);

/* 0 if |text| is HOST:PORT; else SPRAT_E_INVAL and a sentence that begins with |option|. */
int dhtdefault_check_name(const char *option, const char *text, struct errbuf *eb);

#endif
