/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A connection id has a MAC over its time and the client's address.
 */
#include "tracker/core/connid.h"

#include "common/base/bytes.h"

enum { MAC_BITS = 48 };

static int64_t
seconds(struct mono t)
{
    return t.us / 1000000;
}

static void
keys_init(struct connid_keys *k, const uint8_t secret[MAC_KEY_LEN])
{
    *k = (struct connid_keys){.keys = {{.epoch = -1}, {.epoch = -1}}};
    memcpy(k->secret, secret, MAC_KEY_LEN);
}

void
connid_init(struct connid *c, const uint8_t secret[MAC_KEY_LEN])
{
    *c = (struct connid){.old_until_s = 0};
    keys_init(&c->keys, secret);
}

void
connid_set_secret(struct connid *c, const uint8_t secret[MAC_KEY_LEN], struct mono now)
{
    if (memcmp(c->keys.secret, secret, MAC_KEY_LEN) == 0)
        return;
    c->old = c->keys;
    c->old_until_s = seconds(now) + CONNID_LIFE_S;
    keys_init(&c->keys, secret);
}

/* The key of the epoch of |second|. Two neighbouring epochs are cached, since ids that are valid
 * for two minutes need no others. */
static const uint8_t *
key_at(struct connid_keys *k, int64_t second)
{
    int64_t epoch = second / CONNID_KEY_S;
    uint8_t in[9];

    if (k->keys[epoch & 1].epoch != epoch) {
        put_u64be(in, (uint64_t)epoch);
        for (uint8_t half = 0; half < 2; half++) {
            in[8] = half;
            put_u64be(k->keys[epoch & 1].key + 8 * half, mac_siphash(k->secret, in, sizeof(in)));
        }
        k->keys[epoch & 1].epoch = epoch;
    }
    return k->keys[epoch & 1].key;
}

static uint64_t
make_at(struct connid_keys *k, const struct endpoint *e, int64_t second)
{
    size_t ip_len = endpoint_ip_len(e);
    uint8_t in[16 + 9];
    uint64_t mac;

    memcpy(in, e->ip, ip_len);
    in[ip_len] = e->family;
    put_u64be(in + ip_len + 1, (uint64_t)second);
    mac = mac_siphash(key_at(k, second), in, ip_len + 9);
    return (uint64_t)(second & 0xffff) << MAC_BITS | (mac & ((UINT64_C(1) << MAC_BITS) - 1));
}

uint64_t
connid_make(struct connid *c, const struct endpoint *to, struct mono now)
{
    return make_at(&c->keys, to, seconds(now));
}

bool
connid_check(struct connid *c, uint64_t id, const struct endpoint *from, struct mono now)
{
    int64_t age = (seconds(now) - (int64_t)(id >> MAC_BITS)) & 0xffff;

    if (age >= 0x10000 - CONNID_AHEAD_S)
        age -= 0x10000;
    if (age > CONNID_LIFE_S || age > seconds(now))
        return false;
    if (make_at(&c->keys, from, seconds(now) - age) == id)
        return true;
    return seconds(now) < c->old_until_s && make_at(&c->old, from, seconds(now) - age) == id;
}
