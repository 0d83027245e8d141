/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Finds the addresses; magnet.h prints the link.
 */
#include "peer/cli/sharelink.h"

#include <stdlib.h>

#include "common/codec/magnet.h"
#include "common/sys/addr.h"
#include "common/sys/hostaddrs.h"

/* The addresses as texts. */
struct peers {
    struct magnet_peer all[SHARELINK_PEERS_MAX];
    char hosts[SHARELINK_PEERS_MAX][ADDR_TEXT_MAX];
    size_t count;
    bool reached; /* another machine can reach one of them */
};

static int
find_peers(const struct endpoint *listen, size_t listen_count, struct peers *out)
{
    struct endpoint addrs[SHARELINK_PEERS_MAX];
    struct hostaddr *all;
    size_t count;
    int err = hostaddrs_read(&all, &count);

    if (err != 0)
        return err;
    out->count = hostaddrs_reachable(listen, listen_count, all, count, addrs, SHARELINK_PEERS_MAX);
    out->reached = false;
    free(all);
    for (size_t i = 0; i < out->count; i++) {
        addr_format_ip(&addrs[i], out->hosts[i]);
        out->all[i] = (struct magnet_peer){.host = out->hosts[i], .port = addrs[i].port};
        out->reached = out->reached || !addr_is_loopback(&addrs[i]);
    }
    return 0;
}

int
sharelink_make(const struct metainfo *mi, const char *const *trackers, size_t tracker_count,
               const struct endpoint *listen, size_t listen_count, struct sharelink *out)
{
    struct magnet_extra extra = {.trackers = trackers, .tracker_count = tracker_count};
    struct peers peers;
    struct buf text;
    size_t len;
    int err = find_peers(listen, listen_count, &peers);

    if (err != 0)
        return err;
    extra.peers = peers.all;
    extra.peer_count = peers.count;
    buf_init(&text, SIZE_MAX);
    err = magnet_print_metainfo(mi, &extra, &text);
    out->text = buf_str(&text) != NULL ? (char *)buf_take(&text, &len) : NULL;
    out->local_only = !mi->is_private && !peers.reached && mi->tier_count + tracker_count == 0;
    buf_fini(&text);
    return out->text != NULL ? 0 : err != 0 ? err : SPRAT_E_NOMEM;
}
