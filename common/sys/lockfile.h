/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Lock files between processes. They use flock(), so that the kernel drops the lock however the
 * process ends, and contain the holder's pid and program for the error message of other processes.
 */
#ifndef COMMON_SYS_LOCKFILE_H
#define COMMON_SYS_LOCKFILE_H

#include "common/base/err.h"

struct lockfile;

/* Takes the lock at |path| (created with mode 0600). |program| is written to the file, and |what|
 * is for the message: SPRAT_E_BUSY says that |what| is in use, by which program and pid. A lock
 * that the same process holds already is busy too. Or the error of opening the file. */
int lockfile_take(const char *path, const char *program, const char *what, struct lockfile **out,
                  struct errbuf *eb);

/* SPRAT_E_BUSY with the same message if a process, possibly this one, has the lock; else 0. */
int lockfile_look(const char *path, const char *what, struct errbuf *eb);

/* Removes the file and drops the lock. NULL is legal. */
void lockfile_release(struct lockfile *l);

#endif
