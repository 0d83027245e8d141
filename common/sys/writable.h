/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Whether files can be made in a directory, and the sentence that says who forbids it and what to
 * do: the file system, the owner, or the sandbox of a systemd service.
 */
#ifndef COMMON_SYS_WRITABLE_H
#define COMMON_SYS_WRITABLE_H

#include "common/base/err.h"

/* Looks at the directory |path|, which is absolute, or at the innermost directory on the way to it
 * that exists. 0 if files can be made there; READONLY, ACCESS, NOENT (it is no directory), or what
 * else access(2) says, and a sentence. Makes nothing. */
int writable_dir(const char *path, struct errbuf *eb);

/* The sentence alone, for a directory that |err| (READONLY, ACCESS, …) came from. Returns |err|. */
int writable_explain(const char *path, int err, struct errbuf *eb);

/* The systemd unit that this process is the service of, without ".service"; NULL where it is none.
 * |cgroup| is the text of /proc/self/cgroup, |out| has room for |size| bytes. */
const char *writable_unit(const char *cgroup, char *out, size_t size);

#endif
