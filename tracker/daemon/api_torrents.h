/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The calls of the API (api.h) on torrents, rules about clients, signals and the sums of the
 * accounts; each is an api_run_fn.
 */
#ifndef TRACKER_DAEMON_API_TORRENTS_H
#define TRACKER_DAEMON_API_TORRENTS_H

#include "tracker/daemon/api_call.h"

int api_torrents_list(struct api_call *c, struct registry *r, struct errbuf *eb);
int api_torrents_add(struct api_call *c, struct registry *r, struct errbuf *eb);
int api_torrent_show(struct api_call *c, struct registry *r, struct errbuf *eb);
int api_torrent_change(struct api_call *c, struct registry *r, struct errbuf *eb);
int api_torrent_remove(struct api_call *c, struct registry *r, struct errbuf *eb);
int api_clients_list(struct api_call *c, struct registry *r, struct errbuf *eb);
int api_clients_set(struct api_call *c, struct registry *r, struct errbuf *eb);
int api_client_unset(struct api_call *c, struct registry *r, struct errbuf *eb);
int api_signals_list(struct api_call *c, struct registry *r, struct errbuf *eb);
int api_accounts_show(struct api_call *c, struct registry *r, struct errbuf *eb);

#endif
