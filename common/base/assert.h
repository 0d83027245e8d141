/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Assertions that catch bugs of this program. They stay on in release builds and have no side
 * effects. Input from a network, a file or a user is handled and never asserted.
 */
#ifndef COMMON_BASE_ASSERT_H
#define COMMON_BASE_ASSERT_H

/* Prints the place and the failed condition, then aborts. */
_Noreturn void sprat_assert_failed(const char *file, int line, const char *what);

#define ASSERT(cond) ((cond) ? (void)0 : sprat_assert_failed(__FILE__, __LINE__, #cond))

/* For code that is only reached if the program has a bug. */
#define UNREACHABLE() sprat_assert_failed(__FILE__, __LINE__, "unreachable")

#endif
