/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A request of some 30 bytes causes an answer of 16 KiB, and a peer may send it before it is
 * unchoked. So an answer is paid for three times: by the connection, which gets METADATA_COPIES
 * copies, by its site (sitebudget.h), and by a part of the upload limit. A request beyond that is
 * rejected, and counts as a useless message. The blocks are copied from the metainfo, which a
 * running torrent has in memory anyway.
 *
 * There is no queue of requests here: while more than CONN_CTL_PAUSE bytes of answers wait, the
 * connection reads no further request.
 */
#include "peer/core/swarm_metadata.h"

#include "common/base/err.h"
#include "peer/core/metamsg.h"
#include "peer/core/swarm_conns.h"
#include "peer/core/swarm_fx.h"
#include "peer/core/swarm_talk.h"

uint32_t
metadata_size(const struct swarm *s)
{
    return s->mi->info_len <= METAMSG_INFO_MAX ? (uint32_t)s->mi->info_len : 0;
}

/* Whether |bytes| fit into the part of the upload limit that metadata may use. One whole copy fits
 * at any limit, because a peer that lacks a block can fetch nothing else. */
static bool
limit_allows(struct swarm *s, uint32_t bytes)
{
    uint64_t limit = rate_tap_limit(&s->upload.tap), whole = metadata_size(s);
    struct allowance_terms part = {.rate = limit / HASH_UP_SHARE + 1,
                                   .most = limit > whole ? limit : whole};

    return limit == 0 || allowance_fits(&s->upload.metadata, bytes, part, s->clock.now);
}

static bool
may_answer(struct swarm *s, const struct swarm_peer *p, uint32_t bytes)
{
    return p->metadata_given + bytes <= METADATA_COPIES * (uint64_t)metadata_size(s) &&
           sitebudget_fits(s->sites, SITEBUDGET_METADATA, &p->at.addr, bytes, s->clock.now) &&
           limit_allows(s, bytes);
}

/* SENT charges the bytes to the limit itself. */
static void
pay(struct swarm *s, struct swarm_peer *p, uint32_t bytes)
{
    p->metadata_given += bytes;
    sitebudget_charge(s->sites, SITEBUDGET_METADATA, &p->at.addr, bytes);
    if (rate_tap_limit(&s->upload.tap) > 0)
        allowance_charge(&s->upload.metadata, bytes);
    rate_meter_add(&s->totals.up_meter, bytes, s->clock.now);
}

static void
send_payload(struct swarm *s, struct swarm_peer *p, struct buf *payload)
{
    struct wire_msg msg = {.type = WIRE_EXTENDED, .ext_id = p->at.ext.ids[EXTMSG_METADATA]};

    if (payload->err == 0)
        fx_send_buf(s, p, &msg, payload);
}

static void
refuse(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg, uint32_t block)
{
    struct buf out;

    buf_init(&out, METAMSG_HEAD_MAX);
    (void)metamsg_put_reject(&out, block);
    send_payload(s, p, &out);
    buf_fini(&out);
    talk_junk(s, p, msg);
}

static void
answer(struct swarm *s, struct swarm_peer *p, uint32_t block)
{
    struct buf out;

    buf_init(&out, METAMSG_SIZE_MAX);
    if (metamsg_put_data(&out, block, s->mi->info, metadata_size(s)) == 0) {
        pay(s, p, metamsg_block_len(metadata_size(s), block));
        send_payload(s, p, &out);
    }
    buf_fini(&out);
}

/* A peer that did not name an id of its own for ut_metadata can't be answered. */
static void
on_request(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg, uint32_t block)
{
    uint32_t size = metadata_size(s);

    if (p->at.ext.ids[EXTMSG_METADATA] == 0)
        talk_junk(s, p, msg);
    else if (block >= metamsg_blocks(size) || !may_answer(s, p, metamsg_block_len(size, block)))
        refuse(s, p, msg, block);
    else
        answer(s, p, block);
}

void
metadata_on_message(struct swarm *s, struct swarm_peer *p, const struct wire_msg *msg)
{
    struct metamsg m;
    int err = metamsg_read(&m, msg->data, msg->len);

    if (err == SPRAT_E_NOMEM)
        return;
    if (err != 0)
        peer_doom(s, p, SPRAT_E_PROTOCOL);
    else if (m.kind == METAMSG_REQUEST)
        on_request(s, p, msg, m.block);
    else
        talk_junk(s, p, msg);
}
