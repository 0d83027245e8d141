/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Sends notifications to the service manager (sd_notify(3)) and takes the sockets that it opened
 * for this process (sd_listen_fds(3)). Both protocols take a few lines, so no library is needed.
 * Without a service manager, nothing happens.
 */
#ifndef COMMON_SYS_SDNOTIFY_H
#define COMMON_SYS_SDNOTIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/endpoint.h"
#include "common/base/err.h"

/* Sends |state| to the service manager: "READY=1", "STOPPING=1", "STATUS=…", or several of them,
 * one per line. Failures are ignored. */
void sdnotify(const char *state);

/* True if a service manager listens to this process. */
bool sdnotify_is_heard(void);

/* Sends "RELOADING=1" with the time that a notify-reload service needs; "READY=1" ends it. */
void sdnotify_reloading(void);

/* The interval at which "WATCHDOG=1" must be sent, in microseconds; 0: no watchdog. */
uint64_t sdnotify_watchdog_us(void);

enum {
    SDNOTIFY_FDS_MAX = 64,
    SDNOTIFY_NAME_MAX = 255,
};

struct sdnotify_fd {
    int fd;
    char name[SDNOTIFY_NAME_MAX + 1]; /* FileDescriptorName=; "" if there is none */
    bool stream;                      /* true: a listening TCP socket; false: a UDP socket */
    struct endpoint at;
};

/* Returns the sockets that were passed to this process, at most SDNOTIFY_FDS_MAX, made
 * close-on-exec and non-blocking. Clears the environment variables, so that child processes don't
 * take the sockets for theirs. INVAL with a message for a descriptor that is neither a listening
 * TCP socket nor a UDP socket. */
int sdnotify_listen_fds(struct sdnotify_fd *fds, size_t *count, struct errbuf *eb);

#endif
