/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Words to the service manager (sd_notify(3)), and the sockets that it opened for us
 * (sd_listen_fds(3)): both protocols are a few lines, so no library is needed. Where there is no
 * service manager, nothing happens.
 */
#ifndef COMMON_SYS_SDNOTIFY_H
#define COMMON_SYS_SDNOTIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/endpoint.h"
#include "common/base/err.h"

/* Tells the service manager |state|: "READY=1", "STOPPING=1", "STATUS=…", several of them on lines.
 * What can't be told is not told. */
void sdnotify(const char *state);

/* Is there a service manager that listens to this process? */
bool sdnotify_is_heard(void);

/* "RELOADING=1" with the time that a notify-reload service needs; "READY=1" ends it. */
void sdnotify_reloading(void);

/* How often "WATCHDOG=1" must come, in microseconds; 0: nobody watches this process. */
uint64_t sdnotify_watchdog_us(void);

enum {
    SDNOTIFY_FDS_MAX = 64,
    SDNOTIFY_NAME_MAX = 255,
};

struct sdnotify_fd {
    int fd;
    char name[SDNOTIFY_NAME_MAX + 1]; /* FileDescriptorName=; "" if there is none */
    bool stream;                      /* a listening TCP socket, or a UDP one */
    struct endpoint at;
};

/* The sockets that were passed to this process, at most SDNOTIFY_FDS_MAX, made close-on-exec and
 * non-blocking; none where none were. Forgets about them, so that what we start does not take them
 * for its own. INVAL and a sentence for a descriptor that is neither a listening TCP socket nor a
 * UDP one. */
int sdnotify_listen_fds(struct sdnotify_fd *fds, size_t *count, struct errbuf *eb);

#endif
