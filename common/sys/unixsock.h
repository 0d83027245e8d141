/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Unix sockets for control: made for their owner and perhaps a group, a dead one replaced, a live
 * one refused.
 */
#ifndef COMMON_SYS_UNIXSOCK_H
#define COMMON_SYS_UNIXSOCK_H

#include <sys/types.h>

#include "common/base/err.h"

enum { UNIXSOCK_BACKLOG = 128 };

#define UNIXSOCK_NO_GROUP ((gid_t)-1)

/* Where the socket called |name| lives: $XDG_RUNTIME_DIR/sprat, or the state directory where that
 * is not set. To be freed; NULL when there is no home or memory is out. */
char *unixsock_path(const char *name);

/* Connects to the socket at |path|: a blocking, close-on-exec descriptor; or NOENT (nothing there),
 * REFUSED (nobody serves it), INVAL (the path is too long for a socket), ACCESS, IO with a
 * sentence. */
int unixsock_connect(const char *path, struct errbuf *eb);

struct unixsock;

/* Listens at |path| with mode 0600 from the first moment on; missing directories are made with mode
 * 0700. With a |group|, its members may connect too (0660, 0711); ACCESS if the socket can't be
 * given to it. What a dead process left is replaced; BUSY and a sentence with its pid if a live one
 * has it, EXISTS if something that is no socket stands there. |program| is told to others. Must not
 * run while other threads make files (it sets the umask for a moment). */
int unixsock_listen(const char *path, gid_t group, const char *program, struct unixsock **out,
                    struct errbuf *eb);

/* The first directory on the way to |path| that the members of |group| can't enter by their
 * membership or as anybody, to be freed; NULL if there is none. */
char *unixsock_blocked(const char *path, gid_t group);

/* The listening descriptor: non-blocking. */
int unixsock_fd(const struct unixsock *u);

/* Closes and removes it. NULL is legal. */
void unixsock_free(struct unixsock *u);

/* Takes a connection: non-blocking, close-on-exec. AGAIN when there is none, ACCESS for one of
 * another user (root and the group are let in), LIMIT or IO. */
int unixsock_accept(const struct unixsock *u);

#endif
