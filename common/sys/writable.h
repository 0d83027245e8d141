/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Checks whether files can be created in a directory, and explains what forbids it and what to do:
 * the file system, the owner, or the sandbox of a systemd service.
 */
#ifndef COMMON_SYS_WRITABLE_H
#define COMMON_SYS_WRITABLE_H

#include "common/base/err.h"

/* Checks the directory |path|, which is absolute, or its innermost parent that exists. Returns 0 if
 * files can be created there; READONLY, ACCESS, NOENT (it is no directory), or another error of
 * access(2), with a message. Creates nothing. */
int writable_dir(const char *path, struct errbuf *eb);

/* Sets only the message, for a directory that caused |err| (READONLY, ACCESS, …). Returns |err|. */
int writable_explain(const char *path, int err, struct errbuf *eb);

/* The systemd unit that this process belongs to, without ".service"; NULL if there is none.
 * |cgroup| is the text of /proc/self/cgroup, |out| has |size| bytes. */
const char *writable_unit(const char *cgroup, char *out, size_t size);

#endif
