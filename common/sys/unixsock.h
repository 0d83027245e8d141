/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Unix sockets for control: accessible to their owner and perhaps a group. The socket file of a
 * dead process is replaced; that of a live process is an error.
 */
#ifndef COMMON_SYS_UNIXSOCK_H
#define COMMON_SYS_UNIXSOCK_H

#include <sys/types.h>

#include "common/base/err.h"

enum { UNIXSOCK_BACKLOG = 128 };

#define UNIXSOCK_NO_GROUP ((gid_t)-1)

/* The path of the socket called |name|: in $XDG_RUNTIME_DIR/sprat, or in the state directory if
 * that variable is not set. The caller frees it; NULL when there is no home directory or memory is
 * out. */
char *unixsock_path(const char *name);

/* Connects to the socket at |path| and returns a blocking, close-on-exec descriptor; or NOENT (no
 * such file), REFUSED (no process listens), INVAL (the path is too long for a socket), ACCESS, IO
 * with a message. */
int unixsock_connect(const char *path, struct errbuf *eb);

struct unixsock;

/* Listens at |path| with mode 0600 from the first moment on; missing directories are created with
 * mode 0700. With a |group|, its members may connect too (0660, 0711); ACCESS if the socket can't
 * be given to the group. The socket of a dead process is replaced; BUSY, with a message that has
 * the pid, if a live process has it; EXISTS if the path is not a socket. |program| is shown to
 * other processes. Must not run while other threads create files (it sets the umask for a moment).
 */
int unixsock_listen(const char *path, gid_t group, const char *program, struct unixsock **out,
                    struct errbuf *eb);

/* The first directory of |path| that members of |group| can't enter, neither as members nor as
 * other users; the caller frees it. NULL if there is none. */
char *unixsock_blocked(const char *path, gid_t group);

/* The listening descriptor, non-blocking. */
int unixsock_fd(const struct unixsock *u);

/* Closes the socket and removes its file. NULL is legal. */
void unixsock_free(struct unixsock *u);

/* Accepts a connection and returns its descriptor, non-blocking and close-on-exec. AGAIN when no
 * connection waits, ACCESS for a connection of another user (root and the group are allowed), LIMIT
 * or IO. */
int unixsock_accept(const struct unixsock *u);

#endif
