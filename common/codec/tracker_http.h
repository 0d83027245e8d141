/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The reply half of the HTTP tracker protocol: bencoded bodies of announce and scrape replies (BEP
 * 3, 7, 21, 23, 24, 31, 48), written by the tracker and read by the peer. Requests are in
 * tracker_query.h. Does not handle HTTP itself.
 */
#ifndef COMMON_CODEC_TRACKER_HTTP_H
#define COMMON_CODEC_TRACKER_HTTP_H

#include "common/codec/tracker.h"
#include "common/ds/buf.h"

/* The peers in a tracker's reply, as compact endpoints (compact.h), and their peer ids, 20 bytes
 * each in the same order; NULL if the ids are not kept. Borrowed. */
struct tracker_peers {
    const uint8_t *v4, *v6;
    const uint8_t *ids4, *ids6;
    size_t n4, n6;
};

/* The form of a peer list in a reply. */
enum tracker_form {
    TRACKER_FORM_COMPACT,    /* BEP 23 and 7: "peers" and "peers6" */
    TRACKER_FORM_DICT,       /* BEP 3: both families as dictionaries in "peers" */
    TRACKER_FORM_DICT_NO_ID, /* as TRACKER_FORM_DICT, without "peer id" */
};

/* The tracker's side: appends one reply to |out|. If |r->failure| is set, a failure reply is
 * written and |peers| is ignored. |r->peers| is not used. Returns |out|'s sticky error. */
int tracker_http_put_reply(struct buf *out, const struct tracker_reply *r,
                           const struct tracker_peers *peers, enum tracker_form form);

/* Appends a scrape reply. The entries must be in ascending order of their hash and unique, as
 * bencode requires: tracker_http_sort_scrape(). */
int tracker_http_put_scrape(struct buf *out, const struct tracker_scrape *entries, size_t n);

/* Sorts the entries, drops duplicates, and returns the number that is left. */
size_t tracker_http_sort_scrape(struct tracker_scrape *entries, size_t n);

/* The peer's side: parses an announce reply. |r| was initialised with tracker_reply_init(). Returns
 * 0 also for a failure reply: see |r->failure|. Lenient where trackers deviate from the BEPs: order
 * of keys, bytes after the end, numbers as strings, peers without an id, names instead of addresses
 * (|r->names|), peers of either family in dictionaries, truncated compact lists. Peers beyond
 * |r->peers_max| and |r->names_max| are left out.
 *
 * Errors: those of bencode_decode(); TYPE if the reply is not a dictionary; MISSING if it has no
 * key of an announce reply. */
int tracker_http_parse_reply(struct tracker_reply *r, const uint8_t *src, size_t len);

/* Parses a scrape reply: up to |max| entries are stored in |entries|, their number in |*n|. Of |r|
 * only the failure fields are set. */
int tracker_http_parse_scrape(struct tracker_reply *r, struct tracker_scrape *entries, size_t max,
                              size_t *n, const uint8_t *src, size_t len);

#endif
