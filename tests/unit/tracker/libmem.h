/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Has SQLite and jansson allocate in the test program, so that failing_alloc.h reaches them too.
 */
#ifndef TESTS_UNIT_TRACKER_LIBMEM_H
#define TESTS_UNIT_TRACKER_LIBMEM_H

/* For the rest of this process, which has not used either yet. */
void libmem_take_over(void);

#endif
