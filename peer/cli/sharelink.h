/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The magnet link that a seeder prints, by which others find the seeder itself.
 */
#ifndef PEER_CLI_SHARELINK_H
#define PEER_CLI_SHARELINK_H

#include "common/base/endpoint.h"
#include "common/codec/metainfo.h"

enum { SHARELINK_PEERS_MAX = 16 }; /* addresses of this machine in a link */

struct sharelink {
    char *text;      /* the link; the caller frees it */
    bool local_only; /* it names no tracker, and no address that other machines can reach */
};

/* Makes the link: info-hashes, name, the trackers of |mi| and then |trackers|, the web seeds, and
 * as x.pe the addresses at which others may reach the sockets at |listen|. The link of a private
 * torrent has only the trackers of |mi|, and x.private. NOMEM, or the reason why the addresses of
 * this machine can't be read. */
int sharelink_make(const struct metainfo *mi, const char *const *trackers, size_t tracker_count,
                   const struct endpoint *listen, size_t listen_count, struct sharelink *out);

#endif
