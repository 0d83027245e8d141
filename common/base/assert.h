/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Assertions for our own bugs. They stay on in release builds and have no side effects. What comes
 * from a network, a file or a user is handled and never asserted.
 */
#ifndef COMMON_BASE_ASSERT_H
#define COMMON_BASE_ASSERT_H

/* Prints where and what, then aborts. */
_Noreturn void sprat_assert_failed(const char *file, int line, const char *what);

#define ASSERT(cond) ((cond) ? (void)0 : sprat_assert_failed(__FILE__, __LINE__, #cond))

/* For a place that control can't reach unless we have a bug. */
#define UNREACHABLE() sprat_assert_failed(__FILE__, __LINE__, "unreachable")

#endif
