/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Lets pthread_create() fail, for programs that are linked with --wrap=pthread_create.
 */
#ifndef TESTS_UNIT_TRACKER_FAILING_THREAD_H
#define TESTS_UNIT_TRACKER_FAILING_THREAD_H

/* The first |n| threads from now on can be started, and the next one can't; after that all can. */
void failing_thread_after(unsigned n);

/* All threads can be started again. */
void failing_thread_end(void);

#endif
