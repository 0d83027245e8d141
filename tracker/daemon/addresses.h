/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Where the tracker listens: at the addresses that the settings name, and with the sockets that the
 * service manager opened and passed. Each that is taken is said on stdout.
 */
#ifndef TRACKER_DAEMON_ADDRESSES_H
#define TRACKER_DAEMON_ADDRESSES_H

#include "common/sys/sdnotify.h"
#include "tracker/daemon/worker.h"
#include "tracker/operator/settings.h"

/* Embedded by the process; its fields are its own. */
struct addresses {
    const struct settings *settings;
    const struct worker_common *common;
    struct sdnotify_fd passed[SDNOTIFY_FDS_MAX];
    size_t passed_count;
    struct http_front *admin[SETTINGS_LISTEN_MAX];
    size_t admin_count;
};

/* Takes the sockets that were passed, and does not listen yet. |s| and |common|, which may be
 * filled in later, are borrowed. The errors of sdnotify_listen_fds(); addresses_fini() is due all
 * the same. */
int addresses_init(struct addresses *a, const struct settings *s,
                   const struct worker_common *common, struct errbuf *eb);

/* Closes the passed sockets; the workers have their own. After addresses_leave_admin(). */
void addresses_fini(struct addresses *a);

/* Has all workers listen at all addresses for clients. |eb| names the address that can't be taken;
 * INVAL for passed sockets that are too many, or for https without a certificate. */
int addresses_listen(const struct addresses *a, struct errbuf *eb);

/* Has |handler|, which is copied, answer at the operator's addresses, on the loop |l|. After
 * addresses_listen(), which counts the passed sockets. */
int addresses_listen_admin(struct addresses *a, struct loop *l, const struct http_handler *handler,
                           struct errbuf *eb);

/* Closes the operator's fronts, if there are any, before their loop ends. */
void addresses_leave_admin(struct addresses *a);

#endif
