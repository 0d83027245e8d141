/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Whether a program uses the DHT and local discovery if the user says nothing, and which names the
 * DHT asks for the first nodes. Shared by spratd and sprat.
 */
#ifndef PEER_ENGINE_SEARCHDEFAULT_H
#define PEER_ENGINE_SEARCHDEFAULT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/err.h"

/* Yes, unless the environment variable SPRAT_DHT, or SPRAT_LSD, is "no". */
bool searchdefault_dht(void);
bool searchdefault_lsd(void);

/* The public bootstrap names, "HOST:PORT"; |*count| of them. */
const char *const *searchdefault_dht_names(size_t *count);

/* 0 if |text| is HOST:PORT; else SPRAT_E_INVAL and a sentence that begins with |option|. */
int searchdefault_check_dht_name(const char *option, const char *text, struct errbuf *eb);

#endif
