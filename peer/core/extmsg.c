/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Encodes and decodes extended handshakes and the small payloads. Values of a wrong type are
 * ignored, as BEP 10 asks; only a payload that is not a bencoded dictionary is an error.
 */
#include "peer/core/extmsg.h"

#include <string.h>

#include "common/base/bytes.h"
#include "common/base/err.h"
#include "common/codec/bencode.h"
#include "common/base/utf8.h"
#include "peer/core/metamsg.h"

enum {
    DEPTH_MAX = 8,
    ITEMS_MAX = 4096,
};

static const struct {
    const char *name;
    uint8_t id;
} extensions[EXTMSG_KINDS] = {
#define X(kind, number, text) [EXTMSG_##kind] = {text, number},
    EXTMSG_TABLE(X)
#undef X
};

int
extmsg_put_handshake(struct buf *out, const struct ext_offer *offer)
{
    const struct endpoint *theirs = offer->theirs;
    struct bencode_writer w;

    bencode_writer_init(&w, out);
    bencode_begin_dict(&w);
    bencode_put_key(&w, "m");
    bencode_begin_dict(&w);
    for (unsigned i = 0; i < EXTMSG_KINDS; i++) {
        if (i == EXTMSG_PEX && offer->no_pex)
            continue;
        bencode_put_key(&w, extensions[i].name);
        bencode_put_int(&w, extensions[i].id);
    }
    bencode_end(&w);
    if (offer->metadata_size != 0) {
        bencode_put_key(&w, "metadata_size");
        bencode_put_int(&w, offer->metadata_size);
    }
    if (offer->listen_port != 0) {
        bencode_put_key(&w, "p");
        bencode_put_int(&w, offer->listen_port);
    }
    bencode_put_key(&w, "reqq");
    bencode_put_int(&w, offer->reqq);
    if (offer->upload_only) {
        bencode_put_key(&w, "upload_only");
        bencode_put_int(&w, 1);
    }
    bencode_put_key(&w, "v");
    bencode_put_cstr(&w, offer->client);
    if (theirs != NULL && theirs->family != IP_NONE) {
        bencode_put_key(&w, "yourip");
        bencode_put_string(&w, theirs->ip, endpoint_ip_len(theirs));
    }
    bencode_end(&w);
    return out->err;
}

/* The integer |key| of |dict|, if it is there and in [|least|, |most|]. */
static bool
get_number(struct bencode_item dict, const char *key, int64_t least, int64_t most, int64_t *value)
{
    return bencode_int(bencode_get(dict, key), value) && *value >= least && *value <= most;
}

static void
read_ids(struct ext_handshake *hs, struct bencode_item ids)
{
    for (unsigned i = 0; i < EXTMSG_KINDS; i++) {
        int64_t id;

        if (get_number(ids, extensions[i].name, 0, UINT8_MAX, &id))
            hs->ids[i] = (uint8_t)id;
    }
}

/* Copies whole characters, as many as fit; '?' replaces those that could harm a terminal. */
static void
read_client(struct ext_handshake *hs, const uint8_t *text, size_t len)
{
    size_t used = 0;

    while (len > 0) {
        uint32_t cp;
        unsigned n = utf8_decode(text, len, &cp);
        bool good = n > 0 && !utf8_is_control(cp);
        size_t take = good ? n : 1;

        if (used + take > EXTMSG_CLIENT_MAX)
            break;
        if (good)
            memcpy(hs->client + used, text, take);
        else
            hs->client[used] = '?';
        used += take;
        text += n > 0 ? n : 1;
        len -= n > 0 ? n : 1;
    }
    hs->client[used] = '\0';
}

static void
read_yourip(struct ext_handshake *hs, const uint8_t *ip, size_t len)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    if (len == 16 && memcmp(ip, mapped, sizeof(mapped)) == 0) {
        ip += sizeof(mapped);
        len -= sizeof(mapped);
    }
    if (len != 4 && len != 16)
        return;
    hs->yourip = (struct endpoint){.family = len == 4 ? IP_V4 : IP_V6};
    memcpy(hs->yourip.ip, ip, len);
}

static void
read_fields(struct ext_handshake *hs, struct bencode_item root)
{
    const uint8_t *text;
    size_t len;
    int64_t n;

    read_ids(hs, bencode_get_type(root, "m", BENCODE_DICT));
    if (bencode_int(bencode_get(root, "metadata_size"), &n))
        hs->metadata_size = n > 0 && n <= METAMSG_INFO_MAX ? (uint32_t)n : 0;
    if (bencode_string(bencode_get(root, "v"), &text, &len))
        read_client(hs, text, len);
    if (get_number(root, "p", 1, UINT16_MAX, &n))
        hs->port = (uint16_t)n;
    if (get_number(root, "reqq", 1, INT64_MAX, &n))
        hs->reqq = n < EXTMSG_REQQ_MAX ? (uint32_t)n : EXTMSG_REQQ_MAX;
    if (bencode_int(bencode_get(root, "upload_only"), &n))
        hs->upload_only = n != 0;
    if (bencode_string(bencode_get(root, "yourip"), &text, &len))
        read_yourip(hs, text, len);
}

int
extmsg_read_handshake(struct ext_handshake *hs, const uint8_t *data, size_t len)
{
    static const struct bencode_limits limits = {
        .depth_max = DEPTH_MAX, .size_max = EXTMSG_SIZE_MAX, .items_max = ITEMS_MAX};
    struct bencode tree;
    bool is_dict;
    int err = bencode_decode(&tree, data, len, BENCODE_LENIENT, &limits);

    if (err != 0)
        return err == SPRAT_E_NOMEM ? err : SPRAT_E_PROTOCOL;
    is_dict = bencode_is(bencode_root(&tree), BENCODE_DICT);
    if (is_dict)
        read_fields(hs, bencode_root(&tree));
    bencode_fini(&tree);
    return is_dict ? 0 : SPRAT_E_PROTOCOL;
}

enum extmsg_kind
extmsg_kind_of(uint8_t ext_id)
{
    for (unsigned i = 0; i < EXTMSG_KINDS; i++)
        if (extensions[i].id == ext_id)
            return (enum extmsg_kind)i;
    return EXTMSG_KINDS;
}

int
extmsg_read_donthave(const uint8_t *data, size_t len, uint32_t *piece)
{
    if (len != 4)
        return SPRAT_E_PROTOCOL;
    *piece = get_u32be(data);
    return 0;
}

int
extmsg_read_upload_only(const uint8_t *data, size_t len, bool *value)
{
    static const struct bencode_limits limits = {.depth_max = 1, .size_max = 32, .items_max = 1};
    struct bencode tree;
    int64_t n;
    bool is_int;

    if (len == 1) {
        *value = data[0] != 0;
        return 0;
    }
    if (bencode_decode(&tree, data, len, BENCODE_STRICT, &limits) != 0)
        return SPRAT_E_PROTOCOL;
    is_int = bencode_int(bencode_root(&tree), &n);
    bencode_fini(&tree);
    if (!is_int)
        return SPRAT_E_PROTOCOL;
    *value = n != 0;
    return 0;
}
