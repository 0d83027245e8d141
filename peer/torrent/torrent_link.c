/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Turns the parts of a parsed link into the texts that a torrent and the database keep.
 */
#include "peer/torrent/torrent_link.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
make_peers(struct torrent_link *l)
{
    for (size_t i = 0; i < l->magnet->peer_count; i++) {
        const struct magnet_peer *p = &l->magnet->peers[i];
        size_t size = strlen(p->host) + sizeof("[]:65535");

        l->peers[i] = malloc(size);
        if (l->peers[i] == NULL)
            return SPRAT_E_NOMEM;
        snprintf(l->peers[i], size, strchr(p->host, ':') != NULL ? "[%s]:%u" : "%s:%u", p->host,
                 p->port);
    }
    return 0;
}

static int
make_only(struct torrent_link *l)
{
    const struct magnet *m = l->magnet;
    struct buf text;
    size_t len;

    if (m->range_count == 0)
        return 0;
    buf_init(&text, MAGNET_LEN_MAX);
    for (size_t i = 0; i < m->range_count; i++) {
        buf_printf(&text, "%s%" PRIu32, i > 0 ? "," : "", m->ranges[i].first);
        if (m->ranges[i].last > m->ranges[i].first)
            buf_printf(&text, "-%" PRIu32, m->ranges[i].last);
    }
    buf_put_u8(&text, 0);
    if (text.err == 0)
        l->only = (char *)buf_take(&text, &len);
    buf_fini(&text);
    return l->only != NULL ? 0 : SPRAT_E_NOMEM;
}

int
torrent_link_init(struct torrent_link *l, const char *text, struct errbuf *eb)
{
    struct errbuf why;
    size_t len;
    const uint8_t *key;
    int err;

    *l = (struct torrent_link){.magnet = NULL};
    err = magnet_parse(text, &l->magnet, &why);
    if (err != 0)
        return errbuf_set(eb, err, "magnet link: %s", why.text);
    key = identity_key(&l->magnet->id, &len);
    l->name = l->magnet->name;
    if (l->name == NULL || l->name[0] == '\0')
        l->name = hex_encode(key, len, l->hash_name);
    err = make_peers(l);
    if (err == 0)
        err = make_only(l);
    if (err != 0) {
        torrent_link_fini(l);
        return errbuf_set(eb, err, "out of memory");
    }
    return 0;
}

void
torrent_link_fini(struct torrent_link *l)
{
    for (size_t i = 0; i < MAGNET_PEERS_MAX; i++)
        free(l->peers[i]);
    free(l->only);
    magnet_free(l->magnet);
    *l = (struct torrent_link){.magnet = NULL};
}

void
torrent_link_fill(const struct torrent_link *l, struct torrent_add *add)
{
    add->id = &l->magnet->id;
    add->name = l->name;
    add->only = l->only;
    add->web_seeds = (const char *const *)l->magnet->web_seeds;
    add->web_seed_count = l->magnet->web_seed_count;
    add->trackers_only = add->trackers_only || l->magnet->is_private;
}
