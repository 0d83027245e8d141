/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Finds the mount that a path is on from the kernel's table of mounts, by name alone. Nothing here
 * touches a file system of the table, so a mount that hangs is found as fast as any other.
 */
#ifndef COMMON_SYS_MOUNTS_H
#define COMMON_SYS_MOUNTS_H

#include <stdint.h>

struct mounts;

#define MOUNTS_TABLE "/proc/self/mountinfo"

/* Opens the table |path| (MOUNTS_TABLE), whose format proc_pid_mountinfo(5) describes. If the table
 * can't be read, it is an empty table. NULL when memory is out. */
struct mounts *mounts_new(const char *path);
void mounts_free(struct mounts *m); /* NULL is legal */

/* The number of the device that the table gives for |path|: for the longest mount point above it,
 * and for the last of several mounts at one place. Symbolic links are not followed. 0: not known,
 * because |path| is relative or the table is empty. Reads the table again when the kernel has
 * changed it. Any thread. */
uint64_t mounts_find(struct mounts *m, const char *path);

#endif
