/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Reads numbers with units from scenarios. Each function reads all of |text| or returns false.
 */
#ifndef TESTS_SIM_QUANTITY_H
#define TESTS_SIM_QUANTITY_H

#include <stdbool.h>
#include <stdint.h>

bool quantity_count(const char *text, uint32_t *out);
bool quantity_bytes(const char *text, uint64_t *out);    /* KiB, MiB, GiB */
bool quantity_us(const char *text, int64_t *out);        /* us, ms, s, min; a unit is needed */
bool quantity_permille(const char *text, uint32_t *out); /* "30%", or a number with up to 3 digits
                                                            behind the point: 1.25 is 1250 */

#endif
