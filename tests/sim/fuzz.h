/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Random scenarios, as texts that people can read, shorten and keep.
 */
#ifndef TESTS_SIM_FUZZ_H
#define TESTS_SIM_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Writes the scenario of |seed| to |text| and returns its length, at most |room|. Every honest peer
 * of it must become complete: in the end an honest peer with all pieces can be reached, and all
 * disturbances are over. */
size_t fuzz_scenario(uint64_t seed, char *text, size_t room);

#endif
