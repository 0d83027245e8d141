/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The handshake: its bytes, early refusal of strangers, and all ways through the hybrid upgrade.
 */
#include "peer/core/handshake.h"

#include <criterion/criterion.h>
#include <string.h>

static const uint8_t our_id[PEER_ID_LEN] = "-SP0001-abcdefghijkl";

static struct identity
torrent(bool v1, bool v2)
{
    struct identity id = {.has_v1 = v1, .has_v2 = v2};

    if (v1)
        memset(id.v1, 0x11, sizeof(id.v1));
    if (v2)
        memset(id.v2, 0x22, sizeof(id.v2));
    return id;
}

static void
assert_hash(const struct handshake *h, uint8_t each)
{
    uint8_t want[20];

    memset(want, each, sizeof(want));
    cr_assert_arr_eq(h->info_hash, want, 20);
}

Test(handshake, bytes)
{
    struct handshake h = {.dht = true, .fast = true, .upgrade = true, .extended = true}, back;
    uint8_t raw[HANDSHAKE_LEN];

    memset(h.info_hash, 0xaa, 20);
    memcpy(h.peer_id, our_id, PEER_ID_LEN);
    handshake_encode(&h, raw);
    cr_assert_arr_eq(raw,
                     "\x13"
                     "BitTorrent protocol\0\0\0\0\0\x10\0\x15",
                     28);
    cr_assert_arr_eq(raw + 48, our_id, 20);
    cr_assert_eq(handshake_decode(raw, sizeof(raw), &back), 0);
    cr_assert(back.dht && back.fast && back.upgrade && back.extended);
    cr_assert_arr_eq(back.info_hash, h.info_hash, 20);
    cr_assert_arr_eq(back.peer_id, our_id, 20);
}

Test(handshake, each_bit_alone)
{
    for (unsigned bit = 0; bit < 4; bit++) {
        struct handshake h = {
            .dht = bit == 0, .fast = bit == 1, .upgrade = bit == 2, .extended = bit == 3};
        struct handshake back;
        uint8_t raw[HANDSHAKE_LEN];

        handshake_encode(&h, raw);
        cr_assert_eq(handshake_decode(raw, sizeof(raw), &back), 0);
        cr_assert_eq(back.dht, h.dht);
        cr_assert_eq(back.fast, h.fast);
        cr_assert_eq(back.upgrade, h.upgrade);
        cr_assert_eq(back.extended, h.extended);
    }
}

Test(handshake, unknown_reserved_bits_are_ignored)
{
    struct handshake h = {.fast = true}, back;
    uint8_t raw[HANDSHAKE_LEN];

    handshake_encode(&h, raw);
    memset(raw + 20, 0xff, 8);
    cr_assert_eq(handshake_decode(raw, sizeof(raw), &back), 0);
    cr_assert(back.dht && back.fast && back.upgrade && back.extended);
}

Test(handshake, strangers_are_known_at_the_first_wrong_byte)
{
    struct handshake h = {.fast = true}, back = {.dht = true};
    uint8_t raw[HANDSHAKE_LEN];

    handshake_encode(&h, raw);
    for (size_t len = 0; len < HANDSHAKE_LEN; len++)
        cr_assert_eq(handshake_decode(raw, len, &back), 0, "%zu", len);
    cr_assert(back.dht, "filled too early");
    for (size_t i = 0; i < 20; i++) {
        raw[i] ^= 0x20;
        cr_assert_eq(handshake_decode(raw, i, &back), 0);
        cr_assert_eq(handshake_decode(raw, i + 1, &back), SPRAT_E_PROTOCOL);
        cr_assert_eq(handshake_decode(raw, HANDSHAKE_LEN, &back), SPRAT_E_PROTOCOL);
        raw[i] ^= 0x20;
    }
    cr_assert_eq(handshake_decode((const uint8_t *)"GET / HTTP/1.1", 14, &back), SPRAT_E_PROTOCOL);
}

