/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The announce of local service discovery (BEP 14): one datagram to a multicast group, which says
 * that its sender has torrents with these info-hashes and accepts connections at this port.
 *
 *  BT-SEARCH * HTTP/1.1         the first line
 *  Host: 239.192.152.143:6771   the group
 *  Port: 6881                   TCP port of the sender, decimal
 *  Infohash: 40 hex digits      one line for each torrent
 *  cookie: text                 the sender recognises its own datagrams by it
 *
 * Lines end in CR LF, and two empty lines end the message.
 */
#ifndef PEER_CORE_LSD_MSG_H
#define PEER_CORE_LSD_MSG_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/endpoint.h"

enum {
    LSD_HASH_LEN = 20,    /* v1, or the truncated v2 info-hash */
    LSD_HASHES_SENT = 25, /* most info-hashes in an announce of ours */
    LSD_SENT_MAX = 1400,  /* longest announce of ours, bytes (BEP 14) */
    LSD_HASHES_READ = 32, /* most info-hashes that are read; a datagram has no room for more */
    LSD_READ_MAX = 1500,  /* longest announce that is read, bytes */
    LSD_COOKIE_MAX = 16,  /* longest cookie that we send, characters; longer ones are not ours */
};

struct lsd_msg {
    uint16_t port;
    const char *cookie; /* not NUL-terminated; within the datagram when read */
    size_t cookie_len;  /* 0: no cookie */
    unsigned count;
    uint8_t hashes[LSD_HASHES_READ][LSD_HASH_LEN];
};

/* The multicast group of a family, with its port. */
struct endpoint lsd_group(enum ip_family family);

/* Reads an announce. Unknown headers and info-hashes of other lengths are passed over.
 * SPRAT_E_PROTOCOL: too long, not of this form, without a port, or with two. */
int lsd_msg_read(struct lsd_msg *m, const uint8_t *data, size_t len);

/* Writes an announce to |family|'s group with at most LSD_HASHES_SENT info-hashes and a cookie of
 * at most LSD_COOKIE_MAX characters. Returns its length. */
size_t lsd_msg_write(uint8_t out[LSD_SENT_MAX], enum ip_family family, const struct lsd_msg *m);

#endif
