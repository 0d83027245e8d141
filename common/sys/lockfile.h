/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Lock files between processes: flock'd, so that the kernel drops the lock however the process
 * ends, and holding the pid and program of the holder for the message that the other one prints.
 */
#ifndef COMMON_SYS_LOCKFILE_H
#define COMMON_SYS_LOCKFILE_H

#include "common/base/err.h"

struct lockfile;

/* Takes the lock at |path| (created with mode 0600). |program| and |what| are for the sentences:
 * SPRAT_E_BUSY says that |what| is in use by program such-and-such, pid so-and-so. A lock taken
 * twice within one process is busy too. Or the error of opening the file. */
int lockfile_take(const char *path, const char *program, const char *what, struct lockfile **out,
                  struct errbuf *eb);

/* SPRAT_E_BUSY and the same sentence if somebody, be it this process, has the lock; else 0. */
int lockfile_look(const char *path, const char *what, struct errbuf *eb);

/* Removes the file and drops the lock. NULL is legal. */
void lockfile_release(struct lockfile *l);

#endif