Test(handshake, offers)
{
    struct identity v1 = torrent(true, false), v2 = torrent(false, true),
                    both = torrent(true, true);
    struct handshake h;

    handshake_offer(&v1, our_id, &h);
    assert_hash(&h, 0x11);
    cr_assert(h.fast && h.extended && !h.upgrade && !h.dht);
    handshake_offer(&v2, our_id, &h);
    assert_hash(&h, 0x22);
    cr_assert_not(h.upgrade);
    handshake_offer(&both, our_id, &h);
    assert_hash(&h, 0x11);
    cr_assert(h.upgrade);
    cr_assert_arr_eq(h.peer_id, our_id, 20);
}

/* Checks the answer to a peer that asks with the hash |asked|: the hash, and whether v2 is spoken.
 */
static void
check_answer(struct identity id, uint8_t asked, bool upgrade, int want_err, uint8_t want_hash,
             bool want_v2)
{
    struct handshake in = {.upgrade = upgrade}, out;
    bool v2 = !want_v2;

    memset(in.info_hash, asked, 20);
    cr_assert_eq(handshake_answer(&id, our_id, &in, &out, &v2), want_err);
    if (want_err != 0)
        return;
    assert_hash(&out, want_hash);
    cr_assert_eq(v2, want_v2);
    cr_assert_eq(out.upgrade, id.has_v1 && id.has_v2 && !want_v2);
}

Test(handshake, answers)
{
    struct identity v1 = torrent(true, false), v2 = torrent(false, true),
                    both = torrent(true, true);

    check_answer(v1, 0x11, false, 0, 0x11, false);
    check_answer(v1, 0x11, true, 0, 0x11, false);
    check_answer(v1, 0x22, false, SPRAT_E_NOTFOUND, 0, false);
    check_answer(v1, 0x00, false, SPRAT_E_NOTFOUND, 0, false);
    check_answer(v2, 0x22, false, 0, 0x22, true);
    check_answer(v2, 0x11, true, SPRAT_E_NOTFOUND, 0, false);
    check_answer(v2, 0x00, true, SPRAT_E_NOTFOUND, 0, false);
    check_answer(both, 0x11, false, 0, 0x11, false);
    check_answer(both, 0x11, true, 0, 0x22, true);
    check_answer(both, 0x22, false, 0, 0x22, true);
    check_answer(both, 0x22, true, 0, 0x22, true);
    check_answer(both, 0x33, true, SPRAT_E_NOTFOUND, 0, false);
}

/* Checks how we judge the answer |hash| to our offer for |id|. */
static void
check_judgement(struct identity id, uint8_t hash, int want_err, bool want_v2)
{
    struct handshake offer, in = {0};
    bool v2 = !want_v2;

    handshake_offer(&id, our_id, &offer);
    memset(in.info_hash, hash, 20);
    cr_assert_eq(handshake_check(&id, &offer, &in, &v2), want_err);
    if (want_err == 0)
        cr_assert_eq(v2, want_v2);
}

Test(handshake, judgement_of_answers)
{
    struct identity v1 = torrent(true, false), v2 = torrent(false, true),
                    both = torrent(true, true);

    check_judgement(v1, 0x11, 0, false);
    check_judgement(v1, 0x22, SPRAT_E_PROTOCOL, false);
    check_judgement(v1, 0x00, SPRAT_E_PROTOCOL, false);
    check_judgement(v2, 0x22, 0, true);
    check_judgement(v2, 0x11, SPRAT_E_PROTOCOL, false);
    check_judgement(v2, 0x00, SPRAT_E_PROTOCOL, false);
    check_judgement(both, 0x11, 0, false);
    check_judgement(both, 0x22, 0, true);
    check_judgement(both, 0x33, SPRAT_E_PROTOCOL, false);
}

Test(handshake, no_upgrade_that_was_not_offered)
{
    struct identity both = torrent(true, true);
    struct handshake offer, in = {0};
    bool v2;

    handshake_offer(&both, our_id, &offer);
    offer.upgrade = false;
    memset(in.info_hash, 0x22, 20);
    cr_assert_eq(handshake_check(&both, &offer, &in, &v2), SPRAT_E_PROTOCOL);
    /* The upgrade never leads from v2 to v1. */
    memset(offer.info_hash, 0x22, 20);
    offer.upgrade = true;
    memset(in.info_hash, 0x11, 20);
    cr_assert_eq(handshake_check(&both, &offer, &in, &v2), SPRAT_E_PROTOCOL);
}
