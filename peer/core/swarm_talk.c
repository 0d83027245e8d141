/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The allowance of messages that move no block, which each peer has. An honest peer needs a small
 * part of it: a HAVE for each piece, a REJECT for a request, a PEX message a minute. A peer that
 * exceeds the allowance keeps us busy for nothing, which is an offence.
 *
 * Served requests, blocks, and hashes that we asked for do not count here: the upload limit, the
 * download limit and the number of requests bound them.
 */
#include "peer/core/swarm_talk.h"

#include "common/base/err.h"
#include "peer/core/swarm_conns.h"

static struct allowance_terms
terms(const struct swarm *s)
{
    return (struct allowance_terms){
        .rate = SWARM_TALK_RATE,
        .most = SWARM_TALK_MOST + (uint64_t)SWARM_TALK_PIECE * s->geo.piece_count,
    };
}

/* BITFIELD, HAVE_ALL and HAVE_NONE cost a look at every piece: they count as several BITFIELDs. */
static uint64_t
work_of(const struct swarm *s, const struct wire_msg *msg)
{
    bool whole = msg->type == WIRE_BITFIELD || msg->type == WIRE_HAVE_ALL ||
                 msg->type == WIRE_HAVE_NONE;

    return SWARM_TALK_MESSAGE +
           (whole ? SWARM_TALK_WHOLE * (uint64_t)bitfield_size(s->geo.piece_count) : 0);
}

static bool
count(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg, uint32_t times)
{
    uint64_t cost = (wire_size(msg) + work_of(s, msg)) * times;

    return allowance_take(&p->talk, cost, terms(s), s->clock.now);
}

bool
talk_allows(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg)
{
    switch (msg->type) {
    case WIRE_REQUEST: /* talk_refused() counts a refused one */
    case WIRE_PIECE:
    case WIRE_HASHES:   /* talk_junk() counts an unrequested one */
    case WIRE_UNKNOWN: return true;
    case WIRE_CHOKE:
    case WIRE_UNCHOKE:
    case WIRE_INTERESTED:
    case WIRE_NOT_INTERESTED:
    case WIRE_HAVE:
    case WIRE_BITFIELD: /* aria2 sends one in place of many HAVEs, at any time */
    case WIRE_CANCEL:
    case WIRE_PORT:
    case WIRE_SUGGEST:
    case WIRE_HAVE_ALL:
    case WIRE_HAVE_NONE:
    case WIRE_REJECT:
    case WIRE_ALLOWED_FAST:
    case WIRE_EXTENDED:
    case WIRE_HASH_REQUEST:
    case WIRE_HASH_REJECT:
    case WIRE_KEEPALIVE: return count(s, p, msg, 1);
    }
    return true;
}

void
talk_refused(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg)
{
    if (!count(s, p, msg, 1))
        peer_doom(s, p, SPRAT_E_PROTOCOL);
}

void
talk_junk(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg)
{
    if (!count(s, p, msg, SWARM_TALK_JUNK))
        peer_doom(s, p, SPRAT_E_PROTOCOL);
}
