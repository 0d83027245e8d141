/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Giving up what a daemon does not need once its sockets are bound: root, other groups, and any way
 * back. systemd does the same from outside, and more (sprat-tracker.service).
 */
#ifndef COMMON_SYS_SANDBOX_H
#define COMMON_SYS_SANDBOX_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/base/err.h"

struct sandbox_user {
    uid_t uid;
    gid_t gid;
    char name[256]; /* of the user */
};

/* Finds "NAME" or "NAME:GROUP", each a name or a number; the group is the user's own if none is
 * given. NOTFOUND; INVAL for root, since becoming root is no protection. */
int sandbox_find_user(const char *text, struct sandbox_user *out, struct errbuf *eb);

/* Finds a group by its name or number. NOTFOUND and a sentence. */
int sandbox_find_group(const char *text, gid_t *gid, struct errbuf *eb);

/* Becomes that user, with no other groups, in all threads, and makes sure that there is no way
 * back. Nothing to do where the process is that user already. ACCESS if it may not. */
int sandbox_become(const struct sandbox_user *u, struct errbuf *eb);

/* From now on no program that is started gains rights, by set-user-id bits or otherwise. */
int sandbox_no_new_privileges(struct errbuf *eb);

/* When root runs a command on a file that a service will write: makes an empty file of mode 0600
 * that belongs to |user| (as for sandbox_find_user()), or to the owner of its directory where
 * |user| is "". Does nothing if the file is there, or for anybody but root. Errors as
 * sandbox_find_user(); ACCESS, NOENT and others where it cannot be made. */
int sandbox_make_file_for(const char *user, const char *path, struct errbuf *eb);

/* Whether this process may write the file, or may make it if it is not there. |what| is for the
 * sentence: "the state file". ACCESS, NOENT (no such directory), READONLY. */
int sandbox_can_write(const char *path, const char *what, struct errbuf *eb);

#endif
