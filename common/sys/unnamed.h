/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Files without a name (O_TMPFILE), which get one when their content is complete. If the process is
 * killed before, the kernel deletes the file. Not every file system has them: exFAT, NFS and some
 * FUSE file systems don't.
 */
#ifndef COMMON_SYS_UNNAMED_H
#define COMMON_SYS_UNNAMED_H

#include <sys/types.h>

/* Creates a file without a name on the file system of the directory |path|, which is relative to
 * the directory |dir|. Returns a descriptor for reading and writing, or -1 if the file system does
 * not have such files, or if /proc is missing, which unnamed_link() needs. */
int unnamed_open(int dir, const char *path, mode_t perm);

/* Gives the file the name |path|, which is relative to the directory |dir| and must not exist.
 * Returns 0, or -1 with errno. */
int unnamed_link(int fd, int dir, const char *path);

#endif
