/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Leaving the terminal: the process that was started waits until the daemon is ready or has failed,
 * so that its exit status and what it printed tell the truth.
 */
#ifndef PEER_DAEMON_DETACH_H
#define PEER_DAEMON_DETACH_H

/* Forks before there are threads. In the parent it doesn't return: it exits with what the child
 * tells by detach_ready(), or with the status that the child ended with. In the child, which is in
 * a session of its own: a descriptor for detach_ready(), or a negative error. */
int detach_begin(void);

/* Tells the parent that all is well; standard input, output and error go to /dev/null, the working
 * directory becomes the root. */
void detach_ready(int fd);

#endif
