/* SPDX-License-Identifier: BSD-2-Clause
 *
 * How swarms stand in Redis: keys, scores, and the script for what takes more than a command. Bytes
 * only; when to send what is in cluster.h.
 *
 * Keys. NAME is the cluster's name, HASH the info-hash in 40 hex digits; the braces are Redis
 * Cluster's hash tag, so that all keys of a torrent live on one node.
 *
 *  NAME{HASH}4s 4l 6s 6l   sorted sets: IPv4 and IPv6 seeders and leechers. A member is a compact
 *                          endpoint (compact.h), its score says when and as whom it was last seen
 *  NAME{HASH}n             completions, a number
 *  NAME{HASH}d             who was counted in it: hashes of peer ids
 *  NAME{HASH}c             the latest changes of the four sets, one behind the other
 *  NAMEkey                 16 bytes of the connection ids' secret, 8 that change when Redis lost
 * all
 *
 * A score is a whole number of 52 bits, which a double holds exactly:
 *
 *  bits 51..20  Unix second at which the peer was last seen
 *  bits 19..1   the peer's tag: 19 bits of a hash of its peer id
 *  bit  0       it is a partial seed (BEP 21)
 *
 * So a range of scores is a range of time, whatever the low bits say. All keys of a torrent expire
 * when nobody has touched them for long enough.
 *
 * A change is appended once it has been made in the sets, so that whoever has read all of a torrent
 * needs to ask no more than what has been appended since. It is
 *
 *  offset  size     what
 *  0       1        "+" came, or is otherwise than it was; "-" has gone, if it is the one with this
 *                   tag; "!" one more may have completed; "?" anything may have changed
 *  1       1        the side, 0 to 3 as below
 *  2       6 or 18  the peer's compact endpoint, as long as its side's are
 *  8/20    8        its score, big endian
 *  16/28   8        which change it is: 4 bytes of the tracker that made it, 4 that it counts
 *
 * The end of it names the change, and a reader that finds another one where it stopped knows that
 * the changes were begun anew, which happens when they get long, when too many come at once, and
 * when Redis has lost them. That a peer is still there is no change.
 *
 * What happens all the time takes plain commands, which cost Redis a fifth of what a script does:
 * ZADD for peers that came, with XX for those that are still there (many at once), ZREM from the
 * other side for those that may be there, EXPIRE, APPEND or SET of changes; GETRANGE for what
 * others changed; ZRANDMEMBER for a sample, which does not read the rest, ZCARD for a size. What
 * has to look at what it finds goes through a script, with all that there is of it for a torrent:
 *
 *  KEYS[1]  NAME{HASH}
 *  ARGV[1]  seconds after which untouched keys expire
 *  ARGV[2]  completions that there were at least
 *  ARGV[3]  what happened, then to whom; and so on in pairs:
 *           "-s" and a score  has gone, if it is the one with this tag ("-l": a leecher)
 *           "<s" and a score  written back by a tracker that saw it then: what is newer wins
 *           "!"               completed, and the member is a hash of the peer id
 *
 * The script answers with the number of completions. Each step is idempotent: one whose reply was
 * lost is sent again.
 */
#ifndef TRACKER_CORE_CLUSTER_WIRE_H
#define TRACKER_CORE_CLUSTER_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/codec/compact.h"
#include "common/codec/tracker.h"
#include "common/crypto/mac.h"

enum {
    CLUSTER_NAME_MAX = 64,
    CLUSTER_SAMPLE = 100,                    /* peers of each of the four sets */
    CLUSTER_KEY_MAX = CLUSTER_NAME_MAX + 44, /* bytes of any key */
    CLUSTER_TAG_BITS = 19,
    CLUSTER_SECRET_LEN = MAC_KEY_LEN + 8,            /* of NAMEkey */
    CLUSTER_REPLY_ELEMENTS_MAX = 2 * CLUSTER_SAMPLE, /* of the longest array: peers and scores */
    CLUSTER_REPLY_STRING_MAX = 512, /* bytes of each of its strings, and of any other */

