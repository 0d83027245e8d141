/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The calls of the API (api.h) on users, their passkeys and their totals; each is an api_run_fn.
 */
#ifndef TRACKER_DAEMON_API_USERS_H
#define TRACKER_DAEMON_API_USERS_H

#include "tracker/daemon/api_call.h"

int api_users_list(struct api_call *c, struct registry *r, struct errbuf *eb);
int api_users_add(struct api_call *c, struct registry *r, struct errbuf *eb);
int api_user_show(struct api_call *c, struct registry *r, struct errbuf *eb);
int api_user_change(struct api_call *c, struct registry *r, struct errbuf *eb);
int api_user_disable(struct api_call *c, struct registry *r, struct errbuf *eb);
int api_user_totals(struct api_call *c, struct registry *r, struct errbuf *eb);
int api_passkeys_list(struct api_call *c, struct registry *r, struct errbuf *eb);
int api_passkeys_change(struct api_call *c, struct registry *r, struct errbuf *eb);

#endif
