/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Parses and prints magnet links of torrents (BEP 9, 52, 53). Downloads nothing.
 *
 *   magnet:?xt=urn:btih:HASH     v1 info-hash, 40 hex digits or 32 of base32
 *           xt=urn:btmh:1220HEX  v2 info-hash, a multihash: SHA-256, 32 bytes, in hex
 *           dn= tr= ws= x.pe=    name, tracker, web seed, peer ("host:port", "[v6]:port")
 *           so=0,2,4-6           only these files
 *           x.private=1          the torrent is private (BEP 27), so only trackers may name
 *                                peers; no BEP has it, and other programs ignore it
 */
#ifndef COMMON_CODEC_MAGNET_H
#define COMMON_CODEC_MAGNET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/codec/identity.h"
#include "common/codec/metainfo.h"
#include "common/ds/buf.h"

/* The prefix of every link, in upper or lower case. */
#define MAGNET_SCHEME "magnet:?"

enum {
    MAGNET_LEN_MAX = 64 * 1024, /* bytes of a link */
    MAGNET_TRACKERS_MAX = 100,
    MAGNET_WEB_SEEDS_MAX = 100,
    MAGNET_PEERS_MAX = 100,
    MAGNET_RANGES_MAX = 1000,
};

struct magnet_peer {
    char *host; /* a name or an address, without brackets */
    uint16_t port;
};

/* Files |first| to |last|, both included, counted from 0 in the torrent's order, pad files too. */
struct magnet_range {
    uint32_t first, last;
};

/* Owns all that it points to. */
struct magnet {
    struct identity id;
    char *name; /* display name, not for paths: UTF-8 without control characters; NULL if absent */
    char **trackers;
    size_t tracker_count;
    char **web_seeds;
    size_t web_seed_count;
    struct magnet_peer *peers;
    size_t peer_count;
    struct magnet_range *ranges; /* none: all files */
    size_t range_count;
    bool is_private; /* x.private=1 */
};

/* Parses a link. Returns 0 and |*out|, which the caller frees with magnet_free(); or SYNTAX,
 * MISSING (no info-hash), MISMATCH (two different info-hashes of one kind), TOOBIG, NOMEM with a
 * message in |eb|. Unknown parameters are ignored; malformed or surplus trackers, web seeds and
 * peers are left out. */
int magnet_parse(const char *text, struct magnet **out, struct errbuf *eb);
void magnet_free(struct magnet *m);

/* Appends the link. Returns out->err. */
int magnet_print(const struct magnet *m, struct buf *out);

/* What a link has beside what its torrent says. */
struct magnet_extra {
    const char *const *trackers;
    size_t tracker_count;
    const struct magnet_peer *peers;
    size_t peer_count;
};

/* Appends the link of a torrent: info-hashes, name, trackers, web seeds and x.private. |extra| (may
 * be NULL) is left out if the torrent is private: then only its own trackers may name peers (BEP
 * 27). Returns out->err. */
int magnet_print_metainfo(const struct metainfo *mi, const struct magnet_extra *extra,
                          struct buf *out);

#endif