    CLUSTER_CHANGE_ID_LEN = 8,
    CLUSTER_CHANGE_LEN_MAX = 2 + COMPACT_V6_LEN + 8 + CLUSTER_CHANGE_ID_LEN,
    CLUSTER_CHANGES_LEN_MAX = 2048, /* bytes, from which on they are begun anew */
};

/* The four sets, in the script's order. */
enum cluster_side { CLUSTER_V4_SEEDS, CLUSTER_V4_LEECHES, CLUSTER_V6_SEEDS, CLUSTER_V6_LEECHES };
enum { CLUSTER_SIDES = 4 };

static inline enum cluster_side
cluster_side(uint8_t family, bool seed)
{
    return (enum cluster_side)((family == IP_V4 ? 0 : 2) + (seed ? 0 : 1));
}

/* What behind NAME{HASH} is its key. */
static inline const char *
cluster_side_name(enum cluster_side side)
{
    static const char names[CLUSTER_SIDES][3] = {"4s", "4l", "6s", "6l"};

    return names[side];
}

static inline bool
cluster_side_is_seeds(enum cluster_side side)
{
    return side == CLUSTER_V4_SEEDS || side == CLUSTER_V6_SEEDS;
}

static inline uint8_t
cluster_side_family(enum cluster_side side)
{
    return side <= CLUSTER_V4_LEECHES ? IP_V4 : IP_V6;
}

static inline size_t
cluster_member_len(enum cluster_side side)
{
    return side <= CLUSTER_V4_LEECHES ? COMPACT_V4_LEN : COMPACT_V6_LEN;
}

extern const char cluster_script[];

/* Its SHA-1 in hex, by which it is called. */
enum { CLUSTER_SCRIPT_ID_LEN = 40 };
void cluster_script_id(char id[CLUSTER_SCRIPT_ID_LEN + 1]);

struct cluster_seen {
    uint32_t unix_s;
    uint32_t tag; /* CLUSTER_TAG_BITS */
    bool paused;
};

uint64_t cluster_score(const struct cluster_seen *seen);
struct cluster_seen cluster_score_read(uint64_t score);

/* A score as Redis prints it: digits, and with some versions a fraction and an exponent. False for
 * what is no whole number of 53 bits. */
bool cluster_score_parse(const uint8_t *text, size_t len, uint64_t *score);

enum cluster_change_what {
    CLUSTER_CHANGE_CAME = '+',
    CLUSTER_CHANGE_GONE = '-',
    CLUSTER_CHANGE_COMPLETED = '!',
    CLUSTER_CHANGE_ANY = '?',
};

struct cluster_change_entry {
    enum cluster_change_what what;
    enum cluster_side side;
    uint8_t who[COMPACT_V6_LEN];
    uint64_t score;
    uint8_t id[CLUSTER_CHANGE_ID_LEN];
};

/* Returns the length. */
size_t cluster_change_write(uint8_t to[CLUSTER_CHANGE_LEN_MAX],
                            const struct cluster_change_entry *entry);

/* The change that |len| bytes begin with, and its length; 0 if there is no whole one. */
size_t cluster_change_read(struct cluster_change_entry *entry, const uint8_t *from, size_t len);

/* Peer ids as trackers of a cluster tell them apart: all have to see the same, so there is no
 * secret in it. */
uint64_t cluster_id_hash(const uint8_t peer_id[TRACKER_PEER_ID_LEN]);

/* A reply of Redis as it was read. Strings are borrowed; an array's elements are no arrays. */
enum cluster_reply_type {
    CLUSTER_REPLY_NIL,
    CLUSTER_REPLY_STATUS,
    CLUSTER_REPLY_ERROR,
    CLUSTER_REPLY_INTEGER,
    CLUSTER_REPLY_STRING,
    CLUSTER_REPLY_ARRAY,
};

struct cluster_reply {
    enum cluster_reply_type type;
    int64_t integer;
    const uint8_t *str; /* of a status, an error or a string; no NUL at the end */
    size_t len;
    const struct cluster_reply *elements;
    size_t count;
};

#endif
