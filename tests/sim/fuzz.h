/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Random scenarios: a seed's text, for people to read, to shrink and to keep.
 */
#ifndef TESTS_SIM_FUZZ_H
#define TESTS_SIM_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Writes a scenario that must come to a good end: somebody honest who has everything can be reached
 * at last, and what is done to the world is over one day. Returns its length, at most |room|. */
size_t fuzz_scenario(uint64_t seed, char *text, size_t room);

#endif
