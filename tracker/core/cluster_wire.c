/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The script, and the encoding of scores and changes.
 */
#include "tracker/core/cluster_wire.h"

#include <string.h>

#include "common/base/bytes.h"
#include "common/base/hex.h"
#include "common/crypto/sha.h"
#include "common/ds/siphash.h"

const char cluster_script[] =
    "local call, base, touched = redis.call, KEYS[1], {}\n"
    "local function tag(score)\n"
    "  return math.floor(tonumber(score) % 1048576 / 2)\n"
    "end\n"
    "local function leave(key, score, who)\n"
    "  local at = call('ZSCORE', key, who)\n"
    "  if at and tag(at) == tag(score) then call('ZREM', key, who) end\n"
    "end\n"
    "local function write_back(to, other, score, who)\n"
    "  local at = call('ZSCORE', other, who)\n"
    "  if at and tonumber(at) > tonumber(score) then return end\n"
    "  if at then call('ZREM', other, who) end\n"
    "  call('ZADD', to, 'GT', score, who)\n"
    "  touched[to] = true\n"
    "end\n"
    "local function count(who)\n"
    "  if call('SADD', base .. 'd', who) == 1 then call('INCR', base .. 'n') end\n"
    "  touched[base .. 'd'], touched[base .. 'n'] = true, true\n"
    "end\n"
    "for i = 3, #ARGV, 2 do\n"
    "  local what, side, score = ARGV[i]:sub(1, 1), ARGV[i]:sub(2, 2), ARGV[i]:sub(3)\n"
    "  local who = ARGV[i + 1]\n"
    "  local family = base .. (#who == 6 and '4' or '6')\n"
    "  local to, other = family .. side, family .. (side == 's' and 'l' or 's')\n"
    "  if what == '!' then\n"
    "    count(who)\n"
    "  elseif what == '-' then\n"
    "    leave(to, score, who)\n"
    "    leave(other, score, who)\n"
    "  else\n"
    "    write_back(to, other, score, who)\n"
    "  end\n"
    "end\n"
    "local n, least = tonumber(call('GET', base .. 'n') or 0), tonumber(ARGV[2])\n"
    "if n < least then\n"
    "  call('SET', base .. 'n', least)\n"
    "  n, touched[base .. 'n'] = least, true\n"
    "end\n"
    "for key in pairs(touched) do call('EXPIRE', key, ARGV[1]) end\n"
    "return n\n";

enum { TAG_MASK = (1 << CLUSTER_TAG_BITS) - 1 };

void
cluster_script_id(char id[CLUSTER_SCRIPT_ID_LEN + 1])
{
    uint8_t digest[SHA1_LEN];

    sha1(cluster_script, strlen(cluster_script), digest);
    hex_encode(digest, sizeof(digest), id);
}

uint64_t
cluster_score(const struct cluster_seen *seen)
{
    return (uint64_t)seen->unix_s << (CLUSTER_TAG_BITS + 1) | (seen->tag & TAG_MASK) << 1 |
           (seen->paused ? 1 : 0);
}

struct cluster_seen
cluster_score_read(uint64_t score)
{
    return (struct cluster_seen){
        .unix_s = (uint32_t)(score >> (CLUSTER_TAG_BITS + 1)),
        .tag = (uint32_t)(score >> 1) & TAG_MASK,
        .paused = (score & 1) != 0,
    };
}

uint64_t
cluster_id_hash(const uint8_t peer_id[TRACKER_PEER_ID_LEN])
{
    static const uint64_t key[2] = {0x7370726174207065, 0x6572206964732121};

    return siphash13(key, peer_id, TRACKER_PEER_ID_LEN);
}

size_t
cluster_change_write(uint8_t to[CLUSTER_CHANGE_LEN_MAX], const struct cluster_change_entry *entry)
{
    size_t len = cluster_member_len(entry->side);

    to[0] = (uint8_t)entry->what;
    to[1] = (uint8_t)entry->side;
    memcpy(to + 2, entry->who, len);
    put_u64be(to + 2 + len, entry->score);
    memcpy(to + 2 + len + 8, entry->id, CLUSTER_CHANGE_ID_LEN);
    return 2 + len + 8 + CLUSTER_CHANGE_ID_LEN;
}

size_t
cluster_change_read(struct cluster_change_entry *entry, const uint8_t *from, size_t len)
{
    size_t who;

    if (len < 2 || from[0] == '\0' || strchr("+-!?", from[0]) == NULL || from[1] >= CLUSTER_SIDES)
        return 0;
    *entry = (struct cluster_change_entry){.what = (enum cluster_change_what)from[0],
                                           .side = (enum cluster_side)from[1]};
    who = cluster_member_len(entry->side);
    if (len < 2 + who + 8 + CLUSTER_CHANGE_ID_LEN)
        return 0;
    memcpy(entry->who, from + 2, who);
    entry->score = get_u64be(from + 2 + who);
    memcpy(entry->id, from + 2 + who + 8, CLUSTER_CHANGE_ID_LEN);
    return 2 + who + 8 + CLUSTER_CHANGE_ID_LEN;
}

static bool
is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* Appends the digits at |*at| to |*n|; false if there are too many. */
static bool
take_digits(const uint8_t *text, size_t len, size_t *at, uint64_t *n)
{
    for (; *at < len && is_digit(text[*at]); (*at)++) {
        if (*n >= UINT64_C(1) << 53)
            return false;
        *n = *n * 10 + (uint64_t)(text[*at] - '0');
    }
    return true;
}

/* Two digits at most: a score has no larger exponent. */
static bool
take_exponent(const uint8_t *text, size_t len, size_t at, uint64_t *exponent)
{
    at += at < len && text[at] == '+';
    if (at == len || len - at > 2)
        return false;
    *exponent = 0;
    return take_digits(text, len, &at, exponent) && at == len;
}

bool
cluster_score_parse(const uint8_t *text, size_t len, uint64_t *score)
{
    uint64_t n = 0, exponent = 0, fraction = 0;
    size_t at = 0, dot;

    if (len == 0 || !is_digit(text[0]) || !take_digits(text, len, &at, &n))
        return false;
    if (at < len && text[at] == '.') {
        dot = ++at;
        if (!take_digits(text, len, &at, &n))
            return false;
        fraction = at - dot;
    }
    if (at < len && (text[at] | 0x20) == 'e') {
        if (!take_exponent(text, len, at + 1, &exponent))
            return false;
    } else if (at < len) {
        return false;
    }
    if (exponent < fraction)
        return false;
    for (; exponent > fraction; exponent--) {
        if (n >= UINT64_C(1) << 53)
            return false;
        n *= 10;
    }
    *score = n;
    return n < UINT64_C(1) << 53;
}
