/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The addresses at which the tracker listens: those of the settings, and the sockets that the
 * service manager opened and passed. Each address that is bound is printed on stdout.
 */
#ifndef TRACKER_DAEMON_ADDRESSES_H
#define TRACKER_DAEMON_ADDRESSES_H

#include "common/sys/sdnotify.h"
#include "tracker/daemon/worker.h"
#include "tracker/operator/settings.h"

/* Embedded by the process; private. */
struct addresses {
    const struct settings *settings;
    const struct worker_common *common;
    struct sdnotify_fd passed[SDNOTIFY_FDS_MAX];
    size_t passed_count;
    struct http_front *admin[SETTINGS_LISTEN_MAX];
    size_t admin_count;
};

/* Takes over the passed sockets, and does not listen yet. |s| and |common| are borrowed; |common|
 * may be filled in later. Errors as sdnotify_listen_fds(); addresses_fini() must be called even
 * after an error. */
int addresses_init(struct addresses *a, const struct settings *s,
                   const struct worker_common *common, struct errbuf *eb);

/* Closes the passed sockets; the workers have their own. After addresses_leave_admin(). */
void addresses_fini(struct addresses *a);

/* Makes all workers listen at all addresses for clients. |eb| names the address that can't be
 * bound. INVAL if too many sockets were passed, or one for https and there is no certificate. */
int addresses_listen(const struct addresses *a, struct errbuf *eb);

/* Listens at the operator's addresses on the loop |l|; |handler|, which is copied, answers there.
 * Call after addresses_listen(), which counts the passed sockets. */
int addresses_listen_admin(struct addresses *a, struct loop *l, const struct http_handler *handler,
                           struct errbuf *eb);

/* Closes the operator's fronts, if there are any, before their loop ends. */
void addresses_leave_admin(struct addresses *a);

#endif
