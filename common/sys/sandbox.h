/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Drops the privileges that a daemon does not need after its sockets are bound: root, other groups,
 * and any way back. systemd does the same from outside, and more (sprat-tracker.service).
 */
#ifndef COMMON_SYS_SANDBOX_H
#define COMMON_SYS_SANDBOX_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/base/err.h"

struct sandbox_user {
    uid_t uid;
    gid_t gid;
    char name[256]; /* user name */
};

/* Looks up "NAME" or "NAME:GROUP", each a name or a number; without a group, the user's own group
 * is used. NOTFOUND; INVAL for root, since running as root is no protection. */
int sandbox_find_user(const char *text, struct sandbox_user *out, struct errbuf *eb);

/* Looks up a group by name or number. NOTFOUND with a message. */
int sandbox_find_group(const char *text, gid_t *gid, struct errbuf *eb);

/* Switches all threads to that user, without supplementary groups, and verifies that there is no
 * way back. Does nothing if the process already runs as that user. ACCESS if it lacks the
 * permission. */
int sandbox_become(const struct sandbox_user *u, struct errbuf *eb);

/* Ensures that programs started from now on gain no privileges, by set-user-id bits or otherwise.
 */
int sandbox_no_new_privileges(struct errbuf *eb);

/* From now on a crash writes no core dump, and other processes of the user can't read this
 * process's memory, which holds secrets of users. To be called again after sandbox_become(). */
void sandbox_no_core_dumps(void);

/* For a command that root runs on a file which a service will write: creates an empty file of mode
 * 0600 that belongs to |user| (as for sandbox_find_user()), or to the owner of its directory if
 * |user| is "". Does nothing if the file exists, or if the process is not root. Errors as
 * sandbox_find_user(); ACCESS, NOENT and others if the file can't be created. */
int sandbox_make_file_for(const char *user, const char *path, struct errbuf *eb);

/* Checks that this process may write the file, or create it if it does not exist. |what| is for the
 * message: "the state file". ACCESS, NOENT (no such directory), READONLY. */
int sandbox_can_write(const char *path, const char *what, struct errbuf *eb);

#endif
