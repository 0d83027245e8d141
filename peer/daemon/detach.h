/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Detaches spratd from the terminal: the started process waits until the daemon is ready or has
 * failed, so that its exit status and its output are right.
 */
#ifndef PEER_DAEMON_DETACH_H
#define PEER_DAEMON_DETACH_H

/* Forks, before there are threads. The parent doesn't return: it exits with the status from
 * detach_ready(), or with the exit status of the child. The child, in a session of its own, gets a
 * descriptor for detach_ready(), or a negative error. */
int detach_begin(void);

/* Tells the parent that the start has succeeded; standard input, output and error go to /dev/null,
 * the working directory becomes the root. */
void detach_ready(int fd);

#endif
