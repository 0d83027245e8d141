/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The request half of the HTTP tracker protocol (BEP 3, 7, 23, 48): the peer builds an announce or
 * scrape URL from the tracker's, the tracker reads the query string. No sockets, no HTTP.
 */
#ifndef COMMON_CODEC_TRACKER_QUERY_H
#define COMMON_CODEC_TRACKER_QUERY_H

#include "common/codec/tracker.h"
#include "common/ds/buf.h"

enum {
    TRACKER_QUERY_MAX = 8192,       /* longest query string that is read, bytes */
    TRACKER_QUERY_SCRAPE_MAX = 128, /* info-hashes of one scrape */
};

/* The peer's side: appends the URL to |out| (not NUL-terminated; see buf_str). The query that |url|
 * has already comes first; a fragment is dropped. |a->key| is sent as eight hex digits. TOOBIG for
 * more than TRACKER_URL_MAX bytes, NOMEM. */
int tracker_query_announce_url(struct buf *out, const char *url, const struct tracker_announce *a);

/* The scrape URL that belongs to an announce URL: "announce" after the path's last slash becomes
 * "scrape". NOTFOUND if the path has no "announce" there: such a tracker can't be scraped. */
int tracker_query_scrape_url(struct buf *out, const char *url,
                             const uint8_t (*hashes)[TRACKER_HASH_LEN], size_t n);

/* The tracker's side. Both functions read the part of the request target after '?'. On an error
 * |*reason| is set to a static sentence for the peer's user. Unknown names are ignored, and so are
 * "ip", "ipv4" and "ipv6": a peer's address is its source address.
 *
 * Required are "info_hash", "peer_id" and "port". Without "left", or with an empty or a negative
 * one, the client does not know the size. Without "uploaded" or "downloaded", or with an empty one,
 * the counter is 0 and |a->uncounted| says so.
 *
 * MISSING, SYNTAX (bad escape, not a number, wrong length, given twice), RANGE, TOOBIG. */
int tracker_query_parse_announce(struct tracker_announce *a, const char *query, size_t len,
                                 const char **reason);

/* Reads all "info_hash" values in order, at most |max|. MISSING if there is none: a full scrape is
 * not answered. */
int tracker_query_parse_scrape(uint8_t (*hashes)[TRACKER_HASH_LEN], size_t max, size_t *n,
                               const char *query, size_t len, const char **reason);

#endif
