/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The extension protocol (BEP 10): the extended handshake, and the payloads of lt_donthave (BEP 54)
 * and upload_only (BEP 21). pex.h has the payload of ut_pex (BEP 11), metamsg.h has those of
 * ut_metadata (BEP 9).
 */
#ifndef PEER_CORE_EXTMSG_H
#define PEER_CORE_EXTMSG_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/endpoint.h"
#include "common/ds/buf.h"

/*  X(NAME, our id, name on the wire), sorted by the name on the wire: bencode sorts its keys */
#define EXTMSG_TABLE(X)                                                                            \
    X(DONTHAVE, 1, "lt_donthave")                                                                  \
    X(UPLOAD_ONLY, 2, "upload_only")                                                               \
    X(METADATA, 4, "ut_metadata")                                                                  \
    X(PEX, 3, "ut_pex")

enum extmsg_kind {
#define X(name, id, text) EXTMSG_##name,
    EXTMSG_TABLE(X)
#undef X
    EXTMSG_KINDS
};

enum {
    EXTMSG_CLIENT_MAX = 64,
    EXTMSG_REQQ_MAX = 4096,
    EXTMSG_SIZE_MAX = 65536, /* longest extended handshake that we read, bytes */
};

struct ext_handshake {
    uint8_t ids[EXTMSG_KINDS]; /* the peer's message id of each kind; 0: not supported */
    char client[EXTMSG_CLIENT_MAX + 1]; /* "v", printable; "" if absent */
    uint16_t port;                      /* "p": the peer's listen port, or 0 */
    uint32_t reqq;                      /* "reqq": requests that the peer queues; 250 if absent,
                                           clamped */
    uint32_t metadata_size;             /* "metadata_size": bytes of the info dictionary, from 1 to
                                           METAMSG_INFO_MAX; 0 for any other number or none */
    bool upload_only;
    struct endpoint yourip; /* "yourip": our address as the peer sees it (port 0); family IP_NONE
                               if absent */
};

/* The content of our extended handshake. */
struct ext_offer {
    const char *client;
    uint16_t listen_port; /* 0: none */
    uint32_t reqq;
    uint32_t metadata_size;        /* bytes of the info dictionary that we have; 0: we have none */
    bool upload_only;
    bool no_pex;                   /* the handshake does not offer ut_pex */
    const struct endpoint *theirs; /* the peer's address, for "yourip"; or NULL */
};

/* Appends the payload of our extended handshake (bencode). */
int extmsg_put_handshake(struct buf *out, const struct ext_offer *offer);

/* Parses an extended handshake into |hs|. A later handshake changes only the keys that it has (BEP
 * 10), so zero |hs| before the first one and set its reqq to 250. SPRAT_E_PROTOCOL for malformed or
 * oversize input, SPRAT_E_NOMEM; then |hs| is unchanged. */
int extmsg_read_handshake(struct ext_handshake *hs, const uint8_t *data, size_t len);

/* The extension that a received message id stands for; EXTMSG_KINDS if none. */
enum extmsg_kind extmsg_kind_of(uint8_t ext_id);

/* Payloads: lt_donthave has 4 bytes, upload_only 1 byte (libtorrent also accepts a bencoded
 * integer). */
int extmsg_read_donthave(const uint8_t *data, size_t len, uint32_t *piece);
int extmsg_read_upload_only(const uint8_t *data, size_t len, bool *value);

#endif
