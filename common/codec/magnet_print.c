/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Writes magnet links, from a parsed link or from a torrent file. All values are escaped.
 */
#include <inttypes.h>
#include <string.h>

#include "common/base/hex.h"
#include "common/codec/magnet.h"
#include "common/codec/uri.h"

static void
put_hashes(struct buf *out, const uint8_t *v1, const uint8_t *v2)
{
    char hex[HEX_SIZE(32)];

    buf_puts(out, MAGNET_SCHEME);
    if (v1 != NULL) {
        buf_puts(out, "xt=urn:btih:");
        buf_puts(out, hex_encode(v1, 20, hex));
    }
    if (v2 != NULL) {
        buf_puts(out, v1 != NULL ? "&xt=urn:btmh:1220" : "xt=urn:btmh:1220");
        buf_puts(out, hex_encode(v2, 32, hex));
    }
}

static void
put_text(struct buf *out, const char *key, const char *text)
{
    if (text == NULL)
        return;
    buf_printf(out, "&%s=", key);
    uri_escape(out, text, strlen(text));
}

static void
put_peer(struct buf *out, const struct magnet_peer *peer)
{
    bool v6 = strchr(peer->host, ':') != NULL;

    buf_puts(out, v6 ? "&x.pe=%5B" : "&x.pe=");
    uri_escape(out, peer->host, strlen(peer->host));
    buf_printf(out, "%s:%u", v6 ? "%5D" : "", peer->port);
}

static void
put_ranges(struct buf *out, const struct magnet *m)
{
    for (size_t i = 0; i < m->range_count; i++) {
        buf_printf(out, "%s%" PRIu32, i == 0 ? "&so=" : ",", m->ranges[i].first);
        if (m->ranges[i].last > m->ranges[i].first)
            buf_printf(out, "-%" PRIu32, m->ranges[i].last);
    }
}

static void
put_private(struct buf *out, bool is_private)
{
    if (is_private)
        buf_puts(out, "&x.private=1");
}

int
magnet_print(const struct magnet *m, struct buf *out)
{
    put_hashes(out, m->id.has_v1 ? m->id.v1 : NULL, m->id.has_v2 ? m->id.v2 : NULL);
    put_text(out, "dn", m->name);
    for (size_t i = 0; i < m->tracker_count; i++)
        put_text(out, "tr", m->trackers[i]);
    for (size_t i = 0; i < m->web_seed_count; i++)
        put_text(out, "ws", m->web_seeds[i]);
    for (size_t i = 0; i < m->peer_count; i++)
        put_peer(out, &m->peers[i]);
    put_ranges(out, m);
    put_private(out, m->is_private);
    return out->err;
}

static bool
has_tracker(const struct metainfo *mi, const char *url)
{
    for (size_t i = 0; i < mi->tier_count; i++)
        for (size_t k = 0; k < mi->tiers[i].count; k++)
            if (strcmp(mi->tiers[i].urls[k], url) == 0)
                return true;
    return false;
}

int
magnet_print_metainfo(const struct metainfo *mi, const struct magnet_extra *extra, struct buf *out)
{
    static const struct magnet_extra nothing;
    const struct magnet_extra *x = extra != NULL && !mi->is_private ? extra : &nothing;

    put_hashes(out, mi->id.has_v1 ? mi->id.v1 : NULL, mi->id.has_v2 ? mi->id.v2 : NULL);
    put_text(out, "dn", mi->name);
    for (size_t i = 0; i < mi->tier_count; i++)
        for (size_t k = 0; k < mi->tiers[i].count; k++)
            put_text(out, "tr", mi->tiers[i].urls[k]);
    for (size_t i = 0; i < x->tracker_count; i++)
        if (!has_tracker(mi, x->trackers[i]))
            put_text(out, "tr", x->trackers[i]);
    for (size_t i = 0; i < mi->web_seed_count; i++)
        put_text(out, "ws", mi->web_seeds[i]);
    for (size_t i = 0; i < x->peer_count; i++)
        put_peer(out, &x->peers[i]);
    put_private(out, mi->is_private);
    return out->err;
}
