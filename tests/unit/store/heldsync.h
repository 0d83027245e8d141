/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Syncs of the test program, which come here and not to the C library: counted, and held up while a
 * test wants that. One test at a time.
 */
#ifndef TESTS_UNIT_STORE_HELDSYNC_H
#define TESTS_UNIT_STORE_HELDSYNC_H

/* Syncs of files whose path begins with |prefix| (a literal) do not end before heldsync_let_go().
 * */
void heldsync_hold(const char *prefix);
void heldsync_let_go(void);

/* Waits until |n| syncs are held up. */
void heldsync_await(unsigned n);
/* How many are held up, and how many there have been. */
unsigned heldsync_waiting(void);
unsigned heldsync_count(void);

/* The same for looks at open files (fstat()). */
void heldsync_hold_looks(const char *prefix);
void heldsync_let_looks_go(void);
void heldsync_await_looks(unsigned n);

#endif
