/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The extension protocol (BEP 10): the extended handshake, and the payloads of the extensions that
 * this engine speaks: lt_donthave (BEP 54) and upload_only (BEP 21).
 * Those of ut_pex (BEP 11) are in pex.h.
 */
#ifndef PEER_CORE_EXTMSG_H
#define PEER_CORE_EXTMSG_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/endpoint.h"
#include "common/ds/buf.h"

/*  X(NAME, our id, name on the wire): ascending by the name on the wire, as bencode has keys */
#define EXTMSG_TABLE(X)                                                                            \
    X(DONTHAVE, 1, "lt_donthave")                                                                  \
    X(UPLOAD_ONLY, 2, "upload_only")                                                               \
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
    EXTMSG_SIZE_MAX = 65536, /* bytes of an extended handshake that we read */
};

struct ext_handshake {
    uint8_t ids[EXTMSG_KINDS]; /* sub-ids of theirs by kind; 0: not spoken */
    char client[EXTMSG_CLIENT_MAX + 1]; /* "v", printable; "" if absent */
    uint16_t port;                      /* "p": their listen port, or 0 */
    uint32_t reqq;                      /* requests they queue; 250 if absent, clamped */
    bool upload_only;
    struct endpoint yourip; /* "yourip": what they see us as (port 0), family IP_NONE if absent */
};

/* What our handshake says. */
struct ext_offer {
    const char *client;
    uint16_t listen_port; /* 0: none */
    uint32_t reqq;
    bool upload_only;
    bool no_pex;                   /* ut_pex is not offered */
    const struct endpoint *theirs; /* who they are, for "yourip"; or NULL */
};

/* Appends our handshake's payload (bencode). */
int extmsg_put_handshake(struct buf *out, const struct ext_offer *offer);

/* Reads one, updating |hs| (BEP 10: later handshakes change what they name only; zero it before the
 * first, with reqq 250). SPRAT_E_PROTOCOL on malformed or oversize input, SPRAT_E_NOMEM; then
 * nothing is changed. */
int extmsg_read_handshake(struct ext_handshake *hs, const uint8_t *data, size_t len);

/* Which of our extensions a received sub-id stands for; EXTMSG_KINDS if none. */
enum extmsg_kind extmsg_kind_of(uint8_t ext_id);

/* Payloads: lt_donthave is 4 bytes, upload_only 1 byte (libtorrent also accepts a bencoded
 * integer). */
int extmsg_read_donthave(const uint8_t *data, size_t len, uint32_t *piece);
int extmsg_read_upload_only(const uint8_t *data, size_t len, bool *value);

#endif
