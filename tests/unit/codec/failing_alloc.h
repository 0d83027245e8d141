/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Lets one allocation of the code under test fail. The linker sends its malloc, calloc, realloc,
 * strdup and strndup here (--wrap); those of shared libraries are not touched.
 */
#ifndef TESTS_UNIT_CODEC_FAILING_ALLOC_H
#define TESTS_UNIT_CODEC_FAILING_ALLOC_H

#include <stdbool.h>

/* From now on |n| allocations succeed, then one fails. */
void failing_alloc_after(unsigned n);

/* Turns it off; true if the allocation that was to fail was asked for. */
bool failing_alloc_end(void);

#endif
